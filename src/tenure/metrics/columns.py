"""Binds the names in a definition to the columns that a release really has."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tenure.core.errors import SettingsError, TenureError
from tenure.metrics.catalogue import Catalogue, Metric
from tenure.metrics.conditions import MISSING, PRESENT, Condition, literal
from tenure.metrics.model import TARGETS

Schema = Mapping[str, Mapping[str, str]]
"""Table → column → type, in the common type names."""

FACTS = "f"
"""The alias of a metric's own table; a joined table has the name of its join."""


@dataclass(frozen=True)
class Bound:
    """A column in SQL (`f."amount"`), its type, and the join that it needs, if any."""

    sql: str
    type: str
    join: str | None


def bind(catalogue: Catalogue, schema: Schema, part: Metric, reference: str) -> Bound:
    """The column that a reference of a metric means; raises KeyError with TABLE.COLUMN when the release lacks it."""
    owner, _, column = reference.rpartition(".")
    table = TARGETS[owner].table if owner else part.description.table or ""
    own = catalogue.table(part).leads_to(owner)
    if own is not None:
        bind(catalogue, schema, part, own)
    kinds = schema.get(table, {})
    if column not in kinds:
        raise KeyError(f"{table}.{column}")
    return Bound(f"{owner or FACTS}.{quoted(column)}", kinds[column], owner or None)


def quoted(name: str) -> str:
    """A name as a SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def lacking(catalogue: Catalogue, schema: Schema, part: Metric) -> str | None:
    """The first table or TABLE.COLUMN that a release would need for a metric and does not have."""
    table = part.description.table or ""
    if table not in schema:
        return table
    for reference in _needed(catalogue, part):
        try:
            bind(catalogue, schema, part, reference)
        except KeyError as error:
            return str(error.args[0])
    return None


def columns_needed(catalogue: Catalogue, part: Metric) -> Iterator[tuple[str, str]]:
    """The columns (table, column) that a metric is reckoned from; `part` is no ratio."""
    for reference in _needed(catalogue, part):
        owner, _, column = reference.rpartition(".")
        yield TARGETS[owner].table if owner else part.description.table or "", column


def _needed(catalogue: Catalogue, part: Metric) -> Iterator[str]:
    description = part.description
    own = (
        description.column,
        description.weight,
        description.needs,
        catalogue.time(part),
        catalogue.table(part).current,
    )
    yield from (column for column in own if column is not None)
    yield from (condition.name for condition in part.filter)


def require(catalogue: Catalogue, schema: Schema, part: Metric) -> None:
    """Raise `TenureError` naming what the release lacks for a metric."""
    missing = lacking(catalogue, schema, part)
    if missing is not None:
        raise TenureError(
            f"metric {part.name} needs {missing}, which this release does not have",
            where=part.at(),
            cure="correct the definition, or make the release anew with: tenure build",
        )


def usable_dimensions(catalogue: Catalogue, schema: Schema, metric: Metric) -> tuple[str, ...]:
    """The dimensions of a metric whose columns the release has, in types that rows can be grouped by."""
    return tuple(
        name
        for name in catalogue.dimensions(metric)
        if all(_is_usable(catalogue, schema, part, name) for part in catalogue.parts(metric))
    )


def _is_usable(catalogue: Catalogue, schema: Schema, part: Metric, name: str) -> bool:
    reference = catalogue.references(part).get(name) or catalogue.time(part) or ""
    try:
        return bind(catalogue, schema, part, reference).type != "DOUBLE"
    except KeyError:
        return False


def filter_sql(catalogue: Catalogue, schema: Schema, part: Metric) -> dict[Condition, tuple[str, str | None]]:
    """The conditions of a metric's own filter: each as SQL, with the join that it needs."""
    found: dict[Condition, tuple[str, str | None]] = {}
    for place, condition in enumerate(part.filter):
        bound = bind(catalogue, schema, part, condition.name)
        try:
            found[condition] = (compared(bound.sql, bound.type, condition), bound.join)
        except ValueError as error:
            raise SettingsError(
                f"filter: {condition.value} {error}",
                where=part.at("filter", place),
                cure=f"{condition.name} is of type {bound.type}",
            ) from None
    return found


def compared(sql: str, kind: str, condition: Condition) -> str:
    """A condition over an expression of a type. A missing value equals nothing, and differs from everything.

    Raises ValueError when the value or the operator does not fit the type.
    """
    if condition.operator in (PRESENT, MISSING):
        return f"{sql} IS {'NOT ' if condition.operator == PRESENT else ''}NULL"
    value = literal(condition.value, kind)
    if kind == "BOOLEAN" and condition.operator not in ("=", "!="):
        raise ValueError("can only be compared with = and !=")
    operator = "IS DISTINCT FROM" if condition.operator == "!=" else condition.operator
    return f"{sql} {operator} {value}"
