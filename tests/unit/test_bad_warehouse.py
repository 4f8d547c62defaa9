"""Whatever goes wrong in a build: it is said with place and cure, the old release stays, nothing is lost.

Each test breaks one thing, sees the command fail (or go on) as it should, takes the damage away and sees
the next run make what an undisturbed project would have.
"""

import os
import resource
import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from tenure.core.settings import open_project
from tenure.pipeline import raw_zone
from tenure.warehouse.reports import report_names
from tests.command import Command, Ran
from tests.reference_case import BUSINESS_DATE, FILES, SEED, make_reference_project
from tests.unit.broken_bank import (
    built,
    current,
    explains,
    hashes,
    is_healed_by_a_run,
    run,
    still_answers,
    store,
    undisturbed,
    with_news,
)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("prepared") / "bank")


@pytest.fixture(scope="module")
def wanted(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return undisturbed(prepared, tmp_path_factory.mktemp("undisturbed") / "bank")


@pytest.fixture
def bank(prepared: Path, tmp_path: Path) -> Path:
    return with_news(prepared, tmp_path / "bank")


# --- the project's own SQL


BROKEN_YML = """\
description: A table of the project
grain: one customer
kind: full
key: [customer_id]
columns:
  customer_id: {type: id, description: Who}
  code: {type: INTEGER, description: A number}
"""


def put_model(bank: Path, sql: str) -> None:
    (bank / "models").mkdir(exist_ok=True)
    (bank / "models" / "coded.sql").write_text(sql)
    (bank / "models" / "coded.yml").write_text(BROKEN_YML)


def test_broken_sql_of_the_project_stops_the_build_before_it_begins(
    tenure: Command, bank: Path, wanted: dict[str, str]
) -> None:
    before = current(bank)
    put_model(bank, "SELECT customer_id,\n  ROUND(1.5) AS code\nFROM dim_customer")
    explains(run(tenure, bank), "models/coded.sql:2: ROUND is not in the common SQL")
    still_answers(tenure, bank, before)
    shutil.rmtree(bank / "models")
    is_healed_by_a_run(tenure, bank, wanted)


def test_sql_that_fails_on_the_data_names_the_model_and_no_value(
    tenure: Command, bank: Path, wanted: dict[str, str]
) -> None:
    before = current(bank)
    put_model(bank, "SELECT customer_id, CAST(customer_id * 4000000000 AS INTEGER) AS code FROM dim_customer")
    ran = run(tenure, bank)
    explains(ran, "models/coded.sql: a value does not fit its type")
    assert "4000000000" not in ran.err
    assert "80000000000" not in ran.err
    still_answers(tenure, bank, before)
    shutil.rmtree(bank / "models")
    is_healed_by_a_run(tenure, bank, wanted)


# --- what arrives


CUSTOMER = "customer_id,first_name,last_name,age,gender,geography,is_active,tenure_months,date_opened"


def test_a_key_that_becomes_text_becomes_text_everywhere(tenure: Command, bank: Path) -> None:
    for contract in (bank / "sources").glob("*.yml"):
        contract.write_text(contract.read_text().replace("customer_id: {type: integer", "customer_id: {type: string"))
    (bank / "landing" / "customers_2025-09-30.csv").write_text(f"{CUSTOMER}\nC-21,A,B,30,Male,Egypt,1,5,2025-01-01\n")
    assert run(tenure, bank).code == 0
    tables = store(bank).manifest(current(bank)).tables
    kinds = {column.type for table in tables for column in table.columns if column.name == "customer_id"}
    assert kinds == {"STRING"}
    found = tenure("sql", "SELECT COUNT(*) AS n FROM dim_customer", "--project", bank, "--json").document
    assert found == [{"n": 21}]
    assert "C-21" in tenure("customer", "C-21", "--project", bank).out
    step_by_step = hashes(bank)
    assert run(tenure, bank, "build", "--full").code == 0
    assert hashes(bank) == step_by_step


@pytest.mark.parametrize(
    "files",
    [("customers.csv",), ("offers.csv",), ("usage.json",), ("customer_support_tickets.csv",)],
    ids=lambda files: files[0],
)
def test_every_report_answers_whatever_is_missing(tenure: Command, tmp_path: Path, files: tuple[str, ...]) -> None:
    bank = make_reference_project(tmp_path / "bank").root
    for path in (bank / "landing").iterdir():
        if path.name not in files:
            path.unlink()
    ran = run(tenure, bank)
    assert ran.code == 0, ran.err
    assert "what it feeds stays empty" in ran.out
    answers = {name: tenure("report", name, "--project", bank, "--json") for name in report_names()}
    assert {name: ran.err for name, ran in answers.items() if ran.code} == {}
    for name in FILES:
        shutil.copy(SEED / name, bank / "landing" / name)
    assert run(tenure, bank).code == 0
    still_answers(tenure, bank, current(bank))


# --- the disk


def limited(bank: Path, most: int) -> subprocess.CompletedProcess[str]:
    """A build in which no file can grow beyond so many bytes, as on a full disk."""
    command = [sys.executable, "-m", "tenure", "build", "--date", str(BUSINESS_DATE), "--project", str(bank)]

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    return subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=limit)


