"""Reads a server's table on from where the last load of its source ended.

The watermark is the greatest value of a column that grows. A transaction that was still open when it was read may
commit a lower value later, so each run begins an overlap before it; what it meets again is left out (`unchanged`).
The watermark is committed in one with the load, so that neither can be there without the other. Now and then, if the
contract wants it, the whole table is compared instead: that finds the rows that are gone, and what no overlap covers.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc

from tenure.contracts.model import Contract
from tenure.contracts.reading_rules import Point, overlap, point, reconcile_after, start, watermark_column
from tenure.core.clock import now
from tenure.raw.state import LoadRecord
from tenure.raw.zone import RawZone
from tenure.sources.mariadb_catalogue import Table
from tenure.sources.mariadb_columns import quoted
from tenure.sources.records import Block

_SAME_ROWS = ("entity", "table", "query", "where", "filter", "key", "order_by", "columns")
"""What a contract says of which rows there are and what they look like: once it says otherwise, all are read again."""


@dataclass
class Increment:
    """One reading of an incremental source: where it begins, and how far it came.

    `before`: the watermark of the last load; None for the first one. `whole`: it reads everything there is;
    `reconciles`: and what it lacks is gone. `greatest`: the greatest value met so far, `latest` the greatest that is
    believed: a row from the future must not hide those that come until then.
    """

    contract: Contract
    before: Point | None
    whole: bool
    reconciles: bool
    stamp: str
    notes: tuple[str, ...]
    greatest: Point | None = field(default=None, init=False)
    latest: Point | None = field(default=None, init=False)

    @property
    def column(self) -> str:
        """The contract's name of the column that grows."""
        return str(watermark_column(self.contract))

    def since(self, table: Table) -> str | None:
        """The rows to read, as SQL of the server about the table t; None for all."""
        name = self.contract.source_columns()[self.column]
        server = next((column for column in table.columns if column.name.lower() == name.lower()), None)
        kind = self.contract.columns[self.column].type
        if kind != "integer":
            # A TIMESTAMP is read in UTC; a DATETIME was written by the clock of those who wrote it.
            there = table.utc if server and server.type == "timestamp" else table.local
            self.latest = there if kind == "timestamp" else there.date()
        low = self._low()
        if low is None or server is None:
            return None
        column = f"t.{quoted(server.name)}"
        if kind == "integer":
            return f"{column} >= {low} OR {column} IS NULL"
        # Without a date, or with one that does not exist, a row can be neither old nor new: it is always read.
        return f"{column} >= '{low}' OR {column} IS NULL OR {column} < '1000-01-01'"

    def _low(self) -> Point | None:
        """The least value to read."""
        begin = start(self.contract) if self.before is None else self.before
        if self.whole or begin is None:
            return None
        step = overlap(self.contract)
        try:
            return cast(Point, cast(Any, begin) - step)
        except OverflowError:
            return None

    def watched(self, blocks: Callable[[], Iterator[Block]]) -> Iterator[Block]:
        """The blocks, while their greatest watermark is kept in mind."""
        for block in blocks():
            met = self._greatest_of(block.table[self.column])
            if met is not None and (self.greatest is None or met > self.greatest):  # pyright: ignore[reportOperatorIssue]
                self.greatest = met
            yield block

    def _greatest_of(self, values: "pa.ChunkedArray[Any]") -> Point | None:
        if not pa.types.is_string(values.type):
            return cast(Point | None, pc.max(values).as_py())
        texts = set(cast(list[object], values.to_pylist()))
        points = (_point(text, self.contract.columns[self.column].type) for text in texts)
        return max((each for each in points if each is not None), default=None)  # pyright: ignore[reportArgumentType]

    def watermark(self) -> str | None:
        """Up to where the source has been read now, as text; it never goes back."""
        met = self.greatest
        if met is not None and self.latest is not None:
            met = min(met, self.latest)  # pyright: ignore[reportArgumentType]
        points = [each for each in (self.before, met) if each is not None]
        return str(max(points)) if points else None  # pyright: ignore[reportArgumentType]


def _point(text: object, type_: str) -> Point | None:
    try:
        return point(str(text), type_)
    except ValueError:
        return None


def plan_increment(contract: Contract, zone: RawZone, name: str, *, again: bool = False) -> Increment:
    """Where to read on, by what was loaded from the source before; `again`: read all of it."""
    marked = [load for load in zone.state.loads(contract.source) if load.watermark is not None]
    seen = zone.state.seen(contract.source, name)
    before: Point | None = None
    notes: tuple[str, ...] = ()
    changed = bool(marked) and not says_the_same(contract, marked[-1], zone)
    if changed:
        notes = ("its contract has changed since it was last read, so all of it was read again",)
    elif marked:
        before = _point(marked[-1].watermark, contract.columns[str(watermark_column(contract))].type)
    reconciles = _is_due(contract, seen.stamp if seen else "")
    whole = reconciles or changed or again
    stamp = now().isoformat() if reconciles else seen.stamp if seen else ""
    return Increment(contract, before, whole, reconciles, stamp, notes)


def says_the_same(contract: Contract, load: LoadRecord, zone: RawZone) -> bool:
    """Whether the rows that a load was read from are those that the contract means now."""
    then, written = zone.manifest(load).contract or {}, contract.as_written()
    mark: dict[str, Any] = then.get("watermark") or {}
    wanted: dict[str, Any] = written.get("watermark") or {}
    same = all(then.get(word) == written.get(word) for word in _SAME_ROWS)
    return same and mark.get("column") == wanted.get("column")


def _is_due(contract: Contract, stamp: str) -> bool:
    """Whether the source must be compared with the whole table; `stamp` is when that was last done."""
    after = reconcile_after(contract)
    if after is None:
        return False
    try:
        return now() - datetime.fromisoformat(stamp) >= after
    except ValueError:  # never yet
        return True
