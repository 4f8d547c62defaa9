-- Usage per customer, product and month: the last record of the month speaks for it.
WITH dated AS (
  SELECT u.*, month_start(u.event_date) AS period FROM stg_usage AS u
),
ranked AS (
  SELECT
    d.*,
    ROW_NUMBER() OVER (
      PARTITION BY d.customer_id, d.product_type, d.period
      ORDER BY d.event_date DESC NULLS LAST, d._load_id DESC NULLS LAST, d._row DESC NULLS LAST
    ) AS place,
    COUNT(*) OVER (PARTITION BY d.customer_id, d.product_type, d.period) AS usage_records,
    MAX(d.period) OVER (PARTITION BY d.customer_id, d.product_type) AS last_period
  FROM dated AS d
)
SELECT
  customer_id,
  COALESCE(product_type, 'unknown') AS product_type,
  period,
  monthly_balance,
  num_products,
  usage_records,
  event_date AS last_usage_date,
  period = last_period AS is_current
FROM ranked
WHERE place = 1
