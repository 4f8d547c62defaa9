SELECT
  offer_id,
  customer_id,
  COALESCE(offer_type, 'unknown') AS offer_type,
  accepted,
  date_offered,
  date_answered,
  cost,
  arm
FROM stg_offers
