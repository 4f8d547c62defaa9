"""A bank that has grown: a year of dated events, monthly customer files, text ids, attributes and awkward values."""

import csv
import json
import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random

from tenure.cli.demo import make_project
from tenure.core.settings import Project, open_project

BUSINESS_DATE = date(2025, 10, 2)
CUSTOMERS = 120
_EVENTS = 400
_NAMES = ("Zoë", "Ömer ", " Łukasz", "محمد", "O'Brien", 'Ann "A", B', "李", "")
_PLACES = ("Egypt", "UAE", "Côte d'Ivoire", " Qatar ", "")
_MORE_SOURCES = {
    "accounts": """\
source: accounts
entity: accounts
kind: csv
path: landing/accounts*.csv
key: [account_id, customer_id]
columns:
  account_id: {type: string, required: true}
  customer_id: {type: string, required: true}
  role: {type: string}
  product_type: {type: string}
  date_opened: {type: date}
  date_closed: {type: date}
  currency: {type: string}
  branch: {type: string}
""",
    "fx_rates": """\
source: fx_rates
entity: fx_rates
kind: csv
path: landing/fx_rates*.csv
key: [currency, rate_date]
columns:
  currency: {type: string, required: true}
  rate_date: {type: date, required: true}
  rate: {type: "decimal(18,8)", required: true}
""",
}
_MONTHS = ((2025, 6), (2025, 7), (2025, 8), (2025, 9))


def make_grown_project(folder: Path) -> Project:
    """A project of the bank template whose customers have text ids and three attributes, with its files in place."""
    make_project(folder, "bank")
    for contract in (folder / "sources").glob("*.yml"):
        text = re.sub(r"customer_id: \{type: integer", "customer_id: {type: string", contract.read_text("utf-8"))
        if contract.stem == "customers":
            text += "  date_closed: {type: date}\n"
            text += "  vip: {type: boolean}\n  income: {type: 'decimal(18,4)'}\n  risk: {type: number}\n"
        contract.write_text(text, "utf-8")
    for source, text in _MORE_SOURCES.items():
        (folder / "sources" / f"{source}.yml").write_text(text, "utf-8")
    landing, chance = folder / "landing", Random(7)
    for place, (year, month) in enumerate(_MONTHS):
        write_records(
            landing / f"customers_{year}-{month:02d}.csv", customers(chance, joined=CUSTOMERS - 40 + 10 * place)
        )
    write_records(landing / "offers.csv", offers(chance))
    write_records(landing / "customer_support_tickets.csv", tickets(chance))
    write_records(landing / "transactions.csv", transactions(chance))
    write_records(landing / "accounts.csv", accounts())
    write_records(landing / "fx_rates.csv", rates())
    lines = (json.dumps(record, ensure_ascii=False) for record in usage(chance))
    (landing / "usage.json").write_text("\n".join(lines) + "\n", "utf-8")
    return open_project(folder)


def write_records(file: Path, records: Iterable[dict[str, object]]) -> None:
    """A CSV file of the records."""
    rows = list(records)
    with file.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _day(chance: Random) -> date:
    return date(2024, 9, 15) + timedelta(days=chance.randrange(380))


def _moment(chance: Random) -> str:
    moment = datetime.combine(_day(chance), datetime.min.time()) + timedelta(seconds=chance.randrange(86_400))
    return moment.isoformat(sep=" ") + chance.choice(("", ".5", ".123456"))


def _owner(chance: Random) -> str:
    return f"C-{chance.randrange(CUSTOMERS):04d}"


def _money(chance: Random) -> str:
    return f"{chance.choice((1, 1, 1, -1)) * chance.randrange(10 ** chance.randrange(1, 10)) / 100:.2f}"


