"""Finds and repairs damaged releases: from a copy, from a release with the same rows, or from the raw zone.

A part that can be had again byte for byte goes back to its place. Otherwise its partition (a month of a
table, or the whole table) is replaced by one with the same rows: as many, with the same sum of hashes. The
Parquet files have other bytes, so the release gets another manifest and another name, with the same sequence.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tenure.core.durable import fsync_file, fsync_folder, sha256_file
from tenure.core.errors import DamagedRelease, TenureError
from tenure.core.settings import Project
from tenure.engine.protocol import Engine
from tenure.raw.audit import Finding
from tenure.raw.zone import RawZone
from tenure.warehouse.manifest import Part, ReleaseManifest, Table
from tenure.warehouse.parts import WHOLE
from tenure.warehouse.replay import recipe_of, replay
from tenure.warehouse.store import ANEW, REBUILD, ReleaseStore

SCRATCH = "repair-"
Engines = Callable[[], AbstractContextManager[Engine]]


@dataclass(frozen=True)
class Repair:
    """What became of one damaged thing. `how` says how it was repaired or, where `done` is false, why not."""

    what: str
    done: bool
    how: str


@dataclass(frozen=True)
class _Piece:
    """All parts of one partition of a table, and the folder of the release; `origin` says where it is from."""

    table: Table
    partition: str
    folder: Path
    origin: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What names it within a release."""
        return self.table.name, self.partition

    @property
    def parts(self) -> list[Part]:
        """Its parts."""
        return [part for part in self.table.parts if part.partition == self.partition]

    @property
    def bad(self) -> list[Part]:
        """Its parts that are missing or not what was published."""
        return [part for part in self.parts if not _whole(self.folder, part)]

    def like(self, other: "_Piece") -> bool:
        """Whether both hold the same rows in the same columns."""
        return (self.key, self.table.columns, self.sums) == (other.key, other.table.columns, other.sums)

    @property
    def sums(self) -> tuple[int, int]:
        """Its number of rows, and the sum of their hashes."""
        return sum(part.rows for part in self.parts), sum(int(part.checksum) for part in self.parts)

    def __str__(self) -> str:
        return self.table.name if self.partition == WHOLE else f"{self.table.name} {self.partition}"


def _pieces(manifest: ReleaseManifest, folder: Path, origin: str = "") -> list[_Piece]:
    return [
        _Piece(table, partition, folder, origin)
        for table in manifest.tables
        for partition in sorted({part.partition for part in table.parts})
    ]


@dataclass(frozen=True)
class _Patient:
    """A release with damaged parts."""

    name: str
    folder: Path
    manifest: ReleaseManifest

    def broken(self) -> list[_Piece]:
        """Pieces that have a damaged part."""
        return [piece for piece in _pieces(self.manifest, self.folder) if piece.bad]


def audit_releases(store: ReleaseStore) -> list[Finding]:
    """Every release, with what is missing or changed in it."""
    try:
        names = store.names()
    except DamagedRelease as error:
        return [Finding("releases", str(error))]
    findings: list[Finding] = []
    for name in names:
        try:
            with store.reading(name):
                problems = store.damaged(name)
        except DamagedRelease as error:
            findings.append(Finding(f"release {name}", str(error)))
        except TenureError:
            continue  # a run that is going on has pruned it
        else:
            findings.append(Finding(f"release {name}", "; ".join([*problems, REBUILD]) if problems else None))
    return findings


def repair_releases(project: Project, zone: RawZone, engine: Engines) -> list[Repair]:
    """Repair the pointer and every release that can be repaired; the caller holds the project's lock."""
    return _Clinic(project, zone, ReleaseStore(project.warehouse), engine).repair_all()


