"""Starting and stopping a local Spark: a quiet Java process of our own, with the settings that parity needs."""

import os
import re
import shutil
import sys
import warnings
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen, TimeoutExpired
from typing import Any

from tenure.core.errors import TenureError
from tenure.engine.shims import SPARK_SHIMS

try:
    from py4j.protocol import Py4JError  # pyright: ignore[reportMissingTypeStubs]
    from pyspark import SparkConf, SparkContext
    from pyspark.errors import PySparkRuntimeError
    from pyspark.java_gateway import launch_gateway  # pyright: ignore[reportUnknownVariableType]
    from pyspark.logger import PySparkLogger
    from pyspark.sql import SparkSession
except ImportError as error:
    raise TenureError("Spark is not installed", cure="pip install 'tenure[spark]'") from error

JAVA_CURE = "install Java 17 or newer (apt-get install default-jre-headless), or set JAVA_HOME"

# How Spark must read SQL to agree with DuckDB. Each line is held by a test of the parity suite.
SQL_SETTINGS: Mapping[str, str] = {
    "spark.sql.ansi.enabled": "true",
    "spark.sql.ansi.doubleQuotedIdentifiers": "true",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",  # a TIMESTAMP without a zone, as in DuckDB
    "spark.sql.decimalOperations.allowPrecisionLoss": "false",  # an error rather than a rounded product
    "spark.sql.variable.substitute": "false",  # "${x}" in a text is a text
    "spark.sql.parquet.compression.codec": "zstd",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.pyspark.jvmStacktrace.enabled": "false",
}

_LOG_TO_FILE = """\
rootLogger.level = error
rootLogger.appenderRef.file.ref = file
appender.file.type = File
appender.file.name = file
appender.file.fileName = {log}
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d %p %c: %m%n%ex
"""

_UNITS = {"K": 1 / 1024, "M": 1, "G": 1024, "T": 1024 * 1024}


@dataclass(frozen=True)
class LocalSpark:
    """A session and the Java process behind it."""

    session: SparkSession
    _gateway: Any
    _process: Popen[bytes]

    def stop(self) -> None:
        """Stop the session, then the Java process; nothing of either is left. A second call does nothing."""
        if self._process.returncode is not None:
            return
        try:
            # A Java process that has died leaves nothing to stop; pyspark may warn of it, depending on timing.
            with suppress(Py4JError, ConnectionError), warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Unable to cleanly shutdown", RuntimeWarning)
                self.session.stop()
                self._gateway.shutdown()
        finally:
            _forget_gateway()
            if self._process.stdin is not None:
                self._process.stdin.close()  # Spark's launcher ends when its input does
            try:
                self._process.wait(timeout=20)
            except TimeoutExpired:
                self._process.kill()
                self._process.wait()


def start(folder: Path, *, memory: str, threads: int | None) -> LocalSpark:
    """A local Spark whose every file is under `folder`; `memory` as in "4GB".

    Raises TenureError when there is no Java, when it does not start, or when this process has a Spark already.
    """
    if getattr(SparkContext, "_active_spark_context", None) is not None:
        raise TenureError("this process runs a Spark already", cure="close the other engine first")
    if not os.environ.get("JAVA_HOME") and shutil.which("java") is None:
        raise TenureError("Spark needs Java, and there is none", cure=JAVA_CURE)
    conf = _conf(folder, memory, threads or os.cpu_count() or 1)
    log = folder / "spark.log"
    with _environment({"SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable}):
        with log.open("ab") as output:
            gateway = _launch(conf, output, log)
        process: Popen[bytes] = gateway.proc
        context = SparkContext(conf=conf, gateway=gateway)
    # These two print the values that broke a query to the console.
    for name in ("SQLQueryContextLogger", "DataFrameQueryContextLogger"):
        PySparkLogger.getLogger(name).disabled = True
    session = SparkSession(context)
    for statement in SPARK_SHIMS:
        session.sql(statement)
    return LocalSpark(session, gateway, process)


def _conf(folder: Path, memory: str, threads: int) -> SparkConf:
    log_settings = folder / "log4j2.properties"
    log_settings.write_text(_LOG_TO_FILE.format(log=(folder / "spark.log").as_posix()), encoding="utf-8")
    java_options = f"-Dlog4j2.configurationFile={log_settings.as_uri()} -XX:-UsePerfData"
    conf = SparkConf(loadDefaults=False)
    for key, value in {
        "spark.app.name": "tenure",
        "spark.master": f"local[{threads}]",
        "spark.driver.memory": f"{_megabytes(memory)}m",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.extraJavaOptions": java_options,
        "spark.local.dir": str(folder / "spill"),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.shuffle.partitions": str(threads),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        **SQL_SETTINGS,
    }.items():
        conf.set(key, value)
    return conf


def _launch(conf: SparkConf, output: Any, log: Path) -> Any:
    try:
        return launch_gateway(conf, {"stdout": output, "stderr": output})
    except PySparkRuntimeError as error:
        said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        reason = f": {said[0].strip()}" if said else ""
        raise TenureError(f"Java did not start Spark{reason}", cure=JAVA_CURE) from error


def _megabytes(memory: str) -> int:
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*([KMGT])i?B", memory.strip(), flags=re.IGNORECASE)
    if match is None:
        raise TenureError(f"{memory!r} is not an amount of memory", cure='write it as "4GB"')
    return max(512, int(float(match[1]) * _UNITS[match[2].upper()]))


@contextmanager
def _environment(values: Mapping[str, str]) -> Generator[None]:
    """Set environment variables for the Java process about to start, and put the old ones back."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _forget_gateway() -> None:
    """Make pyspark start anew: it keeps a gateway for ever, and would speak to a dead one after `stop`."""
    setattr(SparkContext, "_gateway", None)  # noqa: B010
    setattr(SparkContext, "_jvm", None)  # noqa: B010
    setattr(SparkContext, "_active_spark_context", None)  # noqa: B010
    setattr(SparkSession, "_instantiatedSession", None)  # noqa: B010
