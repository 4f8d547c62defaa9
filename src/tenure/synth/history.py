"""The bank through its window: who is there in each month, and what happens to them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tenure.synth.columns import Ints, joined, take
from tenure.synth.dynamics import Outcome, advance
from tenure.synth.parameters import TRUE_PARAMETERS, Parameters
from tenure.synth.plan import BankPlan, Month, Stream, generator, month_of
from tenure.synth.population import Traits, draw_traits
from tenure.synth.state import State, draw_state

_POOL = 1.7
"""Candidates for each customer of the start: about a quarter leave while the bank is burnt in."""
_MEAN_TENURE_MONTHS, _LONGEST_TENURE_MONTHS = 45.0, 144.0
_DAYS_PER_MONTH = 30.4375


@dataclass(frozen=True)
class Cast:
    """All customers who are ever there, in the order of opening: the customer in row r has the id r + 1.

    The first `founders` of them are there when the window starts, in the state `start`; the others
    start in the state of their row when they open.
    """

    traits: Traits
    start: State
    founders: int


@dataclass(frozen=True)
class MonthOfBank:
    """One month: `members` are the rows (in the cast) of the customers there in it, as in `outcome`."""

    month: Month
    members: Ints
    outcome: Outcome


def cast_of(plan: BankPlan, parameters: Parameters = TRUE_PARAMETERS) -> Cast:
    """Draw everyone who is ever there.

    The customers of the start are the survivors of a burn-in, so that who is left of the older
    cohorts is already a selection, as in a real bank, and the first months are like the others.
    """
    rng = generator(plan.seed, Stream.POPULATION)
    window_start = month_of(plan, 0).start
    wanted = round(plan.customers / (1 + parameters.joining_share * plan.months))
    pool, state = _burnt_in(plan, parameters, round(_POOL * wanted), rng)
    chosen = np.arange(min(wanted, pool.size))
    chosen = chosen[np.argsort(pool.opened[chosen], kind="stable")]
    opened = _openings(plan, plan.customers - len(chosen), rng)
    joiners = draw_traits(parameters, opened, window_start, rng)
    fresh = draw_state(parameters, joiners, month_of(plan, 0), rng)
    return Cast(joined(take(pool, chosen), joiners), joined(take(state, chosen), fresh), len(chosen))


def months_of(plan: BankPlan, cast: Cast, parameters: Parameters = TRUE_PARAMETERS) -> Iterator[MonthOfBank]:
    """The months of the window, each with its own random numbers."""
    members, state = np.arange(cast.founders), take(cast.start, np.arange(cast.founders))
    arrived = cast.founders
    for index in range(plan.months):
        month = month_of(plan, index)
        after = int(np.searchsorted(cast.traits.opened[cast.founders :], month.end, side="right")) + cast.founders
        arrivals = np.arange(arrived, after)
        members = np.concatenate([members, arrivals])
        state = joined(state, take(cast.start, arrivals))
        arrived = after
        rng = generator(plan.seed, Stream.DYNAMICS, index)
        outcome = advance(parameters, take(cast.traits, members), state, month, rng)
        yield MonthOfBank(month, members, outcome)
        staying = np.flatnonzero(~outcome.leaves)
        members, state = members[staying], take(outcome.state, staying)


def _burnt_in(plan: BankPlan, parameters: Parameters, size: int, rng: np.random.Generator) -> tuple[Traits, State]:
    first, window = month_of(plan, -parameters.burn_in_months), month_of(plan, 0)
    tenure = np.minimum(rng.exponential(_MEAN_TENURE_MONTHS, size), _LONGEST_TENURE_MONTHS * rng.random(size) ** 0.1)
    opened = np.floor(window.start - 1 - _DAYS_PER_MONTH * tenure).astype(np.int64)
    traits = draw_traits(parameters, opened, window.start, rng)
    state = draw_state(parameters, traits, first, rng)
    for index in range(-parameters.burn_in_months, 0):
        month = month_of(plan, index)
        here = np.flatnonzero(traits.opened <= month.end)
        waiting = np.flatnonzero(traits.opened > month.end)
        draws = generator(plan.seed, Stream.DYNAMICS, index)
        outcome = advance(parameters, take(traits, here), take(state, here), month, draws)
        staying = np.flatnonzero(~outcome.leaves)
        order = np.concatenate([here[staying], waiting])
        state = joined(take(outcome.state, staying), take(state, waiting))
        traits = take(traits, order)
    shuffled = rng.permutation(traits.size)
    return take(traits, shuffled), take(state, shuffled)


def _openings(plan: BankPlan, size: int, rng: np.random.Generator) -> Ints:
    """Days of opening within the window, in order; autumn brings more, and the bank grows a little."""
    months = [month_of(plan, index) for index in range(plan.months)]
    weight = np.asarray([1 + 0.25 * np.cos(2 * np.pi * (m.number - 9) / 12) + 0.01 * m.index for m in months])
    chosen = rng.choice(plan.months, size, p=weight / weight.sum())
    starts, ends = np.asarray([m.start for m in months]), np.asarray([m.end for m in months])
    return np.sort(rng.integers(starts[chosen], ends[chosen] + 1))
