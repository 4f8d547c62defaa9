-- Every state in which a customer was delivered: for each customer and effective date the newest record, and
-- the newest delete marker where none came after it. A record that was deleted on the day on which it took
-- effect holds for no day, but stays here: it may be all that is known of a customer.
-- Few days have two deliveries of a customer, so only those are sorted.
WITH repeated AS (
  SELECT customer_id, _effective
  FROM raw_customers
  GROUP BY customer_id, _effective
  HAVING COUNT(*) > 1
),
ranked AS (
  SELECT
    r.*,
    ROW_NUMBER() OVER (
      PARTITION BY r.customer_id, r._effective ORDER BY r._load_id DESC NULLS LAST, r._row DESC NULLS LAST
    ) AS place,
    SUM(CASE WHEN r._deleted THEN 0 ELSE 1 END) OVER (
      PARTITION BY r.customer_id, r._effective ORDER BY r._load_id DESC NULLS LAST, r._row DESC NULLS LAST
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS records
  FROM raw_customers AS r
  INNER JOIN repeated AS d ON d.customer_id = r.customer_id AND d._effective = r._effective
),
settled AS (
  SELECT r.*, 1 AS place, 1 AS records
  FROM raw_customers AS r
  LEFT JOIN repeated AS d ON d.customer_id = r.customer_id AND d._effective = r._effective
  WHERE d.customer_id IS NULL
  UNION ALL
  SELECT r.* FROM ranked AS r
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
  _deleted,
  place = 1 AS _holds,
  _effective,
  _source,
  _load_id,
  _row,
  _recorded_at
FROM settled
WHERE place = 1 OR (records = 1 AND NOT _deleted)
