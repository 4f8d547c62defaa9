"""Reports written by hand, with the columns that the real ones have (so that no test invents a column)."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from tenure.serve.answers import Answer, ReleaseFacts
from tenure.warehouse.reports import ReportColumn, ReportResult, Value, read_report

NOW = datetime(2025, 10, 2, 9, 0)


def report(name: str, rows: Sequence[Mapping[str, Value]], finding: str = "") -> ReportResult:
    """A result of a real report with these values; what a row does not name is NULL."""
    description, sql = read_report(name)
    columns = tuple(
        ReportColumn(column, column.replace("_", " "), entry.unit, entry.decimals, entry.description)
        for column, entry in description.columns.items()
    )
    unknown = {key for row in rows for key in row} - set(description.columns)
    assert not unknown, f"{name} has no column {unknown}"
    values = tuple(tuple(row.get(column) for column in description.columns) for row in rows)
    return ReportResult(name, description.title, description.description, columns, values, finding, sql, "000001-ab")


def month(name: str, **changes: Value) -> dict[str, Value]:
    """A month of `key_figures` in which nothing is special."""
    row: dict[str, Value] = {
        "month": name,
        "total_customers": 1000,
        "churned_customers": 100,
        "churned_share_percentage": 10.0,
        "active_at_start": 900,
        "left_in_month": 9,
        "churn_rate_percentage": 1.0,
        "total_balance": 5_000_000.0,
        "avg_balance": 5000.0,
        "avg_clv": 400.0,
        "total_clv": 400_000.0,
        "products_per_customer": 2.0,
        "offers_made": 50,
        "offers_accepted": 10,
        "offer_acceptance_percentage": 20.0,
        "avg_resolution_time_hrs": 12.0,
    }
    return row | changes


def source(entity: str, **changes: Value) -> dict[str, Value]:
    """A source of `data_quality` without a fault."""
    row: dict[str, Value] = {
        "source": entity,
        "entity": entity,
        "loads": 1,
        "records_in": 1000,
        "loaded": 1000,
        "quarantined": 0,
        "duplicates": 0,
        "last_load_at": datetime(2025, 10, 2, 8, 57),
        "last_business_date": date(2025, 10, 2),
    }
    return row | changes


def group(geography: str | None, age_group: str, total: int, churned: int, name: str = "2025-09") -> dict[str, Value]:
    """A group of `churn_by_geography_age`."""
    return {
        "month": name,
        "geography": geography,
        "age_group": age_group,
        "total_customers": total,
        "churned_customers": churned,
        "churn_rate_percentage": round(churned / total * 100, 2),
    }


ENTITIES = ("customers", "usage", "offers", "tickets", "transactions")


def answer(
    months: Sequence[Mapping[str, Value]],
    *,
    business_date: date = date(2025, 9, 30),
    groups: Sequence[Mapping[str, Value]] = (),
    balances: Sequence[Mapping[str, Value]] = (),
    segments: Sequence[Mapping[str, Value]] = (),
    sources: Sequence[Mapping[str, Value]] = tuple(source(entity) for entity in ENTITIES),
) -> Answer:
    """The reports of the overview, all from one release."""
    results = (
        report("key_figures", months, "The finding of the key figures."),
        report("churn_by_geography_age", groups, "The finding of the groups."),
        report("balance_by_geography", balances, "The finding of the balances."),
        report("balance_by_segment", segments, "The finding of the segments."),
        report("data_quality", sources, "The finding of the sources."),
    )
    facts = ReleaseFacts("000001-ab", datetime(2025, 10, 2, 8, 57), business_date, "USD", 30)
    return Answer(facts, {result.name: result for result in results})
