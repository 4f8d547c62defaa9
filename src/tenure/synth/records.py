"""The records of a month, as the bank's systems would export them."""

from dataclasses import dataclass

import numpy as np

from tenure.synth.columns import Bools, Floats, Ints
from tenure.synth.dynamics import NO_CAMPAIGN
from tenure.synth.history import Cast, MonthOfBank
from tenure.synth.parameters import GEOGRAPHIES, OFFER_TYPES, PRODUCTS, SEVERITIES
from tenure.synth.people import People
from tenure.synth.population import age_on, months_since
from tenure.synth.text import Sheet, csv_lines, days, integers, json_lines, money, moments, words

DAY = 86_400

HEADERS: dict[str, tuple[str, ...]] = {
    "customers": (
        "customer_id", "first_name", "last_name", "age", "gender", "geography", "is_active", "tenure_months",
        "date_opened",
    ),
    "tickets": ("ticket_id", "customer_id", "issue_type", "severity", "resolution_time_hrs", "opened_at"),
    "offers": ("offer_id", "customer_id", "offer_type", "accepted", "date_offered"),
    "usage": ("usage_log_id", "customer_id", "product_type", "monthly_balance", "num_products", "usage_date"),
    "transactions": (
        "transaction_id", "customer_id", "transaction_at", "amount", "kind", "channel", "product_type",
    ),
}  # fmt: skip

_ISSUES: dict[str, tuple[str, ...]] = {
    "Low": ("Login Issue", "Password Reset", "Statement Request", "KYC Update", "Loan Inquiry", "App Freeze"),
    "Medium": ("Payment Delay", "App Crash", "ATM Failure", "Cheque Issue", "Loan Delay", "Card Declined"),
    "High": ("Card Blocked", "Account Locked", "Transfer Error", "Card Lost", "Double Deduction", "Mobile Token Fail"),
}
_ISSUE_SHARE = (0.30, 0.24, 0.18, 0.12, 0.09, 0.07)
_ISSUE_NAMES = [issue for severity in SEVERITIES for issue in _ISSUES[severity]]


@dataclass(frozen=True)
class Stay:
    """For each member of a month: the first and the last day on which something can happen."""

    first: Ints
    last: Ints


def stay_of(bank: MonthOfBank, cast: Cast, closed: Ints) -> Stay:
    """From the opening, if it lies in the month, to the closing, if it does."""
    opened = cast.traits.opened[bank.members]
    return Stay(np.maximum(opened, bank.month.start), np.minimum(closed[bank.members], bank.month.end))


def closing_days(bank: MonthOfBank, closed: Ints, rng: np.random.Generator) -> Ints:
    """`closed`, with the day on which each of the month's leavers closes."""
    leavers = bank.members[bank.outcome.leaves]
    after = closed.copy()
    after[leavers] = rng.integers(bank.month.start, bank.month.end + 1, len(leavers))
    return after


def customers_sheet(bank: MonthOfBank, cast: Cast, people: People, closed: Ints) -> Sheet:
    """Everyone who has opened by the end of the month, those who left included."""
    end = bank.month.end
    known = int(np.searchsorted(cast.traits.opened[cast.founders :], end, side="right")) + cast.founders
    traits = cast.traits
    age = age_on(traits, end)
    active = closed > end
    tenure = months_since(traits.opened, np.minimum(closed, end))

    def lines(start: int, stop: int):  # noqa: ANN202 - see Sheet.lines
        part = slice(start, stop)
        return csv_lines(
            [
                integers(np.arange(start + 1, stop + 1)),
                words(people.first_names, people.first[part]),
                words(people.families, people.last[part]),
                integers(age[part]),
                words(("Male", "Female"), traits.female[part]),
                words(GEOGRAPHIES, traits.geography[part]),
                words(("0", "1"), active[part]),
                integers(tenure[part]),
                days(traits.opened[part]),
            ]
        )

    return Sheet(known, lines, known + 1)
