-- Mean balance a customer by geography.
SELECT
  c.geography,
  COUNT(*) AS customers,
  CAST(SUM(m.total_balance) AS DOUBLE) / NULLIF(CAST(COUNT(*) AS DOUBLE), 0e0) AS avg_balance,
  CAST(SUM(m.total_balance) AS DECIMAL(18,2)) AS total_balance
FROM fact_customer_metrics AS m
INNER JOIN dim_customer AS c ON c.customer_id = m.customer_id
WHERE m.is_current
GROUP BY c.geography
ORDER BY avg_balance DESC NULLS LAST, geography ASC NULLS LAST