@dataclass(frozen=True)
class _Clinic:
    """Where repairs are made: the project's releases, its raw zone, and how to start an engine."""

    project: Project
    zone: RawZone
    store: ReleaseStore
    engine: Engines

    def repair_all(self) -> list[Repair]:
        """The pointer first, because it tells which releases there are; then the newest release first."""
        done = self._pointer()
        self.store.heal()
        for left in self.project.scratch.glob(f"{SCRATCH}*"):
            shutil.rmtree(left)  # of a repair that died: only the holder of the project's lock makes such folders
        for release in reversed(self.store.names()):
            try:
                done += self._release(release)
            except TenureError as error:
                done.append(Repair(f"release {release}", False, "; ".join(filter(None, [error.what, error.cure]))))
        return done

    def _pointer(self) -> list[Repair]:
        try:
            self.store.pointer()
        except DamagedRelease:
            self.store.recover()
        else:
            return []
        pointer = self.store.pointer()
        if pointer is None:
            return [Repair("CURRENT", False, f"there is no release that it could name; {ANEW}")]
        return [Repair("CURRENT", True, f"the newest release that is whole is in force: {pointer.current}")]

    def _release(self, name: str) -> list[Repair]:
        try:
            patient = _Patient(name, self.store.folder / name, self.store.manifest(name))
        except DamagedRelease as error:
            return [Repair(f"release {name}", False, f"{error.what}, and nothing else tells what it was; {ANEW}")]
        broken = patient.broken()
        copied = [repair for piece in broken for part in piece.bad for repair in self._copied(patient, part)]
        still = [piece for piece in broken if piece.bad]
        return [*copied, *(self._given(patient, still) if still else ())]

    def _copied(self, patient: _Patient, part: Part) -> list[Repair]:
        """Put a part back whose very bytes another release has in a file of its own."""
        for name, manifest in self._others(patient):
            for other in (other for table in manifest.tables for other in table.parts):
                if other.sha256 == part.sha256 and _whole(self.store.folder / name, other):
                    _put(self.store.folder / name / other.file, patient.folder / part.file)
                    return [Repair(f"release {patient.name}: {part.file}", True, f"release {name} has the same bytes")]
        return []

    def _given(self, patient: _Patient, broken: Sequence[_Piece]) -> list[Repair]:
        """Take whole pieces in place of broken ones; where bytes differ, the release gets a new name."""
        with self._donors(patient, broken) as donors:
            exact = [donor for piece, donor in zip(broken, donors, strict=True) if _put_same_bytes(piece, donor)]
            others = [donor for donor in donors if donor not in exact]
            place = f"; the release is now {self._replaced(patient, others)}" if others else ""
        return [
            *(_told(patient, donor, ", byte for byte") for donor in exact),
            *(_told(patient, donor, place) for donor in others),
        ]

    @contextmanager
    def _donors(self, patient: _Patient, broken: Sequence[_Piece]) -> Generator[list[_Piece]]:
        """A whole piece with the same rows for each broken one; raises `TenureError` when one cannot be had."""
        found = {piece.key: twin for piece in broken for twin in self._twins(patient, piece)[:1]}
        lacking = [piece for piece in broken if piece.key not in found]
        self.project.scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=SCRATCH, dir=self.project.scratch) as scratch:
            if lacking:
                found.update({donor.key: donor for donor in self._rebuilt(patient, lacking, Path(scratch))})
            yield [found[piece.key] for piece in broken]

    def _twins(self, patient: _Patient, piece: _Piece) -> list[_Piece]:
        """The same piece, whole, of other releases."""
        others = [
            other
            for name, manifest in self._others(patient)
            for other in _pieces(manifest, self.store.folder / name, f"release {name}, which has the same rows")
        ]
        return [other for other in others if other.like(piece) and not other.bad]

    def _rebuilt(self, patient: _Patient, broken: Sequence[_Piece], scratch: Path) -> list[_Piece]:
        """Broken pieces, computed again from exactly the loads, settings and business date of their release."""
        before = patient.manifest
        with self.engine() as running:
            if running.name != before.engine:
                raise TenureError(f"it was built by {before.engine}, and {running.name} writes other parts", cure=ANEW)
            built = replay(self.project, self.zone, running, recipe_of(before), scratch)
        folder = ReleaseStore(scratch).folder / built.release
        again = _pieces(built.manifest, folder, "the raw zone: computed again, with the same rows")
        donors: list[_Piece] = []
        for piece in broken:
            same = next((donor for donor in again if donor.like(piece)), None)
            if same is None:
                raise TenureError(
                    f"{piece} comes out with other rows today: since Tenure {before.tenure_version} built this "
                    f"release, {_changed_sql(before, built.manifest)}",
                    cure=f"{ANEW}; only the SQL that made this one can repair it",
                )
            donors.append(same)
        return donors

    def _replaced(self, patient: _Patient, donors: Sequence[_Piece]) -> str:
        """Publish the release again with the donors' parts in place of its own; returns its new name."""
        given = {donor.key: donor for donor in donors}
        folder = self.store.begin()
        parts: dict[str, list[Part]] = {table.name: [] for table in patient.manifest.tables}
        for piece in _pieces(patient.manifest, patient.folder):
            source = given.get(piece.key, piece)
            for part in source.parts:
                target = folder / part.file
                target.parent.mkdir(parents=True, exist_ok=True)
                _share(source.folder / part.file, target)
                parts[piece.table.name].append(part)
        tables = tuple(
            replace(table, parts=tuple(sorted(parts[table.name], key=lambda part: part.file)))
            for table in patient.manifest.tables
        )
        return self.store.replace(patient.name, folder, replace(patient.manifest, tables=tables))

    def _others(self, patient: _Patient) -> list[tuple[str, ReleaseManifest]]:
        """The other releases whose manifests can be believed, newest first."""
        found: list[tuple[str, ReleaseManifest]] = []
        for name in reversed(self.store.names()):
            try:
                found.append((name, self.store.manifest(name)))
            except DamagedRelease:
                continue  # what became of it stands in the report under its own name
        return [(name, manifest) for name, manifest in found if name != patient.name]


def _told(patient: _Patient, donor: _Piece, addition: str) -> Repair:
    return Repair(f"release {patient.name}: {donor}", True, f"taken from {donor.origin}{addition}")


def _changed_sql(before: ReleaseManifest, now: ReleaseManifest) -> str:
    """Which models are not what they were, in words."""
    made = (*now.tables, *now.views)
    names = [model.name for model in made if before.definition(model.name) != model.definition]
    return (
        f"the SQL or yml of {', '.join(sorted(names))} has changed" if names else "the engine or its functions changed"
    )


def _whole(folder: Path, part: Part) -> bool:
    path = folder / part.file
    return path.is_file() and path.stat().st_size == part.size and sha256_file(path) == part.sha256


def _put_same_bytes(piece: _Piece, donor: _Piece) -> bool:
    """Put the donor's files in place of the bad ones, if their bytes are the same; says whether they are."""
    bad = piece.bad
    given = {part.sha256: donor.folder / part.file for part in donor.parts}
    if not all(part.sha256 in given for part in bad):
        return False
    for part in bad:
        _put(given[part.sha256], piece.folder / part.file)
    return True


def _put(source: Path, target: Path) -> None:
    """Replace a file of a release at once: a reader sees the damaged one or the whole one."""
    target.parent.mkdir(exist_ok=True)
    temporary = target.with_name(f".{target.name}.tmp")
    temporary.unlink(missing_ok=True)
    _share(source, temporary)
    fsync_file(temporary)
    temporary.replace(target)
    fsync_folder(target.parent)


def _share(source: Path, target: Path) -> None:
    """The same file under another name: a hard link where the disk has them, else a copy."""
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copyfile(source, target)
