"""Histories: whatever the order in which states and deletes arrive, the versions say when each state held."""

import itertools
from collections.abc import Generator, Sequence
from datetime import date, timedelta

import pytest

from tenure.engine.duckdb import DuckDBEngine
from tenure.engine.protocol import Engine
from tests.unit.customer_models import RawBank, Rows, models, run

OPEN = "9999-12-31"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Generator[Engine]:
    opened = DuckDBEngine(tmp_path_factory.mktemp("duckdb"), memory="1GB", threads=1)
    yield opened
    opened.close()


def deliver(bank: RawBank, number: int, deliveries: Sequence[str]) -> None:
    """`A 2025-01-10` is state A as of that day, `- 2025-01-10` the customer's deletion."""
    for delivery in deliveries:
        state, effective = delivery.split(" ")
        if state == "-":
            bank.customer(number, effective, deleted=True)
        else:
            bank.customer(number, effective, first_name=state, is_active=True)


def delivered(*deliveries: str) -> RawBank:
    """A bank of one customer."""
    bank = RawBank()
    deliver(bank, 1, deliveries)
    return bank


def versions(made: Rows) -> list[tuple[str, str, str, str]]:
    rows = sorted(made["dim_customer_history"], key=lambda row: row["valid_from"])
    return [(row["first_name"], str(row["valid_from"]), str(row["valid_to"]), row["closed_by"]) for row in rows]


def months(made: Rows) -> list[str]:
    return sorted(str(row["month"])[:7] for row in made["int_customer_month"])


CASES: dict[str, tuple[Sequence[str], Sequence[tuple[str, str, str, str]]]] = {
    "one state holds until something else is said": (["A 2025-01-10"], [("A", "2025-01-10", OPEN, "open")]),
    "a repeated state makes no version": (
        ["A 2025-01-10", "A 2025-02-10"],
        [("A", "2025-01-10", OPEN, "open")],
    ),
    "a state that returns is a version of its own": (
        ["A 2025-01-10", "B 2025-02-10", "A 2025-03-10"],
        [
            ("A", "2025-01-10", "2025-02-09", "superseded"),
            ("B", "2025-02-10", "2025-03-09", "superseded"),
            ("A", "2025-03-10", OPEN, "open"),
        ],
    ),
    "a late state falls into its place": (
        ["A 2025-01-10", "C 2025-03-10", "B 2025-02-10"],
        [
            ("A", "2025-01-10", "2025-02-09", "superseded"),
            ("B", "2025-02-10", "2025-03-09", "superseded"),
            ("C", "2025-03-10", OPEN, "open"),
        ],
    ),
    "a late state may part one version into two": (
        ["A 2025-01-10", "A 2025-03-10", "B 2025-02-10"],
        [
            ("A", "2025-01-10", "2025-02-09", "superseded"),
            ("B", "2025-02-10", "2025-03-09", "superseded"),
            ("A", "2025-03-10", OPEN, "open"),
        ],
    ),
    "a late state may come before all others": (
        ["B 2025-02-10", "A 2025-01-10"],
        [("A", "2025-01-10", "2025-02-09", "superseded"), ("B", "2025-02-10", OPEN, "open")],
    ),
    "the newest delivery of a day is the one that counts": (
        ["A 2025-01-10", "B 2025-01-10"],
        [("B", "2025-01-10", OPEN, "open")],
    ),
    "a delete ends the version before it": (
        ["A 2025-01-10", "- 2025-02-10"],
        [("A", "2025-01-10", "2025-02-09", "deleted at source")],
    ),
    "a second delete changes nothing": (
        ["A 2025-01-10", "- 2025-02-10", "- 2025-03-10"],
        [("A", "2025-01-10", "2025-02-09", "deleted at source")],
    ),
    "a returning customer begins a new version, even in the same state": (
        ["A 2025-01-10", "- 2025-02-10", "A 2025-04-10"],
        [("A", "2025-01-10", "2025-02-09", "deleted at source"), ("A", "2025-04-10", OPEN, "open")],
    ),
    "a customer may come and go": (
        ["A 2025-01-10", "- 2025-02-10", "B 2025-03-10", "- 2025-04-10", "B 2025-05-10"],
        [
            ("A", "2025-01-10", "2025-02-09", "deleted at source"),
            ("B", "2025-03-10", "2025-04-09", "deleted at source"),
            ("B", "2025-05-10", OPEN, "open"),
        ],
    ),
    "a late state before the delete falls into its place": (
        ["A 2025-01-10", "- 2025-03-10", "B 2025-02-10"],
        [("A", "2025-01-10", "2025-02-09", "superseded"), ("B", "2025-02-10", "2025-03-09", "deleted at source")],
    ),
    "a late state after the delete brings the customer back": (
        ["A 2025-01-10", "- 2025-02-10", "A 2025-02-11"],
        [("A", "2025-01-10", "2025-02-09", "deleted at source"), ("A", "2025-02-11", OPEN, "open")],
    ),
    "a late delete makes a gap in what was one version": (
        ["A 2025-01-10", "A 2025-03-10", "- 2025-02-10"],
        [("A", "2025-01-10", "2025-02-09", "deleted at source"), ("A", "2025-03-10", OPEN, "open")],
    ),
    "a delete before anything is known says nothing": (
        ["- 2025-01-01", "A 2025-01-10"],
        [("A", "2025-01-10", OPEN, "open")],
    ),
    "a delete of an unknown customer makes no version": (["- 2025-01-10"], []),
    "a record deleted on its own day never held": (["A 2025-01-10", "- 2025-01-10"], []),
    "a new state deleted on its own day leaves the one before it": (
        ["A 2025-01-10", "B 2025-02-10", "- 2025-02-10"],
        [("A", "2025-01-10", "2025-02-09", "deleted at source")],
    ),
    "a customer deleted and delivered again on one day was not away": (
        ["A 2025-01-10", "- 2025-02-10", "A 2025-02-10"],
        [("A", "2025-01-10", OPEN, "open")],
    ),
}


