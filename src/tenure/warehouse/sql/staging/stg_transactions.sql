-- Bookings, cleaned: the newest record of each id. An undated record happened when its id was first delivered.
-- Money in another currency is converted at the rate of the day; without one it is missing, which a test refuses.
WITH newest AS (
  SELECT
    r.*,
    p.first_delivered AS _first_delivered,
    NULLIF(TRIM(BOTH ' ' FROM r.currency), '') AS _currency
  FROM raw_transactions AS r
  LEFT JOIN int_transactions_repeated AS p ON p.transaction_id = r.transaction_id
  WHERE NOT r._deleted AND (p.transaction_id IS NULL OR (p._load_id = r._load_id AND p._row = r._row))
),
priced AS (
  SELECT
    n.*,
    f.rate AS _rate,
    COALESCE(n._currency <> c.currency, FALSE) AS _is_foreign
  FROM newest AS n
  CROSS JOIN project AS c
  LEFT JOIN stg_fx_rates AS f
    ON f.currency = n._currency AND f.rate_date = COALESCE(CAST(n.transaction_at AS DATE), n._first_delivered, n._effective)
)
SELECT
  transaction_id,
  customer_id,
  transaction_at,
  CASE WHEN _is_foreign THEN CAST(amount * _rate AS DECIMAL(18,2)) ELSE amount END AS amount,
  CASE WHEN _is_foreign THEN amount END AS original_amount,
  account_id,
  NULLIF(TRIM(BOTH ' ' FROM kind), '') AS kind,
  NULLIF(TRIM(BOTH ' ' FROM channel), '') AS channel,
  NULLIF(TRIM(BOTH ' ' FROM product_type), '') AS product_type,
  _currency AS currency{{ attributes }},
  COALESCE(CAST(transaction_at AS DATE), _first_delivered, _effective) AS event_date,
  CAST(transaction_at AS DATE) IS NULL AS date_is_assumed,
  _source,
  _load_id,
  _row,
  _recorded_at
FROM priced
