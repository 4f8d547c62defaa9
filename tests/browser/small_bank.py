"""600 customers over seven months, as files of the bank template: large groups, small ones, a hostile name."""

import calendar
import csv
import json
import random
from collections.abc import Iterable
from datetime import date
from pathlib import Path

MONTHS = ("2025-03", "2025-04", "2025-05", "2025-06", "2025-07", "2025-08", "2025-09")
BUSINESS_DATE = date(2025, 9, 30)
HOSTILE = '<b title="x">Oman</b>'
GEOGRAPHIES = ("UAE", "Kuwait", "Saudi Arabia", HOSTILE)
CUSTOMERS = 600
_SMALL = 20  # this many customers live in the last geography
_PRODUCTS = ("Savings", "Current", "Credit Card")


def write_small_bank(landing: Path) -> None:
    """Write the files; the same bytes each time. One usage record breaks its contract."""
    chance = random.Random(5)
    left: set[int] = set()
    for month in MONTHS:
        left |= {number for number in range(1, CUSTOMERS + 1) if chance.random() < 0.015}
        rows = (_customer(number, number not in left) for number in range(1, CUSTOMERS + 1))
        header = "customer_id first_name last_name age gender geography is_active tenure_months date_opened"
        _write_csv(landing / f"customers_{month}.csv", header, rows)
    records = [
        {
            "usage_log_id": 100_000 * at + number,
            "customer_id": number,
            "product_type": _PRODUCTS[number % 3],
            "monthly_balance": "much" if (at, number) == (0, 7) else chance.randrange(500, 40_000),
            "num_products": 1 + number % 3,
            "usage_date": f"{month}-10",
        }
        for at, month in enumerate(MONTHS)
        for number in range(1, CUSTOMERS + 1)
    ]
    (landing / "usage.json").write_text("".join(f"{json.dumps(record)}\n" for record in records), encoding="utf-8")
    offers = ((n, n, "Cashback", int(chance.random() < 0.4), _day(MONTHS[n % 7], chance)) for n in range(1, 300))
    _write_csv(landing / "offers.csv", "offer_id customer_id offer_type accepted date_offered", offers)
    tickets = (
        (n, n, "Card Lost", "High", chance.randrange(1, 60), f"{_day(MONTHS[n % 7], chance)} 09:00:00")
        for n in range(1, 200)
    )
    header = "ticket_id customer_id issue_type severity resolution_time_hrs opened_at"
    _write_csv(landing / "customer_support_tickets.csv", header, tickets)


def _customer(number: int, active: bool) -> tuple[object, ...]:
    place = HOSTILE if number <= _SMALL else GEOGRAPHIES[number % 3]
    age = (24, 38, 52, 70)[number // 3 % 4]
    return number, f"First{number}", f"Last{number}", age, "Female", place, int(active), 24, "2020-05-04"


def _day(month: str, chance: random.Random) -> str:
    year, number = map(int, month.split("-"))
    return f"{month}-{chance.randint(1, calendar.monthrange(year, number)[1]):02}"


def _write_csv(path: Path, header: str, rows: Iterable[Iterable[object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(header.split())
        writer.writerows(rows)
