-- Balance, value and acceptance of offers by geography and age group.
SELECT
  c.geography,
  c.age_group,
  COUNT(*) AS customers,
  CAST(SUM(m.total_balance) AS DOUBLE) / NULLIF(CAST(COUNT(*) AS DOUBLE), 0e0) AS avg_balance,
  CAST(SUM(m.total_balance) AS DECIMAL(18,2)) AS total_balance,
  CAST(SUM(m.offers_accepted) AS DOUBLE) * 100e0 / NULLIF(CAST(SUM(m.offers_made) AS DOUBLE), 0e0)
    AS offer_acceptance_percentage,
  CAST(SUM(m.clv) AS DOUBLE) / NULLIF(CAST(COUNT(*) AS DOUBLE), 0e0) AS avg_clv
FROM fact_customer_metrics AS m
INNER JOIN dim_customer AS c ON c.customer_id = m.customer_id
WHERE m.is_current
GROUP BY c.geography, c.age_group
ORDER BY avg_balance DESC NULLS LAST, geography ASC NULLS LAST, age_group ASC NULLS LAST
