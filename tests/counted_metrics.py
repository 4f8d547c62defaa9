"""Every metric once more, counted row by row in Python from a release's Parquet: what compiled SQL must agree with."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from tenure.core.settings import Project
from tenure.warehouse.store import ReleaseStore

Row = Mapping[str, Any]
Value = int | Fraction | Decimal | None
TABLES = ("fact_customer_metrics", "fact_customer_activity", "dim_customer", "dim_offer", "dim_support_ticket")
TABLES = (*TABLES, "dim_usage", "data_quality")


@dataclass(frozen=True)
class CountedBank:
    """The tables of a release as rows, and those that rows lead to by their key."""

    tables: Mapping[str, Sequence[Row]]
    found: Mapping[str, Mapping[Any, Row]]
    business_date: Any


def read_bank(project: Project) -> CountedBank:
    """The release in force."""
    store = ReleaseStore(project.warehouse)
    with store.reading() as name:
        manifest = store.manifest(name)
        tables = {
            table.name: [row for part in table.parts for row in _rows(store.folder / name / part.file)]
            for table in manifest.tables
            if table.name in TABLES
        }
    keys = {"dim_customer": "customer_id", "dim_offer": "offer_id", "dim_support_ticket": "ticket_id"}
    found = {table: {row[key]: row for row in tables[table]} for table, key in keys.items()}
    return CountedBank(tables, found, manifest.business_date)


def _rows(file: Path) -> list[dict[str, Any]]:
    return pq.read_table(file).to_pylist()


@dataclass(frozen=True)
class Rule:
    """The rows of a table that a metric is about, the rows of now if it is a state, and how they are counted."""

    table: str
    count: Callable[[Sequence[Row]], Value]
    keep: Callable[[Row], bool] = lambda row: True
    of_now: bool = False


@dataclass(frozen=True)
class PerCustomer:
    """What there is of something for each customer."""

    of: str


def _mean(values: Iterable[Any]) -> Value:
    known = [Fraction(value) for value in values if value is not None]
    return sum(known, Fraction(0)) / len(known) if known else None


def _share(part: int, whole: int) -> Value:
    return Fraction(100 * part, whole) if whole else None


def _total(values: Iterable[Any]) -> Value:
    known = [value for value in values if value is not None]
    return sum(known[1:], known[0]) if known else None


def _median(values: Iterable[Any]) -> Value:
    known = sorted(Fraction(value) for value in values if value is not None)
    middle = len(known) // 2
    if not known:
        return None
    return known[middle] if len(known) % 2 else (known[middle - 1] + known[middle]) / 2


def _ninetieth(values: Iterable[Any]) -> Value:
    known = sorted(value for value in values if value is not None)
    return known[math.ceil(len(known) * Fraction(9, 10)) - 1] if known else None


def _state(count: Callable[[Sequence[Row]], Value], keep: Callable[[Row], bool] = lambda row: True) -> Rule:
    return Rule("fact_customer_metrics", count, keep, of_now=True)


def _events(kind: str, count: Callable[[Sequence[Row]], Value], keep: Callable[[Row], bool] = lambda row: True) -> Rule:
    return Rule("fact_customer_activity", count, lambda row: row["activity_type"] == kind and keep(row))


def _number(name: str) -> Callable[[Row], bool]:
    return lambda row: bool(row[name])


RULES: Mapping[str, Rule | PerCustomer] = {
    "customers": _state(len),
    "churned_customers": _state(len, _number("is_churned")),
    "active_customers": _state(len, lambda row: not row["is_churned"]),
    "churned_share": _state(lambda rows: _share(sum(row["is_churned"] for row in rows), len(rows))),
    "active_share": _state(lambda rows: _share(sum(not row["is_churned"] for row in rows), len(rows))),
    "customers_at_start": _state(len, _number("active_at_start")),
    "customers_lost": _state(len, _number("churned_in_month")),
    "churn_rate": _state(
        lambda rows: _share(sum(row["churned_in_month"] for row in rows), sum(row["active_at_start"] for row in rows))
    ),
    "clv_total": _state(lambda rows: _total(row["clv"] for row in rows)),
    "clv_average": _state(lambda rows: _mean(row["clv"] for row in rows)),
    "clv_median": _state(lambda rows: _median(row["clv"] for row in rows)),
    "balance_total": _state(lambda rows: _total(row["total_balance"] for row in rows)),
    "balance_average": _state(lambda rows: _mean(row["total_balance"] for row in rows)),
    "products_per_customer": _state(lambda rows: _mean(row["num_products"] for row in rows)),
    "engagement": _state(lambda rows: _mean(row["engagement_score"] for row in rows)),
    "events": Rule("fact_customer_activity", len),
    "customers_with_events": Rule("fact_customer_activity", lambda rows: len({row["customer_id"] for row in rows})),
    "product_balance": Rule("dim_usage", lambda rows: _total(row["monthly_balance"] for row in rows), of_now=True),
    "product_users": Rule("dim_usage", lambda rows: len({row["customer_id"] for row in rows}), of_now=True),
    "transactions": _events("transaction", len),
    "transaction_amount": _events("transaction", lambda rows: _total(row["amount"] for row in rows)),
    "transactions_per_customer": PerCustomer("transactions"),
    "tickets": _events("ticket", len),
    "tickets_per_customer": PerCustomer("tickets"),
    "resolution_time_average": _events("ticket", lambda rows: _mean(row["resolution_time_hrs"] for row in rows)),
    "resolution_time_median": _events("ticket", lambda rows: _median(row["resolution_time_hrs"] for row in rows)),
    "resolution_time_p90": _events("ticket", lambda rows: _ninetieth(row["resolution_time_hrs"] for row in rows)),
    "offers_made": _events("offer", len),
    "offers_accepted": _events("offer", len, _number("accepted")),
    "offer_acceptance_rate": _events(
        "offer", lambda rows: _share(sum(row["accepted"] is True for row in rows), len(rows))
    ),
    "records_delivered": Rule("data_quality", lambda rows: _total(row["records_in"] for row in rows)),
    "records_quarantined": Rule("data_quality", lambda rows: _total(row["quarantined"] for row in rows)),
    "quarantined_share": Rule(
        "data_quality",
        lambda rows: _share(sum(row["quarantined"] for row in rows), sum(row["records_in"] for row in rows)),
    ),
}
"""All metrics that need neither a predictor nor today's date."""

