"""Reads the SQL models and the yml beside each: what a table means, its grain, its columns and its tests."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Literal, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tenure.core.errors import BuildError
from tenure.engine.protocol import Column

FOLDERS = ("staging", "intermediate", "marts")
_PLACEHOLDER = re.compile(r"\{\{ *([a-z_]+)((?: +[a-z0-9_]+)*) *\}\}")


Description = TypeVar("Description", bound=BaseModel)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelColumn(_Strict):
    """One column of a table. Type `id` means the type that the contracts give this natural key."""

    type: str
    description: str
    unit: str | None = None
    personal: str | None = None


class ModelTest(_Strict):
    """One test of a table.

    It is not_null COLUMN, unique COLUMN, accepted COLUMN with values, relationship COLUMN to
    TABLE.COLUMN, or name and sql: a SELECT of the rows that break it. A test of its own that looks at the
    values of one column each on their own says so with by: COLUMN, and costs what changed.
    """

    not_null: str | None = None
    unique: str | None = None
    accepted: str | None = None
    values: tuple[str, ...] = ()
    relationship: str | None = None
    to: str | None = None
    name: str | None = None
    sql: str | None = None
    by: str | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        kinds = [self.not_null, self.unique, self.accepted, self.relationship, self.sql]
        if sum(kind is not None for kind in kinds) != 1:
            raise ValueError("a test is one of not_null, unique, accepted, relationship or sql")
        if bool(self.accepted) != bool(self.values) or bool(self.relationship) != bool(self.to):
            raise ValueError("accepted needs values, relationship needs to")
        if bool(self.sql) != bool(self.name):
            raise ValueError("a test of its own needs name and sql")
        if self.by and not self.sql:
            raise ValueError("by belongs to a test with name and sql")
        return self


class ModelDescription(_Strict):
    """The yml beside a model's SQL.

    `kind` is how the table is kept: `view` (its SQL, evaluated when read), `full` (made anew when an input
    changes), `partitioned` (only what changed is made anew), `history` (partitioned, of versions with
    valid_from, valid_to and is_current). `partition` is the date whose month decides which part a row is in.

    `follows` makes increments possible: `input: column` says that the rows with some values of the column
    depend only on the input's rows with those values. `onwards` (`input: date column`) says as well that a
    row depends only on rows of the input of its own month or earlier.
    """

    description: str
    grain: str
    kind: Literal["view", "full", "partitioned", "history"]
    partition: str | None = None
    follows: dict[str, str] = {}
    onwards: dict[str, str] = {}
    key: tuple[str, ...] = Field(min_length=1)
    attributes: str | None = None
    columns: dict[str, ModelColumn]
    tests: tuple[ModelTest, ...] = ()

    @model_validator(mode="after")
    def _columns_are_there(self) -> Self:
        used = [*self.key, *self.follows.values(), *filter(None, [self.partition])]
        missing = [name for name in used if name not in self.columns]
        if missing:
            raise ValueError(f"column {missing[0]} is used but not described under columns")
        return self

    @model_validator(mode="after")
    def _kind_fits(self) -> Self:
        stepwise = self.kind in ("partitioned", "history")
        if stepwise != bool(self.follows) and self.kind != "view":
            raise ValueError("partitioned and history need follows, and full cannot have it")
        if self.partition and (not stepwise or self.columns[self.partition].type not in ("DATE", "TIMESTAMP")):
            raise ValueError("partition is a DATE or TIMESTAMP column of a partitioned or history model")
        dated = self.partition or self.kind == "view"
        if self.onwards and (not dated or self.onwards.keys() != self.follows.keys()):
            raise ValueError("onwards needs partition, and a date column of every input in follows")
        if self.kind == "view" and self.tests:
            raise ValueError("a view has no tests; test the tables that read it")
        wanted = {"valid_from", "valid_to", "is_current"} if self.kind == "history" else set[str]()
        if not wanted <= self.columns.keys() or (wanted and self.partition != "valid_from"):
            raise ValueError("a history has valid_from, valid_to and is_current, and partition: valid_from")
        return self


@dataclass(frozen=True)
class Model:
    """A model ready to run: its SQL with every placeholder filled, and the columns it must have."""

    name: str
    layer: str
    where: str
    sql: str
    description: ModelDescription
    columns: tuple[Column, ...]

    @property
    def kind(self) -> str:
        """How its table is kept; see `ModelDescription`."""
        return self.description.kind

    @property
    def definition(self) -> str:
        """A fingerprint of all that decides the rows: SQL, columns, tests and kind, but no description."""
        said = self.description
        rules = [said.kind, said.partition, said.follows, said.onwards, said.key, [repr(test) for test in said.tests]]
        text = "\n".join([self.sql, json.dumps(rules), repr(self.columns)])
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class ProjectTypes:
    """What the contracts decide about the tables: types of natural keys, and attributes per entity."""

    ids: Mapping[str, str]
    attributes: Mapping[str, tuple[Column, ...]]


def parse_yml(kind: type[Description], text: str, where: str) -> Description:
    """A yml file as `kind`; raises `BuildError` naming file and field."""
    try:
        return kind.model_validate(yaml.load(text, yaml.CSafeLoader))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise BuildError(f"not valid YAML: {error.problem}", where=f"{where}:{line}", cure="mend the line") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"])
        raise BuildError(f"{place}: {first['msg']}", where=where, cure="see docs/reference/models.md") from error


def read_models(types: ProjectTypes) -> list[Model]:
    """Tenure's own models, by name."""
    root = files("tenure.warehouse") / "sql"
    return [
        _model(entry, root / layer / f"{entry.name.removesuffix('.sql')}.yml", layer, types)
        for layer in FOLDERS
        for entry in sorted((root / layer).iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".sql")
    ]


