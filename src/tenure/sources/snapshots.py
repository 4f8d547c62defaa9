"""What a snapshot says by what it leaves out: keys that its source no longer holds become delete markers.

Each snapshot speaks of every key at its effective day: the key is there, or it is not, or (for the key of a
quarantined record) nothing is said. Of two snapshots of one day, the one that arrived last counts. A key lives from
a day on which it is there to the next one on which it is not.

Markers say the second half of that, whatever the order in which snapshots arrive. The rows of all loads together,
read as "the newest load for each key and day, then day after day", give the same lives as all snapshots seen at
once. A new snapshot keeps that true with two kinds of markers:

- *missing* keys were alive before its day, and it does not hold them: a marker on its own day;
- *ended* keys are alive because of it, and the next later snapshot that speaks of them does not hold them. Nobody
  had to say so before: a marker on that later snapshot's day.

Markers are true of the snapshot whose day they bear, so none ever has to be taken back.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import cast

import pyarrow as pa
import pyarrow.parquet as pq

from tenure.contracts.model import Contract
from tenure.core.errors import SourceRefused, TenureError
from tenure.engine.protocol import Engine
from tenure.raw.state import LoadRecord
from tenure.raw.zone import DATA, QUARANTINE, RESTORE, RawZone
from tenure.sources.stored import KEY_PREFIX, load_schema


@dataclass(frozen=True)
class Snapshot:
    """A snapshot about to be loaded into `folder`, which holds its quarantine already.

    The relation `delivered` has its records. `infers`: the keys of all its records are known, so that those that
    it lacks are known too.
    """

    contract: Contract
    name: str
    effective: date
    infers: bool
    records_in: int
    folder: Path


@dataclass(frozen=True)
class Deletes:
    """Delete markers: `files` hold the key columns and `_effective` of each, `count` is their number."""

    count: int = 0
    files: tuple[Path, ...] = ()


@dataclass(frozen=True)
class _Earlier:
    """A committed load of the source.

    `first` and `last` are the days between which its rows take effect. `day` is the one it speaks of as a whole, if
    it is a snapshot; `whole`: it speaks of every key there is.
    """

    load_id: str
    data: Path
    quarantine: Path
    schema: pa.Schema
    first: date
    last: date
    day: date | None
    infers: bool
    protected: int

    @property
    def whole(self) -> bool:
        return self.infers and not self.protected


def find_deletes(snapshot: Snapshot, zone: RawZone, engine: Engine) -> Deletes:
    """The delete markers that a snapshot gives rise to.

    Raises `SourceRefused` when it lacks more of the known keys than its contract allows.
    """
    earlier = _earlier(snapshot.contract, zone)
    if not earlier:
        return Deletes()
    known_file = snapshot.folder / "known.parquet"
    keys = _listed(snapshot.contract)
    known = engine.write(_known(snapshot, earlier, engine), known_file)
    engine.view_of_files("known", [known_file])
    parts: list[tuple[int, Path]] = []
    if snapshot.infers and known:
        target = snapshot.folder / "missing.parquet"
        engine.view_of_files("apart", [snapshot.folder / QUARANTINE])
        own = ", ".join(f'"{KEY_PREFIX}{name}" AS "{name}"' for name in snapshot.contract.key)
        missing = engine.write(
            f"SELECT {keys}, {_date(snapshot.effective)} AS _effective FROM known"
            f" ANTI JOIN delivered USING ({keys}) ANTI JOIN (SELECT {own} FROM apart) AS a USING ({keys})",
            target,
        )
        _refuse_too_many(snapshot, missing, known)
        parts.append((missing, target))
    later = _snapshots_after(snapshot, earlier)
    if later:
        target = snapshot.folder / "ended.parquet"
        parts.append((engine.write(_ended(snapshot, earlier, later, engine), target), target))
    return Deletes(sum(count for count, _ in parts), tuple(file for _, file in parts))


def data_with_markers(contract: Contract, after: int) -> str:
    """SQL for all rows of a load: those of `delivered`, then those of `markers`, numbered from `after` + 1.

    `markers` must have the columns of `Deletes.files`; `origin` must have one row, and the columns that say where
    a load came from.
    """
    values = {
        **{name: f"CAST(NULL AS {column.sql_type})" for name, column in contract.columns.items()},
        **{name: f'm."{name}"' for name in contract.key},
        "_row": f"{after} + ROW_NUMBER() OVER (ORDER BY {_ordered(contract)}, m._effective ASC NULLS LAST)",
        "_effective": "m._effective",
        "_deleted": "TRUE",
    }
    names = load_schema(contract).names
    markers = ", ".join(f'{values.get(name, f"o.{name}")} AS "{name}"' for name in names)
    records = ", ".join(f'"{name}"' for name in names)
    return (
        f"SELECT {records} FROM delivered UNION ALL SELECT {markers} FROM markers AS m CROSS JOIN origin AS o"
        " ORDER BY _row"
    )


def _refuse_too_many(snapshot: Snapshot, missing: int, known: int) -> None:
    contract = snapshot.contract
    allowed_empty = contract.allow_empty and not snapshot.records_in
    if missing <= contract.max_deleted_share * known or allowed_empty:
        return
    raise SourceRefused(
        f"lacks {missing} of the {known} keys that the source had before, which would delete them; nothing was loaded",
        where=snapshot.name,
        cure=f"deliver it again if it is not complete; if those keys are really gone, sources/{contract.source}.yml"
        f" allows a share of {contract.max_deleted_share} (max_deleted_share)",
    )


def _earlier(contract: Contract, zone: RawZone) -> list[_Earlier]:
    """Earlier loads of the source that have its key, in the order in which they were recorded."""
    loads = (load for load in zone.state.loads(contract.source) if load.entity == contract.entity)
    found = (_read_earlier(zone, load) for load in loads)
    return [load for load in found if set(contract.key) <= set(load.schema.names)]


def _read_earlier(zone: RawZone, load: LoadRecord) -> _Earlier:
    manifest = zone.manifest(load)
    data = zone.path(load) / DATA
    try:
        footer = pq.read_metadata(data)
    except (OSError, ValueError) as error:
        raise TenureError("the data of this load cannot be read", where=str(data), cure=RESTORE) from error
    schema = footer.schema.to_arrow_schema()
    first, last = _days(footer, schema.names.index("_effective"))
    day = manifest.effective if manifest.mode == "snapshot" else None
    quarantine = zone.path(load) / QUARANTINE
    return _Earlier(
        load.load_id, data, quarantine, schema, first, last, day, manifest.infers_deletes, manifest.protected
    )


def _days(footer: pq.FileMetaData, position: int) -> tuple[date, date]:
    """First and last day in a column, from the statistics that Parquet keeps; last < first when it has no values."""
    days: list[date] = []
    for number in range(footer.num_row_groups):
        group = footer.row_group(number)
        statistics = group.column(position).statistics
        if group.num_rows and (statistics is None or not statistics.has_min_max):
            return date.min, date.max
        if group.num_rows and statistics is not None:
            days += [cast(date, statistics.min), cast(date, statistics.max)]
    return min(days, default=date.max), max(days, default=date.min)


def _known(snapshot: Snapshot, earlier: Sequence[_Earlier], engine: Engine) -> str:
    """SQL for the keys alive on the snapshot's day before it arrived.

    Nothing before the last whole snapshot matters, which is usually the one before.
    """
    whole = [load for load in earlier if load.whole and load.day is not None and load.day <= snapshot.effective]
    since = max(whole, key=lambda load: (load.day or date.min, load.load_id), default=None)
    first = since.day if since and since.day else date.min
    needed = [load for load in earlier if load.first <= snapshot.effective and load.last >= first]
    keys = _listed(snapshot.contract)
    told = f"_effective <= {_date(snapshot.effective)}"
    if since:
        day = _date(first)
        told += f" AND (_effective > {day} OR (_effective = {day} AND _load_id >= '{since.load_id}'))"
    _register_rows(engine, "told_before", needed, snapshot.contract)
    if len(needed) == 1 and needed[0].first == needed[0].last:
        return f"SELECT {keys} FROM told_before WHERE {told} AND NOT _deleted"
    return (
        f"SELECT {keys} FROM (SELECT {keys}, _deleted, ROW_NUMBER() OVER (PARTITION BY {keys}"
        " ORDER BY _effective DESC NULLS LAST, _load_id DESC NULLS LAST) AS place"
        f" FROM told_before WHERE {told}) AS ranked WHERE place = 1 AND NOT _deleted"
    )


def _snapshots_after(snapshot: Snapshot, earlier: Iterable[_Earlier]) -> list[_Earlier]:
    """Snapshots of later days that may say that a key is gone, to the first day for which every key is told."""
    later = [load for load in earlier if load.infers and load.day is not None and load.day > snapshot.effective]
    until = min((load.day for load in later if load.whole and load.day), default=date.max)
    return [load for load in later if load.day is not None and load.day <= until]


def _ended(snapshot: Snapshot, earlier: Sequence[_Earlier], later: Sequence[_Earlier], engine: Engine) -> str:
    """SQL for the *ended* keys, each with the day on which it ended."""
    keys = _listed(snapshot.contract)
    last = max(load.day for load in later if load.day)
    between = [load for load in earlier if load.first <= last and load.last > snapshot.effective]
    _register_rows(engine, "told_after", between, snapshot.contract)
    days = pa.array([load.day for load in later], pa.date32())
    engine.register("later", pa.table({"_effective": days, "_load_id": pa.array([load.load_id for load in later])}))
    protected = " ".join(
        f"UNION ALL SELECT {keys}, _effective, _load_id, 1 FROM ({sql}) AS p SEMI JOIN revived USING ({keys})"
        for sql in _protected(engine, later, snapshot.contract)
    )
    # What a load says of a key on a day: 2 it is there, 1 nothing, 0 it is not.
    return f"""
        WITH revived AS (SELECT {keys} FROM delivered ANTI JOIN known USING ({keys})),
        said AS (
          SELECT {keys}, _effective, _load_id, 0 AS word FROM revived CROSS JOIN later
          {protected}
          UNION ALL SELECT {keys}, _effective, _load_id, 2 FROM told_after SEMI JOIN revived USING ({keys})
          WHERE NOT _deleted AND _effective > {_date(snapshot.effective)} AND _effective <= {_date(last)}
        ),
        loads AS (
          SELECT {keys}, _effective, _load_id, MAX(word) AS word FROM said GROUP BY {keys}, _effective, _load_id
        ),
        ranked AS (
          SELECT {keys}, _effective, word, ROW_NUMBER() OVER (
            PARTITION BY {keys} ORDER BY _effective ASC NULLS LAST, _load_id DESC NULLS LAST
          ) AS place
          FROM loads WHERE word <> 1
        )
        SELECT {keys}, _effective FROM ranked WHERE place = 1 AND word = 0
    """


def _register_rows(engine: Engine, name: str, loads: Sequence[_Earlier], contract: Contract) -> None:
    """Make keys, days and markers of some loads visible as one table."""
    selects: list[str] = []
    alike = groupby(sorted(loads, key=lambda load: str(load.schema)), key=lambda load: str(load.schema))
    for number, (_, group) in enumerate(alike):
        members = list(group)
        schema = members[0].schema
        files = f"{name}_{number}"
        engine.view_of_files(files, [load.data for load in members])
        deleted = "_deleted" if "_deleted" in schema.names else "FALSE"
        columns = _keys_as_now(contract, schema, "")
        selects.append(f"SELECT {columns}, _effective, _load_id, {deleted} AS _deleted FROM {files}")
    if not selects:
        columns = ", ".join(f'CAST(NULL AS {contract.columns[key].sql_type}) AS "{key}"' for key in contract.key)
        origin = "CAST(NULL AS DATE) AS _effective, CAST(NULL AS STRING) AS _load_id, FALSE AS _deleted"
        selects.append(f"SELECT {columns}, {origin}")
    engine.view(name, f"SELECT * FROM ({' UNION ALL '.join(selects)}) AS all_rows WHERE {_has_key(contract)}")


def _protected(engine: Engine, loads: Iterable[_Earlier], contract: Contract) -> list[str]:
    """SQL for the keys of quarantined records, of each of these loads that has some, with its day."""
    selects: list[str] = []
    for number, load in enumerate(load for load in loads if load.protected and load.day):
        files = f"protected_{number}"
        engine.view_of_files(files, [load.quarantine])
        columns = _keys_as_now(contract, pq.read_schema(load.quarantine), KEY_PREFIX)
        day = _date(load.day) if load.day else "NULL"
        rows = f"SELECT {columns}, {day} AS _effective, '{load.load_id}' AS _load_id FROM {files}"
        selects.append(f"SELECT * FROM ({rows}) AS apart_rows WHERE {_has_key(contract)}")
    return selects


def _keys_as_now(contract: Contract, schema: pa.Schema, prefix: str) -> str:
    """The key columns of a file in the types that the contract gives them now; null where a key cannot have that."""
    parts: list[str] = []
    types = dict(zip(schema.names, schema.types, strict=True))
    for name in contract.key:
        column, wanted = f'"{prefix}{name}"', contract.columns[name].sql_type
        is_text = types[f"{prefix}{name}"] == pa.string()
        if is_text == (wanted == "STRING"):
            value = column
        elif is_text:
            cast = f"TRY_CAST({column} AS {wanted})"
            value = f"CASE WHEN CAST({cast} AS STRING) = {column} THEN {cast} END"
        else:
            value = f"CAST({column} AS {wanted})"
        parts.append(f'{value} AS "{name}"')
    return ", ".join(parts)


def _has_key(contract: Contract) -> str:
    return " AND ".join(f'"{name}" IS NOT NULL' for name in contract.key)


def _listed(contract: Contract) -> str:
    return ", ".join(f'"{name}"' for name in contract.key)


def _ordered(contract: Contract) -> str:
    return ", ".join(f'm."{name}" ASC NULLS LAST' for name in contract.key)


def _date(day: date) -> str:
    return f"CAST('{day}' AS DATE)"
