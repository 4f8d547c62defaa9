-- The headline numbers by month.
WITH resolved AS (
  SELECT
    month_start(a.activity_date) AS month,
    CAST(SUM(a.resolution_time_hrs) AS DOUBLE) / NULLIF(CAST(COUNT(*) AS DOUBLE), 0e0) AS avg_resolution_time_hrs
  FROM fact_customer_activity AS a
  WHERE a.activity_type = 'ticket' AND a.resolution_time_hrs IS NOT NULL
  GROUP BY month_start(a.activity_date)
)
SELECT
  SUBSTR(CAST(m.month AS STRING), 1, 7) AS month,
  COUNT(*) AS total_customers,
  CAST(SUM(CASE WHEN m.is_churned THEN 1 ELSE 0 END) AS BIGINT) AS churned_customers,
  CAST(SUM(CASE WHEN m.is_churned THEN 1 ELSE 0 END) AS DOUBLE) * 100e0 / NULLIF(CAST(COUNT(*) AS DOUBLE), 0e0) AS churned_share_percentage,
  CAST(SUM(CASE WHEN m.active_at_start THEN 1 ELSE 0 END) AS BIGINT) AS active_at_start,
  CAST(SUM(CASE WHEN m.churned_in_month THEN 1 ELSE 0 END) AS BIGINT) AS left_in_month,
  CAST(SUM(CASE WHEN m.churned_in_month THEN 1 ELSE 0 END) AS DOUBLE) * 100e0
    / NULLIF(CAST(SUM(CASE WHEN m.active_at_start THEN 1 ELSE 0 END) AS DOUBLE), 0e0) AS churn_rate_percentage,
  CAST(SUM(m.total_balance) AS DECIMAL(18,2)) AS total_balance,
  CAST(SUM(m.total_balance) AS DOUBLE) / NULLIF(CAST(COUNT(*) AS DOUBLE), 0e0) AS avg_balance,
  CAST(SUM(m.clv) AS DOUBLE) / NULLIF(CAST(COUNT(*) AS DOUBLE), 0e0) AS avg_clv,
  CAST(SUM(m.clv) AS DECIMAL(18,2)) AS total_clv,
  CAST(SUM(m.num_products) AS DOUBLE) / NULLIF(CAST(COUNT(*) AS DOUBLE), 0e0) AS products_per_customer,
  CAST(SUM(m.offers_made) AS BIGINT) AS offers_made,
  CAST(SUM(m.offers_accepted) AS BIGINT) AS offers_accepted,
  CAST(SUM(m.offers_accepted) AS DOUBLE) * 100e0 / NULLIF(CAST(SUM(m.offers_made) AS DOUBLE), 0e0) AS offer_acceptance_percentage,
  MAX(r.avg_resolution_time_hrs) AS avg_resolution_time_hrs
FROM fact_customer_metrics AS m
LEFT JOIN resolved AS r ON r.month = m.month
GROUP BY m.month
ORDER BY month ASC NULLS LAST
