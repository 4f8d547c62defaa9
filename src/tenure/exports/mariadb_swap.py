"""A copy of the target that takes its place at once: for engines that have no transactions."""

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager

import pymysql
from pymysql.cursors import Cursor

from tenure.core.errors import TenureError
from tenure.exports.mariadb_apply import TARGET
from tenure.exports.mariadb_session import session
from tenure.exports.mariadb_target import Target
from tenure.sources.mariadb_address import Address
from tenure.sources.mariadb_columns import quoted

_LONGEST_NAME = 64
_NEW = "_tenure_new"
_OLD = "_tenure_old"
_WAIT_SECONDS = 60


def staging_name(table: str) -> str:
    """The table that is written first; what a killed export left under this name is removed by the next one."""
    return _with_suffix(table, _NEW)


def _with_suffix(table: str, suffix: str) -> str:
    if len(table) + len(suffix) > _LONGEST_NAME:
        raise TenureError(
            f"the name {table} is too long for a table beside it",
            cure=f"names for --staging and --create have at most {_LONGEST_NAME - len(suffix)} characters",
        )
    return f"{table}{suffix}"


def remove_new(cursor: Cursor, name: str) -> None:
    """Remove a table that was written but never put in place."""
    cursor.execute(f"DROP TABLE IF EXISTS {quoted(name)}")


def put_in_place(cursor: Cursor, new: str, table: str) -> None:
    """Give a new table its name."""
    cursor.execute(f"RENAME TABLE {quoted(new)} TO {quoted(table)}")


@contextmanager
def staged_copy(cursor: Cursor, address: Address, target: Target, where: str) -> Generator[str]:
    """The name of a copy of the target to write to; at the end it takes the target's place, unless an error came.

    Until then nobody else can write to the target, so that nothing written meanwhile is lost.
    """
    new, old = staging_name(target.name), _with_suffix(target.name, _OLD)
    remove_new(cursor, new)
    remove_new(cursor, old)
    cursor.execute(f"CREATE TABLE {quoted(new)} LIKE {quoted(target.name)}")
    try:
        columns = ", ".join(quoted(column.name) for column in target.columns if not column.generated)
        # The alias is for the statement that looks for rows which are not there yet.
        cursor.execute(f"LOCK TABLES {quoted(target.name)} WRITE, {quoted(new)} WRITE, {quoted(new)} AS {TARGET} WRITE")
        cursor.execute(f"INSERT INTO {quoted(new)} ({columns}) SELECT {columns} FROM {quoted(target.name)}")
        yield new
        _swap(cursor, address, target.name, new, old, where)
    except BaseException:
        cursor.execute("UNLOCK TABLES")
        remove_new(cursor, new)
        raise
    remove_new(cursor, old)


def _swap(cursor: Cursor, address: Address, table: str, new: str, old: str, where: str) -> None:
    """Rename both tables in one step while the target is still locked.

    A session that holds locks may not rename, so another one asks to; it stands before all writers that wait, and
    is let through when the locks are given up.
    """
    failed: list[Exception] = []

    with session(address, where) as other:
        other.execute("SELECT CONNECTION_ID()")
        waiting = int(other.fetchall()[0][0])

        def rename() -> None:
            try:
                other.execute(f"RENAME TABLE {quoted(table)} TO {quoted(old)}, {quoted(new)} TO {quoted(table)}")
            except (pymysql.MySQLError, RuntimeError) as error:
                failed.append(error)

        thread = threading.Thread(target=rename)
        thread.start()
        try:
            _until_waiting(cursor, waiting, thread)
            cursor.execute("UNLOCK TABLES")
        finally:
            thread.join()
        if failed:
            raise failed[0]


def _until_waiting(cursor: Cursor, connection: int, thread: threading.Thread) -> None:
    deadline = time.monotonic() + _WAIT_SECONDS
    while thread.is_alive() and time.monotonic() < deadline:
        cursor.execute(
            "SELECT COUNT(*) FROM information_schema.processlist WHERE id = %s AND state LIKE '%%metadata lock%%'",
            (connection,),
        )
        if cursor.fetchall()[0][0]:
            return
        time.sleep(0.005)
