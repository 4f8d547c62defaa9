-- The monthly churn rate that lifetime value is reckoned with, and the annuity that follows from it.
-- c = (left + 0.5) / (exposed + 1), Jeffreys' estimate over the last twelve months. While no month has
-- been observed from its start, the months that customers lived before they were known stand in:
-- left = customers churned, exposed = their tenure. annuity = sum over t = 1..horizon of
-- ((1 - c) / (1 + d)^(1/12))^t, a geometric series.
WITH pooled AS (
  SELECT
    month,
    churned,
    lived,
    SUM(exposed) OVER (ORDER BY month ASC NULLS FIRST ROWS BETWEEN 11 PRECEDING AND CURRENT ROW) AS exposed,
    SUM(left_in_month) OVER (ORDER BY month ASC NULLS FIRST ROWS BETWEEN 11 PRECEDING AND CURRENT ROW) AS left_in_year
  FROM int_churn_month
),
rates AS (
  SELECT
    month,
    CASE
      WHEN exposed > 0 THEN (CAST(left_in_year AS DOUBLE) + 0.5e0) / NULLIF(CAST(exposed AS DOUBLE) + 1e0, 0e0)
      ELSE (CAST(churned AS DOUBLE) + 0.5e0) / NULLIF(CAST(lived AS DOUBLE) + 1e0, 0e0)
    END AS monthly_churn_rate
  FROM pooled
),
survivals AS (
  SELECT
    r.month,
    r.monthly_churn_rate,
    (1e0 - r.monthly_churn_rate) * s.monthly_discount_factor AS step,
    s.horizon_months
  FROM rates AS r
  CROSS JOIN setting AS s
)
SELECT
  month,
  monthly_churn_rate,
  step * (1e0 - power_of(step, horizon_months)) / NULLIF(1e0 - step, 0e0) / 12e0 AS annuity_years
FROM survivals
