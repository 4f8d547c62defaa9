"""The transactions of a month: kinds, channels and amounts by product."""

import numpy as np

from tenure.synth.columns import Floats, Ints
from tenure.synth.history import Cast, MonthOfBank
from tenure.synth.parameters import PRODUCTS, Products
from tenure.synth.records import DAY, Stay, moments_within
from tenure.synth.text import Sheet, Text, csv_lines, integers, moments, money, words

KINDS = ("purchase", "refund", "fee", "interest", "transfer")
_FEE, _REFUND = KINDS.index("fee"), KINDS.index("refund")
CHANNELS = ("Mobile", "Online", "Card", "Branch", "ATM")

_USE = np.asarray((1.0, 3.0, 3.0, 0.5, 0.1))
"""How much more often one product than another is booked on, by product."""
_KIND = np.asarray(
    (
        (0.00, 0.00, 0.00, 0.35, 0.65),  # Savings
        (0.62, 0.04, 0.00, 0.00, 0.34),  # Current
        (0.92, 0.08, 0.00, 0.00, 0.00),  # Credit Card
        (0.00, 0.00, 0.00, 0.70, 0.30),  # Personal Loan
        (0.00, 0.00, 0.00, 0.80, 0.20),  # Fixed Deposit
    )
)
"""Shares of the kinds other than fees, by product."""
_CHANNEL = np.asarray((0.34, 0.22, 0.26, 0.08, 0.10))
_CHANNEL_CHANGED = np.asarray((0.47, 0.20, 0.22, 0.04, 0.07))
_MEDIAN = np.asarray((38.0, 30.0, 0.0, 11.0, 210.0))
_SPREAD = np.asarray((0.8, 0.8, 0.4, 0.5, 0.7))
_WEALTH_SHOWS = 0.5
_MOST = 99_999_99


def transactions_sheet(
    bank: MonthOfBank, cast: Cast, stay: Stay, products: Products, first_id: int, rng: np.random.Generator
) -> Sheet:
    """The bookings of the month, in order of time; a refund is negative, every other amount positive.

    A customer who leaves books only up to the day of closing.
    """
    owner = np.repeat(np.arange(len(bank.members)), bank.outcome.transactions)
    at = moments_within(stay.first[owner], np.full(len(owner), bank.month.end), rng)
    kept = np.flatnonzero(at // DAY <= stay.last[owner])
    kept = kept[np.argsort(at[kept], kind="stable")]
    owner, at = owner[kept], at[kept]
    product = _chosen(_USE * bank.outcome.state.held, owner, rng)
    kind = _chosen(_KIND, product, rng)
    kind[rng.random(len(owner)) < products.fee_share] = _FEE
    channel = rng.choice(len(CHANNELS), len(owner), p=_CHANNEL_CHANGED if bank.month.changed_market else _CHANNEL)
    amount = _amounts(kind, cast.traits.wealth[bank.members[owner]], products, rng)

    def lines(start: int, stop: int) -> Text:
        part = slice(start, stop)
        return csv_lines(
            [
                integers(np.arange(first_id + start, first_id + stop)),
                integers(bank.members[owner[part]] + 1),
                moments(at[part]),
                money(amount[part]),
                words(KINDS, kind[part]),
                words(CHANNELS, channel[part]),
                words(PRODUCTS, product[part]),
            ]
        )

    return Sheet(len(owner), lines, first_id + len(owner))


def _chosen(weights: Floats, row: Ints, rng: np.random.Generator) -> Ints:
    """For each entry of `row` a column, drawn in proportion to the weights of that row."""
    cumulative = np.cumsum(weights, axis=1)
    target = rng.random(len(row)) * cumulative[row, -1]
    chosen = np.zeros(len(row), np.int64)
    for column in range(weights.shape[1] - 1):
        chosen += target >= cumulative[row, column]
    return chosen


def _amounts(kind: Ints, wealth: Floats, products: Products, rng: np.random.Generator) -> Ints:
    """Hundredths of the currency; the mean of a fee is `fee_mean` for everyone."""
    spread = _SPREAD[kind]
    median = np.where(
        kind == _FEE,
        products.fee_mean * np.exp(-0.5 * spread**2),
        _MEDIAN[kind] * np.exp(_WEALTH_SHOWS * wealth),
    )
    hundredths = np.rint(100 * median * np.exp(spread * rng.standard_normal(len(kind)))).astype(np.int64)
    return np.clip(hundredths, 1, _MOST) * np.where(kind == _REFUND, -1, 1)
