"""Compiles a metric to one SELECT in the SQL that both engines share.

The rows of each table are first brought to (dimensions, values), joined with nothing but tables in which the
key is unique, and added up on their own. Only such sums meet: those of two tables are put one below the other
and taken together by their dimensions, so no row of one can multiply a row of the other, a group that only one
of them has is kept, and missing dimension values match each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tenure.core.errors import SettingsError, UsageError
from tenure.metrics.aggregates import Aggregate, aggregate, divided
from tenure.metrics.catalogue import Catalogue, Metric
from tenure.metrics.columns import Schema, quoted, require, usable_dimensions
from tenure.metrics.model import MONTH
from tenure.metrics.rows import Question, dimension, rows_sql


@dataclass(frozen=True)
class Statement:
    """The SELECT that answers a question: the dimensions in their order, then the metric; one row a group."""

    sql: str
    columns: tuple[str, ...]


def compile_metric(catalogue: Catalogue, schema: Schema, question: Question) -> Statement:
    """The SQL of a question over a release's tables (and `today`, the business date, for days_since).

    Raises `UsageError` for a dimension, condition or value that does not fit the metric, and `TenureError` or
    `SettingsError` when the definition does not fit the tables.
    """
    parts = catalogue.parts(question.metric)
    for part in parts:
        require(catalogue, schema, part)
    _check_names(catalogue, schema, question)
    _check_months(catalogue, question)
    _check_types(catalogue, schema, question, parts)
    groups = [f"d{place}" for place in range(1, len(question.by) + 1)]
    every = [aggregate(catalogue, schema, part, f"v{number}", f"a{number}") for number, part in enumerate(parts)]
    steps: list[str] = []
    sources = _sources(catalogue, question, parts)
    for at, numbers in enumerate(sources, 1):
        rows = rows_sql(catalogue, schema, question, [(parts[number], every[number]) for number in numbers])
        steps.append(f"rows_{at} AS (\n{rows}\n)")
        steps += _added(at, groups, every, numbers)
    last = "added_1"
    if len(sources) > 1:
        last = "merged"
        steps.append(_merged(len(sources), groups, every))
    unit = question.metric.description.unit
    value = divided(every[0], every[1], unit) if len(every) > 1 else every[0].result
    columns = [f"m.{group} AS {quoted(name)}" for group, name in zip(groups, question.by, strict=True)]
    columns.append(f"{value} AS {quoted(question.metric.name)}")
    order = f"\nORDER BY {', '.join(f'm.{group} ASC NULLS LAST' for group in groups)}" if groups else ""
    sql = f"WITH {', '.join(steps)}\nSELECT {', '.join(columns)}\nFROM {last} AS m{order}"
    return Statement(sql, (*question.by, question.metric.name))


def _check_names(catalogue: Catalogue, schema: Schema, question: Question) -> None:
    usable = usable_dimensions(catalogue, schema, question.metric)
    for name in question.names:
        if name not in usable:
            known = name in catalogue.dimensions(question.metric)
            raise UsageError(
                f"{question.metric.name} has no dimension {name}{' in this release' if known else ''}",
                cure=f"its dimensions are {', '.join(usable) or 'none'}",
            )
    twice = next((name for name in question.by if question.by.count(name) > 1), None)
    if twice:
        raise UsageError(f"the dimension {twice} is named twice", cure="name it once")


def _check_months(catalogue: Catalogue, question: Question) -> None:
    """A state of several months at once would count a customer once a month."""
    one = len(question.months) == 1 and question.months[0].operator == "="
    if question.months and not one and MONTH not in question.by and catalogue.is_state(question.metric):
        raise UsageError(
            f"{question.metric.name} is the state at a month's end: several months cannot be taken together",
            cure="ask for one month (month=2025-09), or add --by month",
        )


def _check_types(catalogue: Catalogue, schema: Schema, question: Question, parts: Sequence[Metric]) -> None:
    for name in question.by:
        kinds = {dimension(catalogue, schema, part, name).type for part in parts}
        if len(kinds) > 1:
            raise SettingsError(
                f"dimension {name} has other types in the two tables: {' and '.join(sorted(kinds))}",
                where=question.metric.at(),
                cure="rename one of them",
            )


def _sources(catalogue: Catalogue, question: Question, parts: Sequence[Metric]) -> list[list[int]]:
    """The numbers of the parts, those together that read the same rows and split them alike."""
    found: dict[tuple[object, ...], list[int]] = {}
    for number, part in enumerate(parts):
        references = catalogue.references(part)
        split = tuple(references.get(name) for name in question.names)
        found.setdefault((part.description.table, catalogue.time(part), split), []).append(number)
    return list(found.values())


def _added(at: int, groups: Sequence[str], every: Sequence[Aggregate], numbers: Sequence[int]) -> list[str]:
    """One row a group: the sums of the parts that these rows are for; those of other rows stay missing."""
    columns = [f"r.{group}" for group in groups]
    grouped = f"\n  GROUP BY {', '.join(columns)}" if groups else ""
    relation = f"rows_{at}"
    steps: list[str] = []
    ranked = [every[number] for number in numbers if every[number].ranked]
    for entry in ranked:
        split = f"PARTITION BY {', '.join(columns)}" if groups else ""
        order = f"ORDER BY r.{entry.source} ASC NULLS LAST"
        place = f"CAST(ROW_NUMBER() OVER ({f'{split} ' if split else ''}{order}) AS BIGINT) AS place"
        n = f"COUNT(r.{entry.source}) OVER ({split}) AS n"
        names = ", ".join([*columns, f"r.{entry.source}", place, n])
        relation = f"placed_{at}"
        steps.append(f"{relation} AS (\n  SELECT {names}\n  FROM rows_{at} AS r\n)")
    sums = [
        f"{entry.sql if number in numbers else f'CAST(NULL AS {entry.type})'} AS {entry.name}"
        for number, entry in enumerate(every)
    ]
    steps.append(f"added_{at} AS (\n  SELECT {', '.join([*columns, *sums])}\n  FROM {relation} AS r{grouped}\n)")
    return steps


def _merged(sources: int, groups: Sequence[str], every: Sequence[Aggregate]) -> str:
    """The sums of several tables by their dimensions; of each sum only one table has a value."""
    names = ", ".join([*groups, *(entry.name for entry in every)])
    below = "\n    UNION ALL ".join(f"SELECT {names} FROM added_{at}" for at in range(1, sources + 1))
    columns = [f"u.{group}" for group in groups]
    sums = [f"MAX(u.{entry.name}) AS {entry.name}" for entry in every]
    grouped = f"\n  GROUP BY {', '.join(columns)}" if groups else ""
    selected = ", ".join([*columns, *sums])
    return f"merged AS (\n  SELECT {selected}\n  FROM (\n    {below}\n  ) AS u{grouped}\n)"
