"""`tenure source list`, `map`, `check` and `show`: what is known of sources, and what would become of their data."""

from pathlib import Path

import pytest
import yaml

from tests.command import Command

PEOPLE = """\
source: people
description: Whoever has an account
owner: Customer data
entity: customers
kind: csv
path: landing/people*.csv
key: [customer_id]
freshness: 2d
columns:
  customer_id: {from: nr, type: integer, required: true}
  gender: {type: string, values: {M: Male, F: Female}, personal: demographic}
  geography: {type: string, constant: Austria}
  date_opened: {from: opened, type: date, format: dd.mm.yyyy}
  score: {type: integer, range: [0, 9]}
"""
GOOD = "nr,gender,opened,score\n1,M,30.09.2025,5\n2,F,01.10.2025,\n3,F,01.10.2025,9\n"
DAY = ("--date", "2025-10-02")


@pytest.fixture
def tenure(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(monkeypatch, capsys)


@pytest.fixture
def project(tmp_path: Path, tenure: Command) -> Path:
    """A project with one source and one file, nothing loaded yet."""
    folder = tmp_path / "bank"
    assert tenure("init", folder, "--template", "empty").code == 0
    (folder / "sources" / "people.yml").write_text(PEOPLE)
    (folder / "landing" / "people.csv").write_text(GOOD)
    return folder


def raw_files(project: Path) -> list[Path]:
    return list((project / ".tenure" / "raw").rglob("*"))


def test_the_list_says_what_was_delivered_and_what_is_late(project: Path, tenure: Command) -> None:
    [before] = tenure("source", "list", "--project", project, "--json", *DAY).document
    assert (before["loads"], before["freshness"], before["place"]) == (0, None, "landing/people*.csv")
    assert tenure("ingest", "--project", project, *DAY).code == 0
    for day, freshness in (("2025-10-02", "fresh"), ("2025-10-04", "fresh"), ("2025-10-05", "late")):
        [state] = tenure("source", "list", "--project", project, "--json", "--date", day).document
        assert (state["loads"], state["records"], state["quarantined"], state["freshness"]) == (1, 3, 0, freshness)
    shown = tenure("source", "list", "--project", project, "--date", "2025-10-05").out
    assert "people  customers  csv   landing/people*.csv  upsert" in shown
    assert "late" in shown


def test_the_report_of_data_quality_says_it_too(project: Path, tenure: Command) -> None:
    assert tenure("run", "--project", project, *DAY).code == 0
    [row] = tenure("report", "data_quality", "--project", project, "--format", "json").document["rows"]
    assert row["freshness"] == "fresh"
    assert tenure("run", "--project", project, "--date", "2025-10-05").code == 0
    [row] = tenure("report", "data_quality", "--project", project, "--format", "json").document["rows"]
    assert row["freshness"] == "late"


def test_a_contract_that_changed_since_the_last_load_is_named_with_what_changed(project: Path, tenure: Command) -> None:
    assert tenure("ingest", "--project", project, *DAY).code == 0
    changed = PEOPLE.replace("range: [0, 9]", "range: [0, 10]").replace("freshness: 2d\n", "max_bad_share: 0.1\n")
    (project / "sources" / "people.yml").write_text(changed)
    [state] = tenure("source", "list", "--project", project, "--json", *DAY).document
    assert sorted(state["changed"]) == ["columns.score.range changed", "freshness removed", "max_bad_share added"]
    shown = tenure("source", "check", "--project", project, *DAY).out
    assert "its contract has changed since the last load" in shown


def test_the_map_shows_every_column_and_what_takes_values_from_it(project: Path, tenure: Command) -> None:
    found = tenure("source", "map", "people", "--project", project, "--json").document
    assert [(column["column"], column["made_of"], column["role"]) for column in found["columns"]] == [
        ("customer_id", "nr", "key"),
        ("gender", "gender, 2 words mapped", "optional"),
        ("geography", "constant 'Austria'", "optional"),
        ("date_opened", "opened, written as dd.mm.yyyy", "optional"),
        ("score", "score", "attribute"),
    ]
    assert "birth_date" in found["not_given"]
    possible = {(entry["kind"], entry["name"]): entry for entry in found["possible"]}
    assert possible["table", "dim_geography"]["uses"] == ["geography"]
    assert possible["report", "retention_curve"] == {
        "kind": "report",
        "name": "retention_curve",
        "uses": ["date_opened"],
        "without": [],
    }
    assert "score" in possible["table", "dim_customer"]["uses"]
    assert {"customers.first_name", "customers.is_active"} <= set(possible["table", "dim_customer"]["without"])
    assert possible["metric", "churned_share"]["without"] == ["customers.date_closed", "customers.is_active"]
    assert "usage" in possible["metric", "clv_total"]["without"]
    impossible = {entry["name"]: entry["without"] for entry in found["impossible"]}
    assert impossible["slowest_issues"] == ["tickets"]
    shown = tenure("source", "map", "people", "--project", project).out
    assert "people (landing/people*.csv) feeds customers: one customer" in shown
    assert "needs other sources:" in shown


def test_the_map_of_an_unknown_source_names_those_there_are(project: Path, tenure: Command) -> None:
    ran = tenure("source", "map", "persons", "--project", project)
    assert (ran.code, "the sources are people" in ran.err) == (2, True)


def test_a_check_of_good_data_says_so_and_loads_nothing(project: Path, tenure: Command) -> None:
    ran = tenure("source", "check", "--project", project, "--json", *DAY)
    [found] = ran.document
    assert ran.code == 0
    assert (found["file"], found["records"], found["good"], found["quarantined"]) == ("landing/people.csv", 3, 3, 0)
    assert raw_files(project) == []


def test_a_check_tells_what_would_be_set_apart_and_where(project: Path, tenure: Command) -> None:
    (project / "landing" / "people.csv").write_text(f"{GOOD}4,X,01.10.2025,1\n5,F,2025-10-01,1\n6,F,01.10.2025,99\n")
    ran = tenure("source", "check", "people", "--project", project, *DAY)
    assert ran.code == 0
    for rule in ("gender: values × 1, first at row 5", "date_opened: format × 1, first at row 6", "score: range × 1"):
        assert f"people: {rule}" in ran.out
    assert raw_files(project) == []


def test_a_check_tells_what_would_be_refused(project: Path, tenure: Command) -> None:
    for content, reason in (
        ("nr,sex,opened,score\n1,M,30.09.2025,5\n", "does not know the column 'sex'"),
        ("nr,gender,opened,score\n1,X,30.09.2025,5\n", "1 of 1 records break the contract"),
    ):
        (project / "landing" / "people.csv").write_text(content)
        ran = tenure("source", "check", "--project", project, *DAY)
        assert (ran.code, reason in ran.err) == (1, True), ran.err


def test_a_check_looks_at_the_first_records_of_the_newest_file(project: Path, tenure: Command) -> None:
    wide = f"{' ' * 100}01.10.2025"
    lines = "".join(f"{number},F,{wide},1\n" for number in range(170_000))
    (project / "landing" / "people_new.csv").write_text(f"nr,gender,opened,score\n{lines}x,F,01.10.2025,1\n")
    [found] = tenure("source", "check", "--project", project, "--json", "--records", 1000, *DAY).document
    assert (found["file"], found["is_whole"], found["quarantined"]) == ("landing/people_new.csv", False, 0)
    assert 1000 <= found["records"] < 170_000


def test_a_check_of_a_source_without_files_is_no_failure(project: Path, tenure: Command) -> None:
    (project / "landing" / "people.csv").unlink()
    ran = tenure("source", "check", "--project", project, *DAY)
    assert (ran.code, "nothing is there yet: landing/people*.csv" in ran.out) == (0, True)


def test_show_prints_the_contract_as_it_is_understood(project: Path, tenure: Command) -> None:
    shown = yaml.safe_load(tenure("source", "show", "people", "--project", project).out)
    assert shown == tenure("source", "show", "people", "--project", project, "--json").document
    assert shown["columns"]["geography"] == {"type": "string", "constant": "Austria"}
