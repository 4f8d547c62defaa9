"""Snapshots in any order of arrival tell the same lives as all of them laid side by side."""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st

from tenure.contracts.columns import ColumnContract
from tenure.contracts.model import Contract
from tenure.engine.duckdb import DuckDBEngine
from tenure.engine.protocol import Engine
from tenure.raw.audit import audit_loads
from tenure.raw.state import StateDatabase
from tenure.raw.zone import RawZone
from tenure.sources.delivered import Delivery, RunContext
from tenure.sources.loader import load_delivery
from tenure.sources.records import Block

FIRST = date(2025, 6, 1)
DAYS = 5
KEYS = range(4)
RUN = RunContext("run", date(2030, 1, 1))


@dataclass(frozen=True)
class Arrival:
    """One delivery: the day it speaks of, and its records by key.

    `broken` keys have a record that is quarantined; `unreadable`: so has a record whose key nobody can read.
    """

    day: int
    there: frozenset[int]
    broken: frozenset[int] = frozenset()
    contradicted: frozenset[int] = frozenset()
    unreadable: bool = False
    snapshot: bool = True

    def records(self) -> list[tuple[str, str]]:
        held = sorted(self.there - self.contradicted)
        rows = [(str(key), "30") for key in held]
        rows += [(str(key), "old") for key in sorted(self.broken)]
        rows += [(str(key), age) for key in sorted(self.contradicted) for age in ("31", "32")]
        return [*rows, *[("?", "30")] * self.unreadable]

    def says(self, key: int) -> bool | None:
        """Whether the key is there; None when this delivery does not say."""
        if key in self.there - self.contradicted:
            return True
        silent = not self.snapshot or self.unreadable or key in self.broken | self.contradicted
        return None if silent else False


_SOME = st.frozensets(st.sampled_from(KEYS))
_FEW = st.frozensets(st.sampled_from(KEYS), max_size=1)


def _snapshot(days: st.SearchStrategy[int]) -> st.SearchStrategy[Arrival]:
    return st.builds(
        Arrival,
        day=days,
        there=_SOME,
        broken=st.one_of(st.just(frozenset[int]()), _FEW),
        contradicted=st.one_of(st.just(frozenset[int]()), _FEW),
        unreadable=st.sampled_from([False] * 7 + [True]),
    )


_EVERY_DAY = st.tuples(*(_snapshot(st.just(day)) for day in range(DAYS)))
_SNAPSHOTS = st.one_of(
    st.lists(_snapshot(st.integers(0, DAYS - 1)), min_size=1, max_size=6),
    st.tuples(_EVERY_DAY, st.lists(_snapshot(st.integers(0, DAYS - 1)), max_size=2))
    .map(lambda drawn: [*drawn[0], *drawn[1]])
    .flatmap(st.permutations),
)
_UPSERTS = st.lists(st.builds(Arrival, day=st.integers(0, DAYS - 1), there=_SOME, snapshot=st.just(False)), max_size=2)


def _contract(*, snapshot: bool) -> Contract:
    own = {"mode": "snapshot", "allow_empty": True, "max_deleted_share": 1} if snapshot else {}
    return Contract.model_validate(
        {
            "source": "customers",
            "entity": "customers",
            "kind": "csv",
            "path": "x",
            "key": ["customer_id"],
            "max_bad_share": 1,
            "columns": {
                "customer_id": ColumnContract(type="integer"),
                "age": ColumnContract(type="integer"),
            },
            **own,
        }
    )


def _block(records: Sequence[tuple[str, str]]) -> Block:
    rows = range(1, len(records) + 1)
    table = pa.table(
        {
            "customer_id": pa.array([key for key, _ in records], pa.string()),
            "age": pa.array([age for _, age in records], pa.string()),
            "_row": pa.array(rows, pa.int64()),
        }
    )
    return Block(table, len(records), lambda row: ",".join(records[row - 1]).encode())


