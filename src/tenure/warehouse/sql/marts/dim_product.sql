SELECT
  product_type,
  CAST(SUM(CASE WHEN is_current THEN 1 ELSE 0 END) AS BIGINT) AS customers,
  MIN(period) AS first_period,
  MAX(period) AS last_period
FROM dim_usage
GROUP BY product_type
