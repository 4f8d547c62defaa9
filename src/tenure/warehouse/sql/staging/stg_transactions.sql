-- Bookings, cleaned. Newest record per id. An undated record happened when its id was first delivered.
WITH ranked AS (
  SELECT
    r.*,
    ROW_NUMBER() OVER (PARTITION BY r.transaction_id ORDER BY r._load_id DESC NULLS LAST, r._row DESC NULLS LAST) AS place,
    MIN(r._effective) OVER (PARTITION BY r.transaction_id) AS first_delivered
  FROM raw_transactions AS r
)
SELECT
  transaction_id,
  customer_id,
  transaction_at,
  amount,
  account_id,
  NULLIF(TRIM(BOTH ' ' FROM kind), '') AS kind,
  NULLIF(TRIM(BOTH ' ' FROM channel), '') AS channel,
  NULLIF(TRIM(BOTH ' ' FROM product_type), '') AS product_type,
  NULLIF(TRIM(BOTH ' ' FROM currency), '') AS currency{{ attributes }},
  COALESCE(CAST(transaction_at AS DATE), first_delivered) AS event_date,
  CAST(transaction_at AS DATE) IS NULL AS date_is_assumed,
  _source,
  _load_id,
  _row,
  _recorded_at
FROM ranked
WHERE place = 1
