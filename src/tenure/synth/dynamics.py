"""One month of the bank: from the state at its start to the state at its end, and what happened in it."""

from dataclasses import dataclass

import numpy as np

from tenure.synth.columns import Bools, Floats, Ints
from tenure.synth.hazard import leaving_hazard
from tenure.synth.parameters import (
    CREDIT_CARD,
    DEPOSITS,
    FIXED_DEPOSIT,
    OFFER_TYPES,
    OFFERED_PRODUCT,
    PERSONAL_LOAN,
    SEVERITIES,
    Campaigns,
    Parameters,
)
from tenure.synth.plan import Month
from tenure.synth.population import Traits
from tenure.synth.state import State, balance_level

NO_CAMPAIGN, AT_RANDOM, TARGETED = 0, 1, 2
_SMALLEST_LOAN = 200.0


@dataclass(frozen=True)
class Tickets:
    """One row a ticket: whose (row of the month's customers), how severe, hours until it is resolved."""

    owner: Ints
    severity: Ints
    hours: Floats


@dataclass(frozen=True)
class Offers:
    """One row a customer; `offered` and `accepted` are meaningless where `campaign` is NO_CAMPAIGN."""

    campaign: Ints
    offered: Ints
    accepted: Bools


@dataclass(frozen=True)
class Outcome:
    """What happened in a month, one row for each customer who was there in it.

    `balance`: the closing balances as reported (customers × products), which pass around those of `state`.
    `rate`: expected transactions of a full month. `presence`: share of the month that lies after the
    opening. `leaves`: drawn from `hazard`. `margin`: interest margin of a month on the closing balance,
    and the fees to be expected of its transactions; it counts for customers still there at the end.
    """

    state: State
    balance: Floats
    transactions: Ints
    rate: Floats
    presence: Floats
    tickets: Tickets
    offers: Offers
    hazard: Floats
    leaves: Bools
    margin: Floats


def advance(parameters: Parameters, traits: Traits, before: State, month: Month, rng: np.random.Generator) -> Outcome:
    """Draw one month for the customers of `traits` (all present), whose state at its start is `before`."""
    latent = parameters.latent
    pull = traits.persistence * (before.disengagement - traits.setpoint)
    shock = np.sqrt(1 - traits.persistence**2) * rng.standard_normal(traits.size)
    disengagement = (
        traits.setpoint
        + pull
        + shock
        + latent.pressure_adds * before.pressure
        - latent.goodwill_takes * before.goodwill
    )
    presence = np.clip((month.end + 1 - traits.opened) / (month.end + 1 - month.start), 0.0, 1.0)
    rate = _transaction_rate(parameters, traits, disengagement, month)
    noise = parameters.behaviour.rate_noise * rng.standard_normal(traits.size)
    transactions = rng.poisson(presence * rate * np.exp(noise)).astype(np.int64)
    habit = _smoothed(before.habit, transactions, presence, parameters.behaviour.habit_memory)
    tickets = _tickets(parameters, traits, disengagement, presence, rng)
    offers = _offers(parameters.campaigns, traits, before.habit, disengagement, rng)
    held = _holdings(parameters, traits, before.held, disengagement, offers, rng)
    balance, held = _balances(parameters, traits, before, disengagement, held, rng)
    state = State(
        disengagement=disengagement,
        pressure=_pressure(parameters, before.pressure, tickets),
        goodwill=_goodwill(parameters.campaigns, before.goodwill, offers),
        habit=habit,
        balance=balance,
        held=held,
    )
    hazard = leaving_hazard(parameters, traits, state, month)
    passing = np.asarray(parameters.behaviour.passing_noise)
    reported = balance * np.exp(passing * rng.standard_normal(balance.shape) - 0.5 * passing**2)
    products = parameters.products
    return Outcome(
        state=state,
        balance=reported,
        transactions=transactions,
        rate=rate,
        presence=presence,
        tickets=tickets,
        offers=offers,
        hazard=hazard,
        leaves=rng.random(traits.size) < hazard,
        margin=reported.sum(axis=1) * products.interest_margin / 12
        + products.fee_share * products.fee_mean * transactions,
    )


def _transaction_rate(parameters: Parameters, traits: Traits, disengagement: Floats, month: Month) -> Floats:
    behaviour = parameters.behaviour
    loading = np.where(traits.saver, behaviour.rate_loading_saver, behaviour.rate_loading_transactor)
    season = behaviour.december * np.cos(2 * np.pi * (month.number - 12) / 12)
    market = behaviour.changed_market_rate * month.changed_market
    return np.exp(np.minimum(traits.activity - loading * disengagement + season + market, 4.0))


def _smoothed(habit: Floats, transactions: Ints, presence: Floats, memory: float) -> Floats:
    """A month in which the customer was hardly there says little about the habit."""
    weight = (1 - memory) * presence
    return (1 - weight) * habit + weight * transactions / np.maximum(presence, 0.03)


def _tickets(
    parameters: Parameters, traits: Traits, disengagement: Floats, presence: Floats, rng: np.random.Generator
) -> Tickets:
    service = parameters.service
    rate = service.rate * np.exp(np.minimum(traits.proneness + service.rate_loading * disengagement, 3.0))
    owner = np.repeat(np.arange(traits.size), rng.poisson(rate * presence))
    severity = rng.choice(len(SEVERITIES), len(owner), p=service.severity_share)
    spread = service.hours_sd * rng.standard_normal(len(owner))
    return Tickets(owner, severity.astype(np.int64), np.asarray(service.median_hours)[severity] * np.exp(spread))


