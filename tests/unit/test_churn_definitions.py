"""What counts as churn: each definition on a bank small enough to reckon by hand."""

from collections.abc import Generator
from decimal import Decimal

import pytest

from tenure.core.settings import ChurnDefinition, ChurnSettings
from tenure.engine.duckdb import DuckDBEngine
from tenure.engine.protocol import Engine
from tests.unit.customer_models import RawBank, day, run

BUSINESS_DATE = "2025-06-15"
ALWAYS = "2025-01-01"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Generator[Engine]:
    opened = DuckDBEngine(tmp_path_factory.mktemp("duckdb"), memory="1GB", threads=1)
    yield opened
    opened.close()


def churned_months(engine: Engine, bank: RawBank, churn: ChurnSettings) -> dict[int, str]:
    """The months of 2025 at whose ends each customer counts as churned, as `3 4 5`."""
    made = run(engine, bank, ["int_customer_month"], BUSINESS_DATE, churn)
    assert [row for row in made["int_churn_spell"] if row["first_month"] > row["last_month"]] == []
    rows = made["int_customer_month"]
    found: dict[int, list[int]] = {row["customer_id"]: [] for row in rows}
    for row in rows:
        assert row["month"].year == 2025
        if row["is_churned"]:
            found[row["customer_id"]].append(row["month"].month)
    return {number: " ".join(map(str, sorted(months))) for number, months in sorted(found.items())}


def silent_bank() -> tuple[RawBank, dict[int, str]]:
    """Customers and their events, and when each has been silent for 60 days."""
    bank, expected = RawBank(), dict[int, str]()

    def person(number: int, churned: str, *bookings: str, known: str = ALWAYS) -> None:
        bank.customer(number, known, is_active=True)
        for on in bookings:
            bank.transaction(number, on)
        expected[number] = churned

    person(1, "4 5 6", "2025-01-31")  # 31 January + 60 days = 1 April
    person(2, "3 4 5 6", "2025-01-30")  # … = 31 March, the month's last day
    person(3, "3 4 5 6")  # silent since it was first known: 1 January + 60 days = 2 March
    person(4, "4", "2025-01-31", "2025-05-31")
    person(5, "3 6", "2025-04-16")  # 16 April + 60 days = 15 June, the business date
    person(6, "3", "2025-04-17")  # … = 16 June: the days after the business date have not happened
    person(7, "3 4 5", "2025-06-20")  # dated ahead, but within the month
    person(14, "3 4 5 6", "2025-07-01")  # dated after the month
    person(8, "5 6", "2025-01-10", known="2025-05-20")  # its events are older than what we know of it
    person(9, "", "2025-01-31", "2025-03-01", "2025-04-30", "2025-05-01")
    person(10, "3 4 5 6")
    bank.add("offers", offer_id=1, customer_id=10, date_offered=day("2025-04-15"), accepted=False)
    person(11, "3 4 5 6")
    bank.add("offers", offer_id=2, customer_id=11, date_offered=day("2025-04-15"), accepted=None)
    person(12, "3")
    bank.add("offers", offer_id=3, customer_id=12, date_offered=day("2025-04-17"), accepted=True)
    person(13, "3")
    bank.usage(13, "2025-04-17", "1.00")
    return bank, expected


def test_inactivity_counts_the_days_since_the_customers_last_event(engine: Engine) -> None:
    bank, expected = silent_bank()
    assert churned_months(engine, bank, ChurnSettings(definition="inactivity", inactive_days=60)) == expected


def test_a_short_limit_finds_silence_within_one_month(engine: Engine) -> None:
    bank = RawBank()
    bank.customer(1, ALWAYS, is_active=True)
    for on in ("2025-01-05", "2025-02-27", "2025-03-05", "2025-03-22", "2025-04-20"):
        bank.transaction(1, on)
    # 5 January + 10 days is before the month's end, 27 February + 10 days after; 20 April + 10 days is the end.
    assert churned_months(engine, bank, ChurnSettings(definition="inactivity", inactive_days=10)) == {1: "1 4 5 6"}


def poor_bank() -> tuple[RawBank, dict[int, str]]:
    """Customers and their balances, and when each has been below 100 for two months running."""
    bank, expected = RawBank(), dict[int, str]()

    def person(number: int, churned: str, *balances: tuple[str, str | None, str], known: str = ALWAYS) -> None:
        bank.customer(number, known, is_active=True)
        for on, balance, product in balances:
            bank.usage(number, on, balance, product)
        expected[number] = churned

    person(1, "2 3 4 5 6", ("2025-01-31", "50", "Savings"))
    person(2, "4 5 6", ("2025-01-31", "150", "Savings"), ("2025-03-15", "50", "Savings"))
    person(3, "", ("2025-01-31", "50", "Savings"), ("2025-02-28", "150", "Savings"))
    person(
        4,
        "2 6",
        ("2025-01-31", "50", "Savings"),
        ("2025-03-31", "150", "Savings"),
        ("2025-05-31", "99.99", "Savings"),
    )
    person(
        5,
        "5 6",
        ("2025-01-31", "60", "Savings"),
        ("2025-01-31", "60", "Current"),
        ("2025-04-30", "0", "Current"),
    )
    person(6, "")
    person(7, "", ("2025-01-31", "100", "Savings"))
    unknown_once = [("2025-01-31", "50"), ("2025-03-31", None), ("2025-04-30", "60")]
    person(8, "2 3 4 5 6", *((on, balance, "Savings") for on, balance in unknown_once))
    person(9, "4 5 6", ("2025-01-31", "50", "Savings"), known="2025-04-10")
    person(10, "", ("2025-01-10", "50", "Savings"), ("2025-01-20", "150", "Savings"))
    person(
        11,
        "3 4",
        ("2025-02-28", "-1", "Credit Card"),
        ("2025-05-31", "100", "Savings"),
        ("2025-05-31", "0", "Credit Card"),
    )
    monthly = [("2025-01-31", "50"), ("2025-02-28", "40"), ("2025-03-31", "-30"), ("2025-04-30", "150")]
    person(12, "2 3", *((on, balance, "Savings") for on, balance in monthly))
    return bank, expected


