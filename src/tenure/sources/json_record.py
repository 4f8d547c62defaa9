"""Reads one line of NDJSON exactly: every number keeps its digits, everything RFC 8259 forbids is refused."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, cast

from tenure.contracts.columns import ColumnContract

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


def read_object(line: bytes, names: Mapping[str, str]) -> dict[str, Scalar] | Fault:
    """The values of a record by the contract's name; a key that it does not have is left out.

    `names`: name in the source → the contract's name. The fault's rule is `encoding`, `json` (not a
    JSON object, a key twice, NaN or Infinity, half a surrogate pair, nested too deeply),
    `unknown_column` or `type` (an object or array where one value should be).
    """
    try:
        text = line.decode()
    except UnicodeDecodeError:
        return Fault("encoding", None, "is not UTF-8 text")
    if _too_deep(line):
        return Fault("json", None, f"is nested more than {DEEPEST} deep")
    try:
        parsed: object = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        return Fault("json", None, f"is not valid JSON: {error.msg} (character {error.pos + 1})")
    except _Broken as error:
        return Fault("json", None, str(error))
    if not isinstance(parsed, dict):
        return Fault("json", None, "is not a JSON object")
    return _values(cast("dict[str, object]", parsed), names)


def _values(record: dict[str, object], names: Mapping[str, str]) -> dict[str, Scalar] | Fault:
    values: dict[str, Scalar] = {}
    for key, value in record.items():
        name = names.get(key)
        if name is None:
            return Fault("unknown_column", None, f"has a key that the contract does not know: {_shown(key)}")
        if isinstance(value, dict | list):
            return Fault(
                "type", name, f"{name} is {'an object' if isinstance(value, dict) else 'an array'}, not a value"
            )
        if isinstance(value, str) and not value.isascii() and not _is_text(value):
            return Fault("json", name, f"{name} holds half of a surrogate pair")
        if isinstance(value, str) and "\0" in value:
            return Fault("encoding", name, f"{name} holds a NUL character")
        values[name] = cast("Scalar", value)
    return values


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
    if column.decimal and _WITH_EXPONENT.fullmatch(text):
        return format(Decimal(text), "f")
    return text


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))
        raise _Broken(f"has a key more than once: {_shown(twice)}")
    return record


def _constant(name: str) -> None:
    raise _Broken(f"holds {name}, which is not a JSON number")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=Number, parse_int=Number, parse_constant=_constant, strict=True
)


def _too_deep(line: bytes) -> bool:
    if line.count(b"[") + line.count(b"{") <= DEEPEST:
        return False
    depth = 0
    for bracket in _BRACKETS.finditer(_STRING.sub(b"", line)):
        depth += 1 if bracket[0] in {b"[", b"{"} else -1
        if depth > DEEPEST:
            return True
    return False


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(key: str) -> str:
    return json.dumps(key if len(key) <= _SHOWN else f"{key[:_SHOWN]}…")
