"""Reading a release: SQL over its tables, and nothing else."""

import hashlib
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Self

import pyarrow as pa

from tenure.core.durable import replace_file
from tenure.core.errors import DamagedRelease
from tenure.core.settings import Project
from tenure.engine.duckdb import DuckDBEngine
from tenure.warehouse.inputs import today_table
from tenure.warehouse.manifest import ReleaseManifest
from tenure.warehouse.store import REBUILD, ReleaseStore


@dataclass(frozen=True)
class OpenRelease:
    """One release held open: it cannot be pruned, and every query sees it and no other. Close it after use."""

    id: str
    manifest: ReleaseManifest
    minimum_group: int
    engine: DuckDBEngine
    held: ExitStack

    @property
    def business_date(self) -> date:
        """The business date it was built for."""
        return self.manifest.business_date

    @property
    def published_at(self) -> datetime:
        """When it was built, UTC."""
        return self.manifest.created_at

    def query(self, sql: str) -> pa.Table:
        """The result of one SELECT over the release's tables and `today`."""
        return self.engine.query(sql)

    def close(self) -> None:
        """Let go of the release."""
        self.held.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_release(project: Project, release: str | None = None) -> OpenRelease:
    """Open a release (by default the one in force) for reading.

    Raises `TenureError` when there is none and `DamagedRelease` when a part is not what was published.
    """
    store = ReleaseStore(project.warehouse)
    with ExitStack() as stack:
        name = stack.enter_context(store.reading(release))
        manifest = store.manifest(name)
        _verify_once(project, store, name, manifest)
        engine = DuckDBEngine(project.scratch, memory=project.settings.warehouse.memory)
        stack.callback(engine.close)
        engine.register("today", today_table(manifest.business_date))
        for table in manifest.tables:
            engine.view_of_files(table.name, [store.folder / name / part.file for part in table.parts])
        minimum = project.settings.reports.minimum_group
        return OpenRelease(name, manifest, minimum, engine, stack.pop_all())


def _verify_once(project: Project, store: ReleaseStore, release: str, manifest: ReleaseManifest) -> None:
    """Check every part against its SHA-256 the first time this machine opens the release.

    Later openings look at names and sizes only; `tenure verify` reads every byte again.
    """
    marker = project.state / "verified" / f"{release}.{_machine()}"
    if marker.exists():
        problems = [
            f"{store.folder / release / part.file}: is missing or has another size"
            for table in manifest.tables
            for part in table.parts
            if _size(store.folder / release / part.file) != part.size
        ]
    else:
        problems = store.damaged(release)
    if problems:
        raise DamagedRelease(f"release {release} is damaged: {problems[0]}", cure=REBUILD)
    if not marker.exists():
        try:
            marker.parent.mkdir(exist_ok=True)
            replace_file(marker, b"")
        except OSError:
            return  # a reader without write permission checks again next time


def _size(path: Path) -> int | None:
    return path.stat().st_size if path.is_file() else None


def _machine() -> str:
    """A short name for this machine that says nothing about it."""
    identity = Path("/etc/machine-id")
    text = identity.read_text(encoding="utf-8") if identity.is_file() else ""
    return hashlib.sha256(text.encode()).hexdigest()[:8]
