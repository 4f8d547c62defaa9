"""The key figures: one card a figure, with its change against the month before and its course."""

import calendar
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date

from tenure.serve.formats import (
    MINUS,
    MISSING,
    NARROW,
    as_number,
    hours,
    month_before,
    month_name,
    month_start,
    number,
    percentage,
    short_money,
)
from tenure.serve.sparkline import Sparkline, sparkline
from tenure.serve.tables import Record
from tenure.serve.wording import missing_hint

# The months that the page shows: two years let the eye compare a season with the one before.
MONTHS = 24


@dataclass(frozen=True)
class Change:
    """The difference from the month before: `+0.12 pp`, the month compared with, and whether that is good news."""

    text: str
    direction: str  # up, down, level
    verdict: str  # good, bad, neutral
    since: str


@dataclass(frozen=True)
class Card:
    """One key figure as it is printed; `hint` says what to do when there is no value."""

    key: str
    title: str
    value: str
    period: str
    note: str | None
    change: Change | None
    sparkline: Sparkline | None
    hint: str | None


@dataclass(frozen=True)
class _Figure:
    """How one figure of the report becomes a card.

    `flow` figures describe what happened during a month: a month that is not over is not comparable.
    `better` is the direction that is good news. `needs` is the entity without which the figure means nothing.
    """

    column: str
    title: str
    show: Callable[[object], str]
    change: str  # percent, points or hours
    better: str
    flow: bool
    needs: str
    note: Callable[[Record], str | None]


def cards(months: Sequence[Record], business_date: date, currency: str, delivered: Collection[str]) -> tuple[Card, ...]:
    """The eight cards from `key_figures` (one record a month, oldest first); none when there is no month.

    `delivered` are the entities that have any record: without usage, a balance of 0 is not a figure but a gap.
    """
    shown = list(months[-MONTHS:])
    if not shown:
        return ()
    return tuple(_card(figure, shown, business_date, figure.needs in delivered) for figure in _figures(currency))


def running_month(months: Sequence[Record], business_date: date) -> str | None:
    """The last month when the business date lies before its end: what happened in it is not all known yet."""
    if not months:
        return None
    month = str(months[-1]["month"])
    start = month_start(month)
    if start is None or (business_date.year, business_date.month) != (start.year, start.month):
        return None
    return month if business_date.day < calendar.monthrange(start.year, start.month)[1] else None


def _figures(currency: str) -> tuple[_Figure, ...]:
    def money(value: object) -> str:
        return short_money(value, currency)

    def counted(part: str, whole: str, words: str) -> Callable[[Record], str | None]:
        def note(month: Record) -> str | None:
            if as_number(month[part]) is None or not as_number(month[whole]):
                return None
            return words.format(number(month[part]), number(month[whole]))

        return note

    return (
        _Figure("total_customers", "Customers", number, "percent", "up", False, "customers",
                counted("churned_customers", "total_customers", "{0} of them churned")),
        _Figure("churned_share_percentage", "Churned share", percentage, "points", "down", False, "customers",
                lambda _: "churned ÷ all customers; reports print it as churn rate"),
        _Figure("churn_rate_percentage", "Churn rate in the month", lambda v: percentage(v, 2), "points", "down", True,
                "customers", counted("left_in_month", "active_at_start", "{0} left of {1} active at its start")),
        _Figure("avg_clv", "Average lifetime value", money, "percent", "up", False, "usage",
                lambda _: "formula, not fitted"),
        _Figure("total_balance", "Total balance", money, "percent", "up", False, "usage",
                counted("avg_balance", "total_customers", f"{currency}{NARROW}{{0}} a customer")),
        _Figure("products_per_customer", "Products a customer", lambda v: number(v, 2), "percent", "up", False, "usage",
                lambda _: None),
        _Figure("offer_acceptance_percentage", "Offers accepted", percentage, "points", "up", False, "offers",
                counted("offers_accepted", "offers_made", "{0} of {1} made so far")),
        _Figure("avg_resolution_time_hrs", "Time to resolve a ticket", hours, "hours", "down", True, "tickets",
                lambda _: "tickets raised in the month"),
    )  # fmt: skip


def _card(figure: _Figure, months: Sequence[Record], business_date: date, delivered: bool) -> Card:
    running = running_month(months, business_date)
    # A running month's flow would be compared with a whole one: the last whole month is shown, if there is one.
    complete = months[:-1] if figure.flow and running and len(months) > 1 else months
    last = complete[-1]
    month = str(last["month"])
    unfinished = figure.flow and month == running
    known = delivered and as_number(last[figure.column]) is not None
    if not known:
        hint = _no_value(figure, month) if delivered else missing_hint(figure.needs)
        return Card(figure.column, figure.title, MISSING, month_name(month), None, None, None, hint)
    return Card(
        key=figure.column,
        title=figure.title,
        value=figure.show(last[figure.column]),
        period=month_name(month) + (" so far" if unfinished else ""),
        note=figure.note(last),
        change=None if unfinished else _change(figure, complete),
        sparkline=sparkline([as_number(record[figure.column]) for record in complete]),
        hint=None,
    )


def _no_value(figure: _Figure, month: str) -> str:
    if figure.column == "churn_rate_percentage":
        return "a rate needs the customers of the month before"
    return f"none in {month_name(month)}"


def _change(figure: _Figure, months: Sequence[Record]) -> Change | None:
    if len(months) < 2 or months[-2]["month"] != month_before(str(months[-1]["month"])):
        return None
    now, before = as_number(months[-1][figure.column]), as_number(months[-2][figure.column])
    if now is None or before is None or (figure.change == "percent" and before <= 0):
        return None
    difference = (now / before - 1) * 100 if figure.change == "percent" else now - before
    unit, decimals = {"percent": ("%", 1), "points": ("pp", 2), "hours": ("h", 1)}[figure.change]
    since = month_name(str(months[-2]["month"]))
    rounded = round(difference, decimals)
    if rounded == 0:
        return Change("no change", "level", "neutral", since)
    direction = "up" if rounded > 0 else "down"
    sign = "+" if rounded > 0 else MINUS
    verdict = "good" if direction == figure.better else "bad"
    return Change(f"{sign}{number(abs(rounded), decimals)}{NARROW}{unit}", direction, verdict, since)
