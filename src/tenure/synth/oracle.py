"""What could be known at best: the future of a bank simulated many times from its true state."""

from dataclasses import dataclass

import numpy as np

from tenure.synth.columns import Floats, Ints, take
from tenure.synth.dynamics import advance
from tenure.synth.history import Cast, MonthOfBank
from tenure.synth.parameters import TRUE_PARAMETERS, Parameters
from tenure.synth.plan import BankPlan, Stream, generator, month_of
from tenure.synth.state import State


@dataclass(frozen=True)
class Position:
    """The customers still there at the end of month `index`: their rows in the cast and their state."""

    index: int
    members: Ints
    state: State


@dataclass(frozen=True)
class Expectation:
    """For each customer of a position: `churn`, P(leaves in the window); `margin`, expected discounted margin."""

    churn: Floats
    margin: Floats


def position_after(month: MonthOfBank) -> Position:
    """Who is left at the end of a month, and in what state."""
    staying = np.flatnonzero(~month.outcome.leaves)
    return Position(month.month.index, month.members[staying], take(month.outcome.state, staying))


def expectation(
    plan: BankPlan,
    cast: Cast,
    position: Position,
    *,
    horizon: int,
    gap: int = 0,
    draws: int = 500,
    yearly_discount: float = 0.0,
    parameters: Parameters = TRUE_PARAMETERS,
) -> Expectation:
    """Average over `draws` simulated continuations of a position.

    `churn` is P(leaves in months gap + 1 … gap + horizon after the position); leaving in the gap does not
    count. `margin` is the sum over months 1 … gap + horizon of P(there at the end of the month) × margin,
    discounted by (1 + yearly_discount)^(months / 12). Leaving does not feed back into the state, so each
    continuation contributes its hazards rather than one draw from them; the variance is far lower.
    """
    traits = take(cast.traits, position.members)
    churn, margin = np.zeros(traits.size), np.zeros(traits.size)
    for draw in range(draws):
        state, there = position.state, np.ones(traits.size)
        for ahead in range(1, gap + horizon + 1):
            month = month_of(plan, position.index + ahead)
            rng = generator(plan.seed, Stream.CONTINUATION, month.index, draw)
            outcome = advance(parameters, traits, state, month, rng)
            if ahead > gap:
                churn += there * outcome.hazard
            there = there * (1 - outcome.hazard)
            margin += there * outcome.margin / (1 + yearly_discount) ** (ahead / 12)
            state = outcome.state
    return Expectation(churn / draws, margin / draws)
