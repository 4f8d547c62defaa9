"""A `tenure watch` of its own process: its events as they come, and what the project holds because of it."""

import json
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tenure.core.settings import Project
from tenure.pipeline import raw_zone, verify
from tenure.warehouse.releases import open_release
from tests.reference_case import BUSINESS_DATE

Event = dict[str, Any]
PATIENCE = 120
"""Seconds after which a watcher that says nothing is taken to hang."""
OFFERS = "offer_id,customer_id,offer_type,accepted,date_offered\n"


def offer_lines(first: int, number: int) -> str:
    """Records of offers with the ids from `first` on, without a header."""
    return "".join(f"{first + place},{1 + place % 20},Cashback,1,2025-09-01\n" for place in range(number))


def offers(first: int, number: int) -> str:
    """A file of offers."""
    return OFFERS + offer_lines(first, number)


class WatcherProcess:
    """A running watcher. Every event is kept in `events`."""

    def __init__(self, project: Project, *words: str) -> None:
        command = [sys.executable, "-m", "tenure", "watch", "--json", "--date", str(BUSINESS_DATE)]
        self.process = subprocess.Popen(
            [*command, "--project", str(project.root), *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.events: list[Event] = []
        self._coming: queue.Queue[Event | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._coming.put(json.loads(line))
        self._coming.put(None)

    def until(self, event: str, wanted: Callable[[Event], bool] = lambda event: True) -> Event:
        """The next such event; fails when the watcher ends or hangs before it."""
        while True:
            found = self._coming.get(timeout=PATIENCE)
            if found is None:
                assert self.process.stderr is not None
                raise AssertionError(f"the watcher ended: {self.events[-3:]} {self.process.stderr.read()}")
            self.events.append(found)
            if found["event"] == event and wanted(found):
                return found

    def end(self, number: int = signal.SIGTERM) -> int:
        """Ask the watcher to end; its exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=PATIENCE)

    def rest(self) -> list[Event]:
        """The events up to its end."""
        while (event := self._coming.get(timeout=PATIENCE)) is not None:
            self.events.append(event)
        return self.events


@contextmanager
def watcher(project: Project, *words: str) -> Iterator[WatcherProcess]:
    """A watcher that has begun to watch; it is ended at the latest when the test is."""
    started = WatcherProcess(project, *words)
    try:
        started.until("watching")
        yield started
    finally:
        if started.process.poll() is None:
            started.process.kill()
        started.process.communicate()


def put(path: Path, content: str) -> None:
    """Put a file in place the way a careful writer does: under another name, then renamed."""
    path.parent.mkdir(exist_ok=True)
    hidden = path.with_name(f".{path.name}")
    hidden.write_text(content)
    hidden.rename(path)


def told_to(project: Project, source: str, setting: str) -> None:
    """Add a line to the contract of a source."""
    path = project.sources / f"{source}.yml"
    path.write_text(f"{path.read_text()}{setting}\n")


def offer_ids(project: Project) -> list[int]:
    """The offers above the reference case's, each as often as the release in force has it."""
    with open_release(project) as release:
        found = release.query("SELECT offer_id FROM dim_offer WHERE offer_id > 2020 ORDER BY offer_id")
    return [int(row["offer_id"]) for row in found.to_pylist()]


def expect_whole(project: Project) -> None:
    """Every account balances, nothing is damaged, and no delivery was loaded twice."""
    assert [finding for finding in verify(project) if finding.problem] == []
    loads = raw_zone(project).state.loads()
    for load in loads:
        parts = load.loaded + load.quarantined + load.duplicates + load.unchanged + load.filtered
        assert load.records_in == parts
    deliveries = [(load.source, load.delivery, load.sha256) for load in loads]
    assert len(deliveries) == len(set(deliveries))
