"""The panels of the overview: what each chart shows, what it says in words, and the table behind it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from tenure.serve.cards import MONTHS, running_month
from tenure.serve.formats import as_number, month_name, number, percentage, short_money, short_number
from tenure.serve.matrix import Matrix, matrix
from tenure.serve.tables import Computed, Record, Table, computed, narrowed, records, table
from tenure.serve.wording import missing_hint, small_groups
from tenure.warehouse.reports import ReportResult

_ROWS_BEHIND = 200
_CHURN_COLUMNS = (
    "month",
    "active_at_start",
    "left_in_month",
    "churn_rate_percentage",
    "total_customers",
    "churned_customers",
    "churned_share_percentage",
)


@dataclass(frozen=True)
class Chart:
    """What the browser draws: `kind` names the drawing, `spec` is its data, `summary` says it in words."""

    kind: str
    spec: Mapping[str, object]
    summary: str


@dataclass(frozen=True)
class Panel:
    """One part of the page. With neither chart nor matrix, `note` says why and what to do."""

    key: str
    title: str
    about: str
    finding: str
    chart: Chart | None
    matrix: Matrix | None
    note: str | None
    table: Table
    computed: Computed


def churn_by_month(key_figures: ReportResult, business_date: date) -> Panel:
    """Churn rate as a line over the customers who left as bars, up to 24 months."""
    months = records(key_figures)[-MONTHS:]
    known = [month for month in months if as_number(month["churn_rate_percentage"]) is not None]
    running = running_month(months, business_date)
    note = None
    if len(known) < 2:
        note = _too_short(len(months))
    elif running:
        note = f"{month_name(running)} is not over: its last point shows what is known so far."
    return Panel(
        "churn-by-month",
        "Churn by month",
        "Customers who left in the month ÷ customers active at its start.",
        key_figures.finding,
        _rate_chart(months, running) if len(known) > 1 else None,
        None,
        note,
        table(narrowed(key_figures, _CHURN_COLUMNS)),
        computed(key_figures),
    )


def churn_map(groups: ReportResult, minimum: int) -> Panel:
    """Churned share by geography and age group, in the latest month of the report."""
    rows = records(groups)
    month = max((str(row["month"]) for row in rows), default="")
    latest = [row for row in rows if row["month"] == month]
    drawn = matrix(
        latest,
        value="churn_rate_percentage",
        size="total_customers",
        minimum=minimum,
        show=percentage,
        caption=f"Churned share and number of customers by geography and age group, {month_name(month)}",
    )
    return Panel(
        "churn-map",
        f"Churned share by geography and age, {month_name(month)}" if month else "Churned share by geography and age",
        "Churned ÷ all customers of the group; the report prints it as churn rate.",
        groups.finding,
        None,
        drawn,
        small_groups(list(drawn.sizes), minimum) if drawn else missing_hint("customers"),
        table(groups, _ROWS_BEHIND),
        computed(groups),
    )


def balance_by_geography(balances: ReportResult, minimum: int, currency: str, *, delivered: bool) -> Panel:
    """Average balance by geography as bars, largest first; nothing but a hint when no usage was `delivered`."""
    known = [row for row in records(balances) if delivered and as_number(row["avg_balance"]) is not None]
    known.sort(key=lambda row: as_number(row["avg_balance"]) or 0.0, reverse=True)
    return Panel(
        "balance-by-geography",
        "Average balance by geography",
        f"In {currency}, a customer.",
        balances.finding if known else "",
        _balance_chart(known, minimum, currency) if known else None,
        None,
        small_groups([_count(row) for row in known], minimum) if known else missing_hint("usage"),
        table(balances, _ROWS_BEHIND),
        computed(balances),
    )


def balance_by_segment(segments: ReportResult, minimum: int, currency: str, *, delivered: bool) -> Panel:
    """Average balance by geography and age group; nothing but a hint when no usage was `delivered`."""
    known = [row for row in records(segments) if delivered and as_number(row["avg_balance"]) is not None]
    drawn = matrix(
        known,
        value="avg_balance",
        size="customers",
        minimum=minimum,
        show=short_number,
        caption=f"Average balance in {currency} and number of customers by geography and age group",
    )
    return Panel(
        "balance-by-segment",
        "Average balance by segment",
        f"In {currency}, a customer; a segment is a geography and an age group.",
        segments.finding if known else "",
        None,
        drawn,
        small_groups(list(drawn.sizes), minimum) if drawn else missing_hint("usage"),
        table(segments, _ROWS_BEHIND),
        computed(segments),
    )


def _rate_chart(months: Sequence[Record], running: str | None) -> Chart:
    rates = [as_number(month["churn_rate_percentage"]) for month in months]
    names = [month_name(str(month["month"])) for month in months]
    known = [(rate, name) for rate, name in zip(rates, names, strict=True) if rate is not None]
    low, high = min(known), max(known)
    summary = (
        f"Churn rate by month, {names[0]} to {names[-1]}: lowest {percentage(low[0], 2)} in {low[1]}, "
        f"highest {percentage(high[0], 2)} in {high[1]}, last {percentage(known[-1][0], 2)} in {known[-1][1]}."
    )
    spec = {
        "months": names,
        "rates": rates,
        "left": [as_number(month["left_in_month"]) for month in months],
        "active": [as_number(month["active_at_start"]) for month in months],
        "running": running is not None,
    }
    return Chart("churn-rate", spec, summary)


def _balance_chart(rows: Sequence[Record], minimum: int, currency: str) -> Chart:
    bars = [
        {
            "name": str(row["geography"]),
            "value": as_number(row["avg_balance"]),
            "label": short_number(row["avg_balance"]),
            "average": short_money(row["avg_balance"], currency),
            "total": short_money(row["total_balance"], currency),
            "size": number(row["customers"]),
            "small": _count(row) < minimum,
        }
        for row in rows
    ]
    parts = "; ".join(f"{bar['name']} {bar['average']} (n {bar['size']})" for bar in bars)
    return Chart("balances", {"bars": bars, "minimum": minimum}, f"Average balance by geography: {parts}.")


def _count(row: Record) -> int:
    return int(as_number(row["customers"]) or 0)


def _too_short(months: int) -> str:
    if months == 0:
        return missing_hint("customers")
    return (
        "A line over time needs two months with a churn rate, and a rate needs the month before. "
        "Load the next month's files and run: tenure run --date DAY"
    )
