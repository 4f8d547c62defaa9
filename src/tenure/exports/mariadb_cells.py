"""How each column of an export goes to a MariaDB server: its type there, and its values as SQL literals.

The engine writes the literals, so that no value passes through Python: text with its quotes doubled (the session
has NO_BACKSLASH_ESCAPES), bytes as hexadecimal digits, numbers with every digit.
"""

import re
from dataclasses import dataclass

from tenure.core.errors import UsageError
from tenure.engine.protocol import Column
from tenure.exports.selection import Selection, named

WHOLE = frozenset({"tinyint", "smallint", "mediumint", "int", "bigint"})
TEXTS = frozenset({"char", "varchar", "tinytext", "text", "mediumtext", "longtext"})
_BYTES = frozenset({"binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"})
AS_THEY_STAND = frozenset({"uuid", "inet4", "inet6"})
"""Types that write a value in one form of several: compared as values, not as text."""

_FITS = {
    "integer": WHOLE | {"decimal", "bit", "year"} | TEXTS,
    "decimal": WHOLE | {"decimal"} | TEXTS,
    "double": frozenset({"double", "float", "decimal"}),
    "boolean": WHOLE | {"bit", "decimal"},
    "date": frozenset({"date", "datetime", "timestamp"}) | TEXTS,
    "timestamp": frozenset({"datetime", "timestamp", "date"}) | TEXTS,
    "time": frozenset({"time"}) | TEXTS,
    "text": TEXTS | {"enum", "set"} | AS_THEY_STAND,
    "bytes": _BYTES,
}
_INTEGERS = {
    "TINYINT": "BIGINT",
    "SMALLINT": "BIGINT",
    "INTEGER": "BIGINT",
    "BIGINT": "BIGINT",
    "UTINYINT": "BIGINT",
    "USMALLINT": "BIGINT",
    "UINTEGER": "BIGINT",
    "UBIGINT": "BIGINT UNSIGNED",
    "HUGEINT": "DECIMAL(38,0)",
    "UHUGEINT": "DECIMAL(39,0)",
}
_MOMENTS = {"TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP WITH TIME ZONE"}


@dataclass(frozen=True)
class SentColumn:
    """A column of the export: its kind, the MariaDB type that holds every value of it, and the SQL of its literal."""

    name: str
    kind: str
    type: str
    literal: str

    def fits(self, server_type: str) -> bool:
        """Whether a column of this type on the server can be given these values at all."""
        return server_type in _FITS[self.kind]


def sent_columns(selection: Selection) -> list[SentColumn]:
    """How each column of the selection is sent; raises `UsageError` for one that no MariaDB column can hold."""
    return [_sent(column) for column in selection.columns]


def literals_sql(selection: Selection, columns: list[SentColumn]) -> str:
    """A SELECT of one text a row: the row as SQL of MariaDB writes it, such as (1,'x',NULL)."""
    cells = ", ".join(f"COALESCE({column.literal}, 'NULL')" for column in columns)
    return f"SELECT '(' || concat_ws(',', {cells}) || ')' AS literal FROM ({selection.sql}) AS selection"


def infinite_sql(selection: Selection, columns: list[SentColumn]) -> str | None:
    """A SELECT of one row: of each floating-point column, how many values are NaN or infinite. None without any."""
    counted = [
        f"COUNT(*) FILTER (WHERE NOT isfinite({named(column.name)})) AS {named(column.name)}"
        for column in columns
        if column.kind == "double"
    ]
    return f"SELECT {', '.join(counted)} FROM ({selection.sql}) AS selection" if counted else None


def _sent(column: Column) -> SentColumn:
    name, given = named(column.name), column.type
    text = f"CAST({name} AS VARCHAR)"
    if given in _INTEGERS:
        return SentColumn(column.name, "integer", _INTEGERS[given], text)
    if given.startswith("DECIMAL"):
        return SentColumn(column.name, "decimal", given, text)
    if given in {"DOUBLE", "FLOAT"}:
        # With an exponent it is a floating-point literal on the server as well, and never a decimal one.
        number = f"CAST(CAST({name} AS DOUBLE) AS VARCHAR)"
        literal = f"CASE WHEN contains({number}, 'e') THEN {number} ELSE {number} || 'e0' END"
        return SentColumn(column.name, "double", "DOUBLE", literal)
    if given == "BOOLEAN":
        return SentColumn(column.name, "boolean", "TINYINT(1)", f"CAST(CAST({name} AS TINYINT) AS VARCHAR)")
    if given == "BLOB":
        return SentColumn(column.name, "bytes", "LONGBLOB", f"'x''' || hex({name}) || ''''")
    if given == "DATE":
        return SentColumn(column.name, "date", "DATE", _quoted(text))
    if given in _MOMENTS:
        at = f"{name} AT TIME ZONE 'UTC'" if given.endswith("ZONE") else name
        moment = f"CAST(CAST({at} AS TIMESTAMP) AS VARCHAR)"
        return SentColumn(column.name, "timestamp", "DATETIME(6)", _quoted(moment))
    if given == "TIME":
        return SentColumn(column.name, "time", "TIME(6)", _quoted(text))
    if given in {"STRING", "UUID", "JSON"} or given.startswith("ENUM("):
        return SentColumn(
            column.name, "text", "LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", _quoted(text, escape=True)
        )
    raise UsageError(
        f"column {column.name} is {re.sub(r'[(].*', '(…)', given)}, which MariaDB has no type for",
        cure='leave it out with --columns, or make text of it: --sql "SELECT CAST(… AS VARCHAR) AS …"',
    )


def _quoted(text: str, *, escape: bool = False) -> str:
    inner = f"replace({text}, '''', '''''')" if escape else text
    return f"'''' || {inner} || ''''"
