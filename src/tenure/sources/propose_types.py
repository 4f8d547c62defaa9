"""Finds the exact types of columns by looking at their texts, vectorised: for proposals, never for loading."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias, cast

import pyarrow as pa
import pyarrow.compute as pc

Texts: TypeAlias = "pa.Array[Any]"
Words: TypeAlias = Mapping[str, Any]
_compute: Any = pc  # its stubs are older than it is

_NULL_WORDS = ("null", "NULL", "Null", "\\N", "NA", "N/A", "n/a", "NaN", "nan", "None", "?", "-", "#N/A")
_YES_NO = (("y", "n"), ("yes", "no"), ("j", "n"), ("ja", "nein"), ("a", "n"), ("ano", "ne"), ("t", "f"))
_DAY, _MONTH, _YEAR = "(0[1-9]|[12][0-9]|3[01])", "(0[1-9]|1[0-2])", "(1[6-9][0-9]{2}|2[0-9]{3})"
_DAY1, _MONTH1 = "(0?[1-9]|[12][0-9]|3[01])", "(0?[1-9]|1[0-2])"
_CLOCK = "([01][0-9]|2[0-3]):[0-5][0-9]"
_MOST_DECIMALS = 20
_LONGEST_INTEGER = 18

_PATTERNS = {
    "integer": r"^ *[+-]?(0|[1-9][0-9]*) *$",
    "decimal": r"^ *[+-]?[0-9]+(\.[0-9]*)? *$",
    "padded": r"^ *[+-]?0[0-9]",
    "number": r"^ *[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})? *$",
    "true_false": r"^ *(?i:true|false) *$",
    "zero_one": r"^ *[01] *$",
    "date": rf"^ *{_YEAR}-{_MONTH}-{_DAY} *$",
    "timestamp": rf"^ *{_YEAR}-{_MONTH}-{_DAY}[ T]{_CLOCK}(:[0-5][0-9](\.[0-9]{{1,6}})?)?Z? *$",
    "decimal_comma": r"^ *[+-]?[0-9]+(,[0-9]*)? *$",
    "thousands_dot": r"^ *[+-]?[0-9]{1,3}(\.[0-9]{3})*(,[0-9]*)? *$",
    "thousands_comma": r"^ *[+-]?[0-9]{1,3}(,[0-9]{3})*(\.[0-9]*)? *$",
    "thousands_space": r"^ *[+-]?[0-9]{1,3}( [0-9]{3})*(,[0-9]*)? *$",
}
_DATES = {
    "dd.mm.yyyy": rf"^{_DAY}\.{_MONTH}\.{_YEAR}$",
    "d.m.yyyy": rf"^{_DAY1}\.{_MONTH1}\.{_YEAR}$",
    "dd/mm/yyyy": rf"^{_DAY}/{_MONTH}/{_YEAR}$",
    "mm/dd/yyyy": rf"^{_MONTH}/{_DAY}/{_YEAR}$",
    "d/m/yyyy": rf"^{_DAY1}/{_MONTH1}/{_YEAR}$",
    "m/d/yyyy": rf"^{_MONTH1}/{_DAY1}/{_YEAR}$",
    "yyyy/mm/dd": rf"^{_YEAR}/{_MONTH}/{_DAY}$",
    "dd-mm-yyyy": rf"^{_DAY}-{_MONTH}-{_YEAR}$",
}
_TIMES = {"": "", " hh:mi": f" {_CLOCK}", " hh:mi:ss": f" {_CLOCK}:[0-5][0-9]"}
_MIDNIGHTS = {" hh:mi": " 00:00", " hh:mi:ss": " 00:00:00", " hh:mi:ss.fff": r" 00:00:00\.0{1,6}"}
_BARE_DATES = {"yyyymmdd": rf"^{_YEAR}{_MONTH}{_DAY}$", "yymmdd": rf"^[0-9]{{2}}{_MONTH}{_DAY}$"}
_DATE_WORDS = frozenset({"date", "datum", "day", "tag", "at", "on", "dob", "opened", "closed", "issued", "birthday"})
_BARE = {"": "", **_MIDNIGHTS}
_FIRST_YEAR = 1930
"""Of the hundred years that a year of two digits is proposed to mean."""


@dataclass(frozen=True)
class Guess:
    """Types that hold every value seen, best first, and the words of the contract that each needs.

    `marks`: words among the values that may stand for a missing one; `nulls`: those that do, as the other values are
    not text; `note`: what is not certain.
    """

    types: tuple[str, ...]
    words: Mapping[str, Words] = field(default_factory=dict[str, Words])
    marks: tuple[str, ...] = ()
    nulls: tuple[str, ...] = ()
    note: str | None = None


@dataclass
class ColumnProfile:
    """What is known of a column after some batches of its texts.

    `empty`: how many were null or blank; `unique`: whether no value came twice within one delivery so far.
    """

    name: str
    empty: int = 0
    unique: bool = True
    seen: int = 0
    is_json: bool = False
    _distinct: list[Texts] = field(default_factory=list[Texts])
    _delivery: list[Texts] = field(default_factory=list[Texts])

    def add(self, texts: Texts) -> None:
        """Look at a batch; None stands for a value that is not there."""
        filled = _compute.not_equal(_compute.utf8_trim_whitespace(texts), "")
        valid = texts.filter(_compute.fill_null(filled, False))
        self.empty += len(texts) - len(valid)
        self.seen += len(texts)
        different = pc.unique(valid)
        self.unique = self.unique and len(different) == len(valid) == len(texts)
        if self.unique:
            self._delivery.append(different)
        self._distinct.append(different)
        if len(self._distinct) > _MERGED:
            self._distinct = [_unique(self._distinct)]

    def end_delivery(self) -> None:
        """A file is at its end: another one may have the same keys."""
        if self.unique and self._delivery:
            self.unique = len(_unique(self._delivery)) == sum(len(part) for part in self._delivery)
        self._delivery = []

    @property
    def words(self) -> tuple[str, ...] | None:
        """Its different values, without spaces around them; None where they are many."""
        values = _unique(self._distinct) if self._distinct else pa.array([], pa.string())
        if self.is_json or len(values) > _FEW_WORDS:
            return None
        return tuple(sorted({str(text).strip() for text in values.to_pylist()}))

    def guess(self) -> Guess:
        """The types that the values allow."""
        if self.is_json:
            return Guess(("string",), {"string": {"format": "json"}})
        values = _unique(self._distinct) if self._distinct else pa.array([], pa.string())
        marks = [word for word in _NULL_WORDS if word in _few(values)]
        rest = values.filter(pc.invert(pc.is_in(values, pa.array(marks, pa.string())))) if marks else values
        if not len(rest):
            return Guess(("string",), note="has no value, so its type is not known" if not len(values) else None)
        found = guess_texts(self.name, rest)
        nulls = () if found.types == ("string",) else tuple(marks)
        return replace(found, marks=tuple(marks), nulls=nulls)


_MERGED = 32
_FEW_WORDS = 12


def _unique(parts: Sequence[Texts]) -> Texts:
    return cast(Texts, pc.unique(pa.chunked_array(list(parts), pa.string())))


def _few(values: Texts) -> set[str]:
    """Which of the words that may mean null are among the values."""
    wanted = pa.array(_NULL_WORDS, pa.string())
    return {str(word) for word in values.filter(pc.is_in(values, wanted)).to_pylist()}


def _all(values: Texts, pattern: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(values, pattern)).as_py())


def _any(values: Texts, pattern: str) -> bool:
    return bool(pc.any(pc.match_substring_regex(values, pattern)).as_py())


def guess_texts(name: str, values: Texts) -> Guess:
    """What all of these texts, none of them blank, can be."""
    found = _dates(name, values)
    for find in (_yes_no, _plain_numbers, _moments, _written_numbers):
        found = found or find(values)
    if found:
        return found
    return Guess(("string",))


def _yes_no(values: Texts) -> Guess | None:
    if _all(values, _PATTERNS["true_false"]):
        return Guess(("boolean", "string"))
    if len(values) > 4:
        return None
    words = {str(text) for text in values.to_pylist()}
    for yes, no in _YES_NO:
        if {word.lower() for word in words} == {yes, no}:
            meant = {word: "true" if word.lower() == yes else "false" for word in sorted(words)}
            return Guess(("string", "boolean"), {"boolean": {"values": meant}})
    return None


def _plain_numbers(values: Texts) -> Guess | None:
    if _all(values, _PATTERNS["integer"]):
        digits = _longest(values, r"[^0-9]")
        if _all(values, _PATTERNS["zero_one"]):
            return Guess(("integer", "boolean", "string"))
        if digits <= _LONGEST_INTEGER or (digits == _LONGEST_INTEGER + 1 and _fits_64_bits(values)):
            return Guess(("integer", *(_decimals(digits, 0, {}).types)))
        return Guess((f"decimal({digits},0)", "string") if digits <= 38 else ("string",))
    if _any(values, _PATTERNS["padded"]):
        # 007 is a code: as a number it would be another text.
        return Guess(("string",))
    if _all(values, _PATTERNS["decimal"]):
        return _decimals(_longest(values, r"[+ -]|\..*"), _longest(values, r"^[^.]*\.?"), {})
    if _all(values, _PATTERNS["number"]):
        return Guess(("number", "string"))
    return None


def _fits_64_bits(values: Texts) -> bool:
    try:
        pc.cast(pc.replace_substring_regex(pc.utf8_trim_whitespace(values), r"^\+", ""), pa.int64())
    except pa.ArrowInvalid:
        return False
    return True


def _longest(values: Texts, without: str) -> int:
    """The length of the longest text when what fits the pattern is taken out."""
    left = pc.replace_substring_regex(pc.utf8_trim_whitespace(values), without, "")
    return int(_compute.max(_compute.utf8_length(left)).as_py() or 0)


def _decimals(whole: int, decimals: int, words: Words) -> Guess:
    """Decimals wide enough for what was seen, with room for larger ones to come."""
    if decimals > _MOST_DECIMALS or whole + decimals > 38:
        return Guess(("number", "string")) if not words else Guess(("string",))
    scale = max(decimals, 2)
    widths = (width for width in (18, 10, 38) if width - scale >= whole)
    types = [f"decimal({width},{scale})" for width in widths] or [f"decimal({whole + decimals},{decimals})"]
    return Guess((*types, "string"), dict.fromkeys(types, words) if words else {})


def _moments(values: Texts) -> Guess | None:
    if _all(values, _PATTERNS["date"]):
        return Guess(("date", "string"))
    either = f"({_PATTERNS['date'][1:-1]}|{_PATTERNS['timestamp'][1:-1]})"
    if not _all(values, f"^{either}$"):
        return None
    for time, midnight in _MIDNIGHTS.items():
        if _all(values, rf"^ *[0-9-]{{10}}{midnight} *$"):
            return Guess(("timestamp", "date", "string"), {"date": {"format": f"yyyy-mm-dd{time}"}})
    return Guess(("timestamp", "string"))


def _dates(name: str, values: Texts) -> Guess | None:
    trimmed = pc.utf8_trim_whitespace(values)
    for time, clock in _TIMES.items():
        fits = [form for form, pattern in _DATES.items() if _all(trimmed, pattern[:-1] + clock + "$")]
        if fits:
            kind = "timestamp" if time else "date"
            words: Words = {"format": f"{fits[0]}{time}"}
            if {"dd/mm/yyyy", "mm/dd/yyyy"} <= set(fits) or {"d/m/yyyy", "m/d/yyyy"} <= set(fits):
                note = (
                    f"has dates in which day and month cannot be told apart: give it type: {kind} and format: {fits[0]}"
                )
                return Guess(("string",), note=f"{note}, or with mm first")
            return Guess((kind, "string"), {kind: words})
    if not _DATE_WORDS & set(name.lower().replace("-", "_").split("_")) and "dat" not in name.lower():
        return None
    forms = [
        (f"{form}{time}", pattern[:-1] + at + "$")
        for form, pattern in _BARE_DATES.items()
        for time, at in _BARE.items()
    ]
    for form, pattern in forms:
        if _all(trimmed, pattern):
            two_digits = {"first_year": _FIRST_YEAR} if form.startswith("yymmdd") else {}
            note = f"has years of two digits: they are taken as {_FIRST_YEAR} to {_FIRST_YEAR + 99}"
            return Guess(
                ("date", "string"), {"date": {"format": form, **two_digits}}, note=note if two_digits else None
            )
    return None


def _written_numbers(values: Texts) -> Guess | None:
    """Numbers with another decimal mark or with thousands apart, where the values leave no doubt."""
    forms = {
        "decimal_comma": ("1234,56", r",[0-9]"),
        "thousands_dot": ("1.234,56", r"\.[0-9]{3}[.,]|\.[0-9]{3} *$"),
        "thousands_space": ("1 234,56", r"[0-9] [0-9]{3}"),
        "thousands_comma": ("1,234.56", r",[0-9]{3}[.,]"),
    }
    for pattern, (form, sign) in forms.items():
        if _all(values, _PATTERNS[pattern]) and _any(values, sign):
            point = "." if pattern == "thousands_comma" else ","
            between = {"thousands_dot": r"\.", "thousands_space": " ", "thousands_comma": ","}.get(pattern, "$^")
            plain = pc.replace_substring_regex(pc.utf8_trim_whitespace(values), between, "")
            whole = _longest(plain, rf"[+-]|[{point}].*")
            decimals = _longest(plain, rf"^[^{point}]*[{point}]?")
            return _decimals(whole, decimals, {"format": form})
    return None
