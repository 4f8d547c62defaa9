"""How each column of a MariaDB table is asked for, and how it becomes exact.

ConnectorX reads whole numbers, floating point and text exactly. It rounds a DECIMAL to ten decimals, and ends with
a panic on more than 28 digits, on a date such as 0000-00-00 and on a negative TIME. All of those are therefore asked
for as text, which the server writes exactly, and made exact values again here, block by block. A block in which one
value resists stays text: then the contract's checks look at each value and set the wrong ones apart.
"""

from collections.abc import Callable, Sequence
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
    """A column as information_schema describes it: `type` is the bare type, such as `decimal`."""

    name: str
    type: str


@dataclass(frozen=True)
class ColumnPlan:
    """One column of the contract: the SQL that asks for it, what then must arrive and what it is to become.

    `target` is None where text is left to the contract's checks.
    """

    name: str
    source_name: str
    sql: str
    arrives: Callable[[pa.DataType], bool]
    target: pa.DataType | None


def _is_text(given: pa.DataType) -> bool:
    # A server that insists on a character set of its own marks long text as bytes.
    return pa.types.is_string(given) or pa.types.is_large_binary(given)


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
    sql, arrives, target = _asked(column, server.type, f"t.{quoted(server.name)}", f"{where}.{server.name}", source)
    return ColumnPlan(name, server.name, sql, arrives, target)


def _asked(
    column: ColumnContract, type_: str, given: str, where: str, source: str
) -> tuple[str, Callable[[pa.DataType], bool], pa.DataType | None]:
    """SQL for a column, what it gives, and the type to make of it."""
    if type_ in _TEXT:
        return given, _is_text, None
    if type_ in _WHOLE | {"bit"}:
        number = f"CAST({given} AS UNSIGNED)" if type_ == "bit" else given
        if column.type in {"integer", "boolean"}:
            return number, pa.types.is_integer, pa.int64() if column.type == "integer" else pa.bool_()
        return _as_text(number), _is_text, _number(column)
    if type_ in {"float", "double"}:
        if column.type == "number":
            return given, pa.types.is_floating, pa.float64()
        # A FLOAT is written with six digits only; as a DOUBLE every digit it holds is written.
        return _as_text(f"CAST({given} AS DOUBLE)" if type_ == "float" else given), _is_text, None
    if type_ == "decimal":
        return _as_text(given), _is_text, _number(column)
    if type_ in _MOMENTS:
        return _as_text(given), _is_text, _moment(column)
    if type_ in _BYTES | _SHAPES:
        if column.type != "string":
            raise SourceRefused(
                f"is {type_.upper()}, which holds bytes, but the contract says {column.type}",
                where=where,
                cure=f"say type: string in sources/{source}.yml: bytes arrive as hexadecimal digits",
            )
        return f"HEX({f'ST_AsBinary({given})' if type_ in _SHAPES else given})", _is_text, None
    raise SourceRefused(
        f"is of type {type_.upper()}, which cannot be read",
        where=where,
        cure="read a view that gives it as text, or leave the column out of the contract",
    )


def _as_text(sql: str) -> str:
    return f"CAST({sql} AS CHAR)"


def _number(column: ColumnContract) -> pa.DataType | None:
    """The exact type of whole and decimal numbers that come as text."""
    if column.decimal:
        return pa.decimal128(*column.decimal)
    return pa.int64() if column.type == "integer" else None


def _moment(column: ColumnContract) -> pa.DataType | None:
    """The exact type of dates and times that come as text."""
    moments = {"date": pa.date32(), "timestamp": pa.timestamp("us")}
    return moments.get(column.type)


def exact(values: Values, target: pa.DataType | None) -> Values:
    """The values in their contract's type if all of them are such values exactly; else all of them as text."""
    if target is None or (pa.types.is_boolean(target) and not _all_zero_or_one(values)):
        return pc.cast(values, pa.string())
    try:
        return pc.cast(values, target)
    except pa.ArrowInvalid:
        return pc.cast(values, pa.string())


def _all_zero_or_one(values: Values) -> bool:
    found = pc.unique(values).to_pylist()
    return {0, 1, None}.issuperset(found)
