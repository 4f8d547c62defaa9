"""The rows of one table that a question is about, as dimensions and values: the first step of a metric's SQL."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from tenure.core.errors import UsageError
from tenure.metrics.aggregates import Aggregate
from tenure.metrics.catalogue import Catalogue, Metric
from tenure.metrics.columns import FACTS, Bound, Schema, bind, compared, filter_sql, quoted
from tenure.metrics.conditions import Condition, month_range
from tenure.metrics.model import MONTH, TARGETS

UNKNOWN = "unknown"
"""What stands for a missing text of a dimension, such as the country of a customer who is not delivered yet."""


@dataclass(frozen=True)
class Question:
    """A metric by some of its dimensions, for the rows that meet all conditions (any of several = on one dimension)."""

    metric: Metric
    by: tuple[str, ...] = ()
    where: tuple[Condition, ...] = ()

    @property
    def months(self) -> tuple[Condition, ...]:
        """The conditions on the month."""
        return tuple(condition for condition in self.where if condition.name == MONTH)

    @property
    def names(self) -> tuple[str, ...]:
        """Every dimension that it names."""
        return tuple(dict.fromkeys((*self.by, *(condition.name for condition in self.where))))


def rows_sql(
    catalogue: Catalogue, schema: Schema, question: Question, asked: Sequence[tuple[Metric, Aggregate]]
) -> str:
    """A SELECT of the rows that count for some metrics over one table.

    Its columns are d1, d2, … for the dimensions, and one value a metric, missing where the row does not meet
    that metric's own filter.
    """
    part = asked[0][0]
    filters = [filter_sql(catalogue, schema, each) for each, _ in asked]
    shared = [condition for condition in filters[0] if all(condition in other for other in filters[1:])]
    dimensions = [dimension(catalogue, schema, part, name) for name in question.by]
    conditions = _conditions(catalogue, schema, question, part)
    joins = {bound.join for bound in dimensions} | {join for _, join in conditions}
    joins |= {join for own in filters for _, join in own.values()}
    columns = [f"{bound.sql} AS d{place}" for place, bound in enumerate(dimensions, 1)]
    for (_, entry), own in zip(asked, filters, strict=True):
        rest = [sql for condition, (sql, _) in own.items() if condition not in shared]
        value = f"CASE WHEN {' AND '.join(rest)} THEN {entry.value} END" if rest else entry.value
        columns.append(f"{value} AS {entry.source}")
    lines = [f"FROM {quoted(part.description.table or '')} AS {FACTS}"]
    lines += [_join(catalogue, part, name) for name in TARGETS if name in joins]
    if any(entry.against_today for _, entry in asked):
        columns.append("t.business_date")
        lines.append("CROSS JOIN today AS t")
    tests = [filters[0][condition][0] for condition in shared]
    tests += _months(catalogue, schema, question, part)
    tests += [sql for sql, _ in conditions]
    if tests:
        lines.append(f"WHERE {' AND '.join(tests)}")
    return "\n".join(f"  {line}" for line in (f"SELECT {', '.join(columns)}", *lines))


def dimension(catalogue: Catalogue, schema: Schema, part: Metric, name: str) -> Bound:
    """What a row is grouped by: the month as text, a text with `unknown` where it is missing, others as they are."""
    if name == MONTH:
        month = f"SUBSTR(CAST({_day(catalogue, part)} AS STRING), 1, 7)"
        return Bound(f"COALESCE({month}, '{UNKNOWN}')", "STRING", None)
    bound = bind(catalogue, schema, part, catalogue.references(part)[name])
    if bound.type == "STRING":
        return Bound(f"COALESCE({bound.sql}, '{UNKNOWN}')", "STRING", bound.join)
    return bound


def _join(catalogue: Catalogue, part: Metric, name: str) -> str:
    target = TARGETS[name]
    own = catalogue.table(part).leads_to(name)
    assert own is not None, "a reference through a join was checked when the catalogue was read"
    return f"LEFT JOIN {target.table} AS {name} ON {name}.{target.key} = {FACTS}.{quoted(own)}"


def _day(catalogue: Catalogue, part: Metric) -> str:
    return f"CAST({FACTS}.{quoted(catalogue.time(part) or '')} AS DATE)"


def _months(catalogue: Catalogue, schema: Schema, question: Question, part: Metric) -> list[str]:
    """Which months count: those asked for; while none is asked for nor shown, the rows of now."""
    current = catalogue.table(part).current
    if current and not question.months and MONTH not in question.by:
        return [bind(catalogue, schema, part, current).sql]
    return (
        []
        if not question.months
        else _combined((condition, _month_test(_day(catalogue, part), condition)) for condition in question.months)
    )


def _month_test(day: str, condition: Condition) -> str:
    if missing := _is_unknown(day, condition):
        return missing
    try:
        first, after = month_range(condition.value)
    except ValueError as error:
        raise _misfit(condition, error) from None
    begin, end = _date(first), _date(after)
    return {
        "=": f"({day} >= {begin} AND {day} < {end})",
        "!=": f"({day} < {begin} OR {day} >= {end} OR {day} IS NULL)",
        "<": f"{day} < {begin}",
        "<=": f"{day} < {end}",
        ">": f"{day} >= {end}",
        ">=": f"{day} >= {begin}",
    }[condition.operator]


def _date(day: date) -> str:
    return f"CAST('{day}' AS DATE)"


def _conditions(catalogue: Catalogue, schema: Schema, question: Question, part: Metric) -> list[tuple[str, str | None]]:
    """The conditions on dimensions other than the month, each with the join that it needs."""
    by_name: dict[str, list[Condition]] = {}
    for condition in question.where:
        if condition.name != MONTH:
            by_name.setdefault(condition.name, []).append(condition)
    found: list[tuple[str, str | None]] = []
    for name, conditions in by_name.items():
        bound = dimension(catalogue, schema, part, name)
        tests = _combined((condition, _test(bound, condition)) for condition in conditions)
        found += [(test, bound.join) for test in tests]
    return found


def _is_unknown(sql: str, condition: Condition) -> str | None:
    """The test of `= unknown` where no text stands for a missing value."""
    if condition.value != UNKNOWN or condition.operator not in ("=", "!="):
        return None
    return f"{sql} IS {'NULL' if condition.operator == '=' else 'NOT NULL'}"


def _test(bound: Bound, condition: Condition) -> str:
    missing = _is_unknown(bound.sql, condition)
    if missing and bound.type != "STRING":
        return missing
    try:
        return compared(bound.sql, bound.type, condition)
    except ValueError as error:
        raise _misfit(condition, error) from None


def _misfit(condition: Condition, error: ValueError) -> UsageError:
    return UsageError(f"{condition}: the value {error}", cure="write it as the metric shows it, without --where")


def _combined(tests: Iterable[tuple[Condition, str]]) -> list[str]:
    """All tests of one dimension, of which several with = become one: any of them."""
    equal: list[str] = []
    other: list[str] = []
    for condition, sql in tests:
        (equal if condition.operator == "=" else other).append(sql)
    return other + ([f"({' OR '.join(equal)})"] if len(equal) > 1 else equal)
