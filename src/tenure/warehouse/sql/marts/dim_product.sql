SELECT
  product_type,
  COUNT(DISTINCT customer_id) AS customers,
  MIN(period) AS first_period,
  MAX(period) AS last_period
FROM dim_usage
GROUP BY product_type
