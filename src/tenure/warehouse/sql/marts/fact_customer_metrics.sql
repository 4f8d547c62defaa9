-- The report card: one row per customer and month, with everything known by the month's end.
WITH running AS (
  SELECT
    m.customer_id,
    m.month,
    m.first_known,
    m.is_churned,
    m.active_at_start,
    m.churned_in_month,
    m.tenure_months,
    MAX(CASE WHEN e.latest_num_products IS NOT NULL THEN e.month END) OVER so_far AS products_month,
    SUM(COALESCE(e.balance_change, CAST(0 AS DECIMAL(18,2)))) OVER so_far AS total_balance,
    SUM(COALESCE(e.new_products, 0)) OVER so_far AS products_seen,
    SUM(COALESCE(e.resolved, 0)) OVER so_far AS resolved,
    SUM(COALESCE(e.resolution_hours, CAST(0 AS DECIMAL(18,2)))) OVER so_far AS resolution_hours,
    SUM(COALESCE(e.offers_made, 0)) OVER so_far AS offers_made,
    SUM(COALESCE(e.offers_accepted, 0)) OVER so_far AS offers_accepted,
    SUM(COALESCE(e.tickets, 0)) OVER one_year AS contacts,
    SUM(COALESCE(e.fees, CAST(0 AS DECIMAL(18,2)))) OVER one_year AS fees_12m
  FROM int_customer_month AS m
  LEFT JOIN int_customer_month_events AS e ON e.customer_id = m.customer_id AND e.month = m.month
  WINDOW
    so_far AS (
      PARTITION BY m.customer_id ORDER BY m.month ASC NULLS FIRST ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ),
    one_year AS (
      PARTITION BY m.customer_id ORDER BY m.month ASC NULLS FIRST ROWS BETWEEN 11 PRECEDING AND CURRENT ROW
    )
),
stated AS (
  SELECT
    r.*,
    CAST(GREATEST(COALESCE(p.latest_num_products, 0), r.products_seen) AS INTEGER) AS num_products,
    CASE
      WHEN r.is_churned THEN CAST(0 AS DECIMAL(20,4))
      ELSE CAST(
        CAST(r.total_balance AS DECIMAL(20,2)) * s.net_interest_margin + CAST(r.fees_12m AS DECIMAL(20,2))
        AS DECIMAL(20,4)
      )
    END AS annual_margin,
    h.annuity_years,
    s.engagement_balance_unit AS unit,
    t.business_date
  FROM running AS r
  LEFT JOIN int_customer_month_events AS p ON p.customer_id = r.customer_id AND p.month = r.products_month
  INNER JOIN int_churn_hazard AS h ON h.month = r.month
  CROSS JOIN setting AS s
  CROSS JOIN today AS t
)
SELECT
  customer_id,
  month,
  is_churned,
  active_at_start,
  churned_in_month,
  CAST(NULL AS DOUBLE) AS churn_probability,
  to_cents(CAST(annual_margin AS DOUBLE) * annuity_years) AS clv,
  CASE WHEN resolved > 0 THEN CAST(resolution_hours AS DOUBLE) / NULLIF(CAST(resolved AS DOUBLE), 0e0) END AS avg_resolution_time_hrs,
  CAST(total_balance AS DECIMAL(18,2)) AS total_balance,
  num_products,
  CAST(offers_made AS INTEGER) AS offers_made,
  CAST(offers_accepted AS INTEGER) AS offers_accepted,
  CAST(contacts AS INTEGER) AS contacts,
  tenure_months,
  CAST(
    CASE
      WHEN is_churned THEN 0
      ELSE
        LEAST(offers_accepted, 3) * 10
        + LEAST(num_products, 5) * 5
        + CASE
          WHEN total_balance >= 4 * unit THEN 20
          WHEN total_balance >= 3 * unit THEN 15
          WHEN total_balance >= 2 * unit THEN 10
          WHEN total_balance >= unit THEN 5
          ELSE 0
        END
        + CASE
          WHEN tenure_months >= 60 THEN 15
          WHEN tenure_months >= 48 THEN 12
          WHEN tenure_months >= 36 THEN 9
          WHEN tenure_months >= 24 THEN 6
          WHEN tenure_months >= 12 THEN 3
          ELSE 0
        END
        + LEAST(contacts, 2) * 5
    END AS INTEGER
  ) AS engagement_score,
  GREATEST(month, first_known) AS dw_start_date,
  CASE WHEN month = month_start(business_date) THEN CAST('9999-12-31' AS DATE) ELSE LAST_DAY(month) END AS dw_end_date,
  month = month_start(business_date) AS is_current
FROM stated
