"""What changed between two releases and why: loads, settings, definitions; tables, columns, rows; headline figures."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, cast

from tenure.core.errors import TenureError, UsageError
from tenure.core.settings import Project
from tenure.raw.state import LoadRecord, StateDatabase
from tenure.raw.zone import RawZone
from tenure.warehouse.compare import NO_CHANGES, RowChanges, Side, compare_rows
from tenure.warehouse.graph import references
from tenure.warehouse.manifest import ReleaseManifest, Table
from tenure.warehouse.models import Model, ProjectTypes, read_models
from tenure.warehouse.project_models import read_project_models
from tenure.warehouse.raw_views import project_types, raw_loads
from tenure.warehouse.releases import OpenRelease, open_release
from tenure.warehouse.reports import ReportResult, Value, run_report
from tenure.warehouse.store import ReleaseStore

DEFINITION = "its definition"
HEADLINES = "key_figures"
Status = Literal["added", "removed", "changed", "unchanged"]


@dataclass(frozen=True)
class Facts:
    """What a release says of itself."""

    release: str
    created_at: datetime
    business_date: date
    engine: str
    tenure_version: str
    loads: int


@dataclass(frozen=True)
class LoadEntry:
    """A load that only one of the two releases has. `rows` is how many records it brought."""

    load_id: str
    source: str
    delivery: str
    rows: int


@dataclass(frozen=True)
class SettingChange:
    """A setting by its place in `tenure.toml` ("clv.discount_rate"); None where a release does not know it."""

    name: str
    before: object
    after: object


@dataclass(frozen=True)
class ColumnChange:
    """A column that came, went or has another type; the type is None where it is not there."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class TableChange:
    """How one table differs.

    `why` names what is not as it was: "its definition", or tables and inputs that it reads. A table may be
    unchanged though something above it changed; then `why` is not empty and `status` is unchanged.
    """

    name: str
    status: Status
    rows_before: int | None
    rows_after: int | None
    rows: RowChanges
    columns: tuple[ColumnChange, ...]
    why: tuple[str, ...]


@dataclass(frozen=True)
class Figure:
    """A headline figure of the newest month in both releases; None where a release has none."""

    name: str
    title: str
    unit: str | None
    before: Value
    after: Value


@dataclass(frozen=True)
class ReleaseDiff:
    """All that differs between two releases. `definitions` names tables and views whose SQL or yml changed."""

    before: Facts
    after: Facts
    loads_added: tuple[LoadEntry, ...]
    loads_removed: tuple[LoadEntry, ...]
    settings: tuple[SettingChange, ...]
    definitions: tuple[str, ...]
    tables: tuple[TableChange, ...]
    figures: tuple[Figure, ...]

    @property
    def changed(self) -> tuple[TableChange, ...]:
        """Tables that are not the same in both."""
        return tuple(table for table in self.tables if table.status != "unchanged")


def release_pair(store: ReleaseStore, before: str | None = None, after: str | None = None) -> tuple[str, str]:
    """The two releases to compare: by default the one in force and the one before it."""
    pointer = store.pointer()
    if pointer is None:
        raise TenureError("there is no release yet", where=str(store.folder.parent), cure="make one with: tenure run")
    last = store.named(after) if after else pointer.current
    if before:
        first = store.named(before)
    else:
        names = store.names()
        older = names[: names.index(last)]
        if not older:
            raise TenureError(
                f"no release is kept that is older than {last}", cure="the next tenure run makes one more"
            )
        first = older[-1]
    if first == last:
        raise UsageError(f"{first} is the release in force", cure="name another one, or two: tenure releases diff A B")
    return first, last


def diff_releases(project: Project, before: str, after: str) -> ReleaseDiff:
    """Compare two releases. Raises `TenureError` when one is not there, is damaged or cannot be read."""
    with open_release(project, before) as old, open_release(project, after) as new:
        known = {load.load_id: load for load in StateDatabase(project.state / "state.sqlite").loads()}
        graph = _graph(project, old.manifest, new.manifest)
        names = {made.name for said in (old.manifest, new.manifest) for made in (*said.tables, *said.views)}
        return ReleaseDiff(
            before=_facts(old),
            after=_facts(new),
            loads_added=_only(new.manifest.loads, old.manifest.loads, known),
            loads_removed=_only(old.manifest.loads, new.manifest.loads, known),
            settings=_settings(old.manifest.settings, new.manifest.settings),
            definitions=tuple(name for name in sorted(names) if graph.redefined(name)),
            tables=_tables(project, old, new, graph),
            figures=_figures(old, new),
        )


def _facts(release: OpenRelease) -> Facts:
    said = release.manifest
    return Facts(release.id, said.created_at, said.business_date, said.engine, said.tenure_version, len(said.loads))


