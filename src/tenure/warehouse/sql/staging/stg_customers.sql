-- The newest record of each customer, and whether the source has dropped the customer since.
WITH told AS (
  SELECT
    v.*,
    SUM(CASE WHEN v._deleted THEN 0 ELSE 1 END) OVER (
      PARTITION BY v.customer_id ORDER BY v._effective DESC NULLS LAST, v._deleted DESC NULLS LAST
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS records,
    LAG(CASE WHEN v._deleted THEN v._effective END) OVER (
      PARTITION BY v.customer_id ORDER BY v._effective DESC NULLS LAST, v._deleted DESC NULLS LAST
    ) AS _deleted_on
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
  _deleted_on,
  _effective,
  _source,
  _load_id,
  _row,
  _recorded_at
FROM told
WHERE records = 1 AND NOT _deleted
