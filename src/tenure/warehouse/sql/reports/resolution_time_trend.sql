-- How long tickets took, by the month in which they were raised. The median is of hundredths of an hour, exact.
SELECT
  SUBSTR(CAST(month_start(a.activity_date) AS STRING), 1, 7) AS month,
  COUNT(*) AS tickets,
  COUNT(a.resolution_time_hrs) AS resolved,
  CAST(SUM(a.resolution_time_hrs) AS DOUBLE) / NULLIF(CAST(COUNT(a.resolution_time_hrs) AS DOUBLE), 0e0)
    AS avg_resolution_time_hrs,
  MEDIAN(CAST(a.resolution_time_hrs * 100 AS BIGINT)) / 100e0 AS median_resolution_time_hrs,
  MAX(a.resolution_time_hrs) AS max_resolution_time_hrs,
  CAST(SUM(CASE WHEN a.resolution_time_hrs IS NULL THEN 1 ELSE 0 END) AS BIGINT) AS still_open
FROM fact_customer_activity AS a
WHERE a.activity_type = 'ticket'
GROUP BY SUBSTR(CAST(month_start(a.activity_date) AS STRING), 1, 7)
ORDER BY month ASC NULLS LAST
