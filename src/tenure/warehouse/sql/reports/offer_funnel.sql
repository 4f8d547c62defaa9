-- Offers by type: made, answered, accepted, and what they cost. Each step holds the next, so no step can exceed
-- the one before. An offer is answered when it says whether it was accepted, or when.
WITH steps AS (
  SELECT
    o.offer_type,
    o.cost,
    CASE WHEN o.accepted IS NOT NULL OR o.date_answered IS NOT NULL THEN 1 ELSE 0 END AS answered,
    CASE WHEN o.accepted THEN 1 ELSE 0 END AS accepted
  FROM dim_offer AS o
)
SELECT
  offer_type,
  COUNT(*) AS made,
  CAST(SUM(answered) AS BIGINT) AS answered,
  CAST(SUM(accepted) AS BIGINT) AS accepted,
  CAST(SUM(answered) AS DOUBLE) * 100e0 / NULLIF(CAST(COUNT(*) AS DOUBLE), 0e0) AS answered_percentage,
  CAST(SUM(accepted) AS DOUBLE) * 100e0 / NULLIF(CAST(SUM(answered) AS DOUBLE), 0e0) AS accepted_of_answered_percentage,
  CAST(SUM(accepted) AS DOUBLE) * 100e0 / NULLIF(CAST(COUNT(*) AS DOUBLE), 0e0) AS acceptance_rate_percentage,
  CAST(SUM(cost) AS DECIMAL(18,2)) AS total_cost,
  CAST(SUM(cost) AS DOUBLE) / NULLIF(CAST(SUM(accepted) AS DOUBLE), 0e0) AS cost_per_acceptance
FROM steps
GROUP BY offer_type
ORDER BY made DESC NULLS LAST, offer_type ASC NULLS LAST
