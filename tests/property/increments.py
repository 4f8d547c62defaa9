"""Sequences of deliveries, and a bank that takes them step by step: what building in increments must survive."""

import json
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from hypothesis import strategies as st

from tenure.cli.demo import make_project
from tenure.core.settings import Project, open_project
from tenure.engine.duckdb import DuckDBEngine
from tenure.engine.protocol import content_hash_of
from tenure.pipeline import run_all, run_build
from tenure.warehouse.parts import added_up
from tenure.warehouse.runner import BuildRequest
from tenure.warehouse.store import ReleaseStore

FIRST_DAY = date(2025, 6, 28)
Row = tuple[object, ...]


@dataclass(frozen=True)
class Snapshot:
    """All customers as of a month of 2025, whole: who is missing was deleted. Customer, geography, active, tenure."""

    month: int
    rows: tuple[tuple[int, str, int, int], ...]


@dataclass(frozen=True)
class Usage:
    """Usage logs: id, customer, product, balance, day."""

    rows: tuple[tuple[int, int, str, str, str | None], ...]


@dataclass(frozen=True)
class Offers:
    """Offers: id, customer, answer, day; `campaign` brings a column that was not there before."""

    rows: tuple[tuple[int, int, str, str | None], ...]
    campaign: bool = False


@dataclass(frozen=True)
class Tickets:
    """Tickets: id, customer, hours, day."""

    rows: tuple[tuple[int, int, str, str | None], ...]


@dataclass(frozen=True)
class Bookings:
    """Records without a key: customer, amount, kind, day."""

    rows: tuple[tuple[int, str, str, str], ...]


@dataclass(frozen=True)
class Edit:
    """Another SQL for the model of the project."""

    least: int


@dataclass(frozen=True)
class Setting:
    """Another setting that models reckon with."""

    margin: str


@dataclass(frozen=True)
class Later:
    """Days that pass."""

    days: int


@dataclass(frozen=True)
class Together:
    """Steps that one build takes at once."""

    steps: tuple["Step", ...]


Step = Snapshot | Usage | Offers | Tickets | Bookings | Edit | Setting | Later | Together

_ID = st.integers(1, 5)
_CUSTOMER = st.integers(1, 5)
_DAY = st.sampled_from([None, "2025-04-30", "2025-05-01", "2025-06-15", "2025-06-16", "2025-07-02", "2025-08-31"])
_DATED = st.sampled_from(["2025-04-30", "2025-05-01", "2025-06-15", "2025-07-02"])
_BALANCE = st.sampled_from(["0.00", "1.10", "250.25", "7000.00"])


def _unique(rows: st.SearchStrategy[Row], most: int = 4) -> st.SearchStrategy[tuple[Row, ...]]:
    return st.lists(rows, min_size=1, max_size=most, unique_by=lambda row: row[0]).map(tuple)


_CUSTOMERS = _unique(
    st.tuples(st.integers(1, 4), st.sampled_from(["Egypt", "UAE"]), st.integers(0, 1), st.sampled_from([3, 60]))
)


@st.composite
def _there_and_back(draw: st.DrawFn) -> tuple[Step, ...]:
    """Three monthly snapshots, the third like the first, in any order of arrival."""
    first, second = draw(_CUSTOMERS), draw(_CUSTOMERS)
    month = draw(st.integers(4, 6))
    snapshots = [Snapshot(month, first), Snapshot(month + 1, second), Snapshot(month + 2, first)]
    return tuple(draw(st.permutations(snapshots)))


def _alone(step: st.SearchStrategy[Step]) -> st.SearchStrategy[tuple[Step, ...]]:
    return step.map(lambda one: (one,))