def _pressure(parameters: Parameters, pressure: Floats, tickets: Tickets) -> Floats:
    service = parameters.service
    slowness = tickets.hours / np.asarray(service.median_hours)[tickets.severity]
    weights = np.asarray(service.weight)[tickets.severity] * np.clip(slowness, *service.slowness_bounds)
    return service.memory * pressure + np.bincount(tickets.owner, weights, minlength=len(pressure))


def _offers(
    campaigns: Campaigns, traits: Traits, habit: Floats, disengagement: Floats, rng: np.random.Generator
) -> Offers:
    """At most one offer a month; the bank aims by what it can see: transactions below the usual."""
    size = traits.size
    draws = rng.random((3, size))
    silent = habit < campaigns.target_below * np.exp(traits.activity)
    campaign = np.where(
        draws[0] < campaigns.random_share,
        AT_RANDOM,
        np.where(silent & (draws[1] < campaigns.targeted_share), TARGETED, NO_CAMPAIGN),
    )
    offered = rng.integers(0, len(OFFER_TYPES), size)
    odds = np.asarray(campaigns.accepts)[offered] - campaigns.accepts_loading * disengagement
    accepted = (campaign != NO_CAMPAIGN) & (draws[2] < 1 / (1 + np.exp(-odds)))
    return Offers(campaign.astype(np.int64), offered, accepted)


def _goodwill(campaigns: Campaigns, goodwill: Floats, offers: Offers) -> Floats:
    received = campaigns.offered_adds * (offers.campaign != NO_CAMPAIGN) + campaigns.accepted_adds * offers.accepted
    return campaigns.memory * goodwill + received


def _holdings(
    parameters: Parameters,
    traits: Traits,
    held: Bools,
    disengagement: Floats,
    offers: Offers,
    rng: np.random.Generator,
) -> Bools:
    """Accepted offers and chance open products; disengagement closes them, and terms end; the last one stays."""
    products = parameters.products
    after = held.copy()
    size = len(held)
    opened = np.where(offers.accepted, np.asarray(OFFERED_PRODUCT)[offers.offered], -1)
    rows = np.flatnonzero(opened >= 0)
    after[rows, opened[rows]] = True
    draws = rng.random((2, size))
    opens = draws[0] < products.opens * np.exp(np.clip(-products.opens_loading * disengagement, -3, 3))
    closes = draws[1] < products.closes * np.exp(np.clip(products.closes_loading * disengagement, -3, 3))
    closes &= held.sum(axis=1) > 1
    changes = np.flatnonzero(opens | closes)
    lot = rng.random((len(changes), held.shape[1]))
    candidates = np.where(closes[changes, None], held[changes], ~after[changes])
    candidates[:, PERSONAL_LOAN] &= ~closes[changes]  # a loan ends when it is repaid
    chosen = np.argmax(np.where(candidates, lot, -1.0), axis=1)
    possible = candidates.any(axis=1)
    after[changes[possible], chosen[possible]] = ~closes[changes[possible]]
    draws = rng.random((2, size))
    after[:, FIXED_DEPOSIT] |= traits.saver & (draws[0] < products.fixed_opens)
    matures = held[:, FIXED_DEPOSIT] & (draws[1] < products.fixed_matures) & (after.sum(axis=1) > 1)
    after[matures, FIXED_DEPOSIT] = False
    return after


def _balances(
    parameters: Parameters,
    traits: Traits,
    before: State,
    disengagement: Floats,
    held: Bools,
    rng: np.random.Generator,
) -> tuple[Floats, Bools]:
    """Balances at the month's end; a repaid loan is given up unless it is the only product."""
    behaviour = parameters.behaviour
    level = balance_level(parameters, traits, disengagement)
    own = np.full(held.shape[1], behaviour.balance_noise_product)
    own[CREDIT_CARD] = behaviour.card_noise
    shared = np.zeros(held.shape[1])
    shared[list(DEPOSITS)] = behaviour.balance_noise_common
    noise = own * rng.standard_normal(held.shape) + shared * rng.standard_normal(traits.size)[:, None]
    is_new = held & ~before.held
    with np.errstate(divide="ignore"):
        last = np.where(is_new | ~held, level - 0.5, np.log(before.balance))
    moved = np.where(is_new, last, last + behaviour.balance_return * (level - last)) + noise
    continuing = held[:, PERSONAL_LOAN] & before.held[:, PERSONAL_LOAN]
    repaid = np.where(continuing, before.balance[:, PERSONAL_LOAN] * (1 - behaviour.loan_repaid), 0.0)
    balance = np.where(held, np.exp(moved), 0.0)
    balance[continuing, PERSONAL_LOAN] = repaid[continuing]
    done = continuing & (repaid < _SMALLEST_LOAN) & (held.sum(axis=1) > 1)
    balance[done, PERSONAL_LOAN] = 0.0
    after = held.copy()
    after[done, PERSONAL_LOAN] = False
    return balance, after
