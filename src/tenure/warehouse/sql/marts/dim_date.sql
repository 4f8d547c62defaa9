-- The days from the year of the first event or state to the end of the business date's year.
WITH days AS (
  SELECT activity_date AS day FROM fact_customer_activity
  UNION ALL
  SELECT valid_from FROM dim_customer_history
  UNION ALL
  SELECT business_date FROM today
),
years AS (
  SELECT EXTRACT(YEAR FROM MIN(d.day)) AS first_year FROM days AS d
)
SELECT
  c.date,
  c.month,
  c.quarter,
  c.year,
  c.iso_weekday,
  c.month_name
FROM calendar AS c
CROSS JOIN years AS y
CROSS JOIN today AS t
WHERE c.year >= y.first_year AND c.year <= EXTRACT(YEAR FROM t.business_date)
