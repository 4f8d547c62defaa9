"""Reads one JSON record exactly: every number keeps its digits, everything RFC 8259 forbids is refused."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, cast

from tenure.contracts.columns import ColumnContract
from tenure.contracts.model import Contract
from tenure.contracts.source_paths import Steps, steps_of

DEEPEST = 100
"""Levels of nesting beyond which a record is refused unread."""

_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_BRACKETS = re.compile(rb"[\[\]{}]")
_WITH_EXPONENT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)[eE][+-]?[0-9]{1,2}")
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it is written."""

    text: str


Scalar = str | Number | bool | None


@dataclass(frozen=True)
class Fault:
    """Why a record cannot be read: see `Reject`."""

    rule: str
    column: str | None
    reason: str


class _Broken(ValueError):
    """What JSON itself allows, or Python's reader lets through, but a record must not have."""


@dataclass
class Place:
    """A place in a record, and what the contract asks for there and further inside.

    `name`: the contract's name of the value that stands here; `as_json`: whatever it is, as JSON text.
    `path`: the place as the contract writes it. `is_value`: one value is asked for here and nothing else.
    """

    path: str = ""
    name: str | None = None
    as_json: bool = False
    is_value: bool = False
    members: dict[str, "Place"] = field(default_factory=dict[str, "Place"])
    elements: dict[int, "Place"] = field(default_factory=dict[int, "Place"])

    def leaves(self) -> "Iterator[Place]":
        """All places here and further inside whose value is asked for."""
        if self.name is not None:
            yield self
        for inner in (*self.members.values(), *self.elements.values()):
            yield from inner.leaves()


def asked_of(contract: Contract) -> Place:
    """The record as the contract asks for it."""
    root = Place()
    for name, source in contract.source_columns().items():
        column = contract.columns[name]
        steps = steps_of(source) if column.source_name is not None else (source,)
        place = _place(root, steps)
        place.name, place.as_json = name, column.is_json_text
    for place in root.leaves():
        place.is_value = not (place.as_json or place.members or place.elements)
    return root


def _place(root: Place, steps: Steps) -> Place:
    place = root
    for step in steps:
        if isinstance(step, int):
            path = f"{place.path}[{step}]"
            place = place.elements.setdefault(step, Place(path))
        else:
            path = f"{place.path}.{step}" if place.path else step
            place = place.members.setdefault(step, Place(path))
    return place


def read_record(record: bytes, asked: Place) -> dict[str, Scalar] | Fault:
    """The values of a record by the contract's name; what the record does not have is left out.

    The fault's rule is `encoding`, `json` (not JSON, no object unless the contract asks for the record as a whole, a
    key twice, NaN or Infinity, half a surrogate pair, nested too deeply), `unknown_column` or `type` (an object or
    array where one value should be, or the other way round).
    """
    parsed = parse(record)
    if isinstance(parsed, Fault):
        return parsed
    if not isinstance(parsed, dict) and asked.name is None:
        return Fault("json", None, "is not a JSON object")
    values: dict[str, Scalar] = {}
    return _take(parsed, asked, values) or values


def parse(text: bytes, *, once: bool = False) -> object:
    """One JSON value, its numbers as `Number`; a `Fault` where it is none, see `read_record`.

    An object with a key that it has more than once is a `Twice`, or a fault if every key may stand `once` only.
    """
    try:
        decoded = text.decode()
    except UnicodeDecodeError:
        return Fault("encoding", None, "is not UTF-8 text")
    if _too_deep(text):
        return Fault("json", None, f"is nested more than {DEEPEST} deep")
    try:
        return (_STRICT_DECODER if once else _DECODER).decode(decoded)
    except json.JSONDecodeError as error:
        return Fault("json", None, f"is not valid JSON: {error.msg} (character {error.pos + 1})")
    except _Broken as error:
        return Fault("json", None, str(error))


def _take(value: Any, place: Place, values: dict[str, Scalar]) -> Fault | None:
    """Add what is asked for of this value."""
    if place.name is not None:
        fault = _take_here(value, place, place.name, values)
        if fault or value is None:
            return fault
    if place.members:
        return _take_members(value, place, values)
    if place.elements and value is not None:
        if not isinstance(value, list):
            if place.name is not None:
                return None
            return Fault("type", _column_of(place), f"{place.path} is {_kind(value)}, not an array")
        elements = cast("list[Any]", value)
        inner = (_take(elements[at], place.elements[at], values) for at in place.elements if at < len(elements))
        return next((fault for fault in inner if fault), None)
    return None