@pytest.mark.parametrize("most", [0, 2000, 20_000])
def test_a_disk_that_fills_up_in_mid_build_leaves_the_old_release(
    tenure: Command, bank: Path, wanted: dict[str, str], most: int
) -> None:
    before = current(bank)
    assert tenure("ingest", "--date", BUSINESS_DATE, "--project", bank).code == 0
    ran = limited(bank, most)
    explains(Ran(ran.returncode, ran.stdout, ran.stderr))
    still_answers(tenure, bank, before)
    is_healed_by_a_run(tenure, bank, wanted)


# --- time, permissions, company


def test_a_clock_that_went_backwards_changes_no_order(
    tenure: Command, bank: Path, wanted: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = store(bank).manifest(current(bank))
    for module in ("tenure.raw.zone", "tenure.warehouse.runner"):
        monkeypatch.setattr(f"{module}.now", lambda: datetime(2001, 1, 1))
    is_healed_by_a_run(tenure, bank, wanted)
    recorded = [load.recorded_at for load in raw_zone(open_project(bank)).state.loads()]
    assert recorded == sorted(set(recorded))
    after = store(bank).manifest(current(bank))
    assert after.sequence > before.sequence
    assert after.created_at > before.created_at


def read_only(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command where `folder` cannot be written, whoever runs the tests."""
    command = [sys.executable, "-m", "tenure", *words, "--date", str(BUSINESS_DATE), "--project", str(folder)]
    if os.geteuid() == 0:
        script = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
        command = ["unshare", "--mount", "sh", "-c", script, str(folder), *command]
    else:
        subprocess.run(["chmod", "-R", "a-w", str(folder)], check=True)
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False)
    finally:
        subprocess.run(["chmod", "-R", "u+w", str(folder)], check=True)


def test_a_build_in_a_folder_that_cannot_be_written_says_so(
    tenure: Command, bank: Path, wanted: dict[str, str]
) -> None:
    before = current(bank)
    ran = read_only(bank, "build")
    explains(Ran(ran.returncode, ran.stdout, ran.stderr), "the project cannot be written")
    still_answers(tenure, bank, before)
    is_healed_by_a_run(tenure, bank, wanted)


def test_a_dry_run_needs_no_permission_to_write(bank: Path) -> None:
    ran = read_only(bank, "build", "--dry-run")
    assert ran.returncode == 0, ran.stderr
    assert "unchanged" in ran.stdout


def test_of_two_builds_at_once_one_builds_and_the_other_says_who_does(
    tenure: Command, bank: Path, wanted: dict[str, str]
) -> None:
    assert tenure("ingest", "--date", BUSINESS_DATE, "--project", bank).code == 0
    command = [sys.executable, "-m", "tenure", "build", "--full", "--date", str(BUSINESS_DATE), "--project", str(bank)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    ended = [(process.communicate(timeout=120), process.returncode) for process in both]
    assert 0 in {code for _, code in ended}
    for (out, err), code in ended:
        if code:
            explains(Ran(code, out, err), "another command is writing to this project")
    is_healed_by_a_run(tenure, bank, wanted)
