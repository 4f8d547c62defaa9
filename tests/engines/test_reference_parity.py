"""The reference case built on DuckDB and on Spark: every table, schema, report and metric agrees, cell for cell.

`test_increment_parity`, `test_report_parity` and `test_metric_parity` do the same for a bank that grows.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tenure.core.settings import Project, open_project
from tenure.engine.protocol import Engine
from tenure.metrics.answer import read_question
from tenure.metrics.catalogue import built_in
from tenure.metrics.columns import usable_dimensions
from tenure.metrics.sql import compile_metric
from tenure.pipeline import run_build, run_ingest
from tenure.warehouse.inputs import today_table
from tenure.warehouse.manifest import ReleaseManifest, Table
from tenure.warehouse.reports import read_report, report_names
from tenure.warehouse.runner import BuildRequest
from tests.reference_case import BUSINESS_DATE, SEED, comparable, expected, make_reference_project

pytestmark = pytest.mark.needs("java")
CATALOGUE = built_in()


@dataclass(frozen=True)
class Built:
    """A release, the folder of its parts, and the engine that made it and still sees its tables."""

    engine: Engine
    manifest: ReleaseManifest
    folder: Path

    def table(self, name: str) -> pa.Table:
        """A table as it lies on disk."""
        return pa.concat_tables([pq.read_table(self.folder / part.file) for part in self.described(name).parts])

    def described(self, name: str) -> Table:
        """What the manifest says of a table."""
        table = self.manifest.table(name)
        assert table is not None
        return table


def build(project: Project, engine: Engine) -> Built:
    result = run_build(project, BuildRequest("run-parity", BUSINESS_DATE), engine)
    assert result.published
    folder = project.warehouse / "releases" / result.release
    for table in result.manifest.tables:
        engine.view_of_files(table.name, [folder / part.file for part in table.parts])
    engine.register("today", today_table(BUSINESS_DATE))
    return Built(engine, result.manifest, folder)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, duckdb_engine: Engine, spark_engine: Engine) -> tuple[Built, Built]:
    """The same raw loads, built by each engine in a copy of the project."""
    folder = tmp_path_factory.mktemp("parity")
    loaded = make_reference_project(folder / "duckdb")
    outcomes = run_ingest(loaded, BUSINESS_DATE).outcomes
    assert {outcome.status for outcome in outcomes} == {"loaded"}
    shutil.copytree(loaded.root, folder / "spark", symlinks=True)
    return build(loaded, duckdb_engine), build(open_project(folder / "spark"), spark_engine)


def cells(table: pa.Table) -> list[str]:
    """Rows as text that tells 0.0 from -0.0 and 1.5 from 1.50."""
    return [repr(tuple(row.values())) for row in table.to_pylist()]


def test_both_engines_make_the_same_tables(built: tuple[Built, Built]) -> None:
    by_duckdb, by_spark = ({table.name: table.rows for table in each.manifest.tables} for each in built)
    assert by_duckdb == by_spark
    assert by_duckdb["dim_customer"] >= 20
    assert by_duckdb["fact_customer_activity"] >= 60


def test_every_table_has_the_same_schema(built: tuple[Built, Built]) -> None:
    for table in built[0].manifest.tables:
        on_duckdb, on_spark = (each.table(table.name).schema for each in built)
        assert (on_duckdb.names, on_duckdb.types) == (on_spark.names, on_spark.types), table.name
        assert built[0].described(table.name).columns == built[1].described(table.name).columns


def test_every_table_has_the_same_cells(built: tuple[Built, Built]) -> None:
    different: dict[str, list[tuple[str, str]]] = {}
    for table in built[0].manifest.tables:
        on_duckdb, on_spark = (sorted(cells(each.table(table.name))) for each in built)
        pairs = [pair for pair in zip(on_duckdb, on_spark, strict=True) if pair[0] != pair[1]]
        different |= {table.name: pairs[:2]} if pairs else {}
    assert different == {}


def test_both_engines_pass_the_same_checks(built: tuple[Built, Built]) -> None:
    assert built[0].manifest.checks == built[1].manifest.checks
    assert built[0].manifest.checks


@pytest.mark.parametrize("name", report_names())
def test_every_report_gives_the_same_rows_in_the_same_order(built: tuple[Built, Built], name: str) -> None:
    _, sql = read_report(name)
    on_duckdb, on_spark = (each.engine.query(sql) for each in built)
    assert on_duckdb.schema == on_spark.schema
    assert cells(on_duckdb) == cells(on_spark)
    assert on_duckdb.num_rows


@pytest.mark.parametrize("name", CATALOGUE.metrics)
def test_every_metric_gives_the_same_rows_by_all_its_dimensions(built: tuple[Built, Built], name: str) -> None:
    tables = built[0].manifest.tables
    schema = {table.name: {column.name: column.type for column in table.columns} for table in tables}
    dimensions = usable_dimensions(CATALOGUE, schema, CATALOGUE.metric(name))
    sql = compile_metric(CATALOGUE, schema, read_question(CATALOGUE, name, dimensions)).sql
    on_duckdb, on_spark = (each.engine.query(sql) for each in built)
    assert on_duckdb.schema == on_spark.schema
    assert cells(on_duckdb) == cells(on_spark)


def original_query() -> str:
    sql = (SEED / "churn_by_geography_age.hql").read_text(encoding="utf-8")
    assert "(CURRENT_DATE, 180)" in sql
    return sql.replace("(CURRENT_DATE, 180)", f"(DATE '{BUSINESS_DATE}', 180)")


def test_the_originals_own_query_runs_unchanged_on_spark(built: tuple[Built, Built]) -> None:
    in_duckdbs_words = (
        original_query()
        .replace("DATE_FORMAT(m.dw_start_date, 'yyyy-MM')", "strftime(m.dw_start_date, '%Y-%m')")
        .replace(f"DATE_SUB(DATE '{BUSINESS_DATE}', 180)", f"DATE '{BUSINESS_DATE}' - 180")
    )
    on_duckdb, on_spark = built[0].engine.query(in_duckdbs_words), built[1].engine.query(original_query())
    assert on_spark.num_rows
    assert on_duckdb.column_names == on_spark.column_names
    assert printed(on_duckdb.to_pylist()) == printed(on_spark.to_pylist())


def test_the_originals_own_query_prints_the_originals_result(built: tuple[Built, Built]) -> None:
    answer = built[1].engine.query(original_query())
    rates = [row["churn_rate_percentage"] for row in answer.to_pylist()]
    assert rates == sorted(rates, reverse=True)
    assert printed(answer.to_pylist()) == printed(expected("churn_by_geography_age"))


def printed(rows: list[dict[str, object]]) -> list[dict[str, str]]:
    """Rows as one reads them; the order of rows of equal rate is left open."""
    return sorted(({name: comparable(value) for name, value in row.items()} for row in rows), key=str)