def _take_here(value: Any, place: Place, name: str, values: dict[str, Scalar]) -> Fault | None:
    if place.as_json and value is not None:
        value = json_text(value)
    elif isinstance(value, dict | list):
        if place.members or place.elements:
            return None
        return Fault("type", name, f"{name} is {_kind(cast('object', value))}, not a value")
    if isinstance(value, str) and not value.isascii() and not _is_text(value):
        return Fault("json", name, f"{name} holds half of a surrogate pair")
    if isinstance(value, str) and "\0" in value:
        return Fault("encoding", name, f"{name} holds a NUL character")
    values[name] = cast("Scalar", value)
    return None


def _take_members(value: Any, place: Place, values: dict[str, Scalar]) -> Fault | None:
    if not isinstance(value, dict):
        if value is None or place.name is not None:
            return None
        return Fault("type", _column_of(place), f"{place.path} is {_kind(value)}, not an object")
    if isinstance(value, Twice):
        return Fault("json", None, value.reason)
    for key, inner in cast("dict[str, Any]", value).items():
        known = place.members.get(key)
        if known is not None and known.is_value and _is_simple(inner):
            values[known.name or ""] = inner
        elif known is not None:
            fault = _take(inner, known, values)
            if fault:
                return fault
        elif place.name is None:
            path = f"{place.path}.{key}" if place.path else key
            return Fault("unknown_column", None, f"has a key that the contract does not know: {_shown(path)}")
    return None


def _column_of(place: Place) -> str | None:
    return next((leaf.name for leaf in place.leaves()), None)


def _kind(value: object) -> str:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "an array"
    return "one value"


def json_text(value: Any) -> str:
    """A parsed value as JSON text without blanks, its numbers as they were written, its keys as they stand."""
    if isinstance(value, Number):
        return value.text
    if isinstance(value, dict):
        members = value.pairs if isinstance(value, Twice) else cast("dict[str, Any]", value).items()
        return "{" + ",".join(f"{_quoted(key)}:{json_text(inner)}" for key, inner in members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(json_text, cast("list[Any]", value))) + "]"
    return _quoted(value)


def _quoted(value: str | bool | None) -> str:
    return json.dumps(value, ensure_ascii=False)


def to_text(value: Scalar, column: ColumnContract) -> str | None:
    """A value as text for the lexical checks: a number as it is written, a string as it is, true, false or null.

    A decimal with an exponent is written out (1.5e2 is 150) and a number in floating point is the
    nearest one, so that both ways of reading a record say the same.
    """
    if value is None or isinstance(value, bool):
        return None if value is None else str(value).lower()
    if isinstance(value, Number) and column.type == "number":
        nearest = float(value.text)
        return value.text if nearest in {float("inf"), float("-inf")} else repr(nearest)
    text = value.text if isinstance(value, Number) else value
    if ("e" in text or "E" in text) and column.decimal and _WITH_EXPONENT.fullmatch(text):
        return format(Decimal(text), "f")
    return text


class Twice(dict[str, Any]):
    """An object that has a key more than once; `pairs` are all of its members."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.pairs = pairs

    @property
    def reason(self) -> str:
        """What is wrong with it."""
        seen: set[str] = set()
        twice = next(key for key, _ in self.pairs if key in seen or seen.add(key))
        return f"has a key more than once: {_shown(twice)}"


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    return Twice(pairs) if len(record) < len(pairs) else record


def _strict_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = _object(pairs)
    if isinstance(record, Twice):
        raise _Broken(record.reason)
    return record


def _constant(name: str) -> None:
    raise _Broken(f"holds {name}, which is not a JSON number")


def _decoder(members: Callable[[list[tuple[str, Any]]], dict[str, Any]]) -> json.JSONDecoder:
    return json.JSONDecoder(
        object_pairs_hook=members, parse_float=Number, parse_int=Number, parse_constant=_constant, strict=True
    )


_DECODER = _decoder(_object)
_STRICT_DECODER = _decoder(_strict_object)


def _too_deep(line: bytes) -> bool:
    if line.count(b"[") + line.count(b"{") <= DEEPEST:
        return False
    depth = 0
    for bracket in _BRACKETS.finditer(_STRING.sub(b"", line)):
        depth += 1 if bracket[0] in {b"[", b"{"} else -1
        if depth > DEEPEST:
            return True
    return False


def _is_simple(value: Any) -> bool:
    """Whether a value can be taken without a closer look."""
    if type(value) is str:
        return value.isascii() and "\0" not in value
    return value is None or type(value) is Number or type(value) is bool


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(key: str) -> str:
    return json.dumps(key if len(key) <= _SHOWN else f"{key[:_SHOWN]}…")
