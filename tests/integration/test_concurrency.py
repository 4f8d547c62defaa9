"""One writer, any number of readers: nobody sees a mixture or waits for another, and no lock outlives its holder."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tenure.core.errors import Busy
from tenure.core.lock import writer_lock
from tenure.core.settings import Project
from tenure.pipeline import run_all
from tenure.warehouse.store import ReleaseStore
from tests.integration import release_reader
from tests.reference_case import BUSINESS_DATE, make_reference_project
from tests.unit.release_cases import add_offer
from tests.unit.release_store_cases import numbers, publish

PUBLISHES = 100
READERS = 8
KEPT = 2
STUCK = 30
"""Seconds after which one is blocked, however slow the machine is."""


def _reader(kind: str, place: Path, stop: Path) -> subprocess.Popen[str]:
    words = [sys.executable, release_reader.__file__, kind, str(place), str(stop)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _all_reading(readers: list[subprocess.Popen[str]]) -> None:
    """Wait until each has read once: starting a process takes longer than many publishes."""
    for reader in readers:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "reading\n"


def _logs(readers: list[subprocess.Popen[str]]) -> list[dict[str, Any]]:
    ended = [(*reader.communicate(timeout=60), reader.returncode) for reader in readers]
    assert [(code, err) for _, err, code in ended] == [(0, "")] * len(readers)
    return [json.loads(out) for out, _, _ in ended]


@contextmanager
def _ended(readers: list[subprocess.Popen[str]]) -> Generator[None]:
    """Whatever happens to the test, no process is left."""
    try:
        yield
    finally:
        for reader in readers:
            reader.kill()
            reader.communicate()


def test_eight_readers_during_a_hundred_publishes_see_only_whole_releases(tmp_path: Path) -> None:
    """Seven read every byte of two tables under the store's hold; one follows the link like a foreign tool."""
    store = ReleaseStore(tmp_path / "warehouse")
    publish(store)
    stop = tmp_path / "stop"
    readers = [_reader("link" if number == 0 else "store", tmp_path / "warehouse", stop) for number in range(READERS)]
    with _ended(readers):
        _all_reading(readers)
        held = store.names()[0]
        waits: list[float] = []
        with store.reading(held):
            for number in range(PUBLISHES):
                began = time.monotonic()
                publish(store)
                store.prune(KEPT)
                waits.append(time.monotonic() - began)
                if number % 10 == 5:
                    *_, older, newer = store.names()
                    store.rollback(older)
                    store.rollback(newer)
                time.sleep(release_reader.PAUSES["store"])
            assert numbers(store.folder / held) == {1}, "a release that is held keeps its files"
            newest = [store.manifest(name).sequence for name in store.names()[-KEPT:]]
            assert newest == [PUBLISHES, PUBLISHES + 1]
        stop.touch()
        logs = _logs(readers)
    assert [log["problems"] for log in logs] == [[]] * READERS
    assert min(log["reads"] for log in logs) >= 20
    assert min(len(log["seen"]) for log in logs) >= 5
    assert max(log["longest"] for log in logs) < STUCK
    assert max(waits) < STUCK
    store.prune(KEPT)
    assert [store.manifest(name).sequence for name in store.names()] == newest


def test_readers_of_a_project_see_whole_releases_while_it_runs(tmp_path: Path) -> None:
    project = make_reference_project(tmp_path / "bank")
    settings = project.root / "tenure.toml"
    settings.write_text(settings.read_text() + f"\n[warehouse]\nkeep_releases = {KEPT}\n")
    run_all(project, BUSINESS_DATE)
    stop = tmp_path / "stop"
    readers = [_reader("sql", project.root, stop) for _ in range(2)]
    with _ended(readers):
        _all_reading(readers)
        for number in range(2021, 2024):
            add_offer(project, number)
            run = [sys.executable, "-m", "tenure", "run", "--date", str(BUSINESS_DATE), "--project", str(project.root)]
            subprocess.run(run, check=True, stdout=subprocess.DEVNULL)
        stop.touch()
        logs = _logs(readers)
    assert [log["problems"] for log in logs] == [[], []]
    assert min(len(log["seen"]) for log in logs) >= 2
    assert len(ReleaseStore(project.warehouse).names()) == KEPT


def test_a_reader_that_stands_still_holds_up_no_writer(tmp_path: Path) -> None:
    """A reader that was stopped in the middle keeps its release, and only that."""
    store = ReleaseStore(tmp_path / "warehouse")
    first = publish(store)
    reading = (
        "import sys, time; from pathlib import Path; from tenure.warehouse.store import ReleaseStore\n"
        "with ReleaseStore(Path(sys.argv[1])).reading(): print('reading', flush=True); time.sleep(600)"
    )
    words = [sys.executable, "-c", reading, str(tmp_path / "warehouse")]
    reader = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    with _ended([reader]):
        assert reader.stdout is not None
        assert reader.stdout.readline() == "reading\n"
        os.kill(reader.pid, signal.SIGSTOP)
        began = time.monotonic()
        for _ in range(5):
            publish(store)
            store.prune(1)
        assert time.monotonic() - began < STUCK
        assert store.names()[0] == first
        assert numbers(store.folder / first) == {1}
    store.prune(1)
    assert first not in store.names()


def test_a_writer_that_stands_still_holds_up_no_reader(project: Project) -> None:
    """A writer that was stopped with a release half built holds its lock, and readers do not notice."""
    store = ReleaseStore(project.warehouse)
    first = publish(store)
    words = [sys.executable, "-c", HOLD, str(project.root)]
    writer = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    with _ended([writer]):
        assert writer.stdout is not None
        assert writer.stdout.readline() == "writing\n"
        os.kill(writer.pid, signal.SIGSTOP)
        assert (store.folder / ".building").is_dir()
        for _ in range(3):
            with store.reading() as release:
                assert release == first
                assert numbers(store.folder / release) == {1}
                assert numbers(project.warehouse / "current") == {1}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_reference_project(tmp_path / "bank")


HOLD = (
    "import sys, time; from pathlib import Path; from tenure.core.lock import writer_lock\n"
    "from tenure.core.settings import open_project; from tenure.warehouse.store import ReleaseStore\n"
    "project = open_project(Path(sys.argv[1]))\n"
    "with writer_lock(project):\n"
    "    ReleaseStore(project.warehouse).begin(); print('writing', flush=True); time.sleep(600)"
)


def test_a_second_writer_is_refused_at_once_and_a_killed_one_keeps_no_lock(project: Project) -> None:
    writer = subprocess.Popen([sys.executable, "-c", HOLD, str(project.root)], stdout=subprocess.PIPE, text=True)
    with _ended([writer]):
        assert writer.stdout is not None
        assert writer.stdout.readline() == "writing\n"
        began = time.monotonic()
        with pytest.raises(
            Busy, match=rf"another command is writing to this project \(process {writer.pid}\)"
        ) as caught:
            run_all(project, BUSINESS_DATE)
        assert time.monotonic() - began < STUCK
        assert caught.value.cure == "wait until it ends, then run again; readers are not affected"
        words = [sys.executable, "-m", "tenure", "releases", "prune", "--project", str(project.root)]
        refused = subprocess.run(words, capture_output=True, text=True)
        assert refused.returncode == 1
        assert f"(process {writer.pid})" in refused.stderr
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
        with writer_lock(project):
            assert (project.state / "lock").read_text() == str(os.getpid())
