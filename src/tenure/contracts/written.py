"""How a source writes dates, times and numbers, and the SQL that brings them into their plain form.

The plain form is what the contract's types understand: 2025-09-30, 2025-09-30 14:05:00, 1234.56. Text that is not
written as the format says has no plain form: it is set apart, never guessed.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_EPOCHS = {"epoch_s": (11, 1_000_000), "epoch_ms": (14, 1_000), "epoch_us": (17, 1)}
"""Format → most digits (they end in the years 5138, 5138 and 5138), microseconds in one."""

_NUMBER = re.compile(r"1([.,' \u00a0\u202f_]?)234(?:([.,])56)?")
_WORDS = ("yyyy", "mon", "yy", "mm", "mi", "dd", "hh", "ss", "fff", "am", "m", "d", "h")
_WORD = re.compile("|".join(_WORDS))
_BETWEEN = frozenset(" -./:,_TZ")
_NEEDS = {"hh": "dd", "mi": "hh", "ss": "mi", "fff": "ss", "am": "hh"}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_PATTERNS = {
    "yyyy": "[0-9]{4}",
    "yy": "[0-9]{2}",
    "mon": "[A-Za-z]{3}",
    "mm": "[0-9]{2}",
    "m": "[0-9]{1,2}",
    "dd": "[0-9]{2}",
    "d": "[0-9]{1,2}",
    "hh": "[0-9]{2}",
    "h": "[0-9]{1,2}",
    "mi": "[0-9]{2}",
    "ss": "[0-9]{2}",
    "fff": "[0-9]{1,6}",
    "am": "[AaPp][Mm]",
}
_WIDTHS = {"yyyy": 4, "yy": 2, "mon": 3, "mm": 2, "dd": 2, "hh": 2, "mi": 2, "ss": 2, "am": 2}
_ONE_OR_TWO = {"m": "mm", "d": "dd", "h": "hh"}


@dataclass(frozen=True)
class Written:
    """A format: `pattern` is a regular expression that a value fits, without the spaces around it.

    `plain` is SQL for its plain form, in which `{text}` stands for the value. Where the plain form is a count
    of seconds or less, `instant` is SQL for the date or timestamp that it means.
    """

    pattern: str
    plain: str
    instant: str | None = None


def written_as(form: str, type_: str, first_year: int | None, time_zone: str | None) -> Written:
    """What a column's `format` means; raises `ValueError` where it cannot be what its type is written as."""
    is_moment = type_ in {"date", "timestamp"}
    if time_zone is not None and form not in _EPOCHS:
        raise ValueError("time_zone is for format: epoch_s, epoch_ms or epoch_us: whose wall clock the instants show")
    if first_year is not None and (not is_moment or not re.search(r"(?<!y)yy(?!y)", form)):
        raise ValueError("first_year is for a format with a year of two digits (yy)")
    if is_moment:
        return _epoch(form, type_, time_zone) if form in _EPOCHS else _moment(form, type_, first_year)
    if type_ in {"string", "boolean"}:
        cure = "; for a boolean write values, such as {J: true, N: false}" if type_ == "boolean" else ""
        raise ValueError(f"format is for dates, times and numbers{cure}")
    return _number(form, type_)


def _number(form: str, type_: str) -> Written:
    marks = _NUMBER.fullmatch(form)
    if marks is None or marks[1] == (marks[2] or ""):
        raise ValueError(f"format '{form}': write the number 1234.56 as the source does, such as '1.234,56' or '1 234'")
    thousands, point = marks[1], marks[2]
    if type_ == "integer" and point:
        raise ValueError(f"format '{form}' has decimals, and the column is an integer: write it without them")
    whole = f"[0-9]{{1,3}}(?:{re.escape(thousands)}[0-9]{{3}})+|[0-9]+" if thousands else "[0-9]+"
    fraction = f"(?:{re.escape(point)}[0-9]*)?" if point else ""
    plain = "TRIM({text})"
    if thousands:
        plain = f"REPLACE({plain}, {_literal(thousands)}, '')"
    if point == ",":
        plain = f"REPLACE({plain}, ',', '.')"
    return Written(f"[+-]?(?:{whole}){fraction}", plain)


