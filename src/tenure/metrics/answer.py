"""Asks a release: whether a metric can be answered from it, and the answer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

import pyarrow as pa

from tenure.core.errors import TenureError, UsageError
from tenure.metrics.catalogue import Catalogue, Metric
from tenure.metrics.columns import Schema, lacking, quoted
from tenure.metrics.conditions import Condition, read_conditions
from tenure.metrics.model import MONTH
from tenure.metrics.rows import Question
from tenure.metrics.sql import compile_metric

Query = Callable[[str], pa.Table]
"""Runs one SELECT over a release and gives its rows."""

Value = str | int | float | Decimal | date | bool | None
State = Literal["ready", "needs a predictor", "not in this release"]


@dataclass(frozen=True)
class Answer:
    """The rows of a metric, exact, in the order of its dimensions, and the SQL that gave them."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]
    sql: str


def state_of(catalogue: Catalogue, schema: Schema, metric: Metric, query: Query) -> State:
    """Whether a release can answer a metric."""
    if any(lacking(catalogue, schema, part) for part in catalogue.parts(metric)):
        return "not in this release"
    return "needs a predictor" if _unscored(catalogue, metric, query) else "ready"


def read_question(
    catalogue: Catalogue, name: str, by: Sequence[str] = (), where: Sequence[str] = (), month: str | None = None
) -> Question:
    """A question as typed: dimensions with commas between them, conditions, a month; raises `UsageError`."""
    metric = catalogue.metric(name)
    dimensions = tuple(word.strip() for text in by for word in text.split(",") if word.strip())
    try:
        conditions = read_conditions(where)
    except ValueError as error:
        raise UsageError(
            f"--where {error}", cure=f"write DIMENSION=VALUE; dimensions: {', '.join(catalogue.dimensions(metric))}"
        ) from None
    months = (Condition(MONTH, "=", month),) if month is not None else ()
    return Question(metric, dimensions, (*conditions, *months))


def answer(catalogue: Catalogue, schema: Schema, question: Question, query: Query) -> Answer:
    """The answer to a question; raises as `compile_metric`, and `TenureError` while a predictor is needed."""
    statement = compile_metric(catalogue, schema, question)
    unscored = _unscored(catalogue, question.metric, query)
    if unscored:
        raise TenureError(
            f"{question.metric.name} needs a predictor: {unscored} has no values yet",
            cure="tenure metric lists the metrics that are ready",
        )
    found = query(statement.sql).to_pylist()
    rows = tuple(tuple(row[column] for column in statement.columns) for row in found)
    return Answer(statement.columns, rows, statement.sql)


def unmatched(
    catalogue: Catalogue, schema: Schema, question: Question, query: Query
) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Dimensions of text that were asked for by values which nothing has: those values, and the ones there are."""
    asked: dict[str, tuple[str, ...]] = {}
    for condition in question.where:
        if condition.operator == "=" and condition.name != MONTH:
            asked[condition.name] = (*asked.get(condition.name, ()), condition.value)
    found: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {}
    for name, values in asked.items():
        rows = answer(catalogue, schema, Question(question.metric, (name,), question.months), query).rows
        known = tuple(value for value in (row[0] for row in rows) if isinstance(value, str))
        if len(known) == len(rows) and not set(values) <= set(known):
            found[name] = values, known
    return found


def _unscored(catalogue: Catalogue, metric: Metric, query: Query) -> str | None:
    """The first TABLE.COLUMN that a predictor must fill and that is still empty."""
    for table, column in catalogue.needs(metric):
        scores = query(f"SELECT COUNT({quoted(column)}) AS scores FROM {quoted(table)}").to_pylist()
        if not scores[0]["scores"]:
            return f"{table}.{column}"
    return None
