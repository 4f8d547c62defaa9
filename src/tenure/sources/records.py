"""What a guard hands on: blocks of records, the broken ones set apart, and an independent count."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pyarrow as pa


def row_numbers(table: pa.Table) -> list[int]:
    """The values of `_row`, which is never null."""
    return [int(row) for row in table["_row"].to_pylist() if row is not None]


def in_row_order(table: pa.Table) -> pa.Table:
    """The table in the order of `_row`, which engines mostly keep: then nothing is copied."""
    rows = table["_row"].to_numpy()
    return table if (rows[1:] > rows[:-1]).all() else table.sort_by("_row")


@dataclass(frozen=True)
class Reject:
    """A record that cannot be loaded. `row` is its line in the file (or ordinal in a table).

    `key`: the values of its key columns, in the contract's order; None where they are not known.
    """

    row: int
    column: str | None
    rule: str
    reason: str
    record: bytes
    key: tuple[object, ...] | None = None


@dataclass(frozen=True)
class Block:
    """A stretch of a delivery.

    `table` holds one row per well-formed record: the contract's columns by their contract names, each
    either as text (to be checked lexically) or already exact in the contract's type, and `_row` (int64):
    the line at which the record starts, counting from 1, or its ordinal in a table.
    `records` is how many records the stretch holds, counted without the parser that made `table`:
    `records == table.num_rows + len(rejects)`.
    `verbatim(row)` gives the bytes of the record that starts at `row`, without its line end.
    """

    table: pa.Table
    records: int
    verbatim: Callable[[int], bytes]
    rejects: list[Reject] = field(default_factory=list[Reject])
