-- Most ids are delivered once. For the others: which record is the newest, and when the first one came.
WITH repeated AS (
  SELECT ticket_id FROM raw_tickets GROUP BY ticket_id HAVING COUNT(*) > 1
),
ranked AS (
  SELECT
    r.ticket_id,
    r._load_id,
    r._row,
    r._deleted,
    ROW_NUMBER() OVER (
      PARTITION BY r.ticket_id
      ORDER BY r._effective DESC NULLS LAST, r._load_id DESC NULLS LAST, r._row DESC NULLS LAST
    ) AS place,
    MIN(r._effective) OVER (PARTITION BY r.ticket_id) AS first_delivered,
    COUNT(CASE WHEN NOT r._deleted THEN 1 END) OVER (PARTITION BY r.ticket_id) AS records
  FROM raw_tickets AS r
  INNER JOIN repeated AS p ON p.ticket_id = r.ticket_id
)
SELECT ticket_id, _load_id, _row, _deleted AS is_deleted, first_delivered, records
FROM ranked
WHERE place = 1