def _epoch(form: str, type_: str, time_zone: str | None) -> Written:
    if time_zone is not None:
        try:
            ZoneInfo(time_zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"time_zone '{time_zone}' is not known; use a name such as Europe/Vienna") from error
    digits, micros = _EPOCHS[form]
    moment = f"make_timestamp(CAST({{text}} AS BIGINT) * {micros})"
    if time_zone is not None:
        moment = f"({moment} AT TIME ZONE 'UTC' AT TIME ZONE {_literal(time_zone)})"
    if type_ == "date":  # an instant within a day is no date: it would be cut
        moment = f"CASE WHEN {moment} = CAST(CAST({moment} AS DATE) AS TIMESTAMP) THEN CAST({moment} AS DATE) END"
    return Written(f"[+-]?[0-9]{{1,{digits}}}", "TRIM({text})", moment)


def _moment(form: str, type_: str, first_year: int | None) -> Written:
    parts = _parts(form)
    _expect_whole(form, parts, first_year)
    if type_ == "date":
        # A time of day in a date would be cut without a word: only midnight is a date.
        zeros = {"hh": "00", "h": "0{1,2}", "mi": "00", "ss": "00", "fff": "0{1,6}"}
        patterns = {**_PATTERNS, **zeros}
    else:
        patterns = _PATTERNS
    grouped = [f"({patterns[word]})" if is_word else re.escape(word) for word, is_word in parts]
    sql = _extracted(parts, "".join(grouped))
    named = {_ONE_OR_TWO.get(word, word): value for word, value in sql.items()}
    year = _year(named, first_year)
    month = named["mm"] if "mm" in named else _month(named["mon"])
    plain = f"{year} || '-' || {month} || '-' || {named['dd']}"
    if type_ == "timestamp" and "hh" in named:
        plain += f" || ' ' || {_hour(named)} || ':' || {named.get('mi', _literal('00'))}"
        plain += f" || ':' || {named.get('ss', _literal('00'))}"
        plain += f" || '.' || {named['fff']}" if "fff" in named else ""
    return Written("".join(grouped), plain)


def _parts(form: str) -> list[tuple[str, bool]]:
    """The words of a format and what stands between them, each with whether it is a word."""
    parts: list[tuple[str, bool]] = []
    at = 0
    while at < len(form):
        word = _WORD.match(form, at)
        if word is None and form[at] not in _BETWEEN:
            lower = f"; did you mean '{form.lower()}'?" if form != form.lower() else ""
            raise ValueError(f"format '{form}': '{form[at]}' is none of {', '.join(_WORDS)}{lower}")
        parts.append((word[0], True) if word else (form[at], False))
        at += len(parts[-1][0])
    return parts


def _expect_whole(form: str, parts: list[tuple[str, bool]], first_year: int | None) -> None:
    words = [word for word, is_word in parts if is_word]
    names = [_ONE_OR_TWO.get(word, word) for word in words]
    kinds = ["yyyy" if name == "yy" else "mm" if name == "mon" else name for name in names]
    twice = next((name for name in kinds if kinds.count(name) > 1), None)
    if twice:
        minutes = ": minutes are mi" if twice == "mm" else ""
        raise ValueError(f"format '{form}' names {twice} more than once{minutes}")
    if not {"yyyy", "mm", "dd"}.issubset(kinds):
        raise ValueError(f"format '{form}' needs a year, a month and a day, such as dd.mm.yyyy")
    for name, needed in _NEEDS.items():
        if name in kinds and needed not in kinds:
            raise ValueError(f"format '{form}' has {name} but no {needed}")
    if "yy" in names and first_year is None:
        raise ValueError(
            f"format '{form}' has a year of two digits: write first_year, the first of the hundred years that it may"
            " mean, such as first_year: 1950 for 1950 to 2049"
        )
    open_ended = [*_ONE_OR_TWO, "fff"]
    for (word, is_word), (following, is_next) in pairwise(parts):
        if is_word and is_next and word in open_ended and following != "am":
            raise ValueError(f"format '{form}': something must stand between {word} and {following}")


