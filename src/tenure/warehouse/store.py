"""Where releases live: folders that appear whole, and one pointer that says which is in force.

A folder's name is its sequence and the first digits of its manifest's SHA-256, so a release vouches for
its own manifest, and the manifest for every part. `CURRENT` has two lines: the release in force and the
newest one published (they differ after a rollback). Folders beyond the newest are leftovers of a run
that died between naming its release and publishing it.

A release that was repaired has another manifest, hence another name, and the same sequence. Its folder
holds `replaces`, the name of the damaged one, until that one is gone: whoever finds such a file carries
the replacement to its end.
"""

import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tenure.core.durable import fsync_folder, fsync_tree, publish_folder, replace_file, sha256_file
from tenure.core.errors import DamagedRelease, TenureError, UsageError
from tenure.warehouse.manifest import ReleaseManifest, from_json, to_json

MANIFEST = "manifest.json"
REPLACES = "replaces"
ANEW = "tenure build --full makes a new release of all that is loaded"
REBUILD = f"tenure verify --repair rebuilds it from the raw zone; {ANEW}"

_NAME = re.compile(r"[0-9]{6,}-[0-9a-f]{16}")


@dataclass(frozen=True)
class Pointer:
    """What `CURRENT` says."""

    current: str
    newest: str


@dataclass(frozen=True)
class Size:
    """Bytes of a release on disk: its `own`, which go when it goes, and those `shared` with other folders."""

    own: int
    shared: int


@dataclass(frozen=True)
class Pruned:
    """A release that was deleted, and the bytes that this freed."""

    release: str
    freed: int


def _sequence(release: str) -> int:
    return int(release.split("-", 1)[0])


