"""`tenure releases diff`: what changed between two releases, counted right, and why."""

import csv
import io
import tempfile
from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenure.core.durable import sha256_file
from tenure.core.errors import TenureError, UsageError
from tenure.core.settings import Project, open_project
from tenure.engine.duckdb import DuckDBEngine
from tenure.engine.protocol import Column
from tenure.pipeline import run_build
from tenure.warehouse.change_report import report_changes
from tenure.warehouse.compare import RowChanges, Side, compare_rows
from tenure.warehouse.diff import (
    Figure,
    LoadEntry,
    ReleaseDiff,
    SettingChange,
    TableChange,
    diff_releases,
    release_pair,
)
from tenure.warehouse.manifest import Part, Table
from tenure.warehouse.runner import BuildRequest
from tests.command import Command
from tests.reference_case import BUSINESS_DATE
from tests.unit.release_cases import add_offer, copied, current, make_releases, run, store_of


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_releases(tmp_path_factory.mktemp("made") / "bank", 2)


@pytest.fixture
def project(made: Path, tmp_path: Path) -> Project:
    return copied(made, tmp_path / "bank")


def _diff(project: Project, before: str | None = None, after: str | None = None) -> ReleaseDiff:
    return diff_releases(project, *release_pair(store_of(project), before, after))


def _table(diff: ReleaseDiff, name: str) -> TableChange:
    return next(table for table in diff.tables if table.name == name)


def _figure(diff: ReleaseDiff, name: str) -> Figure:
    return next(figure for figure in diff.figures if figure.name == name)


def test_a_delivery_shows_as_a_load_rows_and_figures_with_the_reason_of_each(project: Project) -> None:
    diff = _diff(project)
    assert [diff.before.release, diff.after.release] == store_of(project).names()
    assert diff.loads_added == (LoadEntry("L00000005", "offers", "landing/offers_2021.csv", 1),)
    assert diff.loads_removed == diff.settings == ()
    offers = _table(diff, "dim_offer")
    assert (offers.status, offers.rows_before, offers.rows_after) == ("changed", 20, 21)
    assert offers.rows == RowChanges(1, 0)
    assert offers.why == ("stg_offers",)
    monthly = _table(diff, "fact_customer_metrics")
    assert (monthly.rows.added, monthly.rows.removed, monthly.rows.changed) == (0, 0, 1)
    assert dict(monthly.rows.columns)["offers_made"] == 1
    customers = _table(diff, "dim_customer")
    assert (customers.status, customers.rows, customers.why) == ("unchanged", RowChanges(0, 0), ())
    assert "dim_customer" not in {table.name for table in diff.changed}
    made = _figure(diff, "offers_made")
    assert (made.before, made.after) == (20, 21)
    assert _figure(diff, "total_customers").before == _figure(diff, "total_customers").after == 20


def test_seen_the_other_way_round_what_came_goes(project: Project) -> None:
    first, second = store_of(project).names()
    diff = _diff(project, second, first)
    assert [load.load_id for load in diff.loads_removed] == ["L00000005"]
    assert _table(diff, "dim_offer").rows == RowChanges(0, 1)


def test_a_changed_setting_is_named_with_both_values_and_is_the_reason(project: Project) -> None:
    path = project.root / "tenure.toml"
    path.write_text(path.read_text().replace("horizon_months = 36", "horizon_months = 12"))
    changed = open_project(project.root)
    run(changed)
    diff = _diff(changed)
    assert diff.settings == (SettingChange("clv.horizon_months", 36, 12),)
    assert diff.loads_added == ()
    monthly = _table(diff, "fact_customer_metrics")
    assert "setting" in monthly.why
    assert [name for name, _ in monthly.rows.columns] == ["clv"]
    assert "dim_offer" not in {table.name for table in diff.changed}


def test_a_changed_business_date_is_the_reason_of_a_new_month(project: Project) -> None:
    run(project, date(2025, 11, 2))
    diff = _diff(project)
    assert (diff.before.business_date, diff.after.business_date) == (BUSINESS_DATE, date(2025, 11, 2))
    monthly = _table(diff, "fact_customer_metrics")
    assert (monthly.rows.added, monthly.rows.removed) == (20, 0)
    assert "this_month" in monthly.why


