-- What customers with a kind of ticket are worth, and how many of them have left.
WITH raised AS (
  SELECT
    issue_type,
    severity,
    customer_id,
    COUNT(*) AS tickets,
    COUNT(resolution_time_hrs) AS resolved,
    SUM(resolution_time_hrs) AS hours
  FROM dim_support_ticket
  GROUP BY issue_type, severity, customer_id
)
SELECT
  r.issue_type,
  r.severity,
  CAST(SUM(r.tickets) AS BIGINT) AS tickets,
  COUNT(*) AS customers,
  CAST(SUM(r.hours) AS DOUBLE) / NULLIF(CAST(SUM(r.resolved) AS DOUBLE), 0e0) AS avg_resolution_time_hrs,
  CAST(SUM(CASE WHEN m.is_churned THEN 1 ELSE 0 END) AS DOUBLE) * 100e0 / NULLIF(CAST(COUNT(*) AS DOUBLE), 0e0) AS churn_rate_percentage,
  CAST(SUM(m.total_balance) AS DECIMAL(18,2)) AS total_balance,
  CAST(SUM(m.clv) AS DECIMAL(18,2)) AS total_clv
FROM raised AS r
INNER JOIN fact_customer_metrics AS m ON m.customer_id = r.customer_id AND m.is_current
GROUP BY r.issue_type, r.severity
ORDER BY
  churn_rate_percentage DESC NULLS LAST, avg_resolution_time_hrs DESC NULLS LAST,
  issue_type ASC NULLS LAST, severity ASC NULLS LAST
