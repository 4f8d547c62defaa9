SELECT
  geography,
  COUNT(CASE WHEN deleted_on IS NULL THEN 1 END) AS customers
FROM dim_customer
GROUP BY geography
