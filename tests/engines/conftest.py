"""The two engines, each started once for all tests of a worker, and a bank for both to read."""

from collections.abc import Generator

import pytest

from tenure.core.settings import Project
from tenure.engine.duckdb import DuckDBEngine
from tenure.engine.protocol import Engine
from tests.engines.growing_bank import grow

_HASTY = {
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
}


@pytest.fixture(scope="session")
def duckdb_engine(tmp_path_factory: pytest.TempPathFactory) -> Generator[Engine]:
    engine = DuckDBEngine(tmp_path_factory.mktemp("duckdb"), memory="1GB", threads=2)
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def spark_engine(tmp_path_factory: pytest.TempPathFactory) -> Generator[Engine]:
    from tenure.engine.spark import SparkEngine

    with pytest.MonkeyPatch.context() as patch:
        # Many small queries: half of the processor time would go into optimising Java code that runs once. The
        # cache of compiled code, small without that, must hold what thousands of queries compile.
        options = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:ReservedCodeCacheSize=256m"
        patch.setenv("JDK_JAVA_OPTIONS", options)
        engine = SparkEngine(tmp_path_factory.mktemp("spark"), memory="1GB", threads=2)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def hasty_spark(spark_engine: Engine) -> Generator[Engine]:
    """Spark for many statements over few rows: it interprets them, instead of compiling Java for each."""
    from pyspark.sql import SparkSession

    session = SparkSession.getActiveSession()
    assert session is not None
    before = {key: session.conf.get(key) for key in _HASTY}
    for key, value in _HASTY.items():
        session.conf.set(key, value)
    yield spark_engine
    for key, value in before.items():
        session.conf.set(key, str(value))


@pytest.fixture(scope="session")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A bank that was built in increments, on DuckDB."""
    return grow(tmp_path_factory.mktemp("grown") / "bank")


@pytest.fixture(params=["duckdb", pytest.param("spark", marks=pytest.mark.needs("java"))])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each engine in turn."""
    engine: Engine = request.getfixturevalue(f"{request.param}_engine")
    return engine
