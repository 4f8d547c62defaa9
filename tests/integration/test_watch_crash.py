"""kill -9 of the watcher at any point from the file that lands to the archive: nothing is lost, nothing doubled.

A watcher that takes four new files is traced once, to list its calls that change something on disk. Then it is
killed at one of these calls after another; each time the next watcher must bring the project to the same end.
"""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from tenure.core.settings import Project, open_project
from tenure.pipeline import Pace, Watching, raw_zone, run_all, watch
from tenure.warehouse.releases import open_release
from tenure.warehouse.store import ReleaseStore
from tests.integration.watcher_process import expect_whole, offers, told_to
from tests.reference_case import BUSINESS_DATE, make_reference_project

COMMITS = ("rename", "fsync", "fdatasync", "unlink", "symlink", "link", "mkdir", "rmdir", "pwrite64")
CALLS = (*COMMITS, "openat")
SAMPLE = 8
"""So many of the points at which something is committed are tried in every run of the tests, others each day, and
two at which a file is opened; the long run tries all of the former, and a hundred of the latter."""
DAY = date.today().toordinal()
NEWS = {
    "offers_a.csv": offers(3001, 2) + "x,2,Cashback,1,2025-09-01\n",
    "offers_b.csv": offers(3011, 3),
    "usage_c.json": '{"usage_log_id": 3021, "customer_id": 1, "product_type": "Savings", "monthly_balance": 10.25}\n',
}
REFUSED = {"offers_d.csv": "who,knows\n1,2\n"}
Tables = dict[str, list[str]]
_STAMPS = {"_recorded_at", "recorded_at", "last_load_at"}

pytestmark = pytest.mark.needs("strace")


@dataclass(frozen=True)
class Point:
    """The `number`-th time the main thread makes this call."""

    call: str
    number: int


def _command(project: Path) -> list[str]:
    words = [sys.executable, "-m", "tenure", "watch", "--once", "--settle", "0", "--json"]
    return [*words, "--date", str(BUSINESS_DATE), "--project", str(project)]


