"""Builds the models in their order into one folder, at the cost of what changed since the release in force."""

import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

import tenure
from tenure.core.clock import now
from tenure.core.errors import BuildError, DamagedRelease, TenureError
from tenure.core.settings import Project
from tenure.engine.protocol import Engine
from tenure.raw.zone import RESTORE, RawZone
from tenure.warehouse.changes import EVERYTHING, NOTHING, Change, Decision, assumed, decide
from tenure.warehouse.checks import checks_of, run_checks
from tenure.warehouse.graph import ordered, references, selected, words_of
from tenure.warehouse.increment import Worked, compare, increment, restrictions, since, too_many, touched_values
from tenure.warehouse.inputs import Inputs, input_names, register_inputs
from tenure.warehouse.locality import expect_promises
from tenure.warehouse.manifest import ReleaseManifest, Table, View
from tenure.warehouse.models import Model, read_models
from tenure.warehouse.parts import PartWriter, expect_columns, same_partitions, share, table_of
from tenure.warehouse.project_models import read_project_models
from tenure.warehouse.raw_views import project_types, raw_loads, register_changed_raw
from tenure.warehouse.slices import Lookup, Slices, Touched
from tenure.warehouse.store import REBUILD, Pointer, ReleaseStore

_COMPARED = 2_000_000
"""A table made anew is compared with the one before, so that others can follow it, up to so many rows of both."""


@dataclass(frozen=True)
class BuildRequest:
    """What to build: the business date, everything anew (`full`), or some models anew (`select`).

    `loads` restricts the build to these loads (id → SHA-256 of the manifest); None means all that are committed.
    """

    run_id: str
    business_date: date
    full: bool = False
    select: tuple[str, ...] = ()
    loads: Mapping[str, str] | None = None
    progress: Callable[[str, int, int], None] = lambda name, done, total: None


@dataclass(frozen=True)
class BuildPlan:
    """What a build would do: every model in order, and what is decided about it before anything is computed.

    A table that is computed may turn out the same as before; models that read it are then kept after all.
    """

    order: tuple[Model, ...]
    decisions: dict[str, Decision]
    reads: dict[str, set[str]]
    inputs: Inputs
    before: ReleaseManifest | None
    changes: dict[str, Change]
    forced: frozenset[str]

    @property
    def computed(self) -> tuple[str, ...]:
        """Models that are not kept as they are, in order."""
        return tuple(model.name for model in self.order if self.decisions[model.name].action != "keep")

    @property
    def followed(self) -> set[str]:
        """Tables and inputs whose changed rows some model wants to know."""
        return {name for model in self.order for name in model.description.follows}

    @property
    def lookups(self) -> dict[tuple[str, str], Lookup]:
        """How models that may be worked in look for rows of a table by one of its columns, all of them together."""
        found: dict[tuple[str, str], Lookup] = {}
        for model in (model for model in self.order if self.decisions[model.name].action != "keep"):
            for name, column in model.description.follows.items():
                times = len(re.findall(rf"\b{name}\b", model.sql))
                found[name, column] = found.get((name, column), Lookup()).also(times, words_of(model))
        return found

    def is_redefined(self, model: Model) -> bool:
        """Whether a model, or one of its tests, is not what it was in the release before."""
        return self.before is None or self.before.definition(model.name) != model.definition

    @property
    def gone(self) -> set[str]:
        """Tables and views of the release before that no model makes any more."""
        held = (*self.before.tables, *self.before.views) if self.before else ()
        return {entry.name for entry in held} - {model.name for model in self.order}


@dataclass(frozen=True)
class BuildResult:
    """The release in force after a build, what was done about each model, and whether anything was published.

    `business_date_before` is that of the release that was in force until then.
    """

    release: str
    manifest: ReleaseManifest
    decisions: dict[str, Decision]
    published: bool
    business_date_before: date | None = None

    @property
    def computed(self) -> tuple[str, ...]:
        """Models that were computed, in whole or in part, by name."""
        return tuple(sorted(name for name, decision in self.decisions.items() if decision.action != "keep"))


def plan(project: Project, zone: RawZone, engine: Engine, request: BuildRequest) -> BuildPlan:
    """Register the inputs, order the models and decide, as far as can be known, what to do about each."""
    loads = raw_loads(zone, request.loads)
    types = project_types(loads)
    inputs = register_inputs(engine, loads, types, project.settings, request.business_date)
    models = [*read_models(types), *read_project_models(project.root, types)]
    reads = {model.name: references(model) for model in models}
    order = ordered(models, reads, input_names(types))
    before = _before(ReleaseStore(project.warehouse), request, engine)
    changes = _input_changes(engine, inputs, before)
    redefined = [model for model in order if before is None or before.definition(model.name) != model.definition]
    expect_promises(project.root, redefined, order, types)
    forced = selected(request.select, order, reads)
    decisions: dict[str, Decision] = {}
    expected = dict(changes)
    for model in order:
        name = model.name
        old = before.definition(name) if before else None
        decisions[name] = decide(model, reads[name], expected, old, name in forced)
        expected[name] = assumed(model, decisions[name])
    return BuildPlan(tuple(order), decisions, reads, inputs, before, changes, forced)


