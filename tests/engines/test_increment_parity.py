"""A bank that grows step by step on DuckDB and on Spark: the same decisions, and the same tables, cell for cell."""

import shutil
from collections import Counter
from dataclasses import dataclass, field
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tenure.core.settings import Project
from tenure.engine.protocol import Engine
from tenure.pipeline import run_build
from tenure.raw.zone import STATE
from tenure.warehouse.manifest import Table
from tenure.warehouse.releases import open_release
from tenure.warehouse.runner import BuildRequest, BuildResult
from tests.engines.growing_bank import Step, make_growing_project, steps

pytestmark = pytest.mark.needs("java")


@dataclass
class Side:
    """One engine's copy of the bank, and what each of its builds did."""

    project: Project
    engine: Engine
    builds: dict[str, BuildResult] = field(default_factory=dict[str, BuildResult])

    def build(self, name: str, day: date, *, full: bool = False) -> None:
        self.builds[name] = run_build(self.project, BuildRequest(f"run {name}", day, full=full), self.engine)

    def tables(self, build: str) -> dict[str, Table]:
        return {table.name: table for table in self.builds[build].manifest.tables}

    def read(self, build: str, table: Table) -> pa.Table:
        """A table of the release as it lies on disk."""
        folder = self.project.warehouse / "releases" / self.builds[build].release
        parts = [pq.read_table(folder / part.file, partitioning=None) for part in table.parts]
        # Spark writes down which columns of a part hold no NULL; as a type that says nothing.
        return pa.concat_tables([part.cast(nullable(part.schema)) for part in parts])


@dataclass(frozen=True)
class Sides:
    """The same bank twice: every file was ingested once, and built by each engine."""

    duckdb: Side
    spark: Side

    def take(self, step: Step) -> None:
        """Deliver, ingest, and build on both."""
        step.take(self.duckdb.project)
        source, copy = self.duckdb.project, self.spark.project
        for folder in ("models", "sources"):
            shutil.copytree(source.root / folder, copy.root / folder, dirs_exist_ok=True)
        shutil.copytree(source.raw, copy.raw, dirs_exist_ok=True)
        copy.state.mkdir(exist_ok=True)
        shutil.copy2(source.state / STATE, copy.state / STATE)
        self.build(step.name, step.business_date)

    def build(self, name: str, day: date, *, full: bool = False) -> None:
        for side in (self.duckdb, self.spark):
            side.build(name, day, full=full)


STEPS = steps()
LAST = STEPS[-1]


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory, duckdb_engine: Engine, hasty_spark: Engine) -> Sides:
    folder = tmp_path_factory.mktemp("growing")
    made = [make_growing_project(folder / f"a bank of {name}") for name in ("duckdb", "spark")]
    sides = Sides(Side(made[0], duckdb_engine), Side(made[1], hasty_spark))
    for step in STEPS:
        sides.take(step)
    sides.build("nothing new", LAST.business_date)
    sides.build("at once", LAST.business_date, full=True)
    return sides


def nullable(schema: pa.Schema) -> pa.Schema:
    return pa.schema(list(zip(schema.names, schema.types, strict=True)))


def cells(table: pa.Table) -> Counter[str]:
    """Rows as text that tells 0.0 from -0.0 and 1.5 from 1.50, in no order."""
    return Counter(repr(tuple(row.values())) for row in table.to_pylist())


BUILDS = [*(step.name for step in STEPS), "nothing new", "at once"]


@pytest.mark.parametrize("build", BUILDS)
def test_both_engines_decide_alike(sides: Sides, build: str) -> None:
    on_duckdb, on_spark = (side.builds[build] for side in (sides.duckdb, sides.spark))
    assert on_duckdb.decisions == on_spark.decisions
    assert on_duckdb.published == on_spark.published == (build != "nothing new")
    assert on_duckdb.manifest.checks == on_spark.manifest.checks
    assert on_duckdb.manifest.views == on_spark.manifest.views


