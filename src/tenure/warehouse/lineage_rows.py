"""Row lineage: from one row of a release down to the records it depends on, each with its file and line.

The walk goes from table to table by what each model declares in `follows`: rows with some values of a column
depend only on the input's rows with these values; and by what the SQL itself shows of its keys. An input of which
neither is known is named as a whole.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import pyarrow as pa

from tenure.contracts.entities import entity_of, feed_of
from tenure.contracts.model import Contract
from tenure.core.errors import UsageError
from tenure.raw.zone import RawZone
from tenure.warehouse.lineage import Lineage
from tenure.warehouse.lineage_keys import find_row, literal
from tenure.warehouse.lineage_local import Local
from tenure.warehouse.models import Model
from tenure.warehouse.releases import OpenRelease

Pairs = tuple[tuple[str, str], ...]
"""Columns of a table, each with the column of an input that has the same value."""

_RAW = "raw_"
_PLACE = ("_load_id", "_row")


@dataclass(frozen=True)
class Record:
    """A raw record: where it was delivered and when it was recorded.

    `row` is the line of the file at which it starts, or its ordinal in a table by the order of the key.
    `state` is `in force` for the record that a table took (the newest of its key), `superseded` for one that a newer
    delivery replaced (it may still say when the key was first delivered), `delete marker` for word that the key is
    gone, and `read` where no table says which record it took.
    """

    entity: str
    source: str
    delivery: str
    in_table: bool
    row: int
    key: Mapping[str, object]
    load_id: str
    recorded_at: datetime
    state: str
    values: Mapping[str, object]


@dataclass(frozen=True)
class Step:
    """How the walk went from a table to an input: by which columns, to how many rows.

    `declared` is whether the model's yml says so (`follows`); else it was read from the SQL (`lineage_local`).
    """

    table: str
    input: str
    by: Pairs
    rows: int
    declared: bool


@dataclass(frozen=True)
class Whole:
    """An input that the row depends on as a whole, who reads it, and how many loads lie behind it by source.

    `derived` tells whether it is made of raw records; without loads it is then empty.
    """

    input: str
    derived: bool
    read_by: tuple[str, ...]
    loads: Mapping[str, int]


@dataclass(frozen=True)
class RowLineage:
    """All that a row of a release depends on. `outdated` are models whose SQL has changed since the release."""

    release: str
    table: str
    key: Mapping[str, object]
    steps: tuple[Step, ...]
    records: tuple[Record, ...]
    whole: tuple[Whole, ...]
    outdated: tuple[str, ...]


@dataclass
class _Walk:
    """What is known while walking: per table the conditions under which its rows matter."""

    release: OpenRelease
    lineage: Lineage
    wanted: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    kept: dict[str, set[tuple[object, ...]]] = field(default_factory=dict[str, set[tuple[object, ...]]])
    whole: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    steps: list[Step] = field(default_factory=list[Step])

    def rows(self, table: str, columns: Iterable[str]) -> pa.Table:
        """The rows of a table that matter."""
        names = ", ".join(f'"{name}"' for name in dict.fromkeys(columns)) or "1"
        conditions = " OR ".join(self.wanted[table])
        return self.release.query(f"SELECT {names} FROM {table} WHERE {conditions}")


def _show_inputs(release: OpenRelease) -> None:
    """A release shows its inputs, `loads` and the settings among them, once a query names a raw one."""
    release.query("SELECT 1 AS seen FROM raw_customers WHERE 1 = 0")


def row_lineage(
    release: OpenRelease,
    zone: RawZone,
    lineage: Lineage,
    contracts: Sequence[Contract],
    table: str,
    key: Sequence[str],
    *,
    values: bool = False,
) -> RowLineage:
    """All that the row of `table` with this key depends on, as far as the loads of the release tell.

    The delivered values come along only with `values`. Raises `UsageError` for a table or key that is not there.
    """
    model = lineage.models.get(lineage.expect_table(table))
    if model is None:
        raise UsageError(f"{table} is an input, not a table of models", cure="name a table that is built from it")
    _show_inputs(release)
    found, condition = find_row(release, model, key)
    walk = _Walk(release, lineage, {table: [condition]})
    for name in reversed(list(lineage.models)):
        if name in walk.wanted:
            _step(walk, lineage.models[name])
    raws = [name for name in lineage.inputs if name.startswith(_RAW) and name in walk.wanted]
    records = [record for name in raws for record in _records(walk, zone, contracts, name, values)]
    outdated = [name for name in (table, *walk.wanted) if _outdated(release, lineage, name)]
    return RowLineage(
        release.id,
        table,
        found,
        tuple(walk.steps),
        tuple(sorted(records, key=lambda record: (record.entity, record.load_id, record.row))),
        tuple(_whole(walk, zone, name) for name in walk.whole),
        tuple(dict.fromkeys(outdated)),
    )


def _outdated(release: OpenRelease, lineage: Lineage, name: str) -> bool:
    model = lineage.models.get(name)
    return model is not None and release.manifest.definition(name) != model.definition


def _step(walk: _Walk, model: Model) -> None:
    """Go from the rows of a table that matter to the rows of its inputs that do."""
    reads = [name for name in [*walk.lineage.inputs, *walk.lineage.models] if name in _reads(walk, model)]
    month, follows, onwards = _month_of(model), model.description.follows, model.description.onwards
    own = {column.name for column in model.columns}
    marks = _PLACE if {*_PLACE} <= own else ()
    needed = [*model.description.key, *follows.values(), *marks, *filter(None, [month])]
    table = walk.rows(model.name, needed)
    rows, local = table.to_pylist(), walk.lineage.local(model)
    for name in reads:
        pairs = _way(model, name, local, follows, table)
        if marks and name.startswith(_RAW):
            walk.kept.setdefault(name, set()).update(tuple(row[mark] for mark in _PLACE) for row in rows)
        if not pairs:
            walk.whole.setdefault(name, []).append(model.name)
            continue
        condition = _condition(rows, pairs, month if name in onwards else None, onwards.get(name))
        if condition is None:
            continue
        walk.wanted.setdefault(name, []).append(condition)
        count = walk.release.query(f"SELECT COUNT(*) AS n FROM {name} WHERE {condition}")["n"].to_pylist()[0]
        walk.steps.append(Step(model.name, name, pairs, int(str(count)), name in follows))


def _month_of(model: Model) -> str | None:
    """The date that says which month a row is of: that of its part; of a view, the only date of its key."""
    dates = [column.name for column in model.columns if column.type == "DATE" and column.name in model.description.key]
    return model.description.partition or (dates[0] if model.kind == "view" and len(dates) == 1 else None)


def _reads(walk: _Walk, model: Model) -> frozenset[str]:
    return walk.lineage.traces[model.name].tables


def _way(model: Model, name: str, local: Mapping[str, Local], follows: Mapping[str, str], rows: pa.Table) -> Pairs:
    """By which columns rows of the input are found: the one that is followed, and those of the key that can be shown.

    No column means that all of the input matters.
    """
    followed = ((follows[name], follows[name]),) if name in follows else ()
    shown = ((mine, local[mine].get(name)) for mine in model.description.key)
    keyed = tuple((mine, other) for mine, other in shown if other and not rows[mine].null_count)
    return tuple(dict.fromkeys((*followed, *keyed)))


def _condition(rows: Sequence[Mapping[str, Any]], pairs: Pairs, until: str | None, dated: str | None) -> str | None:
    """The rows of an input that have the values of these rows, up to the month of each; None for no value."""
    last: dict[tuple[object, ...], date | None] = {}
    for row in rows:
        values = tuple(row[mine] for mine, _ in pairs)
        if any(value is None for value in values):
            continue
        limit = _month_after(row[until]) if until else None
        known = last.get(values, date.min)
        last[values] = None if limit is None or known is None else max(limit, known)
    by_limit: dict[date | None, list[tuple[object, ...]]] = {}
    for values, limit in last.items():
        by_limit.setdefault(limit, []).append(values)
    tests: list[str] = []
    for limit, wanted in by_limit.items():
        test = _equal([other for _, other in pairs], wanted)
        if limit is not None:
            test = f'({test} AND ("{dated}" IS NULL OR "{dated}" < CAST(\'{limit}\' AS DATE)))'
        tests.append(test)
    return f"({' OR '.join(tests)})" if tests else None


def _equal(columns: Sequence[str], wanted: Sequence[tuple[object, ...]]) -> str:
    if len(columns) == 1:
        return f'"{columns[0]}" IN ({", ".join(literal(values[0]) for values in wanted)})'
    names = ", ".join(f'"{name}"' for name in columns)
    rows = ", ".join(f"({', '.join(map(literal, values))})" for values in wanted)
    return f"({names}) IN ({rows})"


def _month_after(day: date | None) -> date | None:
    if day is None:
        return None
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


def _records(walk: _Walk, zone: RawZone, contracts: Sequence[Contract], name: str, values: bool) -> Iterable[Record]:
    entity = entity_of(name.removeprefix(_RAW))
    loads = {load.load_id: load for load in zone.state.loads()}
    kinds = {contract.source: contract.kind for contract in contracts}
    kept = walk.kept.get(name, set())
    columns = [column.name for column in walk.lineage.inputs[name]]
    origin = ("_load_id", "_row", "_source", "_recorded_at", "_deleted")
    shown = [column for column in columns if not column.startswith("_")] if values else []
    for row in walk.rows(name, [*origin, *entity.keys, *shown]).to_pylist():
        place = tuple(row[mark] for mark in _PLACE)
        state = "in force" if place in kept else "superseded" if kept else "read"
        yield Record(
            entity.name,
            str(row["_source"]),
            loads[str(row["_load_id"])].delivery,
            kinds.get(str(row["_source"])) in {"mariadb", "sql"},
            row["_row"],
            {column: row[column] for column in entity.keys},
            str(row["_load_id"]),
            row["_recorded_at"],
            "delete marker" if row["_deleted"] else state,
            {column: row[column] for column in shown if row[column] is not None},
        )


def _whole(walk: _Walk, zone: RawZone, name: str) -> Whole:
    """An input that matters as a whole, and the loads of the release behind it."""
    entities: set[str] = set()
    waiting, seen = [name], {name}
    while waiting:
        at = waiting.pop()
        if at.startswith(_RAW):
            entities.add(at.removeprefix(_RAW))
        new = walk.lineage.traces[at].tables - seen if at in walk.lineage.traces else frozenset[str]()
        seen |= new
        waiting.extend(new)
    loads: dict[str, int] = {}
    for load in zone.state.loads():
        if load.load_id in walk.release.manifest.loads and (
            feed_of(load.entity, load.source) in entities or name == "loads"
        ):
            loads[load.source] = loads.get(load.source, 0) + 1
    return Whole(name, bool(entities), tuple(walk.whole[name]), loads)
