"""Whatever is loaded, replayed, edited and dismissed in whatever order: every record has one fate, and is loaded once.

What is replayed ends where it would be had its contract been right from the first delivery on.
"""

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tenure.contracts.columns import ColumnContract
from tenure.contracts.model import Contract
from tenure.core.errors import SourceRefused
from tenure.engine.duckdb import DuckDBEngine
from tenure.engine.protocol import Engine
from tenure.raw.audit import audit_loads
from tenure.raw.quarantine import Chosen, Quarantined, quarantined
from tenure.raw.settled import Settled
from tenure.raw.state import StateDatabase
from tenure.raw.zone import DATA, RawZone
from tenure.sources.delivered import RunContext
from tenure.sources.files import file_delivery
from tenure.sources.loader import load_delivery
from tenure.sources.replay import Attempt, Reason, as_delivered, replay

FIRST = date(2025, 6, 1)
RUN = RunContext("run", date(2030, 1, 1))
REASON = Reason("for a test", "tester")
WORDS = ("a", "b", "c")
"""Values of a record: the first contract allows `a` alone, the last one all of them."""
KEYS = range(4)

Record = tuple[int, str]


def contract(allowed: int, mode: str) -> Contract:
    """A contract that allows so many of the words."""
    columns = {
        "customer_id": ColumnContract(type="integer", required=True),
        "segment": ColumnContract(type="string", allowed=WORDS[:allowed]),
    }
    words: dict[str, Any] = (
        {"mode": "snapshot", "max_deleted_share": 1, "allow_empty": True} if mode == "snapshot" else {}
    )
    return Contract(
        source="people",
        entity="customers",
        kind="csv",
        path="*.csv",
        key=("customer_id",),
        effective={"file_name": "*_{yyyy-mm-dd}.csv"},  # pyright: ignore[reportArgumentType]
        max_bad_share=1,
        columns=columns,
        **words,
    )


@dataclass(frozen=True)
class Arrive:
    """A delivery for a day."""

    day: int
    records: tuple[Record, ...]


@dataclass(frozen=True)
class Widen:
    """The contract allows all words from now on."""


@dataclass(frozen=True)
class Take:
    """Replay every `step`-th open record; `edited` with the word `a` in place of its own."""

    step: int
    edited: bool


@dataclass(frozen=True)
class Dismiss:
    """Dismiss every `step`-th open record."""

    step: int


Act = Arrive | Widen | Take | Dismiss

_records = st.lists(st.tuples(st.sampled_from(KEYS), st.sampled_from([*WORDS, "d"])), max_size=5).map(tuple)
_one_a_key = st.lists(
    st.tuples(st.sampled_from(KEYS), st.sampled_from(WORDS)), max_size=4, unique_by=lambda record: record[0]
).map(tuple)
_days = st.integers(0, 3)
_acts = st.lists(
    st.one_of(
        st.builds(Arrive, _days, _records),
        st.just(Widen()),
        st.builds(Take, st.integers(1, 3), st.booleans()),
        st.builds(Dismiss, st.integers(1, 3)),
    ),
    min_size=3,
    max_size=9,
)
_plain_acts = st.lists(
    st.one_of(
        st.builds(Arrive, _days, _one_a_key), st.just(Widen()), st.builds(Take, st.integers(1, 3), st.just(False))
    ),
    min_size=2,
    max_size=9,
)


