-- One row per event. Nothing is joined, so nothing multiplies.
SELECT
  stable_id('usage', CAST(usage_log_id AS STRING)) AS fact_id,
  'usage' AS activity_type,
  event_date AS activity_date,
  customer_id,
  usage_log_id,
  CAST(NULL AS {{ type offer_id }}) AS offer_id,
  CAST(NULL AS {{ type ticket_id }}) AS ticket_id,
  CAST(NULL AS {{ type transaction_id }}) AS transaction_id,
  monthly_balance,
  CAST(NULL AS DECIMAL(18,2)) AS amount,
  num_products,
  CAST(NULL AS DECIMAL(10,2)) AS resolution_time_hrs,
  CAST(NULL AS BOOLEAN) AS accepted,
  date_is_assumed
FROM stg_usage
UNION ALL
SELECT
  stable_id('transaction', CAST(transaction_id AS STRING)),
  'transaction',
  event_date,
  customer_id,
  CAST(NULL AS {{ type usage_log_id }}),
  CAST(NULL AS {{ type offer_id }}),
  CAST(NULL AS {{ type ticket_id }}),
  transaction_id,
  CAST(NULL AS DECIMAL(18,2)),
  amount,
  CAST(NULL AS INTEGER),
  CAST(NULL AS DECIMAL(10,2)),
  CAST(NULL AS BOOLEAN),
  date_is_assumed
FROM stg_transactions
UNION ALL
SELECT
  stable_id('offer', CAST(offer_id AS STRING)),
  'offer',
  event_date,
  customer_id,
  CAST(NULL AS {{ type usage_log_id }}),
  offer_id,
  CAST(NULL AS {{ type ticket_id }}),
  CAST(NULL AS {{ type transaction_id }}),
  CAST(NULL AS DECIMAL(18,2)),
  CAST(NULL AS DECIMAL(18,2)),
  CAST(NULL AS INTEGER),
  CAST(NULL AS DECIMAL(10,2)),
  accepted,
  date_is_assumed
FROM stg_offers
UNION ALL
SELECT
  stable_id('ticket', CAST(ticket_id AS STRING)),
  'ticket',
  event_date,
  customer_id,
  CAST(NULL AS {{ type usage_log_id }}),
  CAST(NULL AS {{ type offer_id }}),
  ticket_id,
  CAST(NULL AS {{ type transaction_id }}),
  CAST(NULL AS DECIMAL(18,2)),
  CAST(NULL AS DECIMAL(18,2)),
  CAST(NULL AS INTEGER),
  resolution_time_hrs,
  CAST(NULL AS BOOLEAN),
  date_is_assumed
FROM stg_tickets
