"""kill -9 around a replay: the new load and the fate of its records are there together, or neither is."""

import os
import re
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from tenure.core.settings import open_project
from tenure.pipeline import verify
from tests.unit.quarantine_bank import COLUMNS, DAY, HEADER, Bank, make_bank

CALLS = ("rename", "fsync", "fdatasync", "unlink")
SAMPLE = 12
"""So many points are tried in every run of the tests, others each day; the long run tries all."""
TODAY = date.today().toordinal()
Point = tuple[str, int]

pytestmark = pytest.mark.needs("strace")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two loads with open records that a new contract admits, and one record that it does not."""
    bank = make_bank(tmp_path_factory.mktemp("prepared") / "bank")
    bank.land("a.csv", HEADER + "1,7,2025-01-01,5,gift\n2,7,2025-01-02,6,fee\n3,7,2025-01-03,x,gift\n")
    bank.land("b.csv", HEADER + "4,7,2025-01-01,5,gift\n")
    bank.contract(COLUMNS.replace("purchase, fee", "purchase, fee, gift"))
    return bank.project.root


def _command(folder: Path) -> list[str]:
    words = ["quarantine", "replay", "bookings", "--date", str(DAY), "--project", str(folder), "--json"]
    return [sys.executable, "-m", "tenure", *words]


def _points(prepared: Path, folder: Path) -> list[Point]:
    """Every one of the calls that the main thread of a replay makes."""
    shutil.copytree(prepared, folder / "bank")
    log = folder / "trace"
    trace = ["strace", "-f", "-qq", "-e", f"trace={','.join(CALLS)}", "-o", str(log)]
    subprocess.run([*trace, *_command(folder / "bank")], check=True, stdout=subprocess.DEVNULL)
    lines = log.read_text(errors="replace").splitlines()
    main = lines[0].split()[0]
    numbers: dict[str, int] = dict.fromkeys(CALLS, 0)
    found: list[Point] = []
    for line in lines:
        made = re.match(rf"{main} +({'|'.join(CALLS)})\(", line)
        if made:
            numbers[made[1]] += 1
            found.append((made[1], numbers[made[1]]))
    return found


def _killed_at(point: Point, prepared: Path, folder: Path) -> None:
    call, number = point
    shutil.copytree(prepared, folder)
    trace = ["strace", "-f", "-qq", "-e", f"trace={call}", "-o", os.devnull]
    inject = ["-e", f"inject={call}:signal=KILL:when={number}"]
    killed = subprocess.run([*trace, *inject, *_command(folder)], capture_output=True)
    assert killed.returncode != 0
    bank = Bank(open_project(folder))
    bank.expect_account()
    taken = {row["transaction_id"] for row in bank.rows()} - {2}
    assert {record.record[:1] for record in bank.quarantine()} == {b"1", b"3", b"4"} - {b"%d" % key for key in taken}
    bank.replay()
    assert sorted(row["transaction_id"] for row in bank.rows()) == [1, 2, 4]
    assert [record.record[:1] for record in bank.quarantine()] == [b"3"]
    bank.expect_account()
    assert [finding for finding in verify(bank.project) if finding.problem] == []


def test_killed_at_any_of_a_sample_of_points(prepared: Path, tmp_path: Path) -> None:
    points = _points(prepared, tmp_path)
    assert len(points) >= 20
    step = max(1, len(points) // SAMPLE)
    for point in points[TODAY % step :: step]:
        _killed_at(point, prepared, tmp_path / f"{point[0]}-{point[1]}")


@pytest.mark.full
def test_killed_at_every_point(prepared: Path, tmp_path: Path) -> None:
    for point in _points(prepared, tmp_path):
        _killed_at(point, prepared, tmp_path / f"{point[0]}-{point[1]}")
