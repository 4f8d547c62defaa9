SELECT
  geography,
  COUNT(*) AS customers
FROM dim_customer
GROUP BY geography