@pytest.mark.parametrize(("deliveries", "expected"), CASES.values(), ids=CASES.keys())
def test_versions(engine: Engine, deliveries: Sequence[str], expected: Sequence[tuple[str, str, str, str]]) -> None:
    made = run(engine, delivered(*deliveries), ["dim_customer_history"])
    assert versions(made) == list(expected)
    assert [row["is_current"] for row in made["dim_customer_history"] if row["closed_by"] == "open"] == [
        True for version in expected if version[3] == "open"
    ]
    assert broken_tests(engine) == []


def broken_tests(engine: Engine) -> list[str]:
    """The tests of the history that its rows break."""
    tests = models()["dim_customer_history"].description.tests
    return [str(test.name) for test in tests if test.sql and engine.query(test.sql).num_rows]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ("valid_to = '2025-02-20'", "versions neither overlap nor leave gaps, except while deleted"),
        ("valid_to = '2025-02-01'", "versions neither overlap nor leave gaps, except while deleted"),
        ("closed_by = 'deleted at source'", "versions neither overlap nor leave gaps, except while deleted"),
        ("closed_by = 'open'", "only the state that is open is current, and it has no end"),
        ("is_current = TRUE", "only the state that is open is current, and it has no end"),
    ],
)
def test_the_tests_of_the_history_find_versions_that_cannot_be(engine: Engine, change: str, complaint: str) -> None:
    run(engine, delivered("A 2025-01-10", "B 2025-02-10"), ["dim_customer_history"])
    column, value = change.split(" = ")
    wrong = f"CASE WHEN first_name = 'A' THEN {value} ELSE {column} END"
    rows = engine.query(f"SELECT * REPLACE ({wrong} AS {column}) FROM dim_customer_history")
    engine.register("dim_customer_history", rows.cast(rows.schema))
    assert complaint in broken_tests(engine)


