"""Reading a release: SQL over its tables and views, and nothing else."""

import hashlib
import re
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Self

import pyarrow as pa

from tenure.core.durable import replace_file
from tenure.core.errors import BuildError, DamagedRelease, UsageError
from tenure.core.settings import Project, Settings
from tenure.core.wording import alike
from tenure.engine.duckdb import DuckDBEngine
from tenure.raw.state import StateDatabase
from tenure.raw.zone import RawZone
from tenure.warehouse.inputs import INPUTS, register_inputs, today_table
from tenure.warehouse.manifest import ReleaseManifest
from tenure.warehouse.raw_views import project_types, raw_loads
from tenure.warehouse.store import REBUILD, ReleaseStore


@dataclass
class _Views:
    """The views of a release and the raw loads they read: shown only once a query asks for one of them."""

    project: Project
    manifest: ReleaseManifest
    engine: DuckDBEngine
    shown: bool = field(default=False)

    def show_for(self, sql: str) -> None:
        """Make them visible if the SQL may name one."""
        names = "|".join([*INPUTS, *self.manifest.inputs, *(view.name for view in self.manifest.views)])
        if self.shown or not re.search(rf"\b({names})\b", sql, flags=re.IGNORECASE):
            return
        zone = RawZone(self.project.raw, StateDatabase(self.project.state / "state.sqlite"))
        loads = raw_loads(zone, self.manifest.loads)
        settings = Settings.model_validate(self.manifest.settings)
        register_inputs(self.engine, loads, project_types(loads), settings, self.manifest.business_date)
        for view in self.manifest.views:
            self.engine.view(view.name, view.sql)
        self.shown = True


@dataclass(frozen=True)
class OpenRelease:
    """One release held open: it cannot be pruned, and every query sees it and no other. Close it after use."""

    id: str
    manifest: ReleaseManifest
    minimum_group: int
    engine: DuckDBEngine
    held: ExitStack
    views: _Views

    @property
    def business_date(self) -> date:
        """The business date it was built for."""
        return self.manifest.business_date

    @property
    def published_at(self) -> datetime:
        """When it was built, UTC."""
        return self.manifest.created_at

    def query(self, sql: str) -> pa.Table:
        """The result of one SELECT over the release's tables and views and `today`."""
        self.views.show_for(sql)
        return self.engine.query(sql)

    def ask(self, sql: str) -> pa.Table:
        """The result of one question a person typed; raises `UsageError` for anything that is not a question."""
        self.views.show_for(sql)
        try:
            return self.engine.ask(sql)
        except BuildError as error:
            raise self._unknown_name(error.what) or error from None

    def _unknown_name(self, said: str) -> UsageError | None:
        """What to say instead of the engine's words, where a table or column is not there."""
        tables = [*self.manifest.tables, *self.manifest.views]
        if found := re.search(r"Table with name (\w+) does not exist", said):
            near = alike(found[1], [*(table.name for table in tables), *INPUTS], 3)
            return UsageError(f"there is no table {found[1]}", cure=f'{near}tenure sql "SHOW TABLES" lists them')
        if found := re.search(r'Referenced column "(\w+)" not found', said):
            near = alike(found[1], {column.name for table in tables for column in table.columns}, 3)
            what = f"no table of the question has a column {found[1]}"
            return UsageError(what, cure=f'{near}tenure sql "DESCRIBE TABLE" lists the columns of a table')
        return None

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
        views = _Views(project, manifest, engine)
        return OpenRelease(name, manifest, minimum, engine, stack.pop_all(), views)


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
