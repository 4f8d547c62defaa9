"""A contract: what one source promises, in the terms of the Open Data Contract Standard."""

import hashlib
import json
import re
from functools import cached_property
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from tenure.contracts.columns import DECIMAL, ColumnContract, Name, Strict
from tenure.contracts.entities import ENTITIES, ID, Entity, EntityColumn
from tenure.contracts.file_format import FileFormat
from tenure.contracts.filters import expect_condition
from tenure.contracts.server_reading import ServerReading

_ACCEPTS = {
    "STRING": {"string"},
    "BOOLEAN": {"boolean"},
    "DATE": {"date"},
    "TIMESTAMP": {"timestamp", "date"},
    "INTEGER": {"integer"},
    ID: {"integer", "string"},
}

_MOST_DELETED = 0.5


def _expect_fit(given: ColumnContract, column: EntityColumn, entity: str) -> None:
    """An entity's column may be declared narrower than the entity holds it, never wider: nothing is rounded later."""
    fits = _ACCEPTS.get(column.type)
    if fits is not None and given.type not in fits:
        raise ValueError(f"{column.name} is {given.type}; entity {entity} takes {' or '.join(sorted(fits))}")
    if fits is not None:
        return
    most = DECIMAL.fullmatch(column.type.lower())
    if most is None or (given.decimal is None and given.type != "integer"):
        raise ValueError(f"{column.name} is {given.type}; entity {entity} takes decimal(p,s) or integer")
    if given.decimal:
        precision, scale = given.decimal
        if scale > int(most[2]) or precision - scale > int(most[1]) - int(most[2]):
            raise ValueError(f"{column.name} is {given.type}; entity {entity} holds at most {column.type}")


class Effective(Strict):
    """When a customer record became true: a date column of it, or a date in the file's name.

    `file_name` is a pattern such as `customers_{yyyy-mm}.csv` (a month means its last day) or
    `customers_{yyyy-mm-dd}.csv`.
    """

    column: Name | None = None
    file_name: str | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.column is None) == (self.file_name is None):
            raise ValueError("give either column or file_name")
        if self.file_name and not re.search(r"\{yyyy-mm(-dd)?\}", self.file_name):
            raise ValueError("file_name must hold {yyyy-mm} or {yyyy-mm-dd}")
        return self


class Contract(FileFormat, ServerReading):
    """One source: where it is, what its records look like and which entity they feed."""

    source: Name
    description: str | None = None
    owner: str | None = None
    entity: str
    kind: Literal["csv", "ndjson", "mariadb"]
    key: tuple[Name, ...] = ()
    keyless: bool = False
    order_by: Name | None = None
    effective: Effective | None = None
    filter: str | None = None
    mode: Literal["upsert", "snapshot"] = "upsert"
    allow_empty: bool = False
    max_deleted_share: float = Field(default=_MOST_DELETED, ge=0, le=1)
    max_bad_share: float = Field(default=0.5, ge=0, le=1)
    columns: dict[Name, ColumnContract] = Field(min_length=1)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        entity = ENTITIES.get(self.entity)
        if entity is None:
            raise ValueError(f"entity '{self.entity}' is not known; use one of {', '.join(ENTITIES)}")
        self._expect_place()
        self._expect_key(entity)
        self._expect_mode(entity)
        self._expect_filter()
        for column in entity.columns:
            generated = self.keyless and column.name == entity.key
            given = self.columns.get(column.name)
            if given is not None:
                _expect_fit(given, column, self.entity)
            elif column.required and not generated:
                raise ValueError(f"entity {self.entity} needs the column {column.name}")
        names = list(self.source_columns().values())
        if len(set(names)) != len(names):
            raise ValueError("two columns are read from the same source column")
        return self

    def _expect_place(self) -> None:
        if self.kind == "mariadb":
            if not self.url or not self.table:
                raise ValueError("a mariadb source needs url and table")
        elif not self.path:
            raise ValueError(f"a {self.kind} source needs path")

    def _expect_key(self, entity: Entity) -> None:
        if bool(self.key) == self.keyless:
            raise ValueError("name the key columns, or say keyless: true")
        if self.keyless and self.entity == "customers":
            raise ValueError("customers need a key")
        for name in (*self.key, *filter(None, [self.order_by, self.effective and self.effective.column])):
            if name not in self.columns:
                raise ValueError(f"'{name}' is used but is not one of the columns")
        if refused := entity.refuses_key(self.key, keyless=self.keyless):
            raise ValueError(refused)

    def _expect_mode(self, entity: Entity) -> None:
        """A snapshot tells by absence: it needs the entity's key, and one date for all of its records."""
        if self.mode != "snapshot":
            if self.allow_empty or self.max_deleted_share != _MOST_DELETED:
                raise ValueError("allow_empty and max_deleted_share are for mode: snapshot")
            return
        if self.keyless:
            raise ValueError("mode: snapshot needs a key: a record without one cannot be missed")
        if set(self.key) != set(entity.keys):
            raise ValueError(f"mode: snapshot needs the key of {entity.name}: write key: [{', '.join(entity.keys)}]")
        if self.effective and self.effective.column:
            raise ValueError(
                "mode: snapshot has one date for all of its records: write effective: {file_name: …}, or leave"
                " effective out where it holds as of the load's business date"
            )

    def _expect_filter(self) -> None:
        if self.filter is None:
            return
        try:
            expect_condition(self.filter, {name: column.sql_type for name, column in self.columns.items()})
        except ValueError as error:
            raise ValueError(f"filter: {error}") from None

    @cached_property
    def version(self) -> str:
        """A fingerprint of everything the contract says: another one, another version."""
        return hashlib.sha256(json.dumps(self.as_written(), sort_keys=True).encode()).hexdigest()[:12]

    def as_written(self) -> dict[str, Any]:
        """The contract as JSON values under the names of the file; what is as it is by default is left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True)

    def source_columns(self) -> dict[str, str]:
        """Contract name → name in the source, in the contract's order."""
        return {name: column.source_name or name for name, column in self.columns.items()}

    def attributes(self) -> dict[str, ColumnContract]:
        """Columns beyond the entity's own: they come along as attributes."""
        entity = ENTITIES[self.entity]
        return {name: column for name, column in self.columns.items() if entity.column(name) is None}
