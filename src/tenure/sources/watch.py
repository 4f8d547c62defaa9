"""Looks into the folders of file sources: which files have landed, which are still being written, which are done.

A file has landed once its size and times have stood still for the settle time, or at once when it was renamed into
place; in both cases only while no process on this machine has it open for writing. What was loaded before is known
by its stamp from the state database, so a look costs no more than listing the folders.
"""

import errno
import fcntl
import os
import stat
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath

from tenure.contracts.model import Contract
from tenure.core.errors import SettingsError
from tenure.raw.state import SeenDelivery
from tenure.sources.files import delivery_name, find_files, is_unfinished, stamp_of

MOST_FILES = 200
"""A batch has no more files than this; the others wait on disk for the next one."""
MOST_BYTES = 2**30
"""A batch ends with the file that brings it to so many bytes."""
_FIRST_DELAY, _LONGEST_DELAY = 5.0, 600.0
_FOLDER = "folder"
"""The stamp of a folder where a file should be: whatever is put into it, it is refused once."""
Seen = Callable[[str, str], SeenDelivery | None]
"""Gives what was last loaded from a source under a name."""


@dataclass(frozen=True)
class Landed:
    """A complete file that waits to be loaded for one source. `since`: when it was first seen (monotonic seconds)."""

    contract: Contract
    path: Path
    name: str
    stamp: str
    size: int
    since: float


@dataclass(frozen=True)
class Done:
    """A file that every source has taken or refused, and is to be moved to `folder`; `reason` of a refusal."""

    path: Path
    folder: Path
    stamp: str
    reason: str | None = None


@dataclass(frozen=True)
class Look:
    """What one look found. `waiting`: files that are not complete yet; `next_look`: seconds until one may be."""

    landed: tuple[Landed, ...]
    done: tuple[Done, ...]
    waiting: tuple[str, ...]
    next_look: float | None


@dataclass(frozen=True)
class Refusal:
    """A file that was refused, as it was then, and why; it is not tried again until it or its contract changes."""

    stamp: str
    contract_version: str
    reason: str


@dataclass(frozen=True)
class _Delay:
    """A file that could not be loaded through no fault of its own: it waits until `until`, the next time longer."""

    stamp: str
    until: float
    seconds: float


@dataclass(frozen=True)
class _Sighting:
    """A file that has not been taken: its stamp, since when it has had it, since when it has been there."""

    stamp: str
    still_since: float
    since: float
    renamed: bool


@dataclass
class Landing:
    """What is remembered of the folders between two looks; no more than what lies in them."""

    root: Path
    settle: float
    refused: dict[tuple[str, str], Refusal] = field(default_factory=dict[tuple[str, str], Refusal])
    _sightings: dict[Path, _Sighting] = field(default_factory=dict[Path, _Sighting])
    _unfinished: set[int] = field(default_factory=set[int])
    _delays: dict[Path, _Delay] = field(default_factory=dict[Path, _Delay])

    def look(self, contracts: Collection[Contract], seen: Seen, renamed: Collection[Path], now: float) -> Look:
        """Look into the folders of the contracts; `renamed` are files of which a hint said that they were renamed."""
        claims: dict[Path, list[Contract]] = {}
        watched = {contract.source for contract in contracts}
        for contract in contracts:
            for path in find_files(self.root, contract):
                claims.setdefault(path, []).append(contract)
        sightings: dict[Path, _Sighting] = {}
        landed: list[Landed] = []
        done: list[Done] = []
        waits: dict[Path, float] = {}
        for path, claimants in claims.items():
            state = _state(path)
            if state is None:
                continue
            stamp, size, inode = state
            name = delivery_name(self.root, path)
            wanting = [one for one in claimants if not self._is_settled(one, name, stamp, seen)]
            if not wanting:
                done += self._done(path, name, stamp, claimants, seen)
                continue
            sighting = self._sighted(path, stamp, inode, path in renamed, now)
            sightings[path] = sighting
            wait = self._wait(path, sighting, now)
            if wait > 0:
                waits[path] = wait
            else:
                landed += [Landed(one, path, name, stamp, size, sighting.since) for one in wanting]
        self._sightings = sightings
        self._delays = {path: delay for path, delay in self._delays.items() if path in sightings}
        there = {delivery_name(self.root, path) for path in claims}
        gone = [key for key in self.refused if key[0] in watched and key[1] not in there]
        for key in gone:
            del self.refused[key]
        self._unfinished = set(_unfinished_inodes({path.parent for path in claims} | self._folders(contracts)))
        waiting = tuple(delivery_name(self.root, path) for path in waits)
        return Look(_batch(landed), tuple(done), waiting, min(waits.values(), default=None))

    def refuse(self, landed: Landed, reason: str) -> bool:
        """Remember a refusal; False when the file has changed since it was found, so that it is tried again.

        Who may read a file can change without a trace in it: one that cannot be read is only left alone for a while.
        """
        state = _state(landed.path)
        if state is None or state[0] != landed.stamp:
            return False
        self.refused[(landed.contract.source, landed.name)] = Refusal(landed.stamp, landed.contract.version, reason)
        return True

    def delay(self, landed: Landed, now: float) -> None:
        """Leave a file alone for a while, the second time for twice as long."""
        before = self._delays.get(landed.path)
        again = before is not None and before.stamp == landed.stamp
        seconds = min(2 * before.seconds, _LONGEST_DELAY) if before and again else _FIRST_DELAY
        self._delays[landed.path] = _Delay(landed.stamp, now + seconds, seconds)

    def _is_settled(self, contract: Contract, name: str, stamp: str, seen: Seen) -> bool:
        before = seen(contract.source, name)
        if before is not None and before.stamp == stamp:
            return True
        refusal = self.refused.get((contract.source, name))
        return refusal is not None and (refusal.stamp, refusal.contract_version) == (stamp, contract.version)

    def _done(self, path: Path, name: str, stamp: str, claimants: Iterable[Contract], seen: Seen) -> Iterator[Done]:
        for contract in claimants:
            before = seen(contract.source, name)
            loaded = before is not None and before.stamp == stamp
            folder = contract.watch.archive if loaded else contract.watch.refused
            if folder is not None and stamp != _FOLDER:
                reason = None if loaded else self.refused[(contract.source, name)].reason
                yield Done(path, self.root / folder, stamp, reason)
                return

    def _sighted(self, path: Path, stamp: str, inode: int, renamed: bool, now: float) -> _Sighting:
        before = self._sightings.get(path)
        renamed = renamed or inode in self._unfinished
        if before is None:
            return _Sighting(stamp, now, now, renamed)
        if before.stamp != stamp:
            return _Sighting(stamp, now, before.since, renamed)
        return replace(before, renamed=before.renamed or renamed)

    def _wait(self, path: Path, sighting: _Sighting, now: float) -> float:
        """Seconds until the file may be complete; 0 when it is."""
        if sighting.stamp != _FOLDER and not sighting.renamed and now - sighting.still_since < self.settle:
            return self.settle - (now - sighting.still_since)
        delay = self._delays.get(path)
        if delay and delay.stamp == sighting.stamp and now < delay.until:
            return delay.until - now
        return max(self.settle, 0.1) if is_being_written(path) else 0.0

    def _folders(self, contracts: Iterable[Contract]) -> set[Path]:
        return {folder for contract in contracts for folder in folders_of(self.root, contract)}