def customers(chance: Random, *, joined: int) -> Iterable[dict[str, object]]:
    """All customers who had joined by some month, in their order."""
    for number in range(joined):
        yield {
            "customer_id": f"C-{number:04d}",
            "first_name": _NAMES[number % len(_NAMES)],
            "last_name": f"Sample{number}",
            "age": "" if number % 11 == 0 else 15 + number % 70,
            "gender": ("Female", "Male", "")[number % 3],
            "geography": _PLACES[(number + chance.randrange(20) // 19) % len(_PLACES)],
            "is_active": 0 if chance.random() < 0.1 else 1,
            "tenure_months": "" if number % 7 == 0 else number % 90,
            "date_opened": "" if number % 13 == 0 else date(2019, 1, 31) + timedelta(days=17 * number),
            "date_closed": date(2025, 6, 15) + timedelta(days=9 * number % 130) if number % 9 == 0 else "",
            "vip": ("true", "false", "")[number % 3],
            "income": f"{number * 1234.5678:.4f}",
            "risk": ("0.1", "1e-5", "123456789012345680000", "")[number % 4],
        }


def accounts() -> Iterable[dict[str, object]]:
    """Accounts, every other of them held by two."""
    for number in range(CUSTOMERS):
        for holder in range(1 + number % 2):
            yield {
                "account_id": f"A{number // 2:05d}",
                "customer_id": f"C-{(number + holder) % CUSTOMERS:04d}",
                "role": (" owner", "joint", "")[(number + holder) % 3],
                "product_type": ("Savings", "Current", "")[number % 3],
                "date_opened": date(2019, 1, 31) + timedelta(days=17 * number),
                "date_closed": BUSINESS_DATE + timedelta(days=number - 100) if number % 5 == 0 else "",
                "currency": ("USD", "EUR", "")[number % 3],
                "branch": _PLACES[number % len(_PLACES)],
            }


def rates() -> Iterable[dict[str, object]]:
    """Two currencies, day by day."""
    for number in range(400):
        day = date(2024, 9, 1) + timedelta(days=number)
        yield {"currency": "EUR", "rate_date": day, "rate": f"1.{10_000_000 + 12_345 * number % 999_999}"}
        yield {"currency": "AED", "rate_date": day, "rate": "0.27229408"}


def offers(chance: Random) -> Iterable[dict[str, object]]:
    """Offers with and without an answer and a date."""
    for number in range(_EVENTS):
        yield {
            "offer_id": number,
            "customer_id": _owner(chance),
            "offer_type": chance.choice(("Cashback", "Loan", "Ünsecured")),
            "accepted": chance.choice(("1", "0", "")),
            "date_offered": chance.choice((_day(chance), _day(chance), "")),
        }


def tickets(chance: Random) -> Iterable[dict[str, object]]:
    """Support tickets, some without a time."""
    for number in range(_EVENTS):
        yield {
            "ticket_id": number,
            "customer_id": _owner(chance),
            "issue_type": chance.choice(("Login Issue", "Card Blocked", "ATM Failure")),
            "severity": chance.choice(("Low", "Medium", "High", "")),
            "resolution_time_hrs": chance.choice(("", f"{chance.randrange(10_000) / 100:.2f}")),
            "opened_at": chance.choice((_moment(chance), _moment(chance), "")),
        }


def transactions(chance: Random) -> Iterable[dict[str, object]]:
    """Bookings."""
    for number in range(_EVENTS):
        yield {
            "transaction_id": number,
            "customer_id": _owner(chance),
            "transaction_at": _moment(chance),
            "amount": _money(chance),
            "kind": chance.choice(("purchase", "refund", "fee", "interest", "transfer", "")),
            "channel": chance.choice(("app", "branch", "")),
            "product_type": chance.choice(("Savings", "Current", "")),
        }


def usage(chance: Random) -> Iterable[dict[str, object]]:
    """Usage logs, some without a balance or a date."""
    for number in range(2 * _EVENTS):
        yield {
            "usage_log_id": number,
            "customer_id": _owner(chance),
            "product_type": chance.choice(("Savings", "Current", "Credit Card")),
            "monthly_balance": chance.choice((None, float(_money(chance)), float(_money(chance)))),
            "num_products": chance.choice((None, 0, 1, 2, 5)),
            "usage_date": chance.choice((None, _day(chance).isoformat(), _day(chance).isoformat())),
        }
