"""The records of a month other than bookings, as the bank's systems would export them."""

from dataclasses import dataclass

import numpy as np

from tenure.synth.columns import Ints
from tenure.synth.dynamics import NO_CAMPAIGN
from tenure.synth.history import Cast, MonthOfBank
from tenure.synth.parameters import GEOGRAPHIES, OFFER_TYPES, PRODUCTS, SEVERITIES
from tenure.synth.people import FIRST_NAMES, LAST_NAMES, People
from tenure.synth.population import age_on, months_since
from tenure.synth.text import Sheet, Text, csv_lines, days, integers, json_lines, moments, money, words

_COLUMNS = {
    "customers": "customer_id first_name last_name age gender geography is_active tenure_months date_opened",
    "tickets": "ticket_id customer_id issue_type severity resolution_time_hrs opened_at",
    "offers": "offer_id customer_id offer_type accepted date_offered",
    "usage": "usage_log_id customer_id product_type monthly_balance num_products usage_date",
    "transactions": "transaction_id customer_id transaction_at amount kind channel product_type",
}
HEADERS = {entity: tuple(columns.split()) for entity, columns in _COLUMNS.items()}
"""The columns of each kind of file, the key first."""

_ISSUES = (
    ("Login Issue", "Password Reset", "Statement Request", "KYC Update", "Loan Inquiry", "App Freeze"),
    ("Payment Delay", "App Crash", "ATM Failure", "Cheque Issue", "Loan Delay", "Card Declined"),
    ("Card Blocked", "Account Locked", "Transfer Error", "Card Lost", "Double Deduction", "Mobile Token Fail"),
)
"""What tickets of each severity are about, the commonest first."""
_ISSUE_SHARE = (0.30, 0.24, 0.18, 0.12, 0.09, 0.07)
_ALL_ISSUES = [issue for issues in _ISSUES for issue in issues]

DAY = 86_400
STILL_OPEN = 2**31 - 1
"""The day of closing of a customer who has not left."""
_OPENS, _BUSIEST, _CLOSES = 6.0 * 3600, 13.0 * 3600, 23.99 * 3600


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
    """`closed` (per row of the cast), with the day on which each of the month's leavers closes."""
    leavers = bank.members[bank.outcome.leaves]
    after = closed.copy()
    after[leavers] = rng.integers(bank.month.start, bank.month.end + 1, len(leavers))
    return after


def moments_within(first: Ints, last: Ints, rng: np.random.Generator) -> Ints:
    """A moment on a day from `first` to `last`, most of them around noon; seconds since 1970-01-01."""
    day = first + np.floor(rng.random(len(first)) * (last - first + 1)).astype(np.int64)
    return day * DAY + rng.triangular(_OPENS, _BUSIEST, _CLOSES, len(first)).astype(np.int64)


def customers_sheet(bank: MonthOfBank, cast: Cast, people: People, closed: Ints) -> Sheet:
    """Everyone who has opened by the end of the month, those who left included."""
    end, traits = bank.month.end, cast.traits
    present = int(np.searchsorted(traits.opened[cast.founders :], end, side="right")) + cast.founders
    age = age_on(traits, end)
    tenure = months_since(traits.opened, np.minimum(closed, end))

    def lines(start: int, stop: int) -> Text:
        part = slice(start, stop)
        return csv_lines(
            [
                integers(np.arange(start + 1, stop + 1)),
                words(FIRST_NAMES, people.first[part]),
                words(LAST_NAMES, people.last[part]),
                integers(age[part]),
                words(("Male", "Female"), traits.female[part]),
                words(GEOGRAPHIES, traits.geography[part]),
                words(("0", "1"), closed[part] > end),
                integers(tenure[part]),
                days(traits.opened[part]),
            ]
        )

    return Sheet(present, lines, present + 1)


def tickets_sheet(bank: MonthOfBank, stay: Stay, first_id: int, rng: np.random.Generator) -> Sheet:
    """The tickets opened in the month; one that is not resolved by its end has no hours yet."""
    tickets = bank.outcome.tickets
    opened = moments_within(stay.first[tickets.owner], stay.last[tickets.owner], rng)
    rank = rng.choice(len(_ISSUE_SHARE), len(opened), p=_ISSUE_SHARE)
    order = np.argsort(opened, kind="stable")
    opened, owner, severity = opened[order], tickets.owner[order], tickets.severity[order]
    issue = severity * len(_ISSUE_SHARE) + rank[order]
    hundredths = np.rint(tickets.hours[order] * 100).astype(np.int64)
    resolved = opened + hundredths * 36 < (bank.month.end + 1) * DAY

    def lines(start: int, stop: int) -> Text:
        part = slice(start, stop)
        return csv_lines(
            [
                integers(np.arange(first_id + start, first_id + stop)),
                integers(bank.members[owner[part]] + 1),
                words(_ALL_ISSUES, issue[part]),
                words(SEVERITIES, severity[part]),
                money(hundredths[part], resolved[part]),
                moments(opened[part]),
            ]
        )

    return Sheet(len(order), lines, first_id + len(order))


def offers_sheet(bank: MonthOfBank, stay: Stay, first_id: int, rng: np.random.Generator) -> Sheet:
    """The offers made in the month."""
    offers = bank.outcome.offers
    receiver = np.flatnonzero(offers.campaign != NO_CAMPAIGN)
    day = moments_within(stay.first[receiver], stay.last[receiver], rng) // DAY
    order = np.argsort(day, kind="stable")
    receiver, day = receiver[order], day[order]

    def lines(start: int, stop: int) -> Text:
        chosen = receiver[start:stop]
        return csv_lines(
            [
                integers(np.arange(first_id + start, first_id + stop)),
                integers(bank.members[chosen] + 1),
                words(OFFER_TYPES, offers.offered[chosen]),
                words(("0", "1"), offers.accepted[chosen]),
                days(day[start:stop]),
            ]
        )

    return Sheet(len(order), lines, first_id + len(order))


def usage_sheet(bank: MonthOfBank, first_id: int) -> Sheet:
    """The balance of every product that a customer holds at the end of the month."""
    state = bank.outcome.state
    holder, product = np.nonzero(state.held & ~bank.outcome.leaves[:, None])
    count = state.held.sum(axis=1)

    def lines(start: int, stop: int) -> Text:
        who, what = holder[start:stop], product[start:stop]
        return json_lines(
            [
                ("usage_log_id", integers(np.arange(first_id + start, first_id + stop)), False),
                ("customer_id", integers(bank.members[who] + 1), False),
                ("product_type", words(PRODUCTS, what), True),
                ("monthly_balance", money(np.rint(bank.outcome.balance[who, what] * 100).astype(np.int64)), False),
                ("num_products", integers(count[who]), False),
                ("usage_date", days(np.full(len(who), bank.month.end)), True),
            ]
        )

    return Sheet(len(holder), lines, first_id + len(holder))
