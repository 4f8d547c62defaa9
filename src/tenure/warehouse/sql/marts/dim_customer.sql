-- Customers as they are now, with the churn flag and the age group of the analyses. One whom the source has
-- deleted stays as it was last known: its events refer to it.
WITH newest AS (
  SELECT * FROM stg_customers
),
gone AS (
  SELECT m.customer_id, MAX(m.month) AS last_month
  FROM int_customer_month AS m
  INNER JOIN newest AS c ON c.customer_id = m.customer_id AND c._deleted_on IS NOT NULL
  GROUP BY m.customer_id
),
aged AS (
  SELECT
    c.*,
    CASE
      WHEN c.birth_date IS NOT NULL
        THEN
          EXTRACT(YEAR FROM t.business_date) - EXTRACT(YEAR FROM c.birth_date)
          - CASE
            WHEN EXTRACT(MONTH FROM t.business_date) * 100 + EXTRACT(DAY FROM t.business_date)
              < EXTRACT(MONTH FROM c.birth_date) * 100 + EXTRACT(DAY FROM c.birth_date) THEN 1
            ELSE 0
          END
      ELSE c.age
    END AS age_now
  FROM newest AS c
  CROSS JOIN today AS t
)
SELECT
  a.customer_id,
  a.first_name,
  a.last_name,
  CAST(a.age_now AS INTEGER) AS age,
  a.gender,
  a.geography,
  a.is_active,
  m.tenure_months,
  a.date_opened,
  COALESCE(m.is_churned, FALSE) AS is_churned,
  CASE
    WHEN a.age_now BETWEEN 18 AND 29 THEN '18-29'
    WHEN a.age_now BETWEEN 30 AND 45 THEN '30-45'
    WHEN a.age_now BETWEEN 46 AND 60 THEN '46-60'
    WHEN a.age_now > 60 THEN '60+'
    ELSE 'unknown'
  END AS age_group,
  a.segment,
  a._deleted_on AS deleted_on{{ attributes }}
FROM aged AS a
CROSS JOIN this_month AS t
LEFT JOIN gone AS g ON g.customer_id = a.customer_id
LEFT JOIN int_customer_month AS m ON m.customer_id = a.customer_id AND m.month = COALESCE(g.last_month, t.month)
