-- The newest state of each customer.
WITH ranked AS (
  SELECT
    v.*,
    ROW_NUMBER() OVER (PARTITION BY v.customer_id ORDER BY v._effective DESC NULLS LAST) AS place
  FROM stg_customer_version AS v
)
SELECT
  customer_id,
  first_name,
  last_name,
  birth_date,
  age,
  gender,
  geography,
  is_active,
  tenure_months,
  date_opened,
  date_closed,
  segment{{ attributes }},
  _effective,
  _source,
  _load_id,
  _row,
  _recorded_at
FROM ranked
WHERE place = 1
