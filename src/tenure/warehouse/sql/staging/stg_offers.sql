-- Offers made to customers, cleaned: the newest record of each id. An undated record happened when its id was first delivered.
WITH newest AS (
  SELECT
    r.*,
    p.first_delivered AS _first_delivered
  FROM raw_offers AS r
  LEFT JOIN int_offers_repeated AS p ON p.offer_id = r.offer_id
  WHERE NOT r._deleted AND (p.offer_id IS NULL OR (p._load_id = r._load_id AND p._row = r._row))
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
  COALESCE(date_offered, _first_delivered, _effective) AS event_date,
  date_offered IS NULL AS date_is_assumed,
  _source,
  _load_id,
  _row,
  _recorded_at
FROM newest
