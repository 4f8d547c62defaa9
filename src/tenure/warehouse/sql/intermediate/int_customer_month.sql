-- The state of every customer at the end of every month, from the month it was first known to the month of
-- the business date. A month without news carries the last state forward. A month at whose end the source
-- had deleted the customer has no row: a deleted customer is in no denominator.
-- Whether the customer had left by the month's end is decided here, and nowhere else.
WITH known AS (
  SELECT customer_id, MIN(valid_from) AS first_known
  FROM dim_customer_history
  GROUP BY customer_id
),
spans AS (
  SELECT
    h.customer_id,
    h.is_active,
    h.tenure_months,
    h.date_opened,
    h.date_closed,
    month_start(h.valid_from) AS first_month,
    CASE
      WHEN h.is_current THEN t.month
      ELSE add_months_to(month_start(add_days_to(h.valid_to, 1)), -1)
    END AS last_month
  FROM dim_customer_history AS h
  CROSS JOIN this_month AS t
),
monthly AS (
  -- Most states end with the month: these need no search of the calendar.
  SELECT s.*, s.first_month AS month
  FROM spans AS s
  WHERE s.first_month = s.last_month
  UNION ALL
  SELECT s.*, d.date
  FROM spans AS s
  INNER JOIN calendar AS d ON d.date >= s.first_month AND d.date <= s.last_month
  WHERE s.first_month < s.last_month AND d.date = d.month
),
stated AS (
  SELECT
    m.customer_id,
    k.first_known,
    m.month,
    CASE s.churn_definition
      WHEN 'status' THEN NOT m.is_active
      WHEN 'contract_end' THEN COALESCE(m.date_closed <= LAST_DAY(m.month), FALSE)
      ELSE c.customer_id IS NOT NULL
    END AS is_churned,
    CASE
      WHEN m.tenure_months IS NOT NULL THEN m.tenure_months
      ELSE
        (EXTRACT(YEAR FROM m.month) - EXTRACT(YEAR FROM m.date_opened)) * 12
        + EXTRACT(MONTH FROM m.month) - EXTRACT(MONTH FROM m.date_opened)
    END AS tenure_months
  FROM monthly AS m
  INNER JOIN known AS k ON k.customer_id = m.customer_id
  CROSS JOIN setting AS s
  LEFT JOIN int_churn_spell AS c
    ON c.customer_id = m.customer_id AND c.first_month <= m.month AND c.last_month >= m.month
),
flows AS (
  SELECT
    s.*,
    LAG(s.is_churned) OVER (PARTITION BY s.customer_id ORDER BY s.month ASC NULLS FIRST) AS was_churned,
    add_months_to(LAG(s.month) OVER (PARTITION BY s.customer_id ORDER BY s.month ASC NULLS FIRST), 1) AS due
  FROM stated AS s
)
SELECT
  customer_id,
  month,
  first_known,
  is_churned,
  COALESCE(NOT was_churned AND due = month, FALSE) AS active_at_start,
  is_churned AND COALESCE(NOT was_churned AND due = month, FALSE) AS churned_in_month,
  CASE WHEN due < month THEN due END AS absent_from,
  CAST(tenure_months AS INTEGER) AS tenure_months
FROM flows
