"""Every report gives the same rows in the same order on DuckDB and on Spark, with and without filters.

Here over the release of a bank that grew in increments; `test_reference_parity` does it for the reference case, and
`test_increment_parity` shows that the tables of the two engines are the same.
"""

from dataclasses import dataclass
from datetime import date

import pyarrow as pa
import pytest

from tenure.core.settings import Project
from tenure.engine.protocol import Engine
from tenure.warehouse.inputs import today_table
from tenure.warehouse.report_filters import Filter, narrowed, wanted_values
from tenure.warehouse.reports import read_report, report_names
from tenure.warehouse.store import ReleaseStore
from tests.engines.grown_bank import BUSINESS_DATE

pytestmark = pytest.mark.needs("java")

FILTERS = (
    Filter("geography", ("Egypt", "Côte d'Ivoire", "unknown")),
    Filter("gender", ("Male", "Female", "it's \\ not SQL")),
)


@dataclass(frozen=True)
class Opened:
    """One release as both engines see it, and its tables that have a `customer_id`."""

    duckdb: Engine
    spark: Engine
    of_customers: frozenset[str]

    def rows(self, name: str, filters: tuple[Filter, ...]) -> tuple[pa.Table, pa.Table]:
        """The answers of both engines."""
        sql = narrowed(read_report(name)[1].rstrip(), self.of_customers, filters)
        values = wanted_values(filters)
        return self.duckdb.query(sql, **values), self.spark.query(sql, **values)


@pytest.fixture(scope="module")
def opened(grown: Project, duckdb_engine: Engine, hasty_spark: Engine) -> Opened:
    """The release of the grown bank, read by both."""
    store = ReleaseStore(grown.warehouse)
    pointer = store.pointer()
    assert pointer is not None
    manifest = store.manifest(pointer.current)
    tables = [table for table in manifest.tables if table.parts]
    for engine in (duckdb_engine, hasty_spark):
        engine.register("today", today_table(manifest.business_date))
        for table in tables:
            engine.view_of_files(table.name, [store.folder / pointer.current / part.file for part in table.parts])
    keyed = (table.name for table in tables if any(column.name == "customer_id" for column in table.columns))
    return Opened(duckdb_engine, hasty_spark, frozenset(keyed))


def cells(table: pa.Table) -> list[str]:
    """Rows as text that tells 0.0 from -0.0 and 1.5 from 1.50."""
    return [repr(tuple(row.values())) for row in table.to_pylist()]


@pytest.mark.parametrize("name", report_names())
def test_every_report_gives_the_same_rows_in_the_same_order(opened: Opened, name: str) -> None:
    on_duckdb, on_spark = opened.rows(name, ())
    assert on_duckdb.schema == on_spark.schema
    assert cells(on_duckdb) == cells(on_spark)
    assert on_duckdb.num_rows


@pytest.mark.parametrize("name", [name for name in report_names() if read_report(name)[0].filters])
def test_a_filter_keeps_the_same_on_both_engines(opened: Opened, name: str) -> None:
    on_duckdb, on_spark = opened.rows(name, FILTERS)
    assert on_duckdb.schema == on_spark.schema
    assert cells(on_duckdb) == cells(on_spark)
    assert on_duckdb.num_rows
    assert cells(on_duckdb) != cells(opened.rows(name, ())[0])


def test_a_report_of_nobody_is_empty_on_both_engines(opened: Opened) -> None:
    nobody = (Filter("geography", ("Atlantis",)),)
    assert [answer.num_rows for answer in opened.rows("rfm_segments", nobody)] == [0, 0]


def test_the_bands_of_rfm_agree_where_many_customers_are_equal(duckdb_engine: Engine, hasty_spark: Engine) -> None:
    """A thousand customers with 1 to 7 equal bookings each: the places in the ranking are full of ties."""
    numbers = range(1000)
    bookings = [(number, place) for number in numbers for place in range(number % 7 + 1)]
    cards = pa.table(
        {
            "customer_id": pa.array(numbers, pa.int64()),
            "is_churned": pa.array([number % 3 == 0 for number in numbers]),
            "is_current": pa.array([True for _ in numbers]),
            "total_balance": pa.array(list(numbers), pa.decimal128(18, 2)),
        }
    )
    activity = pa.table(
        {
            "customer_id": pa.array([number for number, _ in bookings], pa.int64()),
            "activity_type": pa.array(["transaction" for _ in bookings]),
            "activity_date": pa.array([date(2025, 9, number % 5 + place + 1) for number, place in bookings]),
            "amount": pa.array([number % 11 for number, _ in bookings], pa.decimal128(18, 2)),
        }
    )
    tables = {"fact_customer_metrics": cards, "fact_customer_activity": activity, "today": today_table(BUSINESS_DATE)}
    sql = read_report("rfm_segments")[1]
    answers: list[pa.Table] = []
    for engine in (duckdb_engine, hasty_spark):
        for name, table in tables.items():
            engine.register(f"tied_{name}", table)
        replaced = sql
        for name in tables:
            replaced = replaced.replace(f" {name} ", f" tied_{name} ").replace(f" {name}\n", f" tied_{name}\n")
        answers.append(engine.query(replaced))
    assert answers[0].schema == answers[1].schema
    assert cells(answers[0]) == cells(answers[1])
    assert answers[0].num_rows >= 5
