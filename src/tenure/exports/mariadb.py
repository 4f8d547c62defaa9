"""Writes rows of a release to a table of a MariaDB server: all of them, exactly, or none.

The rows are sent to a temporary table of the session first (`mariadb_apply`), so that the target is locked only
while the server moves them, and so that a connection that breaks leaves nothing behind. Then one transaction
inserts, updates or upserts. A table whose engine has no transactions, or one that does not exist yet, is made
beside the target and takes its name at once (`mariadb_swap`).
"""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

import pyarrow.parquet as pq
import pymysql
from pymysql.cursors import Cursor

from tenure.core.errors import TenureError, UsageError
from tenure.exports.mariadb_apply import SENT, Counts, apply, create_sent, fit, sent_names
from tenure.exports.mariadb_cells import SentColumn, infinite_sql, literals_sql, sent_columns
from tenure.exports.mariadb_session import explained, session
from tenure.exports.mariadb_swap import put_in_place, remove_new, staged_copy, staging_name
from tenure.exports.mariadb_target import Match, Target, create_sql, describe_target, match_columns
from tenure.exports.selection import Selection
from tenure.sources.mariadb_address import Address

_ROWS_AT_A_TIME = 8192
_STATEMENT_BYTES = 1 << 20


@dataclass(frozen=True)
class Order:
    """What to do with the rows: which table, how, and by which key they are matched (the primary key if empty)."""

    table: str
    mode: Literal["insert", "update", "upsert"] = "insert"
    key: tuple[str, ...] = ()
    staging: bool = False
    create: bool = False


@dataclass(frozen=True)
class Exported:
    """What an export did; `created`: the table did not exist before."""

    table: str
    counts: Counts
    created: bool = False


def export_mariadb(
    selection: Selection,
    address: Address,
    order: Order,
    scratch: Path,
    progress: Callable[[int], None] = lambda rows: None,
) -> Exported:
    """Write the selection to `order.table`; `progress` is told how many rows have been sent.

    Raises `TenureError` or `UsageError`; then the table is as it was before, except where the connection broke
    in the very moment of the commit: the message says so.
    """
    where = f"{address} table {order.table}"
    sent = sent_columns(selection)
    _expect_finite(selection, sent)
    with session(address, where) as cursor:
        _expect_alone(cursor, order.table, where)
        target = describe_target(cursor, order.table, where)
        if target is None:
            return _create(cursor, selection, sent, order, scratch, where, progress)
        _expect_writable(target, order, where)
        # A key that is there for --create to make a primary key of says nothing about rows that are inserted.
        key = () if order.create and order.mode == "insert" else order.key
        match = match_columns(target, sent, order.mode, key, where)
        rows = _send(cursor, selection, match, order.table, scratch, where, progress)
        if not order.staging:
            return Exported(order.table, _in_one_transaction(cursor, match, order, rows, where))
        with staged_copy(cursor, address, target, where) as staged:
            counts = apply(cursor, staged, match, order.mode, rows)
        return Exported(order.table, counts)


def _expect_alone(cursor: Cursor, table: str, where: str) -> None:
    """Keep two exports from writing to one table at once; the server lets go of it when the connection ends."""
    cursor.execute("SELECT GET_LOCK(CONCAT(MD5(DATABASE()), MD5(%s)), 0)", (f"tenure export {table}",))
    if cursor.fetchall()[0][0] != 1:
        raise TenureError("another export is writing to it", where=where, cure="run again when that one has ended")


def _expect_finite(selection: Selection, sent: list[SentColumn]) -> None:
    asked = infinite_sql(selection, sent)
    counted = selection.release.query(asked).to_pylist()[0] if asked else {}
    for name, count in counted.items():
        if count:
            raise TenureError(
                f"column {name} holds NaN or infinity in {count} rows, which MariaDB cannot hold",
                cure="make them NULL in --sql, such as CASE WHEN isfinite(x) THEN x END",
            )


