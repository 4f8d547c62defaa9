"""Filters of reports: what may be written, what is refused, and that they keep what they say."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.core.errors import UsageError
from tenure.pipeline import run_all
from tenure.warehouse.report_filters import CUSTOMER_DIMENSIONS, Filter, narrowed, read_filters, wanted_values
from tenure.warehouse.reports import read_report, report_names
from tests.command import Command
from tests.reference_case import BUSINESS_DATE, SEED, make_reference_project

OF_CUSTOMERS = {
    "dim_customer", "fact_customer_metrics", "fact_customer_activity", "dim_usage", "dim_offer", "dim_support_ticket",
    "dim_customer_history",
}  # fmt: skip


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = make_reference_project(tmp_path_factory.mktemp("filters") / "bank")
    run_all(project, BUSINESS_DATE)
    return project.root


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["geography=Egypt"], [("geography", ("Egypt",))]),
        (["geography=Egypt,UAE"], [("geography", ("Egypt", "UAE"))]),
        (["geography=Egypt", "geography=UAE", "geography=Egypt"], [("geography", ("Egypt", "UAE"))]),
        (["geography=Saudi Arabia,age_group=18-29"], [("geography", ("Saudi Arabia",)), ("age_group", ("18-29",))]),
        ([" Geography = Egypt , UAE "], [("geography", ("Egypt", "UAE"))]),
        (['geography="Korea, South",UAE'], [("geography", ("Korea, South", "UAE"))]),
        (['geography="a=b"'], [("geography", ("a=b",))]),
        (['geography="say ""so"""'], [("geography", ('say "so"',))]),
        (["age_group=60+"], [("age_group", ("60+",))]),
        ([], []),
    ],
)
def test_a_filter_is_read_as_it_is_written(texts: list[str], expected: list[tuple[str, tuple[str, ...]]]) -> None:
    assert read_filters(texts) == tuple(Filter(column, values) for column, values in expected)


@given(st.lists(st.text(), min_size=1, max_size=3, unique=True))
def test_any_value_in_quotes_is_taken_as_it_stands(values: list[str]) -> None:
    quoted = ",".join('"' + value.replace('"', '""') + '"' for value in values)
    assert read_filters([f"geography={quoted},gender=Male"]) == (
        Filter("geography", tuple(values)),
        Filter("gender", ("Male",)),
    )


@pytest.mark.parametrize(
    "text", ["", "Egypt", "geography", "geography=", "=Egypt", "geography=,UAE", "geography=UAE,", 'geography="open']
)
def test_what_is_no_filter_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match="geography=Egypt"):
        read_filters([text])


def test_filters_come_before_a_reports_own_expressions_and_after_its_comment() -> None:
    sql = "-- What it is.\nWITH a AS (SELECT * FROM dim_customer) SELECT * FROM a"
    text = narrowed(sql, {"dim_customer", "dim_offer"}, [Filter("gender", ("Male",))])
    assert text.startswith("-- What it is.\nWITH kept_customer AS (")
    assert text.endswith("),\na AS (SELECT * FROM dim_customer) SELECT * FROM a")
    assert "dim_customer AS (" in text
    assert "dim_offer" not in text
    plain = narrowed("SELECT * FROM dim_customer", {"dim_customer"}, [Filter("gender", ("Male",))])
    assert plain.endswith(")\nSELECT * FROM dim_customer")
    assert narrowed(sql, {"dim_customer"}, []) == sql


def test_values_are_never_part_of_the_sql() -> None:
    nasty = Filter("geography", ("'; DROP TABLE x; --",))
    assert "DROP" not in narrowed("SELECT * FROM dim_customer", {"dim_customer"}, [nasty])
    assert wanted_values([nasty])["wanted_geography"]["value"].to_pylist() == list(nasty.values)


@pytest.mark.parametrize("name", report_names())
def test_a_reports_filters_are_of_customers_or_of_its_own_columns(name: str) -> None:
    description, _ = read_report(name)
    own = set(description.filters) - set(CUSTOMER_DIMENSIONS)
    assert own <= set(description.columns)
    assert own <= {"month", "product_type"}


def test_every_report_of_customers_takes_the_customer_filters() -> None:
    without = [name for name in report_names() if not set(CUSTOMER_DIMENSIONS) <= set(read_report(name)[0].filters)]
    assert without == ["data_quality"]


@pytest.mark.parametrize("name", report_names())
def test_a_filtered_report_reads_no_table_that_the_filter_does_not_reach(name: str) -> None:
    description, sql = read_report(name)
    if description.filters:
        assert [table for table in ("dim_geography", "dim_product", "int_", "stg_", "raw_") if table in sql] == []
        assert any(table in sql for table in OF_CUSTOMERS)


def test_a_filter_keeps_the_customers_it_names(tenure: Command, bank: Path) -> None:
    """Of the seven in Egypt only customer 19 has left, of the four in the UAE only customer 2."""
    landed = list(csv.DictReader((SEED / "customers.csv").open(encoding="utf-8")))
    there = [row for row in landed if row["geography"] in ("Egypt", "UAE")]
    left = [row for row in there if row["is_active"] == "0"]
    assert (len(there), [row["customer_id"] for row in left]) == (11, ["2", "19"])
    document = tenure("report", "churn_overall", "--where", "geography=Egypt,UAE", "--json", "--project", bank).document
    assert document["rows"][0]["total_customers"] == 11
    assert document["rows"][0]["churned_customers"] == 2
    assert document["filters"] == {"geography": ["Egypt", "UAE"]}
    assert document["finding"].endswith("Filter: geography Egypt or UAE.")


