-- Customers by how recently, how often and for how much they made transactions in the last 365 days. A band is a
-- fifth of the customers who made any; equal values share a band. 5 is the most recent, the most and the largest.
WITH made AS (
  SELECT
    a.customer_id,
    days_between(MAX(a.activity_date), MAX(t.business_date)) AS days_since_last,
    COUNT(*) AS transactions,
    CAST(SUM(ABS(a.amount)) AS DECIMAL(18,2)) AS amount
  FROM fact_customer_activity AS a
  CROSS JOIN today AS t
  WHERE
    a.activity_type = 'transaction'
    AND a.activity_date > add_days_to(t.business_date, -365) AND a.activity_date <= t.business_date
  GROUP BY a.customer_id
),
current_customers AS (
  SELECT m.customer_id, m.is_churned, m.total_balance, d.days_since_last, d.transactions, d.amount
  FROM fact_customer_metrics AS m
  LEFT JOIN made AS d ON d.customer_id = m.customer_id
  WHERE m.is_current
),
ranked AS (
  SELECT
    c.*,
    RANK() OVER (ORDER BY c.days_since_last DESC NULLS FIRST) AS recency_rank,
    RANK() OVER (ORDER BY c.transactions ASC NULLS FIRST) AS frequency_rank,
    RANK() OVER (ORDER BY c.amount ASC NULLS FIRST) AS monetary_rank,
    COUNT(*) OVER (PARTITION BY 1) AS ranked_customers
  FROM current_customers AS c
  WHERE c.transactions IS NOT NULL
),
banded AS (
  SELECT
    r.*,
    CAST(FLOOR(CAST((r.recency_rank - 1) * 5 AS DOUBLE) / NULLIF(CAST(r.ranked_customers AS DOUBLE), 0e0)) AS BIGINT) + 1
      AS recency,
    CAST(FLOOR(CAST((r.frequency_rank - 1) * 5 AS DOUBLE) / NULLIF(CAST(r.ranked_customers AS DOUBLE), 0e0)) AS BIGINT) + 1
      AS frequency,
    CAST(FLOOR(CAST((r.monetary_rank - 1) * 5 AS DOUBLE) / NULLIF(CAST(r.ranked_customers AS DOUBLE), 0e0)) AS BIGINT) + 1
      AS monetary
  FROM ranked AS r
),
named AS (
  SELECT
    CASE
      WHEN recency >= 4 AND frequency >= 4 AND monetary >= 4 THEN 'champions'
      WHEN recency >= 3 AND frequency >= 3 THEN 'loyal'
      WHEN recency >= 4 THEN 'promising'
      WHEN recency = 3 THEN 'needs attention'
      WHEN frequency >= 4 AND monetary >= 4 THEN 'cannot lose'
      WHEN frequency >= 3 THEN 'at risk'
      ELSE 'hibernating'
    END AS rfm_segment,
    is_churned, total_balance, days_since_last, transactions, amount
  FROM banded
  UNION ALL
  SELECT 'no transactions', is_churned, total_balance, days_since_last, transactions, amount
  FROM current_customers
  WHERE transactions IS NULL
)
SELECT
  rfm_segment,
  COUNT(*) AS customers,
  CAST(SUM(CASE WHEN is_churned THEN 1 ELSE 0 END) AS BIGINT) AS churned_customers,
  CAST(SUM(CASE WHEN is_churned THEN 1 ELSE 0 END) AS DOUBLE) * 100e0 / NULLIF(CAST(COUNT(*) AS DOUBLE), 0e0)
    AS churned_percentage,
  CAST(SUM(days_since_last) AS DOUBLE) / NULLIF(CAST(COUNT(days_since_last) AS DOUBLE), 0e0) AS avg_days_since_last,
  CAST(SUM(transactions) AS DOUBLE) / NULLIF(CAST(COUNT(transactions) AS DOUBLE), 0e0) AS avg_transactions,
  CAST(SUM(amount) AS DOUBLE) / NULLIF(CAST(COUNT(amount) AS DOUBLE), 0e0) AS avg_amount,
  CAST(SUM(total_balance) AS DECIMAL(18,2)) AS total_balance
FROM named
GROUP BY rfm_segment
ORDER BY total_balance DESC NULLS LAST, rfm_segment ASC NULLS LAST
