-- Customers as they are now, with the churn flag and the age group of the analyses.
WITH aged AS (
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
  FROM stg_customers AS c
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
  m.is_churned,
  CASE
    WHEN a.age_now BETWEEN 18 AND 29 THEN '18-29'
    WHEN a.age_now BETWEEN 30 AND 45 THEN '30-45'
    WHEN a.age_now BETWEEN 46 AND 60 THEN '46-60'
    WHEN a.age_now > 60 THEN '60+'
    ELSE 'unknown'
  END AS age_group,
  a.segment{{ attributes }}
FROM aged AS a
CROSS JOIN today AS t
INNER JOIN int_customer_month AS m ON m.customer_id = a.customer_id AND m.month = month_start(t.business_date)
