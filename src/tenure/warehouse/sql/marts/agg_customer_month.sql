-- The report card added up over the dimensions that the dashboard filters by: small, whatever the number of customers.
SELECT
  f.month,
  c.geography,
  c.age_group,
  COALESCE(c.gender, 'unknown') AS gender,
  COALESCE(c.segment, 'unknown') AS segment,
  COUNT(*) AS customers,
  COUNT(CASE WHEN f.is_churned THEN 1 END) AS churned,
  COUNT(CASE WHEN f.active_at_start THEN 1 END) AS active_at_start,
  COUNT(CASE WHEN f.churned_in_month THEN 1 END) AS churned_in_month,
  CAST(SUM(f.clv) AS DECIMAL(18,2)) AS clv,
  CAST(SUM(f.total_balance) AS DECIMAL(18,2)) AS total_balance,
  CAST(SUM(f.num_products) AS BIGINT) AS num_products,
  CAST(SUM(f.offers_made) AS BIGINT) AS offers_made,
  CAST(SUM(f.offers_accepted) AS BIGINT) AS offers_accepted,
  CAST(SUM(f.contacts) AS BIGINT) AS contacts,
  CAST(SUM(f.engagement_score) AS BIGINT) AS engagement_score
FROM fact_customer_metrics AS f
INNER JOIN dim_customer AS c ON c.customer_id = f.customer_id
GROUP BY f.month, c.geography, c.age_group, COALESCE(c.gender, 'unknown'), COALESCE(c.segment, 'unknown')
