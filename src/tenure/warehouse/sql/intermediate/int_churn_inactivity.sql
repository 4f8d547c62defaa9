-- Stretches of months at whose ends a customer has been silent for the days that the setting names. Empty
-- unless churn is defined by inactivity. Silence is counted from the customer's last event; while there is
-- none, from the day on which the customer was first known. An offer that was not accepted is the bank's
-- event, not the customer's. churned_on may lie ahead: int_churn_spell leaves out what has not come yet.
WITH chosen AS (
  SELECT inactive_days
  FROM setting
  WHERE churn_definition = 'inactivity'
),
happened AS (
  SELECT
    a.customer_id,
    month_start(a.activity_date) AS month,
    MIN(a.activity_date) AS first_day,
    MAX(a.activity_date) AS last_day
  FROM fact_customer_activity AS a
  CROSS JOIN chosen AS c
  WHERE a.activity_type <> 'offer' OR a.accepted
  GROUP BY a.customer_id, month_start(a.activity_date)
),
known AS (
  SELECT h.customer_id, MIN(h.valid_from) AS first_known
  FROM dim_customer_history AS h
  CROSS JOIN chosen AS c
  GROUP BY h.customer_id
),
heard AS (
  SELECT customer_id, MIN(first_day) AS first_heard
  FROM happened
  GROUP BY customer_id
),
signs AS (
  SELECT customer_id, month, last_day FROM happened
  UNION ALL
  SELECT k.customer_id, month_start(k.first_known), k.first_known
  FROM known AS k
  LEFT JOIN heard AS h ON h.customer_id = k.customer_id
  WHERE h.first_heard IS NULL OR h.first_heard > k.first_known
),
monthly AS (
  SELECT customer_id, month, MAX(last_day) AS last_day
  FROM signs
  GROUP BY customer_id, month
),
silences AS (
  SELECT
    m.customer_id,
    add_days_to(m.last_day, c.inactive_days) AS churned_on,
    LEAD(m.month) OVER (PARTITION BY m.customer_id ORDER BY m.month ASC NULLS FIRST) AS next_month
  FROM monthly AS m
  CROSS JOIN chosen AS c
)
SELECT
  customer_id,
  churned_on,
  month_start(churned_on) AS first_month,
  COALESCE(add_months_to(next_month, -1), CAST('9999-12-01' AS DATE)) AS last_month
FROM silences
WHERE next_month IS NULL OR churned_on < next_month
