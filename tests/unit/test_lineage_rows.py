"""From a row of a release down to the delivered records: their files and lines, what replaced what, and no more."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from tenure.contracts.files import read_contracts
from tenure.core.clock import new_run_id
from tenure.core.errors import UsageError
from tenure.core.settings import Project
from tenure.pipeline import edge_engine, raw_zone, run_all, run_build
from tenure.sources.delivered import Delivery, RunContext
from tenure.sources.loader import load_delivery
from tenure.sources.records import Block
from tenure.warehouse.lineage import Lineage, lineage_of
from tenure.warehouse.lineage_rows import Record, RowLineage, row_lineage
from tenure.warehouse.releases import OpenRelease, open_release
from tenure.warehouse.runner import BuildRequest
from tests.unit.lineage_bank import BUSINESS_DATE, FILES, make_bank


@dataclass(frozen=True)
class Bank:
    """A release held open, and what is needed to ask for the lineage of its rows."""

    project: Project
    release: OpenRelease
    lineage: Lineage

    def of(self, table: str, *key: object, values: bool = False) -> RowLineage:
        """The lineage of one row."""
        zone, contracts = raw_zone(self.project), read_contracts(self.project.sources)
        words = [str(part) for part in key]
        return row_lineage(self.release, zone, self.lineage, contracts, table, words, values=values)

    def fact(self, column: str, value: int) -> int:
        """The fact_id of an event."""
        found = self.release.query(f"SELECT fact_id FROM fact_customer_activity WHERE {column} = {value}")
        return int(str(found["fact_id"].to_pylist()[0]))


def _open(project: Project) -> Bank:
    release = open_release(project)
    return Bank(project, release, lineage_of(project, raw_zone(project), release.manifest.loads))


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bank]:
    opened = _open(make_bank(tmp_path_factory.mktemp("bank") / "project"))
    yield opened
    opened.release.close()


def _places(records: tuple[Record, ...]) -> dict[str, str]:
    return {f"{record.delivery}:{record.row}": record.state for record in records}


def test_an_event_delivered_once_is_one_line_of_one_file(bank: Bank) -> None:
    found = bank.of("fact_customer_activity", bank.fact("usage_log_id", 3))
    assert _places(found.records) == {"landing/usage_1.json:4": "in force"}
    assert found.records[0].key == {"usage_log_id": 3}


def test_the_line_is_where_the_record_starts_though_records_before_it_span_several(bank: Bank) -> None:
    lines = FILES["customer_support_tickets.csv"].splitlines()
    for ticket, start in ((1001, "1001,"), (1002, "1002,"), (1003, "1003,")):
        record = bank.of("fact_customer_activity", bank.fact("ticket_id", ticket)).records[0]
        assert lines[record.row - 1].startswith(start)


def test_a_corrected_event_names_the_newest_record_and_the_one_it_superseded(bank: Bank) -> None:
    found = bank.of("fact_customer_activity", bank.fact("usage_log_id", 2))
    assert _places(found.records) == {"landing/usage_1.json:3": "superseded", "landing/usage_2.json:2": "in force"}


def test_values_come_along_only_when_asked_for(bank: Bank) -> None:
    fact = bank.fact("usage_log_id", 3)
    assert bank.of("fact_customer_activity", fact).records[0].values == {}
    values = bank.of("fact_customer_activity", fact, values=True).records[0].values
    assert values["product_type"] == "Current"
    assert str(values["monthly_balance"]) == "10.00"


def test_a_customer_is_all_deliveries_of_that_customer_and_of_no_other(bank: Bank) -> None:
    found = bank.of("dim_customer_history", 1, "2025-08-31")
    assert _places(found.records) == {
        "landing/customers_2025-08.csv:2": "in force",
        "landing/customers_2025-09.csv:3": "in force",
    }
    everything = bank.of("dim_customer", 1).records
    assert {record.key["customer_id"] for record in everything if record.entity == "customers"} == {1}


def test_a_month_of_a_customer_depends_on_no_later_month_where_the_yml_says_onwards(bank: Bank) -> None:
    def months(found: RowLineage) -> int:
        ways = {(step.table, step.input): step.rows for step in found.steps}
        return ways["fact_customer_metrics", "int_customer_month_events"]

    assert months(bank.of("fact_customer_metrics", 1, "2025-08-01")) == 1
    assert months(bank.of("fact_customer_metrics", 1, "2025-10-01")) == 3
    everything = _places(bank.of("fact_customer_metrics", 1, "2025-10-01").records)
    assert {"landing/usage_2.json:1", "landing/offers.csv:4", "landing/usage_1.json:1"} <= everything.keys()


def test_tables_that_matter_as_a_whole_are_named_with_the_loads_behind_them(bank: Bank) -> None:
    whole = {entry.input: entry for entry in bank.of("fact_customer_metrics", 1, "2025-09-01").whole}
    assert {"setting", "int_churn_month"} <= whole.keys()
    assert whole["int_churn_month"].read_by == ("int_churn_hazard",)
    assert whole["int_churn_month"].loads["customers"] == 2
    assert not whole["setting"].derived


def test_a_table_without_follows_is_narrowed_by_its_key_only_where_its_sql_shows_that_it_may_be(bank: Bank) -> None:
    geography = bank.of("dim_geography", "Spain")
    assert [(step.input, step.by, step.declared, step.rows) for step in geography.steps][:1] == [
        ("dim_customer", (("geography", "geography"),), False, 1)
    ]
    hazard = bank.of("int_churn_hazard", "2025-09-01")
    assert "int_churn_month" in {entry.input for entry in hazard.whole}


def test_quarantined_records_are_no_lineage(bank: Bank) -> None:
    rows = bank.release.query("SELECT fact_id FROM fact_customer_activity")["fact_id"].to_pylist()
    places = {place for row in rows for place in _places(bank.of("fact_customer_activity", row).records)}
    assert "landing/offers.csv:3" not in places
    assert {"landing/offers.csv:2", "landing/offers.csv:4"} <= places


def test_every_row_of_every_table_with_declared_follows_has_a_lineage(bank: Bank) -> None:
    """And an event always comes from exactly one newest record."""
    for table in bank.release.manifest.tables:
        model = bank.lineage.models[table.name]
        keys = ", ".join(f'CAST("{name}" AS VARCHAR) AS "{name}"' for name in model.description.key)
        for row in bank.release.query(f"SELECT {keys} FROM {table.name} LIMIT 8").to_pylist():
            found = bank.of(table.name, *row.values())
            assert found.records or found.whole or found.steps, table.name
            if table.name == "fact_customer_activity":
                assert [record.state for record in found.records].count("in force") == 1


def test_changing_a_record_outside_the_lineage_leaves_the_row_as_it_is(bank: Bank, tmp_path: Path) -> None:
    """What row lineage promises: a row is made of no other records than these."""
    row = "SELECT * FROM fact_customer_metrics WHERE customer_id = 1 AND month = CAST('2025-09-01' AS DATE)"
    found = bank.of("fact_customer_metrics", 1, "2025-09-01")
    loads = {(record.delivery, record.row) for record in found.records}
    assert ("landing/usage_1.json", 4) not in loads
    project = Project(tmp_path / "other", bank.project.settings)
    shutil.copytree(bank.project.root, project.root, symlinks=True)
    corrected = FILES["usage_1.json"].splitlines()[3].replace('"monthly_balance": 10.00', '"monthly_balance": 99.00')
    (project.root / "landing" / "usage_3.json").write_text(corrected)
    run_all(project, BUSINESS_DATE)
    with open_release(project) as other:
        assert other.query(row).to_pylist() == bank.release.query(row).to_pylist()
        changed = other.query("SELECT monthly_balance FROM fact_customer_activity WHERE usage_log_id = 3")
        assert str(changed["monthly_balance"].to_pylist()) == "[Decimal('99.00')]"


def test_a_record_of_a_table_is_named_by_its_key(tmp_path: Path) -> None:
    project = make_bank(tmp_path / "project")
    path = project.sources / "offers.yml"
    server = "kind: mariadb\nurl: mariadb://reader@db.example/bank\ntable: offers"
    path.write_text(path.read_text().replace("kind: csv", server).replace("path: landing/offers*.csv\n", ""))
    contract = next(contract for contract in read_contracts(project.sources) if contract.source == "offers")
    content = {
        "offer_id": pa.array([70, 71], pa.int64()),
        "customer_id": pa.array([1, 2], pa.int64()),
        "offer_type": pa.array(["Loan", "Loan"]),
        "accepted": pa.array([True, None], pa.bool_()),
        "date_offered": pa.array([date(2025, 9, 1)] * 2, pa.date32()),
        "_row": pa.array([1, 2], pa.int64()),
    }
    table = pa.table(content)
    delivery = Delivery("offers", None, "", lambda: iter([Block(table, 2, lambda row: b"")]))
    zone = raw_zone(project)
    with edge_engine(project) as engine:
        load_delivery(contract, delivery, zone, engine, RunContext(new_run_id(), BUSINESS_DATE))
    run_build(project, BuildRequest(new_run_id(), BUSINESS_DATE))
    bank = _open(project)
    with bank.release:
        record = bank.of("fact_customer_activity", bank.fact("offer_id", 71)).records[0]
    assert (record.in_table, record.delivery, record.key, record.row) == (True, "offers", {"offer_id": 71}, 2)


@pytest.mark.parametrize(
    ("table", "key", "what", "cure"),
    [
        ("dim_custmer", ["1"], "no table dim_custmer", "dim_customer"),
        ("raw_usage", ["1"], "is an input", "table"),
        ("fact_customer_metrics", ["1"], "has 2 columns, 1 are given", "CUSTOMER_ID MONTH"),
        ("dim_customer", ["x"], "customer_id is a whole number", None),
        ("fact_customer_metrics", ["1", "September"], "month is a date", None),
        ("dim_customer", ["7"], "has no row with this key", "customer_id 2, 1;"),
        ("fact_customer_metrics", ["1", "2025-09-02"], "has no row with this key", "month 2025-09-01, 2025-10-01"),
        ("dim_geography", ["Spein"], "has no row with this key", "geography Spain"),
    ],
)
def test_what_is_not_there_is_refused_with_what_is_near(
    bank: Bank, table: str, key: list[str], what: str, cure: str | None
) -> None:
    with pytest.raises(UsageError, match=what) as caught:
        bank.of(table, *key)
    assert cure is None or cure in str(caught.value.cure)
