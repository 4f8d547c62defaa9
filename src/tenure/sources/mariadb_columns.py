"""How each column of a MariaDB table is asked for, and how it becomes exact.

Every column is asked for as text, which the server writes exactly: ConnectorX by itself rounds a DECIMAL to ten
decimals, and ends with a panic on more than 28 digits, on a date such as 0000-00-00 and on a negative TIME. The text
is made exact values again here, block by block. A block in which one value resists stays text: then the contract's
checks look at each value and set the wrong ones apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from tenure.contracts.columns import ColumnContract
from tenure.contracts.model import Contract
from tenure.core.errors import SourceRefused

_WHOLE = frozenset({"tinyint", "smallint", "mediumint", "int", "bigint", "year"})
_MOMENTS = frozenset({"date", "datetime", "timestamp", "time"})
_TEXT = frozenset(
    {"char", "varchar", "tinytext", "text", "mediumtext", "longtext", "json", "enum", "set", "uuid", "inet4", "inet6"}
)
_BYTES = frozenset({"binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"})
_SHAPES = frozenset(
    {
        "geometry",
        "point",
        "linestring",
        "polygon",
        "multipoint",
        "multilinestring",
        "multipolygon",
        "geometrycollection",
    }
)

Values: TypeAlias = "pa.Array[Any]"
"""The cells of one column in one batch."""


@dataclass(frozen=True)
class ServerColumn:
    """A column as the server describes it: `type` is the bare type, such as `decimal`; `charset` that of its text."""

    name: str
    type: str
    charset: str = ""


@dataclass(frozen=True)
class ColumnPlan:
    """One column of the contract: the SQL that asks for it, whether that is text already, and what it is to become.

    `target` is None where text is left to the contract's checks.
    """

    name: str
    source_name: str
    sql: str
    is_text: bool
    target: pa.DataType | None


def is_readable(type_: str) -> bool:
    """Whether columns of this bare type can be read."""
    return type_ in _TEXT | _WHOLE | {"bit", "float", "double", "decimal"} | _MOMENTS | _BYTES | _SHAPES


def quoted(name: str) -> str:
    """A name as SQL of MariaDB writes it."""
    return "`" + name.replace("`", "``") + "`"


def plan_columns(contract: Contract, table: Sequence[ServerColumn], where: str) -> list[ColumnPlan]:
    """A plan for each column of the contract; raises `SourceRefused` naming a column that cannot be read."""
    by_name = {column.name.lower(): column for column in table}
    missing = [name for name in contract.source_columns().values() if name.lower() not in by_name]
    if missing:
        raise SourceRefused(
            f"has no column {', '.join(missing)} that this user may read",
            where=where,
            cure=f"mend sources/{contract.source}.yml (from:); the columns are {', '.join(c.name for c in table)}",
        )
    return [
        _plan(name, column, by_name[(column.source_name or name).lower()], contract.source, where)
        for name, column in contract.columns.items()
    ]


def _plan(name: str, column: ColumnContract, server: ServerColumn, source: str, where: str) -> ColumnPlan:
    sql, is_text, target = _asked(column, server, f"t.{quoted(server.name)}", f"{where}.{server.name}", source)
    return ColumnPlan(name, server.name, sql, is_text, target)


def _asked(
    column: ColumnContract, server: ServerColumn, given: str, where: str, source: str
) -> tuple[str, bool, pa.DataType | None]:
    """SQL for a column, whether it gives text, and the type to make of it."""
    type_ = server.type
    if type_ in _TEXT:
        return (given if server.charset == "utf8mb4" else f"CONVERT({given} USING utf8mb4)"), True, None
    if type_ in _WHOLE:
        return given, False, _number(column)
    if type_ == "bit":
        return f"CAST({given} AS UNSIGNED)", False, _number(column)
    if type_ in {"float", "double"}:
        # A FLOAT is written with six digits only; as a DOUBLE every digit it holds is written.
        number = f"CAST({given} AS DOUBLE)" if type_ == "float" else given
        return number, False, pa.float64() if column.type == "number" else None
    if type_ == "decimal":
        return given, False, None if column.type == "boolean" else _number(column)
    if type_ in _MOMENTS:
        return given, False, _moment(column)
    if type_ in _BYTES | _SHAPES:
        if column.type != "string":
            raise SourceRefused(
                f"is {type_.upper()}, which holds bytes, but the contract says {column.type}",
                where=where,
                cure=f"say type: string in sources/{source}.yml: bytes arrive as hexadecimal digits",
            )
        return f"HEX({f'ST_AsBinary({given})' if type_ in _SHAPES else given})", True, None
    raise SourceRefused(
        f"is of type {type_.upper()}, which cannot be read",
        where=where,
        cure="read a view that gives it as text, or leave the column out of the contract",
    )


def _number(column: ColumnContract) -> pa.DataType | None:
    """The exact type of whole and decimal numbers."""
    if column.decimal:
        return pa.decimal128(*column.decimal)
    return {"integer": pa.int64(), "boolean": pa.bool_()}.get(column.type)


def _moment(column: ColumnContract) -> pa.DataType | None:
    """The exact type of dates and times that come as text."""
    moments = {"date": pa.date32(), "timestamp": pa.timestamp("us")}
    return moments.get(column.type)


def exact(texts: Values, target: pa.DataType | None) -> Values:
    """The texts in their contract's type if all of them are such values exactly; else as they are."""
    if target is None:
        return texts
    # Only 0 and 1, as the server writes them: to Arrow more words are true or false.
    if pa.types.is_boolean(target) and not set(pc.unique(texts).to_pylist()) <= {"0", "1", None}:
        return texts
    try:
        return pc.cast(texts, target)
    except pa.ArrowInvalid:
        return texts
