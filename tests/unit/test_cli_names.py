"""A name or a value that is not there: what was probably meant, what there is, and the exit code of a wrong call."""

from pathlib import Path

import pytest

from tenure.pipeline import run_all
from tests.command import Command
from tests.reference_case import BUSINESS_DATE, make_reference_project


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = make_reference_project(tmp_path_factory.mktemp("names") / "bank")
    run_all(project, BUSINESS_DATE)
    return project.root


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("report", "churn_overal"), "did you mean churn_overall? the reports are"),
        (("metric", "churned_shar"), "did you mean churned_share"),
        (("sql", "SELECT * FROM dim_custmer"), "there is no table dim_custmer\n  cure: did you mean dim_customer"),
        (("sql", "SELECT geograhpy FROM dim_customer"), "has a column geograhpy\n  cure: did you mean geography?"),
        (("lineage", "dim_custmer"), "did you mean dim_customer"),
        (("ingest", "usge"), "did you mean usage? the sources are"),
        (("quarantine", "show", "usge"), "did you mean usage?"),
        (("releases", "show", "99"), "tenure releases list shows those there are"),
        (("build", "--dry-run", "--select", "dim_custmer"), "did you mean dim_customer?"),
        (("report", "churn_overall", "--where", "geograph=Egypt"), "did you mean geography?"),
        (("report", "key_figures", "--where", "month=2025-13"), "is not a month such as 2025-09"),
        (("metric", "customers", "--where", "month=2025-13"), "is not a month such as 2025-09"),
    ],
)
def test_an_unknown_name_is_a_wrong_call_with_its_cure(
    tenure: Command, bank: Path, words: tuple[str, ...], said: str
) -> None:
    ran = tenure(*words, "--project", bank)
    assert (ran.code, said in ran.err, ran.out) == (2, True, ""), ran.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("report", "churn_by_geography_age", "--where", "geography=Egpt"), "nothing has geography Egpt; did you"),
        (("report", "key_figures", "--where", "month=1999-01"), "hint: nothing has month 1999-01; there are 20"),
        (("metric", "customers", "--where", "geography=Egpt"), "did you mean Egypt? there are "),
    ],
)
def test_a_value_that_nothing_has_gets_a_hint_with_those_there_are(
    tenure: Command, bank: Path, words: tuple[str, ...], said: str
) -> None:
    ran = tenure(*words, "--project", bank)
    assert (ran.code, said in ran.err) == (0, True), ran.err


def test_a_value_that_some_have_gets_no_hint(tenure: Command, bank: Path) -> None:
    assert tenure("report", "churn_by_geography_age", "--where", "geography=Egypt", "--project", bank).err == ""
    assert tenure("metric", "customers", "--where", "geography=Egypt", "--project", bank).err == ""


def test_a_customer_is_printed_with_the_decimals_of_reports(tenure: Command, bank: Path) -> None:
    figures = tenure("customer", "1", "--json", "--project", bank).document["figures"]
    hours = [row["avg_resolution_time_hrs"] for row in figures if row["avg_resolution_time_hrs"] is not None]
    assert all(value == round(value, 2) for value in hours)