def _watch_once(project: Project) -> None:
    watch(project, Watching(Pace(0, None, True), lambda *_: None, lambda: False, business_date=BUSINESS_DATE))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a release, what it was made of archived, and four files that have landed since."""
    project = make_reference_project(tmp_path_factory.mktemp("prepared") / "bank")
    run_all(project, BUSINESS_DATE)
    for source in ("offers", "usage"):
        told_to(project, source, "watch: {archive: archive, refused: refused}")
    _watch_once(project)
    for name, content in (NEWS | REFUSED).items():
        (project.root / "landing" / name).write_text(content)
    return project.root


@pytest.fixture(scope="module")
def points(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Point]:
    folder = tmp_path_factory.mktemp("traced")
    shutil.copytree(prepared, folder / "bank", symlinks=True)
    log = folder / "trace"
    trace = ["strace", "-f", "-qq", "-e", f"trace={','.join(CALLS)}", "-o", str(log)]
    done = subprocess.run([*trace, *_command(folder / "bank")], stdout=subprocess.DEVNULL)
    assert done.returncode == 1, "one file is refused"
    lines = log.read_text(errors="replace").splitlines()
    main = lines[0].split()[0]
    numbers = dict.fromkeys(CALLS, 0)
    found: list[Point] = []
    for line in lines:
        made = re.match(rf"{main} +({'|'.join(CALLS)})\(", line)
        if made:
            numbers[made[1]] += 1
            if str(folder) in line or made[1] not in {"openat"}:  # not the modules that it imports
                found.append(Point(made[1], numbers[made[1]]))
    return found


def _rows(project: Project) -> Tables:
    """All tables of the release in force, the times of recording left out."""
    with open_release(project) as release:
        return {
            table.name: sorted(
                str({name: value for name, value in row.items() if name not in _STAMPS})
                for row in release.query(f"SELECT * FROM {table.name}").to_pylist()
            )
            for table in release.manifest.tables
        }


@pytest.fixture(scope="module")
def ended(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Tables, Tables]:
    """What the tables hold before the news and after an undisturbed watcher."""
    folder = tmp_path_factory.mktemp("undisturbed") / "bank"
    shutil.copytree(prepared, folder, symlinks=True)
    project = open_project(folder)
    before = _rows(project)
    _watch_once(project)
    return before, _rows(project)


def _whole_after(root: Path, ended: tuple[Tables, Tables]) -> None:
    """Readers see the old release or the new one; the next watcher ends what was begun, each file in its place."""
    project = open_project(root)
    assert _rows(project) in ended
    _watch_once(project)
    assert _rows(project) == ended[1], "the records are not those of an undisturbed watcher"
    expect_whole(project)
    new = [load for load in raw_zone(project).state.loads() if load.delivery.removeprefix("landing/") in NEWS]
    assert sorted(load.delivery.removeprefix("landing/") for load in new) == sorted(NEWS)
    assert sum(load.records_in for load in new) == 7
    assert {path.name for path in (root / "landing").iterdir()} == {"customers.csv", "customer_support_tickets.csv"}
    archived = {path.name: path.read_text() for path in (root / "archive").iterdir()}
    assert {name: archived.get(name) for name in NEWS} == NEWS
    assert archived.keys() == NEWS.keys() | {"offers.csv", "usage.json"}
    refused = {path.name: path.read_text() for path in (root / "refused").iterdir() if path.suffix == ".csv"}
    assert refused == REFUSED
    releases = ReleaseStore(project.warehouse).names()
    assert sorted(path.name for path in (project.warehouse / "releases").iterdir()) == releases
    _watch_once(project)
    assert ReleaseStore(project.warehouse).names() == releases, "there is nothing left to do"


def _sweep(
    points: list[Point], prepared: Path, folder: Path, ended: tuple[Tables, Tables], effect: str = "signal=SIGKILL"
) -> None:
    for point in points:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(prepared, folder, symlinks=True)
        trace = ["strace", "-f", "-qq", "-e", f"trace={point.call}", "-o", os.devnull]
        inject = ["-e", f"inject={point.call}:{effect}:when={point.number}"]
        result = subprocess.run([*trace, *inject, *_command(folder)], capture_output=True)
        assert b"Traceback" not in result.stderr, result.stderr.decode()
        try:
            # How many files are opened differs a little from run to run, so the last may not be reached.
            assert "error" in effect or point.call == "openat" or result.returncode not in (0, 1), (
                "the call was not reached"
            )
            _whole_after(folder, ended)
        except AssertionError as error:
            raise AssertionError(f"{effect} at {point}: {error}\n{result.stderr.decode()}") from error


def _some(points: list[Point], most: int) -> list[Point]:
    step = max(1, len(points) // most)
    return points[DAY % step :: step]


def _commits(points: list[Point]) -> list[Point]:
    return [point for point in points if point.call in COMMITS]


def _openings(points: list[Point]) -> list[Point]:
    return [point for point in points if point.call not in COMMITS]


def test_there_are_more_than_two_hundred_points(points: list[Point]) -> None:
    assert len(_commits(points)) > 200
    assert {point.call for point in points} >= {"rename", "fsync", "fdatasync", "unlink", "mkdir", "openat"}


def test_a_watcher_killed_at_some_point_is_healed_by_the_next(
    points: list[Point], prepared: Path, tmp_path: Path, ended: tuple[Tables, Tables]
) -> None:
    chosen = _some(_commits(points), SAMPLE) + _some(_openings(points), 2)
    _sweep(chosen, prepared, tmp_path / "bank", ended)


def test_a_disk_that_is_full_at_some_point_costs_no_record_and_no_file(
    points: list[Point], prepared: Path, tmp_path: Path, ended: tuple[Tables, Tables]
) -> None:
    syncs = [point for point in points if point.call == "fsync"]
    _sweep(_some(syncs, 4), prepared, tmp_path / "bank", ended, "error=ENOSPC")


@pytest.mark.full
def test_a_watcher_killed_at_any_point_is_healed_by_the_next(
    points: list[Point], prepared: Path, tmp_path: Path, ended: tuple[Tables, Tables]
) -> None:
    _sweep(_commits(points) + _some(_openings(points), 100), prepared, tmp_path / "bank", ended)
