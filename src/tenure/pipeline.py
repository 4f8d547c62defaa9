"""The one place that knows the order: ingest, then build and publish."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime

from tenure.contracts.files import read_contracts
from tenure.contracts.model import Contract
from tenure.core.clock import new_run_id
from tenure.core.errors import TenureError, UsageError
from tenure.core.lock import writer_lock
from tenure.core.settings import Project
from tenure.engine.duckdb import DuckDBEngine
from tenure.engine.protocol import Engine
from tenure.raw.audit import Finding, audit_leftovers, audit_loads
from tenure.raw.state import StateDatabase
from tenure.raw.zone import STATE, RawZone, expect_state
from tenure.sources.delivered import RunContext
from tenure.sources.files import find_files
from tenure.sources.ingest import Outcome, ingest
from tenure.warehouse.as_of import audit_as_of, discard_as_of, open_as_of, recipe_as_of
from tenure.warehouse.releases import OpenRelease
from tenure.warehouse.repair import Repair, audit_releases, repair_releases
from tenure.warehouse.runner import BuildPlan, BuildRequest, BuildResult, build, plan
from tenure.warehouse.store import ReleaseStore


@dataclass(frozen=True)
class Listener:
    """Whom to tell how far the work is: records read of a delivery, models made of all."""

    records: Callable[[str, int], None] = lambda delivery, records: None
    models: Callable[[str, int, int], None] = lambda model, done, total: None


@dataclass(frozen=True)
class RunResult:
    """What one run did: what became of each delivery, and the release in force after it."""

    run_id: str
    outcomes: tuple[Outcome, ...]
    build: BuildResult | None

    @property
    def refused(self) -> list[Outcome]:
        """Deliveries of which nothing was loaded."""
        return [outcome for outcome in self.outcomes if outcome.status == "refused"]

    @property
    def quarantined(self) -> int:
        """Records that this run set apart."""
        return sum(outcome.quarantined for outcome in self.outcomes)


@contextmanager
def edge_engine(project: Project) -> Generator[DuckDBEngine]:
    """DuckDB on this machine, with the project's memory limit; closed at the end."""
    engine = DuckDBEngine(project.scratch, memory=project.settings.warehouse.memory)
    try:
        yield engine
    finally:
        engine.close()


def raw_zone(project: Project) -> RawZone:
    """The project's raw zone and state database, made if they do not exist."""
    try:
        project.raw.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TenureError(
            f"the project cannot be written: {error.strerror}",
            where=str(project.state),
            cure="give yourself write permission there, or copy the project to a folder of your own",
        ) from error
    expect_state(project.raw, project.state / STATE)
    return RawZone(project.raw, StateDatabase(project.state / STATE))


def chosen_contracts(project: Project, names: tuple[str, ...]) -> list[Contract]:
    """The contracts of the named sources, of all sources when none is named."""
    contracts = read_contracts(project.sources)
    if not contracts:
        raise UsageError(
            "the project has no sources",
            where=str(project.sources),
            cure="write sources/NAME.yml; see docs/reference/contracts.md",
        )
    known = {contract.source: contract for contract in contracts}
    for name in names:
        if name not in known:
            raise UsageError(f"there is no source {name}", cure=f"the sources are {', '.join(known)}")
        missing = known[name].kind != "mariadb" and not find_files(project.root, known[name])
        if missing:
            raise TenureError(
                f"no file matches {known[name].path}",
                where=f"source {name}",
                cure="put a file there, or mend path in the contract",
            )
    return [known[name] for name in names] if names else contracts


def without_files(project: Project, contracts: list[Contract]) -> list[Contract]:
    """File sources for which nothing has been delivered."""
    return [contract for contract in contracts if contract.kind != "mariadb" and not find_files(project.root, contract)]


def run_ingest(
    project: Project, business_date: date, names: tuple[str, ...] = (), listener: Listener = Listener()
) -> RunResult:
    """Load what is new from the named sources (all, if none is named)."""
    contracts = chosen_contracts(project, names)
    with writer_lock(project), edge_engine(project) as engine:
        zone = raw_zone(project)
        zone.heal()
        run = RunContext(new_run_id(), business_date, listener.records)
        return RunResult(run.run_id, tuple(ingest(project, contracts, zone, engine, run)), None)


def run_build(project: Project, request: BuildRequest, engine: Engine | None = None) -> BuildResult:
    """Build from what is loaded and publish; `engine` is DuckDB unless given."""
    with writer_lock(project):
        zone = raw_zone(project)
        zone.heal()
        _expect_loads(project, zone)
        if engine is not None:
            return build(project, zone, engine, request)
        with edge_engine(project) as own:
            return build(project, zone, own, request)


def release_as_of(
    project: Project, when: datetime, business_date: date | None = None, listener: Listener = Listener()
) -> OpenRelease:
    """The tables as they would have been at `when` (UTC), held open; built beside the releases where needed.

    The business date is that of the newest load recorded by then, unless given.
    """
    zone = raw_zone(project)
    _expect_loads(project, zone)
    recipe = recipe_as_of(project.settings, zone.state.loads(), when, business_date)
    return open_as_of(project, zone, lambda: edge_engine(project), recipe, listener.models)


def plan_build(project: Project, request: BuildRequest) -> BuildPlan:
    """What a build would do, without doing it."""
    zone = raw_zone(project)
    _expect_loads(project, zone)
    with edge_engine(project) as engine:
        return plan(project, zone, engine, request)


def run_all(project: Project, business_date: date, listener: Listener = Listener()) -> RunResult:
    """Ingest everything new, build and publish. A refused delivery does not stop the others."""
    contracts = chosen_contracts(project, ())
    with writer_lock(project), edge_engine(project) as engine:
        zone = raw_zone(project)
        zone.heal()
        run = RunContext(new_run_id(), business_date, listener.records)
        outcomes = tuple(ingest(project, contracts, zone, engine, run))
        if not zone.state.loads() and any(outcome.status == "refused" for outcome in outcomes):
            return RunResult(run.run_id, outcomes, None)
        _expect_loads(project, zone)
        request = BuildRequest(run.run_id, business_date, progress=listener.models)
        return RunResult(run.run_id, outcomes, build(project, zone, engine, request))


def verify(project: Project) -> list[Finding]:
    """Read every stored byte again: each load and its account, each release and its parts."""
    zone = raw_zone(project)
    findings = [*audit_loads(zone), audit_leftovers(zone)]
    return [*findings, *audit_releases(ReleaseStore(project.warehouse)), *audit_as_of(project)]


def repair(project: Project) -> list[Repair]:
    """Repair what can be repaired of releases and their pointer; raw loads cannot (`verify` names those)."""
    with writer_lock(project):
        zone = raw_zone(project)
        zone.heal()
        done = repair_releases(project, zone, lambda: edge_engine(project))
        gone = discard_as_of(project, only_damaged=True)
        again = "deleted: it is built again when it is asked for"
        return [*done, *(Repair(f"release {entry.release} of an earlier time", True, again) for entry in gone)]


def _expect_loads(project: Project, zone: RawZone) -> None:
    if not zone.state.loads():
        paths = sorted({contract.path for contract in read_contracts(project.sources) if contract.path})
        raise TenureError(
            "nothing has been loaded yet, so there is nothing to build",
            where=str(project.root),
            cure=f"put files where the sources look ({', '.join(paths)}) and run: tenure run",
        )