def of_files(contracts: Iterable[Contract]) -> list[Contract]:
    """The contracts whose files land in a folder: neither tables of a server nor SELECTs over other sources."""
    return [contract for contract in contracts if contract.kind not in {"mariadb", "sql"}]


def folders_of(root: Path, contract: Contract) -> list[Path]:
    """The folders in which files of a source may land, as far as they are there."""
    return sorted({folder for path in contract.paths for folder in _folders(root / path)})


def _folders(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield path
        return
    parent = path.parent
    steps = parent.parts
    fixed = next((number for number, step in enumerate(steps) if any(mark in step for mark in "*?[")), len(steps))
    base = Path(*steps[:fixed])
    found = [base] if fixed == len(steps) else base.glob(str(PurePath(*steps[fixed:])))
    yield from (folder for folder in found if folder.is_dir())


def expect_apart(root: Path, contracts: Collection[Contract]) -> None:
    """Raises `SettingsError` when a file that was moved away would be taken for one that has landed."""
    paths = [(contract.source, path) for contract in contracts for path in contract.paths]
    for contract in contracts:
        for word, folder in (("archive", contract.watch.archive), ("refused", contract.watch.refused)):
            reached = [(source, path) for source, path in paths if folder and _reaches(root / path, root / folder)]
            if reached:
                source, path = reached[0]
                raise SettingsError(
                    f"files moved to {folder} would be taken as new ones of source {source}, whose path is {path}",
                    where=f"sources/{contract.source}.yml: watch.{word}",
                    cure="name a folder that no source reads",
                )


def _reaches(path: Path, folder: Path) -> bool:
    """Whether a file in `folder` could be one of those that `path` names, whatever it is called."""
    parts = Path(os.path.normpath(folder)).parts
    if path.is_dir():
        return parts[: len(path.parts)] == path.parts
    steps = path.parent.parts
    if "**" in steps:
        steps = steps[: steps.index("**")]
        parts = parts[: len(steps)]
    same = (part == step or PurePath(part).match(step) for part, step in zip(parts, steps, strict=False))
    return len(parts) == len(steps) and all(same)


def is_being_written(path: Path) -> bool:
    """Whether a process on this machine has the file open for writing; False where the system will not say.

    The system gives a lease for reading only while there is no writer. A process that takes one should ignore
    SIGIO: a writer who comes in that instant is announced by it.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        return error.errno == errno.EAGAIN
    finally:
        os.close(descriptor)
    return False


def _state(path: Path) -> tuple[str, int, int] | None:
    """Stamp, size and inode; None for what is gone or is neither a file nor a folder."""
    try:
        state = path.stat()
        stamp = _FOLDER if stat.S_ISDIR(state.st_mode) else stamp_of(path)
    except OSError:
        return None
    if not stat.S_ISREG(state.st_mode) and stamp != _FOLDER:
        return None
    return stamp, state.st_size, state.st_ino


def _unfinished_inodes(folders: Iterable[Path]) -> Iterator[int]:
    for folder in folders:
        try:
            with os.scandir(folder) as entries:
                yield from [entry.inode() for entry in entries if is_unfinished(entry.name)]
        except OSError:
            continue


def _batch(landed: list[Landed]) -> tuple[Landed, ...]:
    """Those that have waited longest; of those found in one look, source by source in the order of their names."""
    waiting = sorted(landed, key=lambda one: (one.since, one.contract.source, one.path))
    batch: list[Landed] = []
    size = 0
    for one in waiting[:MOST_FILES]:
        batch.append(one)
        size += one.size
        if size >= MOST_BYTES:
            break
    return tuple(batch)
