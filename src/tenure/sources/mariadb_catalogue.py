"""Asks a MariaDB server what a table looks like, and says plainly why it will not tell."""

import ssl
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymysql.constants import FIELD_TYPE
from pymysql.cursors import Cursor

from tenure.contracts.model import Contract
from tenure.core.errors import SourceRefused
from tenure.sources.mariadb_address import Address, password_variable
from tenure.sources.mariadb_columns import ServerColumn, quoted
from tenure.sources.mariadb_connection import connected

_ANSWER_SECONDS = 60
_COLUMNS = """
SELECT column_name, data_type, character_set_name FROM information_schema.columns
WHERE table_schema = DATABASE() AND table_name = %s ORDER BY ordinal_position
"""
_PRIMARY_KEY = """
SELECT column_name FROM information_schema.statistics
WHERE table_schema = DATABASE() AND table_name = %s AND index_name = 'PRIMARY' ORDER BY seq_in_index
"""
_SIZE = """
SELECT avg_row_length, engine FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = %s
"""
_BYTES = 63
"""The number of the character set of bytes."""
_TEXT_OR_BYTES = {
    **dict.fromkeys((FIELD_TYPE.VARCHAR, FIELD_TYPE.VAR_STRING, FIELD_TYPE.STRING), ("varchar", "varbinary")),
    **dict.fromkeys(
        (FIELD_TYPE.TINY_BLOB, FIELD_TYPE.MEDIUM_BLOB, FIELD_TYPE.LONG_BLOB, FIELD_TYPE.BLOB), ("longtext", "longblob")
    ),
}
_TYPES = {
    FIELD_TYPE.TINY: "tinyint",
    FIELD_TYPE.SHORT: "smallint",
    FIELD_TYPE.INT24: "mediumint",
    FIELD_TYPE.LONG: "int",
    FIELD_TYPE.LONGLONG: "bigint",
    FIELD_TYPE.YEAR: "year",
    FIELD_TYPE.BIT: "bit",
    FIELD_TYPE.FLOAT: "float",
    FIELD_TYPE.DOUBLE: "double",
    FIELD_TYPE.DECIMAL: "decimal",
    FIELD_TYPE.NEWDECIMAL: "decimal",
    FIELD_TYPE.DATE: "date",
    FIELD_TYPE.NEWDATE: "date",
    FIELD_TYPE.DATETIME: "datetime",
    FIELD_TYPE.TIMESTAMP: "timestamp",
    FIELD_TYPE.TIME: "time",
    FIELD_TYPE.JSON: "json",
    FIELD_TYPE.ENUM: "enum",
    FIELD_TYPE.SET: "set",
    FIELD_TYPE.GEOMETRY: "geometry",
    FIELD_TYPE.NULL: "varchar",
}
"""What the server calls the types of a query's columns, other than text and bytes."""


@dataclass(frozen=True)
class Table:
    """What the server says of a table or a query; `row_bytes` is its estimate, 0 where it has none.

    `engine`: what keeps the rows, empty for a view or a query. `utc` and `local`: what time it is there.
    """

    columns: list[ServerColumn]
    primary_key: list[str]
    row_bytes: int
    engine: str
    utc: datetime
    local: datetime


@contextmanager
def session(address: Address, place: str, variable: str) -> Generator[Cursor]:
    """A short connection for questions about tables; what goes wrong is told without the password.

    `place` is where the address is written, `variable` holds the password: both are for messages.
    """
    with connected(
        address, lambda error: _explained(error, address, place, variable), read_timeout=_ANSWER_SECONDS
    ) as cursor:
        yield cursor


