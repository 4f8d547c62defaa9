"""The true hazard: the chance that a customer leaves in a month, given the state."""

import numpy as np

from tenure.synth.columns import Floats, Ints
from tenure.synth.parameters import DEPOSITS, FIXED_DEPOSIT, Hazard, Parameters
from tenure.synth.plan import Month
from tenure.synth.population import DAYS_PER_YEAR, Traits, months_since
from tenure.synth.state import State


def leaving_hazard(parameters: Parameters, traits: Traits, state: State, month: Month) -> Floats:
    """P(leaves in `month`) for each customer; 0 in the month of opening.

    The terms are deliberately not additive in what can be seen: U-shaped in age, humped in tenure,
    not monotone in products; tickets weigh on new customers, and rate seekers are a combination.
    """
    terms = parameters.hazard
    tenure = months_since(traits.opened, month.end)
    odds = (
        terms.base
        + terms.disengagement * state.disengagement
        + _pressure(terms, state.pressure, tenure)
        - _goodwill(terms, state)
        + terms.early * np.exp(-0.5 * (np.log((tenure + 1) / terms.early_month) / terms.early_width) ** 2)
        + terms.age * _age(terms, traits, month)
        + np.asarray(terms.products)[np.clip(state.held.sum(axis=1), 1, 4) - 1]
        + _rate_seeking(parameters, traits, state, month)
        + np.asarray(terms.geography)[traits.geography]
        + terms.season * np.cos(2 * np.pi * (month.number - 1) / 12)
        + terms.changed_market * month.changed_market
    )
    return np.where(traits.opened >= month.start, 0.0, 1 / (1 + np.exp(-odds)))


def _pressure(terms: Hazard, pressure: Floats, tenure: Ints) -> Floats:
    weight = np.where(tenure < 24, terms.pressure_new, terms.pressure_old)
    return weight * np.minimum(pressure, terms.pressure_cap)


def _goodwill(terms: Hazard, state: State) -> Floats:
    """Care moves those who waver; it is nearly lost on the loyal and on those who are all but gone."""
    low, high = terms.goodwill_range
    wavering = (state.disengagement > low) & (state.disengagement < high)
    return terms.goodwill * state.goodwill * np.where(wavering, 1.0, terms.goodwill_lost)


def _age(terms: Hazard, traits: Traits, month: Month) -> Floats:
    years = (month.end - traits.born) / DAYS_PER_YEAR
    return np.minimum(((years - terms.age_middle) / terms.age_width) ** 2, terms.age_cap)


def _rate_seeking(parameters: Parameters, traits: Traits, state: State, month: Month) -> Floats:
    """Much money in deposits that bear little: a competitor's rates pull, after the market changed more."""
    terms = parameters.hazard
    deposits = state.balance[:, list(DEPOSITS)].sum(axis=1)
    usual = parameters.products.scale[0] * np.exp(np.asarray(parameters.geography_wealth)[traits.geography])
    seeks = (deposits > terms.rate_seeker_above * usual) & ~state.held[:, FIXED_DEPOSIT]
    return seeks * (terms.rate_seeker + terms.rate_seeker_changed * month.changed_market)
