"""Reports over small tables written by hand, each figure with its arithmetic in sight."""

from collections.abc import Generator, Iterable, Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path

import pyarrow as pa
import pytest

from tenure.engine.duckdb import DuckDBEngine
from tenure.warehouse.reports import read_report, report_names
from tests.unit.star_schema import table

TODAY = date(2025, 10, 20)
SEPTEMBER, OCTOBER = date(2025, 9, 1), date(2025, 10, 1)
TABLES = (
    "dim_customer", "fact_customer_metrics", "fact_customer_activity", "dim_usage", "dim_offer", "dim_support_ticket",
    "data_quality",
)  # fmt: skip
Row = dict[str, object]


@pytest.fixture
def engine(tmp_path: Path) -> Generator[DuckDBEngine]:
    engine = DuckDBEngine(tmp_path, memory="500MB", threads=1)
    yield engine
    engine.close()


def answer(engine: DuckDBEngine, name: str, **tables: Iterable[Mapping[str, object]]) -> list[Row]:
    """The rows of a report over these rows of the star schema; a table not given is empty."""
    engine.register("today", pa.table({"business_date": [TODAY]}))
    for entry, empty in empty_tables().items():
        engine.register(entry, table(entry, [dict(row) for row in tables[entry]]) if entry in tables else empty)
    return engine.query(read_report(name)[1]).to_pylist()


@cache
def empty_tables() -> dict[str, pa.Table]:
    """The star schema without a row."""
    return {name: table(name, []) for name in TABLES}


def customer(number: int, **values: object) -> Row:
    return {"customer_id": number, "geography": "Egypt", "age_group": "18-29", "is_churned": False, **values}


def months(number: int, first: date, *balances: int | None, left: date | None = None) -> list[Row]:
    """The report card of a customer: one balance a month from `first` on, None for no row; churned from `left`."""
    found: list[Row] = []
    for place, balance in enumerate(balances):
        month = later(first, place)
        if balance is not None:
            found.append(
                {
                    "customer_id": number,
                    "month": month,
                    "is_churned": left is not None and month >= left,
                    "active_at_start": place > 0 and (left is None or month <= left),
                    "churned_in_month": month == left and place > 0,
                    "total_balance": Decimal(balance),
                    "clv": Decimal(10),
                    "num_products": 1,
                    "offers_made": 1,
                    "offers_accepted": 1,
                    "engagement_score": 5,
                    "dw_start_date": month,
                    "is_current": month == OCTOBER,
                }
            )
    return found


