-- Accounts and their holders, cleaned. Newest record per account and holder; one that the source deleted is gone.
WITH ranked AS (
  SELECT
    r.*,
    ROW_NUMBER() OVER (
      PARTITION BY r.account_id, r.customer_id ORDER BY r._effective DESC NULLS LAST, r._load_id DESC NULLS LAST, r._row DESC NULLS LAST
    ) AS place
  FROM raw_accounts AS r
)
SELECT
  account_id,
  customer_id,
  NULLIF(TRIM(BOTH ' ' FROM role), '') AS role,
  NULLIF(TRIM(BOTH ' ' FROM product_type), '') AS product_type,
  date_opened,
  date_closed,
  NULLIF(TRIM(BOTH ' ' FROM currency), '') AS currency{{ attributes }},
  _source,
  _load_id,
  _row,
  _recorded_at
FROM ranked
WHERE place = 1 AND NOT _deleted
