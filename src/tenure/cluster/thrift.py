"""HiveServer2 of a local cluster: Spark's own, which beeline, Hue, DBeaver and PyHive talk to."""

from pathlib import Path

from tenure.cluster.layout import HOST, Layout
from tenure.cluster.processes import Daemons
from tenure.cluster.programs import Programs, python

_CLASS = "org.apache.spark.sql.hive.thriftserver.HiveThriftServer2"


def start_thrift(layout: Layout, programs: Programs, daemons: Daemons) -> None:
    """Start the server unless it runs. Returns before it is ready."""
    settings = {
        "spark.ui.enabled": "false",
        "spark.driver.bindAddress": HOST,
        "spark.driver.host": HOST,
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.parquet.inferTimestampNTZ.enabled": "false",
        "spark.sql.catalogImplementation": "hive",
        "spark.hadoop.hive.metastore.uris": layout.metastore,
        "spark.sql.warehouse.dir": f"{layout.namenode}/user/hive/warehouse",
        "spark.local.dir": str(layout.folder / "spark"),
    }
    options = [word for name, value in settings.items() for word in ("--conf", f"{name}={value}")]
    served = {
        "hive.server2.thrift.port": str(layout.ports["thrift"]),
        "hive.server2.thrift.bind.host": HOST,
        "hive.server2.authentication": "NONE",
    }
    hive = [word for name, value in served.items() for word in ("--hiveconf", f"{name}={value}")]
    words = [*submit(programs), "--driver-memory", "768m", "--class", _CLASS, "--name", "tenure-thrift", *options]
    daemons.start("thrift", [*words, "spark-internal", *hive], spark_environment(layout, programs))


def submit(programs: Programs) -> list[str | Path]:
    """The beginning of a command line that Spark runs on this machine."""
    return [programs.spark / "bin" / "spark-submit", "--master", "local[2]"]


def spark_environment(layout: Layout, programs: Programs) -> dict[str, str]:
    """What Spark must know of the machine and the cluster."""
    return {
        "HADOOP_CONF_DIR": str(layout.settings),
        "SPARK_HOME": str(programs.spark),
        "SPARK_LOCAL_IP": HOST,  # Spark otherwise binds another address of this machine
        "PYSPARK_PYTHON": python(),
        "JAVA_HOME": str(programs.java.resolve().parent.parent),
    }
