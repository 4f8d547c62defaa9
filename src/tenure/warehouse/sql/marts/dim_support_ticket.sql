SELECT
  ticket_id,
  customer_id,
  COALESCE(issue_type, 'unknown') AS issue_type,
  COALESCE(severity, 'unknown') AS severity,
  opened_at,
  resolved_at,
  resolution_time_hrs,
  resolution_time_hrs IS NULL AS is_open
FROM stg_tickets