def test_balance_counts_the_months_running_below_the_limit(engine: Engine) -> None:
    bank, expected = poor_bank()
    churn = ChurnSettings(definition="balance", balance_below=Decimal(100), balance_months=2)
    assert churned_months(engine, bank, churn) == expected


def test_by_default_only_overdrawn_customers_count_and_after_three_months(engine: Engine) -> None:
    bank = RawBank()
    for number, balance in ((1, "0"), (2, "-0.01"), (3, "50")):
        bank.customer(number, ALWAYS, is_active=True)
        bank.usage(number, "2025-01-31", balance)
    assert churned_months(engine, bank, ChurnSettings(definition="balance")) == {1: "", 2: "3 4 5 6", 3: ""}


def test_contract_end_counts_from_the_month_in_which_the_contract_was_closed(engine: Engine) -> None:
    bank, expected = RawBank(), dict[int, str]()
    for number, closed, churned in (
        (1, None, ""),
        (2, "2025-03-31", "3 4 5 6"),
        (3, "2025-04-01", "4 5 6"),
        (4, "2025-06-30", "6"),
        (5, "2025-07-01", ""),
        (6, "2024-01-01", "1 2 3 4 5 6"),
    ):
        bank.customer(number, ALWAYS, is_active=True, date_closed=day(closed) if closed else None)
        expected[number] = churned
    bank.customer(7, ALWAYS, is_active=True)
    bank.customer(7, "2025-04-10", is_active=True, date_closed=day("2025-02-15"))
    bank.customer(8, ALWAYS, is_active=True, date_closed=day("2025-02-01"))
    bank.customer(8, "2025-05-01", is_active=True)
    expected |= {7: "4 5 6", 8: "2 3 4"}
    assert churned_months(engine, bank, ChurnSettings(definition="contract_end")) == expected


def test_status_counts_who_is_not_active_at_the_months_end(engine: Engine) -> None:
    bank = RawBank()
    bank.customer(1, ALWAYS, is_active=True)
    bank.customer(1, "2025-03-31", is_active=False)
    bank.customer(1, "2025-05-31", is_active=True)
    bank.customer(2, ALWAYS)
    assert churned_months(engine, bank, ChurnSettings()) == {1: "3 4", 2: ""}


def test_who_leaves_by_the_definition_in_force_is_counted_in_that_month(engine: Engine) -> None:
    bank, _ = silent_bank()
    churn = ChurnSettings(definition="inactivity", inactive_days=60)
    made = run(engine, bank, ["int_churn_month", "dim_customer"], BUSINESS_DATE, churn)
    left = {row["month"].month: row["left_in_month"] for row in made["int_churn_month"]}
    # March: 2 3 5 6 7 10 11 12 13 14; April: 1 4; June: 5. Customer 8 was churned when it was first known.
    assert left == {1: 0, 2: 0, 3: 10, 4: 2, 5: 0, 6: 1}
    now = {row["customer_id"] for row in made["dim_customer"] if row["is_churned"]}
    assert now == {1, 2, 3, 5, 8, 10, 11, 14}


@pytest.mark.parametrize("definition", ["status", "contract_end", "inactivity", "balance"])
def test_only_the_definition_in_force_is_worked_out(engine: Engine, definition: ChurnDefinition) -> None:
    bank, _ = silent_bank()
    bank.usage(1, "2025-01-31", "-50")
    made = run(engine, bank, ["int_customer_month"], BUSINESS_DATE, ChurnSettings(definition=definition))
    filled = {name for name in ("int_churn_inactivity", "int_churn_balance") if made[name]}
    assert filled == {f"int_churn_{definition}"} & {"int_churn_inactivity", "int_churn_balance"}


def test_silence_before_a_deletion_counts_when_the_customer_returns(engine: Engine) -> None:
    bank = RawBank()
    bank.customer(1, ALWAYS, is_active=True)
    bank.transaction(1, "2025-01-31")
    bank.customer(1, "2025-03-10", deleted=True)
    bank.customer(1, "2025-05-10", is_active=True)
    assert churned_months(engine, bank, ChurnSettings(definition="inactivity", inactive_days=60)) == {1: "5 6"}
