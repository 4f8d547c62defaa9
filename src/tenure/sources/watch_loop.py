"""The loop of `tenure watch`: look, load and publish what has landed, move it away, wait for more."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Protocol

from tenure.contracts.model import Contract
from tenure.core.errors import Busy, TenureError
from tenure.raw.state import SeenDelivery
from tenure.sources.files import delivery_name
from tenure.sources.ingest import Outcome
from tenure.sources.watch import Done, Landed, Landing, Look, Seen, expect_apart, folders_of, of_files
from tenure.sources.watch_archive import finish_moves, put_away
from tenure.sources.watch_hints import FolderHints
from tenure.sources.watch_memory import read_refusals, write_refusals

_POLL = 1.0
"""Seconds between two looks, hints or not."""
_LOOKING_SHARE = 20
"""Looking may take one part in so many of the time: where folders hold very many files, looks become rarer."""
_GATHER = 0.05
"""After a hint, so long for the rest of a burst."""
_FIRST_RETRY, _LAST_RETRY = 5.0, 600.0
"""After a failure everything rests for so many seconds, twice as long after each further one."""


class Stopped(BaseException):
    """The watcher was asked to end; what was not committed is dropped, as after any other end."""


@dataclass(frozen=True)
class Published:
    """The release in force after a batch; `published` if the batch made it, of so many models."""

    release: str
    published: bool
    computed: int


class Work(Protocol):
    """Loads files and tables, and builds and publishes if something was loaded, or if it `must`.

    Each outcome is told as soon as it is committed. Raises `Busy` while another process writes, and `TenureError` or
    `OSError` when something is wrong for all.
    """

    def __call__(
        self,
        files: Sequence[Landed],
        tables: Sequence[Contract],
        must: bool,
        told: Callable[[Landed | None, Outcome], None],
    ) -> Published | None:
        """Do the work; None when there was nothing to build."""
        ...


@dataclass(frozen=True)
class Surroundings:
    """What the loop needs of the rest: the contracts as they are now, what was loaded, the work, who listens.

    `stopped` is asked between two steps; `tell` is given what happened, and its particulars.
    """

    root: Path
    memory: Path
    contracts: Callable[[], list[Contract]]
    seen: Seen
    work: Work
    today: Callable[[], date]
    stopped: Callable[[], bool]
    tell: Callable[[str, dict[str, object]], None]


@dataclass(frozen=True)
class Pace:
    """How to watch: seconds that a file must stand still, seconds between readings of tables, and whether to stay."""

    settle: float
    every: float | None
    once: bool


@dataclass
class WatchLoop:
    """One watcher at work. `failed` counts refusals and failures, for the exit code of `--once`."""

    around: Surroundings
    pace: Pace
    hints: FolderHints
    failed: int = 0
    _landing: Landing = field(init=False)
    _known: dict[tuple[str, str], SeenDelivery | None] = field(
        default_factory=dict[tuple[str, str], SeenDelivery | None]
    )
    _unbuilt: bool = True
    _due: float = field(init=False)
    _day: date | None = None
    _said: str = ""
    _rest_until: float = 0.0
    _rest: float = field(init=False)
    _unmoved: set[tuple[Path, str]] = field(default_factory=set[tuple[Path, str]])
    _renamed: set[Path] = field(default_factory=set[Path])

    def __post_init__(self) -> None:
        self._landing = Landing(self.around.root, self.pace.settle, read_refusals(self.around.memory))
        self._due = time.monotonic()
        self._rest = _FIRST_RETRY

    def run(self) -> None:
        """Watch until asked to end, or with `once` until all that has landed is loaded."""
        self._begin()
        end = time.monotonic() + self.pace.settle + _POLL
        while not self.around.stopped():
            started = time.monotonic()
            contracts = self._contracts()
            look = self._try_look(contracts)
            took = time.monotonic() - started
            if self._step(contracts, look):
                continue
            if self.pace.once and self._is_over(look, end):
                self._tell_waiting(look)
                return
            self._wait(look, took)

    def _begin(self) -> None:
        contracts = of_files(self.around.contracts())
        expect_apart(self.around.root, contracts)
        for moved in finish_moves(self.around.root, contracts, self.around.seen):
            self.around.tell("archived", {"to": self._name(moved)})

    def _contracts(self) -> list[Contract]:
        """The contracts as they are now; none while one of them is being written wrong."""
        try:
            contracts = self.around.contracts()
            expect_apart(self.around.root, of_files(contracts))
        except TenureError as error:
            if self.pace.once:
                raise
            self._say_once(str(error))
            return []
        return contracts

    def _try_look(self, contracts: list[Contract]) -> Look:
        """What lies in the folders; nothing while they or the state database cannot be read."""
        try:
            return self._look(contracts)
        except (TenureError, OSError) as error:
            self._fail(error)
            return Look((), (), (), None)

    def _look(self, contracts: list[Contract]) -> Look:
        files = of_files(contracts)
        self.hints.listen(folder for contract in files for folder in folders_of(self.around.root, contract))
        renamed, self._renamed = self._renamed | self.hints.wait(0), set()
        known, self._known = self._known, {}

        def seen(source: str, name: str) -> SeenDelivery | None:
            key = (source, name)
            self._known[key] = known[key] if key in known else self.around.seen(source, name)
            return self._known[key]

        return self._landing.look(files, seen, renamed, time.monotonic())

    def _step(self, contracts: list[Contract], look: Look) -> bool:
        """Do what there is to do; False when there is nothing, or not yet."""
        if not contracts or time.monotonic() < self._rest_until:
            return False
        moved = [self._put_away(done) for done in look.done]
        tables = [one for one in contracts if one.kind == "mariadb"] if self._is_due() else []
        build = self._unbuilt or self._is_due() or self._day != self.around.today()
        if not look.landed and not tables and not build:
            return any(moved)
        try:
            self._work(look.landed, tables, build)
        except Busy as busy:
            self._say_once(f"waiting: {busy.what}")
            self._renamed |= self.hints.wait(_POLL)
            return True
        except (TenureError, OSError) as error:
            self._fail(error)
            return False
        self._said, self._rest_until, self._rest = "", 0.0, _FIRST_RETRY
        return True

    def _is_due(self) -> bool:
        return (self.pace.once or self.pace.every is not None) and time.monotonic() >= self._due

    def _work(self, landed: Sequence[Landed], tables: Sequence[Contract], build: bool) -> None:
        day = self.around.today()
        try:
            published = self.around.work(landed, tables, build, self._told)
        except Busy:
            raise
        except BaseException:
            self._unbuilt = True
            raise
        finally:
            for one in landed:
                self._known.pop((one.contract.source, one.name), None)
        self._unbuilt, self._day = False, day
        self._due = time.monotonic() + (self.pace.every or float("inf"))
        if published and published.published:
            oldest = min((one.since for one in landed), default=None)
            seconds = {} if oldest is None else {"seconds": round(time.monotonic() - oldest, 2)}
            self.around.tell("release", {"release": published.release, "models": published.computed, **seconds})

    def _told(self, landed: Landed | None, outcome: Outcome) -> None:
        said: dict[str, object] = {"source": outcome.source, "file": outcome.file}
        if outcome.status != "refused":
            counts = ("records_in", "loaded", "quarantined", "duplicates", "unchanged", "filtered", "deleted")
            said |= {name: getattr(outcome, name) for name in counts}
            self.around.tell("loaded", said | {"load_id": outcome.load_id, "notes": list(outcome.notes)})
            return
        if landed is not None and (outcome.passing or not os.access(landed.path, os.R_OK)) and landed.path.exists():
            self._landing.delay(landed, time.monotonic())
            self._refused(said, outcome)
        elif landed is None or self._landing.refuse(landed, outcome.reason or ""):
            self._refused(said, outcome)
            if landed is not None:
                write_refusals(self.around.memory, self._landing.refused)
        else:
            self.around.tell("waiting", said | {"reason": "changed or went while it was being read"})

    def _refused(self, said: dict[str, object], outcome: Outcome) -> None:
        self.failed += 1
        self.around.tell("refused", said | {"reason": outcome.reason})

    def _put_away(self, done: Done) -> bool:
        place = (done.path, done.stamp.rpartition(".")[0])
        if place in self._unmoved:
            return False
        try:
            target = put_away(done)
        except OSError as error:
            self._unmoved.add(place)
            self.failed += 1
            cure = f"check that {done.folder} can be written; it stays where it is"
            reason = f"cannot be moved: {error.strerror or error}\n  cure: {cure}"
            self.around.tell("failed", {"file": self._name(done.path), "reason": reason})
            return False
        if target is not None:
            word = "archived" if done.reason is None else "set aside"
            self.around.tell(word, {"file": self._name(done.path), "to": self._name(target)})
        return True

    def _name(self, path: Path) -> str:
        return delivery_name(self.around.root, path)

    def _fail(self, error: Exception) -> None:
        self.failed += 1
        self._rest_until = time.monotonic() + self._rest
        self._say_once(str(error) if isinstance(error, TenureError) else _in_words(error))
        self._rest = min(2 * self._rest, _LAST_RETRY)

    def _say_once(self, reason: str) -> None:
        """Say what keeps the watcher from going on, but not again while it is the same."""
        if reason != self._said:
            self._said = reason
            self.around.tell("busy" if reason.startswith("waiting") else "failed", {"reason": reason})

    def _is_over(self, look: Look, end: float) -> bool:
        if self.failed and time.monotonic() < self._rest_until:
            return True
        return not look.landed and (not look.waiting or time.monotonic() > end)

    def _tell_waiting(self, look: Look) -> None:
        for name in look.waiting:
            self.around.tell("waiting", {"file": name, "reason": "is not complete yet"})

    def _wait(self, look: Look, took: float) -> None:
        """Until a hint, or until it is time for the next look, whatever comes first."""
        now = time.monotonic()
        pause = max(_POLL, _LOOKING_SHARE * took)
        if look.next_look is not None:
            pause = min(pause, look.next_look + 0.01)
        if self.pace.every is not None:
            pause = min(pause, max(0.0, self._due - now))
        self._renamed |= self.hints.wait(pause)
        if time.monotonic() - now < pause and not self.around.stopped():
            time.sleep(_GATHER)


def _in_words(error: Exception) -> str:
    what = (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
    place = f"{error.filename}: " if isinstance(error, OSError) and error.filename else ""
    return f"{place}{what}\n  cure: check disk space and permissions; it is tried again by itself"
