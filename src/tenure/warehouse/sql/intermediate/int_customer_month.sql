-- The state of every customer at the end of every month, from the month it was first known to the
-- month of the business date. A month without news carries the last state forward.
WITH monthly AS (
  SELECT
    h.*,
    month_start(h.valid_from) AS month,
    ROW_NUMBER() OVER (
      PARTITION BY h.customer_id, month_start(h.valid_from) ORDER BY h.valid_from DESC NULLS LAST
    ) AS place
  FROM dim_customer_history AS h
),
known AS (
  SELECT customer_id, MIN(valid_from) AS first_known
  FROM dim_customer_history
  GROUP BY customer_id
),
spine AS (
  SELECT k.customer_id, k.first_known, d.date AS month
  FROM known AS k
  CROSS JOIN today AS t
  INNER JOIN calendar AS d
    ON d.date = d.month AND d.date >= month_start(k.first_known) AND d.date <= t.business_date
),
placed AS (
  SELECT
    s.customer_id,
    s.first_known,
    s.month,
    MAX(m.month) OVER (
      PARTITION BY s.customer_id ORDER BY s.month ASC NULLS FIRST
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS state_month
  FROM spine AS s
  LEFT JOIN monthly AS m ON m.customer_id = s.customer_id AND m.month = s.month AND m.place = 1
),
stated AS (
  SELECT
    p.customer_id,
    p.first_known,
    p.month,
    NOT m.is_active AS is_churned,
    CASE
      WHEN m.tenure_months IS NOT NULL THEN m.tenure_months
      ELSE
        (EXTRACT(YEAR FROM p.month) - EXTRACT(YEAR FROM m.date_opened)) * 12
        + EXTRACT(MONTH FROM p.month) - EXTRACT(MONTH FROM m.date_opened)
    END AS tenure_months
  FROM placed AS p
  INNER JOIN monthly AS m ON m.customer_id = p.customer_id AND m.month = p.state_month AND m.place = 1
),
flows AS (
  SELECT
    s.*,
    LAG(s.is_churned) OVER (PARTITION BY s.customer_id ORDER BY s.month ASC NULLS FIRST) AS was_churned
  FROM stated AS s
)
SELECT
  customer_id,
  month,
  first_known,
  is_churned,
  COALESCE(NOT was_churned, FALSE) AS active_at_start,
  is_churned AND COALESCE(NOT was_churned, FALSE) AS churned_in_month,
  CAST(tenure_months AS INTEGER) AS tenure_months
FROM flows
