-- Offers made to customers, cleaned. Newest record per id. An undated record happened when its id was first delivered.
WITH ranked AS (
  SELECT
    r.*,
    ROW_NUMBER() OVER (PARTITION BY r.offer_id ORDER BY r._load_id DESC NULLS LAST, r._row DESC NULLS LAST) AS place,
    MIN(r._effective) OVER (PARTITION BY r.offer_id) AS first_delivered
  FROM raw_offers AS r
)
SELECT
  offer_id,
  customer_id,
  NULLIF(TRIM(BOTH ' ' FROM offer_type), '') AS offer_type,
  accepted,
  date_offered,
  date_answered,
  cost,
  NULLIF(TRIM(BOTH ' ' FROM arm), '') AS arm{{ attributes }},
  COALESCE(date_offered, first_delivered) AS event_date,
  date_offered IS NULL AS date_is_assumed,
  _source,
  _load_id,
  _row,
  _recorded_at
FROM ranked
WHERE place = 1
