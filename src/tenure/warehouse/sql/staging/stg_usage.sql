-- Usage logs, cleaned. Newest record per id. An undated record happened when its id was first delivered.
WITH ranked AS (
  SELECT
    r.*,
    ROW_NUMBER() OVER (PARTITION BY r.usage_log_id ORDER BY r._load_id DESC NULLS LAST, r._row DESC NULLS LAST) AS place,
    MIN(r._effective) OVER (PARTITION BY r.usage_log_id) AS first_delivered
  FROM raw_usage AS r
)
SELECT
  usage_log_id,
  customer_id,
  NULLIF(TRIM(BOTH ' ' FROM product_type), '') AS product_type,
  monthly_balance,
  num_products,
  NULLIF(TRIM(BOTH ' ' FROM currency), '') AS currency{{ attributes }},
  COALESCE(usage_date, first_delivered) AS event_date,
  usage_date IS NULL AS date_is_assumed,
  _source,
  _load_id,
  _row,
  _recorded_at
FROM ranked
WHERE place = 1
