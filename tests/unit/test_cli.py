"""The command line: what it prints for people, what for machines, and how it ends."""

import csv
import io
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command import Command
from tests.reference_case import BUSINESS_DATE, make_reference_project


@pytest.fixture
def bank(tenure: Command, tmp_path: Path) -> Path:
    root = make_reference_project(tmp_path / "bank").root
    assert tenure("run", "--date", BUSINESS_DATE, "--project", root).code == 0
    return root


def test_the_first_screen_has_the_everyday_verbs_and_says_where_the_rare_ones_are(tenure: Command) -> None:
    ran = tenure("--help")
    assert ran.code == 0
    for verb in ("init", "demo", "ingest", "build", "run", "report", "sql", "customer", "serve"):
        assert f"\n  {verb} " in ran.out
    for verb in ("releases", "quarantine", "verify", "doctor", "synth"):
        assert f"\n  {verb} " not in ran.out
        assert f"\n  {verb} " in "\n" + tenure("help", "--all").out
    assert "tenure help --all" in ran.out


def test_help_imports_no_heavy_library() -> None:
    heavy = {"duckdb", "pyarrow", "pydantic", "sqlglot", "fastapi", "numpy", "rich"}
    code = "import sys, tenure.cli.main; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert heavy & set(ran.stdout.split()) == set()


def test_init_makes_a_project_and_never_overwrites_one(tenure: Command, tmp_path: Path) -> None:
    assert tenure("init", tmp_path / "new", "--template", "bank").code == 0
    assert sorted(path.name for path in (tmp_path / "new" / "sources").iterdir()) == [
        "customers.yml",
        "offers.yml",
        "tickets.yml",
        "transactions.yml",
        "usage.yml",
    ]
    again = tenure("init", tmp_path / "new")
    assert again.code == 2
    assert "is a project already" in again.err
    assert tenure("init", tmp_path / "other", "--template", "shop").code == 2


def test_synth_replaces_an_earlier_bank_only_when_told_to(tenure: Command, tmp_path: Path) -> None:
    words = ("synth", tmp_path, "--customers", 60, "--json")
    assert tenure(*words).document["customers"] == 60
    assert tenure(*words).code == 2
    assert tenure(*words, "--seed", 2, "--overwrite").code == 0


def test_ingest_prints_one_entry_a_file_in_json(tenure: Command, tmp_path: Path) -> None:
    root = make_reference_project(tmp_path / "bank").root
    (root / "landing" / "offers_bad.csv").write_text("")
    ran = tenure("ingest", "--project", root, "--json", "--date", BUSINESS_DATE)
    assert ran.code == 1
    loads = {load["file"]: load for load in ran.document["loads"]}
    assert loads["landing/offers_bad.csv"]["status"] == "refused"
    assert "is empty" in loads["landing/offers_bad.csv"]["reason"]
    expected = {"records_in": 20, "loaded": 20, "quarantined": 0, "duplicates": 0, "unchanged": 0, "filtered": 0}
    assert {name: loads["landing/customers.csv"][name] for name in expected} == expected


def test_build_can_say_what_it_would_do_and_do_nothing(tenure: Command, bank: Path) -> None:
    kept = tenure("build", "--dry-run", "--json", "--date", BUSINESS_DATE, "--project", bank).document
    assert {entry["action"] for entry in kept} == {"unchanged"}
    chosen = tenure(
        "build", "--dry-run", "--json", "--date", BUSINESS_DATE, "--project", bank, "--select", "stg_offers"
    ).document
    computed = {entry["model"] for entry in chosen if entry["action"] == "full"}
    assert {"stg_offers", "dim_offer", "fact_customer_metrics"} <= computed
    assert "stg_tickets" not in computed
    assert len(tenure("releases", "list", "--json", "--project", bank).document) == 1


