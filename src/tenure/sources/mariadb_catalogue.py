"""Asks a MariaDB server what a table looks like, and says plainly why it will not tell."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pymysql
from pymysql.cursors import Cursor

from tenure.contracts.model import Contract
from tenure.core.errors import SourceRefused
from tenure.sources.mariadb_address import Address, password_variable
from tenure.sources.mariadb_columns import ServerColumn, quoted

_CONNECT_SECONDS = 10
_ANSWER_SECONDS = 60
_COLUMNS = """
SELECT column_name, data_type FROM information_schema.columns
WHERE table_schema = DATABASE() AND table_name = %s ORDER BY ordinal_position
"""
_PRIMARY_KEY = """
SELECT column_name FROM information_schema.statistics
WHERE table_schema = DATABASE() AND table_name = %s AND index_name = 'PRIMARY' ORDER BY seq_in_index
"""
_ROW_BYTES = """
SELECT avg_row_length FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = %s
"""


@dataclass(frozen=True)
class Table:
    """What information_schema says of a table; `row_bytes` is the server's estimate, 0 where it has none."""

    columns: list[ServerColumn]
    primary_key: list[str]
    row_bytes: int


@contextmanager
def _session(address: Address, contract: Contract) -> Generator[Cursor]:
    """A short connection for questions about the table; what goes wrong is told without the password."""
    try:
        with (
            pymysql.connect(
                host=address.host,
                port=address.port,
                user=address.user,
                password=address.password,
                database=address.database,
                charset="utf8mb4",
                connect_timeout=_CONNECT_SECONDS,
                read_timeout=_ANSWER_SECONDS,
                ssl_disabled=True,
            ) as connection,
            connection.cursor() as cursor,
        ):
            yield cursor
    except (pymysql.MySQLError, RuntimeError, UnicodeError) as error:
        raise _explained(error, address, contract) from None


def _explained(error: Exception, address: Address, contract: Contract) -> SourceRefused:
    number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    user = address.user
    refusals = {
        1044: (
            f"user '{user}' may not use database '{address.database}'",
            f"GRANT SELECT ON `{address.database}`.* TO the user, or mend url in sources/{contract.source}.yml",
        ),
        1045: (
            f"the server refused user '{user}' with this password",
            f"check {password_variable(contract.source)} and that the user may log in from this machine, without TLS",
        ),
        1049: (
            f"the server has no database '{address.database}'",
            f"mend url in sources/{contract.source}.yml",
        ),
        1130: (f"the server lets nobody log in from this machine as '{user}'", "ask its administrator to allow it"),
        1040: ("the server has no free connection", "run again later"),
        1203: (f"user '{user}' has no free connection", "run again later"),
        2003: (
            "the server cannot be reached",
            f"check that it runs and that host and port in sources/{contract.source}.yml are right",
        ),
    }
    what, cure = refusals.get(
        number,
        ("the server gave no answer that Tenure understands", "check the account and the server's error log"),
    )
    return SourceRefused(f"{what} (error {number})" if number else what, where=str(address), cure=cure)


def describe(address: Address, contract: Contract, where: str) -> Table:
    """What the contract's table looks like; raises `SourceRefused` when it cannot be seen."""
    with _session(address, contract) as cursor:
        columns = [ServerColumn(str(name), str(type_).lower()) for name, type_ in _ask(cursor, _COLUMNS, contract)]
        if not columns:
            raise SourceRefused(
                "does not exist, or this user may not read it",
                where=where,
                cure=f"mend table in sources/{contract.source}.yml, or GRANT SELECT on it to the user",
            )
        primary_key = [str(name) for (name,) in _ask(cursor, _PRIMARY_KEY, contract)]
        width = [row[0] for row in _ask(cursor, _ROW_BYTES, contract)]
    readable = {column.name for column in columns}
    return Table(columns, primary_key if readable.issuperset(primary_key) else [], int(width[0] or 0) if width else 0)


def count_rows(address: Address, contract: Contract) -> int:
    """How many rows the contract's table has now."""
    with _session(address, contract) as cursor:
        cursor.execute(f"SELECT COUNT(*) FROM {quoted(str(contract.table))}")
        return int(cursor.fetchall()[0][0])


def _ask(cursor: Cursor, question: str, contract: Contract) -> tuple[tuple[Any, ...], ...]:
    cursor.execute(question, (contract.table,))
    return cursor.fetchall()
