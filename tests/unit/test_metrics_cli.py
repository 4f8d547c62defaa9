"""The verb `metric`: what it prints for people and for machines, and what it says when it cannot answer."""

import csv
import io
from pathlib import Path

import pytest

from tests.command import Command
from tests.reference_case import BUSINESS_DATE, make_reference_project


@pytest.fixture
def bank(tenure: Command, tmp_path: Path) -> Path:
    root = make_reference_project(tmp_path / "bank").root
    assert tenure("run", "--date", BUSINESS_DATE, "--project", root).code == 0
    return root


def test_a_metric_prints_its_rows_rounded_and_says_what_it_is(tenure: Command, bank: Path) -> None:
    ran = tenure("metric", "churned_share", "--by", "age_group,month", "--project", bank)
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert lines[0].split() == ["age_group", "month", "churned_share"]
    assert ["18-29", "2025-10", "71.43"] in [line.split() for line in lines]
    assert lines[-1].startswith("Churned share (%): Stock: customers who have left")


def test_a_metric_prints_csv_and_json(tenure: Command, bank: Path) -> None:
    words = ("metric", "balance_total", "--by", "geography", "--where", "age_group=30-45", "--project", bank)
    rows = list(csv.DictReader(io.StringIO(tenure(*words, "--format", "csv").out)))
    document = tenure(*words, "--json").document
    assert document == tenure(*words, "--format", "json").document
    assert [row["geography"] for row in rows] == [row["geography"] for row in document["rows"]]
    assert {row["geography"]: float(row["balance_total"]) for row in rows}["UAE"] == 52900.0
    assert document["metric"] == "balance_total"
    assert (document["unit"], document["decimals"], document["good"]) == ("USD", 2, "up")
    assert document["sql"].startswith("WITH")
    assert document["release"].startswith("000001-")


def test_one_month_can_be_asked_for(tenure: Command, bank: Path) -> None:
    found = {
        month: tenure("metric", "customers", "--month", month, "--json", "--project", bank).document["rows"]
        for month in ("2025-10", "2025-09")
    }
    assert found == {"2025-10": [{"customers": 20}], "2025-09": [{"customers": 0}]}


def test_without_a_name_all_metrics_are_listed_with_unit_dimensions_and_meaning(tenure: Command, bank: Path) -> None:
    listed = {entry["metric"]: entry for entry in tenure("metric", "--json", "--project", bank).document}
    assert listed["churned_share"]["unit"] == "%"
    assert "geography" in listed["churned_share"]["dimensions"]
    assert listed["balance_total"]["unit"] == "USD"
    assert listed["at_risk_share"]["state"] == "needs a predictor"
    assert {entry["state"] for entry in listed.values()} == {"ready", "needs a predictor"}
    assert all(entry["description"] for entry in listed.values())
    adds_up = {name: entry["adds_up"] for name, entry in listed.items()}
    assert (adds_up["tickets"], adds_up["customers"], adds_up["churn_rate"]) == ("yes", "within a month", "no")
    table = tenure("metric", "--project", bank).out
    assert table.splitlines()[0].split() == ["metric", "unit", "good", "adds_up", "state", "dimensions", "description"]


def test_metrics_can_be_listed_before_there_is_a_release(tenure: Command, tmp_path: Path) -> None:
    root = make_reference_project(tmp_path / "bank").root
    listed = tenure("metric", "--json", "--project", root).document
    assert {entry["state"] for entry in listed} == {"no release yet"}
    assert tenure("metric", "customers", "--project", root).code == 1


def test_a_metric_of_the_project_is_answered_and_listed(tenure: Command, bank: Path) -> None:
    (bank / "metrics").mkdir(exist_ok=True)
    text = """\
metrics:
  open_tickets:
    description: Tickets without a resolution.
    table: fact_customer_activity
    aggregator: count
    filter: [activity_type = ticket, resolution_time_hrs is missing]
    unit: tickets
    decimals: 0
    good: down
"""
    (bank / "metrics" / "support.yml").write_text(text, encoding="utf-8")
    assert tenure("metric", "open_tickets", "--json", "--project", bank).document["rows"] == [{"open_tickets": 0}]
    assert "open_tickets" in tenure("metric", "--project", bank).out
    (bank / "metrics" / "support.yml").write_text(text.replace("count", "counting"), encoding="utf-8")
    ran = tenure("metric", "customers", "--project", bank)
    assert ran.code == 1
    assert "metrics/support.yml:5: metrics.open_tickets.aggregator:" in ran.err


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (("churn",), 2, "there is no metric churn"),
        (("churned_share", "--by", "severity"), 2, "churned_share has no dimension severity"),
        (("churned_share", "--where", "email=x"), 2, "churned_share has no dimension email"),
        (("churned_share", "--where", "geography"), 2, "is not a condition"),
        (("churned_share", "--where", "age=old"), 2, "is not a whole number"),
        (("churned_share", "--month", "October"), 2, "is not a month such as 2025-09"),
        (("churned_share", "--where", "month>=2025-01"), 2, "several months cannot be taken together"),
        (("expected_loss",), 1, "expected_loss needs a predictor"),
        (("at_risk_share", "--by", "geography"), 1, "at_risk_share needs a predictor"),
    ],
)
def test_what_cannot_be_answered_is_explained(
    tenure: Command, bank: Path, words: tuple[str, ...], code: int, reason: str
) -> None:
    ran = tenure("metric", *words, "--project", bank)
    assert (ran.code, ran.out) == (code, "")
    assert reason in ran.err
    assert "cure:" in ran.err
    assert "Traceback" not in ran.err
