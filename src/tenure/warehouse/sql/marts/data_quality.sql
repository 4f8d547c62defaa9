-- The account of every source: what came in and what became of it.
SELECT
  source,
  entity,
  COUNT(*) AS loads,
  CAST(SUM(records_in) AS BIGINT) AS records_in,
  CAST(SUM(loaded) AS BIGINT) AS loaded,
  CAST(SUM(quarantined) AS BIGINT) AS quarantined,
  CAST(SUM(duplicates) AS BIGINT) AS duplicates,
  MAX(recorded_at) AS last_load_at,
  MAX(business_date) AS last_business_date
FROM loads
GROUP BY source, entity
