-- Most ids are delivered once. For the others: which record is the newest, and when the first one came.
WITH repeated AS (
  SELECT usage_log_id FROM raw_usage GROUP BY usage_log_id HAVING COUNT(*) > 1
),
ranked AS (
  SELECT
    r.usage_log_id,
    r._load_id,
    r._row,
    r._deleted,
    ROW_NUMBER() OVER (
      PARTITION BY r.usage_log_id
      ORDER BY r._effective DESC NULLS LAST, r._load_id DESC NULLS LAST, r._row DESC NULLS LAST
    ) AS place,
    MIN(r._effective) OVER (PARTITION BY r.usage_log_id) AS first_delivered,
    COUNT(CASE WHEN NOT r._deleted THEN 1 END) OVER (PARTITION BY r.usage_log_id) AS records
  FROM raw_usage AS r
  INNER JOIN repeated AS p ON p.usage_log_id = r.usage_log_id
)
SELECT usage_log_id, _load_id, _row, _deleted AS is_deleted, first_delivered, records
FROM ranked
WHERE place = 1
