-- What became of the customers who opened in the same quarter, quarter after quarter. A cell is the state at
-- the end of a quarter (of the running one: in the month of the business date), so all of the cohort are in it.
WITH opened AS (
  SELECT
    m.customer_id,
    COALESCE(MIN(month_start(c.date_opened)), MIN(m.month)) AS opening_month
  FROM fact_customer_metrics AS m
  INNER JOIN dim_customer AS c ON c.customer_id = m.customer_id
  GROUP BY m.customer_id
),
cells AS (
  SELECT
    EXTRACT(YEAR FROM o.opening_month) AS opening_year,
    EXTRACT(QUARTER FROM o.opening_month) AS opening_quarter,
    EXTRACT(YEAR FROM m.month) AS cell_year,
    EXTRACT(QUARTER FROM m.month) AS cell_quarter,
    m.is_churned,
    m.total_balance,
    m.clv
  FROM fact_customer_metrics AS m
  INNER JOIN opened AS o ON o.customer_id = m.customer_id
  WHERE m.month >= o.opening_month AND (m.is_current OR EXTRACT(MONTH FROM m.month) IN (3, 6, 9, 12))
)
SELECT
  CAST(opening_year AS STRING) || '-Q' || CAST(opening_quarter AS STRING) AS cohort,
  CAST(((cell_year - opening_year) * 4 + cell_quarter - opening_quarter) * 3 AS INTEGER) AS months_since_opening,
  CAST(cell_year AS STRING) || '-Q' || CAST(cell_quarter AS STRING) AS quarter,
  COUNT(*) AS customers,
  CAST(SUM(CASE WHEN is_churned THEN 0 ELSE 1 END) AS BIGINT) AS retained,
  CAST(SUM(CASE WHEN is_churned THEN 0 ELSE 1 END) AS DOUBLE) * 100e0 / NULLIF(CAST(COUNT(*) AS DOUBLE), 0e0)
    AS retained_percentage,
  CAST(SUM(total_balance) AS DOUBLE) / NULLIF(CAST(COUNT(*) AS DOUBLE), 0e0) AS avg_balance,
  CAST(SUM(clv) AS DOUBLE) / NULLIF(CAST(COUNT(*) AS DOUBLE), 0e0) AS avg_clv
FROM cells
GROUP BY opening_year, opening_quarter, cell_year, cell_quarter
ORDER BY cohort ASC NULLS LAST, months_since_opening ASC NULLS LAST
