"""A customer that a snapshot no longer holds: gone from the months and the denominators, never from the history."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tenure.cli.demo import make_project
from tenure.core.settings import Project, open_project
from tenure.pipeline import run_all, run_build
from tenure.warehouse.releases import open_release
from tenure.warehouse.runner import BuildRequest
from tenure.warehouse.store import ReleaseStore

HEAD = "customer_id,first_name,last_name,age,gender,geography,is_active,tenure_months,date_opened\n"
OFFERS = "offer_id,customer_id,offer_type,accepted,date_offered\n"
USAGE = (
    '{{"usage_log_id": {}, "customer_id": 2, "product_type": "Savings", "monthly_balance": {}, "usage_date": "{}"}}\n'
)


def land(project: Project, month: str, present: str) -> None:
    """The snapshot of a month: customers by number, each as Ann or, with a letter, in another state."""
    lines = [f"{who[0]},Ann{who[1:]},Sample,40,Female,Egypt,1,,2024-01-31\n" for who in present.split(" ")]
    (project.root / "landing" / f"customers_{month}.csv").write_text(HEAD + "".join(lines))


def ask(project: Project, sql: str) -> list[tuple[Any, ...]]:
    with open_release(project) as release:
        return [tuple(row.values()) for row in release.query(sql).to_pylist()]


def months_of(project: Project, customer: int) -> list[str]:
    sql = f"SELECT month FROM fact_customer_metrics WHERE customer_id = {customer} ORDER BY month"
    return [str(row[0])[:7] for row in ask(project, sql)]


def hashes(project: Project) -> dict[str, str]:
    store = ReleaseStore(project.warehouse)
    pointer = store.pointer()
    assert pointer is not None
    return {table.name: table.content_hash for table in store.manifest(pointer.current).tables}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    make_project(tmp_path / "bank", "bank")
    contract = tmp_path / "bank" / "sources" / "customers.yml"
    contract.write_text(contract.read_text().replace("kind: csv\n", "kind: csv\nmode: snapshot\n"))
    opened = open_project(tmp_path / "bank")
    land(opened, "2025-05", "1 2 3")
    (opened.root / "landing" / "usage.json").write_text(
        USAGE.format(1, "100.00", "2025-05-20") + USAGE.format(2, "700.00", "2025-07-15")
    )
    (opened.root / "landing" / "offers.csv").write_text(OFFERS + "1,2,Cashback,1,2025-06-20\n2,1,Loan,0,2025-06-20\n")
    run_all(opened, date(2025, 5, 31))
    land(opened, "2025-06", "1 3")
    run_all(opened, date(2025, 7, 1))
    return opened


def test_a_deleted_customer_leaves_the_months_and_stays_in_the_dimension(project: Project) -> None:
    assert months_of(project, 2) == ["2025-05"]
    assert months_of(project, 1) == ["2025-05", "2025-06", "2025-07"]
    versions = "SELECT valid_from, valid_to, is_current, closed_by FROM dim_customer_history WHERE customer_id = 2"
    assert ask(project, versions) == [(date(2025, 5, 31), date(2025, 6, 29), False, "deleted at source")]
    kept = "SELECT first_name, deleted_on, is_churned FROM dim_customer WHERE customer_id = 2"
    assert ask(project, kept) == [("Ann", date(2025, 6, 30), False)]
    assert ask(project, "SELECT COUNT(*) FROM fact_customer_metrics WHERE is_current") == [(2,)]
    assert ask(project, "SELECT COUNT(*) FROM fact_customer_activity WHERE customer_id = 2") == [(3,)]


def test_a_returning_customer_goes_on_with_all_that_happened_while_it_was_away(project: Project) -> None:
    land(project, "2025-08", "1 2 3")
    run_all(project, date(2025, 8, 31))
    assert months_of(project, 2) == ["2025-05", "2025-08"]
    returned = "SELECT total_balance, offers_accepted, active_at_start FROM fact_customer_metrics WHERE customer_id = 2"
    assert [tuple(map(str, row)) for row in ask(project, f"{returned} AND is_current")] == [("700.00", "1", "False")]
    versions = "SELECT valid_from, closed_by FROM dim_customer_history WHERE customer_id = 2 ORDER BY valid_from"
    assert ask(project, versions) == [
        (date(2025, 5, 31), "deleted at source"),
        (date(2025, 8, 31), "open"),
    ]
    assert ask(project, "SELECT COUNT(*) FROM dim_customer WHERE deleted_on IS NOT NULL") == [(0,)]


def test_the_tables_after_deletes_and_returns_are_those_of_a_full_build(project: Project) -> None:
    land(project, "2025-07", "1x 3")
    run_all(project, date(2025, 7, 31))
    land(project, "2025-08", "1x 2 3")
    run_all(project, date(2025, 8, 31))
    land(project, "2025-09", "1 2")
    run_all(project, date(2025, 9, 30))
    assert ask(project, "SELECT customer_id FROM dim_customer WHERE deleted_on IS NOT NULL") == [(3,)]
    step_by_step = hashes(project)
    run_build(project, BuildRequest("full", date(2025, 9, 30), full=True))
    assert hashes(project) == step_by_step
