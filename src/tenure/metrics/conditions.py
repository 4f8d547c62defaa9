"""Conditions such as `age_group=18-29`: read from a command line or a definition, and bound as typed literals."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

PRESENT, MISSING = "is present", "is missing"
_NAME = r"(?:[a-z]+\.)?[a-z_][a-z0-9_]*"
_OPERATOR = r"!=|<=|>=|=|<(?!=)|>(?!=)"
_VALUE = r'(?P<value>"(?:[^"]|"")*"|[^",\s][^,]*?)'
_END = r"\s*(?P<comma>,|\Z)"
_NAMED = re.compile(rf"\s*(?P<name>{_NAME})\s*(?P<operator>{_OPERATOR})\s*{_VALUE}{_END}", re.IGNORECASE)
_ANOTHER = re.compile(rf"\s*{_VALUE}{_END}")
_BEGUN = re.compile(rf"\s*{_NAME}\s*(?:{_OPERATOR})", re.IGNORECASE)
_TEST = re.compile(rf"\s*({_NAME})\s+(is present|is missing)\s*")
_MOST_DIGITS = 20
_LARGEST_EXPONENT = 300


@dataclass(frozen=True)
class Condition:
    """`name` of a dimension or column, one of = != < <= > >= (or `is present`, `is missing`), and a value as typed."""

    name: str
    operator: str
    value: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.operator} {self.value}".rstrip()


def read_conditions(texts: Iterable[str]) -> tuple[Condition, ...]:
    """The conditions of some `--where` options, which say the same for metrics and for reports.

    Commas separate values and conditions: `geography=Egypt,UAE,age>=30` are three conditions, two of them on
    geography. A value that holds a comma, or looks like a condition, stands in double quotes. Raises ValueError for
    a text that is no condition.
    """
    return tuple(condition for text in texts for condition in _split(text))


def read_filter(text: str) -> Condition:
    """The one condition of a definition's filter; raises ValueError for a text that is none."""
    if found := _TEST.fullmatch(text):
        return Condition(found[1], found[2])
    conditions = _split(text)
    if len(conditions) != 1:
        raise ValueError(f"'{text}' is more than one condition")
    return conditions[0]


def _split(text: str) -> list[Condition]:
    found: list[Condition] = []
    at, goes_on = 0, True
    while goes_on:
        named = _NAMED.match(text, at)
        begun = named is not None or _BEGUN.match(text, at) is not None
        item = named or (_ANOTHER.match(text, at) if found and not begun else None)
        if item is None:
            raise ValueError(f"'{text}' is not a condition such as geography=Egypt")
        name = named["name"].lower() if named else found[-1].name
        operator = named["operator"] if named else found[-1].operator
        if not named and operator not in ("=", "!="):
            raise ValueError(f"'{text}' compares {name} {operator} with more than one value")
        value = item["value"]
        found.append(Condition(name, operator, value[1:-1].replace('""', '"') if value.startswith('"') else value))
        at, goes_on = item.end(), item["comma"] == ","
    return found


def literal(value: str, kind: str) -> str:
    """A value as a SQL literal of a column's type; raises ValueError when it is not of that type.

    A text is quoted, with its quotes doubled, and can hold neither a backslash, which only one engine takes for
    itself, nor a control character. Every other type is read first and written anew.
    """
    if kind == "STRING":
        return _text(value)
    if kind == "BOOLEAN":
        if value.lower() not in ("true", "false"):
            raise ValueError("is not true or false")
        return value.upper()
    if kind in ("DATE", "TIMESTAMP"):
        return _moment(value, kind)
    return _number(value, kind)


def _text(value: str) -> str:
    if "\\" in value or any(unicodedata.category(letter) in ("Cc", "Cs") for letter in value):
        raise ValueError("has a backslash or a control character, which cannot be compared with")
    return "'" + value.replace("'", "''") + "'"


def _moment(value: str, kind: str) -> str:
    try:
        moment = date.fromisoformat(value) if kind == "DATE" else datetime.fromisoformat(value)
    except ValueError:
        example = "2025-10-02" if kind == "DATE" else "2025-10-02 12:30:00"
        raise ValueError(f"is not a {kind.lower()} such as {example}") from None
    if isinstance(moment, datetime) and moment.tzinfo is not None:
        raise ValueError("has a time zone; times are UTC and written without one")
    return f"CAST('{moment!s}' AS {kind})"


def _number(value: str, kind: str) -> str:
    whole = kind in ("BIGINT", "INTEGER")
    try:
        number = Decimal(value)
    except InvalidOperation:
        number = Decimal("nan")
    if not re.fullmatch(r"[-+0-9.eE]+", value) or not number.is_finite():
        raise ValueError(f"is not a {'whole ' if whole else ''}number")
    if abs(number.adjusted()) > _LARGEST_EXPONENT:
        raise ValueError("is too large or too small for a number")
    if whole and (number != number.to_integral_value() or abs(number) >= 2**63):
        raise ValueError("is not a whole number of 64 bits")
    if whole:
        return str(int(number))
    if kind == "DOUBLE":
        text = repr(float(number))
        return text if "e" in text else f"{text}e0"
    text = format(number, "f")
    if sum(letter.isdigit() for letter in text) > _MOST_DIGITS:
        raise ValueError(f"has more than {_MOST_DIGITS} digits")
    return text


def month_range(value: str) -> tuple[date, date]:
    """The first day of a month written as 2025-09 (or as its first day), and of the next; else raises ValueError."""
    found = re.fullmatch(r"(\d{4})-(\d{2})(-01)?", value, re.ASCII)
    if not found or not 1 <= int(found[2]) <= 12 or not 1 <= int(found[1]) <= 9998:
        raise ValueError("is not a month such as 2025-09")
    year, month = int(found[1]), int(found[2])
    return date(year, month, 1), date(year + month // 12, month % 12 + 1, 1)
