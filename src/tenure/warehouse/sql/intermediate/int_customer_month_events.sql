-- What each customer did in each month, the events of each kind added up on their own before they
-- meet. Events from before the customer was first known count in the first month.
WITH known AS (
  SELECT customer_id, MIN(month) AS first_month
  FROM int_customer_month
  GROUP BY customer_id
),
movements AS (
  SELECT
    customer_id,
    period,
    monthly_balance - COALESCE(
      LAG(monthly_balance) OVER (PARTITION BY customer_id, product_type ORDER BY period ASC NULLS FIRST),
      CAST(0 AS DECIMAL(18,2))
    ) AS balance_change
  FROM dim_usage
  WHERE monthly_balance IS NOT NULL
),
products AS (
  SELECT customer_id, product_type, MIN(period) AS period
  FROM dim_usage
  GROUP BY customer_id, product_type
),
happened AS (
  SELECT
    customer_id, period AS month, balance_change, 0 AS new_product, 0 AS tickets, 0 AS resolved,
    CAST(0 AS DECIMAL(10,2)) AS resolution_hours, 0 AS offers_made, 0 AS offers_accepted, 0 AS transactions,
    CAST(0 AS DECIMAL(18,2)) AS fees
  FROM movements
  UNION ALL
  SELECT
    customer_id, period, CAST(0 AS DECIMAL(18,2)), 1, 0, 0, CAST(0 AS DECIMAL(10,2)), 0, 0, 0, CAST(0 AS DECIMAL(18,2))
  FROM products
  UNION ALL
  SELECT
    customer_id, month_start(event_date), CAST(0 AS DECIMAL(18,2)), 0, 1,
    CASE WHEN resolution_time_hrs IS NOT NULL THEN 1 ELSE 0 END,
    COALESCE(resolution_time_hrs, CAST(0 AS DECIMAL(10,2))), 0, 0, 0, CAST(0 AS DECIMAL(18,2))
  FROM stg_tickets
  UNION ALL
  SELECT
    customer_id, month_start(event_date), CAST(0 AS DECIMAL(18,2)), 0, 0, 0, CAST(0 AS DECIMAL(10,2)), 1,
    CASE WHEN accepted THEN 1 ELSE 0 END, 0, CAST(0 AS DECIMAL(18,2))
  FROM stg_offers
  UNION ALL
  SELECT
    customer_id, month_start(event_date), CAST(0 AS DECIMAL(18,2)), 0, 0, 0, CAST(0 AS DECIMAL(10,2)), 0, 0, 1,
    CASE WHEN kind = 'fee' THEN amount ELSE CAST(0 AS DECIMAL(18,2)) END
  FROM stg_transactions
),
added AS (
  SELECT
    h.customer_id,
    GREATEST(h.month, k.first_month) AS month,
    CAST(SUM(h.balance_change) AS DECIMAL(18,2)) AS balance_change,
    CAST(SUM(h.new_product) AS BIGINT) AS new_products,
    CAST(SUM(h.tickets) AS BIGINT) AS tickets,
    CAST(SUM(h.resolved) AS BIGINT) AS resolved,
    CAST(SUM(h.resolution_hours) AS DECIMAL(18,2)) AS resolution_hours,
    CAST(SUM(h.offers_made) AS BIGINT) AS offers_made,
    CAST(SUM(h.offers_accepted) AS BIGINT) AS offers_accepted,
    CAST(SUM(h.transactions) AS BIGINT) AS transactions,
    CAST(SUM(h.fees) AS DECIMAL(18,2)) AS fees
  FROM happened AS h
  INNER JOIN known AS k ON k.customer_id = h.customer_id
  GROUP BY h.customer_id, GREATEST(h.month, k.first_month)
),
latest AS (
  SELECT
    u.customer_id,
    GREATEST(u.period, k.first_month) AS month,
    u.num_products,
    ROW_NUMBER() OVER (
      PARTITION BY u.customer_id, GREATEST(u.period, k.first_month)
      ORDER BY u.last_usage_date DESC NULLS LAST, u.num_products DESC NULLS LAST
    ) AS place
  FROM dim_usage AS u
  INNER JOIN known AS k ON k.customer_id = u.customer_id
  WHERE u.num_products IS NOT NULL
)
SELECT
  a.customer_id,
  a.month,
  a.balance_change,
  a.new_products,
  l.num_products AS latest_num_products,
  a.tickets,
  a.resolved,
  a.resolution_hours,
  a.offers_made,
  a.offers_accepted,
  a.transactions,
  a.fees
FROM added AS a
LEFT JOIN latest AS l ON l.customer_id = a.customer_id AND l.month = a.month AND l.place = 1