def _model(sql_file: Traversable, yml_file: Traversable, layer: str, types: ProjectTypes) -> Model:
    name = sql_file.name.removesuffix(".sql")
    where = f"warehouse/sql/{layer}/{sql_file.name}"
    if not yml_file.is_file():
        raise BuildError("has no yml beside it", where=where, cure=f"describe the model in {name}.yml")
    description = parse_yml(ModelDescription, yml_file.read_text(encoding="utf-8"), where.replace(".sql", ".yml"))
    attributes = types.attributes.get(description.attributes or "", ())
    sql = fill(sql_file.read_text(encoding="utf-8"), attributes, types, where)
    return Model(name, layer, where, sql, description, (*typed_columns(description, types), *attributes))


def typed_columns(description: ModelDescription, types: ProjectTypes) -> list[Column]:
    """The columns that a yml describes, `id` replaced by the type of the natural key in this project."""
    return [
        Column(column, types.ids.get(column, "BIGINT") if entry.type == "id" else entry.type)
        for column, entry in description.columns.items()
    ]


def fill(sql: str, attributes: tuple[Column, ...], types: ProjectTypes, where: str) -> str:
    """Fill the placeholders of a model.

    `{{ attributes }}` is ", a, b": the attributes that come along. `{{ type COLUMN }}` is the type of a natural
    key. `{{ fact_id NUMBER KIND COLUMN }}` is the id of an event, made of its kind and its natural key.
    """

    def value(found: re.Match[str]) -> str:
        word, arguments = found[1], found[2].split()
        if word == "attributes" and not arguments:
            return "".join(f', "{column.name}"' for column in attributes)  # one line, so that lines keep their numbers
        if word == "type" and len(arguments) == 1:
            return types.ids.get(arguments[0], "BIGINT")
        if word == "fact_id" and len(arguments) == 3:
            return _fact_id(*arguments, types=types)
        cure = "use attributes, type COLUMN or fact_id NUMBER KIND COLUMN"
        raise BuildError(f"placeholder {found[0]} is not known", where=where, cure=cure)

    return _PLACEHOLDER.sub(value, sql)


def _fact_id(number: str, kind: str, column: str, *, types: ProjectTypes) -> str:
    """An integer key times eight plus the number of its kind: small, in the order of the keys, and cheap.

    Other keys, and those too large for it, are hashed. Should two ever meet, the check of the key says so.
    """
    hashed = f"stable_id('{kind}', CAST({column} AS STRING))"
    if types.ids.get(column, "BIGINT") != "BIGINT":
        return hashed
    fits = f"{column} >= 0 AND {column} < CAST(1000000000000000000 AS BIGINT)"
    return f"CASE WHEN {fits} THEN CAST({column} * 8 + {number} AS BIGINT) ELSE {hashed} END"
