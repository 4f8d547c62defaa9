-- Which issues take longest to resolve; open tickets are not counted.
SELECT
  s.issue_type,
  COUNT(*) AS tickets,
  CAST(SUM(s.resolution_time_hrs) AS DOUBLE) / NULLIF(CAST(COUNT(*) AS DOUBLE), 0e0) AS avg_resolution_time_hrs,
  MAX(s.resolution_time_hrs) AS max_resolution_time_hrs
FROM dim_support_ticket AS s
WHERE s.resolution_time_hrs IS NOT NULL
GROUP BY s.issue_type
ORDER BY avg_resolution_time_hrs DESC NULLS LAST, issue_type ASC NULLS LAST
