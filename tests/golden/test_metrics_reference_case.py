"""The metrics of the reference case, as its documents print them or as one counts them by hand."""

import csv
from decimal import Decimal

import pytest

from tenure.core.settings import Project
from tenure.metrics.answer import answer, read_question
from tenure.metrics.catalogue import built_in
from tenure.pipeline import run_all
from tenure.warehouse.releases import OpenRelease, open_release
from tenure.warehouse.reports import rounded
from tests.reference_case import BUSINESS_DATE, SEED, comparable, expected, make_reference_project

CATALOGUE = built_in()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = make_reference_project(tmp_path_factory.mktemp("reference") / "bank")
    run_all(project, BUSINESS_DATE)
    return project


def shown(release: OpenRelease, name: str, by: str = "", *where: str) -> dict[str, str]:
    """The values of a metric as they are shown, by the texts of their dimensions."""
    question = read_question(CATALOGUE, name, (by,), where)
    schema = {table.name: {column.name: column.type for column in table.columns} for table in release.manifest.tables}
    decimals = question.metric.description.decimals
    rows = answer(CATALOGUE, schema, question, release.query).rows
    return {" ".join(map(str, row[:-1])): comparable(rounded(row[-1], decimals)) for row in rows}


def printed(report: str, by: tuple[str, ...], column: str) -> dict[str, str]:
    """A column of a printed report."""
    return {" ".join(row[name] for name in by): comparable(row[column]) for row in expected(report)}


def delivered(file: str) -> list[dict[str, str]]:
    with (SEED / file).open(newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def test_seven_of_twenty_customers_have_left(project: Project) -> None:
    counted = {
        "customers": "20",
        "churned_customers": "7",
        "active_customers": "13",
        "churned_share": "35",
        "active_share": "65",
        "offers_made": "20",
        "tickets": "20",
        "product_users": "20",
        "transactions": "0",
        "tickets_per_customer": "1",
        "quarantined_share": "0",
        "freshness": "0",
    }
    with open_release(project) as release:
        assert {name: shown(release, name)[""] for name in counted} == counted
        assert shown(release, "churned_share", "month") == {"2025-10": "35"}
        assert shown(release, "churn_rate") == {"": "None"}, "nobody was observed at the start of the first month"


def test_metrics_agree_with_the_printed_reports(project: Project) -> None:
    with open_release(project) as release:
        assert shown(release, "churned_share", "geography,age_group") == printed(
            "churn_by_geography_age", ("geography", "age_group"), "churn_rate_percentage"
        )
        assert shown(release, "offer_acceptance_rate", "offer_type") == printed(
            "offers_by_acceptance", ("offer_type",), "acceptance_rate_percentage"
        )
        assert shown(release, "resolution_time_average", "issue_type") == printed(
            "slowest_issues", ("issue_type",), "avg_resolution_time_hrs"
        )
        assert shown(release, "balance_total", "geography") == printed(
            "balance_by_geography", ("geography",), "total_balance"
        )


def test_metrics_agree_with_the_delivered_files(project: Project) -> None:
    hours = sorted(Decimal(row["resolution_time_hrs"]) for row in delivered("customer_support_tickets.csv"))
    accepted = sum(row["accepted"] == "1" for row in delivered("offers.csv"))
    with open_release(project) as release:
        assert shown(release, "resolution_time_p90")[""] == comparable(hours[18 - 1]), "the 18th of twenty"
        assert shown(release, "resolution_time_median")[""] == comparable((hours[9] + hours[10]) / 2)
        assert shown(release, "offers_accepted")[""] == str(accepted)
