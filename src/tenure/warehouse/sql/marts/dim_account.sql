-- Accounts and their holders as they are now.
SELECT
  a.account_id,
  a.customer_id,
  a.role,
  a.product_type,
  a.date_opened,
  a.date_closed,
  a.currency,
  COALESCE(a.date_closed > t.business_date, TRUE) AS is_open{{ attributes }}
FROM stg_accounts AS a
CROSS JOIN today AS t
