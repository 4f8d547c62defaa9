-- One row per customer and state. A delivery that repeats the state before it makes no version; a late one
-- falls into its place, for the ends are reckoned from the beginnings. A delete ends the version before it
-- and makes none of its own; whatever comes after it begins a new one, even if it is the same as before.
WITH compared AS (
  SELECT
    v.*,
    LAG(v._content) OVER (PARTITION BY v.customer_id ORDER BY v._effective ASC NULLS FIRST) AS content_before,
    LAG(v._deleted) OVER (PARTITION BY v.customer_id ORDER BY v._effective ASC NULLS FIRST) AS deleted_before
  FROM stg_customer_version AS v
  WHERE v._holds
),
turns AS (
  SELECT
    c.*,
    LEAD(c._effective) OVER (PARTITION BY c.customer_id ORDER BY c._effective ASC NULLS FIRST) AS next_from,
    LEAD(c._deleted) OVER (PARTITION BY c.customer_id ORDER BY c._effective ASC NULLS FIRST) AS next_deleted
  FROM compared AS c
  WHERE c.deleted_before IS NULL OR c.deleted_before <> c._deleted OR c.content_before <> c._content
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
  CASE WHEN next_from IS NULL THEN 'open' WHEN next_deleted THEN 'deleted at source' ELSE 'superseded' END AS closed_by,
  _effective AS known_at,
  _recorded_at AS recorded_at
FROM turns
WHERE NOT _deleted
