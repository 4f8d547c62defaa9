"""Several sources of one server: each password once, one broken table never stops the others, a death loses nothing."""

import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tenure.cli.demo import make_project
from tenure.core.settings import Project, open_project
from tenure.pipeline import raw_zone, verify
from tests.integration.incremental_source import GrowingTable
from tests.integration.mariadb_server import MariaDBServer

pytestmark = pytest.mark.needs("mariadb")

CONTRACT = """\
source: {name}
entity: none
kind: mariadb
url: {url}
table: {table}
key: [id]
password_variable: TENURE_BANK_PASSWORD
columns:
  id: {{type: integer}}
  amount: {{type: "decimal(18,2)"}}
"""
TABLES = 20


@pytest.fixture
def project(mariadb: MariaDBServer, tmp_path: Path) -> Project:
    """Twenty tables of one server, of which one is not there, one has lost a column and one has a broken view."""
    make_project(tmp_path / "bank", "bank")
    for path in (tmp_path / "bank" / "sources").glob("*.yml"):
        path.unlink()
    opened = open_project(tmp_path / "bank")
    for number in range(TABLES):
        mariadb.execute(
            f"CREATE OR REPLACE TABLE part_{number} (id INT PRIMARY KEY, amount DECIMAL(18,2))",
            f"INSERT INTO part_{number} SELECT seq, seq / 100 FROM seq_1_to_{number + 1}",
        )
        text = CONTRACT.format(name=f"part_{number}", url=mariadb.url, table=f"part_{number}")
        (opened.sources / f"part_{number}.yml").write_text(text, encoding="utf-8")
    mariadb.execute("DROP TABLE part_3", "ALTER TABLE part_7 DROP COLUMN amount")
    return opened


def command(project: Project, *words: str) -> list[str]:
    return [sys.executable, "-m", "tenure", *words, "--project", str(project.root), "--date", "2025-10-01"]


def test_a_broken_table_never_stops_the_others(project: Project, mariadb: MariaDBServer) -> None:
    environment = {**os.environ, "TENURE_BANK_PASSWORD": mariadb.password}
    done = subprocess.run(
        command(project, "ingest", "--json"), env=environment, capture_output=True, text=True, check=False
    )

    outcomes = {entry["source"]: entry for entry in json.loads(done.stdout)["loads"]}
    refused = {name: entry["reason"] for name, entry in outcomes.items() if entry["status"] == "refused"}
    assert done.returncode == 1
    assert sorted(refused) == ["part_3", "part_7"]
    assert "does not exist" in refused["part_3"]
    assert "has no column amount" in refused["part_7"]
    assert {name: entry["loaded"] for name, entry in outcomes.items() if name not in refused} == {
        f"part_{number}": number + 1 for number in range(TABLES) if number not in {3, 7}
    }
    mariadb.execute("ALTER TABLE part_7 ADD COLUMN amount DECIMAL(18,2) DEFAULT 1")
    again = subprocess.run(
        command(project, "ingest", "part_7", "--json"), env=environment, capture_output=True, text=True, check=True
    )
    assert json.loads(again.stdout)["loads"][0]["loaded"] == 8


def test_a_person_at_a_terminal_is_asked_once_and_the_password_is_never_shown(
    project: Project, mariadb: MariaDBServer
) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TENURE_")}
    child, terminal = pty.fork()
    if child == 0:
        os.execve(sys.executable, command(project, "ingest", "part_0", "part_1"), environment)
    seen = b""
    typed = False
    try:
        while chunk := os.read(terminal, 1 << 16):
            seen += chunk
            if b"Password" in seen and not typed:
                typed = True
                time.sleep(0.2)  # the terminal must have stopped echoing
                os.write(terminal, mariadb.password.encode() + b"\n")
    except OSError:
        pass  # the other end is closed: the program has ended
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0, seen
    assert seen.count(b"Password of mariadb://") == 1
    assert mariadb.password.encode() not in seen
    assert [load.source for load in raw_zone(project).state.loads()] == ["part_0", "part_1"]
    assert not any(mariadb.password.encode() in path.read_bytes() for path in project.root.rglob("*") if path.is_file())


def test_a_death_at_any_moment_neither_loses_nor_doubles_what_is_new(
    mariadb: MariaDBServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TENURE_CUSTOMERS_PASSWORD", mariadb.password)
    table = GrowingTable(mariadb, tmp_path / "bank", "killed", "append")
    table.sql("INSERT INTO T (customer_id, age) SELECT seq, 30 FROM seq_1_to_300")
    table.ingest()
    table.sql("INSERT INTO T (customer_id, age) SELECT seq, 31 FROM seq_301_to_400")
    started = time.monotonic()
    whole = tmp_path / "whole"
    shutil.copytree(table.project.root, whole)
    subprocess.run(command(open_project(whole), "ingest"), check=True, capture_output=True)
    lasts = time.monotonic() - started
    for part in range(1, 9):
        broken = open_project(shutil.copytree(table.project.root, tmp_path / f"killed_{part}"))
        process = subprocess.Popen(
            command(broken, "ingest"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        time.sleep(lasts * part / 8)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        subprocess.run(command(broken, "ingest"), check=True, capture_output=True)

        loads = raw_zone(broken).state.loads()
        assert [(load.loaded, load.unchanged, load.watermark) for load in loads] == [(300, 0, "300"), (100, 300, "400")]
        assert not [finding for finding in verify(broken) if finding.problem]