def test_the_steps_are_taken_in_increments(sides: Sides) -> None:
    first, then, last, idle = (sides.spark.builds[build].decisions for build in BUILDS[:4])
    assert {decision.action for decision in first.values()} == {"full"}
    assert {decision.action for decision in then.values()} == {"keep", "increment", "full"}
    worked = {name for name, decision in then.items() if decision.action == "increment"}
    assert worked >= {"fact_customer_activity", "dim_support_ticket", "score_customer", "large_booking"}
    assert worked >= {"dim_customer_history", "stg_customer_version", "stg_usage", "int_customer_month"}
    assert (then["stg_fx_rates"].action, last["stg_fx_rates"].action) == ("keep", "full")
    assert last["large_booking"].why == "its SQL or its yml changed"
    assert last["dim_customer_history"].action == "increment"
    assert {decision.action for decision in idle.values()} == {"keep"}


@pytest.mark.parametrize("build", [*(step.name for step in STEPS), "at once"])
def test_every_table_has_the_same_columns_rows_and_months(sides: Sides, build: str) -> None:
    on_duckdb, on_spark = (
        {name: (table.columns, months(table)) for name, table in side.tables(build).items()}
        for side in (sides.duckdb, sides.spark)
    )
    assert on_duckdb == on_spark


def months(table: Table) -> dict[str, int]:
    """The rows of a table by the month of their parts."""
    found: Counter[str] = Counter()
    for part in table.parts:
        found[part.partition] += part.rows
    return {month: rows for month, rows in found.items() if rows}


@pytest.mark.parametrize("build", [step.name for step in STEPS])
def test_every_table_has_the_same_cells_and_types(sides: Sides, build: str) -> None:
    different: dict[str, list[str]] = {}
    for name, table in sides.duckdb.tables(build).items():
        on_duckdb = sides.duckdb.read(build, table)
        on_spark = sides.spark.read(build, sides.spark.tables(build)[name])
        assert on_duckdb.schema == on_spark.schema, name
        here, there = cells(on_duckdb), cells(on_spark)
        if here != there:
            different[name] = [str(list((here - there).elements())[:1]), str(list((there - here).elements())[:1])]
    assert different == {}


@pytest.mark.parametrize("engine", ["duckdb", "spark"])
def test_increments_come_to_the_same_as_building_at_once(sides: Sides, engine: str) -> None:
    side: Side = getattr(sides, engine)
    by_steps, at_once = (
        {name: table.content_hash for name, table in side.tables(build).items()} for build in (LAST.name, "at once")
    )
    assert by_steps == at_once


def test_what_happened_to_the_bank_can_be_seen(sides: Sides) -> None:
    """Or the steps would prove little."""
    with open_release(sides.spark.project) as release:
        history = release.query("SELECT * FROM dim_customer_history").to_pylist()
        assert {"deleted at source"} <= {row["closed_by"] for row in history}
        back = "SELECT COUNT(*) AS n FROM dim_customer_history WHERE valid_from = DATE '2025-10-31'"
        assert release.query(back).to_pylist()[0]["n"] > 0
        strangers = "SELECT COUNT(*) AS n FROM fact_customer_activity WHERE customer_id = 'C-0999'"
        assert release.query(strangers).to_pylist()[0]["n"] == 1, "the usage log was corrected later"
        for name in ("large_booking", "active_customer"):
            assert release.query(f"SELECT * FROM {name}").num_rows


def test_a_release_of_spark_opens_like_one_of_duckdb_views_and_raw_records_included(sides: Sides) -> None:
    with open_release(sides.duckdb.project) as one, open_release(sides.spark.project) as other:
        assert (one.manifest.engine, other.manifest.engine) == ("duckdb", "spark")
        names = [view.name for view in one.manifest.views]
        assert {"stg_customers", "stg_offers", "stg_tickets", "stg_transactions", "stg_usage"} <= set(names)
        for name in (*names, "raw_customers", "raw_usage", "fact_customer_metrics"):
            here, there = one.query(f"SELECT * FROM {name}"), other.query(f"SELECT * FROM {name}")
            assert here.schema == there.schema, name
            assert cells(here) == cells(there), name
            assert here.num_rows, name
