"""A connection that an export writes through, and what a failure of the server means, without any value in it."""

import re
from collections.abc import Generator
from contextlib import contextmanager

from pymysql.cursors import Cursor

from tenure.core.errors import TenureError
from tenure.sources.mariadb_address import Address
from tenure.sources.mariadb_catalogue import distrusted
from tenure.sources.mariadb_connection import connected

PASSWORD_VARIABLE = "TENURE_EXPORT_PASSWORD"  # noqa: S105 - the name of a variable
_SESSION = (
    # Strict: a value that does not fit is an error. No backslash escapes: a literal needs its quotes doubled and
    # nothing else. A zero is a zero, and no request for the next number.
    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_BACKSLASH_ESCAPES,NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION'",
    "SET SESSION time_zone = '+00:00', explicit_defaults_for_timestamp = 1",
    "SET NAMES utf8mb4 COLLATE utf8mb4_general_ci",
)
_LOST = {2006, 2013, 2014, 2055, 1927, 4031, 1053, 1077}
_AGAIN = "nothing was changed; run again"
_REFUSALS = {
    1040: ("the server has no free connection", "run again later"),
    1044: ("this user may not use the database, or not make temporary tables in it", ""),
    1045: (
        "the server refused user or password",
        f"check {PASSWORD_VARIABLE}, that the user may log in from this machine, and whether it must with --tls",
    ),
    1048: ("a column that must have a value was given none", "leave such rows out with --sql, or give a value"),
    1049: ("the server has no such database", "mend --to"),
    1062: (
        "a row with the same unique key is there already, or occurs twice in the export",
        "take --mode upsert for rows that may be there already, or choose the rows with --sql",
    ),
    1114: ("the server has no room for the rows", "make room there and run again"),
    1130: ("the server lets nobody log in from this machine", "ask its administrator to allow it"),
    1142: ("this user may not write the table", ""),
    1143: ("this user may not write one of the columns", ""),
    1205: ("the table was locked by others for too long", _AGAIN),
    1213: ("the server ended a deadlock with others who write to the table", _AGAIN),
    1264: ("a number is too large for the column", "widen the column, or convert in --sql"),
    1265: ("a value is not one that the column can hold", "alter the column, or convert in --sql"),
    1292: ("a date or time is not one that the column can hold", "alter the column, or convert in --sql"),
    1290: ("the server is read-only", "name the server that is written to in --to"),
    1366: ("text has characters that the column's character set lacks", "give the column utf8mb4"),
    1406: ("a text is too long for the column", "widen the column, or shorten the text in --sql"),
    1451: ("rows of another table refer to a row that would change", "mend those rows first"),
    1452: (
        "a row refers to one that another table lacks",
        "export that table first, or leave such rows out with --sql",
    ),
    1836: ("the server is read-only", "name the server that is written to in --to"),
    2003: ("the server cannot be reached", "check that it runs and that host and port in --to are right"),
    2026: ("the server does not encrypt connections", "leave out --tls, or set the server up for TLS"),
    3819: ("a row breaks a CHECK of the table", "choose the rows with --sql so that they keep to it"),
    4025: ("a row breaks a CHECK of the table", "choose the rows with --sql so that they keep to it"),
}
_GRANT = "GRANT SELECT, INSERT, UPDATE ON the table and CREATE TEMPORARY TABLES ON the database to the user"
_COLUMN = re.compile(r"[Cc]olumn (?:`[^`]*`\.`[^`]*`\.)?[`']([^`']+)[`']")


@contextmanager
def session(address: Address, where: str) -> Generator[Cursor]:
    """A cursor of a new connection, closed at the end; the server's errors become `TenureError`, nothing committed."""
    with connected(address, lambda error: explained(error, where), autocommit=True) as cursor:
        for statement in _SESSION:
            cursor.execute(statement)
        yield cursor


def explained(error: Exception, where: str) -> TenureError:
    """What to tell a person. The server's own words may quote a row, so only its number and the column are used."""
    number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    if number in _LOST or not number:
        return TenureError(
            f"the connection to the server broke{f' (error {number})' if number else ''}", where=where, cure=_AGAIN
        )
    what, cure = distrusted(error, "--to and --tls") or _REFUSALS.get(
        number, ("the server refused", "look the number up, and look into its error log")
    )
    found = _COLUMN.search(str(error.args[1])) if len(error.args) > 1 else None
    place = f"{where}.{found[1]}" if found else where
    return TenureError(f"{what} (error {number}); nothing was changed", where=place, cure=cure or _GRANT)
