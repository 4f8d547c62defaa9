-- The ten customers with the highest engagement score (defined at fact_customer_metrics.engagement_score).
SELECT
  m.customer_id,
  c.first_name,
  c.last_name,
  c.geography,
  m.engagement_score,
  m.offers_accepted,
  m.num_products,
  m.total_balance,
  m.tenure_months,
  m.contacts,
  m.clv
FROM fact_customer_metrics AS m
INNER JOIN dim_customer AS c ON c.customer_id = m.customer_id
WHERE m.is_current
ORDER BY engagement_score DESC NULLS LAST, total_balance DESC NULLS LAST, customer_id ASC NULLS LAST
LIMIT 10