class ReleaseStore:
    """The releases of one project; only the holder of the project's lock may write."""

    def __init__(self, warehouse: Path) -> None:
        self.folder = warehouse / "releases"
        self._pointer = warehouse / "CURRENT"
        self._link = warehouse / "current"

    def pointer(self) -> Pointer | None:
        """Which release is in force, None before the first was published."""
        try:
            lines = self._pointer.read_text(encoding="utf-8", errors="replace").split()
        except FileNotFoundError:
            return None
        if len(lines) != 2 or not all(_NAME.fullmatch(line) for line in lines):
            raise DamagedRelease("does not name two releases", where=str(self._pointer), cure=REBUILD)
        return Pointer(lines[0], lines[1])

    def names(self) -> list[str]:
        """Published releases, oldest first."""
        pointer = self.pointer()
        if pointer is None:
            return []
        replaced = self._replaced()
        newest = _sequence(pointer.newest)
        return [name for name in self._folders() if _sequence(name) <= newest and name not in replaced]

    def _folders(self) -> list[str]:
        """Folders that have a release's name, by sequence."""
        if not self.folder.is_dir():
            return []
        found = (path.name for path in self.folder.iterdir() if _NAME.fullmatch(path.name) and path.is_dir())
        return sorted(found, key=lambda name: (_sequence(name), name))

    def named(self, text: str) -> str:
        """The published release that a person means: by its name, or by its sequence number alone."""
        names = self.names()
        if text in names:
            return text
        found = [name for name in names if text.isdecimal() and _sequence(name) == int(text)]
        if len(found) != 1:
            raise _no_release(text)
        return found[0]

    def manifest(self, release: str) -> ReleaseManifest:
        """The manifest of a release, checked against the release's name."""
        path = self.folder / release / MANIFEST
        try:
            content = path.read_bytes()
        except OSError as error:
            raise DamagedRelease(f"has no manifest: {error.strerror}", where=str(path), cure=ANEW) from error
        if hashlib.sha256(content).hexdigest()[:16] != release.split("-", 1)[1]:
            raise DamagedRelease("the manifest's bytes have changed", where=str(path), cure=ANEW)
        try:
            return from_json(content)
        except ValueError as error:  # its bytes are as they were published, so it was another Tenure that wrote them
            raise DamagedRelease("was written by a Tenure of another version", where=str(path), cure=ANEW) from error

    def heal(self) -> None:
        """Put right what runs that died left behind, and point the link at the release in force."""
        if not self.folder.is_dir():
            return
        if self.pointer() is None:
            self.recover()
        self._finish_replacements()
        self._expect_named_releases()
        kept = set(self.names())
        for path in list(self.folder.iterdir()):
            if path.name in kept:
                continue
            if _NAME.fullmatch(path.name):
                self.discard(path.name)
            else:
                shutil.rmtree(path)
        pointer = self.pointer()
        if pointer:
            self._point_link(pointer.current)

    def recover(self) -> None:
        """Where `CURRENT` is lost or cannot be read, put the newest whole release in force; else begin anew."""
        try:
            if self.pointer() is not None:
                self._expect_named_releases()
                return
        except DamagedRelease:
            pass  # what it said is lost: the folders tell what was published
        found = self._folders()
        whole = next((name for name in reversed(found) if not self._manifest_problem(name)), None)
        if whole:
            self._point(Pointer(whole, found[-1]))
        else:
            self._pointer.unlink(missing_ok=True)
            self._link.unlink(missing_ok=True)

    def _expect_named_releases(self) -> None:
        """Before anything is removed: a pointer with a changed bit must not make releases look unpublished."""
        pointer = self.pointer()
        for name in (pointer.current, pointer.newest) if pointer else ():
            if not (self.folder / name).is_dir():
                what = f"names the release {name}, which is not there"
                raise DamagedRelease(what, where=str(self._pointer), cure=REBUILD)

    def _manifest_problem(self, release: str) -> str | None:
        try:
            self.manifest(release)
        except DamagedRelease as error:
            return error.what
        return None

    def begin(self) -> Path:
        """An empty folder to build the next release in."""
        self.folder.mkdir(parents=True, exist_ok=True)
        folder = self.folder / ".building"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return folder

    def next_sequence(self) -> int:
        """The sequence number of the next release."""
        pointer = self.pointer()
        return _sequence(pointer.newest) + 1 if pointer else 1

    def publish(self, building: Path, manifest: ReleaseManifest) -> str:
        """Make a built folder the release in force: everything to disk, the name, then the pointer."""
        release = self._name(building, manifest)
        self._point(Pointer(release, release))
        return release

    def replace(self, damaged: str, repaired: Path, manifest: ReleaseManifest) -> str:
        """Put a repaired folder in the place of a damaged release, which keeps its sequence; returns the new name.

        The commit point is the new folder's name: from then on `heal` ends what was begun. The damaged
        folder stays for as long as it is being read.
        """
        replace_file(repaired / REPLACES, damaged.encode())
        release = self._name(repaired, manifest)
        self._finish_replacements()
        return release

    def _name(self, folder: Path, manifest: ReleaseManifest) -> str:
        """Force a folder and its manifest to disk, then give it its name."""
        content = to_json(manifest)
        release = f"{manifest.sequence:06d}-{hashlib.sha256(content).hexdigest()[:16]}"
        replace_file(folder / MANIFEST, content)
        fsync_tree(folder)
        publish_folder(folder, self.folder / release)
        fsync_folder(self.folder.parent)
        return release

    def _replaced(self) -> dict[str, str]:
        """Damaged releases that are still there, and the repaired one of each."""
        pairs: dict[str, str] = {}
        for name in self._folders():
            old = self._marked(name)
            if old and (self.folder / old).is_dir():
                pairs[old] = name
        return pairs

    def _marked(self, release: str) -> str | None:
        """What the folder of a release says it replaces; None for none and for anything but a release."""
        marker = self.folder / release / REPLACES
        text = marker.read_text(encoding="utf-8", errors="replace") if marker.is_file() else ""
        return text if _NAME.fullmatch(text) and text != release else None

    def _finish_replacements(self) -> None:
        """Lead the pointer from damaged releases to repaired ones, then delete the damaged ones."""
        replaced = self._replaced()
        pointer = self.pointer()
        if pointer and {pointer.current, pointer.newest} & replaced.keys():
            current, newest = (replaced.get(name, name) for name in (pointer.current, pointer.newest))
            self._point(Pointer(current, newest))
        held = {old for old in replaced if not self.discard(old)}
        for name in self._folders():
            if self._marked(name) not in held:
                (self.folder / name / REPLACES).unlink(missing_ok=True)

    def rollback(self, release: str) -> None:
        """Put an older (or newer) published release in force."""
        pointer = self.pointer()
        if pointer is None or release not in self.names():
            raise _no_release(release)
        self.manifest(release)
        self._point(Pointer(release, pointer.newest))

    def _point(self, pointer: Pointer) -> None:
        replace_file(self._pointer, f"{pointer.current}\n{pointer.newest}\n".encode())
        self._point_link(pointer.current)

    def _point_link(self, release: str) -> None:
        """Keep the link `current` for tools that follow links; the pointer file rules."""
        target = f"releases/{release}"
        if self._link.is_symlink() and self._link.readlink() == Path(target):
            return
        temporary = self._link.with_name(".current.tmp")
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(target)
        temporary.replace(self._link)

    def prune(self, keep: int) -> list[Pruned]:
        """Delete all but the newest `keep` releases, never the one in force nor one that is being read."""
        pointer = self.pointer()
        removed: list[Pruned] = []
        for release in self.names()[:-keep]:
            if pointer is None or release == pointer.current:
                continue
            freed = self.size(release).own
            if self.discard(release):
                removed.append(Pruned(release, freed))
        return removed

    def size(self, release: str) -> Size:
        """How much room a release takes; a file with other hard links is shared."""
        states = [path.stat() for path in (self.folder / release).rglob("*") if path.is_file()]
        own = sum(state.st_size for state in states if state.st_nlink == 1)
        return Size(own, sum(state.st_size for state in states) - own)

    def discard(self, release: str) -> bool:
        """Delete a release, whatever it is, unless it is being read; says whether it went.

        Its name goes first, so nobody finds half of it.
        """
        folder = self.folder / release
        doomed = self.folder / f".pruned-{release}"
        try:
            handle = (folder / MANIFEST).open("rb")
        except FileNotFoundError:
            folder.rename(doomed)  # a release without manifest cannot be held
        else:
            with handle:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    return False
                folder.rename(doomed)
        fsync_folder(self.folder)
        shutil.rmtree(doomed)
        return True

    @contextmanager
    def reading(self, release: str | None = None) -> Generator[str]:
        """Hold a release (by default the one in force) so that it cannot be pruned; gives its name."""
        while True:
            pointer = self.pointer()
            if pointer is None:
                raise TenureError(
                    "there is no release yet", where=str(self.folder.parent), cure="make one with: tenure run"
                )
            name = release or pointer.current
            try:
                handle = (self.folder / name / MANIFEST).open("rb")
            except FileNotFoundError:
                again = self.pointer()
                if release is None and again != pointer:
                    continue  # it was pruned between reading the pointer and opening it
                if release is not None and not (self.folder / name).is_dir():
                    raise _no_release(release) from None
                raise DamagedRelease(
                    "the release's folder or manifest is missing", where=str(self.folder / name), cure=REBUILD
                ) from None
            with handle:
                fcntl.flock(handle, fcntl.LOCK_SH)
                if os.fstat(handle.fileno()).st_nlink and (self.folder / name / MANIFEST).exists():
                    yield name
                    return

    def damaged(self, release: str) -> list[str]:
        """Parts of a release that are missing or whose bytes have changed, each named with what is wrong."""
        parts = [part for table in self.manifest(release).tables for part in table.parts]
        paths = [self.folder / release / part.file for part in parts]
        # Hashing lets other threads run.
        with ThreadPoolExecutor(os.cpu_count()) as readers:
            found = readers.map(_sha256, paths)
            states = zip(paths, parts, found, strict=True)
            return [
                f"{path}: {'is missing' if sha256 is None else 'its bytes have changed'}"
                for path, part, sha256 in states
                if sha256 != part.sha256
            ]


def _sha256(path: Path) -> str | None:
    return sha256_file(path) if path.is_file() else None


def _no_release(name: str) -> UsageError:
    return UsageError(f"there is no release {name}", cure="tenure releases list shows those there are")
