-- Usage per customer, product and month: the last record of the month speaks for it. Most months have one
-- record, so only the others are sorted.
WITH used AS (
  SELECT
    customer_id,
    COALESCE(product_type, 'unknown') AS product_type,
    month_start(activity_date) AS period,
    activity_date,
    monthly_balance,
    num_products,
    _load_id,
    _row
  FROM fact_customer_activity
  WHERE activity_type = 'usage'
),
monthly AS (
  SELECT
    customer_id,
    product_type,
    period,
    COUNT(*) AS usage_records,
    MAX(activity_date) AS last_usage_date,
    MAX(monthly_balance) AS monthly_balance,
    MAX(num_products) AS num_products
  FROM used
  GROUP BY customer_id, product_type, period
),
newest AS (
  SELECT customer_id, product_type, MAX(period) AS last_period
  FROM monthly
  GROUP BY customer_id, product_type
),
several AS (
  SELECT
    u.customer_id,
    u.product_type,
    u.period,
    u.monthly_balance,
    u.num_products,
    ROW_NUMBER() OVER (
      PARTITION BY u.customer_id, u.product_type, u.period
      ORDER BY u.activity_date DESC NULLS LAST, u._load_id DESC NULLS LAST, u._row DESC NULLS LAST
    ) AS place
  FROM used AS u
  INNER JOIN monthly AS m
    ON m.customer_id = u.customer_id AND m.product_type = u.product_type AND m.period = u.period
  WHERE m.usage_records > 1
)
SELECT
  m.customer_id,
  m.product_type,
  m.period,
  CASE WHEN m.usage_records = 1 THEN m.monthly_balance ELSE s.monthly_balance END AS monthly_balance,
  CASE WHEN m.usage_records = 1 THEN m.num_products ELSE s.num_products END AS num_products,
  m.usage_records,
  m.last_usage_date,
  m.period = n.last_period AS is_current
FROM monthly AS m
INNER JOIN newest AS n ON n.customer_id = m.customer_id AND n.product_type = m.product_type
LEFT JOIN several AS s
  ON s.customer_id = m.customer_id AND s.product_type = m.product_type AND s.period = m.period AND s.place = 1
