-- Usage logs, cleaned: the newest record of each id. An undated record happened when its id was first delivered.
-- Money in another currency is converted at the rate of the day; without one it is missing, which a test refuses.
WITH newest AS (
  SELECT
    r.*,
    p.first_delivered AS _first_delivered,
    NULLIF(TRIM(BOTH ' ' FROM r.currency), '') AS _currency
  FROM raw_usage AS r
  LEFT JOIN int_usage_repeated AS p ON p.usage_log_id = r.usage_log_id
  WHERE NOT r._deleted AND (p.usage_log_id IS NULL OR (p._load_id = r._load_id AND p._row = r._row))
),
priced AS (
  SELECT
    n.*,
    f.rate AS _rate,
    COALESCE(n._currency <> c.currency, FALSE) AS _is_foreign
  FROM newest AS n
  CROSS JOIN project AS c
  LEFT JOIN stg_fx_rates AS f
    ON f.currency = n._currency AND f.rate_date = COALESCE(n.usage_date, n._first_delivered, n._effective)
)
SELECT
  usage_log_id,
  customer_id,
  NULLIF(TRIM(BOTH ' ' FROM product_type), '') AS product_type,
  CASE WHEN _is_foreign THEN CAST(monthly_balance * _rate AS DECIMAL(18,2)) ELSE monthly_balance END AS monthly_balance,
  CASE WHEN _is_foreign THEN monthly_balance END AS original_amount,
  num_products,
  _currency AS currency{{ attributes }},
  COALESCE(usage_date, _first_delivered, _effective) AS event_date,
  usage_date IS NULL AS date_is_assumed,
  _source,
  _load_id,
  _row,
  _recorded_at
FROM priced
