"""Builds the models in their order into one folder, skipping those whose inputs did not change."""

import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import tenure
from tenure.core.clock import now
from tenure.core.durable import sha256_file
from tenure.core.errors import BuildError
from tenure.core.settings import Project
from tenure.engine.protocol import Column, Engine
from tenure.raw.zone import RawZone
from tenure.warehouse.checks import checks_of, run_checks
from tenure.warehouse.graph import ordered, references
from tenure.warehouse.inputs import INPUTS, project_types, raw_loads, register_inputs
from tenure.warehouse.manifest import Part, ReleaseManifest, Table
from tenure.warehouse.models import Model, read_models
from tenure.warehouse.store import ReleaseStore


@dataclass(frozen=True)
class BuildPlan:
    """What a build would do: every model in order, and whether it is computed or taken over."""

    order: tuple[Model, ...]
    computed: frozenset[str]
    fingerprints: dict[str, str]
    reads: dict[str, set[str]]


@dataclass(frozen=True)
class BuildResult:
    """The release in force after a build, which models were computed, and whether anything was published."""

    release: str
    manifest: ReleaseManifest
    computed: tuple[str, ...]
    published: bool


@dataclass(frozen=True)
class BuildRequest:
    """What to build: the business date, everything anew (`full`), or only some models (`select`)."""

    run_id: str
    business_date: date
    full: bool = False
    select: tuple[str, ...] = ()
    progress: Callable[[str, int, int], None] = lambda name, done, total: None


def plan(project: Project, zone: RawZone, engine: Engine, request: BuildRequest) -> BuildPlan:
    """Register the inputs, order the models and decide which have to be computed."""
    loads = raw_loads(zone)
    types = project_types(loads)
    inputs = register_inputs(engine, loads, types, project.settings, request.business_date)
    models = read_models(types)
    reads = {model.name: references(model) for model in models}
    order = ordered(models, reads, INPUTS)
    prints = dict(inputs)
    for model in order:
        above = [f"{name}={prints[name]}" for name in sorted(reads[model.name])]
        prints[model.name] = hashlib.sha256("\n".join([engine.name, model.fingerprint, *above]).encode()).hexdigest()
    before = _before(ReleaseStore(project.warehouse), request)
    computed = frozenset(model.name for model in order if not _unchanged(before, model.name, prints[model.name]))
    if request.select:
        computed = _selected(request.select, order, computed, reads)
    return BuildPlan(tuple(order), computed, prints, reads)


def _before(store: ReleaseStore, request: BuildRequest) -> ReleaseManifest | None:
    """The release whose unchanged tables may be taken over; a full build takes nothing over, so it needs none."""
    pointer = store.pointer()
    return store.manifest(pointer.current) if pointer and not request.full else None


def _unchanged(before: ReleaseManifest | None, name: str, fingerprint: str) -> bool:
    table = before.table(name) if before else None
    return table is not None and table.fingerprint == fingerprint


def _selected(
    select: tuple[str, ...], order: list[Model], stale: frozenset[str], reads: dict[str, set[str]]
) -> frozenset[str]:
    """The selected models are computed anew, with whatever stale models they depend on.

    What depends on them is computed as well: a release is consistent or it is not published.
    """
    known = {model.name for model in order}
    for name in select:
        if name not in known:
            raise BuildError(f"there is no model {name}", cure="tenure build --dry-run lists the models")
    computed = set(stale) | set(select)
    for model in order:
        if reads[model.name] & computed:
            computed.add(model.name)
    return frozenset(computed)


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
    before = _before(store, request)
    if pointer and before and not planned.computed:
        return BuildResult(pointer.current, before, (), published=False)
    building = store.begin()
    try:
        tables = [
            _make(model, planned, before, pointer.current if pointer else "", store, building, engine, request, number)
            for number, model in enumerate(planned.order)
        ]
        passed = _checked(planned, engine)
        manifest = ReleaseManifest(
            sequence=store.next_sequence(),
            run_id=request.run_id,
            created_at=now(),
            business_date=request.business_date,
            engine=engine.name,
            tenure_version=tenure.__version__,
            currency=project.settings.project.currency,
            settings=project.settings.model_dump(mode="json"),
            loads={load.load_id: load.manifest_sha256 for load in zone.state.loads()},
            checks=passed,
            tables=tuple(tables),
        )
        release = store.publish(building, manifest)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise
    store.prune(project.settings.warehouse.keep_releases)
    return BuildResult(release, manifest, tuple(sorted(planned.computed)), published=True)


def _make(
    model: Model,
    planned: BuildPlan,
    before: ReleaseManifest | None,
    current: str,
    store: ReleaseStore,
    building: Path,
    engine: Engine,
    request: BuildRequest,
    number: int,
) -> Table:
    """Compute one table, or take it over from the release in force, and make it visible to the models after it."""
    request.progress(model.name, number, len(planned.order))
    old = before.table(model.name) if before else None
    if model.name not in planned.computed and old:
        _take_over(old, store.folder / current, building)
        table = old
    else:
        table = _compute(model, planned.fingerprints[model.name], building, engine)
    engine.view_of_files(model.name, [building / part.file for part in table.parts])
    if model.name in planned.computed:
        _expect_columns(model, engine.columns(model.name))
        table = replace(table, columns=tuple(engine.columns(model.name)), content_hash=engine.content_hash(model.name))
    request.progress(model.name, number + 1, len(planned.order))
    return table


def _compute(model: Model, fingerprint: str, building: Path, engine: Engine) -> Table:
    file = f"{model.name}/part-0.parquet"
    path = building / file
    path.parent.mkdir()
    try:
        rows = engine.write(model.sql, path)
    except BuildError as error:
        raise BuildError(error.what, where=model.where, cure=error.cure or "mend the model and run again") from error
    part = Part(file, sha256_file(path), path.stat().st_size)
    return Table(model.name, model.layer, fingerprint, rows, "", model.columns, (part,))


def _take_over(table: Table, current: Path, building: Path) -> None:
    """Share the parts of an unchanged table with the release in force, by hard link where the disk has them."""
    (building / table.name).mkdir()
    for part in table.parts:
        try:
            os.link(current / part.file, building / part.file)
        except FileNotFoundError as error:
            raise BuildError(
                f"a part of the release in force is missing: {part.file}",
                cure="tenure build --full makes all parts anew",
            ) from error
        except OSError:
            shutil.copyfile(current / part.file, building / part.file)


def _expect_columns(model: Model, found: list[Column]) -> None:
    expected = {column.name: column.type for column in model.columns}
    actual = {column.name: column.type for column in found}
    wrong = [
        f"{name} is {actual.get(name, 'missing')}, its yml says {expected.get(name, 'nothing')}"
        for name in sorted(expected.keys() | actual.keys())
        if expected.get(name) != actual.get(name)
    ]
    if wrong:
        raise BuildError("; ".join(wrong), where=model.where, cure="make the SQL and the yml beside it agree")


def _checked(planned: BuildPlan, engine: Engine) -> tuple[str, ...]:
    """Run the checks that read a computed table (the others passed when theirs were computed); names all."""
    checks = [check for model in planned.order for check in checks_of(model)]
    run_checks(engine, [check for check in checks if check.reads & planned.computed])
    return tuple(f"{check.model}: {check.name}" for check in checks)
