"""On a generated bank the figures of the reports add up, to each other and to the tables they come from."""

from collections import Counter, defaultdict
from collections.abc import Generator
from datetime import date
from decimal import Decimal
from itertools import pairwise

import pytest

from tenure.cli.demo import make_project
from tenure.core.settings import open_project
from tenure.pipeline import run_all
from tenure.synth.bank import BankPlan, write_bank
from tenure.warehouse.releases import OpenRelease, open_release
from tenure.warehouse.report_filters import Filter
from tenure.warehouse.reports import run_report

Row = dict[str, object]
LAST_DAY = date(2025, 9, 30)


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Generator[OpenRelease]:
    """Two years of 250 customers, dirty rows included."""
    folder = tmp_path_factory.mktemp("reconciled") / "bank"
    make_project(folder, "bank")
    write_bank(BankPlan(customers=250, end=LAST_DAY, seed=3), folder / "landing", folder / "truth")
    project = open_project(folder)
    run_all(project, LAST_DAY)
    with open_release(project) as release:
        yield release


def answer(bank: OpenRelease, name: str, *filters: Filter) -> list[Row]:
    result = run_report(bank, name, filters)
    names = [column.name for column in result.columns]
    return [dict(zip(names, row, strict=True)) for row in result.rows]


def cards(bank: OpenRelease) -> list[Row]:
    """The report card of every customer and month, with the day of opening."""
    return bank.query(
        "SELECT m.*, c.date_opened FROM fact_customer_metrics AS m "
        "INNER JOIN dim_customer AS c ON c.customer_id = m.customer_id ORDER BY m.customer_id, m.month"
    ).to_pylist()


def total(rows: list[Row], column: str) -> Decimal:
    return sum((Decimal(str(row[column])) for row in rows), Decimal())


def months_between(first: date, last: date) -> int:
    return (last.year - first.year) * 12 + last.month - first.month


def test_the_balance_movement_closes_every_month_and_opens_with_the_last(bank: OpenRelease) -> None:
    rows = answer(bank, "balance_movement")
    assert len(rows) == 24
    for row in rows:
        money = {column: Decimal(str(value)) for column, value in row.items() if column != "month"}
        moved = money["newcomers_balance"] + money["inflow"] - money["outflow"] - money["leavers_balance"]
        assert money["opening_balance"] + moved == money["closing_balance"], row["month"]
        assert money["inflow"] >= 0 <= money["outflow"]
    for before, after in pairwise(rows):
        assert after["opening_balance"] == before["closing_balance"]
        assert (
            int(str(before["customers"])) + int(str(after["newcomers"])) - int(str(after["leavers"]))
            == after["customers"]
        )


def test_the_closing_balance_is_that_of_all_who_have_not_left(bank: OpenRelease) -> None:
    expected: dict[str, Decimal] = defaultdict(Decimal)
    for card in cards(bank):
        if not card["is_churned"]:
            expected[str(card["month"])[:7]] += Decimal(str(card["total_balance"]))
    assert {row["month"]: row["closing_balance"] for row in answer(bank, "balance_movement")} == expected
    left = {str(row["month"]): row["left_in_month"] for row in answer(bank, "key_figures")}
    assert {str(row["month"]): row["leavers"] for row in answer(bank, "balance_movement")} == left


def test_the_movements_of_the_geographies_add_up_to_the_whole(bank: OpenRelease) -> None:
    places = [str(row["geography"]) for row in answer(bank, "balance_by_geography")]
    parts = [answer(bank, "balance_movement", Filter("geography", (place,)))[-1] for place in places]
    whole = answer(bank, "balance_movement")[-1]
    assert len(places) > 3
    for column in set(whole) - {"month"}:
        assert total(parts, column) == Decimal(str(whole[column])), column


def test_the_cohorts_add_up_to_all_customers_of_each_quarter(bank: OpenRelease) -> None:
    rows = answer(bank, "cohort_triangle")
    known: Counter[str] = Counter()
    for card in cards(bank):
        month = card["month"]
        assert isinstance(month, date)
        if month.month % 3 == 0:
            known[f"{month.year}-Q{month.month // 3}"] += 1
    found: Counter[str] = Counter()
    for row in rows:
        found[str(row["quarter"])] += int(str(row["customers"]))
    assert found == known
    assert len({(row["cohort"], row["months_since_opening"]) for row in rows}) == len(rows)
    for row in rows:
        opened, quarter = ((int(str(row[name])[:4]) * 4 + int(str(row[name])[-1])) for name in ("cohort", "quarter"))
        assert row["months_since_opening"] == (quarter - opened) * 3


