"""A real cluster on one machine, for trial and tests: HDFS, Hive metastore and Spark's HiveServer2, on loopback."""
