-- The account of every source: what came in and what became of it. A record that was taken out of the quarantine
-- was delivered once, and is no longer in it.
WITH unknown AS (
  SELECT _load_id, CAST(SUM(events) AS BIGINT) AS events
  FROM int_unknown_customer
  GROUP BY _load_id
),
placed AS (
  SELECT
    source,
    entity,
    fresh_days,
    ROW_NUMBER() OVER (PARTITION BY source, entity ORDER BY sequence DESC NULLS LAST) AS place
  FROM loads
)
SELECT
  l.source,
  l.entity,
  COUNT(*) AS loads,
  CAST(SUM(CASE WHEN l.replays IS NULL THEN l.records_in ELSE 0 END) AS BIGINT) AS records_in,
  CAST(SUM(l.loaded) AS BIGINT) AS loaded,
  CAST(SUM(CASE WHEN l.replays IS NULL THEN l.quarantined ELSE -l.records_in END) AS BIGINT) AS quarantined,
  CAST(SUM(l.duplicates) AS BIGINT) AS duplicates,
  CAST(SUM(l.unchanged) AS BIGINT) AS unchanged,
  CAST(SUM(l.filtered) AS BIGINT) AS filtered,
  CAST(SUM(COALESCE(u.events, 0)) AS BIGINT) AS unknown_customers,
  MAX(CASE WHEN l.replays IS NULL THEN l.recorded_at END) AS last_load_at,
  MAX(CASE WHEN l.replays IS NULL THEN l.business_date END) AS last_business_date,
  MAX(p.fresh_days) AS fresh_days
FROM loads AS l
INNER JOIN placed AS p ON p.source = l.source AND p.entity = l.entity AND p.place = 1
LEFT JOIN unknown AS u ON u._load_id = l.load_id
GROUP BY l.source, l.entity