_FRAGMENTS: st.SearchStrategy[tuple[Step, ...]] = st.one_of(
    _there_and_back(),
    _alone(st.builds(Snapshot, st.integers(4, 9), _CUSTOMERS)),
    _alone(st.builds(Usage, _unique(st.tuples(_ID, _CUSTOMER, st.sampled_from(["Savings", "Card"]), _BALANCE, _DAY)))),
    _alone(st.builds(Usage, _unique(st.tuples(_ID, _CUSTOMER, st.sampled_from(["Savings", "Card"]), _BALANCE, _DAY)))),
    _alone(st.builds(Offers, _unique(st.tuples(_ID, _CUSTOMER, st.sampled_from(["0", "1", ""]), _DAY)), st.booleans())),
    _alone(st.builds(Tickets, _unique(st.tuples(_ID, _CUSTOMER, st.sampled_from(["", "1.50", "9.00"]), _DAY)))),
    _alone(
        st.builds(
            Bookings,
            st.lists(
                st.tuples(_CUSTOMER, st.sampled_from(["-5.00", "3.50"]), st.sampled_from(["fee", "purchase"]), _DATED),
                min_size=1,
                max_size=4,
            ).map(tuple),
        )
    ),
    _alone(
        st.one_of(
            st.builds(Edit, st.integers(0, 2)),
            st.builds(Setting, st.sampled_from(["0.02", "0.05"])),
            st.builds(Later, st.sampled_from([1, 5, 40])),
        )
    ),
)
_TOGETHER = st.lists(_FRAGMENTS, min_size=2, max_size=3).map(
    lambda fragments: (Together(tuple(fragment[0] for fragment in fragments)),)
)
SEQUENCES = st.lists(st.one_of(_FRAGMENTS, _TOGETHER), min_size=2, max_size=5).map(
    lambda fragments: tuple(step for fragment in fragments for step in fragment)
)

_CUSTOMER_HEADER = "customer_id,geography,is_active,tenure_months"


@dataclass
class Bank:
    """A project that takes steps one by one, building after each."""

    project: Project
    today: date = FIRST_DAY
    step: int = 0
    built: list[str] = field(default_factory=list[str])

    def take(self, step: Step) -> None:
        """Deliver or change what a step says, then run."""
        for one in step.steps if isinstance(step, Together) else (step,):
            self._take(one)
        self.run()

    def _take(self, step: Step) -> None:
        self.step += 1
        landing, name = self.project.root / "landing", f"{self.step:03d}"
        if isinstance(step, Snapshot):
            _csv(
                landing / f"customers_2025-{step.month:02d}.csv",
                "customer_id,geography,is_active,tenure_months",
                step.rows,
            )
        elif isinstance(step, Usage):
            lines = [
                f'{{"usage_log_id": {row[0]}, "customer_id": {row[1]}, "product_type": "{row[2]}", '
                f'"monthly_balance": {row[3]}, "num_products": {row[0]}, "usage_date": {json.dumps(row[4])}}}'
                for row in step.rows
            ]
            (landing / f"usage_{name}.json").write_text("\n".join(lines) + "\n")
        elif isinstance(step, Offers):
            if step.campaign:
                _add_column(self.project, "offers", "campaign: {type: string}")
            grown = "campaign: " in (self.project.sources / "offers.yml").read_text()
            header = "offer_id,customer_id,accepted,date_offered,offer_type" + (",campaign" if grown else "")
            rows = [(*row, "Cashback", *(["spring"] if grown else [])) for row in step.rows]
            _csv(landing / f"offers_{name}.csv", header, rows)
        elif isinstance(step, Tickets):
            rows = [(*row[:3], f"{row[3]} 10:00:00" if row[3] else "", "Fees", "Low") for row in step.rows]
            header = "ticket_id,customer_id,resolution_time_hrs,opened_at,issue_type,severity"
            _csv(landing / f"customer_support_tickets_{name}.csv", header, rows)
        elif isinstance(step, Bookings):
            rows = [(*row[:3], f"{row[3]} 09:30:00") for row in step.rows]
            _csv(landing / f"transactions_{name}.csv", "customer_id,amount,kind,transaction_at", rows)
        elif isinstance(step, Edit):
            _write_model(self.project, step.least)
        elif isinstance(step, Setting):
            path = self.project.root / "tenure.toml"
            path.write_text(f'[project]\ncurrency = "USD"\n\n[clv]\nnet_interest_margin = {step.margin}\n')
            self.project = open_project(self.project.root)
        elif isinstance(step, Later):
            self.today = date.fromordinal(self.today.toordinal() + step.days)

    def run(self) -> None:
        """Ingest and build; every delivery must be taken."""
        result = run_all(self.project, self.today)
        refused = [outcome.reason for outcome in result.refused]
        assert not refused, refused
        assert result.build is not None
        self.built = list(result.build.computed)

    def content(self) -> dict[str, str]:
        """The content hash of every table of the release in force."""
        store = ReleaseStore(self.project.warehouse)
        pointer = store.pointer()
        assert pointer is not None
        return {table.name: table.content_hash for table in store.manifest(pointer.current).tables}

    def content_of_files(self) -> dict[str, str]:
        """The same, but read from the files: an increment reckons its hashes, it does not read what it wrote."""
        store = ReleaseStore(self.project.warehouse)
        pointer = store.pointer()
        assert pointer is not None
        engine = DuckDBEngine(self.project.scratch, threads=1)
        try:
            found: dict[str, str] = {}
            for table in store.manifest(pointer.current).tables:
                files = [store.folder / pointer.current / part.file for part in table.parts]
                rows, checksum = added_up(engine.checksums(files))
                found[table.name] = content_hash_of(table.columns, rows, checksum)
            return found
        finally:
            engine.close()

    def content_at_once(self) -> dict[str, str]:
        """The same after everything was computed anew from the raw zone."""
        run_build(self.project, BuildRequest("at once", self.today, full=True))
        return self.content()


