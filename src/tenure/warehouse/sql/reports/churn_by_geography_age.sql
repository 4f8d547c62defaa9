-- Churned share by month, geography and age group over the last 180 days (the original's query).
SELECT
  SUBSTR(CAST(m.month AS STRING), 1, 7) AS month,
  c.geography,
  c.age_group,
  COUNT(*) AS total_customers,
  CAST(SUM(CASE WHEN m.is_churned THEN 1 ELSE 0 END) AS BIGINT) AS churned_customers,
  CAST(SUM(CASE WHEN m.is_churned THEN 1 ELSE 0 END) AS DOUBLE) * 100e0 / NULLIF(CAST(COUNT(*) AS DOUBLE), 0e0) AS churn_rate_percentage
FROM fact_customer_metrics AS m
INNER JOIN dim_customer AS c ON c.customer_id = m.customer_id
CROSS JOIN today AS t
WHERE m.dw_start_date >= add_days_to(t.business_date, -180)
GROUP BY m.month, c.geography, c.age_group
ORDER BY month DESC NULLS LAST, churn_rate_percentage DESC NULLS LAST, geography ASC NULLS LAST, age_group ASC NULLS LAST