_MONTHS = {"fact_customer_metrics": "month", "fact_customer_activity": "activity_date", "dim_usage": "period"}
_OF_CUSTOMER = {
    "geography": "geography",
    "age_group": "age_group",
    "age": "age",
    "gender": "gender",
    "segment": "segment",
    "churned": "is_churned",
}
_OF_OTHERS = {
    "issue_type": ("dim_support_ticket", "ticket_id"),
    "severity": ("dim_support_ticket", "ticket_id"),
    "offer_type": ("dim_offer", "offer_id"),
    "arm": ("dim_offer", "offer_id"),
}
_TYPED = {"age", "churned"}


def _dimension(bank: CountedBank, table: str, row: Row, name: str) -> object:
    if name == "month":
        return f"{row[_MONTHS[table]]:%Y-%m}"
    if name in _OF_CUSTOMER:
        value = bank.found["dim_customer"].get(row["customer_id"], {}).get(_OF_CUSTOMER[name])
    elif name in _OF_OTHERS:
        other, key = _OF_OTHERS[name]
        value = bank.found[other].get(row[key], {}).get(name)
    else:
        value = row[name]
    return value if name in _TYPED or value is not None else "unknown"


def counted(bank: CountedBank, metric: str, by: Sequence[str]) -> dict[tuple[object, ...], Value]:
    """A metric's value for every group that has rows."""
    rule = RULES[metric]
    if isinstance(rule, PerCustomer):
        things, customers = counted(bank, rule.of, by), counted(bank, "customers", by)
        return {
            group: Fraction(_whole(things.get(group, 0)), _whole(customers[group])) if group in customers else None
            for group in {**things, **customers}
        }
    groups: dict[tuple[object, ...], list[Row]] = {} if by else {(): []}
    for row in bank.tables[rule.table]:
        if rule.keep(row) and (not rule.of_now or "month" in by or row["is_current"]):
            groups.setdefault(tuple(_dimension(bank, rule.table, row, name) for name in by), []).append(row)
    return {group: rule.count(rows) for group, rows in groups.items()}


def _whole(value: Value) -> int:
    assert isinstance(value, int)
    return value
