"""The grown bank, and what is delivered to it later: late records, corrections, moves, deletes and returns of keys."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from random import Random

from tenure.core.settings import Project, open_project
from tenure.pipeline import run_build, run_ingest
from tenure.warehouse.runner import BuildRequest
from tests.engines import grown_bank
from tests.engines.grown_bank import BUSINESS_DATE, make_grown_project, write_records

_KEYLESS = ("customer_id", "transaction_at", "amount", "kind", "channel", "product_type")
_LARGE_BOOKING = """\
description: Bookings of some size, a model of the project.
grain: one booking
kind: partitioned
partition: activity_date
follows: {fact_customer_activity: transaction_id}
key: [transaction_id]
columns:
  transaction_id: {type: id, description: The booking}
  customer_id: {type: id, description: Whose it is}
  activity_date: {type: DATE, description: When it happened}
  amount: {type: "DECIMAL(18,2)", unit: currency, description: How much}
tests: [{not_null: amount}]
"""
_ACTIVE_CUSTOMER = """\
description: Customers with events, and what the bank knows of them alone, a model of the project.
grain: one customer
kind: full
key: [customer_id]
columns:
  customer_id: {type: id, description: The customer}
  vip: {type: BOOLEAN, description: Whether the bank says so}
  bookings: {type: BIGINT, description: Large bookings}
"""


@dataclass(frozen=True)
class Step:
    """A day on which files arrive; `deliver` puts them in place."""

    name: str
    business_date: date
    deliver: Callable[[Project], None]

    def take(self, project: Project) -> None:
        """Deliver and ingest; every file must be taken."""
        self.deliver(project)
        refused = {outcome.reason for outcome in run_ingest(project, self.business_date).outcomes} - {"", None}
        assert not refused, refused


def make_growing_project(folder: Path) -> Project:
    """The grown bank with customers in whole snapshots, bookings without a key and two models of its own."""
    project = make_grown_project(folder)
    customers, bookings = (project.sources / f"{source}.yml" for source in ("customers", "transactions"))
    snapshot = "key: [customer_id]\nmode: snapshot\nmax_deleted_share: 1.0\n"
    customers.write_text(customers.read_text("utf-8").replace("key: [customer_id]\n", snapshot), "utf-8")
    text = bookings.read_text("utf-8").replace("key: [transaction_id]", "keyless: true")
    bookings.write_text(text.replace("  transaction_id: {type: integer, required: true}\n", ""), "utf-8")
    records = grown_bank.transactions(Random(7))
    write_records(project.root / "landing" / "transactions.csv", (_without_key(record) for record in records))
    (project.root / "landing" / "customers_2025-09.csv").unlink()
    (project.root / "models").mkdir()
    _write_model(project, "large_booking", _LARGE_BOOKING, _large_booking(least=1000))
    _write_model(project, "active_customer", _ACTIVE_CUSTOMER, _active_customer())
    return open_project(folder)


def steps() -> tuple[Step, ...]:
    """What happens after the first build, in order: two deliveries, then nothing new."""
    return (
        Step("first", BUSINESS_DATE, lambda project: None),
        Step("same month", BUSINESS_DATE + timedelta(days=3), _same_month),
        Step("next month", date(2025, 11, 2), _next_month),
    )


def grow(folder: Path) -> Project:
    """A growing project with a release for each step, built on DuckDB."""
    project = make_growing_project(folder)
    for step in steps():
        step.take(project)
        run_build(project, BuildRequest(step.name, step.business_date))
    return project


def _same_month(project: Project) -> None:
    """Customers who are gone, and records new, corrected, late, moved to other months, doubled and of strangers."""
    landing, chance = project.root / "landing", Random(8)
    write_records(landing / "customers_2025-09.csv", _snapshot(chance, gone=lambda number: number % 17 == 5))
    write_records(landing / "offers_2.csv", _again(grown_bank.offers(chance), "offer_id", 1000))
    tickets = _again(grown_bank.tickets(chance), "ticket_id", 1000)
    write_records(landing / "customer_support_tickets_2.csv", tickets)
    bookings = [_without_key(record) for record in grown_bank.transactions(chance)][:30]
    write_records(landing / "transactions_2.csv", [*bookings, bookings[0], {**bookings[1], "customer_id": "C-0999"}])
    logs = [*_again(grown_bank.usage(chance), "usage_log_id", 1000)]
    logs[0]["customer_id"] = "C-0999"
    _write_lines(landing / "usage_2.json", logs)
    write_records(landing / "accounts_2.csv", _closed(grown_bank.accounts()))


def _next_month(project: Project) -> None:
    """Customers who are back or gone anew, an older snapshot, a corrected rate, a new column, another SQL."""
    landing, chance = project.root / "landing", Random(9)
    write_records(landing / "customers_2025-10.csv", _snapshot(chance, gone=lambda number: number % 19 == 3))
    write_records(landing / "customers_2025-05.csv", _snapshot(chance, gone=lambda number: number > 40))
    write_records(landing / "fx_rates_2.csv", [{"currency": "EUR", "rate_date": "2025-09-30", "rate": "1.17000001"}])
    contract = project.sources / "offers.yml"
    contract.write_text(contract.read_text("utf-8").rstrip() + "\n  campaign: {type: string}\n", "utf-8")
    offers = _again(grown_bank.offers(chance), "offer_id", 2000)
    write_records(landing / "offers_3.csv", ({**record, "campaign": "spring"} for record in offers))
    _write_lines(landing / "usage_3.json", _again(grown_bank.usage(chance), "usage_log_id", 2000))
    _write_model(project, "large_booking", _LARGE_BOOKING, _large_booking(least=500))


def _again(records: Iterable[dict[str, object]], key: str, first: int) -> Iterable[dict[str, object]]:
    """Other contents for some keys that are known, and some keys that are new."""
    for number, record in enumerate(records):
        if number < 20:
            yield record
        elif number < 40:
            yield {**record, key: first + number}


def _snapshot(chance: Random, *, gone: Callable[[int], bool]) -> Iterable[dict[str, object]]:
    customers = enumerate(grown_bank.customers(chance, joined=grown_bank.CUSTOMERS))
    return (record for number, record in customers if not gone(number))


def _closed(accounts: Iterable[dict[str, object]]) -> Iterable[dict[str, object]]:
    return [{**record, "date_closed": BUSINESS_DATE} for record in accounts][:10]


def _without_key(record: dict[str, object]) -> dict[str, object]:
    return {name: record[name] for name in _KEYLESS}


def _write_lines(file: Path, records: Iterable[dict[str, object]]) -> None:
    file.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), "utf-8")


def _write_model(project: Project, name: str, yml: str, sql: str) -> None:
    (project.root / "models" / f"{name}.yml").write_text(yml, "utf-8")
    (project.root / "models" / f"{name}.sql").write_text(sql, "utf-8")


def _large_booking(least: int) -> str:
    return (
        "SELECT transaction_id, customer_id, activity_date, amount FROM fact_customer_activity\n"
        f"WHERE activity_type = 'transaction' AND ABS(amount) >= {least}\n"
    )


def _active_customer() -> str:
    return (
        "SELECT c.customer_id, c.vip, COUNT(b.transaction_id) AS bookings FROM dim_customer AS c\n"
        "LEFT JOIN large_booking AS b ON b.customer_id = c.customer_id GROUP BY c.customer_id, c.vip\n"
    )
