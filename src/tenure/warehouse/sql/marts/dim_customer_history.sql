-- One row per customer and state. A delivery that repeats the state before it makes no version; a late
-- one falls into its place, for the ends are reckoned from the beginnings.
WITH compared AS (
  SELECT
    v.*,
    LAG(v._content) OVER (PARTITION BY v.customer_id ORDER BY v._effective ASC NULLS FIRST) AS content_before
  FROM stg_customer_version AS v
),
versions AS (
  SELECT
    c.*,
    LEAD(c._effective) OVER (PARTITION BY c.customer_id ORDER BY c._effective ASC NULLS FIRST) AS next_from
  FROM compared AS c
  WHERE c.content_before IS NULL OR c.content_before <> c._content
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
  _effective AS valid_from,
  COALESCE(add_days_to(next_from, -1), CAST('9999-12-31' AS DATE)) AS valid_to,
  next_from IS NULL AS is_current,
  _recorded_at AS recorded_at
FROM versions
