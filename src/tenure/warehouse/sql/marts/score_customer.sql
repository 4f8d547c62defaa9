-- Every score of a customer, with who gave it, when and why. Until a predictor is trained, the one score is the
-- lifetime value by the stated formula.
SELECT
  customer_id,
  month AS cut_off,
  'clv' AS score,
  'stated formula' AS predictor_id,
  CAST(clv AS DOUBLE) AS value,
  'balance x margin and fees of a year, times the annuity of the observed churn rate' AS reasons
FROM fact_customer_metrics
