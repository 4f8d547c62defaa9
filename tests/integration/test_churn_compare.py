"""`tenure churn` and `tenure churn compare`: what they say of a definition is what a build with it says."""

import csv
import io
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import combinations
from pathlib import Path

import pytest

from tenure.core.settings import Project, open_project
from tenure.pipeline import run_build, run_ingest
from tenure.warehouse.churn import DEFINITIONS, Comparison, changing_sides, compare
from tenure.warehouse.releases import open_release
from tenure.warehouse.runner import BuildRequest
from tenure.warehouse.store import ReleaseStore
from tests.command import Command
from tests.engines.grown_bank import BUSINESS_DATE, make_grown_project

MONTHS = [date(2025, month, 1) for month in range(6, 11)]
LIMITS = "inactive_days = 20\nbalance_below = 1000.50\nbalance_months = 2\n"


@dataclass(frozen=True)
class Truth:
    """What a release built with one definition holds of each month: ids of customers."""

    customers: set[str]
    churned: set[str]
    exposed: set[str]
    left: set[str]


@dataclass(frozen=True)
class Banks:
    """One bank built with each definition: what the tables say, and what the comparison says."""

    root: Path
    truth: dict[tuple[str, date], Truth]
    compared: dict[tuple[str, date], Comparison]


@pytest.fixture
def tenure(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(monkeypatch, capsys)


def hashes(project: Project) -> dict[str, str]:
    store = ReleaseStore(project.warehouse)
    pointer = store.pointer()
    assert pointer is not None
    return {table.name: table.content_hash for table in store.manifest(pointer.current).tables}


@pytest.fixture(scope="module")
def banks(tmp_path_factory: pytest.TempPathFactory) -> Banks:
    root = make_grown_project(tmp_path_factory.mktemp("churn") / "bank").root
    settings = (root / "tenure.toml").read_text()
    run_ingest(open_project(root), BUSINESS_DATE)
    truth: dict[tuple[str, date], Truth] = {}
    compared: dict[tuple[str, date], Comparison] = {}
    for definition in (*DEFINITIONS[1:], DEFINITIONS[0]):
        (root / "tenure.toml").write_text(f'{settings}\n[churn]\ndefinition = "{definition}"\n{LIMITS}')
        project = open_project(root)
        run_build(project, BuildRequest(f"run-{definition}", BUSINESS_DATE))
        with open_release(project) as release:
            rows = release.query("SELECT * FROM fact_customer_metrics").to_pylist()
            for month in MONTHS:
                of_month = [row for row in rows if row["month"] == month]
                truth[definition, month] = Truth(
                    *(
                        {row["customer_id"] for row in of_month if name is None or row[name]}
                        for name in (None, "is_churned", "active_at_start", "churned_in_month")
                    )
                )
                compared[definition, month] = compare(release, month)
    return Banks(root, truth, compared)


def test_every_definition_has_something_to_say(banks: Banks) -> None:
    for definition in DEFINITIONS:
        assert any(banks.truth[definition, month].churned for month in MONTHS), definition
        assert any(banks.truth[definition, month].left for month in MONTHS), definition


def test_each_definition_counts_what_a_build_with_it_counts(banks: Banks) -> None:
    for month in MONTHS:
        for outcome in banks.compared["status", month].outcomes:
            truth = banks.truth[outcome.definition, month]
            assert outcome.customers == len(truth.customers)
            assert outcome.churned == len(truth.churned)
            assert outcome.churned_share == len(truth.churned) / len(truth.customers)
            assert outcome.active_at_start == len(truth.exposed)
            assert outcome.left_in_month == len(truth.left)
            assert outcome.churn_rate == (len(truth.left) / len(truth.exposed) if truth.exposed else None)


def test_every_two_definitions_overlap_as_their_builds_do(banks: Banks) -> None:
    for month in MONTHS:
        found = banks.compared["status", month]
        assert [(overlap.one, overlap.other) for overlap in found.overlaps] == list(combinations(DEFINITIONS, 2))
        for overlap in found.overlaps:
            one, other = (banks.truth[name, month].churned for name in (overlap.one, overlap.other))
            assert (overlap.both, overlap.only_one, overlap.only_other) == (
                len(one & other),
                len(one - other),
                len(other - one),
            )
            assert overlap.jaccard == (len(one & other) / len(one | other) if one | other else None)


def test_who_changes_sides_is_listed_with_each_verdict(banks: Banks) -> None:
    month = MONTHS[-1]
    with open_release(open_project(banks.root)) as release:
        rows = changing_sides(release, month).to_pylist()
    everyone = banks.truth["status", month].customers
    verdicts = {who: tuple(who in banks.truth[name, month].churned for name in DEFINITIONS) for who in everyone}
    expected = {who: verdict for who, verdict in verdicts.items() if len(set(verdict)) > 1}
    assert {row["customer_id"]: tuple(row[name] for name in DEFINITIONS) for row in rows} == expected
    assert [row["customer_id"] for row in rows] == sorted(expected)
    assert banks.compared["status", month].changing_sides == len(expected)


def test_the_comparison_does_not_depend_on_the_definition_in_force(banks: Banks) -> None:
    for month in MONTHS:
        by_release = [banks.compared[definition, month] for definition in DEFINITIONS]
        assert len({found.overlaps for found in by_release}) == 1
        for definition, found in zip(DEFINITIONS, by_release, strict=True):
            assert [outcome.definition for outcome in found.outcomes if outcome.in_force] == [definition]


def test_the_command_prints_all_for_people_and_machines(tenure: Command, banks: Banks) -> None:
    found = banks.compared["status", MONTHS[-1]]
    ran = tenure("churn", "compare", "--customers", "--project", banks.root)
    assert ran.code == 0
    assert f"{found.changing_sides} of 110 customers change sides between the definitions." in ran.out
    assert "C-0009" in ran.out
    document = tenure("churn", "compare", "--json", "--project", banks.root).document
    assert [outcome["churned"] for outcome in document["definitions"]] == [o.churned for o in found.outcomes]
    assert [pair["both"] for pair in document["pairs"]] == [overlap.both for overlap in found.overlaps]
    assert "customers" not in document
    table = tenure("churn", "compare", "--month", "2025-08", "--format", "csv", "--project", banks.root)
    rows = list(csv.DictReader(io.StringIO(table.out)))
    assert [int(row["only_other"]) for row in rows] == [
        overlap.only_other for overlap in banks.compared["status", MONTHS[2]].overlaps
    ]
    listed = tenure("churn", "compare", "--customers", "--format", "csv", "--project", banks.root)
    assert len(list(csv.DictReader(io.StringIO(listed.out)))) == found.changing_sides


@pytest.mark.parametrize(
    ("month", "code", "message"),
    [
        ("2025-11", 2, "month 2025-11 is after the release, which ends in 2025-10"),
        ("October", 2, "--month October is not a month"),
        ("2019-01", 1, "no customer was there in 2019-01"),
    ],
)
def test_a_month_that_cannot_be_compared_is_named(
    tenure: Command, banks: Banks, month: str, code: int, message: str
) -> None:
    ran = tenure("churn", "compare", "--month", month, "--project", banks.root)
    assert ran.code == code
    assert message in ran.err


def test_the_definition_in_force_is_shown_and_another_one_waits_for_the_build(tenure: Command, banks: Banks) -> None:
    ran = tenure("churn", "--project", banks.root)
    assert ran.code == 0
    assert "not active" in ran.out
    assert "tenure build" not in ran.out
    settings = banks.root / "tenure.toml"
    before = settings.read_text()
    settings.write_text(before.replace('definition = "status"', 'definition = "inactivity"'))
    try:
        waiting = tenure("churn", "--project", banks.root)
        assert (
            "tenure.toml says inactivity (no event of the customer in the 20 days up to the month's end)" in waiting.out
        )
        document = tenure("churn", "--json", "--project", banks.root).document
        assert (document["definition"], document["tenure.toml"]["definition"]) == ("status", "inactivity")
        assert document["churned"] == len(banks.truth["status", MONTHS[-1]].churned)
    finally:
        settings.write_text(before)


def test_a_definition_that_does_not_exist_is_refused(tenure: Command, tmp_path: Path) -> None:
    (tmp_path / "tenure.toml").write_text('[churn]\ndefinition = "mood"\n')
    ran = tenure("churn", "--project", tmp_path)
    assert ran.code == 1
    assert "churn.definition: Input should be 'status', 'inactivity', 'balance' or 'contract_end'" in ran.err


def test_a_new_day_makes_customers_silent_without_reading_an_event(tmp_path: Path) -> None:
    root = make_grown_project(tmp_path / "bank").root
    with (root / "tenure.toml").open("a") as settings:
        settings.write('\n[churn]\ndefinition = "inactivity"\ninactive_days = 20\n')
    project = open_project(root)
    run_ingest(project, BUSINESS_DATE)
    churned: list[int] = []
    requests = [BuildRequest(f"run-{ahead}", BUSINESS_DATE + timedelta(days=ahead)) for ahead in (0, 1, 12)]
    for request in requests:
        built = run_build(project, request)
        assert ("int_churn_inactivity" in built.computed) == (request is requests[0])
        with open_release(project) as release:
            counted = release.query("SELECT COUNT(CASE WHEN is_churned THEN 1 END) AS n FROM dim_customer")
            churned.append(counted["n"][0].as_py())
    step_by_step = hashes(project)
    run_build(project, replace(requests[-1], full=True))
    assert hashes(project) == step_by_step
    assert churned[0] <= churned[1] < churned[2]
