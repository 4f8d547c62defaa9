-- Who took up or dropped a product between the newest month with usage records and the month before it.
-- A product is held in a month when the month has a usage record of it.
WITH newest AS (
  SELECT MAX(u.period) AS month
  FROM dim_usage AS u
  CROSS JOIN today AS t
  WHERE u.period <= month_start(t.business_date)
),
held AS (
  SELECT
    u.customer_id,
    u.product_type,
    n.month,
    MAX(CASE WHEN u.period = n.month THEN 1 ELSE 0 END) AS held_now,
    MAX(CASE WHEN u.period = n.month THEN 0 ELSE 1 END) AS held_before
  FROM dim_usage AS u
  INNER JOIN newest AS n ON u.period = n.month OR u.period = add_months_to(n.month, -1)
  GROUP BY u.customer_id, u.product_type, n.month
),
placed AS (
  SELECT
    h.*,
    SUM(h.held_before) OVER (
      PARTITION BY h.customer_id ORDER BY h.product_type ASC NULLS LAST
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS place_before,
    SUM(h.held_now) OVER (
      PARTITION BY h.customer_id ORDER BY h.product_type ASC NULLS LAST
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS place_now
  FROM held AS h
),
listed AS (
  SELECT
    customer_id,
    month,
    CAST(SUM(held_before) AS BIGINT) AS products_before,
    CAST(SUM(held_now) AS BIGINT) AS products_now,
    CAST(SUM(held_before * held_now) AS BIGINT) AS products_kept,
    MAX(CASE WHEN held_before = 1 AND place_before = 1 THEN product_type END) AS before_1,
    MAX(CASE WHEN held_before = 1 AND place_before = 2 THEN product_type END) AS before_2,
    MAX(CASE WHEN held_before = 1 AND place_before = 3 THEN product_type END) AS before_3,
    MAX(CASE WHEN held_before = 1 AND place_before = 4 THEN product_type END) AS before_4,
    MAX(CASE WHEN held_before = 1 AND place_before = 5 THEN product_type END) AS before_5,
    MAX(CASE WHEN held_now = 1 AND place_now = 1 THEN product_type END) AS now_1,
    MAX(CASE WHEN held_now = 1 AND place_now = 2 THEN product_type END) AS now_2,
    MAX(CASE WHEN held_now = 1 AND place_now = 3 THEN product_type END) AS now_3,
    MAX(CASE WHEN held_now = 1 AND place_now = 4 THEN product_type END) AS now_4,
    MAX(CASE WHEN held_now = 1 AND place_now = 5 THEN product_type END) AS now_5
  FROM placed
  GROUP BY customer_id, month
),
moved AS (
  SELECT
    l.month,
    COALESCE(l.before_1, 'none') || COALESCE(' + ' || l.before_2, '') || COALESCE(' + ' || l.before_3, '')
    || COALESCE(' + ' || l.before_4, '') || COALESCE(' + ' || l.before_5, '')
    || CASE WHEN l.products_before > 5 THEN ' + ' || CAST(l.products_before - 5 AS STRING) || ' more' ELSE '' END
      AS from_products,
    COALESCE(l.now_1, 'none') || COALESCE(' + ' || l.now_2, '') || COALESCE(' + ' || l.now_3, '')
    || COALESCE(' + ' || l.now_4, '') || COALESCE(' + ' || l.now_5, '')
    || CASE WHEN l.products_now > 5 THEN ' + ' || CAST(l.products_now - 5 AS STRING) || ' more' ELSE '' END
      AS to_products,
    CASE
      WHEN l.products_before = 0 THEN 'no record before'
      WHEN l.products_now = 0 AND m.is_churned THEN 'left'
      WHEN l.products_now = 0 THEN 'no record now'
      WHEN l.products_kept = l.products_before AND l.products_kept = l.products_now THEN 'unchanged'
      WHEN l.products_kept = l.products_before THEN 'took up'
      WHEN l.products_kept = l.products_now THEN 'dropped'
      ELSE 'switched'
    END AS change,
    m.total_balance
  FROM listed AS l
  INNER JOIN fact_customer_metrics AS m ON m.customer_id = l.customer_id AND m.is_current
),
whole AS (
  SELECT CAST(COUNT(*) AS DOUBLE) AS customers FROM moved
)
SELECT
  SUBSTR(CAST(x.month AS STRING), 1, 7) AS month,
  x.from_products,
  x.to_products,
  x.change,
  COUNT(*) AS customers,
  CAST(COUNT(*) AS DOUBLE) * 100e0 / NULLIF(MAX(w.customers), 0e0) AS share_percentage,
  CAST(SUM(x.total_balance) AS DECIMAL(18,2)) AS total_balance
FROM moved AS x
CROSS JOIN whole AS w
GROUP BY x.month, x.from_products, x.to_products, x.change
ORDER BY
  CASE WHEN x.change IN ('took up', 'dropped', 'switched') THEN 0 ELSE 1 END ASC NULLS LAST,
  customers DESC NULLS LAST, from_products ASC NULLS LAST, to_products ASC NULLS LAST, change ASC NULLS LAST
