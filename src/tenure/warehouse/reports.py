"""Named analyses: one SQL file each, with what its columns mean and the sentence that states its finding."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from importlib.resources import files
from typing import Literal

from pydantic import BaseModel, ConfigDict

from tenure.core.errors import UsageError
from tenure.core.wording import alike
from tenure.warehouse.models import parse_yml
from tenure.warehouse.releases import OpenRelease
from tenure.warehouse.report_filters import (
    MISSING,
    Filter,
    check_filters,
    narrowed,
    on_customers,
    on_rows,
    wanted_values,
)

Value = str | int | float | Decimal | date | bool | None


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ReportColumnDescription(_Strict):
    """What a column of a report means; `decimals` is how many are printed."""

    description: str
    unit: str | None = None
    decimals: int | None = None


class Finding(_Strict):
    """How the headline is chosen.

    It is the row whose `measure` is highest (or lowest) among those whose `size` reaches the minimum
    group, of the newest value of `latest`. `only` names the values that its columns may have; where there are
    rows but none with these values or with a measure, the finding is the sentence `otherwise`.
    """

    measure: str
    best: Literal["highest", "lowest"]
    size: str | None = None
    latest: str | None = None
    only: dict[str, tuple[str, ...]] = {}
    sentence: str
    otherwise: str | None = None


class ReportDescription(_Strict):
    """The yml beside a report's SQL. `filters` are the columns that `--where` may name."""

    title: str
    description: str
    filters: tuple[str, ...] = ()
    columns: dict[str, ReportColumnDescription]
    finding: Finding


@dataclass(frozen=True)
class ReportColumn:
    """A column of a report's result."""

    name: str
    title: str
    unit: str | None
    decimals: int | None
    description: str


@dataclass(frozen=True)
class ReportResult:
    """A report's answer from one release; numbers with `decimals` are rounded half up, exactly once, here."""

    name: str
    title: str
    description: str
    columns: tuple[ReportColumn, ...]
    rows: tuple[tuple[Value, ...], ...]
    finding: str
    sql: str
    release: str
    filters: tuple[Filter, ...] = ()


@cache
def report_names() -> list[str]:
    """All reports, by name."""
    folder = files("tenure.warehouse") / "sql" / "reports"
    return sorted(entry.name.removesuffix(".yml") for entry in folder.iterdir() if entry.name.endswith(".yml"))


@cache
def read_report(name: str) -> tuple[ReportDescription, str]:
    """A report's description and SQL; raises `UsageError` for a name that does not exist."""
    if name not in report_names():
        raise UsageError(
            f"there is no report {name}",
            cure=f"{alike(name, report_names(), 3)}the reports are {', '.join(report_names())}",
        )
    folder = files("tenure.warehouse") / "sql" / "reports"
    where = f"warehouse/sql/reports/{name}.yml"
    description = parse_yml(ReportDescription, (folder / f"{name}.yml").read_text(encoding="utf-8"), where)
    return description, (folder / f"{name}.sql").read_text(encoding="utf-8")


def run_report(release: OpenRelease, name: str, filters: Sequence[Filter] = ()) -> ReportResult:
    """The answer of a report from an open release, about the customers and rows that the filters keep.

    Raises `UsageError` for a filter that the report does not allow.
    """
    description, sql = read_report(name)
    check_filters(filters, description.filters, name)
    kept = on_customers(filters)
    of_customers = [
        table.name for table in release.manifest.tables if any(column.name == "customer_id" for column in table.columns)
    ]
    table = release.engine.query(narrowed(sql.rstrip().rstrip(";"), of_customers, kept), **wanted_values(kept))
    currency = release.manifest.currency
    columns = tuple(
        ReportColumn(
            column,
            column.replace("_percentage", "").replace("_", " "),
            currency if entry.unit == "currency" else entry.unit,
            entry.decimals,
            entry.description,
        )
        for column, entry in description.columns.items()
    )
    decimals = {column.name: column.decimals for column in columns}
    rows = tuple(
        tuple(rounded(value, decimals[column]) for column, value in row.items())
        for row in table.select(list(decimals)).to_pylist()
        if all(str(row[entry.column]) in entry.values for entry in on_rows(filters))
    )
    sentence = state_finding(description.finding, tuple(decimals), rows, release.minimum_group, currency, columns)
    if filters:
        sentence = f"{sentence if rows else 'No row is left.'} Filter: {'; '.join(map(str, filters))}."
    return ReportResult(
        name,
        description.title,
        description.description.strip(),
        columns,
        rows,
        sentence,
        sql,
        release.id,
        tuple(filters),
    )


def unmatched(release: OpenRelease, name: str, filters: Sequence[Filter]) -> dict[Filter, tuple[str, ...]]:
    """Filters with a value that nothing has, each with the values there are."""
    found: dict[Filter, tuple[str, ...]] = {}
    for entry in filters:
        if on_customers([entry]):
            column = f"COALESCE(CAST({entry.column} AS STRING), '{MISSING}')"
            table = release.query(f"SELECT DISTINCT {column} AS known FROM dim_customer")
            known = {str(value) for value in table["known"].to_pylist()}
        else:
            everything = run_report(release, name)
            position = [column.name for column in everything.columns].index(entry.column)
            known = {str(row[position]) for row in everything.rows}
        if not known.issuperset(entry.values):
            found[entry] = tuple(sorted(known))
    return found


def rounded(value: Value, decimals: int | None) -> Value:
    """A number rounded half up by its shortest decimal text, so that 1.005 becomes 1.01 on any engine."""
    if decimals is None or value is None or isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return value
    exact = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    result = exact.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)
    return float(result) if isinstance(value, float) else result


def state_finding(
    finding: Finding,
    names: tuple[str, ...],
    rows: tuple[tuple[Value, ...], ...],
    minimum: int,
    currency: str,
    columns: tuple[ReportColumn, ...],
) -> str:
    """The sentence that states a report's finding, with its n.

    Groups below `minimum` make the headline only when no group is larger, and the sentence says so.
    """
    records = [dict(zip(names, row, strict=True)) for row in rows]
    records = [record for record in records if record[finding.measure] is not None]
    if not records:
        nothing = "There are no rows yet: nothing that this report needs has been loaded."
        return (finding.otherwise or nothing) if rows else nothing
    if finding.latest:
        newest = max(str(record[finding.latest]) for record in records)
        records = [record for record in records if str(record[finding.latest]) == newest]
    records = [
        record for record in records if all(str(record[column]) in values for column, values in finding.only.items())
    ]
    if not records:
        return finding.otherwise or "No row can be a finding."
    large = [record for record in records if finding.size is None or _number(record[finding.size]) >= minimum]
    sign = 1 if finding.best == "highest" else -1

    def rank(record: dict[str, Value]) -> tuple[Decimal, Decimal]:
        return sign * _number(record[finding.measure]), _number(record[finding.size] if finding.size else 0)

    best = max(large or records, key=rank)
    units = {column.name: column.unit for column in columns}
    words = {name: _printed(value, units[name] == currency, currency) for name, value in best.items()}
    sentence = re.sub(r"\{(\w+)\}", lambda found: words[found[1]], finding.sentence)
    if large:
        return sentence
    return f"{sentence} No group reaches {minimum}, so read this as a hint, not as a finding."


def _number(value: Value) -> Decimal:
    return Decimal(str(value)) if isinstance(value, int | float | Decimal) else Decimal(0)


def _printed(value: Value, money: bool, currency: str) -> str:
    if isinstance(value, bool) or value is None or isinstance(value, str | date):
        return str(value)
    text = f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"
    return f"{text} {currency}" if money else text
