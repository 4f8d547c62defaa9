-- Exchange rates, cleaned. Newest delivery per currency and day; one that the source deleted is gone.
WITH trimmed AS (
  SELECT
    NULLIF(TRIM(BOTH ' ' FROM r.currency), '') AS _currency,
    r.*
  FROM raw_fx_rates AS r
),
ranked AS (
  SELECT
    t.*,
    ROW_NUMBER() OVER (
      PARTITION BY t._currency, t.rate_date ORDER BY t._effective DESC NULLS LAST, t._load_id DESC NULLS LAST, t._row DESC NULLS LAST
    ) AS place
  FROM trimmed AS t
)
SELECT
  _currency AS currency,
  rate_date,
  rate{{ attributes }},
  _source,
  _load_id,
  _row,
  _recorded_at
FROM ranked
WHERE place = 1 AND NOT _deleted
