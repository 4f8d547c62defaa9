-- The share still customers at each age. One row of the report card is one customer at one age, so every
-- age rests on those customers whose state at that age is known. Those of them who were known from their
-- opening on are also counted on their own: no survivors among them who were first seen years later.
WITH opened AS (
  SELECT
    m.customer_id,
    COALESCE(MIN(month_start(c.date_opened)), MIN(m.month)) AS opening_month,
    COALESCE(MIN(m.month) <= MIN(month_start(c.date_opened)), FALSE) AS is_followed
  FROM fact_customer_metrics AS m
  INNER JOIN dim_customer AS c ON c.customer_id = m.customer_id
  GROUP BY m.customer_id
),
aged AS (
  SELECT
    CAST(
      (EXTRACT(YEAR FROM m.month) - EXTRACT(YEAR FROM o.opening_month)) * 12
      + EXTRACT(MONTH FROM m.month) - EXTRACT(MONTH FROM o.opening_month)
      AS INTEGER
    ) AS months_since_opening,
    o.is_followed,
    m.is_churned,
    m.active_at_start,
    m.churned_in_month
  FROM fact_customer_metrics AS m
  INNER JOIN opened AS o ON o.customer_id = m.customer_id
  WHERE m.month >= o.opening_month
)
SELECT
  months_since_opening,
  COUNT(*) AS customers,
  CAST(SUM(CASE WHEN is_churned THEN 0 ELSE 1 END) AS BIGINT) AS retained,
  CAST(SUM(CASE WHEN is_churned THEN 0 ELSE 1 END) AS DOUBLE) * 100e0 / NULLIF(CAST(COUNT(*) AS DOUBLE), 0e0)
    AS retained_percentage,
  CAST(SUM(CASE WHEN is_followed THEN 1 ELSE 0 END) AS BIGINT) AS followed,
  CAST(SUM(CASE WHEN is_followed AND NOT COALESCE(is_churned, FALSE) THEN 1 ELSE 0 END) AS DOUBLE) * 100e0
    / NULLIF(CAST(SUM(CASE WHEN is_followed THEN 1 ELSE 0 END) AS DOUBLE), 0e0) AS followed_retained_percentage,
  CAST(SUM(CASE WHEN active_at_start THEN 1 ELSE 0 END) AS BIGINT) AS active_at_start,
  CAST(SUM(CASE WHEN churned_in_month THEN 1 ELSE 0 END) AS BIGINT) AS left_in_month,
  CAST(SUM(CASE WHEN churned_in_month THEN 1 ELSE 0 END) AS DOUBLE) * 100e0
    / NULLIF(CAST(SUM(CASE WHEN active_at_start THEN 1 ELSE 0 END) AS DOUBLE), 0e0) AS churn_rate_percentage
FROM aged
GROUP BY months_since_opening
ORDER BY months_since_opening ASC NULLS LAST
