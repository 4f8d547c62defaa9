-- Where the balance of the customers went, month by month: opening + newcomers + inflow - outflow - leavers = closing,
-- to the cent. A customer counts from being known and not churned until leaving or being deleted.
-- Newcomers are whoever is there at the end but not among those who stayed, leavers the same at the beginning.
WITH held AS (
  SELECT m.customer_id, m.month, m.total_balance
  FROM fact_customer_metrics AS m
  WHERE NOT COALESCE(m.is_churned, FALSE)
),
closed AS (
  SELECT
    month,
    add_months_to(month, 1) AS next_month,
    COUNT(*) AS customers,
    CAST(SUM(total_balance) AS DECIMAL(18,2)) AS balance
  FROM held
  GROUP BY month
),
stayed AS (
  SELECT
    c.next_month AS month,
    COUNT(*) AS customers,
    CAST(SUM(b.total_balance) AS DECIMAL(18,2)) AS balance_before,
    CAST(SUM(n.total_balance) AS DECIMAL(18,2)) AS balance_now,
    CAST(SUM(GREATEST(n.total_balance, b.total_balance) - b.total_balance) AS DECIMAL(18,2)) AS inflow,
    CAST(SUM(b.total_balance - LEAST(n.total_balance, b.total_balance)) AS DECIMAL(18,2)) AS outflow
  FROM held AS b
  INNER JOIN closed AS c ON c.month = b.month
  INNER JOIN held AS n ON n.customer_id = b.customer_id AND n.month = c.next_month
  GROUP BY c.next_month
),
ends AS (
  SELECT
    month,
    CAST(0 AS BIGINT) AS customers_before,
    CAST(0 AS DECIMAL(18,2)) AS balance_before,
    customers AS customers_now,
    balance AS balance_now
  FROM closed
  UNION ALL
  SELECT c.next_month, c.customers, c.balance, CAST(0 AS BIGINT), CAST(0 AS DECIMAL(18,2))
  FROM closed AS c
  CROSS JOIN today AS t
  WHERE c.month < month_start(t.business_date)
),
months AS (
  SELECT
    month,
    CAST(SUM(customers_before) AS BIGINT) AS customers_before,
    CAST(SUM(balance_before) AS DECIMAL(18,2)) AS balance_before,
    CAST(SUM(customers_now) AS BIGINT) AS customers_now,
    CAST(SUM(balance_now) AS DECIMAL(18,2)) AS balance_now
  FROM ends
  GROUP BY month
)
SELECT
  SUBSTR(CAST(m.month AS STRING), 1, 7) AS month,
  m.balance_before AS opening_balance,
  CAST(m.balance_now - COALESCE(s.balance_now, CAST(0 AS DECIMAL(18,2))) AS DECIMAL(18,2)) AS newcomers_balance,
  COALESCE(s.inflow, CAST(0 AS DECIMAL(18,2))) AS inflow,
  COALESCE(s.outflow, CAST(0 AS DECIMAL(18,2))) AS outflow,
  CAST(m.balance_before - COALESCE(s.balance_before, CAST(0 AS DECIMAL(18,2))) AS DECIMAL(18,2)) AS leavers_balance,
  m.balance_now AS closing_balance,
  CAST(m.customers_now - COALESCE(s.customers, 0) AS BIGINT) AS newcomers,
  CAST(m.customers_before - COALESCE(s.customers, 0) AS BIGINT) AS leavers,
  m.customers_now AS customers
FROM months AS m
LEFT JOIN stayed AS s ON s.month = m.month
ORDER BY month ASC NULLS LAST
