-- Months at whose ends a customer's total balance has been below the limit for as many months running as
-- the settings name. Empty unless churn is defined by balance. A month without news has the balance of the
-- month before; before the first balance there is nothing to be below.
WITH chosen AS (
  SELECT balance_below, balance_months
  FROM setting
  WHERE churn_definition = 'balance'
),
movements AS (
  SELECT
    u.customer_id,
    u.period,
    u.monthly_balance - COALESCE(
      LAG(u.monthly_balance) OVER (PARTITION BY u.customer_id, u.product_type ORDER BY u.period ASC NULLS FIRST),
      CAST(0 AS DECIMAL(18,2))
    ) AS balance_change
  FROM dim_usage AS u
  CROSS JOIN chosen AS c
  WHERE u.monthly_balance IS NOT NULL
),
added AS (
  SELECT customer_id, period, CAST(SUM(balance_change) AS DECIMAL(18,2)) AS balance_change
  FROM movements
  GROUP BY customer_id, period
),
totals AS (
  SELECT
    customer_id,
    period,
    SUM(balance_change) OVER (
      PARTITION BY customer_id ORDER BY period ASC NULLS FIRST ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS total_balance
  FROM added
),
judged AS (
  SELECT t.customer_id, t.period, t.total_balance < c.balance_below AS is_low, c.balance_months
  FROM totals AS t
  CROSS JOIN chosen AS c
),
compared AS (
  SELECT
    j.*,
    LAG(j.is_low) OVER (PARTITION BY j.customer_id ORDER BY j.period ASC NULLS FIRST) AS was_low
  FROM judged AS j
),
turns AS (
  SELECT
    c.customer_id,
    c.is_low,
    add_months_to(c.period, c.balance_months - 1) AS first_month,
    LEAD(c.period) OVER (PARTITION BY c.customer_id ORDER BY c.period ASC NULLS FIRST) AS next_period
  FROM compared AS c
  WHERE c.was_low IS NULL OR c.was_low <> c.is_low
)
SELECT
  customer_id,
  first_month,
  COALESCE(add_months_to(next_period, -1), CAST('9999-12-01' AS DATE)) AS last_month
FROM turns
WHERE is_low AND (next_period IS NULL OR first_month < next_period)
