-- Most ids are delivered once. For the others: which record is the newest, and when the first one came.
WITH repeated AS (
  SELECT offer_id FROM raw_offers GROUP BY offer_id HAVING COUNT(*) > 1
),
ranked AS (
  SELECT
    r.offer_id,
    r._load_id,
    r._row,
    r._deleted,
    ROW_NUMBER() OVER (
      PARTITION BY r.offer_id
      ORDER BY r._effective DESC NULLS LAST, r._load_id DESC NULLS LAST, r._row DESC NULLS LAST
    ) AS place,
    MIN(r._effective) OVER (PARTITION BY r.offer_id) AS first_delivered,
    COUNT(CASE WHEN NOT r._deleted THEN 1 END) OVER (PARTITION BY r.offer_id) AS records
  FROM raw_offers AS r
  INNER JOIN repeated AS p ON p.offer_id = r.offer_id
)
SELECT offer_id, _load_id, _row, _deleted AS is_deleted, first_delivered, records
FROM ranked
WHERE place = 1
