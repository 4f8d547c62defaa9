"""The raw zone: each load a folder of its own, written once, never changed.

`<source>/<load_id>/data.parquet` holds the typed records, `quarantine.parquet` those that broke the
contract, `manifest.json` where they came from, the account of them and the hashes of both files. A
folder counts only once the state database knows it; any other is a leftover of a run that died.
"""

import hashlib
import re
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa

from tenure.core.clock import now
from tenure.core.durable import fsync_folder, fsync_tree, publish_folder, replace_file, sha256_file
from tenure.core.errors import TenureError
from tenure.raw.manifest import LoadManifest, from_json, to_json
from tenure.raw.settled import Settled
from tenure.raw.state import LoadRecord, StateDatabase

DATA = "data.parquet"
QUARANTINE = "quarantine.parquet"
MANIFEST = "manifest.json"
STATE = "state.sqlite"
_LOAD_ID = re.compile(r"L[0-9]{8,}")

QUARANTINE_SCHEMA = pa.schema(
    [
        ("row", pa.int64()),
        ("column", pa.string()),
        ("rule", pa.string()),
        ("reason", pa.string()),
        ("record", pa.binary()),
    ]
)


@dataclass(frozen=True)
class Ticket:
    """A load about to be made: its number, its name, the instant it will be recorded at, where to write it."""

    sequence: int
    load_id: str
    recorded_at: datetime
    folder: Path


class RawZone:
    """Reads and writes the raw zone of one project; writing needs the project's lock."""

    def __init__(self, folder: Path, state: StateDatabase) -> None:
        self.folder = folder
        self.state = state

    def path(self, load: LoadRecord) -> Path:
        """The folder of a committed load."""
        return self.folder / load.source / load.load_id

    def heal(self) -> list[str]:
        """Remove what runs that died left behind; returns the names of the folders removed.

        A run that died leaves at most one load that it had not committed: the next in number. Others mean that
        the state database has lost its memory: then nothing is removed and `TenureError` is raised.
        """
        if not self.folder.is_dir():
            return []
        known = {(load.source, load.load_id) for load in self.state.loads()}
        sources = sorted(path for path in self.folder.iterdir() if path.is_dir())
        entries = [entry for source in sources for entry in sorted(source.iterdir())]
        left = [entry for entry in entries if (entry.parent.name, entry.name) not in known]
        following = f"L{self.state.next_sequence():08d}"
        forgotten = [entry for entry in left if _LOAD_ID.fullmatch(entry.name) and entry.name != following]
        if forgotten:
            raise _forgotten(len(forgotten), self.folder.parent / STATE)
        for entry in left:
            shutil.rmtree(entry)
        return [f"{entry.parent.name}/{entry.name}" for entry in left]

    def begin(self, source: str) -> Ticket:
        """A folder to write the next load into. Recorded time never runs backwards, whatever the clock does."""
        sequence = self.state.next_sequence()
        last = self.state.last_recorded_at()
        recorded_at = max(now(), last + timedelta(microseconds=1)) if last else now()
        load_id = f"L{sequence:08d}"
        parent = self.folder / source
        parent.mkdir(parents=True, exist_ok=True)
        fsync_folder(self.folder)
        folder = parent / f".writing-{load_id}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return Ticket(sequence, load_id, recorded_at, folder)

    def commit(self, ticket: Ticket, manifest: LoadManifest, stamp: str, settled: Sequence[Settled] = ()) -> LoadRecord:
        """Force a written load to disk, name it and commit it; returns its record with the manifest's hash.

        `settled`: the quarantined records that it takes in; they are settled if and only if the load exists.
        """
        files = {name: sha256_file(ticket.folder / name) for name in (DATA, QUARANTINE)}
        content = to_json(replace(manifest, files=files))
        replace_file(ticket.folder / MANIFEST, content)
        fsync_tree(ticket.folder)
        publish_folder(ticket.folder, self.path(manifest.load))
        committed = replace(manifest.load, manifest_sha256=hashlib.sha256(content).hexdigest())
        self.state.commit(committed, stamp, settled)
        return committed

    def discard(self, ticket: Ticket) -> None:
        """Forget a load that was begun and will not be committed."""
        shutil.rmtree(ticket.folder, ignore_errors=True)

    def manifest(self, load: LoadRecord) -> LoadManifest:
        """The manifest of a load; raises `TenureError` when it is not the one that was committed."""
        path = self.path(load) / MANIFEST
        if not path.is_file() or sha256_file(path) != load.manifest_sha256:
            raise TenureError("the manifest of this load is damaged or missing", where=str(path), cure=RESTORE)
        return from_json(path.read_bytes())

    def damaged(self, loads: Iterable[LoadRecord]) -> list[str]:
        """Files of these loads that are missing or whose bytes have changed, each named with what is wrong."""
        problems: list[str] = []
        for load in loads:
            try:
                files = self.manifest(load).files
            except TenureError as error:
                problems.append(f"{error.where}: {error.what}")
                continue
            for name, expected in files.items():
                path = self.path(load) / name
                if not path.is_file():
                    problems.append(f"{path}: is missing")
                elif sha256_file(path) != expected:
                    problems.append(f"{path}: its bytes have changed")
        return problems


def expect_state(folder: Path, state: Path) -> None:
    """Raises `TenureError` when the state database is gone or empty although there are loads."""
    if state.is_file() and state.stat().st_size:
        return
    loads = [entry for entry in folder.glob("*/*") if _LOAD_ID.fullmatch(entry.name)]
    if loads:
        raise _forgotten(len(loads), state)


def _forgotten(number: int, state: Path) -> TenureError:
    return TenureError(
        f"the raw zone holds {number} loads that the state database does not know; nothing was removed",
        where=str(state),
        cure="restore state.sqlite from a backup that is as new as the raw zone",
    )


RESTORE = "restore the file from a backup: raw loads are the one thing that cannot be rebuilt"