def _before(store: ReleaseStore, request: BuildRequest, engine: Engine) -> ReleaseManifest | None:
    """The release whose tables may be taken over; a full build takes nothing over, so it needs none.

    Another engine or another Tenure may make other rows of the same SQL.
    """
    pointer = store.pointer()
    if pointer is None or request.full:
        return None
    manifest = store.manifest(pointer.current)
    maker = (manifest.engine, manifest.tenure_version)
    return manifest if maker == (engine.name, tenure.__version__) else None


def _later_than(pointer: Pointer | None, store: ReleaseStore) -> datetime:
    """The time, but after the release in force, whatever the clock does."""
    try:
        return max(now(), store.manifest(pointer.current).created_at + timedelta(microseconds=1)) if pointer else now()
    except DamagedRelease:
        return now()  # a full build goes on without it


def _expect_whole(planned: BuildPlan, zone: RawZone, store: ReleaseStore, pointer: Pointer | None) -> None:
    """What may be taken over is there in full; what everything is computed from has its hashes."""
    if planned.before and pointer:
        for part in (part for table in planned.before.tables for part in table.parts):
            path = store.folder / pointer.current / part.file
            if not path.is_file() or path.stat().st_size != part.size:
                what = f"{part.file} of the release in force is missing or has another size"
                raise DamagedRelease(what, where=str(path), cure=REBUILD)
    else:
        problems = zone.damaged([load.record for load in planned.inputs.loads])
        if problems:
            raise TenureError(problems[0], cure=RESTORE)


def _input_changes(engine: Engine, inputs: Inputs, before: ReleaseManifest | None) -> dict[str, Change]:
    """How every input differs from what the release before was built from."""
    changes: dict[str, Change] = {}
    for name, version in inputs.versions.items():
        if before is not None and before.inputs.get(name) == version:
            changes[name] = NOTHING
        elif before is None or name not in inputs.raw:
            changes[name] = EVERYTHING
        else:
            relation = register_changed_raw(engine, name, inputs.raw[name], inputs.loads, inputs.types, before)
            changes[name] = Change("rows", relation) if relation else EVERYTHING
    return changes


def build(project: Project, zone: RawZone, engine: Engine, request: BuildRequest) -> BuildResult:
    """Build, check and publish a release; the one in force stays so whatever goes wrong.

    Nothing is published when every model is unchanged.
    """
    store = ReleaseStore(project.warehouse)
    if request.full:
        store.recover()
    store.heal()
    planned = plan(project, zone, engine, request)
    pointer = store.pointer()
    _expect_whole(planned, zone, store, pointer)
    if pointer and planned.before and not planned.computed and not planned.gone:
        return BuildResult(pointer.current, planned.before, planned.decisions, published=False)
    building = store.begin()
    scratch = building / ".scratch"
    scratch.mkdir()
    try:
        writer = PartWriter(engine, building, scratch, store.next_sequence())
        current = store.folder / pointer.current if pointer else store.folder
        made = _Making(writer, planned, current, request)
        for number, model in enumerate(planned.order):
            request.progress(model.name, number, len(planned.order))
            made.make(model)
            request.progress(model.name, number + 1, len(planned.order))
        checks = [check for model in planned.order for check in checks_of(model)]
        redefined = [model.name for model in planned.order if planned.is_redefined(model)]
        views = frozenset(view.name for view in made.views)
        changes = {**made.changes, **dict.fromkeys(redefined, EVERYTHING)}
        run_checks(engine, checks, changes, views, made.tables, made.slices)
        shutil.rmtree(scratch)
        manifest = ReleaseManifest(
            sequence=writer.sequence,
            run_id=request.run_id,
            created_at=_later_than(pointer, store),
            business_date=request.business_date,
            engine=engine.name,
            tenure_version=tenure.__version__,
            currency=project.settings.project.currency,
            settings=project.settings.model_dump(mode="json"),
            loads={load.record.load_id: load.record.manifest_sha256 for load in planned.inputs.loads},
            inputs=planned.inputs.versions,
            checks=tuple(f"{check.model}: {check.name}" for check in checks),
            tables=tuple(made.tables),
            views=tuple(made.views),
        )
        release = store.publish(building, manifest)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise
    store.prune(project.settings.warehouse.keep_releases)
    day_before = planned.before.business_date if planned.before else None
    return BuildResult(release, manifest, made.decisions, published=True, business_date_before=day_before)


