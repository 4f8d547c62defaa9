"""What one column of a source promises."""

import re
from decimal import Decimal
from fractions import Fraction
from math import isfinite
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tenure.contracts.written import Written, expect_plain_value, written_as

DECIMAL = re.compile(r"decimal\(([1-9][0-9]?),([0-9]{1,2})\)")
_WHOLE_DIGITS, _DECIMALS = 28, 10
"""What a bound of `range` may have: it is compared as a DECIMAL(38,10)."""
_SQL_TYPES = {
    "integer": "BIGINT",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "string": "STRING",
    "number": "DOUBLE",
}
JSON_TEXT = "json"
"""The `format` of a string column that takes objects and arrays as JSON text."""

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=63)]


def fresh_days(freshness: str) -> int:
    """The days in a contract's `freshness`, such as 2d."""
    return int(freshness.removesuffix("d"))


class Strict(BaseModel):
    """What a contract says: no word that is not known, and nothing that changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


def _expect_pattern(pattern: str) -> None:
    """Raises `ValueError` for what the engines would refuse: Python knows more than they do."""
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"pattern is not a regular expression: {error}") from error
    import pyarrow as pa  # its regular expressions are RE2, like DuckDB's; only few contracts need them
    import pyarrow.compute as pc

    try:
        pc.match_substring_regex(pa.array([""]), pattern)
    except pa.ArrowInvalid as error:
        raise ValueError(
            f"pattern is not a regular expression of RE2, which has neither (?=…), (?!…) nor \\1: {pattern}"
        ) from error


def _expect_bound(bound: Decimal, type_: str) -> None:
    """Raises `ValueError` for a bound of `range` that would be rounded, or that nothing can be compared with."""
    if type_ == "number":
        if not isfinite(float(bound)):
            raise ValueError(f"range: {bound} is greater than any number of 64 bits")
    elif bound.copy_abs() >= 10**_WHOLE_DIGITS or (Fraction(bound) * 10**_DECIMALS).denominator != 1:
        raise ValueError(f"range: a bound has at most {_WHOLE_DIGITS} digits and {_DECIMALS} decimals: {bound}")


class ColumnContract(Strict):
    """What one column promises.

    `type`: integer, decimal(p,s), boolean, date, timestamp, string or number (a ratio in binary
    floating point; never money). `from`: its name in the source, if another. `range`: least and
    greatest value, either may be null. `personal`: the class of personal data it holds.

    Where the source writes values in its own way: `values` maps its words to ours, `else` is for words
    that the map lacks; `format` is how dates, times and numbers are written (`first_year` for years of
    two digits, `time_zone` for instants), or `json` for the JSON text of whatever stands there. A column
    that the source does not have: `constant`, or `sql` over the other columns.
    """

    type: str
    source_name: str | None = Field(default=None, alias="from")
    description: str | None = None
    required: bool = False
    unique: bool = False
    range: tuple[Decimal | None, Decimal | None] | None = None
    pattern: str | None = None
    allowed: tuple[str, ...] | None = None
    values: dict[str, str | None] | None = Field(default=None, min_length=1)
    otherwise: str | None = Field(default=None, alias="else")
    format: str | None = None
    first_year: int | None = Field(default=None, ge=1, le=9900)
    time_zone: str | None = None
    constant: str | None = None
    sql: str | None = None
    personal: Literal["name", "contact", "birth", "demographic", "free_text"] | None = None

    @model_validator(mode="after")
    def _known(self) -> Self:
        decimal = DECIMAL.fullmatch(self.type)
        if self.type not in _SQL_TYPES and not decimal:
            known = ", ".join(_SQL_TYPES)
            raise ValueError(f"type '{self.type}' is not known; use {known} or decimal(p,s)")
        if decimal and not int(decimal[2]) <= int(decimal[1]) <= 38:
            raise ValueError(f"type '{self.type}': at most 38 digits, and no more decimals than digits")
        if self.range and self.type not in {"integer", "number"} and not decimal:
            raise ValueError("range is for integer, decimal and number columns")
        if (self.pattern or self.allowed) and self.type != "string":
            raise ValueError("pattern and allowed are for string columns")
        if self.pattern:
            _expect_pattern(self.pattern)
        for bound in self.range or ():
            if bound is not None:
                _expect_bound(bound, self.type)
        self._expect_one_origin()
        self._expect_values()
        _ = self.written
        return self

    def _expect_one_origin(self) -> None:
        """A value comes from the source, or it is a constant, or it is computed."""
        if self.is_read:
            return
        word = "constant" if self.constant is not None else "sql"
        beside = {
            "sql": self.sql if word == "constant" else None,
            "from": self.source_name,
            "values": self.values,
            "else": self.otherwise,
            "format": self.format,
        }
        for other, given in beside.items():
            if given is not None:
                raise ValueError(f"{word} says what the value is: leave {other} out")
        if self.constant is not None:
            expect_plain_value(self.constant, self.type, self.decimal, "constant")

    def _expect_values(self) -> None:
        if self.otherwise is not None and self.values is None:
            raise ValueError("else is for what values does not name: write values as well")
        if self.values is None:
            return
        if self.format is not None:
            raise ValueError("values gives each word its plain form: leave format out")
        blank = next((word for word in self.values if word != word.strip(" ")), None)
        if blank is not None:
            raise ValueError("values: spaces around a word do not count; write it without them")
        for value in (*self.values.values(), self.otherwise):
            if value is not None:
                expect_plain_value(value, self.type, self.decimal, "values")

    @property
    def is_read(self) -> bool:
        """Whether the source has the column: it is neither constant nor computed."""
        return self.constant is None and self.sql is None

    def origin(self, name: str) -> str:
        """What the column called `name` is made of, for people."""
        if self.constant is not None:
            return f"constant '{self.constant}'"
        if self.sql is not None:
            return f"SQL: {' '.join(self.sql.split())}"
        source = self.source_name or name
        if self.values is not None:
            return f"{source}, {len(self.values)} words mapped"
        return f"{source}, written as {self.format}" if self.format else source

    @property
    def is_rewritten(self) -> bool:
        """Whether the source's text is brought into its plain form before it is typed."""
        return self.values is not None or (self.format is not None and not self.is_json_text)

    @property
    def is_json_text(self) -> bool:
        """Whether the column takes any value of a nested record, objects and arrays too, as its JSON text."""
        return self.format == JSON_TEXT and self.type == "string"

    @property
    def written(self) -> Written | None:
        """How `format` says that values are written; None without one. Raises `ValueError` where it makes no sense."""
        if self.format is None or self.is_json_text:
            if self.first_year is not None or self.time_zone is not None:
                raise ValueError("first_year and time_zone belong to a format")
            return None
        return written_as(self.format, self.type, self.first_year, self.time_zone)

    def as_read(self) -> "ColumnContract":
        """The column as a reader sees it: text, where it is brought into its plain form only afterwards."""
        if not self.is_rewritten:
            return self
        without = ("range", "pattern", "allowed", "values", "otherwise", "format", "first_year", "time_zone")
        return self.model_copy(update={"type": "string", **dict.fromkeys(without)})

    @property
    def decimal(self) -> tuple[int, int] | None:
        """Precision and scale, of a decimal column."""
        match = DECIMAL.fullmatch(self.type)
        return (int(match[1]), int(match[2])) if match else None

    @property
    def sql_type(self) -> str:
        """The column's type in the common names of the engines."""
        return _SQL_TYPES.get(self.type) or self.type.upper()