def later(month: date, months: int) -> date:
    count = month.year * 12 + month.month - 1 + months
    return date(count // 12, count % 12 + 1, 1)


def test_the_balance_moves_by_newcomers_inflow_outflow_and_leavers(engine: DuckDBEngine) -> None:
    """1 grows by 30, 2 shrinks by 25, 3 leaves with 70, 4 is deleted with 40, 5 is new with 8, 6 returns with 9."""
    cards = [
        *months(1, SEPTEMBER, 100, 130),
        *months(2, SEPTEMBER, 50, 25),
        *months(3, SEPTEMBER, 70, 70, left=OCTOBER),
        *months(4, SEPTEMBER, 40, None),
        *months(5, OCTOBER, 8),
        {**months(6, SEPTEMBER, 9)[0], "is_churned": True},
        *months(6, OCTOBER, 9),
    ]
    september, october = answer(engine, "balance_movement", fact_customer_metrics=cards)
    assert list(september.values()) == ["2025-09", 0, 260, 0, 0, 0, 260, 4, 0, 4]
    assert list(october.values()) == ["2025-10", 260, 17, 30, 25, 110, 172, 2, 2, 4]
    assert 260 + 17 + 30 - 25 - 110 == 172


def test_a_customer_who_has_left_is_lost_at_the_age_of_leaving_and_ever_after(engine: DuckDBEngine) -> None:
    """1 and 2 opened in August; 2 left in September. 3 opened a year before it was first seen, in September."""
    people = [
        customer(1, date_opened=date(2025, 8, 31)),
        customer(2, date_opened=date(2025, 8, 1)),
        customer(3, date_opened=date(2024, 9, 5)),
    ]
    cards = [
        *months(1, date(2025, 8, 1), 1, 1, 1),
        *months(2, date(2025, 8, 1), 1, 1, 1, left=SEPTEMBER),
        *months(3, SEPTEMBER, 1, 1),
    ]
    found = answer(engine, "retention_curve", dim_customer=people, fact_customer_metrics=cards)
    assert [list(row.values()) for row in found] == [
        # age, customers, retained, %, followed, % of them, active at start, left, % of those
        [0, 2, 2, 100.0, 2, 100.0, 0, 0, None],
        [1, 2, 1, 50.0, 2, 50.0, 2, 1, 50.0],
        [2, 2, 1, 50.0, 2, 50.0, 1, 0, 0.0],
        [12, 1, 1, 100.0, 0, None, 0, 0, None],
        [13, 1, 1, 100.0, 0, None, 1, 0, 0.0],
    ]


def test_without_an_opening_date_a_customer_ages_from_being_first_known(engine: DuckDBEngine) -> None:
    found = answer(
        engine, "retention_curve", dim_customer=[customer(1)], fact_customer_metrics=months(1, SEPTEMBER, 1, 1)
    )
    assert [(row["months_since_opening"], row["customers"], row["followed"]) for row in found] == [(0, 1, 0), (1, 1, 0)]


def test_months_before_the_opening_do_not_count(engine: DuckDBEngine) -> None:
    people, cards = [customer(1, date_opened=OCTOBER)], months(1, SEPTEMBER, 1, 1)
    for name in ("retention_curve", "cohort_triangle"):
        found = answer(engine, name, dim_customer=people, fact_customer_metrics=cards)
        assert [(row["months_since_opening"], row["customers"]) for row in found] == [(0, 1)]


def test_a_cohort_is_looked_at_at_the_end_of_each_quarter_and_now(engine: DuckDBEngine) -> None:
    """Both opened in 2025-Q2, balances 10 and 30 in June; the second leaves in August. October is the latest."""
    people = [customer(1, date_opened=date(2025, 5, 9)), customer(2, date_opened=date(2025, 6, 30))]
    cards = [
        *months(1, date(2025, 5, 1), 5, 10, 11, 12, 13, 14),
        *months(2, date(2025, 6, 1), 30, 30, 30, 30, 30, left=date(2025, 8, 1)),
    ]
    found = answer(engine, "cohort_triangle", dim_customer=people, fact_customer_metrics=cards)
    assert [list(row.values()) for row in found] == [
        ["2025-Q2", 0, "2025-Q2", 2, 2, 100.0, 20.0, 10.0],
        ["2025-Q2", 3, "2025-Q3", 2, 1, 50.0, 21.5, 10.0],
        ["2025-Q2", 6, "2025-Q4", 2, 1, 50.0, 22.0, 10.0],
    ]


def spent(number: int, days_ago: int, *amounts: str) -> list[Row]:
    """Transactions of a customer, the newest `days_ago` days before today."""
    return [
        {
            "activity_type": "transaction",
            "customer_id": number,
            "activity_date": date.fromordinal(TODAY.toordinal() - days_ago - place),
            "amount": Decimal(amount),
        }
        for place, amount in enumerate(amounts)
    ]


def test_five_customers_fall_into_the_five_bands(engine: DuckDBEngine) -> None:
    """Of five, each is a band of its own: customer n is n in frequency and money; recency as the days say.

    1: R 5, F 1 → promising. 2: R 3, F 2 → needs attention. 3: R 2, F 3 → at risk. 4: R 1, F 4, M 4 → cannot lose.
    5: R 4, F 5, M 5 → champions. 6 has an old transaction only, and 7 a later one than today: no transactions.
    """
    activity = [
        *spent(1, 0, "1"),
        *spent(2, 20, "-2", "2"),
        *spent(3, 30, "5", "5", "5"),
        *spent(4, 40, "9", "9", "9", "9"),
        *spent(5, 10, "10", "10", "10", "-10", "10"),
        *spent(6, 365, "1000"),
        *spent(7, -1, "1000"),
        *spent(8, 0, "1"),  # not a customer that is known
    ]
    cards = [card for number in range(1, 8) for card in months(number, OCTOBER, number * 100)]
    cards[0]["is_churned"] = True
    found = answer(engine, "rfm_segments", fact_customer_metrics=cards, fact_customer_activity=activity)
    assert [list(row.values()) for row in found] == [
        # segment, customers, churned, %, days since last, transactions, amount, balance
        ["no transactions", 2, 0, 0.0, None, None, None, 1300],
        ["champions", 1, 0, 0.0, 10.0, 5.0, 50.0, 500],
        ["cannot lose", 1, 0, 0.0, 40.0, 4.0, 36.0, 400],
        ["at risk", 1, 0, 0.0, 30.0, 3.0, 15.0, 300],
        ["needs attention", 1, 0, 0.0, 20.0, 2.0, 4.0, 200],
        ["promising", 1, 1, 100.0, 0.0, 1.0, 1.0, 100],
    ]


def test_customers_who_do_the_same_share_a_segment(engine: DuckDBEngine) -> None:
    activity = [row for number in range(1, 11) for row in spent(number, 5, "3")]
    cards = [card for number in range(1, 11) for card in months(number, OCTOBER, 1)]
    (row,) = answer(engine, "rfm_segments", fact_customer_metrics=cards, fact_customer_activity=activity)
    assert (row["rfm_segment"], row["customers"]) == ("hibernating", 10)


def used(number: int, month: date, *products: str, balance: int | None = 10) -> list[Row]:
    money = None if balance is None else Decimal(balance)
    return [
        {"customer_id": number, "product_type": name, "period": month, "monthly_balance": money} for name in products
    ]


def test_products_taken_up_dropped_switched_and_kept_are_told_apart(engine: DuckDBEngine) -> None:
    usage = [
        *used(1, SEPTEMBER, "Card"), *used(1, OCTOBER, "Loan", "Card"),
        *used(2, SEPTEMBER, "Card", "Loan"), *used(2, OCTOBER, "Loan"),
        *used(3, SEPTEMBER, "Card"), *used(3, OCTOBER, "Loan"),
        *used(4, SEPTEMBER, "Card"), *used(4, OCTOBER, "Card"),
        *used(5, OCTOBER, "Card"),
        *used(6, SEPTEMBER, "Card"),
        *used(7, SEPTEMBER, "Card"),
        *used(8, date(2025, 8, 1), "Card"),  # in neither month
        *used(9, SEPTEMBER, "Card"), *used(9, OCTOBER, "Loan"),  # deleted since
        *used(1, date(2025, 11, 1), "Gold"),  # after the business date
    ]  # fmt: skip
    cards = [card for number in range(1, 9) for card in months(number, OCTOBER, 100)]
    cards[5]["is_churned"] = True
    found = answer(engine, "product_migration", dim_usage=usage, fact_customer_metrics=cards)
    assert [list(row.values())[1:5] for row in found] == [
        ["Card", "Card + Loan", "took up", 1],
        ["Card", "Loan", "switched", 1],
        ["Card + Loan", "Loan", "dropped", 1],
        ["Card", "Card", "unchanged", 1],
        ["Card", "none", "left", 1],
        ["Card", "none", "no record now", 1],
        ["none", "Card", "no record before", 1],
    ]
    assert {row["month"] for row in found} == {"2025-10"}
    assert [row["share_percentage"] for row in found] == [pytest.approx(100 / 7)] * 7


def test_more_than_five_products_are_counted_not_listed(engine: DuckDBEngine) -> None:
    usage = [*used(1, SEPTEMBER, *"ABCDE"), *used(1, OCTOBER, *"ABCDEFG")]
    (row,) = answer(engine, "product_migration", dim_usage=usage, fact_customer_metrics=months(1, OCTOBER, 1))
    assert (row["from_products"], row["to_products"]) == ("A + B + C + D + E", "A + B + C + D + E + 2 more")
    assert row["change"] == "took up"


def test_a_product_keeps_the_latest_balance_known(engine: DuckDBEngine) -> None:
    """Card: 20 of customer 1 (its October is missing) and 5 of customer 2, who has left; Loan: 75 of customer 2."""
    usage = [
        *used(1, SEPTEMBER, "Card", balance=20),
        *used(1, OCTOBER, "Card", balance=None),
        *used(2, SEPTEMBER, "Card", balance=5),
        *used(2, OCTOBER, "Loan", balance=75),
        *used(1, date(2025, 11, 1), "Card", balance=888),  # after the business date
        *used(3, OCTOBER, "Loan", balance=999),  # deleted since
    ]
    cards = [*months(1, OCTOBER, 20), {**months(2, OCTOBER, 80)[0], "is_churned": True}]
    found = answer(engine, "product_mix", dim_usage=usage, fact_customer_metrics=cards)
    assert [list(row.values())[1:] for row in found] == [
        # product, customers, active, used in month, % of holdings, balance, mean, % of the balance
        ["Loan", 1, 0, 1, pytest.approx(100 / 3), 75, 75.0, 75.0],
        ["Card", 2, 1, 1, pytest.approx(200 / 3), 25, 12.5, 25.0],
    ]


def test_the_median_of_an_even_number_of_tickets_lies_between_the_middle_two(engine: DuckDBEngine) -> None:
    hours = ("0.01", "0.02", "3.00", "100.00", None)
    activity = [
        {"activity_type": "ticket", "activity_date": SEPTEMBER, "resolution_time_hrs": value and Decimal(value)}
        for value in hours
    ]
    activity.append({"activity_type": "ticket", "activity_date": OCTOBER, "resolution_time_hrs": None})
    activity.append({"activity_type": "offer", "activity_date": OCTOBER, "resolution_time_hrs": None})
    found = answer(engine, "resolution_time_trend", fact_customer_activity=activity)
    assert [list(row.values()) for row in found] == [
        ["2025-09", 5, 4, pytest.approx(25.7575), pytest.approx(1.51), 100, 1],
        ["2025-10", 1, 0, None, None, None, 1],
    ]


def test_an_offer_without_an_answer_stays_on_the_first_step(engine: DuckDBEngine) -> None:
    """Four loans: one accepted, one refused, one answered without saying how, one not answered; 3 + 1 spent on them."""
    loan = {"customer_id": 1, "offer_type": "Loan"}
    offers = [
        {**loan, "accepted": True, "cost": Decimal(3)},
        {**loan, "accepted": False, "cost": Decimal(1)},
        {**loan, "date_answered": SEPTEMBER},
        loan,
        {"customer_id": 1, "offer_type": "Cashback", "accepted": False},
    ]
    found = answer(engine, "offer_funnel", dim_offer=offers)
    assert [list(row.values()) for row in found] == [
        ["Loan", 4, 3, 1, 75.0, pytest.approx(100 / 3), 25.0, 4, 4.0],
        ["Cashback", 1, 1, 0, 100.0, 0.0, 0.0, None, None],
    ]


COUNTED = {
    "churn_overall": "total_customers",
    "churn_by_geography_age": "total_customers",
    "key_figures": "total_customers",
    "balance_by_geography": "customers",
    "balance_by_segment": "customers",
    "cohort_triangle": "customers",
    "rfm_segments": "customers",
    "support_impact": "customers",
    "product_mix": "customers",
    "product_migration": "customers",
    "balance_movement": "customers",
}


BY_MONTH = {"churn_by_geography_age", "key_figures", "balance_movement"}


@pytest.mark.parametrize("name", COUNTED)
def test_a_deleted_customer_is_in_no_count_of_today(engine: DuckDBEngine, name: str) -> None:
    """Three were there in September; the third was deleted in October and has no row since."""
    people = [customer(1), customer(2), customer(3, deleted_on=date(2025, 10, 5))]
    cards = [*months(1, SEPTEMBER, 1, 1), *months(2, SEPTEMBER, 1, 1), *months(3, SEPTEMBER, 1)]
    tickets = [{"ticket_id": number, "customer_id": number, "issue_type": "Login"} for number in (1, 2, 3)]
    usage = [row for number in (1, 2, 3) for row in (*used(number, SEPTEMBER, "Card"), *used(number, OCTOBER, "Card"))]
    found = answer(
        engine, name, dim_customer=people, fact_customer_metrics=cards, dim_support_ticket=tickets, dim_usage=usage,
        fact_customer_activity=spent(3, 1, "5"),
    )  # fmt: skip
    today = [
        row for row in found if row.get("month", "2025-10") == "2025-10" and row.get("quarter", "2025-Q4") == "2025-Q4"
    ]
    assert sum(int(str(row[COUNTED[name]])) for row in today) == 2
    before = [row for row in found if row.get("month") == "2025-09"]
    assert sum(int(str(row[COUNTED[name]])) for row in before) == (3 if name in BY_MONTH else 0)


def test_every_report_can_be_asked_of_empty_tables(engine: DuckDBEngine) -> None:
    for name in report_names():
        assert answer(engine, name) == [], name
