"""Where releases live: folders that appear whole, and one pointer that says which is in force.

A folder's name is its sequence and the first digits of its manifest's SHA-256, so a release vouches for
its own manifest, and the manifest for every part. `CURRENT` has two lines: the release in force and the
newest one published (they differ after a rollback). Folders beyond the newest are leftovers of a run
that died between naming its release and publishing it.
"""

import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tenure.core.durable import fsync_folder, fsync_tree, publish_folder, replace_file, sha256_file
from tenure.core.errors import DamagedRelease, TenureError
from tenure.warehouse.manifest import ReleaseManifest, from_json, to_json

MANIFEST = "manifest.json"
REBUILD = "rebuild it from the raw zone with: tenure build --full"


_NAME = re.compile(r"[0-9]{6,}-[0-9a-f]{16}")


@dataclass(frozen=True)
class Pointer:
    """What `CURRENT` says."""

    current: str
    newest: str


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
        found = (path.name for path in self.folder.iterdir() if path.is_dir() and path.name[0].isdigit())
        return sorted(name for name in found if _sequence(name) <= _sequence(pointer.newest))

    def manifest(self, release: str) -> ReleaseManifest:
        """The manifest of a release, checked against the release's name."""
        path = self.folder / release / MANIFEST
        try:
            content = path.read_bytes()
        except OSError as error:
            raise DamagedRelease(f"has no manifest: {error.strerror}", where=str(path), cure=REBUILD) from error
        if hashlib.sha256(content).hexdigest()[:16] != release.split("-", 1)[1]:
            raise DamagedRelease("the manifest's bytes have changed", where=str(path), cure=REBUILD)
        return from_json(content)

    def heal(self) -> None:
        """Remove what runs that died left behind, and point the link at the release in force."""
        if not self.folder.is_dir():
            return
        kept = set(self.names())
        for path in self.folder.iterdir():
            if path.name not in kept:
                shutil.rmtree(path)
        pointer = self.pointer()
        if pointer:
            self._point_link(pointer.current)

    def recover(self) -> None:
        """Where `CURRENT` cannot be read, put the newest whole release in force; without one, begin anew."""
        try:
            self.pointer()
        except DamagedRelease:
            found = sorted((path.name for path in self.folder.iterdir() if path.name[0].isdigit()), reverse=True)
            whole = next((name for name in found if not self._manifest_problem(name)), None)
            if whole:
                self._point(Pointer(whole, found[0]))
            else:
                self._pointer.unlink()

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
        content = to_json(manifest)
        release = f"{manifest.sequence:06d}-{hashlib.sha256(content).hexdigest()[:16]}"
        replace_file(building / MANIFEST, content)
        fsync_tree(building)
        publish_folder(building, self.folder / release)
        fsync_folder(self.folder.parent)
        self._point(Pointer(release, release))
        return release

    def rollback(self, release: str) -> None:
        """Put an older (or newer) published release in force."""
        pointer = self.pointer()
        if pointer is None or release not in self.names():
            raise TenureError(f"there is no release {release}", cure="tenure releases list shows those there are")
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

    def prune(self, keep: int) -> list[str]:
        """Delete all but the newest `keep` releases, never the one in force nor one that is being read."""
        pointer = self.pointer()
        removed: list[str] = []
        for release in self.names()[:-keep]:
            if pointer is None or release == pointer.current:
                continue
            with (self.folder / release / MANIFEST).open("rb") as handle:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                doomed = self.folder / f".pruned-{release}"
                (self.folder / release).rename(doomed)
            shutil.rmtree(doomed)
            removed.append(release)
        return removed

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
        problems: list[str] = []
        for table in self.manifest(release).tables:
            for part in table.parts:
                path = self.folder / release / part.file
                if not path.is_file():
                    problems.append(f"{path}: is missing")
                elif sha256_file(path) != part.sha256:
                    problems.append(f"{path}: its bytes have changed")
        return problems
