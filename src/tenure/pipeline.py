"""The one place that knows the order: ingest, then build and publish."""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from tenure.contracts.files import read_contracts
from tenure.contracts.model import Contract
from tenure.core.clock import new_run_id
from tenure.core.errors import TenureError, UsageError
from tenure.core.lock import watcher_lock, writer_lock
from tenure.core.settings import Project
from tenure.core.wording import alike
from tenure.engine.duckdb import DuckDBEngine
from tenure.engine.protocol import Engine
from tenure.raw.audit import Finding, audit_leftovers, audit_loads
from tenure.raw.quarantine import Chosen, quarantined
from tenure.raw.state import StateDatabase
from tenure.raw.zone import STATE, RawZone, expect_state
from tenure.sources.delivered import RunContext
from tenure.sources.expected import expected_records
from tenure.sources.files import find_files
from tenure.sources.ingest import Outcome, ingest, ingest_file
from tenure.sources.joined import joined_last
from tenure.sources.quarantine_files import edited_attempts
from tenure.sources.quarantine_summary import SummaryLine, summarise, waiting_feeds
from tenure.sources.replay import Reason, Replay, as_delivered, replay
from tenure.sources.watch import Landed
from tenure.sources.watch_contracts import ContractReader, expect_watchable
from tenure.sources.watch_hints import FolderHints
from tenure.sources.watch_loop import Pace, Published, Stopped, Surroundings, WatchLoop
from tenure.warehouse.as_of import audit_as_of, discard_as_of, open_as_of, recipe_as_of
from tenure.warehouse.downstream import Downstream, downstream_of
from tenure.warehouse.releases import OpenRelease
from tenure.warehouse.repair import Repair, audit_releases, repair_releases
from tenure.warehouse.runner import BuildPlan, BuildRequest, BuildResult, build, plan
from tenure.warehouse.store import ReleaseStore


@dataclass(frozen=True)
class Listener:
    """Whom to tell how far the work is: records read of a delivery, of about how many if known; models made of all."""

    records: Callable[[str, int, int | None], None] = lambda delivery, records, expected: None
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


def declared_contracts(project: Project, names: tuple[str, ...]) -> list[Contract]:
    """The contracts of the named sources, of all sources when none is named, whether or not files are there."""
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
            near = alike(name, known)
            raise UsageError(f"there is no source {name}", cure=f"{near}the sources are {', '.join(known)}")
    return [known[name] for name in names] if names else contracts


def chosen_contracts(project: Project, names: tuple[str, ...]) -> list[Contract]:
    """As `declared_contracts`; a file source that is named must have a file."""
    contracts = declared_contracts(project, names)
    for contract in contracts if names else ():
        if contract.kind != "mariadb" and not find_files(project.root, contract):
            raise TenureError(
                f"no file matches {contract.path}",
                where=f"source {contract.source}",
                cure="put a file there, or mend path in the contract",
            )
    return contracts


def without_files(project: Project, contracts: list[Contract]) -> list[Contract]:
    """File sources for which nothing has been delivered."""
    return [contract for contract in contracts if contract.kind != "mariadb" and not find_files(project.root, contract)]


def run_ingest(
    project: Project,
    business_date: date,
    names: tuple[str, ...] = (),
    listener: Listener = Listener(),
    *,
    again: bool = False,
) -> RunResult:
    """Load what is new from the named sources (all, if none is named); `again`: what was loaded before as well."""
    contracts = chosen_contracts(project, names)
    with writer_lock(project), edge_engine(project) as engine:
        zone = raw_zone(project)
        zone.heal()
        run = RunContext(new_run_id(), business_date, _counting(project, zone, listener))
        return RunResult(run.run_id, tuple(ingest(project, contracts, zone, engine, run, again=again)), None)


def _counting(project: Project, zone: RawZone, listener: Listener) -> Callable[[str, int], None]:
    """Tells the listener of records read, and how many to expect: by a look at the file, or as many as last time."""
    last = {load.delivery: load.records_in for load in zone.state.loads()}
    expected: dict[str, int | None] = {}

    def records(delivery: str, count: int) -> None:
        if delivery not in expected:
            expected[delivery] = expected_records(project.root / delivery) or last.get(delivery)
        listener.records(delivery, count, expected[delivery])

    return records


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
        run = RunContext(new_run_id(), business_date, _counting(project, zone, listener))
        outcomes = tuple(ingest(project, contracts, zone, engine, run))
        if not zone.state.loads() and any(outcome.status == "refused" for outcome in outcomes):
            return RunResult(run.run_id, outcomes, None)
        _expect_loads(project, zone)
        request = BuildRequest(run.run_id, business_date, progress=listener.models)
        return RunResult(run.run_id, outcomes, build(project, zone, engine, request))


