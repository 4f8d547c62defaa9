-- Offers by how often they are accepted; an offer without an answer counts as not accepted.
SELECT
  o.offer_type,
  COUNT(*) AS offers,
  CAST(SUM(CASE WHEN o.accepted THEN 1 ELSE 0 END) AS BIGINT) AS accepted,
  CAST(SUM(CASE WHEN o.accepted THEN 1 ELSE 0 END) AS DOUBLE) * 100e0 / NULLIF(CAST(COUNT(*) AS DOUBLE), 0e0)
    AS acceptance_rate_percentage
FROM dim_offer AS o
GROUP BY o.offer_type
ORDER BY acceptance_rate_percentage DESC NULLS LAST, offer_type ASC NULLS LAST
