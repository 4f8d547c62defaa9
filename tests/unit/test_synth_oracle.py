"""The oracle of the synthetic bank: as hard a bank as intended, judged from the true state alone."""

import numpy as np
import pytest

from tenure.synth.bank import BankPlan
from tenure.synth.columns import Bools, Floats, take
from tenure.synth.history import Cast, MonthOfBank, cast_of, months_of
from tenure.synth.oracle import Expectation, Position, expectation, position_after
from tenure.synth.population import months_since

PLAN = BankPlan(customers=20_000, seed=2)
CUT_OFF = 13


@pytest.fixture(scope="module")
def bank() -> tuple[Cast, list[MonthOfBank]]:
    cast = cast_of(PLAN)
    return cast, list(months_of(PLAN, cast))


@pytest.fixture(scope="module")
def position(bank: tuple[Cast, list[MonthOfBank]]) -> Position:
    return position_after(bank[1][CUT_OFF])


@pytest.fixture(scope="module")
def expected(bank: tuple[Cast, list[MonthOfBank]], position: Position) -> Expectation:
    return expectation(PLAN, bank[0], position, horizon=3, draws=40)


def left_within(months: list[MonthOfBank], position: Position, horizon: int) -> Bools:
    ahead = months[position.index + 1 : position.index + 1 + horizon]
    return np.isin(position.members, np.concatenate([bank.members[bank.outcome.leaves] for bank in ahead]))


def auc(label: Bools, score: Floats) -> float:
    """P(a leaver has a higher score than a stayer), ties counted half."""
    _, place, count = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[place]
    events = label.sum()
    return float((rank[label].sum() - events * (events + 1) / 2) / (events * (len(label) - events)))


def test_the_oracle_expects_as_many_leavers_as_there_are(
    bank: tuple[Cast, list[MonthOfBank]], position: Position, expected: Expectation
) -> None:
    left = left_within(bank[1], position, 3)
    assert left.sum() == pytest.approx(expected.churn.sum(), abs=4 * np.sqrt(expected.churn.sum()))
    # Also among the fifth most and the fifth least at risk.
    order = np.argsort(expected.churn)
    fifth = len(order) // 5
    for rows in (order[:fifth], order[-fifth:]):
        assert left[rows].sum() == pytest.approx(
            expected.churn[rows].sum(), abs=4 * np.sqrt(expected.churn[rows].sum())
        )


def test_the_oracle_ranks_well_but_far_from_perfectly(
    bank: tuple[Cast, list[MonthOfBank]], position: Position, expected: Expectation
) -> None:
    assert 0.74 <= auc(left_within(bank[1], position, 3), expected.churn) <= 0.80


def test_no_single_thing_that_can_be_seen_gives_the_leavers_away(
    bank: tuple[Cast, list[MonthOfBank]], position: Position
) -> None:
    cast, months = bank
    left = left_within(months, position, 3)
    seen: dict[str, Floats] = {name: np.zeros(cast.traits.size) for name in ("transactions", "tickets", "offers")}
    for past in months[CUT_OFF - 2 : CUT_OFF + 1]:
        seen["transactions"][past.members] += past.outcome.transactions
        seen["tickets"][past.members] += np.bincount(past.outcome.tickets.owner, minlength=len(past.members))
        seen["offers"][past.members] += past.outcome.offers.campaign > 0
    features = {name: values[position.members] for name, values in seen.items()}
    features["balance"] = position.state.balance.sum(axis=1)
    features["products"] = position.state.held.sum(axis=1).astype(float)
    traits = take(cast.traits, position.members)
    features["tenure"] = months_since(traits.opened, months[CUT_OFF].month.end).astype(float)
    features["age"] = -traits.born.astype(float)
    areas = {name: auc(left, values) for name, values in features.items()}
    assert all(0.35 <= area <= 0.65 for area in areas.values()), areas
    assert max(abs(area - 0.5) for area in areas.values()) > 0.05


def test_continuations_know_the_state_and_not_the_future_that_came(
    bank: tuple[Cast, list[MonthOfBank]], position: Position
) -> None:
    cast, months = bank
    one = expectation(PLAN, cast, position, horizon=1, draws=30)
    came = months[CUT_OFF + 1]
    _, here, there = np.intersect1d(position.members, came.members, return_indices=True)
    realised = came.outcome.hazard[there]
    assert not np.allclose(one.churn[here], realised, rtol=0.01)
    assert one.churn.sum() == pytest.approx(realised.sum(), rel=0.05)
    again = expectation(PLAN, cast, position, horizon=1, draws=30)
    assert np.array_equal(one.churn, again.churn)


def test_margin_is_discounted_and_longer_horizons_bring_more(
    bank: tuple[Cast, list[MonthOfBank]], position: Position
) -> None:
    few = Position(position.index, position.members[:200], take(position.state, np.arange(200)))
    short, long, discounted = (
        expectation(PLAN, bank[0], few, horizon=horizon, draws=5, yearly_discount=rate)
        for horizon, rate in ((3, 0.0), (12, 0.0), (12, 0.1))
    )
    assert (long.margin > short.margin).all()
    assert (long.churn > short.churn).all()
    assert (discounted.margin < long.margin).all()
    assert (discounted.margin > long.margin / 1.1).all()
    assert np.array_equal(discounted.churn, long.churn)


def test_leaving_in_the_gap_does_not_count(bank: tuple[Cast, list[MonthOfBank]], position: Position) -> None:
    few = Position(position.index, position.members[:200], take(position.state, np.arange(200)))
    whole = expectation(PLAN, bank[0], few, horizon=4, draws=5)
    first = expectation(PLAN, bank[0], few, horizon=1, draws=5)
    rest = expectation(PLAN, bank[0], few, horizon=3, gap=1, draws=5)
    assert rest.churn == pytest.approx(whole.churn - first.churn)
