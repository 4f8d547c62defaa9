"""What one column of a source promises."""

import re
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

DECIMAL = re.compile(r"decimal\(([1-9][0-9]?),([0-9]{1,2})\)")
_SQL_TYPES = {
    "integer": "BIGINT",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "string": "STRING",
    "number": "DOUBLE",
}
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=63)]


class Strict(BaseModel):
    """What a contract says: no word that is not known, and nothing that changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class ColumnContract(Strict):
    """What one column promises.

    `type`: integer, decimal(p,s), boolean, date, timestamp, string or number (a ratio in binary
    floating point; never money). `from`: its name in the source, if another. `range`: least and
    greatest value, either may be null. `personal`: the class of personal data it holds.
    """

    type: str
    source_name: str | None = Field(default=None, alias="from")
    description: str | None = None
    required: bool = False
    unique: bool = False
    range: tuple[Decimal | None, Decimal | None] | None = None
    pattern: str | None = None
    allowed: tuple[str, ...] | None = None
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
            try:
                re.compile(self.pattern)
            except re.error as error:
                raise ValueError(f"pattern is not a regular expression: {error}") from error
        return self

    @property
    def decimal(self) -> tuple[int, int] | None:
        """Precision and scale, of a decimal column."""
        match = DECIMAL.fullmatch(self.type)
        return (int(match[1]), int(match[2])) if match else None

    @property
    def sql_type(self) -> str:
        """The column's type in the common names of the engines."""
        return _SQL_TYPES.get(self.type) or self.type.upper()
