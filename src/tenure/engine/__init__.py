"""The only room that knows the engines: a protocol, DuckDB, Spark and the shim functions."""
