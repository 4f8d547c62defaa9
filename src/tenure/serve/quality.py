"""What arrived and what was turned away: the strip under the charts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from tenure.serve.formats import MISSING, age, as_number, day, number, percentage
from tenure.serve.tables import Computed, Record, Table, computed, records, table
from tenure.warehouse.reports import ReportResult


@dataclass(frozen=True)
class SourceLine:
    """One source: how much came, how much is in quarantine, how fresh it is."""

    name: str
    entity: str
    loaded: str
    quarantined: str
    share: str
    dirty: bool
    fresh: str


@dataclass(frozen=True)
class Quality:
    """All sources, and the account over all of them in one sentence."""

    sentence: str
    cure: str | None
    sources: tuple[SourceLine, ...]
    table: Table
    computed: Computed


def quality(result: ReportResult, now: datetime) -> Quality:
    """The strip from the report `data_quality`, one record a source; `now` is UTC."""
    rows = records(result)
    return Quality(
        _sentence(rows),
        "See them with: tenure quarantine list" if _sum(rows, "quarantined") else None,
        tuple(_line(row, now) for row in rows),
        table(result),
        computed(result),
    )


def delivered(result: ReportResult) -> frozenset[str]:
    """The entities that have any loaded record."""
    return frozenset(str(row["entity"]) for row in records(result) if as_number(row["loaded"]))


def _line(row: Record, now: datetime) -> SourceLine:
    came, turned_away = as_number(row["records_in"]) or 0, as_number(row["quarantined"]) or 0
    return SourceLine(
        str(row["source"]),
        str(row["entity"]),
        number(row["loaded"]),
        number(row["quarantined"]),
        _share(turned_away, came),
        turned_away > 0,
        _freshness(row["last_load_at"], now),
    )


def _freshness(value: object, now: datetime) -> str:
    if isinstance(value, datetime):
        return age(now - value.replace(tzinfo=None))
    if isinstance(value, date):
        return day(value)
    return "never"


def _sentence(rows: Sequence[Record]) -> str:
    if not rows:
        return "No source has delivered anything yet."
    came, away = _sum(rows, "records_in"), _sum(rows, "quarantined")
    sources = "1 source" if len(rows) == 1 else f"{len(rows)} sources"
    if not away:
        return f"{number(came)} records from {sources}, none in quarantine."
    are = "is" if away == 1 else "are"
    return f"{number(away)} of {number(came)} records from {sources} {are} in quarantine ({_share(away, came)})."


def _share(part: float, whole: float) -> str:
    """A share in per cent; a share that is there is never printed as 0."""
    if not whole:
        return MISSING
    share = part / whole * 100
    return f"under {percentage(0.01, 2)}" if 0 < share < 0.01 else percentage(share, 2)


def _sum(rows: Sequence[Record], column: str) -> int:
    return sum(int(as_number(row[column]) or 0) for row in rows)
