-- Every state in which a customer was delivered, newest delivery per customer and effective date.
-- Records that take effect after the business date are not known to the business yet.
WITH ranked AS (
  SELECT
    r.*,
    ROW_NUMBER() OVER (
      PARTITION BY r.customer_id, r._effective
      ORDER BY r._load_id DESC NULLS LAST, r._row DESC NULLS LAST
    ) AS place
  FROM raw_customers AS r
  CROSS JOIN today AS t
  WHERE r._effective <= t.business_date
)
SELECT
  customer_id,
  NULLIF(TRIM(BOTH ' ' FROM first_name), '') AS first_name,
  NULLIF(TRIM(BOTH ' ' FROM last_name), '') AS last_name,
  birth_date,
  age,
  NULLIF(TRIM(BOTH ' ' FROM gender), '') AS gender,
  COALESCE(NULLIF(TRIM(BOTH ' ' FROM geography), ''), 'unknown') AS geography,
  COALESCE(is_active, TRUE) AS is_active,
  tenure_months,
  date_opened,
  date_closed,
  NULLIF(TRIM(BOTH ' ' FROM segment), '') AS segment{{ attributes }},
  _content,
  _effective,
  _source,
  _load_id,
  _row,
  _recorded_at
FROM ranked
WHERE place = 1
