"""Divides a table between several readers, all of which see one and the same state of it."""

import secrets
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise

import pymysql
from pymysql.cursors import Cursor

from tenure.contracts.model import Contract
from tenure.core.errors import SourceRefused
from tenure.sources.mariadb_address import Address
from tenure.sources.mariadb_catalogue import Table, rows_from, session_of
from tenure.sources.mariadb_columns import quoted

_LOCK_SECONDS = 10
_START_SECONDS = 60
_TRANSACTIONAL = "InnoDB"


def stretches(address: Address, contract: Contract, table: Table, condition: str, where: str) -> list[str]:
    """Conditions that divide the rows between readers: each row, NULL or not, fulfils exactly one of them.

    Raises `SourceRefused` where several readers could not see the same state of the table.
    """
    if table.engine != _TRANSACTIONAL:
        kind = f"a table of {table.engine}" if table.engine else "a view"
        raise SourceRefused(
            f"is {kind}: of it several readers at once could not see one and the same state",
            where=where,
            cure=f"take parallel out of sources/{contract.source}.yml",
        )
    name = contract.split_by or contract.source_columns()[contract.key[0]]
    column = next((known.name for known in table.columns if known.name.lower() == name.lower()), None)
    if column is None:
        raise SourceRefused(
            f"has no column {name} to divide it by", where=where, cure=f"mend split_by in sources/{contract.source}.yml"
        )
    split = f"t.{quoted(column)}"
    bounds = contract.boundary or f"SELECT MIN({split}), MAX({split}) FROM {rows_from(contract)}{condition}"
    with session_of(address, contract) as cursor:
        cursor.execute(bounds)
        found = cursor.fetchall()
    if len(found) != 1 or len(found[0]) != 2:
        raise SourceRefused(
            "boundary does not give one row of a least and a greatest value",
            where=where,
            cure=f"mend boundary in sources/{contract.source}.yml",
        )
    points = _points(*found[0], contract.parallel)
    if points is None:
        raise SourceRefused(
            f"cannot be divided by {column}: its values are neither whole numbers nor dates",
            where=where,
            cure=f"name another column under split_by in sources/{contract.source}.yml, or take parallel out",
        )
    if not points:
        return [""]
    first, last = f"({split} < {points[0]} OR {split} IS NULL)", f"{split} >= {points[-1]}"
    between = [f"{split} >= {low} AND {split} < {high}" for low, high in pairwise(points)]
    return [first, *between, last]


def _points(least: object, greatest: object, parts: int) -> list[str] | None:
    """Where one stretch ends and the next begins, as SQL: one fewer than stretches; None for values of other kinds."""
    if least is None or greatest is None:
        return []
    if isinstance(least, int | Decimal) and isinstance(greatest, int | Decimal):
        low, high = int(least), int(greatest)
        return list(dict.fromkeys(str(low + (high - low) * part // parts) for part in range(1, parts)))
    if isinstance(least, date) and isinstance(greatest, date):
        low, high = _moment(least), _moment(greatest)
        return list(dict.fromkeys(f"'{low + (high - low) * part / parts}'" for part in range(1, parts)))
    return None


def _moment(day: date) -> datetime:
    return day if isinstance(day, datetime) else datetime.combine(day, datetime.min.time())


@contextmanager
def one_state(
    address: Address, contract: Contract, readers: int, where: str
) -> Generator[tuple[Sequence[tuple[str, ...]], Callable[[Callable[[], bool]], None]]]:
    """For each reader the statements that follow its snapshot, and a function that waits until all have come so far.

    Until then nobody can write to the table, so that all of them see one and the same state. A reader takes a lock of
    its own, which tells that its snapshot is there, and waits at another one until the others have theirs. Raises
    `SourceRefused` where the table cannot be held so.
    """
    run = secrets.token_hex(6)
    there = [f"tenure_{run}_{number}" for number in range(readers)]
    gates = [f"{name}_go" for name in there]
    with session_of(address, contract) as cursor:
        _hold(cursor, contract, where)
        for gate in gates:
            cursor.execute(f"DO GET_LOCK('{gate}', 0)")

        def wait(running: Callable[[], bool]) -> None:
            deadline = time.monotonic() + _START_SECONDS
            asked = " + ".join(f"(IS_USED_LOCK('{name}') IS NOT NULL)" for name in there)
            begun = 0
            while begun < readers and running() and time.monotonic() < deadline:
                cursor.execute(f"SELECT {asked}")
                begun = int(cursor.fetchall()[0][0])
                time.sleep(0.01)
            cursor.execute("UNLOCK TABLES")
            if begun < readers and running():
                raise SourceRefused(
                    "was not read: its readers did not all begin in time", where=where, cure="run again later"
                )
            for gate in gates:
                cursor.execute(f"DO RELEASE_LOCK('{gate}')")

        begins = [
            (f"DO GET_LOCK('{name}', 0)", f"DO GET_LOCK('{gate}', {2 * _START_SECONDS})")
            for name, gate in zip(there, gates, strict=True)
        ]
        yield begins, wait


def _hold(cursor: Cursor, contract: Contract, where: str) -> None:
    """Keep others from writing to the table; who waits for us waits for no longer than the readers take to begin."""
    try:
        cursor.execute(f"SET SESSION lock_wait_timeout = {_LOCK_SECONDS}")
        cursor.execute(f"LOCK TABLES {quoted(str(contract.table))} READ")
    except pymysql.MySQLError as error:
        number = error.args[0] if error.args else 0
        if number in {1044, 1142}:
            what, cure = (
                "cannot be held still for a moment, which parallel readers need to see one and the same state",
                "GRANT LOCK TABLES on the database to the user, or take parallel out of",
            )
        elif number == 1205:
            what, cure = (
                "was being written to by a transaction that did not end, so parallel readers could not begin",
                "run again later, or take parallel out of",
            )
        else:
            raise
        raise SourceRefused(
            f"{what} (error {number}); nothing was loaded", where=where, cure=f"{cure} sources/{contract.source}.yml"
        ) from None
