"""The reference case as a project: twenty customers whose printed results must always come out right."""

import csv
import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path

from tenure.cli.demo import make_project
from tenure.core.settings import Project, open_project

SEED = Path(__file__).parent / "data" / "seed_case"
FILES = ("customers.csv", "customer_support_tickets.csv", "offers.csv", "usage.json")
BUSINESS_DATE = date(2025, 10, 2)


def make_reference_project(folder: Path) -> Project:
    """A project of the bank template with the files of the reference case in its landing folder."""
    make_project(folder, "bank")
    for name in FILES:
        shutil.copy(SEED / name, folder / "landing" / name)
    return open_project(folder)


def expected(report: str) -> list[dict[str, str]]:
    """The printed rows of a report."""
    with (SEED / "expected" / f"{report}.csv").open(newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def comparable(value: object) -> str:
    """A cell as text in which 24500, 24500.0 and 24500.00 are the same."""
    try:
        return format(Decimal(str(value)).normalize(), "f")
    except ArithmeticError:
        return str(value)
