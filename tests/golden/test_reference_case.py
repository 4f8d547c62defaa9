"""The printed results of the reference case, to the digit."""

from datetime import date
from pathlib import Path

import pytest

from tenure.core.settings import Project
from tenure.pipeline import run_all
from tenure.warehouse.releases import OpenRelease, open_release
from tenure.warehouse.reports import run_report
from tests.reference_case import BUSINESS_DATE, SEED, comparable, expected, make_reference_project

PRINTED = (
    "churn_overall",
    "churn_by_geography_age",
    "support_impact",
    "balance_by_segment",
    "offers_by_acceptance",
    "balance_by_geography",
    "slowest_issues",
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = make_reference_project(tmp_path_factory.mktemp("reference") / "bank")
    run_all(project, BUSINESS_DATE)
    return project


@pytest.mark.parametrize("name", PRINTED)
def test_a_report_prints_exactly_the_documents_values(project: Project, name: str) -> None:
    with open_release(project) as release:
        result = run_report(release, name)
    names = [column.name for column in result.columns]
    rows = [dict(zip(names, row, strict=True)) for row in result.rows]
    columns = list(expected(name)[0])
    found = sorted(tuple(comparable(row[column]) for column in columns) for row in rows)
    assert found == sorted(tuple(comparable(row[column]) for column in columns) for row in expected(name))


def test_reports_are_ordered_by_their_measure(project: Project) -> None:
    with open_release(project) as release:
        for name, measure in (("churn_by_geography_age", 5), ("slowest_issues", 2), ("balance_by_geography", 2)):
            values = [row[measure] for row in run_report(release, name).rows]
            assert values == sorted(values, reverse=True)


def test_overall_churn_is_thirty_five_percent_and_says_on_how_few_it_rests(project: Project) -> None:
    with open_release(project) as release:
        result = run_report(release, "churn_overall")
    assert result.rows[0][-1] == 35.0
    assert result.finding == (
        "35.00 % of all customers have left by 2025-10: 7 of n = 20. "
        "No group reaches 30, so read this as a hint, not as a finding."
    )


def test_the_most_engaged_customer_scores_as_defined(project: Project) -> None:
    """Customer 3: one offer (10), four products (20), 24,500 of balance (20), 36 months (9), one contact (5)."""
    with open_release(project) as release:
        result = run_report(release, "most_engaged_customers")
    names = [column.name for column in result.columns]
    best = dict(zip(names, result.rows[0], strict=True))
    assert (best["customer_id"], best["engagement_score"]) == (3, 64)
    assert all(dict(zip(names, row, strict=True))["engagement_score"] > 0 for row in result.rows)


def test_lifetime_value_is_the_stated_formula(project: Project) -> None:
    """Balance x 3 % a year, discounted at 10 % over 36 months with c = (7 + 0.5) / (months lived + 1)."""
    with open_release(project) as release:
        lived = release.query("SELECT SUM(tenure_months) AS n FROM dim_customer")["n"][0].as_py()
        values = release.query(
            "SELECT m.total_balance, m.clv, m.is_churned FROM fact_customer_metrics AS m ORDER BY m.customer_id"
        ).to_pylist()
    churn = (7 + 0.5) / (int(lived) + 1)
    annuity = sum((1 - churn) ** t / 1.10 ** (t / 12) for t in range(1, 37))
    for row in values:
        formula = 0 if row["is_churned"] else float(row["total_balance"]) * 0.03 / 12 * annuity
        assert abs(float(row["clv"]) - formula) <= 0.00501


def test_the_star_schema_has_the_rows_of_the_documents(project: Project) -> None:
    counts = {
        "dim_customer": 20,
        "dim_usage": 20,
        "dim_offer": 20,
        "dim_support_ticket": 20,
        "fact_customer_metrics": 20,
        "fact_customer_activity": 60,
    }
    with open_release(project) as release:
        for table, rows in counts.items():
            assert release.query(f"SELECT COUNT(*) AS n FROM {table}")["n"][0].as_py() == rows, table


def _original_query(release: OpenRelease, today: date) -> list[tuple[str, ...]]:
    """The original's churn query by month of dw_start_date, in DuckDB's words."""
    query = (
        (SEED / "churn_by_geography_age.hql")
        .read_text(encoding="utf-8")
        .replace("DATE_FORMAT(m.dw_start_date, 'yyyy-MM')", "strftime(m.dw_start_date, '%Y-%m')")
        .replace("DATE_SUB(CURRENT_DATE, 180)", f"DATE '{today}' - 180")
    )
    return [tuple(comparable(value) for value in row.values()) for row in release.query(query).to_pylist()]


def test_the_original_query_stays_right_after_three_more_months(tmp_path: Path) -> None:
    project = make_reference_project(tmp_path / "bank")
    run_all(project, BUSINESS_DATE)
    customers = (SEED / "customers.csv").read_text(encoding="utf-8")
    for month, leaver in ((11, "1,Omar"), (12, "3,Ali"), (1, "6,Mona")):
        day = date(2025 + (month == 1), month, 2)
        line = next(line for line in customers.splitlines() if line.startswith(leaver))
        customers = customers.replace(line, line.replace(",1,", ",0,"))
        (project.root / "landing" / f"customers_at_{day}.csv").write_text(customers, encoding="utf-8")
        run_all(project, day)
    with open_release(project) as release:
        rows = _original_query(release, date(2026, 1, 2))
    october = sorted(row for row in rows if row[0] == "2025-10")
    printed = [tuple(comparable(value) for value in row.values()) for row in expected("churn_by_geography_age")]
    assert october == sorted(printed)
    by_month = {month: [row for row in rows if row[0] == month] for month in ("2025-11", "2025-12", "2026-01")}
    churned = {month: sum(int(row[4]) for row in found) for month, found in by_month.items()}
    totals = {month: sum(int(row[3]) for row in found) for month, found in by_month.items()}
    assert churned == {"2025-11": 8, "2025-12": 9, "2026-01": 10}
    assert totals == {"2025-11": 20, "2025-12": 20, "2026-01": 20}
