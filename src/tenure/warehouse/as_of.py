"""The tables as they would have been at an earlier time: built from what had been recorded by then, and kept a while.

They live in a store of their own beside the project's releases, whose pointer is never touched. Building
them needs no writer's lock: it reads loads, which never change, and writes only there.
"""

import fcntl
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import tenure
from tenure.core.errors import DamagedRelease, TenureError
from tenure.core.settings import Project, Settings
from tenure.engine.protocol import Engine
from tenure.raw.audit import Finding
from tenure.raw.state import LoadRecord
from tenure.raw.zone import RawZone
from tenure.warehouse.manifest import ReleaseManifest
from tenure.warehouse.releases import OpenRelease, open_release
from tenure.warehouse.repair import audit_releases
from tenure.warehouse.replay import Apart, Recipe, replay
from tenure.warehouse.runner import BuildPlan, BuildRequest, plan
from tenure.warehouse.store import Pruned, ReleaseStore

FOLDER = "as-of"
KEPT = 3
"""So many of the newest are kept."""


def recipe_as_of(
    settings: Settings, loads: Sequence[LoadRecord], when: datetime, business_date: date | None = None
) -> Recipe:
    """What was known at `when` (UTC): the loads recorded by then, on the business date of the newest of them.

    Raises `TenureError` when nothing had been recorded.
    """
    known = [load for load in loads if load.recorded_at <= when]
    if not known:
        first = min(load.recorded_at for load in loads)
        raise TenureError(
            f"nothing had been recorded by {when:%Y-%m-%d %H:%M:%S} UTC",
            cure=f"the first load was recorded at {first:%Y-%m-%d %H:%M:%S.%f} UTC; ask for that or a later time",
        )
    day = business_date or max(known, key=lambda load: load.sequence).business_date
    return Recipe({load.load_id: load.manifest_sha256 for load in known}, settings, day)


def open_as_of(
    project: Project,
    zone: RawZone,
    engine: Callable[[], AbstractContextManager[Engine]],
    recipe: Recipe,
    progress: Callable[[str, int, int], None],
) -> OpenRelease:
    """A release made by the recipe and today's SQL: one that is kept, else a new one."""
    apart = Apart(project.root, project.settings, project.warehouse / FOLDER)
    with _alone(apart.warehouse):
        request = BuildRequest("", recipe.business_date, full=True, loads=recipe.loads)
        with engine() as running:
            planned = plan(apart, zone, running, request)
            engine_name = running.name
        for place in (apart, project):
            found = _made_so(place, planned, recipe, engine_name)
            if found:
                return found
        with engine() as running:
            made = replay(project, zone, running, recipe, apart.warehouse, progress)
        ReleaseStore(apart.warehouse).prune(KEPT)
        return open_release(apart, made.release)


def _made_so(place: Project, planned: BuildPlan, recipe: Recipe, engine: str) -> OpenRelease | None:
    """A release of this store, whole, that this very build would make again."""
    store = ReleaseStore(place.warehouse)
    try:
        for name in reversed(store.names()):
            if _is_made_by(store.manifest(name), planned, recipe, engine):
                return open_release(place, name)
    except DamagedRelease:
        return None  # then it is built again; damage of the project's own releases is for `tenure verify`
    return None


def _is_made_by(manifest: ReleaseManifest, planned: BuildPlan, recipe: Recipe, engine: str) -> bool:
    definitions = {model.name: model.definition for model in planned.order}
    return (
        manifest.loads == recipe.loads
        and manifest.inputs == planned.inputs.versions
        and manifest.currency == recipe.settings.project.currency
        and {made.name: made.definition for made in (*manifest.tables, *manifest.views)} == definitions
        and (manifest.engine, manifest.tenure_version) == (engine, tenure.__version__)
    )


def audit_as_of(project: Project) -> list[Finding]:
    """What is kept, with what is missing or changed in it."""
    findings = audit_releases(ReleaseStore(project.warehouse / FOLDER))
    return [replace(finding, what=f"{finding.what} of an earlier time") for finding in findings]


def discard_as_of(project: Project, *, only_damaged: bool = False) -> list[Pruned]:
    """Delete what is kept and not being read, or what of it is damaged: it is built again when it is asked for."""
    store = ReleaseStore(project.warehouse / FOLDER)
    if not store.folder.is_dir():
        return []
    with _alone(store.folder.parent):
        sizes = {name: store.size(name).own for name in store.names() if not only_damaged or _is_damaged(store, name)}
        return [Pruned(name, size) for name, size in sizes.items() if store.discard(name)]


def _is_damaged(store: ReleaseStore, release: str) -> bool:
    try:
        return bool(store.damaged(release))
    except DamagedRelease:
        return True


@contextmanager
def _alone(folder: Path) -> Generator[None]:
    """One at a time; who comes second waits, for most often it wants what the first is building."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = (folder / "lock").open("a")
    except OSError as error:
        raise TenureError(
            f"an earlier state cannot be built here: {error.strerror}",
            where=str(folder),
            cure="give yourself write permission there, or copy the project to a folder of your own",
        ) from error
    with handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
