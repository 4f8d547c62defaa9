-- Events whose customer has not been delivered. They are kept, counted here, and join once the customer arrives.
WITH known AS (
  SELECT DISTINCT customer_id FROM stg_customer_version WHERE NOT _deleted
)
SELECT
  a.customer_id,
  a._load_id,
  COUNT(*) AS events
FROM fact_customer_activity AS a
LEFT JOIN known AS k ON k.customer_id = a.customer_id
WHERE k.customer_id IS NULL
GROUP BY a.customer_id, a._load_id