def test_the_youngest_cohorts_only_lose_customers(bank: OpenRelease) -> None:
    """Nobody returns or is deleted in this bank, so a cohort known from its opening keeps its size."""
    by_cohort: dict[str, list[Row]] = defaultdict(list)
    for row in answer(bank, "cohort_triangle"):
        by_cohort[str(row["cohort"])].append(row)
    followed = [rows for rows in by_cohort.values() if rows[0]["months_since_opening"] == 0]
    assert len(followed) >= 3
    for rows in followed:
        assert len({row["customers"] for row in rows}) == 1
        retained = [int(str(row["retained"])) for row in rows]
        assert retained == sorted(retained, reverse=True)


def test_the_retention_curve_is_what_counting_one_by_one_gives(bank: OpenRelease) -> None:
    seen, stayed, left, exposed = Counter[int](), Counter[int](), Counter[int](), Counter[int]()
    for card in cards(bank):
        opened, month = card["date_opened"], card["month"]
        assert isinstance(opened, date)
        assert isinstance(month, date)
        age = months_between(opened, month)
        seen[age] += 1
        stayed[age] += not card["is_churned"]
        left[age] += bool(card["churned_in_month"])
        exposed[age] += bool(card["active_at_start"])
    rows = answer(bank, "retention_curve")
    assert [row["months_since_opening"] for row in rows] == sorted(seen)
    for row in rows:
        age = int(str(row["months_since_opening"]))
        expected = (seen[age], stayed[age], exposed[age], left[age])
        assert (row["customers"], row["retained"], row["active_at_start"], row["left_in_month"]) == expected
    assert total(rows, "left_in_month") == total(answer(bank, "key_figures"), "left_in_month")


def test_every_customer_is_in_one_rfm_segment(bank: OpenRelease) -> None:
    rows, overall = answer(bank, "rfm_segments"), answer(bank, "key_figures")[-1]
    assert len(rows) >= 6
    assert total(rows, "customers") == overall["total_customers"]
    assert total(rows, "churned_customers") == overall["churned_customers"]
    assert total(rows, "total_balance") == overall["total_balance"]


def test_the_products_add_up_to_the_balance_of_all_customers(bank: OpenRelease) -> None:
    rows = answer(bank, "product_mix")
    assert len(rows) >= 4
    assert total(rows, "total_balance") == answer(bank, "key_figures")[-1]["total_balance"]
    for share in ("holdings_percentage", "balance_percentage"):
        assert abs(total(rows, share) - 100) <= Decimal("0.005") * len(rows)
    for row in rows:
        assert int(str(row["customers"])) >= int(str(row["active_customers"])) > 0
        assert int(str(row["used_in_month"])) <= int(str(row["customers"]))


def test_the_migration_is_what_comparing_the_two_months_one_by_one_gives(bank: OpenRelease) -> None:
    held: dict[object, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row in bank.query("SELECT customer_id, product_type, period FROM dim_usage").to_pylist():
        held[row["customer_id"]][str(row["period"])[:7]].add(row["product_type"])
    expected: Counter[tuple[str, str]] = Counter()
    for customer in {card["customer_id"] for card in cards(bank)}:
        before, now = held[customer]["2025-08"], held[customer]["2025-09"]
        if before or now:
            expected[" + ".join(sorted(before)) or "none", " + ".join(sorted(now)) or "none"] += 1
    rows = answer(bank, "product_migration")
    found: Counter[tuple[str, str]] = Counter()
    for row in rows:
        found[str(row["from_products"]), str(row["to_products"])] += int(str(row["customers"]))
    assert found == expected
    assert {"dropped", "unchanged", "left"} <= {row["change"] for row in rows}
    assert abs(total(rows, "share_percentage") - 100) <= Decimal("0.005") * len(rows)


def test_tickets_are_resolved_or_open_and_all_counted(bank: OpenRelease) -> None:
    rows = answer(bank, "resolution_time_trend")
    for row in rows:
        assert int(str(row["resolved"])) + int(str(row["still_open"])) == row["tickets"]
    assert total(rows, "tickets") == bank.query("SELECT COUNT(*) AS n FROM dim_support_ticket")["n"][0].as_py()
    assert total(rows, "resolved") == total(answer(bank, "slowest_issues"), "tickets")


def test_no_step_of_the_offer_funnel_exceeds_the_one_before(bank: OpenRelease) -> None:
    rows = answer(bank, "offer_funnel")
    assert rows
    for row in rows:
        assert int(str(row["made"])) >= int(str(row["answered"])) >= int(str(row["accepted"]))
    by_type = {row["offer_type"]: (row["offers"], row["accepted"]) for row in answer(bank, "offers_by_acceptance")}
    assert {row["offer_type"]: (row["made"], row["accepted"]) for row in rows} == by_type
