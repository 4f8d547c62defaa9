"""Filters of reports such as `geography=Egypt`: read from a command line, checked, and put before a report's SQL."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from tenure.core.errors import UsageError
from tenure.core.wording import alike
from tenure.metrics.conditions import month_range, read_conditions
from tenure.metrics.model import MONTH

CUSTOMER_DIMENSIONS = ("geography", "age_group", "gender", "segment")
"""Columns of `dim_customer`: a filter on one keeps whole customers. Any other filter keeps rows of the result."""

MISSING = "unknown"
"""What a customer without a value matches."""

_FIRST_WITH = re.compile(r"((?:\s*--[^\n]*\n)*\s*)WITH\b", re.IGNORECASE)


@dataclass(frozen=True)
class Filter:
    """What a column must be: one of the values."""

    column: str
    values: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.column.replace('_', ' ')} {' or '.join(self.values)}"


def read_filters(texts: Iterable[str]) -> tuple[Filter, ...]:
    """The filters of some `--where` options, one for each column, in the order of first mention.

    They are written as the conditions of a metric are (see `read_conditions`), with `=` alone. Raises `UsageError`
    for a text that is no filter.
    """
    try:
        conditions = read_conditions(texts)
    except ValueError as error:
        cure = "write it as geography=Egypt, or geography=Egypt,UAE for several"
        raise UsageError(f"--where {error}", cure=cure) from None
    found: dict[str, dict[str, None]] = {}
    for condition in conditions:
        if condition.operator != "=":
            cure = f"write {condition.name}= and the values to keep; a metric takes comparisons"
            raise UsageError(f"--where {condition}: a report is filtered with = alone", cure=cure)
        found.setdefault(condition.name, {})[condition.value] = None
    return tuple(Filter(column, tuple(values)) for column, values in found.items())


def check_filters(filters: Iterable[Filter], allowed: Sequence[str], report: str) -> None:
    """Raises `UsageError` for a filter that the report does not allow, listing those that are, and for no month."""
    for entry in filters:
        if entry.column not in allowed:
            takes = f"it takes {', '.join(allowed)}" if allowed else "it takes no filter"
            near = alike(entry.column, allowed)
            raise UsageError(f"the report {report} cannot be filtered by {entry.column}", cure=f"{near}{takes}")
        for value in entry.values if entry.column == MONTH else ():
            try:
                month_range(value)
            except ValueError as error:
                raise UsageError(f"--where month={value}: {value} {error}", cure="write it as 2025-09") from None


def on_customers(filters: Iterable[Filter]) -> tuple[Filter, ...]:
    """The filters that keep whole customers."""
    return tuple(entry for entry in filters if entry.column in CUSTOMER_DIMENSIONS)


def on_rows(filters: Iterable[Filter]) -> tuple[Filter, ...]:
    """The filters that keep rows of the result."""
    return tuple(entry for entry in filters if entry.column not in CUSTOMER_DIMENSIONS)


def narrowed(sql: str, tables: Collection[str], filters: Iterable[Filter]) -> str:
    """The SQL of a report, about the customers that match all the filters; `wanted_values` go with it.

    `tables` are those that have a `customer_id`. Each of them that the SQL mentions is put before it as a common
    table expression of the same name: on both engines its own body still reads the table, the rest of the SQL
    reads what it keeps. So the text of the report stays as it is, and so does everyone else's view of the tables.
    """
    wanted = [
        f"COALESCE(c.{entry.column}, '{MISSING}') IN (SELECT w.value FROM {_wanted(entry)} AS w)" for entry in filters
    ]
    read = [name for name in sorted(tables) if re.search(rf"\b{name}\b", sql)]
    if not wanted or not read:
        return sql
    kept = f"kept_customer AS (SELECT c.customer_id FROM dim_customer AS c WHERE {' AND '.join(wanted)})"
    keeping = (
        f"{name} AS (SELECT t.* FROM {name} AS t WHERE t.customer_id IN (SELECT k.customer_id FROM kept_customer AS k))"
        for name in read
    )
    expressions = ",\n".join([kept, *keeping])
    if first := _FIRST_WITH.match(sql):
        return f"{first[1]}WITH {expressions},\n{sql[first.end() :].lstrip()}"
    return f"WITH {expressions}\n{sql}"


def wanted_values(filters: Iterable[Filter]) -> dict[str, pa.Table]:
    """The values of the filters, as tables to run the SQL with: they are never part of its text."""
    return {_wanted(entry): pa.table({"value": pa.array(entry.values, pa.string())}) for entry in filters}


def _wanted(entry: Filter) -> str:
    return f"wanted_{entry.column}"
