"""The newer reports on the reference case, each against values reckoned here from the landing files alone."""

import csv
import json
import statistics
from collections import Counter, defaultdict
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

import pytest

from tenure.core.settings import Project
from tenure.pipeline import run_all
from tenure.warehouse.releases import open_release
from tenure.warehouse.reports import ReportResult, Value, run_report
from tests.reference_case import BUSINESS_DATE, SEED, make_reference_project

MONTH = "2025-10"
Row = dict[str, Value]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = make_reference_project(tmp_path_factory.mktemp("reference") / "bank")
    run_all(project, BUSINESS_DATE)
    return project


def result_of(project: Project, name: str) -> ReportResult:
    with open_release(project) as release:
        return run_report(release, name)


def rows_of(result: ReportResult) -> list[Row]:
    names = [column.name for column in result.columns]
    return [dict(zip(names, row, strict=True)) for row in result.rows]


def landed(name: str) -> list[dict[str, str]]:
    with (SEED / f"{name}.csv").open(newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def balances() -> dict[str, Decimal]:
    """Customer → balance: each has one usage record."""
    lines = (SEED / "usage.json").read_text(encoding="utf-8").splitlines()
    return {str(record["customer_id"]): Decimal(record["monthly_balance"]) for record in map(json.loads, lines)}


def percent(part: int, whole: int) -> float:
    """A share of 100 with two decimals, halves up."""
    exact = Decimal(part) * 100 / Decimal(whole)
    return float(exact.quantize(Decimal("0.01"), ROUND_HALF_UP))


def mean(values: list[Decimal]) -> float:
    return float((sum(values, Decimal()) / len(values)).quantize(Decimal("0.01"), ROUND_HALF_UP))


def age_of(customer: dict[str, str]) -> int:
    """Calendar months from opening to October 2025: 45 for customer 1, who opened in January 2022."""
    opened = date.fromisoformat(customer["date_opened"])
    return (2025 - opened.year) * 12 + 10 - opened.month


def quarter_of(customer: dict[str, str]) -> tuple[int, int]:
    opened = date.fromisoformat(customer["date_opened"])
    return opened.year, (opened.month + 2) // 3


def test_the_retention_curve_places_every_customer_at_its_age(project: Project) -> None:
    result = result_of(project, "retention_curve")
    seen = Counter(age_of(customer) for customer in landed("customers"))
    stayed = Counter(age_of(customer) for customer in landed("customers") if customer["is_active"] == "1")
    assert seen[45] == 1
    assert sum(seen.values()) == 20
    assert [
        (row["months_since_opening"], row["customers"], row["retained"], row["retained_percentage"])
        for row in rows_of(result)
    ] == [(age, seen[age], stayed[age], percent(stayed[age], seen[age])) for age in sorted(seen)]
    for row in rows_of(result):
        assert (row["followed"], row["active_at_start"], row["left_in_month"]) == (0, 0, 0)
        assert row["followed_retained_percentage"] is None
    assert result.finding == "Nobody has been seen from one month to the next yet, so no rate of leaving can be told."


def test_the_cohort_triangle_has_one_cell_for_each_quarter_of_opening(project: Project) -> None:
    """2022-Q1 holds customers 1 (5,200) and 15 (4,800), both active: 100 %, mean 5,000, 45 months before 2025-Q4."""
    result = result_of(project, "cohort_triangle")
    cohorts: dict[tuple[int, int], list[dict[str, str]]] = defaultdict(list)
    for customer in landed("customers"):
        cohorts[quarter_of(customer)].append(customer)
    expected = [
        (
            f"{year}-Q{quarter}",
            ((2025 - year) * 4 + 4 - quarter) * 3,
            "2025-Q4",
            len(members),
            sum(member["is_active"] == "1" for member in members),
            percent(sum(member["is_active"] == "1" for member in members), len(members)),
            mean([balances()[member["customer_id"]] for member in members]),
        )
        for (year, quarter), members in sorted(cohorts.items())
    ]
    assert ("2022-Q1", 45, "2025-Q4", 2, 2, 100.0, 5000.0) in expected
    assert [tuple(row.values())[:7] for row in rows_of(result)] == expected
    assert sum(int(str(row["customers"])) for row in rows_of(result)) == 20


def test_the_cohort_triangle_values_customers_by_the_stated_formula(project: Project) -> None:
    """Balance x 3 % a year, discounted at 10 %, 36 months, c = (7 + 0.5) / (months lived + 1); 0 once churned."""
    customers = landed("customers")
    churn = (7 + 0.5) / (sum(int(customer["tenure_months"]) for customer in customers) + 1)
    annuity = sum((1 - churn) ** t / 1.10 ** (t / 12) for t in range(1, 37))
    worth: dict[str, list[float]] = defaultdict(list)
    for customer in customers:
        balance = float(balances()[customer["customer_id"]]) if customer["is_active"] == "1" else 0.0
        worth["{}-Q{}".format(*quarter_of(customer))].append(balance * 0.03 / 12 * annuity)
    for row in rows_of(result_of(project, "cohort_triangle")):
        values = worth[str(row["cohort"])]
        assert abs(float(str(row["avg_clv"])) - sum(values) / len(values)) < 0.011, row["cohort"]


def test_without_transactions_all_customers_are_in_the_segment_that_says_so(project: Project) -> None:
    result = result_of(project, "rfm_segments")
    assert rows_of(result) == [
        {
            "rfm_segment": "no transactions",
            "customers": 20,
            "churned_customers": 7,
            "churned_percentage": 35.0,
            "avg_days_since_last": None,
            "avg_transactions": None,
            "avg_amount": None,
            "total_balance": sum(balances().values()),
        }
    ]


def test_the_product_mix_is_what_the_usage_log_holds(project: Project) -> None:
    """Savings: 5,200 + 6,100 + 2,200 + 19,400 = 32,900 of 153,600, that is 21.42 %."""
    lines = (SEED / "usage.json").read_text(encoding="utf-8").splitlines()
    active = {customer["customer_id"] for customer in landed("customers") if customer["is_active"] == "1"}
    held: dict[str, list[dict[str, int]]] = defaultdict(list)
    for record in map(json.loads, lines):
        held[record["product_type"]].append(record)
    expected: list[Row] = [
        {
            "month": MONTH,
            "product_type": product,
            "customers": len(records),
            "active_customers": sum(str(record["customer_id"]) in active for record in records),
            "used_in_month": len(records),
            "holdings_percentage": percent(len(records), 20),
            "total_balance": Decimal(sum(record["monthly_balance"] for record in records)),
            "avg_balance": mean([Decimal(record["monthly_balance"]) for record in records]),
            "balance_percentage": percent(sum(record["monthly_balance"] for record in records), 153_600),
        }
        for product, records in held.items()
    ]
    result = result_of(project, "product_mix")
    assert rows_of(result) == sorted(
        expected, key=lambda row: (-Decimal(str(row["total_balance"])), str(row["product_type"]))
    )
    savings = next(row for row in rows_of(result) if row["product_type"] == "Savings")
    assert (savings["total_balance"], savings["balance_percentage"]) == (Decimal("32900.00"), 21.42)


def test_nobody_migrates_in_the_first_month(project: Project) -> None:
    """Four customers a product, 20 % each; the usage log is undated and so of the business date."""
    result = result_of(project, "product_migration")
    assert [tuple(row.values())[:6] for row in rows_of(result)] == [
        (MONTH, "none", product, "no record before", 4, 20.0)
        for product in ("Credit Card", "Current", "Fixed Deposit", "Personal Loan", "Savings")
    ]
    assert sum(Decimal(str(row["total_balance"])) for row in rows_of(result)) == sum(balances().values())
    assert result.finding == "No customer with usage records in both months took up or dropped a product."


def test_the_balance_begins_with_that_of_the_thirteen_who_are_there(project: Project) -> None:
    active = [customer["customer_id"] for customer in landed("customers") if customer["is_active"] == "1"]
    whole = sum((balances()[customer] for customer in active), Decimal())
    assert len(active) == 13
    result = result_of(project, "balance_movement")
    assert [tuple(row.values()) for row in rows_of(result)] == [(MONTH, 0, whole, 0, 0, 0, whole, 13, 0, 13)]
    assert f"from 0.00 USD to {whole:,.2f} USD (n = 13)" in result.finding


def test_the_resolution_time_of_the_twenty_tickets(project: Project) -> None:
    """Their sum is 335 hours, so 16.75 on average; the tenth and eleventh of them are 12 and 14, the median 13."""
    hours = [Decimal(ticket["resolution_time_hrs"]) for ticket in landed("customer_support_tickets")]
    assert (sum(hours), statistics.median(hours)) == (335, 13)
    result = result_of(project, "resolution_time_trend")
    assert [tuple(row.values()) for row in rows_of(result)] == [(MONTH, 20, 20, 16.75, 13.0, Decimal(48), 0)]
    assert result.finding.startswith(
        "Tickets raised in 2025-10 took 16.75 hours on average to resolve, the median 13.00 (n = 20); 0 are still open."
    )


def test_every_offer_of_the_reference_case_has_an_answer(project: Project) -> None:
    """Four offers a type; Credit Card: customers 1, 6, 11 and 16 all accepted, Personal Loan: one of four."""
    made = Counter(offer["offer_type"] for offer in landed("offers"))
    accepted = Counter(offer["offer_type"] for offer in landed("offers") if offer["accepted"] == "1")
    expected = [
        (kind, 4, 4, accepted[kind], 100.0, percent(accepted[kind], 4), percent(accepted[kind], 4), None, None)
        for kind in sorted(made)
    ]
    assert (accepted["Credit Card"], accepted["Personal Loan"]) == (4, 1)
    assert [tuple(row.values()) for row in rows_of(result_of(project, "offer_funnel"))] == expected
