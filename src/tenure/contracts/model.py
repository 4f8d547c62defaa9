"""A contract: what one source promises, in the terms of the Open Data Contract Standard."""

import hashlib
import json
import re
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from tenure.contracts.columns import DECIMAL, ColumnContract, Name, Strict, fresh_days
from tenure.contracts.entities import ENTITIES, ID, NONE, Entity, EntityColumn, entity_of
from tenure.contracts.file_format import FileFormat
from tenure.contracts.filters import expect_condition, expect_expression
from tenure.contracts.mistakes import Mistake
from tenure.contracts.reading_rules import expect_reading
from tenure.contracts.server_reading import ServerReading
from tenure.contracts.source_paths import expect_paths

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
    place = ("columns", column.name, "type")
    fits = _ACCEPTS.get(column.type)
    if fits is not None and given.type not in fits:
        raise Mistake(f"{column.name} is {given.type}; entity {entity} takes {' or '.join(sorted(fits))}", *place)
    if fits is not None:
        return
    most = DECIMAL.fullmatch(column.type.lower())
    if most is None or (given.decimal is None and given.type != "integer"):
        raise Mistake(f"{column.name} is {given.type}; entity {entity} takes decimal(p,s) or integer", *place)
    if given.decimal:
        precision, scale = given.decimal
        if scale > int(most[2]) or precision - scale > int(most[1]) - int(most[2]):
            raise Mistake(f"{column.name} is {given.type}; entity {entity} holds at most {column.type}", *place)


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
    kind: Literal["csv", "json", "ndjson", "parquet", "mariadb", "sql"]
    key: tuple[Name, ...] = ()
    keyless: bool = False
    order_by: Name | None = None
    effective: Effective | None = None
    filter: str | None = None
    mode: Literal["upsert", "snapshot", "append", "lastmodified"] = "upsert"
    allow_empty: bool = False
    max_deleted_share: float = Field(default=_MOST_DELETED, ge=0, le=1)
    max_bad_share: float = Field(default=0.5, ge=0, le=1)
    schema_policy: Literal["fail", "freeze", "evolve"] = "fail"
    freshness: Annotated[str, Field(pattern=r"^[1-9][0-9]{0,3}d$")] | None = None
    columns: dict[Name, ColumnContract] = Field(min_length=1)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.entity not in ENTITIES and self.entity != NONE:
            known = f"use one of {', '.join(ENTITIES)}, or none for a table of its own"
            raise Mistake(f"entity '{self.entity}' is not known; {known}", "entity")
        if self.entity == NONE and self.source in ENTITIES:
            raise Mistake(
                f"raw_{self.source} belongs to the entity {self.source}: give the source another name", "source"
            )
        entity = entity_of(self.entity)
        self._expect_place()
        expect_paths(self.kind, self.columns, self.records)
        self._expect_key(entity)
        self._expect_mode(entity)
        self._expect_sql()
        for column in entity.columns:
            generated = self.keyless and column.name == entity.key
            given = self.columns.get(column.name)
            if given is not None:
                _expect_fit(given, column, self.entity)
            elif column.required and not generated:
                raise Mistake(f"entity {self.entity} needs the column {column.name}", "columns")
        names = list(self.source_columns().values())
        if not names:
            raise Mistake("at least one column must come from the source", "columns")
        if len(set(names)) != len(names):
            twice = next(name for name in names if names.count(name) > 1)
            last = [name for name, source in self.source_columns().items() if source == twice][-1]
            raise Mistake(f"two columns are read from the same source column {twice}", "columns", last)
        return self

    def _expect_place(self) -> None:
        expect_reading(self)
        if self.kind != "mariadb" and not self.path:
            raise ValueError(f"a {self.kind} source needs path")
        if self.kind == "sql" and self.schema_policy == "evolve":
            raise Mistake(
                "schema_policy: evolve is for data that others send: name a new column of the SELECT under columns",
                "schema_policy",
            )

    def _expect_key(self, entity: Entity) -> None:
        if bool(self.key) == self.keyless:
            raise Mistake("name the key columns, or say keyless: true", "keyless" if self.keyless else "key")
        if self.keyless and self.entity == "customers":
            raise Mistake("customers need a key", "keyless")
        used = [("key", name) for name in self.key]
        used += [("order_by", self.order_by)] if self.order_by else []
        used += [("effective", self.effective.column)] if self.effective and self.effective.column else []
        for word, name in used:
            if name not in self.columns:
                raise Mistake(f"'{name}' is used but is not one of the columns", word)
        if refused := entity.refuses_key(self.key, keyless=self.keyless):
            raise Mistake(refused, "key")

    def _expect_mode(self, entity: Entity) -> None:
        """What tells by absence, as a snapshot does, needs the entity's key, and one date for all of its records."""
        word = "mode: snapshot" if self.mode == "snapshot" else "reconcile"
        if self.mode != "snapshot" and self.reconcile == "never":
            if self.allow_empty or self.max_deleted_share != _MOST_DELETED:
                word = "allow_empty" if self.allow_empty else "max_deleted_share"
                raise Mistake("allow_empty and max_deleted_share are for mode: snapshot and for reconcile", word)
            return
        if self.keyless:
            raise Mistake(f"{word} needs a key: a record without one cannot be missed", "keyless")
        made = next((name for name in self.key if name in self.columns and not self.columns[name].is_read), None)
        if made is not None:
            raise Mistake(f"{word} needs a key that the source has: {made} is constant or computed", "key")
        if entity.keys and set(self.key) != set(entity.keys):
            wanted = f"write key: [{', '.join(entity.keys)}]"
            raise Mistake(f"{word} needs the key of {entity.name}: {wanted}", "key")
        if self.effective and self.effective.column:
            raise Mistake(
                f"{word} has one date for all of its records: write effective: {{file_name: …}}, or leave"
                " effective out where it holds as of the load's business date",
                "effective",
            )

    def _expect_sql(self) -> None:
        """The filter may use every column, a computed one only those that are not computed."""
        types = {name: column.sql_type for name, column in self.columns.items()}
        given = {name: types[name] for name, column in self.columns.items() if column.sql is None}
        for name, column in self.columns.items():
            if column.sql is not None:
                try:
                    expect_expression(column.sql, given)
                except ValueError as error:
                    raise Mistake(f"columns.{name}.sql: {error}", "columns", name, "sql") from None
        if self.filter is not None:
            try:
                expect_condition(self.filter, types)
            except ValueError as error:
                raise Mistake(f"filter: {error}", "filter") from None

    @property
    def place(self) -> str:
        """Where the data is, for people: files, or what is read of a server."""
        if self.kind != "mariadb":
            return ", ".join(self.paths)
        return f"table {self.table}" if self.table else "a query"

    @property
    def fresh_days(self) -> int | None:
        """How many days old the newest load may be before the source counts as late; None where nothing is said."""
        return fresh_days(self.freshness) if self.freshness else None

    @cached_property
    def version(self) -> str:
        """A fingerprint of everything the contract says: another one, another version."""
        return hashlib.sha256(json.dumps(self.as_written(), sort_keys=True).encode()).hexdigest()[:12]

    def as_written(self) -> dict[str, Any]:
        """The contract as JSON values under the names of the file; what is as it is by default is left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True)

    def source_columns(self) -> dict[str, str]:
        """Contract name → name in the source, of the columns that it has, in the contract's order."""
        return {name: column.source_name or name for name, column in self.columns.items() if column.is_read}

    def with_columns(self, new: Mapping[str, ColumnContract]) -> "Contract":
        """The contract with further columns, as a delivery has them: its version stays what its file says."""
        if not new:
            return self
        return self.model_copy(update={"columns": {**self.columns, **new}, "version": self.version})

    def as_read(self) -> "Contract":
        """The contract as the readers see it: only the columns that the source has, as text where it is rewritten."""
        if all(column.is_read and not column.is_rewritten for column in self.columns.values()):
            return self
        columns = {name: column.as_read() for name, column in self.columns.items() if column.is_read}
        return self.model_copy(update={"columns": columns, "key": tuple(name for name in self.key if name in columns)})

    def attributes(self) -> dict[str, ColumnContract]:
        """Columns beyond the entity's own: they come along as attributes."""
        entity = entity_of(self.entity)
        return {name: column for name, column in self.columns.items() if entity.column(name) is None}

    def requires(self, name: str) -> bool:
        """Whether each record must have a value: the contract says so, it is of the key, or the entity needs it.

        Records of a source without keys get their key from Tenure.
        """
        if self.columns[name].required or name in self.key:
            return True
        entity = entity_of(self.entity)
        canonical = entity.column(name)
        return canonical is not None and canonical.required and not (self.keyless and name == entity.key)
