"""Reads the SQL models and the yml beside each: what a table means, its grain, its columns and its tests."""

import hashlib
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
_PLACEHOLDER = re.compile(r"\{\{ *([a-z]+)(?: +([a-z_]+))? *\}\}")


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
    TABLE.COLUMN, or name and sql: a SELECT of the rows that break it.
    """

    not_null: str | None = None
    unique: str | None = None
    accepted: str | None = None
    values: tuple[str, ...] = ()
    relationship: str | None = None
    to: str | None = None
    name: str | None = None
    sql: str | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        kinds = [self.not_null, self.unique, self.accepted, self.relationship, self.sql]
        if sum(kind is not None for kind in kinds) != 1:
            raise ValueError("a test is one of not_null, unique, accepted, relationship or sql")
        if bool(self.accepted) != bool(self.values) or bool(self.relationship) != bool(self.to):
            raise ValueError("accepted needs values, relationship needs to")
        if bool(self.sql) != bool(self.name):
            raise ValueError("a test of its own needs name and sql")
        return self


class ModelDescription(_Strict):
    """The yml beside a model's SQL."""

    description: str
    grain: str
    kind: Literal["full"]
    key: tuple[str, ...] = Field(min_length=1)
    attributes: str | None = None
    columns: dict[str, ModelColumn]
    tests: tuple[ModelTest, ...] = ()

    @model_validator(mode="after")
    def _key_is_there(self) -> Self:
        missing = [name for name in self.key if name not in self.columns]
        if missing:
            raise ValueError(f"key column {missing[0]} is not described under columns")
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
    def fingerprint(self) -> str:
        """Changes when the SQL, the columns or the tests of the model change."""
        text = "\n".join([self.sql, self.description.model_dump_json(), repr(self.columns)])
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
    described = [
        Column(column, types.ids.get(column, "BIGINT") if entry.type == "id" else entry.type)
        for column, entry in description.columns.items()
    ]
    sql = fill(sql_file.read_text(encoding="utf-8"), attributes, types, where)
    return Model(name, layer, where, sql, description, (*described, *attributes))


def fill(sql: str, attributes: tuple[Column, ...], types: ProjectTypes, where: str) -> str:
    """Fill `{{ attributes }}` (", a, b": the attributes that come along) and `{{ type COLUMN }}`."""

    def value(found: re.Match[str]) -> str:
        word, argument = found[1], found[2]
        if word == "attributes":
            return "".join(f',\n  "{column.name}"' for column in attributes)
        if word == "type" and argument:
            return types.ids.get(argument, "BIGINT")
        raise BuildError(f"placeholder {found[0]} is not known", where=where, cure="use attributes or type COLUMN")

    return _PLACEHOLDER.sub(value, sql)