def _only(one: Mapping[str, str], other: Mapping[str, str], known: Mapping[str, LoadRecord]) -> tuple[LoadEntry, ...]:
    """Loads that only one release has, in the order they were recorded; those no longer recorded say so."""
    entries: list[LoadEntry] = []
    for load_id in sorted(one.keys() - other.keys()):
        load = known.get(load_id)
        entries.append(
            LoadEntry(load_id, load.source, load.delivery, load.loaded)
            if load
            else LoadEntry(load_id, "no longer recorded", "", 0)
        )
    return tuple(entries)


def _settings(before: Mapping[str, object], after: Mapping[str, object]) -> tuple[SettingChange, ...]:
    old, new = _flat(before), _flat(after)
    names = sorted(old.keys() | new.keys())
    return tuple(SettingChange(name, old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name))


def _flat(settings: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    flat: dict[str, object] = {}
    for name, value in settings.items():
        if isinstance(value, dict):
            flat.update(_flat(cast("Mapping[str, object]", value), f"{prefix}{name}."))
        else:
            flat[f"{prefix}{name}"] = value
    return flat


@dataclass(frozen=True)
class _Graph:
    """Which tables, views and inputs differ between two releases, and which models read them today."""

    before: ReleaseManifest
    after: ReleaseManifest
    reads: Mapping[str, set[str]]
    keys: Mapping[str, tuple[str, ...]]

    def redefined(self, name: str) -> bool:
        """Whether both releases have this table or view, by different definitions."""
        old, new = self.before.definition(name), self.after.definition(name)
        return old is not None and new is not None and old != new

    def differs(self, name: str) -> bool:
        """Whether a model that reads this would have found something else."""
        old, new = self.before.table(name), self.after.table(name)
        if old or new:
            return not (old and new and _same(old, new))
        if name in self.before.inputs or name in self.after.inputs:
            return self.before.inputs.get(name) != self.after.inputs.get(name)
        return self.redefined(name) or any(self.differs(above) for above in self.reads.get(name, ()))

    def why(self, name: str) -> tuple[str, ...]:
        """What a table's rows depend on directly and that is not as it was."""
        own = (DEFINITION,) if self.redefined(name) else ()
        return (*own, *(above for above in sorted(self.reads.get(name, ())) if self.differs(above)))


def _graph(project: Project, before: ReleaseManifest, after: ReleaseManifest) -> _Graph:
    models = _models(project)
    reads = {model.name: references(model) for model in models}
    return _Graph(before, after, reads, {model.name: model.description.key for model in models})


def _models(project: Project) -> list[Model]:
    """Today's models; without those of the project when they cannot be read now. Rows are compared all the same."""
    own = read_models(ProjectTypes({}, {}))
    if not (project.root / "models").is_dir():
        return own
    try:
        types = project_types(raw_loads(RawZone(project.raw, StateDatabase(project.state / "state.sqlite"))))
        return [*own, *read_project_models(project.root, types)]
    except TenureError:
        return own


def _same(old: Table, new: Table) -> bool:
    return old.content_hash == new.content_hash and old.columns == new.columns


def _tables(project: Project, old: OpenRelease, new: OpenRelease, graph: _Graph) -> tuple[TableChange, ...]:
    names = {table.name for release in (old, new) for table in release.manifest.tables}
    folder = ReleaseStore(project.warehouse).folder
    changes: list[TableChange] = []
    for name in sorted(names):
        was, now = old.manifest.table(name), new.manifest.table(name)
        why = graph.why(name)
        if was and now:
            rows = NO_CHANGES
            if not _same(was, now):
                sides = Side(was, folder / old.id), Side(now, folder / new.id)
                rows = compare_rows(new.engine, *sides, graph.keys.get(name, ()))
            status: Status = "unchanged" if _same(was, now) else "changed"
            changes.append(TableChange(name, status, was.rows, now.rows, rows, _columns(was, now), why))
        elif now:
            changes.append(TableChange(name, "added", None, now.rows, RowChanges(now.rows, 0), (), why))
        elif was:
            changes.append(TableChange(name, "removed", was.rows, None, RowChanges(0, was.rows), (), why))
    return tuple(changes)


def _columns(was: Table, now: Table) -> tuple[ColumnChange, ...]:
    old = {column.name: column.type for column in was.columns}
    new = {column.name: column.type for column in now.columns}
    names = [*old, *(name for name in new if name not in old)]
    return tuple(ColumnChange(name, old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name))


def _figures(old: OpenRelease, new: OpenRelease) -> tuple[Figure, ...]:
    """The newest month's headline figures, by today's report; none where a release has no such tables."""
    was, now = _headlines(old), _headlines(new)
    if was is None or now is None:
        return ()
    rows = [result.rows[-1] if result.rows else (None,) * len(result.columns) for result in (was, now)]
    return tuple(
        Figure(column.name, column.title, column.unit, before, after)
        for column, before, after in zip(now.columns, *rows, strict=True)
    )


def _headlines(release: OpenRelease) -> ReportResult | None:
    """None where today's report cannot be asked: a release of another version may lack a column it needs."""
    try:
        return run_report(release, HEADLINES)
    except TenureError:
        return None
