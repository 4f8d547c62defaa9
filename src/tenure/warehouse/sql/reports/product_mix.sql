-- Products by customers and balance in the month of the business date. The balance of a product is the latest
-- one known, as in fact_customer_metrics.total_balance, so that the products add up to it.
WITH used AS (
  SELECT
    u.customer_id,
    u.product_type,
    MAX(CASE WHEN u.monthly_balance IS NOT NULL THEN u.period END) AS balance_period,
    MAX(CASE WHEN u.period = month_start(t.business_date) THEN 1 ELSE 0 END) AS used_in_month
  FROM dim_usage AS u
  CROSS JOIN today AS t
  WHERE u.period <= month_start(t.business_date)
  GROUP BY u.customer_id, u.product_type
),
held AS (
  SELECT
    h.customer_id,
    h.product_type,
    h.used_in_month,
    COALESCE(u.monthly_balance, CAST(0 AS DECIMAL(18,2))) AS balance
  FROM used AS h
  LEFT JOIN dim_usage AS u
    ON u.customer_id = h.customer_id AND u.product_type = h.product_type AND u.period = h.balance_period
),
mix AS (
  SELECT
    m.month,
    h.product_type,
    COUNT(*) AS customers,
    CAST(SUM(CASE WHEN m.is_churned THEN 0 ELSE 1 END) AS BIGINT) AS active_customers,
    CAST(SUM(h.used_in_month) AS BIGINT) AS used_in_month,
    CAST(SUM(h.balance) AS DECIMAL(18,2)) AS total_balance
  FROM held AS h
  INNER JOIN fact_customer_metrics AS m ON m.customer_id = h.customer_id AND m.is_current
  GROUP BY m.month, h.product_type
),
whole AS (
  SELECT
    CAST(SUM(customers) AS DOUBLE) AS holdings,
    CAST(SUM(total_balance) AS DOUBLE) AS balance
  FROM mix
)
SELECT
  SUBSTR(CAST(x.month AS STRING), 1, 7) AS month,
  x.product_type,
  x.customers,
  x.active_customers,
  x.used_in_month,
  CAST(x.customers AS DOUBLE) * 100e0 / NULLIF(w.holdings, 0e0) AS holdings_percentage,
  x.total_balance,
  CAST(x.total_balance AS DOUBLE) / NULLIF(CAST(x.customers AS DOUBLE), 0e0) AS avg_balance,
  CAST(x.total_balance AS DOUBLE) * 100e0 / NULLIF(w.balance, 0e0) AS balance_percentage
FROM mix AS x
CROSS JOIN whole AS w
ORDER BY total_balance DESC NULLS LAST, product_type ASC NULLS LAST
