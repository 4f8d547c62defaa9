"""Reads one table of a MariaDB server: every row of one consistent snapshot, every cell exact.

What the table looks like is asked first, over a connection of its own; then the rows are streamed
(`mariadb_stream`), asked for in a form that loses nothing (`mariadb_columns`).
"""

import json
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import pyarrow as pa

from tenure.contracts.model import Contract
from tenure.core.errors import SourceRefused
from tenure.sources.mariadb_address import Address, address_of
from tenure.sources.mariadb_catalogue import Table, count_rows, describe
from tenure.sources.mariadb_columns import ColumnPlan, Values, exact, plan_columns, quoted
from tenure.sources.mariadb_stream import batch_rows, batches, fetch
from tenure.sources.records import Block


@dataclass(frozen=True)
class _Fetched:
    """A table that has come over: `rows` holds its cells, `plan` tells how to read them."""

    plan: Sequence[ColumnPlan]
    rows: IO[bytes]


def table_blocks(contract: Contract, *, environment: Mapping[str, str], scratch: Path | None = None) -> Iterator[Block]:
    """The rows of a contract's table, gone through once: see `table_reading`."""
    with table_reading(contract, environment=environment, scratch=scratch) as blocks:
        yield from blocks()


@contextmanager
def table_reading(
    contract: Contract, *, environment: Mapping[str, str], scratch: Path | None = None
) -> Generator[Callable[[], Iterator[Block]]]:
    """A function that goes through the rows of a contract's table, as often as it is called.

    It gives the contract's columns, in the order of the key, the rows numbered from 1. The first call reads the
    table; every later one goes through the same rows again, of the same snapshot.

    `environment` holds the password (`mariadb_address`); `scratch` is a folder for a temporary copy of the rows.
    A call raises `SettingsError` or `SourceRefused`, never with the password in it. The server counts the table in
    the same statement that reads it, and a stream of another length is refused.
    """
    with ExitStack() as opened:
        kept: list[_Fetched] = []

        def blocks() -> Iterator[Block]:
            address = address_of(contract, environment)
            where = f"{address} table {contract.table}"
            if not kept:
                kept.append(_fetch(contract, address, where, scratch))
                opened.callback(kept[0].rows.close)
            return _blocks(kept[0], contract, address, where)

        yield blocks


def _fetch(contract: Contract, address: Address, where: str, scratch: Path | None) -> _Fetched:
    table = describe(address, contract, where)
    plan = plan_columns(contract, table.columns, where)
    query = _query(contract, plan, table)
    rows = fetch(address, query, rows_at_a_time=batch_rows(table.row_bytes), where=where, scratch=scratch)
    return _Fetched(plan, rows)


def _blocks(fetched: _Fetched, contract: Contract, address: Address, where: str) -> Iterator[Block]:
    read = 0
    counted: int | None = None
    for batch in batches(fetched.rows):
        if batch.num_rows:
            *values, counts = cast(list[Values], batch.columns)
            counted = cast(int, counts[0].as_py())
            yield _block(values, fetched.plan, read + 1, where)
            read += batch.num_rows
    if counted is None:
        counted = count_rows(address, contract)
    if counted != read:
        raise SourceRefused(
            f"has {counted} rows, but {read} arrived; nothing was loaded", where=where, cure="run again"
        )


def _query(contract: Contract, plan: Sequence[ColumnPlan], table: Table) -> str:
    name = quoted(str(contract.table))
    asked = ", ".join(f"{column.sql} AS c{index}" for index, column in enumerate(plan))
    sources = {column.name: column.source_name for column in plan}
    # Rows that share a key, and those of a keyless table, are told apart by the table's own key.
    order = dict.fromkeys([*(sources[key] for key in contract.key), *table.primary_key])
    by = ", ".join(f"t.{quoted(column)}" for column in order or sources.values())
    return f"SELECT {asked}, (SELECT COUNT(*) FROM {name}) AS counted FROM {name} AS t ORDER BY {by}"


def _block(arrived: Sequence[Values], plan: Sequence[ColumnPlan], first: int, where: str) -> Block:
    for column, values in zip(plan, arrived, strict=True):
        if not column.arrives(values.type):
            raise SourceRefused(
                f"column {column.source_name} arrived as {values.type}, which was not expected",
                where=where,
                cure="run again: the table may have been altered just now; if it happens again, please report it",
            )
    rows = len(arrived[0])
    typed = {column.name: exact(values, column.target) for column, values in zip(plan, arrived, strict=True)}
    # The stubs are older than this function.
    ordinals = cast(Values, pa.arange(first, first + rows))  # pyright: ignore[reportAttributeAccessIssue]
    table = pa.table({**typed, "_row": ordinals})
    return Block(table, rows, lambda row: _record(arrived, plan, row - first))


def _record(arrived: Sequence[Values], plan: Sequence[ColumnPlan], index: int) -> bytes:
    """One row as it came, as a JSON object of text on one line."""
    cells = {column.source_name: _text(values[index].as_py()) for column, values in zip(plan, arrived, strict=True)}
    return json.dumps(cells, ensure_ascii=False).encode()


def _text(cell: object) -> str | None:
    if cell is None:
        return None
    return cell.decode() if isinstance(cell, bytes) else str(cell)