@dataclass
class _Making:
    """The tables of a release while they are made: each model sees those before it, and how they changed."""

    writer: PartWriter
    planned: BuildPlan
    current: Path
    request: BuildRequest
    tables: list[Table] = field(default_factory=list[Table])
    views: list[View] = field(default_factory=list[View])
    decisions: dict[str, Decision] = field(default_factory=dict[str, Decision])
    changes: dict[str, Change] = field(init=False)
    slices: Slices = field(init=False)

    def __post_init__(self) -> None:
        self.changes = dict(self.planned.changes)
        self.slices = Slices(self.writer, self.planned.lookups)

    def make(self, model: Model) -> None:
        """Make one table or view, or take it over, and let the models after it see it."""
        before, name = self.planned.before, model.name
        reads = self.planned.reads[name]
        definition = before.definition(name) if before else None
        decision = decide(model, reads, self.changes, definition, name in self.planned.forced)
        try:
            if model.kind == "view":
                self._view(model, decision)
            else:
                decision = self._table(model, decision)
        except BuildError as error:
            if error.where:
                raise
            cure = error.cure or "mend the model and run again"
            raise BuildError(error.what, where=model.where, cure=cure) from error
        self.decisions[name] = decision

    def _view(self, model: Model, decision: Decision) -> None:
        engine, name = self.writer.engine, model.name
        engine.view(f"{name}__all", model.sql)
        engine.view(name, f"SELECT * FROM {name}__all")
        if decision.action != "keep":
            expect_columns(model, engine.columns(name))
        self.views.append(View(name, model.layer, model.definition, model.sql, model.columns))
        if decision.action == "increment":
            touched = touched_values(self.writer, model, self.changes)
            values = {column: found.relation for column, found in touched.items()}
            self.changes[name] = Change("rows", touched=values, since=since(engine, model, self.changes))
        else:
            self.changes[name] = NOTHING if decision.action == "keep" else EVERYTHING

    def _table(self, model: Model, decision: Decision) -> Decision:
        old = self.planned.before.table(model.name) if self.planned.before else None
        table, change = None, EVERYTHING
        if old and decision.action == "increment":
            touched = touched_values(self.writer, model, self.changes)
            views = {view.name: view for view in self.planned.order if view.kind == "view"}
            few = not too_many(touched, self._size(model.name))
            inputs = restrictions(model, touched, views, self.planned.reads, self.slices) if few else None
            if not few:
                decision = Decision("full", f"{decision.why}, too many to work in")
            elif inputs is None:
                decision = Decision("full", f"{decision.why}, and a view reads as a whole what it follows")
            else:
                worked = increment(self.writer, model, old, self.current, touched, self.changes, inputs)
                table = table_of(model, old.columns, worked.parts)
                self._keep_slice(model, touched, worked)
                change = Change("rows", f"changes_{model.name}") if worked.removed or worked.added else NOTHING
        if old and (decision.action == "keep" or change is NOTHING):
            for part in old.parts:
                share(part, self.current, self.writer.building)
            table, change = old, NOTHING
        if table is None:
            table, change = self._anew(model, old)
        self._show(table)
        self.tables.append(table)
        self.changes[model.name] = change
        return decision

    def _keep_slice(self, model: Model, touched: Mapping[str, Touched], worked: Worked) -> None:
        """What was computed anew holds all rows with the values concerned: models and checks need not look for them."""
        columns = set(model.description.follows.values())
        if len(columns) == 1 and (column := columns.pop()) in touched:
            dated = model.description.partition if worked.first else None
            self.slices.add(model.name, column, touched[column], f"fresh__{model.name}", dated)

    def _size(self, name: str) -> int:
        """How many rows must be read to make a table anew: those of the largest input that it follows."""
        models = {model.name: model for model in self.planned.order}
        if name not in models:
            loads = self.planned.inputs.loads
            return sum(load.record.loaded for load in loads if name == f"raw_{load.feed}")
        made = next((table.rows for table in self.tables if table.name == name), 0)
        return max([made, *(self._size(below) for below in models[name].description.follows)])

    def _anew(self, model: Model, old: Table | None) -> tuple[Table, Change]:
        written = self.writer.whole(model)
        self.writer.engine.view_of_files(model.name, [file for _, file in written])
        columns = self.writer.engine.columns(model.name)
        expect_columns(model, columns)
        made = table_of(model, columns, self.writer.described(written))
        if old is None or made.columns != old.columns:
            return made, EVERYTHING
        same = same_partitions(old.parts, made.parts)
        went = [part for part in old.parts if part.partition not in same]
        came = [part for part in made.parts if part.partition not in same]
        table = made
        if model.name not in self.planned.forced:
            table = table_of(model, columns, self.writer.taken_back(old, made, same, self.current))
        if table.content_hash == old.content_hash:
            return table, NOTHING
        if model.name not in self.planned.followed or sum(part.rows for part in (*went, *came)) > _COMPARED:
            return table, EVERYTHING
        before = [self.current / part.file for part in went]
        compare(self.writer, model.name, before, [self.writer.building / part.file for part in came])
        return table, Change("rows", f"changes_{model.name}")

    def _show(self, table: Table) -> None:
        engine = self.writer.engine
        engine.view_of_files(f"{table.name}__all", [self.writer.building / part.file for part in table.parts])
        engine.view(table.name, f"SELECT * FROM {table.name}__all")