def test_no_order_of_arrival_changes_the_history(engine: Engine) -> None:
    deliveries = ["A 2025-01-10", "B 2025-02-10", "- 2025-03-10", "B 2025-05-10"]
    bank = RawBank()
    for number, order in enumerate(itertools.permutations(deliveries)):
        deliver(bank, number, order)
    rows = run(engine, bank, ["dim_customer_history"])["dim_customer_history"]
    histories = [
        tuple(versions({"dim_customer_history": [row for row in rows if row["customer_id"] == number]}))
        for number in range(24)
    ]
    assert set(histories) == {
        (
            ("A", "2025-01-10", "2025-02-09", "superseded"),
            ("B", "2025-02-10", "2025-03-09", "deleted at source"),
            ("B", "2025-05-10", OPEN, "open"),
        )
    }


def test_every_sequence_of_four_deliveries_has_the_history_that_a_day_by_day_count_gives(engine: Engine) -> None:
    days = [date(2025, 1, 1) + timedelta(days=offset) for offset in range(4)]
    choices = [f"{state} {day}" for state in "AB-" for day in days[:3]]
    sequences = [sequence for sequence in itertools.product(choices, repeat=4) if sequence[0] < sequence[3]]
    bank, expected = RawBank(), dict[int, list[tuple[str, date, date]]]()
    for number, sequence in enumerate(sequences):
        last_word = {delivery.split(" ")[1]: delivery.split(" ")[0] for delivery in sequence}
        deliver(bank, number, sequence)
        expected[number] = _day_by_day(last_word, days)
    found: dict[int, list[tuple[str, date, date]]] = {number: [] for number in expected}
    made = run(engine, bank, ["dim_customer_history"])["dim_customer_history"]
    for row in sorted(made, key=lambda row: row["valid_from"]):
        end = min(row["valid_to"], days[-1])
        found[row["customer_id"]].append((row["first_name"], row["valid_from"], end))
    assert found == expected
    assert broken_tests(engine) == []


def _day_by_day(last_word: dict[str, str], days: Sequence[date]) -> list[tuple[str, date, date]]:
    """Stretches of days with one state: (state, first day, last day)."""
    stretches: list[tuple[str, date, date]] = []
    state = "-"
    for today in days:
        before, state = state, last_word.get(str(today), state)
        if state == "-":
            continue
        if before == state:
            stretches[-1] = (state, stretches[-1][1], today)
        else:
            stretches.append((state, today, today))
    return stretches


def test_a_customer_of_whom_nothing_but_the_key_is_known_is_deleted_all_the_same(engine: Engine) -> None:
    bank = RawBank()
    bank.customer(1, "2025-01-10")
    bank.customer(1, "2025-02-10", deleted=True)
    assert len({row["_content"] for row in bank.records["customers"]}) == 1
    rows = run(engine, bank, ["dim_customer_history"])["dim_customer_history"]
    assert [(str(row["valid_to"]), row["closed_by"]) for row in rows] == [("2025-02-09", "deleted at source")]


def test_a_version_has_three_times(engine: Engine) -> None:
    bank = delivered("A 2025-01-10", "B 2025-02-10")
    made = run(engine, bank, ["dim_customer_history"])["dim_customer_history"]
    by_state = {row["first_name"]: row for row in made}
    assert by_state["B"]["valid_from"] == by_state["B"]["known_at"] == date(2025, 2, 10)
    assert by_state["A"]["recorded_at"] < by_state["B"]["recorded_at"]


def test_a_month_has_a_row_while_the_customer_is_there_at_its_end(engine: Engine) -> None:
    bank = delivered("A 2025-01-10", "- 2025-03-31", "A 2025-05-31")
    made = run(engine, bank, ["int_customer_month"], business_date="2025-06-15")
    assert months(made) == ["2025-01", "2025-02", "2025-05", "2025-06"]


def test_a_customer_deleted_on_the_first_of_a_month_was_there_at_the_end_of_the_month_before(engine: Engine) -> None:
    bank = delivered("A 2025-01-10", "- 2025-03-01")
    assert months(run(engine, bank, ["int_customer_month"])) == ["2025-01", "2025-02"]