def _expect_writable(target: Target, order: Order, where: str) -> None:
    if order.staging and target.tied:
        raise TenureError(
            "has triggers or foreign keys, which would not survive --staging",
            where=where,
            cure="leave out --staging"
            if target.transactional
            else "alter its engine to InnoDB and leave out --staging",
        )
    if not (order.staging or target.transactional):
        raise TenureError(
            f"is of engine {target.engine}, which has no transactions: a failure would leave half of the rows",
            where=where,
            cure="add --staging: a copy is written and takes its place at once; or ALTER TABLE … ENGINE=InnoDB",
        )


def _create(
    cursor: Cursor,
    selection: Selection,
    sent: list[SentColumn],
    order: Order,
    scratch: Path,
    where: str,
    progress: Callable[[int], None],
) -> Exported:
    if not order.create:
        raise TenureError(
            "does not exist, or this user may not see it",
            where=where,
            cure="mend --table, or add --create to make it with exact types",
        )
    if order.mode == "upsert" and not order.key:
        raise UsageError("--create with --mode upsert needs --key", cure="name the columns of the primary key")
    if order.mode == "update":
        raise UsageError("--mode update needs a table that exists", cure="take --mode insert or --mode upsert")
    name = staging_name(order.table)
    remove_new(cursor, name)
    cursor.execute(create_sql(name, sent, order.key))
    try:
        target = describe_target(cursor, name, where)
        if target is None:
            raise TenureError("went away while it was written", where=where, cure="run again")
        match = match_columns(target, sent, order.mode, order.key if order.mode == "upsert" else (), where)
        rows = _send(cursor, selection, match, name, scratch, where, progress)
        cursor.execute("START TRANSACTION")
        counts = apply(cursor, name, match, "insert", rows)
        cursor.execute("COMMIT")
        put_in_place(cursor, name, order.table)
    except BaseException:
        remove_new(cursor, name)
        raise
    return Exported(order.table, counts, created=True)


def _send(
    cursor: Cursor,
    selection: Selection,
    match: Match,
    table: str,
    scratch: Path,
    where: str,
    progress: Callable[[int], None],
) -> int:
    """Bring the rows into the temporary table, and check that the target keeps each as it is; how many there are."""
    create_sent(cursor, match)
    cursor.execute("SELECT @@max_allowed_packet")
    most = int(cursor.fetchall()[0][0]) - 4096
    into = f"INSERT INTO {SENT} ({sent_names(match)}) VALUES "
    scratch.mkdir(parents=True, exist_ok=True)
    rows = 0
    with tempfile.TemporaryDirectory(prefix="export-", dir=scratch) as folder:
        file = Path(folder) / "rows.parquet"
        selection.release.engine.write(literals_sql(selection, [pair.sent for pair in match.pairs]), file)
        cursor.execute("START TRANSACTION")
        for batch in _statements(file, most, where):
            cursor.execute(into + ",".join(batch))
            rows += len(batch)
            progress(rows)
        cursor.execute("COMMIT")
    fit(cursor, table, match, where)
    return rows


def _statements(file: Path, most: int, where: str) -> Iterator[list[str]]:
    """The rows in groups that are sent in one statement."""
    rows: list[str] = []
    size = 0
    with pq.ParquetFile(file) as parquet:
        for batch in parquet.iter_batches(_ROWS_AT_A_TIME):
            for row in cast("list[str]", batch.column(0).to_pylist()):
                length = len(row.encode())
                if length > most:
                    raise TenureError(
                        f"a row of {length} bytes is more than the server takes at once",
                        where=where,
                        cure="raise max_allowed_packet on the server, or leave long columns out with --columns",
                    )
                if rows and size + length > min(most, _STATEMENT_BYTES):
                    yield rows
                    rows, size = [], 0
                rows.append(row)
                size += length + 1
    if rows:
        yield rows


def _in_one_transaction(cursor: Cursor, match: Match, order: Order, rows: int, where: str) -> Counts:
    cursor.execute("START TRANSACTION")
    try:
        counts = apply(cursor, order.table, match, order.mode, rows)
    except TenureError:
        cursor.execute("ROLLBACK")
        raise
    try:
        cursor.execute("COMMIT")
    except (pymysql.MySQLError, RuntimeError) as error:
        raise TenureError(
            f"{explained(error, where).what} at the moment of the commit: "
            "either all rows were written or none, and which is not known",
            where=where,
            cure="look at the table, or run again with --mode upsert, which changes nothing that is written already",
        ) from None
    return counts