def _extracted(parts: list[tuple[str, bool]], pattern: str) -> dict[str, str]:
    """SQL for the text of each word: cut out by its place where that is fixed, else found by the pattern."""
    found: dict[str, str] = {}
    at, number, fixed = 1, 0, True
    for word, is_word in parts:
        if is_word:
            number += 1
            fixed = fixed and word in _WIDTHS
            if fixed:
                value = f"SUBSTR(TRIM({{text}}), {at}, {_WIDTHS[word]})"
            else:
                value = f"regexp_extract(TRIM({{text}}), {_literal(f'^{pattern}$')}, {number})"
            name = _ONE_OR_TWO.get(word, word)
            found[name] = value if name == word else f"LPAD({value}, 2, '0')"
        at += _WIDTHS.get(word, 0) if is_word else 1
    return found


def _year(named: dict[str, str], first_year: int | None) -> str:
    if "yyyy" in named or first_year is None:
        return named["yyyy"]
    century, two = divmod(first_year, 100)
    later = f"CASE WHEN {named['yy']} >= '{two:02}' THEN '{century:02}' ELSE '{century + 1:02}' END"
    return f"{later} || {named['yy']}"


def _month(name: str) -> str:
    numbers = " ".join(f"WHEN '{month}' THEN '{number:02}'" for number, month in enumerate(_MONTHS, start=1))
    return f"CASE LOWER({name}) {numbers} ELSE '00' END"


def _hour(named: dict[str, str]) -> str:
    """Hours of a day; those of a clock with am and pm go from 12 to 11 twice. What is neither becomes 99."""
    hour = named["hh"]
    if "am" not in named:
        return hour
    ante, noon = f"LOWER({named['am']}) = 'am'", f"CAST({hour} AS INTEGER)"
    return (
        f"CASE WHEN {hour} = '12' AND {ante} THEN '00' WHEN {hour} = '12' THEN '12'"
        f" WHEN {noon} NOT BETWEEN 1 AND 11 THEN '99' WHEN {ante} THEN {hour} ELSE CAST({noon} + 12 AS STRING) END"
    )


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def expect_plain_value(text: str, type_: str, decimal: tuple[int, int] | None, word: str) -> None:
    """Raises `ValueError` for a text in the contract that is no exact value of its column's type."""
    if not _is_plain(text, type_, decimal):
        raise ValueError(f"{word}: '{text}' is not exactly {type_}")


def _is_plain(text: str, type_: str, decimal: tuple[int, int] | None) -> bool:
    if type_ == "boolean":
        return text.lower() in {"true", "false", "1", "0"}
    if type_ == "integer":
        return re.fullmatch(r"[+-]?[0-9]{1,19}", text) is not None and -(2**63) <= int(text) < 2**63
    try:
        if decimal is not None:
            return _fits(Decimal(text), *decimal)
        if type_ == "number":
            return re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?", text) is not None
        if type_ == "date":
            return date.fromisoformat(text).isoformat() == text
        if type_ == "timestamp":
            return datetime.fromisoformat(text).tzinfo is None and re.match(r"[0-9]{4}-", text) is not None
    except (ValueError, InvalidOperation):
        return False
    return True


def _fits(value: Decimal, precision: int, scale: int) -> bool:
    if not value.is_finite():
        return False
    _, digits, exponent = value.normalize().as_tuple()
    decimals = max(0, -int(exponent))
    return decimals <= scale and len(digits) + int(exponent) <= precision - scale
