-- How many customers could leave in each month, how many left, and how long all had been customers.
SELECT
  month,
  CAST(SUM(CASE WHEN active_at_start THEN 1 ELSE 0 END) AS BIGINT) AS exposed,
  CAST(SUM(CASE WHEN churned_in_month THEN 1 ELSE 0 END) AS BIGINT) AS left_in_month,
  CAST(SUM(CASE WHEN is_churned THEN 1 ELSE 0 END) AS BIGINT) AS churned,
  CAST(SUM(COALESCE(tenure_months, 0)) AS BIGINT) AS lived
FROM int_customer_month
GROUP BY month
