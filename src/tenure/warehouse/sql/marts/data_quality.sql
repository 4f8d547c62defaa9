-- The account of every source: what came in and what became of it.
WITH unknown AS (
  SELECT _load_id, CAST(SUM(events) AS BIGINT) AS events
  FROM int_unknown_customer
  GROUP BY _load_id
)
SELECT
  l.source,
  l.entity,
  COUNT(*) AS loads,
  CAST(SUM(l.records_in) AS BIGINT) AS records_in,
  CAST(SUM(l.loaded) AS BIGINT) AS loaded,
  CAST(SUM(l.quarantined) AS BIGINT) AS quarantined,
  CAST(SUM(l.duplicates) AS BIGINT) AS duplicates,
  CAST(SUM(COALESCE(u.events, 0)) AS BIGINT) AS unknown_customers,
  MAX(l.recorded_at) AS last_load_at,
  MAX(l.business_date) AS last_business_date
FROM loads AS l
LEFT JOIN unknown AS u ON u._load_id = l.load_id
GROUP BY l.source, l.entity
