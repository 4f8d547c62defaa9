"""Rows of a Parquet file as JSON text: what is kept of a row that is set apart, and of a nested value as a whole."""

import json
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, TypeAlias, cast

import pyarrow as pa
import pyarrow.compute as compute

pc: Any = compute  # the stubs know only some of what its functions take
Values: TypeAlias = Any
"""An array of Arrow's: the cells of one column in one block."""
Type: TypeAlias = Any
"""A type of Arrow's."""

UUID = "extension<arrow.uuid>"


def json_texts(values: Values) -> Values:
    """Each value as JSON text; a missing one stays missing."""
    found = python_values(values)
    return pa.array([None if value is None else json_text(value) for value in found], pa.string())


def row_text(columns: Mapping[str, Values], index: int) -> bytes:
    """One row as a JSON object on one line, its columns by their names in the file."""
    cells = {name: python_values(values.slice(index, 1))[0] for name, values in columns.items()}
    return json_text(cells).encode()


def stored_plainly(values: Values) -> Values:
    """The same values without a dictionary and without a name of their own; a UUID is text."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if isinstance(values.type, pa.BaseExtensionType):
        if str(values.type) == UUID:
            return pa.array([None if value is None else str(value) for value in values.to_pylist()], pa.string())
        return stored_plainly(values.storage)
    return values


def moment_texts(moments: Values) -> Values:
    """Moments as text, with nanoseconds only where they have any; a Z behind those of UTC."""
    plain = pc.cast(moments, pa.timestamp(moments.type.unit))
    texts = pc.cast(plain, pa.string())
    if plain.type.unit == "ns":
        coarse = pc.cast(plain, pa.timestamp("us"), safe=False)
        same = pc.equal(pc.cast(coarse, plain.type), plain)
        texts = pc.if_else(same, pc.cast(coarse, pa.string()), texts)
    return texts if moments.type.tz is None else pc.binary_join_element_wise(texts, "Z", "")


def python_values(values: Values) -> list[Any]:
    """The values as Python's, nothing lost: times as text, text that is not UTF-8 with its bytes marked."""
    values = stored_plainly(values)
    if pa.types.is_timestamp(values.type):
        values = moment_texts(values)
    target = _readable(values.type)
    if target != values.type:
        values = pc.cast(values, target)
    try:
        return values.to_pylist()
    except UnicodeDecodeError:
        texts = pc.cast(values, pa.binary()).to_pylist()
        return [None if text is None else text.decode(errors="surrogateescape") for text in texts]


def _readable(given: Any) -> pa.DataType:
    """A type with text for moments, which Python's own types do not hold as finely nor as far."""
    if isinstance(given, pa.BaseExtensionType):
        return _readable(given.storage_type)
    if pa.types.is_dictionary(given):
        return _readable(given.value_type)
    if pa.types.is_timestamp(given) or pa.types.is_date(given) or pa.types.is_time(given):
        return pa.string()
    if pa.types.is_duration(given):
        return pa.int64()
    if pa.types.is_struct(given):
        return pa.struct([(given.field(at).name, _readable(given.field(at).type)) for at in range(given.num_fields)])
    if pa.types.is_map(given):
        return pa.map_(_readable(given.key_type), _readable(given.item_type))
    if pa.types.is_list(given) or pa.types.is_large_list(given) or pa.types.is_fixed_size_list(given):
        return pa.list_(_readable(given.value_type))
    return given


def json_text(value: Any) -> str:
    """A value as JSON text without blanks: numbers with all their digits, bytes as hexadecimal digits."""
    if isinstance(value, dict):
        members = cast("dict[Any, Any]", value).items()
        return "{" + ",".join(f"{json_text(str(key))}:{json_text(inner)}" for key, inner in members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(json_text, cast("list[Any]", value))) + "]"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, bytes):
        return f'"{value.hex().upper()}"'
    if isinstance(value, date | datetime | time):
        return f'"{value.isoformat()}"'
    if isinstance(value, float):
        return repr(value).removesuffix(".0") if value - value == 0 else f'"{value!r}"'
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=not _is_text(value))
    return json.dumps(value)


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