def _load(arrival: Arrival, zone: RawZone, engine: Engine) -> None:
    block = _block(arrival.records())
    effective = FIRST + timedelta(days=arrival.day)
    delivery = Delivery("file", "hash", "stamp", lambda: iter([block]), effective)
    loaded = load_delivery(_contract(snapshot=arrival.snapshot), delivery, zone, engine, RUN)
    assert loaded is not None
    assert loaded.record.records_in == len(arrival.records())
    assert bool(loaded.notes) == (arrival.snapshot and arrival.unreadable)


def _states_by_oracle(arrivals: Sequence[Arrival], key: int) -> list[bool]:
    """Whether the key lives on each day: on each, the newest delivery that says something of it counts."""
    lives, alive = list[bool](), False
    for day in range(DAYS):
        said = [arrival.says(key) for arrival in arrivals if arrival.day == day]
        words = [word for word in said if word is not None]
        alive = words[-1] if words else alive
        lives.append(alive)
    return lives


def _states_by_rows(rows: Sequence[dict[str, object]], key: int) -> list[bool]:
    """The same, by nothing but the rows of all loads."""
    own = sorted((row for row in rows if row["customer_id"] == key), key=lambda row: str(row["_load_id"]))
    newest = {row["_effective"]: not row["_deleted"] for row in own}
    lives, alive = list[bool](), False
    for day in range(DAYS):
        alive = newest.get(FIRST + timedelta(days=day), alive)
        lives.append(alive)
    return lives


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDBEngine]:
    own = DuckDBEngine(tmp_path_factory.mktemp("scratch"), threads=1)
    yield own
    own.close()


def _classify(arrivals: Sequence[Arrival]) -> None:
    days = [arrival.day for arrival in arrivals]
    kinds = {
        "late": any(day < max(days[:at], default=0) for at, day in enumerate(days)),
        "the same day again": len(set(days)) < len(days),
        "empty": any(not arrival.records() for arrival in arrivals),
        "a key returns": any(
            "TFT" in "".join("FT"[state] for state in _states_by_oracle(arrivals, key)) for key in KEYS
        ),
        "quarantined": any(arrival.broken or arrival.contradicted for arrival in arrivals),
        "unreadable": any(arrival.unreadable for arrival in arrivals),
        "upserts before": not arrivals[0].snapshot,
    }
    for kind, drawn in kinds.items():
        if drawn:
            event(kind)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(upserts=_UPSERTS, snapshots=_SNAPSHOTS)
@example(  # Of the two snapshots of day 2 the second counts: key 0 does not end there.
    upserts=[],
    snapshots=[Arrival(2, frozenset({1})), Arrival(2, frozenset({0, 1})), Arrival(1, frozenset({0, 1}))],
)
@example(  # The marker that ends key 0 on day 2 stands in the load of day 0, and decides that it is new on day 3.
    upserts=[],
    snapshots=[
        Arrival(2, frozenset({1}), broken=frozenset({2})),
        Arrival(4, frozenset({1})),
        Arrival(0, frozenset({0, 1})),
        Arrival(1, frozenset({0, 1})),
        Arrival(3, frozenset({0, 1})),
    ],
)
def test_markers_give_every_key_its_lives_whatever_the_order_of_arrival(
    engine: DuckDBEngine, upserts: list[Arrival], snapshots: list[Arrival]
) -> None:
    arrivals = [*upserts, *snapshots]
    _classify(arrivals)
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "raw"
        raw.mkdir()
        zone = RawZone(raw, StateDatabase(Path(folder) / "state.sqlite"))
        rows: list[dict[str, object]] = []
        for number, arrival in enumerate(arrivals, 1):
            _load(arrival, zone, engine)
            rows += pq.read_table(zone.path(zone.state.loads()[-1]) / "data.parquet").to_pylist()
            for key in KEYS:
                assert _states_by_rows(rows, key) == _states_by_oracle(arrivals[:number], key), key
        places = [(row["_load_id"], row["_row"]) for row in rows]
        assert len(set(places)) == len(places)
        assert [finding for finding in audit_loads(zone) if finding.problem] == []