@dataclass(frozen=True)
class Watching:
    """How to watch: which sources (all, if none is named), at what pace, on which business date (None: each day's own).

    `stopped` is asked between two steps of the work, `wake` is a descriptor that ends a waiting when it can be read,
    and `tell` is given each thing that happens, with its particulars.
    """

    pace: Pace
    tell: Callable[[str, dict[str, object]], None]
    stopped: Callable[[], bool]
    names: tuple[str, ...] = ()
    business_date: date | None = None
    wake: int | None = None


def watch(project: Project, watching: Watching) -> int:
    """Load and publish whatever lands in the folders of the sources, until stopped; returns the number of failures.

    Raises `Busy` when another process watches this project. Waits while another one writes.
    """
    read = ContractReader(project.sources, lambda: declared_contracts(project, watching.names))
    expect_watchable(read(), watching.pace)
    zone = raw_zone(project)
    around = Surroundings(
        root=project.root,
        memory=project.state / "watch.json",
        contracts=read,
        seen=zone.state.seen,
        work=_WatchWork(project, watching, read),
        today=lambda: watching.business_date or date.today(),
        stopped=watching.stopped,
        tell=watching.tell,
    )
    with watcher_lock(project), FolderHints(watching.wake) as hints:
        loop = WatchLoop(around, watching.pace, hints)
        watching.tell("watching", {"paths": [path for contract in read() for path in contract.paths]})
        idle = [contract.source for contract in read() if contract.kind == "mariadb"]
        if idle and watching.pace.every is None and not watching.pace.once:
            watching.tell("note", {"reason": f"{', '.join(idle)}: a table is read only with --every"})
        with suppress(Stopped):
            loop.run()
        return loop.failed


@dataclass(frozen=True)
class _WatchWork:
    """One batch of the watcher: load, then build and publish when something was loaded, or when it must."""

    project: Project
    watching: Watching
    read: ContractReader

    def __call__(
        self,
        files: Sequence[Landed],
        tables: Sequence[Contract],
        must: bool,
        told: Callable[[Landed | None, Outcome], None],
    ) -> Published | None:
        """See `Work`."""
        day = self.watching.business_date or date.today()
        with writer_lock(self.project), edge_engine(self.project) as engine:
            zone = raw_zone(self.project)
            zone.heal()
            first = zone.state.next_sequence()
            run = RunContext(new_run_id(), day, self._go_on)
            for landed in files:
                self._go_on()
                told(landed, ingest_file(self.project, landed.contract, landed.path, zone, engine, run))
            self._ingest(tables, zone, engine, run, told)
            if must or zone.state.next_sequence() != first:
                joined = [contract for contract in self.read() if contract.kind == "sql"]
                self._ingest(joined_last(self.project.root, joined), zone, engine, run, told)
            last = zone.state.next_sequence()
            if last == 1 or (first == last and not must):
                return None
            result = build(self.project, zone, engine, BuildRequest(run.run_id, day, progress=self._go_on))
            return Published(result.release, result.published, len(result.computed))

    def _ingest(
        self,
        contracts: Sequence[Contract],
        zone: RawZone,
        engine: Engine,
        run: RunContext,
        told: Callable[[Landed | None, Outcome], None],
    ) -> None:
        for contract in contracts:
            self._go_on()
            for outcome in ingest(self.project, [contract], zone, engine, run):
                told(None, outcome)

    def _go_on(self, *_: object) -> None:
        """Leave between two steps when asked to."""
        if self.watching.stopped():
            raise Stopped


def run_replay(
    project: Project, business_date: date, chosen: Chosen, edited: Path | None, reason: Reason
) -> list[Replay]:
    """Take the chosen records out of the quarantine: those that the contract now admits, or that `edited` mended.

    With `edited` only the records of that file are tried, and those that are settled already are left alone.
    """
    (contract,) = declared_contracts(project, (str(chosen.source),))
    with writer_lock(project), edge_engine(project) as engine:
        zone = raw_zone(project)
        zone.heal()
        attempts = (
            edited_attempts(zone, chosen, contract, edited)
            if edited
            else [as_delivered(contract, record) for record in quarantined(zone, chosen)]
        )
        return replay(contract, attempts, reason, zone, engine, RunContext(new_run_id(), business_date))


@dataclass(frozen=True)
class QuarantineSummary:
    """The quarantine in numbers, and for each source with open records what lacks them."""

    lines: tuple[SummaryLine, ...]
    missing: Mapping[str, Downstream]


def quarantine_summary(project: Project) -> QuarantineSummary:
    """Count the quarantine, and what is missing for it; reads only."""
    zone = raw_zone(project)
    with edge_engine(project) as engine:
        lines = summarise(zone, engine, project.scratch)
    feeds = waiting_feeds(lines)
    return QuarantineSummary(tuple(lines), downstream_of(project, zone, feeds) if feeds else {})


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
        paths = sorted({path for contract in read_contracts(project.sources) for path in contract.paths})
        raise TenureError(
            "nothing has been loaded yet, so there is nothing to build",
            where=str(project.root),
            cure=f"put files where the sources look ({', '.join(paths)}) and run: tenure run",
        )
