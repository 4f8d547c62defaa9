-- Support tickets, cleaned: the newest record of each id. An undated record happened when its id was first delivered.
WITH newest AS (
  SELECT
    r.*,
    p.first_delivered AS _first_delivered
  FROM raw_tickets AS r
  LEFT JOIN int_tickets_repeated AS p ON p.ticket_id = r.ticket_id
  WHERE NOT r._deleted AND (p.ticket_id IS NULL OR (p._load_id = r._load_id AND p._row = r._row))
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
  COALESCE(CAST(opened_at AS DATE), _first_delivered, _effective) AS event_date,
  CAST(opened_at AS DATE) IS NULL AS date_is_assumed,
  _source,
  _load_id,
  _row,
  _recorded_at
FROM newest