def test_changed_sql_is_the_reason_of_its_own_table(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    from tenure.warehouse import runner

    original = runner.read_models

    def edited(*arguments: object) -> object:
        models = original(*arguments)  # pyright: ignore[reportArgumentType]
        less = "SELECT * FROM ({}) AS less WHERE offer_id <> 2001"
        return [replace(m, sql=less.format(m.sql)) if m.name == "dim_offer" else m for m in models]

    monkeypatch.setattr(runner, "read_models", edited)
    run_build(project, BuildRequest("edited", BUSINESS_DATE))
    diff = _diff(project)
    assert diff.definitions == ("dim_offer",)
    offers = _table(diff, "dim_offer")
    assert offers.why == ("its definition",)
    assert offers.rows == RowChanges(0, 1)


def test_a_new_column_shows_with_its_type(project: Project) -> None:
    contract = project.root / "sources" / "customers.yml"
    contract.write_text(contract.read_text().rstrip() + "\n  shoe_size: {type: integer}\n")
    delivery = project.root / "landing" / "customers_2025-11-01.csv"
    header, *rows = (project.root / "landing" / "customers.csv").read_text().splitlines()
    delivery.write_text("\n".join([f"{header},shoe_size", *(f"{row},42" for row in rows)]) + "\n")
    assert run(project, date(2025, 11, 2)).refused == []
    (change,) = _table(_diff(project), "dim_customer").columns
    assert (change.name, change.before, change.after) == ("shoe_size", None, "BIGINT")


def test_a_model_of_the_project_is_compared_by_its_key_or_if_it_cannot_be_read_by_whole_rows(project: Project) -> None:
    folder = project.root / "models"
    folder.mkdir(exist_ok=True)
    (folder / "offers_by_customer.sql").write_text(
        "SELECT customer_id, COUNT(*) AS offers FROM dim_offer GROUP BY customer_id\n"
    )
    described = (
        "description: Offers of each customer\ngrain: one customer\nkind: full\nkey: [customer_id]\ncolumns:\n"
        "  customer_id: {type: id, description: The customer}\n"
        "  offers: {type: BIGINT, description: How many offers}\n"
    )
    (folder / "offers_by_customer.yml").write_text(described)
    run(project)
    assert _table(_diff(project), "offers_by_customer").status == "added"
    add_offer(project, 2022)
    run(project)
    change = _table(_diff(project), "offers_by_customer")
    assert (change.rows, change.why) == (RowChanges(0, 0, 1, (("offers", 1),)), ("dim_offer",))
    (folder / "offers_by_customer.yml").write_text("description: [")
    change = _table(_diff(project), "offers_by_customer")
    assert (change.rows, change.why) == (RowChanges(1, 1), ())


def test_the_pair_is_the_release_in_force_and_the_one_before_it(project: Project) -> None:
    store = store_of(project)
    first, second = store.names()
    add_offer(project, 2022)
    run(project)
    third = current(project)
    assert release_pair(store) == (second, third)
    assert release_pair(store, "1") == (first, third)
    assert release_pair(store, "1", "2") == (first, second)
    assert release_pair(store, after="2") == (first, second)
    store.rollback(second)
    assert release_pair(store) == (first, second)
    store.rollback(first)
    with pytest.raises(TenureError, match=f"no release is kept that is older than {first}"):
        release_pair(store)
    with pytest.raises(UsageError, match="is the release in force"):
        release_pair(store, "1")
    with pytest.raises(TenureError, match="there is no release 9"):
        release_pair(store, "9")


def test_the_command_prints_it_for_people_and_machines(project: Project, tenure: Command) -> None:
    place = ("--project", project.root)
    shown = tenure("releases", "diff", *place)
    assert shown.code == 0
    assert "landing/offers_2021.csv" in shown.out
    assert "loads: 4 → 5" in shown.out
    assert "  business date: 2025-10-02\n" in shown.out
    assert "settings changed" not in shown.out
    document = tenure("releases", "diff", "1", "2", "--json", *place).document
    assert document["loads_added"][0]["delivery"] == "landing/offers_2021.csv"
    assert {table["name"]: table["rows"]["added"] for table in document["tables"]}["dim_offer"] == 1
    rows = list(csv.DictReader(io.StringIO(tenure("releases", "diff", "--format", "csv", *place).out)))
    assert {row["table"]: (row["status"], row["added"]) for row in rows}["dim_offer"] == ("changed", "1")
    assert len(rows) == len(document["tables"])


def test_list_prune_show_and_rollback(project: Project, tenure: Command) -> None:
    place = ("--project", project.root)
    first, second = store_of(project).names()
    listed = tenure("releases", "list", "--json", *place).document
    assert [row["release"] for row in listed] == [first, second]
    assert all(row["bytes_own"] > 0 and row["bytes_shared"] > 0 for row in listed)
    assert tenure("releases", "show", "1", "--json", *place).document["release"] == first
    assert tenure("sql", "SELECT COUNT(*) AS n FROM dim_offer", "--release", "1", *place).out.split()[-1] == "20"
    assert tenure("releases", "rollback", "1", *place).out == f"release {first} is in force\n"
    assert tenure("releases", "prune", "--keep", "1", "--json", *place).document["removed"] == []
    tenure("releases", "rollback", second, *place)
    own = listed[0]["bytes_own"]
    assert tenure("releases", "prune", "--keep", "1", *place).out == (
        f"removed {first} ({own:,} bytes)\n1 release is kept, {own:,} bytes freed\n"
    )
    assert tenure("releases", "rollback", "1", *place).code == 2
    (project.warehouse / "releases" / second / "manifest.json").write_text("{}")
    ran = tenure("releases", "list", "--json", *place)
    assert [row["rows"] for row in ran.document] == [None]
    assert "the manifest's bytes have changed" in ran.err


_rows = st.dictionaries(
    st.integers(0, 12), st.tuples(st.integers(0, 2), st.sampled_from(["a", "b", None])), max_size=12
)


def _side(folder: Path, parts: list[list[tuple[object, ...]]]) -> Side:
    """A table of parts written to a folder; rows are (key, number, text)."""
    schema = pa.schema([("key", pa.int64()), ("number", pa.int64()), ("text", pa.string())])
    written: list[Part] = []
    for number, rows in enumerate(parts):
        path = folder / f"{number}.parquet"
        path.parent.mkdir(exist_ok=True)
        pq.write_table(pa.table([list(column) for column in zip(*rows, strict=True)] or [[], [], []], schema), path)
        written.append(Part(path.name, sha256_file(path), path.stat().st_size, "all", len(rows), ""))
    columns = (Column("key", "BIGINT"), Column("number", "BIGINT"), Column("text", "STRING"))
    return Side(Table("t", "marts", "full", "", sum(map(len, parts)), "", columns, tuple(written)), folder)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> DuckDBEngine:
    return DuckDBEngine(tmp_path_factory.mktemp("scratch"), threads=1)


@settings(max_examples=60)
@given(before=_rows, after=_rows, shared=_rows)
def test_counts_by_key_and_by_row_are_those_of_an_independent_count(
    before: dict[int, tuple[int, str | None]],
    after: dict[int, tuple[int, str | None]],
    shared: dict[int, tuple[int, str | None]],
    engine: DuckDBEngine,
) -> None:
    old = {key: value for key, value in before.items() if key not in shared}
    new = {key: value for key, value in after.items() if key not in shared}
    changed = [key for key in old.keys() & new.keys() if old[key] != new[key]]
    rows = [[(key, *value) for key, value in part.items()] for part in (shared, old, new)]
    with tempfile.TemporaryDirectory() as folder:
        sides = _side(Path(folder) / "a", [rows[0], rows[1]]), _side(Path(folder) / "b", [rows[0], rows[2]])
        by_key = compare_rows(engine, *sides, ("key",))
        by_row = compare_rows(engine, *sides, ())
    assert (by_key.added, by_key.removed) == (len(new.keys() - old.keys()), len(old.keys() - new.keys()))
    assert by_key.changed == len(changed)
    assert dict(by_key.columns) == {
        name: count
        for place, name in enumerate(("number", "text"))
        if (count := sum(old[key][place] != new[key][place] for key in changed))
    }
    lost, found = Counter(rows[1]), Counter(rows[2])
    assert (by_row.added, by_row.removed) == ((found - lost).total(), (lost - found).total())


def test_equal_rows_count_as_often_as_they_are_there(tmp_path: Path, engine: DuckDBEngine) -> None:
    three = _side(tmp_path / "a", [[(1, 1, "a")] * 3])
    two = _side(tmp_path / "b", [[(1, 1, "a")], [(1, 1, "a")]])
    assert compare_rows(engine, three, two, ()) == RowChanges(0, 1)
    assert compare_rows(engine, two, three, ()) == RowChanges(1, 0)
    one = _side(tmp_path / "c", [[(1, 1, "a")]])
    assert compare_rows(engine, two, one, ()) == RowChanges(0, 1), "two parts of the same bytes are two"


def test_the_report_of_changes_has_the_changed_tables_and_a_finding(project: Project) -> None:
    diff = _diff(project)
    report = report_changes(diff)
    assert report.name == "changes_since_release"
    assert report.release == diff.after.release
    names = [column.name for column in report.columns]
    rows = {row[0]: dict(zip(names, row, strict=True)) for row in report.rows}
    assert rows.keys() == {table.name for table in diff.changed}
    assert (rows["dim_offer"]["added"], rows["dim_offer"]["why"]) == (1, "stg_offers")
    assert "offers_made" in str(rows["fact_customer_metrics"]["values"])
    assert report.finding.startswith(f"Since release {diff.before.release}, 1 load brought 1 record; ")
    assert "offers made 20 → 21 offers" in report.finding


def test_the_finding_names_settings_and_a_moved_business_date(project: Project) -> None:
    diff = replace(
        _diff(project, "2", "1"), settings=(SettingChange("clv.horizon_months", 36, 12),), figures=(), loads_added=()
    )
    moved = replace(diff, after=replace(diff.after, business_date=date(2025, 11, 2)))
    finding = report_changes(moved).finding
    assert "1 load went out of it" in finding
    assert "settings changed (clv.horizon_months)" in finding
    assert "the business date moved from 2025-10-02 to 2025-11-02" in finding
    assert finding.endswith("No headline figure moved.")
