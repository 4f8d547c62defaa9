-- Every customer and month with what the customer did in it, the events of each kind added up on their own
-- before they meet. What happened before the customer was first known counts in the first month; what
-- happened while a customer was deleted counts in the month in which it returned.
-- latest_num_products travels packed with its date (days x 2^32 + number + 2^31), so that a MAX finds it.
WITH known AS (
  SELECT customer_id, MIN(month) AS first_month
  FROM int_customer_month
  GROUP BY customer_id
),
returned AS (
  SELECT customer_id, absent_from, month
  FROM int_customer_month
  WHERE absent_from IS NOT NULL
),
compared AS (
  SELECT
    customer_id,
    period,
    last_usage_date,
    num_products,
    monthly_balance,
    LAG(monthly_balance) OVER (
      PARTITION BY customer_id, product_type, monthly_balance IS NULL ORDER BY period ASC NULLS FIRST
    ) AS balance_before
  FROM dim_usage
),
used AS (
  SELECT
    u.customer_id,
    COALESCE(r.month, GREATEST(u.period, k.first_month)) AS month,
    SUM(u.monthly_balance) AS balance,
    SUM(u.balance_before) AS balance_before,
    MAX(
      CAST(
        days_between(CAST('0001-01-01' AS DATE), u.last_usage_date) * CAST(4294967296 AS BIGINT)
        + CAST(2147483648 AS BIGINT) + u.num_products
        AS BIGINT
      )
    ) AS packed_num_products
  FROM compared AS u
  INNER JOIN known AS k ON k.customer_id = u.customer_id
  LEFT JOIN returned AS r ON r.customer_id = u.customer_id AND u.period >= r.absent_from AND u.period < r.month
  GROUP BY u.customer_id, COALESCE(r.month, GREATEST(u.period, k.first_month))
),
first_seen AS (
  SELECT customer_id, MIN(period) AS period
  FROM dim_usage
  GROUP BY customer_id, product_type
),
opened AS (
  SELECT
    f.customer_id,
    COALESCE(r.month, GREATEST(f.period, k.first_month)) AS month,
    COUNT(*) AS new_products
  FROM first_seen AS f
  INNER JOIN known AS k ON k.customer_id = f.customer_id
  LEFT JOIN returned AS r ON r.customer_id = f.customer_id AND f.period >= r.absent_from AND f.period < r.month
  GROUP BY f.customer_id, COALESCE(r.month, GREATEST(f.period, k.first_month))
),
done AS (
  SELECT
    a.customer_id,
    COALESCE(r.month, GREATEST(month_start(a.activity_date), k.first_month)) AS month,
    COUNT(CASE WHEN a.activity_type = 'ticket' THEN 1 END) AS tickets,
    COUNT(a.resolution_time_hrs) AS resolved,
    SUM(a.resolution_time_hrs) AS resolution_hours,
    COUNT(CASE WHEN a.activity_type = 'offer' THEN 1 END) AS offers_made,
    COUNT(CASE WHEN a.accepted THEN 1 END) AS offers_accepted,
    COUNT(CASE WHEN a.activity_type = 'transaction' THEN 1 END) AS transactions,
    SUM(CASE WHEN a.activity_type = 'transaction' AND a.kind = 'fee' THEN a.amount END) AS fees
  FROM fact_customer_activity AS a
  INNER JOIN known AS k ON k.customer_id = a.customer_id
  LEFT JOIN returned AS r
    ON r.customer_id = a.customer_id AND month_start(a.activity_date) >= r.absent_from
    AND month_start(a.activity_date) < r.month
  WHERE a.activity_type <> 'usage'
  GROUP BY a.customer_id, COALESCE(r.month, GREATEST(month_start(a.activity_date), k.first_month))
)
SELECT
  m.customer_id,
  m.month,
  m.first_known,
  m.is_churned,
  m.active_at_start,
  m.churned_in_month,
  m.tenure_months,
  CAST(COALESCE(u.balance, 0) - COALESCE(u.balance_before, 0) AS DECIMAL(18,2)) AS balance_change,
  COALESCE(o.new_products, CAST(0 AS BIGINT)) AS new_products,
  u.packed_num_products,
  COALESCE(d.tickets, CAST(0 AS BIGINT)) AS tickets,
  COALESCE(d.resolved, CAST(0 AS BIGINT)) AS resolved,
  CAST(COALESCE(d.resolution_hours, 0) AS DECIMAL(18,2)) AS resolution_hours,
  COALESCE(d.offers_made, CAST(0 AS BIGINT)) AS offers_made,
  COALESCE(d.offers_accepted, CAST(0 AS BIGINT)) AS offers_accepted,
  COALESCE(d.transactions, CAST(0 AS BIGINT)) AS transactions,
  CAST(COALESCE(d.fees, 0) AS DECIMAL(18,2)) AS fees
FROM int_customer_month AS m
LEFT JOIN used AS u ON u.customer_id = m.customer_id AND u.month = m.month
LEFT JOIN done AS d ON d.customer_id = m.customer_id AND d.month = m.month
LEFT JOIN opened AS o ON o.customer_id = m.customer_id AND o.month = m.month
