"""A record out of quarantine against the loaded records of the delivery that it came with.

Had it been sound then, it would have stood beside them: the same rules hold as for equal keys in one delivery.
"""

from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from tenure.contracts.model import Contract
from tenure.engine.protocol import Engine
from tenure.raw.state import LoadRecord
from tenure.raw.zone import DATA, RawZone


@dataclass(frozen=True)
class Clashes:
    """Rows that cannot be loaded: `copies` repeat a loaded record or are older by `order_by`.

    `rejected`: row → the column whose uniqueness it breaks, and a sentence.
    """

    copies: frozenset[int]
    rejected: dict[int, tuple[str, str]]


def clashes_with_its_delivery(contract: Contract, origin: LoadRecord, zone: RawZone, engine: Engine) -> Clashes:
    """Compares the relation `delivered` with what is loaded of the delivery `origin`, by replays as well."""
    unique = [name for name, column in contract.columns.items() if column.unique and (name,) != contract.key]
    if not contract.key and not unique:
        return Clashes(frozenset(), {})
    _register_held(contract, origin, zone, engine)
    copies: set[int] = set()
    rejected: dict[int, tuple[str, str]] = {}
    if contract.key:
        _same_key(contract, engine, copies, rejected)
    for name in unique:
        found = engine.query(
            "SELECT d._row, MIN(h._row) AS other FROM delivered AS d"
            f' INNER JOIN held AS h ON {_text("d", name)} = h."{name}" GROUP BY d._row'
        )
        for row in found.to_pylist():
            if row["_row"] not in copies:
                rejected.setdefault(row["_row"], (name, _said(name, row["other"])))
    return Clashes(frozenset(copies), rejected)


def _same_key(contract: Contract, engine: Engine, copies: set[int], rejected: dict[int, tuple[str, str]]) -> None:
    keys = " AND ".join(f'{_text("d", name)} = h."{name}"' for name in contract.key)
    same = " AND ".join(f'{_text("d", name)} IS NOT DISTINCT FROM h."{name}"' for name in contract.columns)
    older = newer = "FALSE"
    if contract.order_by:
        own, kind = f'd."{contract.order_by}"', contract.columns[contract.order_by].sql_type
        other = f'TRY_CAST(h."{contract.order_by}" AS {kind})'
        older = f"COALESCE({own} < {other}, FALSE)"
        # Of two rows of one delivery the tables take the later one.
        newer = f"COALESCE({own} > {other} AND d._row > h._row, FALSE)"
    found = engine.query(
        f"""
        SELECT _row, BOOL_OR(is_copy OR is_older) AS is_copy, BOOL_AND(is_newer) AS is_newer, MIN(other) AS other
        FROM (
          SELECT d._row, h._row AS other, h.is_whole AND {same} AS is_copy, {older} AS is_older, {newer} AS is_newer
          FROM delivered AS d INNER JOIN held AS h ON {keys}
        ) AS pairs
        GROUP BY _row
        """
    )
    for row in found.to_pylist():
        if row["is_copy"]:
            copies.add(row["_row"])
        elif not row["is_newer"]:
            rejected[row["_row"]] = (", ".join(contract.key), _said(", ".join(contract.key), row["other"]))


def _said(columns: str, row: int) -> str:
    return f"{columns} is also that of row {row} of the same delivery, which is loaded, with different content"


def _text(alias: str, name: str) -> str:
    return f'CAST({alias}."{name}" AS STRING)'


def _register_held(contract: Contract, origin: LoadRecord, zone: RawZone, engine: Engine) -> None:
    """Make the loaded records of a delivery visible as `held`: every column of the contract as text."""
    by_load = {entry.by_load for entry in zone.state.settled().values() if entry.load_id == origin.load_id}
    loads = [load for load in zone.state.loads(origin.source) if load.load_id in {origin.load_id, *by_load}]
    selects = [_select(contract, origin, zone.path(load) / DATA, number, engine) for number, load in enumerate(loads)]
    engine.view("held", " UNION ALL ".join(selects))


def _select(contract: Contract, origin: LoadRecord, data: Path, number: int, engine: Engine) -> str:
    files = f"held_{number}"
    engine.view_of_files(files, [data])
    names = set(pq.read_schema(data).names)
    texts = (
        f'{_text("f", name)} AS "{name}"' if name in names else f'CAST(NULL AS STRING) AS "{name}"'
        for name in contract.columns
    )
    whole = "TRUE" if set(contract.columns) <= names else "FALSE"
    alive = " AND NOT f._deleted" if "_deleted" in names else ""
    return (
        f"SELECT {', '.join(texts)}, f._row, {whole} AS is_whole FROM {files} AS f"
        f" WHERE f._load_id = '{origin.load_id}'{alive}"
    )
