"""How the columns of a Parquet file become exact values of a contract.

A block in which one value resists stays text: then the contract's checks look at each value and set the wrong ones
apart. What could never be such a value (a list where the contract says date) refuses the file, by its schema alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

import pyarrow as pa

from tenure.contracts.columns import ColumnContract
from tenure.contracts.source_paths import Steps
from tenure.sources.parquet_rows import UUID, Type, Values, json_texts, moment_texts, pc, stored_plainly
from tenure.sources.stored import arrow_type

_EXACT_IN_FLOATING_POINT = 2**53
_FIRST_MOMENT, _LAST_MOMENT = -62_135_596_800_000_000, 253_402_300_799_999_999
"""Microseconds since 1970 at the beginning of the year 1 and at the end of the year 9999."""

_TEXT = "text"
_MADE_OF = {
    "whole number": {"integer", "decimal", "boolean", "number", "string"},
    "decimal": {"integer", "decimal", "number", "string"},
    "floating point": {"integer", "decimal", "number", "string"},
    "truth value": {"boolean", "string"},
    "date": {"date", "timestamp", "string"},
    "timestamp": {"date", "timestamp", "string"},
    "time of day": {"string"},
    "bytes": {"string"},
    "nothing": {"integer", "decimal", "boolean", "number", "string", "date", "timestamp"},
}
_KINDS: tuple[tuple[Callable[[pa.DataType], bool], str], ...] = (
    (pa.types.is_integer, "whole number"),
    (pa.types.is_decimal, "decimal"),
    (pa.types.is_floating, "floating point"),
    (pa.types.is_boolean, "truth value"),
    (pa.types.is_date, "date"),
    (pa.types.is_timestamp, "timestamp"),
    (pa.types.is_time, "time of day"),
    (pa.types.is_string, _TEXT),
    (pa.types.is_large_string, _TEXT),
    (pa.types.is_string_view, _TEXT),
    (pa.types.is_binary, "bytes"),
    (pa.types.is_large_binary, "bytes"),
    (pa.types.is_binary_view, "bytes"),
    (pa.types.is_fixed_size_binary, "bytes"),
    (pa.types.is_null, "nothing"),
    (pa.types.is_struct, "object"),
    (pa.types.is_map, "map"),
    (pa.types.is_nested, "list"),
)


def kind_of(given: Type) -> str:
    """What a type of Parquet holds, in plain words; types that are not known by their own name."""
    return next((kind for holds, kind in _KINDS if holds(given)), str(given))


def misfit(column: ColumnContract, given: Type) -> str | None:
    """Why values of this type can never be what the contract says; None where they may."""
    kind = kind_of(plain_type(given))
    made = "decimal" if column.decimal else column.type
    if kind == _TEXT or column.is_json_text or made in _MADE_OF.get(kind, set()):
        return None
    return f"is {kind}, but the contract says {column.type}"


def cure_for(given: Type, name: str) -> str:
    """What to write in the contract instead."""
    kind = kind_of(plain_type(given))
    if kind in {"object", "map", "list"}:
        inner = f"{name}.key" if kind == "object" else f"{name}[0]"
        return f"name one value of it (from: {inner}), or say type: string and format: json"
    if kind == "whole number":
        return "say format: epoch_ms (and time_zone) if the numbers count milliseconds since 1970, or type: integer"
    known = {"truth value": "boolean", "bytes": "string", "time of day": "string", "date": "date", "timestamp": kind}
    return f"say type: {known.get(kind, 'string')}"


def plain_type(given: Type) -> Type:
    """The type of `stored_plainly`: without what only says how it is stored, or what software made it."""
    if isinstance(given, pa.DictionaryType):
        return plain_type(given.value_type)
    if isinstance(given, pa.BaseExtensionType):
        return pa.string() if str(given) == UUID else plain_type(given.storage_type)
    return given


@dataclass(frozen=True)
class Found:
    """Where a contract's column is in a file: its top-level column, the steps from there, and the type there."""

    steps: Steps
    type: Type


def find(schema: Mapping[str, Type], steps: Steps) -> Found | None:
    """The place of a path in a file of this schema; None where the file has no such column."""
    given = plain_type(schema[str(steps[0])]) if steps and steps[0] in schema else None
    for step in steps[1:]:
        if given is None:
            return None
        if isinstance(step, int):
            is_list = pa.types.is_list(given) or pa.types.is_large_list(given) or pa.types.is_fixed_size_list(given)
            given = plain_type(given.value_type) if is_list else None
        else:
            at = given.get_field_index(step) if pa.types.is_struct(given) else -1
            given = plain_type(given.field(at).type) if at >= 0 else None
    return None if given is None else Found(steps, given)


