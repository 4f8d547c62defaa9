-- Stretches of months at whose ends a customer counts as churned by silence or by balance; empty where another
-- definition is in force. The month of the business date ends with the business date.
SELECT i.customer_id, i.first_month, i.last_month
FROM int_churn_inactivity AS i
CROSS JOIN today AS t
WHERE i.churned_on <= t.business_date
UNION ALL
SELECT customer_id, first_month, last_month
FROM int_churn_balance