def differences(steps: tuple[Step, ...], folder: Path) -> list[str]:
    """Take the steps one by one; the tables in which that differs from building all at once."""
    bank = new_bank(folder)
    for step in steps:
        bank.take(step)
    by_steps, read, at_once = bank.content(), bank.content_of_files(), bank.content_at_once()
    assert read == by_steps
    assert by_steps.keys() == at_once.keys()
    return sorted(name for name in at_once if by_steps[name] != at_once[name])


def new_bank(folder: Path) -> Bank:
    """A bank with one customer, customers in whole snapshots, bookings without a key and a model of its own."""
    make_project(folder, "bank")
    project = open_project(folder)
    customers = project.sources / "customers.yml"
    lines = [line for line in customers.read_text().splitlines() if not line.startswith("columns:") and line[:1] != " "]
    columns = "customer_id: {type: integer, required: true}, geography: {type: string}"
    more = "is_active: {type: boolean, required: true}, tenure_months: {type: integer}"
    mode = "mode: snapshot\nmax_deleted_share: 1.0"
    customers.write_text("\n".join([*lines, mode, f"columns: {{{columns}, {more}}}"]) + "\n")
    bookings = project.sources / "transactions.yml"
    text = bookings.read_text().replace("key: [transaction_id]", "keyless: true")
    bookings.write_text(text.replace("  transaction_id: {type: integer, required: true}\n", ""))
    _write_model(project, 0)
    bank = Bank(project)
    _csv(
        project.root / "landing" / "customers_2025-03.csv",
        "customer_id,geography,is_active,tenure_months",
        [(1, "Egypt", 1, 9)],
    )
    bank.run()
    return bank


def _csv(path: Path, header: str, rows: tuple[Row, ...] | list[Row]) -> None:
    lines = [",".join("" if value is None else str(value) for value in row) for row in rows]
    path.write_text("\n".join([header, *lines]) + "\n")


def _add_column(project: Project, source: str, column: str) -> None:
    path = project.sources / f"{source}.yml"
    if column not in path.read_text():
        path.write_text(path.read_text().rstrip() + f"\n  {column}\n")


_OWN_MODEL = """description: Usage of some size, a model of the project.
grain: one usage log
kind: partitioned
partition: activity_date
follows: {fact_customer_activity: usage_log_id}
key: [usage_log_id]
columns:
  usage_log_id: {type: id, description: The log}
  customer_id: {type: id, description: Whose it is}
  activity_date: {type: DATE, description: When it happened}
  monthly_balance: {type: "DECIMAL(18,2)", description: The balance}
"""


def _write_model(project: Project, least: int) -> None:
    folder = project.root / "models"
    folder.mkdir(exist_ok=True)
    (folder / "sizeable_usage.yml").write_text(_OWN_MODEL)
    (folder / "sizeable_usage.sql").write_text(
        "SELECT usage_log_id, customer_id, activity_date, monthly_balance\n"
        f"FROM fact_customer_activity WHERE usage_log_id IS NOT NULL AND monthly_balance >= {least}\n"
    )