def test_filters_on_two_columns_must_both_be_met(tenure: Command, bank: Path) -> None:
    landed = list(csv.DictReader((SEED / "customers.csv").open(encoding="utf-8")))
    women = [row for row in landed if row["geography"] == "Egypt" and row["gender"] == "Female"]
    words = ("--where", "geography=Egypt", "--where", "gender=Female")
    document = tenure("report", "churn_overall", *words, "--json", "--project", bank).document
    assert document["rows"][0]["total_customers"] == len(women) == 4
    assert document["finding"].endswith("Filter: geography Egypt; gender Female.")


@pytest.mark.parametrize(("name", "column"), [("slowest_issues", "tickets"), ("offer_funnel", "made")])
def test_events_are_those_of_the_customers_kept(tenure: Command, bank: Path, name: str, column: str) -> None:
    """Each customer has one ticket and one offer; two customers live in Kuwait."""
    rows = tenure("report", name, "--where", "geography=Kuwait", "--json", "--project", bank).document["rows"]
    assert sum(row[column] for row in rows) == 2


def test_a_filter_on_a_column_of_the_report_keeps_rows_and_leaves_their_figures(tenure: Command, bank: Path) -> None:
    whole = tenure("report", "product_mix", "--json", "--project", bank).document["rows"]
    kept = tenure("report", "product_mix", "--where", "product_type=Savings", "--json", "--project", bank).document
    assert kept["rows"] == [row for row in whole if row["product_type"] == "Savings"]
    assert kept["rows"][0]["balance_percentage"] == 21.42


def test_who_has_no_value_is_found_as_unknown(tenure: Command, bank: Path) -> None:
    words = ("report", "churn_overall", "--json", "--project", bank)
    assert tenure(*words, "--where", "segment=unknown").document["rows"][0]["total_customers"] == 20
    assert tenure(*words, "--where", "geography=unknown").document["rows"] == []


def test_a_filter_that_nobody_meets_says_so(tenure: Command, bank: Path) -> None:
    ran = tenure("report", "churn_overall", "--where", "geography=Atlantis", "--project", bank)
    assert ran.code == 0
    assert "No row is left. Filter: geography Atlantis." in ran.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("churn_overall", "--where", "country=Egypt"),
            ("cannot be filtered by country", "geography, age_group, gender"),
        ),
        (("churn_overall", "--where", "month=2025-10"), ("cannot be filtered by month",)),
        (("data_quality", "--where", "geography=Egypt"), ("cannot be filtered by geography", "it takes no filter")),
        (("churn_overall", "--where", "Egypt"), ("--where 'Egypt' is not a condition", "geography=Egypt")),
        (("churn_overall", "--where", "geography!=Egypt"), ("filtered with = alone", "write geography=")),
        (("--where", "geography=Egypt"), ("belong to one report",)),
        (("churn_overall", "--how", "--format", "csv"), ("--how is not for CSV", "--format json")),
    ],
)
def test_a_filter_that_is_not_allowed_is_refused(
    tenure: Command, bank: Path, words: tuple[str, ...], said: tuple[str, ...]
) -> None:
    ran = tenure("report", *words, "--project", bank)
    assert ran.code == 2
    assert [text for text in said if text not in ran.err] == []


def test_a_filtered_report_leaves_the_next_one_whole(tenure: Command, bank: Path) -> None:
    ran = tenure("report", "balance_by_geography", "--where", "geography=UAE", "--format", "csv", "--project", bank)
    assert [row["geography"] for row in csv.DictReader(io.StringIO(ran.out))] == ["UAE"]
    rows = csv.DictReader(
        io.StringIO(tenure("report", "balance_by_geography", "--format", "csv", "--project", bank).out)
    )
    assert len(list(rows)) == 6


def test_how_a_report_is_computed_is_told_in_full(tenure: Command, bank: Path) -> None:
    words = ("report", "retention_curve", "--where", "gender=Male", "--project", bank)
    description, sql = read_report("retention_curve")
    out = tenure(*words, "--how").out
    assert sql.strip() in out
    assert [entry.description for entry in description.columns.values() if entry.description not in out] == []
    assert "Filter: gender Male" in out
    assert tenure("releases", "list", "--json", "--project", bank).document[0]["release"] in out
    assert "SELECT" not in tenure(*words).out


@pytest.mark.parametrize("name", report_names())
def test_json_tells_everything_about_a_report(tenure: Command, bank: Path, name: str) -> None:
    document = tenure("report", name, "--json", "--project", bank).document
    description, sql = read_report(name)
    assert (document["report"], document["title"], document["sql"]) == (name, description.title, sql)
    assert document["description"] == description.description.strip()
    assert document["filters"] == {}
    told = {column["name"]: column["description"] for column in document["columns"]}
    assert told == {column: entry.description for column, entry in description.columns.items()}
    assert all(list(row) == list(told) for row in document["rows"])
    assert document["release"]
    assert document["finding"]
