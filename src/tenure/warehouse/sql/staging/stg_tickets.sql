-- Support tickets, cleaned. Newest record per id. An undated record happened when its id was first delivered.
WITH ranked AS (
  SELECT
    r.*,
    ROW_NUMBER() OVER (PARTITION BY r.ticket_id ORDER BY r._load_id DESC NULLS LAST, r._row DESC NULLS LAST) AS place,
    MIN(r._effective) OVER (PARTITION BY r.ticket_id) AS first_delivered
  FROM raw_tickets AS r
)
SELECT
  ticket_id,
  customer_id,
  NULLIF(TRIM(BOTH ' ' FROM issue_type), '') AS issue_type,
  NULLIF(TRIM(BOTH ' ' FROM severity), '') AS severity,
  opened_at,
  resolved_at,
  CASE
    WHEN resolution_time_hrs IS NOT NULL THEN resolution_time_hrs
    WHEN resolved_at >= opened_at THEN hours_between(opened_at, resolved_at)
  END AS resolution_time_hrs{{ attributes }},
  COALESCE(CAST(opened_at AS DATE), first_delivered) AS event_date,
  CAST(opened_at AS DATE) IS NULL AS date_is_assumed,
  _source,
  _load_id,
  _row,
  _recorded_at
FROM ranked
WHERE place = 1
