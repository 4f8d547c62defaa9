"""What of a customer moves from month to month; together with the traits it decides the future."""

from dataclasses import dataclass

import numpy as np

from tenure.synth.columns import Bools, Floats
from tenure.synth.parameters import DEPOSITS, PRODUCTS, Parameters
from tenure.synth.plan import Month
from tenure.synth.population import Traits


@dataclass(frozen=True)
class State:
    """One row a customer, at the end of a month.

    `disengagement` x, `pressure` left by tickets, `goodwill` left by offers, `habit` (smoothed monthly
    transactions); `balance` and `held` are customers × products.
    """

    disengagement: Floats
    pressure: Floats
    goodwill: Floats
    habit: Floats
    balance: Floats
    held: Bools


def draw_state(parameters: Parameters, traits: Traits, month: Month, rng: np.random.Generator) -> State:
    """A first state, before `month`: those who open in it or later start fresh, others in mid-life."""
    size = traits.size
    fresh = traits.opened >= month.start
    spread = np.where(fresh, 0.6, 1.0) * rng.standard_normal(size)
    disengagement = traits.setpoint - parameters.latent.honeymoon * fresh + spread
    products = parameters.products
    chance = np.where(traits.saver[:, None], products.held_by_saver, products.held_by_transactor)
    draws = rng.random((size, len(PRODUCTS)))
    held = draws < chance
    # Everyone holds something: the product that came nearest to being held.
    held[np.arange(size), np.argmin(draws / chance, axis=1)] = True
    noise = 0.35 * rng.standard_normal((size, len(PRODUCTS)))
    begun = np.where(fresh, parameters.behaviour.balance_begins, 1.0)[:, None]
    return State(
        disengagement=disengagement,
        pressure=np.zeros(size),
        goodwill=np.where(fresh, 0.3, 0.0),
        habit=np.exp(traits.activity),
        balance=np.where(held, begun * np.exp(balance_level(parameters, traits, disengagement) + noise), 0.0),
        held=held,
    )


def balance_level(parameters: Parameters, traits: Traits, disengagement: Floats) -> Floats:
    """The logarithm of the balance to which each product returns (customers × products)."""
    behaviour = parameters.behaviour
    loading = np.where(traits.saver, behaviour.balance_loading_saver, behaviour.balance_loading_transactor)
    level = np.log(np.asarray(parameters.products.scale)) + traits.wealth[:, None]
    level[:, list(DEPOSITS)] -= (loading * disengagement)[:, None]
    return level