def _explained(error: Exception, address: Address, place: str, variable: str) -> SourceRefused:
    number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    user = address.user
    refusals = {
        1044: (
            f"user '{user}' may not use database '{address.database}'",
            f"GRANT SELECT ON `{address.database}`.* TO the user, or mend url in {place}",
        ),
        1045: (
            f"the server refused user '{user}' with this password",
            f"check {variable}, that the user may log in from this machine, and whether it must with tls: required",
        ),
        1049: (
            f"the server has no database '{address.database}'",
            f"mend url in {place}",
        ),
        1130: (f"the server lets nobody log in from this machine as '{user}'", "ask its administrator to allow it"),
        1040: ("the server has no free connection", "run again later"),
        1203: (f"user '{user}' has no free connection", "run again later"),
        1054: ("the SQL of the contract names a column that is not there", f"mend where or query in {place}"),
        1064: ("the SQL of the contract cannot be understood", f"mend where, query or boundary in {place}"),
        1142: (f"user '{user}' may not read one of the tables", "GRANT SELECT on it to the user"),
        1146: ("the SQL of the contract names a table that is not there", f"mend where or query in {place}"),
        1222: ("the SELECTs of a UNION differ in their columns", f"mend query in {place}"),
        2026: ("the server does not encrypt connections", f"take tls out of {place}, or set the server up for TLS"),
        2003: (
            "the server cannot be reached",
            f"check that it runs and that host and port in {place} are right",
        ),
    }
    what, cure = distrusted(error, f"url, and tls: in {place}") or refusals.get(
        number,
        ("the server gave no answer that Tenure understands", "check the account and the server's error log"),
    )
    return SourceRefused(f"{what} (error {number})" if number else what, where=str(address), cure=cure)


def distrusted(error: Exception, mend: str) -> tuple[str, str] | None:
    """What is wrong with the encryption, if that is what failed, and its cure; `mend`: what to look at."""
    cause: object = getattr(error, "original_exception", None)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"the server could not prove who it is: {cause.verify_message}", f"check {mend}"
    if isinstance(cause, ssl.SSLError):
        return "the connection could not be encrypted", "ask its administrator for TLS 1.2 or newer"
    return None


def session_of(address: Address, contract: Contract) -> AbstractContextManager[Cursor]:
    """A short connection for questions about a contract's table."""
    return session(address, f"sources/{contract.source}.yml", password_variable(contract))


def describe(address: Address, contract: Contract, where: str) -> Table:
    """What the contract's table or query looks like; raises `SourceRefused` when it cannot be seen."""
    with session_of(address, contract) as cursor:
        cursor.execute("SELECT UTC_TIMESTAMP(6), NOW(6)")
        utc, local = cursor.fetchall()[0]
        if contract.query:
            return Table(_columns_of_query(cursor, contract), [], 0, "", utc, local)
        columns = [
            ServerColumn(str(name), str(type_).lower(), str(charset or ""))
            for name, type_, charset in _ask(cursor, _COLUMNS, contract)
        ]
        if not columns:
            raise SourceRefused(
                "does not exist, or this user may not read it",
                where=where,
                cure=f"mend table in sources/{contract.source}.yml, or GRANT SELECT on it to the user",
            )
        key = [str(name) for (name,) in _ask(cursor, _PRIMARY_KEY, contract)]
        size = next(iter(_ask(cursor, _SIZE, contract)), (0, ""))
    readable = {column.name for column in columns}
    return Table(columns, key if readable.issuperset(key) else [], int(size[0] or 0), str(size[1] or ""), utc, local)


def _columns_of_query(cursor: Cursor, contract: Contract) -> list[ServerColumn]:
    cursor.execute("START TRANSACTION READ ONLY")
    cursor.execute(f"SELECT * FROM ({contract.query}\n) AS t LIMIT 0")
    # PyMySQL keeps the character sets of a result's columns to itself.
    fields: list[Any] = getattr(cursor, "_result").fields  # noqa: B009 - a name that the type checker must not see
    # A column of nothing but NULL is one of no bytes.
    return [
        ServerColumn(field.name, type_of(field.type_code, field.charsetnr if field.length else 0)) for field in fields
    ]


def type_of(code: int, charset: int) -> str:
    """The bare type of a query's column, by the numbers that the server gives for it."""
    if code in _TEXT_OR_BYTES:
        return _TEXT_OR_BYTES[code][charset == _BYTES]
    return _TYPES.get(code, f"no. {code}")


def rows_from(contract: Contract) -> str:
    """SQL for where a contract's rows come from, under the name t."""
    return f"({contract.query}\n) AS t" if contract.query else f"{quoted(str(contract.table))} AS t"


def count_rows(address: Address, contract: Contract, condition: str) -> int:
    """How many rows of the contract there are now that fulfil a condition."""
    with session_of(address, contract) as cursor:
        cursor.execute(f"SELECT COUNT(*) FROM {rows_from(contract)}{condition}")
        return int(cursor.fetchall()[0][0])


def _ask(cursor: Cursor, question: str, contract: Contract) -> tuple[tuple[Any, ...], ...]:
    cursor.execute(question, (contract.table,))
    return cursor.fetchall()
