-- What each source delivered, what became of it, and whether it is late on the business date.
SELECT
  source,
  entity,
  loads,
  records_in,
  loaded,
  quarantined,
  CAST(quarantined AS DOUBLE) * 100e0 / NULLIF(CAST(records_in AS DOUBLE), 0e0) AS quarantined_percentage,
  duplicates,
  unknown_customers,
  last_load_at,
  last_business_date,
  CASE
    WHEN days_between(last_business_date, business_date) > fresh_days THEN 'late'
    WHEN fresh_days IS NOT NULL THEN 'fresh'
  END AS freshness
FROM data_quality
CROSS JOIN today
ORDER BY quarantined_percentage DESC NULLS LAST, source ASC NULLS LAST, entity ASC NULLS LAST