@dataclass
class World:
    """A raw zone in a folder of its own, and what has been delivered to it."""

    folder: Path
    engine: Engine
    mode: str
    allowed: int = 1
    delivered: dict[str, int] = field(default_factory=dict[str, int])

    def __post_init__(self) -> None:
        (self.folder / "raw").mkdir(parents=True)
        self.zone = RawZone(self.folder / "raw", StateDatabase(self.folder / "state.sqlite"))

    def do(self, act: Act) -> None:
        """Do it, as the commands do."""
        if isinstance(act, Arrive):
            self._arrive(act)
        elif isinstance(act, Widen):
            self.allowed = len(WORDS)
        elif isinstance(act, Take):
            chosen = self.waiting()[:: act.step]
            attempts = [self._attempt(record, edited=act.edited) for record in chosen]
            done = replay(contract(self.allowed, self.mode), attempts, REASON, self.zone, self.engine, RUN)
            assert [entry.refused for entry in done if entry.refused] == []
            assert sum(entry.tried for entry in done) == len(chosen)
        else:
            at = datetime(2030, 1, 1, tzinfo=UTC)
            self.zone.state.settle(
                [
                    Settled(record.load.load_id, record.ordinal, "dismissed", None, "not needed", at, "tester")
                    for record in self.waiting()[:: act.step]
                ]
            )

    def _arrive(self, act: Arrive) -> None:
        path = self.folder / f"{len(self.delivered)}_{FIRST + timedelta(act.day)}.csv"
        path.write_text("customer_id,segment\n" + "".join(f"{key},{word}\n" for key, word in act.records))
        terms = contract(self.allowed, self.mode)
        try:
            loaded = load_delivery(terms, file_delivery(self.folder, path, terms), self.zone, self.engine, RUN)
        except SourceRefused:  # all of it broken: nothing came
            self.delivered[path.name] = -1
            return
        assert loaded is not None
        self.delivered[path.name] = len(act.records)

    def _attempt(self, record: Quarantined, *, edited: bool) -> Attempt:
        if not edited:
            return as_delivered(contract(self.allowed, self.mode), record)
        return Attempt(record, record.record.split(b",")[0] + b",a", ("customer_id", "segment"))

    def waiting(self) -> list[Quarantined]:
        """The open records."""
        return list(quarantined(self.zone, Chosen("people")))

    def rows(self) -> list[dict[str, Any]]:
        """All rows of all loads."""
        loads = self.zone.state.loads()
        return [row for load in loads for row in pq.read_table(self.zone.path(load) / DATA).to_pylist()]

    def lives(self) -> dict[int, list[tuple[date, str | None]]]:
        """Of each key its words day by day, None from when it is gone: the newest row of each day, as staging reads."""
        newest: dict[tuple[int, date], dict[str, Any]] = {}
        for row in sorted(self.rows(), key=lambda row: (row["_load_id"], row["_row"])):
            newest[row["customer_id"], row["_effective"]] = row
        told: dict[int, list[tuple[date, str | None]]] = {}
        for (key, day), row in sorted(newest.items()):
            life = told.setdefault(key, [])
            word = None if row["_deleted"] else row["segment"]
            if word is not None or (life and life[-1][1] is not None):
                life.append((day, word))
        return {key: life for key, life in told.items() if life}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    opened = DuckDBEngine(tmp_path_factory.mktemp("scratch"))
    yield opened
    opened.close()


def account_holds(world: World) -> None:
    """Every record of every delivery is in exactly one place, and the loads say so."""
    settled = world.zone.state.settled()
    everything = list(quarantined(world.zone, Chosen("people", open_only=False)))
    fates = Counter(record.fate for record in everything)
    replays = {load.load_id for load in world.zone.state.loads() if world.zone.manifest(load).replays}
    first_hand = [load for load in world.zone.state.loads() if load.load_id not in replays]
    for load in first_hand:
        assert load.records_in == world.delivered[load.delivery]
        assert load.records_in == load.loaded + load.quarantined + load.duplicates
    assert sum(fates.values()) == sum(load.quarantined for load in first_hand)
    taken = sum(load.records_in for load in world.zone.state.loads() if load.load_id in replays)
    assert taken == fates["replayed"] == sum(entry.fate == "replayed" for entry in settled.values())
    assert all(entry.by_load in replays for entry in settled.values() if entry.fate == "replayed")
    places = Counter((row["_load_id"], row["_row"]) for row in world.rows())
    assert not places or max(places.values()) == 1
    waiting_places = {(record.load.load_id, record.row) for record in everything if record.fate != "replayed"}
    assert not waiting_places & {place for place in places if place[0] not in replays}
    assert [finding.problem for finding in audit_loads(world.zone) if finding.problem] == []


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(acts=_acts, mode=st.sampled_from(["upsert", "snapshot"]))
def test_every_record_has_one_fate(engine: Engine, acts: Sequence[Act], mode: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder) / "world", engine, mode)
        for act in acts:
            world.do(act)
            account_holds(world)


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(acts=_plain_acts, mode=st.sampled_from(["upsert", "snapshot"]))
def test_replayed_records_end_where_a_right_contract_had_put_them(
    engine: Engine, acts: Sequence[Act], mode: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder) / "mended", engine, mode)
        for act in [*acts, Widen(), Take(1, edited=False)]:
            world.do(act)
        assert world.waiting() == []
        right = World(Path(folder) / "right", engine, mode, allowed=len(WORDS))
        for act in acts:
            if isinstance(act, Arrive):
                right.do(act)
        assert world.lives() == right.lives()
