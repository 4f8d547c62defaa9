-- What each source delivered, and what became of it.
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
  last_business_date
FROM data_quality
ORDER BY quarantined_percentage DESC NULLS LAST, source ASC NULLS LAST, entity ASC NULLS LAST