def test_a_customer_away_for_some_days_within_a_month_misses_no_month(engine: Engine) -> None:
    bank = delivered("A 2025-01-10", "- 2025-02-05", "A 2025-02-20")
    assert months(run(engine, bank, ["int_customer_month"], "2025-03-01")) == ["2025-01", "2025-02", "2025-03"]


def test_who_returns_was_not_there_at_the_start_and_the_row_says_since_when(engine: Engine) -> None:
    bank = delivered("A 2025-01-10", "- 2025-03-10", "A 2025-05-10")
    rows = run(engine, bank, ["int_customer_month"])["int_customer_month"]
    at_start = {str(row["month"])[:7]: row["active_at_start"] for row in rows}
    assert at_start == {"2025-01": False, "2025-02": True, "2025-05": False, "2025-06": True}
    assert {str(row["month"])[:7]: row["absent_from"] for row in rows if row["absent_from"]} == {
        "2025-05": date(2025, 3, 1)
    }
    assert {row["first_known"] for row in rows} == {date(2025, 1, 10)}


def test_being_deleted_is_not_churn(engine: Engine) -> None:
    bank = delivered("A 2025-01-10", "- 2025-03-10")
    bank.customer(2, "2025-01-10", first_name="Z", is_active=True)
    made = run(engine, bank, ["int_churn_month"])
    assert [row for row in made["int_customer_month"] if row["is_churned"] or row["churned_in_month"]] == []
    exposed = {str(row["month"])[:7]: row["exposed"] for row in made["int_churn_month"]}
    assert exposed == {"2025-01": 0, "2025-02": 2, "2025-03": 1, "2025-04": 1, "2025-05": 1, "2025-06": 1}


def test_a_deleted_customer_stays_in_the_dimension_as_it_was_last_known(engine: Engine) -> None:
    bank = RawBank()
    bank.customer(1, "2025-01-10", first_name="A", is_active=True)
    bank.customer(1, "2025-02-10", first_name="B", is_active=False)
    bank.customer(1, "2025-04-10", deleted=True)
    bank.customer(1, "2025-05-10", deleted=True)
    bank.customer(2, "2025-01-10", first_name="C", is_active=False)
    made = run(engine, bank, ["dim_customer"])
    kept = {
        row["customer_id"]: (row["first_name"], row["is_churned"], row["deleted_on"]) for row in made["dim_customer"]
    }
    assert kept == {1: ("B", True, date(2025, 4, 10)), 2: ("C", True, None)}


def test_a_customer_deleted_on_its_first_day_is_not_lost(engine: Engine) -> None:
    made = run(engine, delivered("A 2025-01-10", "- 2025-01-10"), ["dim_customer"])
    assert [(row["first_name"], row["is_churned"], row["deleted_on"]) for row in made["dim_customer"]] == [
        ("A", False, date(2025, 1, 10))
    ]
    assert made["int_customer_month"] == []


def test_a_returned_customer_is_no_longer_deleted(engine: Engine) -> None:
    made = run(engine, delivered("A 2025-01-10", "- 2025-02-10", "B 2025-03-10"), ["dim_customer"])
    assert [(row["first_name"], row["deleted_on"]) for row in made["dim_customer"]] == [("B", None)]


def test_nothing_looks_from_one_customer_to_another(engine: Engine) -> None:
    names = ("dim_customer_history", "int_customer_month", "dim_customer")
    sequences = [
        ["A 2025-01-10", "- 2025-03-10", "A 2025-05-10"],
        ["A 2025-02-01", "B 2025-04-30"],
        ["- 2025-01-10", "C 2025-06-01"],
    ]
    everyone = RawBank()
    alone: dict[str, list[str]] = {name: [] for name in names}
    for number, sequence in enumerate(sequences):
        single = RawBank(loads=everyone.loads)
        for bank in (everyone, single):
            deliver(bank, number, sequence)
        for name, rows in run(engine, single, names).items():
            if name in alone:
                alone[name] += map(str, rows)
    together = run(engine, everyone, names)
    assert {name: sorted(map(str, together[name])) for name in names} == {n: sorted(rows) for n, rows in alone.items()}
