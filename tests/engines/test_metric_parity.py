"""Every metric gives the same rows and types on DuckDB and on Spark, over a bank that grew in increments."""

from dataclasses import dataclass
from datetime import date

import pyarrow as pa
import pytest

from tenure.core.settings import Project
from tenure.engine.protocol import Engine
from tenure.metrics.answer import read_question
from tenure.metrics.catalogue import built_in
from tenure.metrics.columns import Schema, usable_dimensions
from tenure.metrics.sql import compile_metric
from tenure.warehouse.store import ReleaseStore

pytestmark = pytest.mark.needs("java")
CATALOGUE = built_in()


@dataclass(frozen=True)
class Both:
    """The two engines over one release, and the types of its tables."""

    duckdb: Engine
    spark: Engine
    schema: Schema

    def agree(self, name: str, by: tuple[str, ...] = (), *where: str) -> pa.Table:
        """The answer that both engines give."""
        sql = compile_metric(CATALOGUE, self.schema, read_question(CATALOGUE, name, by, where)).sql
        on_duckdb, on_spark = self.duckdb.query(sql), self.spark.query(sql)
        assert on_duckdb.schema == on_spark.schema, sql
        assert cells(on_duckdb) == cells(on_spark), sql
        return on_duckdb


def cells(table: pa.Table) -> list[str]:
    """Rows, in their order, as text that tells 0.0 from -0.0 and 1.5 from 1.50."""
    return [repr(tuple(row.values())) for row in table.to_pylist()]


@pytest.fixture(scope="module")
def both(grown: Project, duckdb_engine: Engine, hasty_spark: Engine) -> Both:
    """A bank with text ids, a year of events, awkward names and events of customers who were never delivered."""
    store = ReleaseStore(grown.warehouse)
    with store.reading() as release:
        manifest = store.manifest(release)
        for engine in (duckdb_engine, hasty_spark):
            engine.register("today", today(manifest.business_date))
            for table in manifest.tables:
                engine.view_of_files(table.name, [store.folder / release / part.file for part in table.parts])
    schema = {table.name: {column.name: column.type for column in table.columns} for table in manifest.tables}
    return Both(duckdb_engine, hasty_spark, schema)


def today(day: date) -> pa.Table:
    return pa.table({"business_date": pa.array([day], pa.date32())})


@pytest.mark.parametrize("name", CATALOGUE.metrics)
def test_every_metric_agrees_as_a_whole_and_by_all_its_dimensions(both: Both, name: str) -> None:
    assert both.agree(name).num_rows == 1
    both.agree(name, usable_dimensions(CATALOGUE, both.schema, CATALOGUE.metric(name)))


@pytest.mark.parametrize("name", ["churned_share", "clv_median", "resolution_time_p90", "tickets_per_customer"])
def test_metrics_agree_by_few_dimensions(both: Both, name: str) -> None:
    assert both.agree(name, ("month",)).num_rows > 3
    geographies = both.agree(name, ("geography",)).column("geography").to_pylist()
    assert geographies == sorted(geographies)
    assert "unknown" in geographies


@pytest.mark.parametrize("name", [metric.name for metric in CATALOGUE.metrics.values() if CATALOGUE.needs(metric)])
def test_what_needs_a_predictor_agrees_once_there_are_scores(both: Both, name: str) -> None:
    cards = both.duckdb.query("SELECT * FROM fact_customer_metrics ORDER BY customer_id, month")
    chances = pa.array([(None, 0.1, 0.5, 1 / 3, 0.999)[at % 5] for at in range(cards.num_rows)], pa.float64())
    scored = cards.set_column(cards.schema.get_field_index("churn_probability"), "churn_probability", chances)
    sql = compile_metric(CATALOGUE, both.schema, read_question(CATALOGUE, name, ("month", "geography"))).sql
    sql = sql.replace('"fact_customer_metrics"', '"scored"')
    on_duckdb, on_spark = both.duckdb.query(sql, scored=scored), both.spark.query(sql, scored=scored)
    assert on_duckdb.schema == on_spark.schema
    assert cells(on_duckdb) == cells(on_spark)
    assert any(on_duckdb.column(name).to_pylist())


def test_conditions_agree_quotes_accents_and_comparisons_included(both: Both) -> None:
    for where in (
        ["geography=Côte d'Ivoire"],
        ["geography=x' OR '1'='1"],
        ['geography="a, b=c"', "geography=$1 {x} %s"],
        ["geography!=Egypt,UAE", "age>=30,age<=60"],
        ["geography=Egypt,UAE"],
        ["churned=true", "gender=unknown"],
        ["age=unknown"],
        ["month>=2025-02", "month<2025-08", "month!=2025-04"],
    ):
        both.agree("events", ("month",), *where)
    found = both.agree("events", (), "geography=Côte d'Ivoire").column("events").to_pylist()
    assert found[0] > 0
    assert both.agree("events", (), "geography=x' OR '1'='1").column("events").to_pylist() == [0]
