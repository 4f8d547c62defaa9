"""kill -9 at every call that commits something: nothing is lost, nothing doubled, the next run heals it.

A run of the command is traced once to list its renames, fsyncs and unlinks (SQLite's commit is the unlink
of its journal). Then the same run is killed at one of these calls after another.
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
from tenure.pipeline import raw_zone, run_all, verify
from tenure.warehouse.releases import open_release
from tenure.warehouse.store import ReleaseStore
from tests.reference_case import BUSINESS_DATE, make_reference_project

CALLS = ("rename", "fsync", "fdatasync", "unlink", "symlink")
SAMPLE = 48
"""So many points are tried in every run of the tests, others each day; the long run tries all."""
DAY = date.today().toordinal()
Outcomes = tuple[dict[str, list[str]], dict[str, list[str]]]
_STAMPS = {"_recorded_at", "recorded_at", "last_load_at"}

pytestmark = pytest.mark.needs("strace")


@dataclass(frozen=True)
class Point:
    """The `number`-th time the main thread makes this call."""

    call: str
    number: int


def _command(project: Path) -> list[str]:
    return [sys.executable, "-m", "tenure", "run", "--date", str(BUSINESS_DATE), "--project", str(project), "--json"]


def _with_news(folder: Path) -> Project:
    """A project with a first release, and files that have come since: new, corrected and broken records."""
    project = make_reference_project(folder)
    run_all(project, BUSINESS_DATE)
    landing = project.root / "landing"
    (landing / "offers_new.csv").write_text(
        "offer_id,customer_id,offer_type,accepted,date_offered\n"
        "2021,1,Cashback,1,2025-09-01\n"
        "x,2,Cashback,1,2025-09-01\n"
        "2020,20,Insurance,1,2023-02-14\n"
    )
    (landing / "usage_new.json").write_text(
        '{"usage_log_id": 3021, "customer_id": 1, "product_type": "Savings", "monthly_balance": 10.25}\n'
    )
    return project


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _with_news(tmp_path_factory.mktemp("prepared") / "bank").root


def _calls(prepared: Path, folder: Path, calls: tuple[str, ...]) -> list[Point]:
    """Every one of these calls that the main thread of a run makes, in order."""
    shutil.copytree(prepared, folder / "bank", symlinks=True)
    log = folder / "trace"
    trace = ["strace", "-f", "-qq", "-e", f"trace={','.join(calls)}", "-o", str(log)]
    subprocess.run([*trace, *_command(folder / "bank")], check=True, stdout=subprocess.DEVNULL)
    lines = log.read_text(errors="replace").splitlines()
    main = lines[0].split()[0]
    numbers = dict.fromkeys(calls, 0)
    found: list[Point] = []
    for line in lines:
        made = re.match(rf"{main} +({'|'.join(calls)})\(", line)
        if made:
            numbers[made[1]] += 1
            found.append(Point(made[1], numbers[made[1]]))
    return found


@pytest.fixture(scope="module")
def points(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Point]:
    return _calls(prepared, tmp_path_factory.mktemp("traced"), CALLS)


def _rows(project: Project) -> dict[str, list[str]]:
    """All tables of the release in force, the times of recording left out; nothing before the first release."""
    if ReleaseStore(project.warehouse).pointer() is None:
        return {}
    with open_release(project) as release:
        return {
            table.name: sorted(
                str({name: value for name, value in row.items() if name not in _STAMPS})
                for row in release.query(f"SELECT * FROM {table.name}").to_pylist()
            )
            for table in release.manifest.tables
        }


def _undisturbed(prepared: Path, folder: Path) -> Outcomes:
    """What the tables hold before the run and after an undisturbed one."""
    shutil.copytree(prepared, folder, symlinks=True)
    project = open_project(folder)
    before = _rows(project)
    run_all(project, BUSINESS_DATE)
    return before, _rows(project)


@pytest.fixture(scope="module")
def outcomes(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    return _undisturbed(prepared, tmp_path_factory.mktemp("undisturbed") / "bank")


def _injected(folder: Path, point: Point, effect: str) -> subprocess.CompletedProcess[bytes]:
    trace = ["strace", "-f", "-qq", "-e", f"trace={point.call}", "-o", os.devnull]
    inject = ["-e", f"inject={point.call}:{effect}:when={point.number}"]
    return subprocess.run([*trace, *inject, *_command(folder)], capture_output=True)


def _whole_after(folder: Path, outcomes: Outcomes) -> None:
    """Readers see the old release or the new one; the next run makes it the new one, and nothing is wrong."""
    project = open_project(folder)
    assert _rows(project) in outcomes
    assert run_all(project, BUSINESS_DATE).refused == []
    assert _rows(project) == outcomes[1]
    assert [finding for finding in verify(project) if finding.problem] == []
    for load in raw_zone(project).state.loads():
        assert load.records_in == load.loaded + load.quarantined + load.duplicates + load.filtered
    deliveries = [(load.source, load.delivery) for load in raw_zone(project).state.loads()]
    assert len(deliveries) == len(set(deliveries)) == len(list((folder / "landing").iterdir()))
    names = ReleaseStore(project.warehouse).names()
    assert sorted(path.name for path in (project.warehouse / "releases").iterdir()) == names
    result = run_all(project, BUSINESS_DATE)
    assert result.build is not None
    assert not result.build.published


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "bank"


def _sweep(
    points: list[Point],
    effect: str,
    prepared: Path,
    folder: Path,
    outcomes: Outcomes,
) -> None:
    for point in points:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(prepared, folder, symlinks=True)
        result = _injected(folder, point, effect)
        try:
            assert result.returncode != 0, "the call was not reached"
            _whole_after(folder, outcomes)
        except AssertionError as error:
            raise AssertionError(f"{effect} at {point}: {error}\n{result.stderr.decode()}") from error


def test_the_run_has_more_than_fifty_points_of_which_each_kind_is_one(points: list[Point]) -> None:
    assert len(points) >= 50
    assert {"rename", "fsync", "fdatasync", "unlink", "symlink"} <= {point.call for point in points}


def _sample(points: list[Point], most: int) -> list[Point]:
    """Some of the points, from the first to the last; others on another day."""
    step = max(1, len(points) // most)
    return points[DAY % step :: step]


@pytest.mark.parametrize("call", CALLS)
def test_a_run_killed_at_a_commit_is_healed_by_the_next(
    call: str, points: list[Point], prepared: Path, folder: Path, outcomes: Outcomes
) -> None:
    own = [point for point in points if point.call == call]
    _sweep(_sample(own, SAMPLE // len(CALLS)), "signal=SIGKILL", prepared, folder, outcomes)


@pytest.mark.full
def test_a_run_killed_at_any_commit_is_healed_by_the_next(
    points: list[Point], prepared: Path, folder: Path, outcomes: Outcomes
) -> None:
    _sweep(points, "signal=SIGKILL", prepared, folder, outcomes)


def test_the_very_first_run_killed_is_healed_by_the_next(tmp_path: Path, folder: Path) -> None:
    fresh = make_reference_project(tmp_path / "fresh").root
    found = _calls(fresh, tmp_path / "traced", CALLS)
    outcomes = _undisturbed(fresh, tmp_path / "undisturbed")
    assert outcomes[0] == {}
    _sweep(_sample(found, 16), "signal=SIGKILL", fresh, folder, outcomes)


@pytest.mark.full
@pytest.mark.parametrize("call", ["write", "pwrite64", "openat", "mkdir", "link"])
def test_a_run_killed_at_a_write_is_healed_by_the_next(
    call: str, prepared: Path, folder: Path, outcomes: Outcomes, tmp_path: Path
) -> None:
    points = _calls(prepared, tmp_path / "traced", (call,))
    _sweep(points[:: max(1, len(points) // 60)], "signal=SIGKILL", prepared, folder, outcomes)


@pytest.mark.parametrize("error", ["ENOSPC", "EIO"])
def test_a_full_or_failing_disk_leaves_the_old_release_and_says_so(
    error: str,
    points: list[Point],
    prepared: Path,
    folder: Path,
    outcomes: Outcomes,
) -> None:
    syncs = [point for point in points if point.call == "fsync"]
    for point in syncs[:: len(syncs) // 4]:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(prepared, folder, symlinks=True)
        result = _injected(folder, point, f"error={error}")
        assert result.returncode == 1
        assert b"cure:" in result.stderr
        assert b"Traceback" not in result.stderr
        _whole_after(folder, outcomes)
