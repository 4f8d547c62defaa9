"""Which records of an incremental reading the source's earlier loads hold already.

Such a reading begins before the point where the last one ended, so it meets records again. One of them is unchanged
when it is what was last loaded under its key; a record that went from A to B and back to A is not. A record that
breaks its contract is unchanged when it was set apart before, word for word, and nothing was loaded under its key
since.
"""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tenure.contracts.model import Contract
from tenure.engine.protocol import Engine
from tenure.raw.zone import QUARANTINE, RawZone
from tenure.sources.delivered import Account, show_delivered
from tenure.sources.earlier import Earlier, earlier_loads, register_rows
from tenure.sources.stored import KEY_PREFIX

_ALL_APART = "all_apart.parquet"
_UNCHANGED = "unchanged.parquet"
PRESENT = "present"
"""Of the relation that has the keys of all records of a reading, unchanged ones and those set apart included."""


def leave_out_unchanged(contract: Contract, account: Account, zone: RawZone, engine: Engine, folder: Path) -> None:
    """Take unchanged records out of `delivered` and out of the quarantine in `folder`, and count them as such."""
    (folder / QUARANTINE).rename(folder / _ALL_APART)
    apart = pq.read_table(folder / _ALL_APART)
    earlier = earlier_loads(contract, zone)
    _show_present(contract, folder, engine)
    known = _known_rejects(contract, apart, earlier, engine) if account.quarantined and earlier else []
    if known:
        apart = apart.filter(pc.invert(pc.is_in(apart["row"], value_set=pa.array(known, pa.int64()))))
    pq.write_table(apart, folder / QUARANTINE, compression="zstd")
    account.recount(apart, [f"{KEY_PREFIX}{name}" for name in contract.key])
    account.unchanged += len(known)
    if not earlier:
        return
    target = folder / _UNCHANGED
    register_rows(engine, "told", earlier, contract, list(contract.columns))
    count = engine.write(_unchanged(contract), target)
    if count:
        engine.view_of_files("unchanged", [target])
        show_delivered(engine, ["gone"] * account.settled + ["unchanged"])
        account.settled = True
        account.loaded -= count
        account.unchanged += count


def _show_present(contract: Contract, folder: Path, engine: Engine) -> None:
    keys = _listed(contract.key)
    engine.view_of_files("all_apart", [folder / _ALL_APART])
    own = ", ".join(f'"{KEY_PREFIX}{name}" AS "{name}"' for name in contract.key)
    engine.view(PRESENT, f"SELECT {keys} FROM candidate UNION ALL SELECT {own} FROM all_apart")


def _unchanged(contract: Contract) -> str:
    """SQL for the row numbers of those of `delivered` that equal the newest of `told` with their key."""
    keys = _listed(contract.key)
    same = " AND ".join(f'd."{name}" IS NOT DISTINCT FROM n."{name}"' for name in contract.columns)
    return f"""
        WITH ranked AS (
          SELECT t.*, ROW_NUMBER() OVER (
            PARTITION BY {keys} ORDER BY _load_id DESC NULLS LAST, _row DESC NULLS LAST
          ) AS place
          FROM told AS t SEMI JOIN delivered USING ({keys})
        ),
        newest AS (SELECT * FROM ranked WHERE place = 1 AND NOT _deleted)
        SELECT d._row FROM delivered AS d INNER JOIN newest AS n ON {same}
    """


def _known_rejects(contract: Contract, apart: pa.Table, earlier: Sequence[Earlier], engine: Engine) -> list[int]:
    """The rows of the quarantine that were set apart before, with nothing loaded under their keys since."""
    wanted = apart["record"].combine_chunks()
    last: dict[bytes, str] = {}
    for load in earlier:
        before = pq.read_table(load.quarantine, columns=["record"])["record"]
        met = before.filter(pc.is_in(before, value_set=wanted)).to_pylist()
        last |= {record: load.load_id for record in met if record is not None}
    again = apart.filter(pc.is_in(apart["record"], value_set=pa.array(list(last), pa.binary())))
    if not again.num_rows:
        return []
    loads = [last[record] for record in again["record"].to_pylist() if record is not None]
    names = [*contract.key, "_place", "_last"]
    columns = [*(again[f"{KEY_PREFIX}{name}"] for name in contract.key), again["row"], pa.array(loads, pa.string())]
    register_rows(engine, "told_keys", earlier, contract, contract.key)
    keys = " AND ".join(f'a."{name}" = t."{name}"' for name in contract.key)
    found = engine.query(
        f"""
        SELECT _place FROM again AS a WHERE NOT EXISTS (
          SELECT 1 FROM told_keys AS t WHERE {keys} AND t._load_id > a._last
        )
        """,
        again=pa.table(columns, names=names),
    )
    return [int(row) for row in found["_place"].to_pylist() if row is not None]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
