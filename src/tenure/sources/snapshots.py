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

Markers are true of the snapshot whose day and load they bear, so none ever has to be taken back.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tenure.contracts.model import Contract
from tenure.core.errors import SourceRefused
from tenure.engine.protocol import Engine
from tenure.raw.zone import QUARANTINE, RawZone
from tenure.sources.earlier import Earlier, as_now, earlier_loads, has_key, register_rows
from tenure.sources.stored import KEY_PREFIX, load_schema


@dataclass(frozen=True)
class Snapshot:
    """A snapshot about to be loaded into `folder`, which holds its quarantine already.

    The relation `delivered` has its records, and `present` the keys of all of them. `infers`: the keys of all its
    records are known, so that those that it lacks are known too. `load_id`: the load whose records these are: the
    newest one, unless records that it set apart are read again.
    """

    contract: Contract
    name: str
    effective: date
    infers: bool
    records_in: int
    folder: Path
    load_id: str
    present: str = "delivered"


@dataclass(frozen=True)
class Deletes:
    """Delete markers: `files` hold the key columns, `_effective` and `_load_id` of each, `count` is their number."""

    count: int = 0
    files: tuple[Path, ...] = ()


def find_deletes(snapshot: Snapshot, zone: RawZone, engine: Engine) -> Deletes:
    """The delete markers that a snapshot gives rise to.

    Raises `SourceRefused` when it lacks more of the known keys than its contract allows.
    """
    earlier = earlier_loads(snapshot.contract, zone)
    later = _snapshots_after(snapshot, earlier)
    if not later and not (snapshot.infers and earlier):
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
            f"SELECT {keys}, {_date(snapshot.effective)} AS _effective, '{snapshot.load_id}' AS _load_id FROM known"
            f" ANTI JOIN {snapshot.present} USING ({keys}) ANTI JOIN (SELECT {own} FROM apart) AS a USING ({keys})",
            target,
        )
        _refuse_too_many(snapshot, missing, known)
        parts.append((missing, target))
    if later:
        target = snapshot.folder / "ended.parquet"
        parts.append((engine.write(_ended(snapshot, earlier, later, engine), target), target))
    return Deletes(sum(count for count, _ in parts), tuple(file for _, file in parts))


def data_with_markers(contract: Contract, after: int, sequence: int) -> str:
    """SQL for all rows of a load: those of `delivered`, then those of `markers`, numbered from `after` + 1.

    `markers` must have the columns of `Deletes.files`; `origin` must have one row, and the columns that say where
    a load came from. `sequence` is that of the load: it keeps a marker that bears another load apart from that
    one's rows.
    """
    number = f"ROW_NUMBER() OVER (ORDER BY {_ordered(contract)}, m._effective ASC NULLS LAST)"
    values = {
        **{name: f"CAST(NULL AS {column.sql_type})" for name, column in contract.columns.items()},
        **{name: f'm."{name}"' for name in contract.key},
        "_row": f"{after} + {number} + CASE WHEN m._load_id = o._load_id THEN 0 ELSE {sequence << 32} END",
        "_effective": "m._effective",
        "_load_id": "m._load_id",
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


def _known(snapshot: Snapshot, earlier: Sequence[Earlier], engine: Engine) -> str:
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
    register_rows(engine, "told_before", needed, snapshot.contract, snapshot.contract.key)
    if len(needed) == 1 and needed[0].first == needed[0].last:
        return f"SELECT {keys} FROM told_before WHERE {told} AND NOT _deleted"
    return (
        f"SELECT {keys} FROM (SELECT {keys}, _deleted, ROW_NUMBER() OVER (PARTITION BY {keys}"
        " ORDER BY _effective DESC NULLS LAST, _load_id DESC NULLS LAST) AS place"
        f" FROM told_before WHERE {told}) AS ranked WHERE place = 1 AND NOT _deleted"
    )


def _snapshots_after(snapshot: Snapshot, earlier: Iterable[Earlier]) -> list[Earlier]:
    """Snapshots of later days that may say that a key is gone, to the first day for which every key is told."""
    told = (snapshot.effective, snapshot.load_id)
    later = [load for load in earlier if load.infers and load.day is not None and (load.day, load.load_id) > told]
    until = min((load.day for load in later if load.whole and load.day), default=date.max)
    return [load for load in later if load.day is not None and load.day <= until]


def _ended(snapshot: Snapshot, earlier: Sequence[Earlier], later: Sequence[Earlier], engine: Engine) -> str:
    """SQL for the *ended* keys, each with the day on which it ended, and the load that says so."""
    keys = _listed(snapshot.contract)
    last = max(load.day for load in later if load.day)
    between = [load for load in earlier if load.first <= last and load.last >= snapshot.effective]
    register_rows(engine, "told_after", between, snapshot.contract, snapshot.contract.key)
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
          WHERE NOT _deleted AND _effective <= {_date(last)} AND (_effective > {_date(snapshot.effective)}
            OR (_effective = {_date(snapshot.effective)} AND _load_id > '{snapshot.load_id}'))
        ),
        loads AS (
          SELECT {keys}, _effective, _load_id, MAX(word) AS word FROM said GROUP BY {keys}, _effective, _load_id
        ),
        ranked AS (
          SELECT {keys}, _effective, _load_id, word, ROW_NUMBER() OVER (
            PARTITION BY {keys} ORDER BY _effective ASC NULLS LAST, _load_id DESC NULLS LAST
          ) AS place
          FROM loads WHERE word <> 1
        )
        SELECT {keys}, _effective, _load_id FROM ranked WHERE place = 1 AND word = 0
    """


def _protected(engine: Engine, loads: Iterable[Earlier], contract: Contract) -> list[str]:
    """SQL for the keys of quarantined records, of each of these loads that has some, with its day."""
    selects: list[str] = []
    for number, load in enumerate(load for load in loads if load.protected and load.day):
        files = f"protected_{number}"
        engine.view_of_files(files, [load.quarantine])
        columns = as_now(contract, contract.key, pq.read_schema(load.quarantine), KEY_PREFIX)
        day = _date(load.day) if load.day else "NULL"
        rows = f"SELECT {columns}, {day} AS _effective, '{load.load_id}' AS _load_id FROM {files}"
        selects.append(f"SELECT * FROM ({rows}) AS apart_rows WHERE {has_key(contract)}")
    return selects


def _listed(contract: Contract) -> str:
    return ", ".join(f'"{name}"' for name in contract.key)


def _ordered(contract: Contract) -> str:
    return ", ".join(f'm."{name}" ASC NULLS LAST' for name in contract.key)


def _date(day: date) -> str:
    return f"CAST('{day}' AS DATE)"
