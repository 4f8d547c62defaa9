"""One fixed SQL template per aggregator; nothing of the template depends on the data.

- sum, count, count_distinct: as SQL has them; a sum is DECIMAL or BIGINT, never DOUBLE.
- avg: sum ÷ number of values, the division alone in DOUBLE.
- median: the middle value, or the mean of the two middle ones.
- quantile q: the nearest rank, that is the smallest value that at least the share q of all values does not
  exceed. It is one of the values, found by numbering them, so it is exact.
- days_since: days from the oldest date of a group to the business date.
"""

import re
from dataclasses import dataclass

from tenure.core.errors import SettingsError
from tenure.metrics.catalogue import Catalogue, Metric
from tenure.metrics.columns import Schema, bind
from tenure.metrics.model import Aggregator

_WHOLE = ("BIGINT", "INTEGER")
_MOST_DIGITS = 38


@dataclass(frozen=True)
class Aggregate:
    """How one metric is added up.

    `value` is what each row gives, over the metric's table; `sql` adds up the column `source` of those rows,
    which hold `business_date` too if `against_today`; `type` is what comes out. `ranked` values are numbered
    first: `place` among the `n` values of their group.
    """

    source: str
    name: str
    value: str
    sql: str
    type: str
    ranked: bool = False
    against_today: bool = False

    @property
    def result(self) -> str:
        """The value in a table `m` of one row a group."""
        return f"m.{self.name}"


def aggregate(catalogue: Catalogue, schema: Schema, part: Metric, source: str, name: str) -> Aggregate:
    """The template of a metric's aggregator, filled; raises `SettingsError` for a column that it cannot take."""
    description = part.description
    row = f"r.{source}"
    if description.column is None:
        return Aggregate(source, name, "1", f"COUNT({row})", "BIGINT")
    column = bind(catalogue, schema, part, description.column)
    _check_type(part, description.aggregator, column.type)
    digits, scale = _size(column.type)
    total = f"DECIMAL({min(_MOST_DIGITS, digits + 10)},{scale})" if scale is not None else "BIGINT"
    if description.weight is not None:
        share = bind(catalogue, schema, part, description.weight)
        value = f"to_cents(CAST({column.sql} AS DOUBLE) * CAST({share.sql} AS DOUBLE))"
        return Aggregate(source, name, value, f"CAST(SUM({row}) AS DECIMAL(28,2))", "DECIMAL(28,2)")
    match description.aggregator:
        case "count_distinct":
            return Aggregate(source, name, column.sql, f"COUNT(DISTINCT {row})", "BIGINT")
        case "avg":
            mean = f"CAST(SUM({row}) AS DOUBLE) / NULLIF(CAST(COUNT({row}) AS DOUBLE), 0e0)"
            return Aggregate(source, name, column.sql, mean, "DOUBLE")
        case "median":
            # Whole numbers: the mean of two decimals would have other digits in each engine.
            power = 10 ** (scale or 0)
            whole = f"CAST({row} * {power} AS BIGINT)" if scale else f"CAST({row} AS BIGINT)"
            middle = f"MEDIAN({whole})" + (f" / {power}e0" if scale else "")
            return Aggregate(source, name, column.sql, middle, "DOUBLE")
        case "quantile":
            share = description.quantile
            assert share is not None
            counted, of = share.as_integer_ratio()
            least = f"MIN(CASE WHEN {row} IS NOT NULL AND r.place * {of} >= r.n * {counted} THEN {row} END)"
            return Aggregate(source, name, column.sql, least, column.type, ranked=True)
        case "days_since":
            days = f"days_between(MIN({row}), MAX(r.business_date))"
            return Aggregate(source, name, f"CAST({column.sql} AS DATE)", days, "INTEGER", against_today=True)
        case _:
            return Aggregate(source, name, column.sql, f"CAST(SUM({row}) AS {total})", total)


def divided(numerator: Aggregate, denominator: Aggregate, unit: str) -> str:
    """The ratio of two sums in a table `m`: where the first has no rows it is 0, where the second has none, missing."""
    above = f"CAST(COALESCE({numerator.result}, CAST(0 AS {numerator.type})) AS DOUBLE)"
    times = " * 100e0" if unit == "%" else ""
    return f"{above}{times} / NULLIF(CAST({denominator.result} AS DOUBLE), 0e0)"


def _size(kind: str) -> tuple[int, int | None]:
    """Digits and scale of a DECIMAL type; the scale of any other is None."""
    found = re.fullmatch(r"DECIMAL\((\d+),\s*(\d+)\)", kind)
    return (int(found[1]), int(found[2])) if found else (0, None)


def _check_type(part: Metric, aggregator: Aggregator, kind: str) -> None:
    exact = kind in _WHOLE or kind.startswith("DECIMAL")
    fits = {
        "count_distinct": kind != "DOUBLE",
        "days_since": kind in ("DATE", "TIMESTAMP"),
        "quantile": exact or kind == "DOUBLE",
    }.get(aggregator, exact)
    if not fits:
        raise SettingsError(
            f"{aggregator} cannot take {part.description.column}, which is of type {kind}",
            where=part.at("column"),
            cure="sums, averages and medians need an exact number: BIGINT, INTEGER or DECIMAL"
            if aggregator != "days_since"
            else "days_since needs a DATE or a TIMESTAMP",
        )
