"""Asks a MariaDB server one question that a person typed; nothing on the server can be changed by it.

The server refuses whatever would change a table, because the question runs in a read-only transaction. What such a
transaction lets through all the same (settings, files on the server, ending of sessions) is refused here.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pymysql.constants import FIELD_TYPE
from pymysql.converters import conversions
from pymysql.cursors import Cursor

from tenure.contracts.model import Contract
from tenure.core.errors import SourceRefused, UsageError
from tenure.sources.mariadb_address import Address, address_of
from tenure.sources.mariadb_catalogue import distrusted
from tenure.sources.mariadb_connection import connected

PASSWORD_VARIABLE = "TENURE_EVAL_PASSWORD"  # noqa: S105 - the name of a variable
_QUESTIONS = {"select", "with", "values", "table", "show", "describe", "desc", "explain"}
_TEXT_OR_COMMENT = re.compile(
    r"""'(?:[^'\\]|\\.|'')*' | "(?:[^"\\]|\\.|"")*" | `(?:[^`]|``)*`
        | /\*.*?\*/ | --(?=\s|$).*?(?:\n|$) | \#.*?(?:\n|$)""",
    re.VERBOSE | re.DOTALL,
)
_RUN_COMMENT = re.compile(r"/\*M?!")
_WRITES_FILES = re.compile(r"\binto\s+(?:outfile|dumpfile)\b", re.IGNORECASE)
# As the server writes them: 0000-00-00 and a negative TIME have no Python value.
_AS_TEXT = {FIELD_TYPE.DATE, FIELD_TYPE.DATETIME, FIELD_TYPE.TIMESTAMP, FIELD_TYPE.TIME}
_BYTES = 63
"""The number of the character set of bytes."""
_HOLDS_BYTES = {
    FIELD_TYPE.BIT,
    FIELD_TYPE.GEOMETRY,
    FIELD_TYPE.BLOB,
    FIELD_TYPE.TINY_BLOB,
    FIELD_TYPE.MEDIUM_BLOB,
    FIELD_TYPE.LONG_BLOB,
    FIELD_TYPE.STRING,
    FIELD_TYPE.VAR_STRING,
    FIELD_TYPE.VARCHAR,
}


@dataclass(frozen=True)
class Found:
    """The answer: the names of its columns and its rows; bytes are hexadecimal digits after 0x."""

    names: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]


def source_address(source: str, contracts: Sequence[Contract], environment: Mapping[str, str], root: Path) -> Address:
    """The server that a source reads; raises `UsageError` for one that reads none. `root`: the project's folder."""
    servers = {contract.source: contract for contract in contracts if contract.kind == "mariadb"}
    if source not in servers:
        known = f"the sources with a server are {', '.join(servers)}" if servers else "no source has a server"
        raise UsageError(
            f"there is no source {source} that reads a server",
            cure=f"{known}; or give the url itself: mariadb://user@host:port/database",
        )
    return address_of(servers[source], environment, root)


def ask_server(address: Address, statement: str) -> Found:
    """The answer to one statement; raises `UsageError` for what is no question, `SourceRefused` for what fails."""
    _expect_question(statement)
    converters: dict[Any, Any] = {kind: way for kind, way in conversions.items() if kind not in _AS_TEXT}
    with connected(address, lambda error: _explained(error, address), conv=converters) as cursor:
        cursor.execute("SET SESSION TRANSACTION READ ONLY")
        # Without a mode the text of the statement is read by the server as it is read here.
        cursor.execute("SET SESSION time_zone = '+00:00', sql_mode = ''")
        cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
        cursor.execute(statement)
        return _found(cursor)


def _expect_question(statement: str) -> None:
    if _RUN_COMMENT.search(statement):
        raise UsageError("comments that the server runs (/*! … */) are not asked", cure="leave the comment out")
    bare = _TEXT_OR_COMMENT.sub(" ", statement)
    first = re.search(r"\w+", bare)
    if first is None or first[0].lower() not in _QUESTIONS or _WRITES_FILES.search(bare):
        raise UsageError(
            "only questions are asked of a server: SELECT, WITH, VALUES, SHOW, DESCRIBE, EXPLAIN; nothing is changed",
            cure="tenure export mariadb writes tables; for anything else use the server's own client",
        )


def _found(cursor: Cursor) -> Found:
    described = cursor.description or ()
    fields: Any = getattr(getattr(cursor, "_result", None), "fields", None) or ()
    of_bytes = [field.charsetnr == _BYTES and field.type_code in _HOLDS_BYTES for field in fields]
    rows = tuple(
        tuple(_cell(value, is_bytes) for value, is_bytes in zip(row, of_bytes, strict=True))
        for row in cursor.fetchall()
    )
    return Found(_distinct([str(column[0]) for column in described]), rows)


def _distinct(names: Sequence[str]) -> tuple[str, ...]:
    """The names, each once: the second `a` is called `a_1`, as `tenure sql` does."""
    given: list[str] = []
    for name in names:
        number, chosen = 0, name
        while chosen in given:
            number += 1
            chosen = f"{name}_{number}"
        given.append(chosen)
    return tuple(given)


def _cell(value: object, is_bytes: bool) -> object:
    if is_bytes and isinstance(value, bytes | str):
        return "0x" + (value if isinstance(value, bytes) else value.encode()).hex().upper()
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value


def _explained(error: Exception, address: Address) -> SourceRefused | UsageError:
    number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    said = str(error.args[1]) if len(error.args) > 1 else ""
    where = str(address)
    if number in {1792, 1290}:
        return UsageError(
            "the server refused: it would change something, and only questions are asked",
            where=where,
            cure="tenure export mariadb writes tables; for anything else use the server's own client",
        )
    login = {
        1044: "this user may not use the database",
        1045: "the server refused user or password",
        1049: "the server has no such database",
        1130: "the server lets nobody log in from this machine",
        2003: "the server cannot be reached",
        2026: "the server does not encrypt connections",
    }
    found = distrusted(error, "url and tls")
    if found:
        return SourceRefused(found[0], where=where, cure=found[1])
    if number in login:
        return SourceRefused(f"{login[number]} (error {number})", where=where, cure="check url, password and tls")
    if not number or number in {2006, 2013, 1927}:
        return SourceRefused("the connection to the server broke", where=where, cure="run again")
    # It is the person's own statement that the server quotes.
    return SourceRefused(f"the server refused the statement: {said} (error {number})", where=where, cure="mend it")
