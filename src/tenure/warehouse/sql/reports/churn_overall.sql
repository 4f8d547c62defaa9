-- The share of all customers who have left, in the month of the business date.
SELECT
  SUBSTR(CAST(m.month AS STRING), 1, 7) AS month,
  COUNT(*) AS total_customers,
  CAST(SUM(CASE WHEN m.is_churned THEN 1 ELSE 0 END) AS BIGINT) AS churned_customers,
  CAST(SUM(CASE WHEN m.is_churned THEN 1 ELSE 0 END) AS DOUBLE) * 100e0 / NULLIF(CAST(COUNT(*) AS DOUBLE), 0e0) AS churn_rate_percentage
FROM fact_customer_metrics AS m
WHERE m.is_current
GROUP BY m.month
