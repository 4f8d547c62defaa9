-- The report card: one row per customer and month, with everything known by the month's end.
-- The product of an everyday balance fits 64 bits, where rounding it costs a tenth; a huge one takes the long way.
WITH happened AS (
  SELECT m.*, CAST(EXTRACT(YEAR FROM m.month) * 12 + EXTRACT(MONTH FROM m.month) AS INTEGER) AS month_number
  FROM int_customer_month_events AS m
),
running AS (
  SELECT
    e.customer_id,
    e.month,
    e.first_known,
    e.is_churned,
    e.active_at_start,
    e.churned_in_month,
    e.tenure_months,
    MAX(e.packed_num_products) OVER so_far AS packed_num_products,
    CAST(SUM(e.balance_change) OVER so_far AS DECIMAL(18,2)) AS total_balance,
    CAST(SUM(e.new_products) OVER so_far AS INTEGER) AS products_seen,
    CAST(SUM(e.resolved) OVER so_far AS INTEGER) AS resolved,
    CAST(SUM(e.resolution_hours) OVER so_far AS DECIMAL(18,2)) AS resolution_hours,
    CAST(SUM(e.offers_made) OVER so_far AS INTEGER) AS offers_made,
    CAST(SUM(e.offers_accepted) OVER so_far AS INTEGER) AS offers_accepted,
    CAST(SUM(e.tickets) OVER one_year AS INTEGER) AS contacts,
    CAST(SUM(e.fees) OVER one_year AS DECIMAL(18,2)) AS fees_12m
  FROM happened AS e
  WINDOW
    so_far AS (
      PARTITION BY e.customer_id ORDER BY e.month_number ASC NULLS FIRST
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ),
    one_year AS (
      PARTITION BY e.customer_id ORDER BY e.month_number ASC NULLS FIRST RANGE BETWEEN 11 PRECEDING AND CURRENT ROW
    )
),
months AS (
  SELECT
    h.month,
    h.annuity_years,
    s.net_interest_margin,
    s.engagement_balance_unit AS unit,
    CAST(2 * s.engagement_balance_unit AS DECIMAL(18,2)) AS unit_2,
    CAST(3 * s.engagement_balance_unit AS DECIMAL(18,2)) AS unit_3,
    CAST(4 * s.engagement_balance_unit AS DECIMAL(18,2)) AS unit_4,
    h.month = t.month AS is_current,
    CASE WHEN h.month = t.month THEN CAST('9999-12-31' AS DATE) ELSE LAST_DAY(h.month) END AS dw_end_date
  FROM int_churn_hazard AS h
  CROSS JOIN setting AS s
  CROSS JOIN this_month AS t
),
stated AS (
  SELECT
    r.customer_id,
    r.month,
    r.first_known,
    r.is_churned,
    r.active_at_start,
    r.churned_in_month,
    r.tenure_months,
    COALESCE(r.total_balance, CAST(0 AS DECIMAL(18,2))) AS total_balance,
    COALESCE(r.resolved, 0) AS resolved,
    r.resolution_hours,
    COALESCE(r.offers_made, 0) AS offers_made,
    COALESCE(r.offers_accepted, 0) AS offers_accepted,
    COALESCE(r.contacts, 0) AS contacts,
    COALESCE(r.fees_12m, CAST(0 AS DECIMAL(18,2))) AS fees_12m,
    GREATEST(COALESCE(CAST(r.packed_num_products % CAST(4294967296 AS BIGINT) - CAST(2147483648 AS BIGINT) AS INTEGER), 0), COALESCE(r.products_seen, 0)) AS num_products,
    CASE
      WHEN r.is_churned THEN CAST(0 AS DECIMAL(20,4))
      WHEN ABS(r.total_balance) < CAST(9000000000 AS DECIMAL(18,2))
        THEN CAST(CAST(CAST(r.total_balance * m.net_interest_margin AS DECIMAL(18,8)) AS DECIMAL(18,4)) AS DECIMAL(20,4))
      ELSE CAST(CAST(COALESCE(r.total_balance, CAST(0 AS DECIMAL(18,2))) AS DECIMAL(20,2)) * m.net_interest_margin AS DECIMAL(20,4))
    END + CASE WHEN r.is_churned THEN CAST(0 AS DECIMAL(18,2)) ELSE COALESCE(r.fees_12m, CAST(0 AS DECIMAL(18,2))) END AS annual_margin,
    m.annuity_years,
    m.unit,
    m.unit_2,
    m.unit_3,
    m.unit_4,
    m.is_current,
    m.dw_end_date
  FROM running AS r
  INNER JOIN months AS m ON m.month = r.month
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
  total_balance,
  num_products,
  offers_made,
  offers_accepted,
  contacts,
  tenure_months,
  CAST(
    CASE
      WHEN is_churned THEN 0
      ELSE
        LEAST(offers_accepted, 3) * 10
        + LEAST(num_products, 5) * 5
        + CASE
          WHEN total_balance >= unit_4 THEN 20
          WHEN total_balance >= unit_3 THEN 15
          WHEN total_balance >= unit_2 THEN 10
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
  dw_end_date,
  is_current
FROM stated
