"""Writes tables of a release to where other systems read them: a MariaDB table, a CSV or Parquet file."""
