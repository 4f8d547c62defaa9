"""A report's rows as a table of a page: texts, alignment and what each column means."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from tenure.serve.formats import MISSING, day, number
from tenure.warehouse.reports import ReportColumn, ReportResult

Record = dict[str, object]
_ABBREVIATIONS = {"clv": "CLV", "id": "ID"}


@dataclass(frozen=True)
class Heading:
    """A column of a table; `kind` is number (aligned right), short (never broken over two lines) or text."""

    name: str
    title: str
    unit: str | None
    description: str
    kind: str


@dataclass(frozen=True)
class Table:
    """Texts ready to print; `left_out` rows are in the CSV only."""

    caption: str
    headings: tuple[Heading, ...]
    rows: tuple[tuple[str, ...], ...]
    left_out: int


@dataclass(frozen=True)
class Computed:
    """How a report is computed: its definition, the SQL, and the release it was run on."""

    name: str
    description: str
    sql: str
    release: str


def records(result: ReportResult) -> list[Record]:
    """Each row as a mapping from column name to value."""
    names = [column.name for column in result.columns]
    return [dict(zip(names, row, strict=True)) for row in result.rows]


def narrowed(result: ReportResult, names: Sequence[str]) -> ReportResult:
    """The report with some of its columns, in the order named."""
    at = {column.name: position for position, column in enumerate(result.columns)}
    columns = tuple(result.columns[at[name]] for name in names)
    return replace(result, columns=columns, rows=tuple(tuple(row[at[name]] for name in names) for row in result.rows))


def table(result: ReportResult, limit: int | None = None) -> Table:
    """The report as a table of at most `limit` rows."""
    shown = result.rows if limit is None else result.rows[:limit]
    headings = tuple(_heading(column, (row[at] for row in result.rows)) for at, column in enumerate(result.columns))
    rows = tuple(tuple(cell(value, column) for value, column in zip(row, result.columns, strict=True)) for row in shown)
    return Table(result.title, headings, rows, len(result.rows) - len(shown))


def computed(result: ReportResult) -> Computed:
    """How the report is computed."""
    return Computed(result.name, result.description, result.sql.strip(), result.release)


def cell(value: object, column: ReportColumn) -> str:
    """One value as text: yes/no, 2 Oct 2025, 1,234.50; an en dash for NULL. Identifiers get no thousands mark."""
    if value is None:
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{day(value)} {value:%H:%M}"
    if isinstance(value, date):
        return day(value)
    if isinstance(value, int | float | Decimal):
        return str(value) if _is_identifier(column.name) else number(value, _decimals(value, column))
    return str(value)


def _decimals(value: float | Decimal, column: ReportColumn) -> int:
    if column.decimals is not None:
        return column.decimals
    if isinstance(value, Decimal):
        return max(0, -int(value.as_tuple().exponent)) if value.is_finite() else 0
    return 0 if isinstance(value, int) else 2


def _is_identifier(name: str) -> bool:
    return name == "id" or name.endswith("_id")


def _heading(column: ReportColumn, values: Iterable[object]) -> Heading:
    words = [_ABBREVIATIONS.get(word, word) for word in column.title.split()]
    title = " ".join(words)
    return Heading(
        column.name, title[:1].upper() + title[1:], column.unit, column.description, _kind(column.name, list(values))
    )


def _kind(name: str, values: Sequence[object]) -> str:
    present = [value for value in values if value is not None]
    if name == "month" or _is_identifier(name) or (present and all(isinstance(value, date) for value in present)):
        return "short"
    numeric = all(isinstance(value, int | float | Decimal) and not isinstance(value, bool) for value in present)
    return "number" if present and numeric else "text"
