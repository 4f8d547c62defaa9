"""Who the customers are: what never changes about each of them."""

from dataclasses import dataclass

import numpy as np

from tenure.synth.columns import Bools, Floats, Ints
from tenure.synth.parameters import GEOGRAPHIES, Parameters

DAYS_PER_YEAR = 365.25
_YOUNGEST, _OLDEST = 18.0, 80.0
"""Least age at opening, greatest at the start of the window: nobody is older than 85 within 60 months."""


@dataclass(frozen=True)
class Traits:
    """One row a customer. Days count from 1970-01-01; `wealth`, `activity` and `proneness` are logarithms."""

    born: Ints
    opened: Ints
    female: Bools
    geography: Ints
    saver: Bools
    persistence: Floats
    setpoint: Floats
    wealth: Floats
    activity: Floats
    proneness: Floats

    @property
    def size(self) -> int:
        """How many customers."""
        return len(self.born)


def draw_traits(parameters: Parameters, opened: Ints, window_start: int, rng: np.random.Generator) -> Traits:
    """Customers for given days of opening."""
    size = len(opened)
    behaviour, latent = parameters.behaviour, parameters.latent
    age = _YOUNGEST + (_OLDEST - _YOUNGEST) * rng.beta(1.6, 3.2, size)
    seen_first = np.maximum(opened, window_start)
    born = np.minimum(seen_first - age * DAYS_PER_YEAR, opened - (_YOUNGEST + 0.01) * DAYS_PER_YEAR)
    geography = rng.choice(len(GEOGRAPHIES), size, p=parameters.geography_share)
    saver = rng.random(size) < behaviour.saver_share
    middle_aged = np.maximum(0.35 * (1 - ((age - 50) / 25) ** 2), -0.5)
    return Traits(
        born=np.floor(born).astype(np.int64),
        opened=opened,
        female=rng.random(size) < parameters.female_share,
        geography=geography.astype(np.int64),
        saver=saver,
        persistence=rng.uniform(*latent.persistence, size),
        setpoint=latent.setpoint_sd * rng.standard_normal(size),
        wealth=np.asarray(parameters.geography_wealth)[geography]
        + middle_aged
        + behaviour.wealth_sd * rng.standard_normal(size),
        activity=np.where(saver, behaviour.log_rate_saver, behaviour.log_rate_transactor)
        + behaviour.activity_sd * rng.standard_normal(size),
        proneness=parameters.service.proneness_sd * rng.standard_normal(size),
    )


def age_on(traits: Traits, day: int) -> Ints:
    """Completed years on a day."""
    return np.floor((day - traits.born) / DAYS_PER_YEAR).astype(np.int64)


def months_since(opened: Ints, day: Ints | int) -> Ints:
    """Completed months from each opening to a day, never negative; the last day of a month completes it."""
    first, last = opened.astype("datetime64[D]"), np.asarray(day, np.int64).astype("datetime64[D]")
    first_month, last_month = first.astype("datetime64[M]"), last.astype("datetime64[M]")
    apart = (last_month - first_month).astype(np.int64)
    complete = (last - last_month.astype("datetime64[D]")) >= (first - first_month.astype("datetime64[D]"))
    month_is_over = (last + np.timedelta64(1, "D")).astype("datetime64[M]") > last_month
    return np.maximum(apart - ~(complete | month_is_over), 0)
