"""The two engines, each started once for all tests of a worker."""

from collections.abc import Generator

import pytest

from tenure.engine.duckdb import DuckDBEngine
from tenure.engine.protocol import Engine


@pytest.fixture(scope="session")
def duckdb_engine(tmp_path_factory: pytest.TempPathFactory) -> Generator[Engine]:
    engine = DuckDBEngine(tmp_path_factory.mktemp("duckdb"), memory="1GB", threads=2)
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def spark_engine(tmp_path_factory: pytest.TempPathFactory) -> Generator[Engine]:
    from tenure.engine.spark import SparkEngine

    with pytest.MonkeyPatch.context() as patch:
        # Many small queries: half of the processor time would go into optimising Java code that runs once.
        patch.setenv("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
        engine = SparkEngine(tmp_path_factory.mktemp("spark"), memory="1GB", threads=2)
    yield engine
    engine.close()


@pytest.fixture(params=["duckdb", pytest.param("spark", marks=pytest.mark.needs("java"))])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each engine in turn."""
    engine: Engine = request.getfixturevalue(f"{request.param}_engine")
    return engine