def test_a_report_prints_as_table_csv_and_json(tenure: Command, bank: Path) -> None:
    table = tenure("report", "churn_overall", "--project", bank)
    assert "35.0" in table.out
    assert "7 of n = 20" in table.out
    rows = list(
        csv.DictReader(io.StringIO(tenure("report", "churn_overall", "--format", "csv", "--project", bank).out))
    )
    assert rows == [
        {"month": "2025-10", "total_customers": "20", "churned_customers": "7", "churn_rate_percentage": "35.0"}
    ]
    document = tenure("report", "churn_overall", "--json", "--project", bank).document
    assert document["rows"][0]["churn_rate_percentage"] == 35.0
    assert document["finding"].startswith("35.00 % of all customers")
    listed = {entry["report"] for entry in tenure("report", "--json", "--project", bank).document}
    assert {"churn_overall", "support_impact", "most_engaged_customers", "slowest_issues"} <= listed


def test_a_customer_is_shown_with_figures_versions_and_events(tenure: Command, bank: Path) -> None:
    document = tenure("customer", 1, "--json", "--project", bank).document
    assert document["profile"][0]["first_name"] == "Omar"
    assert document["figures"][0]["total_balance"] == 5200.0
    assert len(document["versions"]) == 1
    assert {event["activity_type"] for event in document["events"]} == {"usage", "offer", "ticket"}
    assert "Omar" in tenure("customer", 1, "--project", bank).out
    assert tenure("customer", 999, "--project", bank).code == 1


def test_sql_prints_exact_decimals(tenure: Command, bank: Path) -> None:
    ran = tenure("sql", "SELECT CAST('12345678901234567890.12' AS DECIMAL(38,2)) AS d", "--json", "--project", bank)
    assert ran.document == [{"d": "12345678901234567890.12"}]


def test_releases_are_listed_shown_and_rolled_back(tenure: Command, bank: Path) -> None:
    first = tenure("releases", "list", "--json", "--project", bank).document[0]["release"]
    assert tenure("build", "--date", "2025-11-02", "--project", bank).code == 0
    second = tenure("releases", "show", "--json", "--project", bank).document
    assert second["release"] != first
    assert {table["name"] for table in second["tables"]} >= {"dim_customer", "fact_customer_metrics"}
    assert tenure("releases", "rollback", first, "--project", bank).code == 0
    shown = tenure("releases", "show", "--project", bank)
    assert first in shown.out
    old = tenure("report", "churn_overall", "--release", second["release"], "--json", "--project", bank).document
    assert old["rows"][0]["month"] == "2025-11"


def test_verify_and_doctor_say_that_all_is_well(tenure: Command, bank: Path) -> None:
    assert tenure("verify", "--project", bank).code == 0
    document = tenure("verify", "--json", "--project", bank).document
    assert document["ok"] is True
    assert len(document["checks"]) == 6
    rows = tenure("doctor", "--json", "--project", bank).document
    assert any(row["what"].startswith("duckdb") and row["state"] == "ok" for row in rows)


def test_an_empty_quarantine_lists_nothing(tenure: Command, bank: Path) -> None:
    assert tenure("quarantine", "list", "--json", "--project", bank).document == []


def test_what_changed_since_the_last_release_is_a_report(tenure: Command, bank: Path, tmp_path: Path) -> None:
    project = shutil.copytree(bank, tmp_path / "copy", symlinks=True)
    (project / "landing" / "offers_more.csv").write_text(
        "offer_id,customer_id,offer_type,accepted,date_offered\n900,1,Cashback,1,2025-09-30\n"
    )
    tenure("run", "--date", BUSINESS_DATE, "--project", project)
    told = tenure("report", "changes_since_release", "--json", "--project", project).document
    assert {row["table"]: row["added"] for row in told["rows"]}["dim_offer"] == 1
    assert "1 load" in told["finding"]
    assert "changes_since_release" in tenure("report").out
    refused = tenure("report", "changes_since_release", "--where", "geography=Egypt", "--project", project)
    assert refused.code == 2
    assert "tenure releases diff" in refused.err
