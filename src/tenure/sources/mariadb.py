"""Reads a table or a query of a MariaDB server: every row of one consistent snapshot, every cell exact.

What the table looks like is asked first, over a connection of its own; then the rows are streamed
(`mariadb_stream`), asked for in a form that loses nothing (`mariadb_columns`, `mariadb_rows`).
"""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import pyarrow as pa
import pyarrow.compute as pc

from tenure.contracts.model import Contract
from tenure.core.errors import SourceRefused
from tenure.sources.mariadb_address import Address, address_of
from tenure.sources.mariadb_catalogue import Table, count_rows, describe, rows_from
from tenure.sources.mariadb_columns import Values, plan_columns, quoted
from tenure.sources.mariadb_rows import RowForm, Rows, apart, joined, rows_of
from tenure.sources.mariadb_split import one_state, stretches
from tenure.sources.mariadb_stream import NotSeparable, Order, batches, fetch, rows_at_a_time
from tenure.sources.records import Block

Since = Callable[[Table], str | None]
"""Which rows are wanted, of a table that looks so: a condition in the server's SQL about the table t; None for all."""


@dataclass(frozen=True)
class _Fetched:
    """A table that has come over: the rows of each stretch of it, which fulfil its condition, and their form."""

    form: RowForm
    stretches: Sequence[tuple[str, IO[bytes]]]


def table_blocks(contract: Contract, *, environment: Mapping[str, str], scratch: Path | None = None) -> Iterator[Block]:
    """The rows of a contract's table, gone through once: see `table_reading`."""
    with table_reading(contract, environment=environment, scratch=scratch) as blocks:
        yield from blocks()


@contextmanager
def table_reading(
    contract: Contract,
    *,
    environment: Mapping[str, str],
    scratch: Path | None = None,
    root: Path = Path(),
    since: Since = lambda table: None,
) -> Generator[Callable[[], Iterator[Block]]]:
    """A function that goes through the rows of a contract's table, as often as it is called.

    It gives the contract's columns, in the order of the key, the rows numbered from 1. The first call reads the
    table; every later one goes through the same rows again, of the same snapshot.

    `environment` holds the password (`mariadb_address`); `scratch` is a folder for a temporary copy of the rows;
    `root` is the project's. A call raises `SettingsError` or `SourceRefused`, never with the password in it. The
    server counts the rows in the same statement that reads them, and a stream of another length is refused.
    """
    contract = contract.as_read()
    with ExitStack() as opened:
        kept: list[_Fetched] = []

        def blocks() -> Iterator[Block]:
            address = address_of(contract, environment, root)
            where = f"{address} {f'table {contract.table}' if contract.table else f'query of {contract.source}'}"
            if not kept:
                kept.append(_fetch(contract, address, where, scratch, since))
                for _, rows in kept[0].stretches:
                    opened.callback(rows.close)
            return _blocks(kept[0], contract, address, where)

        yield blocks


def _fetch(contract: Contract, address: Address, where: str, scratch: Path | None, since: Since) -> _Fetched:
    table = describe(address, contract, where)
    plan = plan_columns(contract, table.columns, where)
    wanted = [f"({text}\n)" for text in (contract.where, since(table)) if text]
    parts = [""] if contract.parallel == 1 else stretches(address, contract, table, _where(wanted), where)
    conditions = [_where([*wanted, *filter(None, [part])]) for part in parts]
    size = contract.fetch_size or rows_at_a_time(table.row_bytes)

    def fetched(form: RowForm) -> _Fetched:
        queries = [_query(contract, form, table, condition) for condition in conditions]
        return _Fetched(form, list(zip(conditions, _rows(queries, form), strict=True)))

    def _rows(queries: Sequence[str], form: RowForm) -> Sequence[IO[bytes]]:
        if len(queries) == 1:
            return fetch(address, [Order(queries[0], size, form.separators)], where=where, scratch=scratch)
        with one_state(address, contract, len(queries), where) as (begins, wait):
            orders = [Order(query, size, form.separators, begin) for query, begin in zip(queries, begins, strict=True)]
            return fetch(address, orders, where=where, scratch=scratch, started=wait)

    try:
        return fetched(joined(plan))
    except NotSeparable:
        return fetched(apart(plan))


def _where(conditions: Sequence[str]) -> str:
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""


def _query(contract: Contract, form: RowForm, table: Table, condition: str) -> str:
    rows = rows_from(contract)
    sources = {column.name: column.source_name for column in form.plan}
    # Rows that share a key, and those of a keyless table, are told apart by the table's own key.
    order = dict.fromkeys([*(sources[key] for key in contract.key), *table.primary_key])
    by = ", ".join(f"t.{quoted(column)}" for column in order or sources.values())
    asked = form.select(f"SELECT COUNT(*) FROM {rows}{condition}")
    return f"SELECT {asked} FROM {rows}{condition} ORDER BY {by}"


def _blocks(fetched: _Fetched, contract: Contract, address: Address, where: str) -> Iterator[Block]:
    read = 0
    for condition, spool in fetched.stretches:
        before, counted = read, None
        for batch in batches(spool):
            if batch.num_rows:
                rows = rows_of(batch, fetched.form)
                counted = rows.counted
                yield _block(rows, contract.nulls, read + 1)
                read += batch.num_rows
        if counted is None:
            counted = count_rows(address, contract, condition)
        if counted != read - before:
            raise SourceRefused(
                f"has {counted} rows, but {read - before} arrived; nothing was loaded", where=where, cure="run again"
            )


def _block(rows: Rows, nulls: Sequence[str], first: int) -> Block:
    number = rows.batch.num_rows
    columns = {
        column.name: _without(values, nulls) for column, values in zip(rows.form.plan, rows.columns, strict=True)
    }
    # The stubs are older than this function.
    ordinals = cast(Values, pa.arange(first, first + number))  # pyright: ignore[reportAttributeAccessIssue]
    return Block(pa.table({**columns, "_row": ordinals}), number, lambda row: rows.record(row - first))


def _without(values: Values, nulls: Sequence[str]) -> Values:
    """Texts, but null for those that stand for that."""
    if not nulls or not pa.types.is_string(values.type):
        return values
    missing = pc.is_in(values, value_set=pa.array(nulls, pa.string()))
    return pc.if_else(missing, pa.scalar(None, pa.string()), values)