def values_at(values: Values, steps: Steps) -> Values:
    """The values inside nested ones; null where what is around them is null, or a list is too short."""
    values = stored_plainly(values)
    for step in steps:
        values = stored_plainly(_element(values, step) if isinstance(step, int) else pc.struct_field(values, [step]))
    return values


def _element(lists: Values, place: int) -> Values:
    lengths = pc.fill_null(pc.list_value_length(lists), 0)
    has = pc.greater(lengths, place)
    if pa.types.is_fixed_size_list(lists.type):
        size = lists.type.list_size
        first = pa.array([(lists.offset + row) * size for row in range(len(lists))], pa.int64())
    else:
        first = pc.cast(lists.offsets[:-1], pa.int64())
    at = pc.if_else(has, pc.add(first, place), pa.scalar(None, pa.int64()))
    return lists.values.take(at)


def exact(values: Values, column: ColumnContract) -> Values:
    """The values in the contract's type if all of them are such values exactly; else all of them as text."""
    if column.is_json_text:
        return json_texts(values)
    kind = kind_of(values.type)
    if kind == _TEXT:
        return pc.cast(values, pa.string())
    if column.type != "string":
        try:
            typed = _typed(values, kind, column)
        except pa.ArrowInvalid:
            typed = None
        if typed is not None:
            return typed
    return _as_text(values, kind, column)


def _typed(values: Values, kind: str, column: ColumnContract) -> Values | None:
    """Typed values, or None (or ArrowInvalid) where one of them is not exactly of that type."""
    target = arrow_type(column)
    if kind == "nothing" or values.null_count == len(values):
        return pa.array([None] * len(values), target)
    if kind == "floating point":
        values = pc.cast(values, pa.float64())
        if column.type == "number":
            return values if pc.all(pc.is_finite(values)).as_py() else None
        small = pc.less_equal(pc.abs(values), _EXACT_IN_FLOATING_POINT)
        return pc.cast(values, target) if column.type == "integer" and pc.all(small).as_py() else None
    if column.type == "boolean" and kind == "whole number":
        return pc.cast(values, target) if {0, 1, None}.issuperset(pc.unique(values).to_pylist()) else None
    if column.decimal and kind == "whole number":
        return pc.cast(pc.cast(values, pa.decimal128(20, 0)), target)
    if kind in {"date", "timestamp"}:
        return _moments(values, target)
    return pc.cast(values, target)


def _moments(values: Values, target: Type) -> Values | None:
    """Dates and times of the calendar; a time zone is that of UTC. Arrow would cut a time of day without a word."""
    moments = pc.cast(
        pc.cast(values, pa.timestamp("ms")) if pa.types.is_date(values.type) else values, pa.timestamp("us")
    )
    span = pc.min_max(pc.cast(moments, pa.int64()))
    if span["min"].as_py() < _FIRST_MOMENT or span["max"].as_py() > _LAST_MOMENT:
        return None
    found = pc.cast(moments, target)
    return found if pc.all(pc.equal(pc.cast(found, pa.timestamp("us")), moments)).as_py() else None


def _as_text(values: Values, kind: str, column: ColumnContract) -> Values:
    """The values as text, those that are exact in a form that the checks take."""
    if kind == "timestamp":
        return _moments_as_text(values, column)
    if kind == "floating point":
        texts = [None if value is None else _digits(value) for value in pc.cast(values, pa.float64()).to_pylist()]
    elif kind == "decimal":
        texts = [None if value is None else format(value, "f") for value in values.to_pylist()]
    elif kind == "bytes":
        texts = [None if value is None else value.hex().upper() for value in values.to_pylist()]
    else:
        return pc.cast(values, pa.string())
    return pa.array(texts, pa.string())


def _moments_as_text(moments: Values, column: ColumnContract) -> Values:
    """Moments as text; for a date those at midnight without a time of day."""
    if column.type == "string":
        return moment_texts(moments)
    texts = moment_texts(pc.cast(moments, pa.timestamp(moments.type.unit)))
    if column.type == "date":
        midnight = pc.ends_with(texts, " 00:00:00")
        for zeros in (".000", ".000000"):
            midnight = pc.or_(midnight, pc.ends_with(texts, f" 00:00:00{zeros}"))
        texts = pc.if_else(midnight, pc.utf8_slice_codeunits(texts, 0, len("2025-01-31")), texts)
    return texts


def _digits(value: float) -> str:
    """The shortest text that is read as the same number, written out as far as its digits are certain."""
    if value != value or value in {float("inf"), float("-inf")}:
        return repr(value)
    text = repr(value).removesuffix(".0")
    return format(Decimal(text), "f") if "e-" in text else text
