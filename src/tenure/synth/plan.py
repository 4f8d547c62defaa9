"""What bank to make: its size, its window of months and its seed."""

import calendar
from dataclasses import dataclass
from datetime import date
from enum import IntEnum

import numpy as np

from tenure.core.errors import UsageError

_LEAST_MONTHS, _MOST_MONTHS = 24, 60
_LEAST_CUSTOMERS, _MOST_CUSTOMERS = 50, 50_000_000
_MOST_DIRT = 0.2
_BEFORE_WINDOW = 1000
"""Added to a month's index, so that months before the window have a stream of random numbers too."""


@dataclass(frozen=True)
class BankPlan:
    """One bank; equal plans give equal bytes.

    `customers`: how many are ever seen in the window, those who left included. `months`: length of the
    window. `end`: last day of its last month, the business date. `dirty_share`: share of each file's
    records that is soiled. Raises `UsageError` for a bank that cannot be made.
    """

    customers: int = 20_000
    months: int = 24
    end: date = date(2025, 9, 30)
    seed: int = 1
    dirty_share: float = 0.002

    def __post_init__(self) -> None:
        """Refuse what cannot be generated."""
        if not _LEAST_CUSTOMERS <= self.customers <= _MOST_CUSTOMERS:
            raise UsageError(
                f"a bank of {self.customers} customers cannot be made",
                cure=f"give between {_LEAST_CUSTOMERS} and {_MOST_CUSTOMERS} customers",
            )
        if not _LEAST_MONTHS <= self.months <= _MOST_MONTHS:
            raise UsageError(
                f"a window of {self.months} months cannot be made",
                cure=f"give between {_LEAST_MONTHS} and {_MOST_MONTHS} months",
            )
        last = calendar.monthrange(self.end.year, self.end.month)[1]
        if self.end.day != last:
            raise UsageError(
                f"{self.end} is not the last day of a month", cure=f"give {self.end.replace(day=last)} as the end"
            )
        if self.seed < 0:
            raise UsageError(f"seed {self.seed} is negative", cure="give a seed of 0 or more")
        if not 0 <= self.dirty_share <= _MOST_DIRT:
            raise UsageError(
                f"a dirty share of {self.dirty_share} cannot be made", cure=f"give a share between 0 and {_MOST_DIRT}"
            )

    @property
    def regime_month(self) -> int:
        """Index of the first month under the changed market: three quarters into the window."""
        return -(-3 * self.months // 4)


@dataclass(frozen=True)
class Month:
    """One calendar month; `index` counts from the first month of the window, before it negative."""

    index: int
    year: int
    number: int
    changed_market: bool

    @property
    def start(self) -> int:
        """Its first day, in days since 1970-01-01."""
        return date(self.year, self.number, 1).toordinal() - _EPOCH

    @property
    def end(self) -> int:
        """Its last day, in days since 1970-01-01."""
        return date(self.year, self.number, calendar.monthrange(self.year, self.number)[1]).toordinal() - _EPOCH

    @property
    def label(self) -> str:
        """As it stands in file names: 2025-09."""
        return f"{self.year:04d}-{self.number:02d}"


_EPOCH = date(1970, 1, 1).toordinal()


def month_of(plan: BankPlan, index: int) -> Month:
    """The month `index` of a plan's window; it may lie before or after it."""
    count = plan.end.year * 12 + plan.end.month - 1 - (plan.months - 1) + index
    return Month(index, count // 12, count % 12 + 1, index >= plan.regime_month)


class Stream(IntEnum):
    """Independent streams of random numbers: what is drawn from one never shifts another."""

    POPULATION = 0
    DYNAMICS = 1
    TICKETS = 2
    OFFERS = 3
    TRANSACTIONS = 4
    DIRT = 5
    CONTINUATION = 6


def generator(seed: int, stream: Stream, month: int = 0, part: int = 0) -> np.random.Generator:
    """The random numbers of one stream in one month (and part of it)."""
    sequence = np.random.SeedSequence(seed, spawn_key=(int(stream), month + _BEFORE_WINDOW, part))
    return np.random.Generator(np.random.PCG64(sequence))
