"""The true parameters of the bank: what a model is later measured against, and never told."""

from dataclasses import dataclass, field

GEOGRAPHIES = ("Egypt", "Saudi Arabia", "UAE", "Kuwait", "Qatar", "Bahrain")
PRODUCTS = ("Savings", "Current", "Credit Card", "Personal Loan", "Fixed Deposit")
SAVINGS, CURRENT, CREDIT_CARD, PERSONAL_LOAN, FIXED_DEPOSIT = range(5)
DEPOSITS = (SAVINGS, CURRENT, FIXED_DEPOSIT)
SEVERITIES = ("Low", "Medium", "High")
OFFER_TYPES = ("Cashback", "Credit Card", "Savings Account", "Insurance", "Personal Loan")
OFFERED_PRODUCT = (-1, CREDIT_CARD, SAVINGS, -1, PERSONAL_LOAN)
"""The product that an accepted offer of each type opens; -1 for none."""


@dataclass(frozen=True)
class Latent:
    """Disengagement x of customer i: x' = m + rho (x - m) + sqrt(1 - rho^2) e + what service and care add.

    m ~ N(0, setpoint_sd), e ~ N(0, 1), rho uniform in `persistence`. A new customer starts `honeymoon` lower.
    """

    persistence: tuple[float, float] = (0.93, 0.98)
    setpoint_sd: float = 0.35
    honeymoon: float = 0.5
    pressure_adds: float = 0.10
    goodwill_takes: float = 0.08


@dataclass(frozen=True)
class Behaviour:
    """How disengagement shows. Savers let balances drift, transactors stop paying: the loadings differ.

    Transactions a month ~ Poisson(exp(log_rate + activity - loading x + noise)); the logarithm of a
    deposit's balance returns at `balance_return` a month to a level that falls with x.
    """

    saver_share: float = 0.45
    log_rate_transactor: float = 0.42
    log_rate_saver: float = -0.38
    activity_sd: float = 0.55
    rate_noise: float = 0.20
    rate_loading_transactor: float = 0.90
    rate_loading_saver: float = 0.15
    december: float = 0.15
    changed_market_rate: float = 0.08
    wealth_sd: float = 0.6
    balance_begins: float = 0.30
    """A new customer brings this share of the level first."""
    balance_return: float = 0.10
    balance_loading_transactor: float = 0.12
    balance_loading_saver: float = 0.70
    balance_noise_common: float = 0.05
    balance_noise_product: float = 0.05
    card_noise: float = 0.15
    passing_noise: tuple[float, ...] = (0.15, 0.20, 0.25, 0.0, 0.0)
    """By product: where in the month of salary and spending the closing balance happens to fall."""
    loan_repaid: float = 0.05
    habit_memory: float = 0.7


@dataclass(frozen=True)
class Products:
    """Which products are held, opened and closed; money in the currency of the bank."""

    scale: tuple[float, ...] = (6000.0, 2500.0, 1800.0, 12000.0, 15000.0)
    held_by_saver: tuple[float, ...] = (0.70, 0.14, 0.05, 0.10, 0.14)
    held_by_transactor: tuple[float, ...] = (0.10, 0.72, 0.14, 0.13, 0.02)
    opens: float = 0.005
    opens_loading: float = 0.5
    fixed_opens: float = 0.006
    """A saver without a fixed deposit takes one in a month."""
    fixed_matures: float = 0.05
    """A fixed deposit ends in a month and is taken elsewhere."""
    closes: float = 0.023
    closes_loading: float = 0.6
    interest_margin: float = 0.03
    """What the bank earns a year, as a share of any balance."""
    fee_share: float = 0.08
    """Share of the transactions that are fees; the other kinds depend on the product."""
    fee_mean: float = 4.0


@dataclass(frozen=True)
class Service:
    """Tickets and the pressure they leave: p' = memory p + sum of weight x slowness."""

    rate: float = 0.07
    rate_loading: float = 0.22
    proneness_sd: float = 0.5
    severity_share: tuple[float, ...] = (0.48, 0.34, 0.18)
    weight: tuple[float, ...] = (0.10, 0.45, 1.10)
    median_hours: tuple[float, ...] = (6.0, 14.0, 30.0)
    hours_sd: float = 0.6
    slowness_bounds: tuple[float, float] = (0.5, 2.0)
    memory: float = 0.65


@dataclass(frozen=True)
class Campaigns:
    """Offers: some at random, some aimed at customers who fell silent; both leave goodwill."""

    random_share: float = 0.03
    targeted_share: float = 0.35
    target_below: float = 0.45
    """A customer is aimed at when the recent monthly transactions fell below this share of the usual ones."""
    accepts: tuple[float, ...] = (1.5, 1.2, 0.1, -1.2, -1.0)
    """Log-odds of acceptance by offer type at x = 0."""
    accepts_loading: float = 0.35
    offered_adds: float = 0.25
    accepted_adds: float = 0.45
    memory: float = 0.70


@dataclass(frozen=True)
class Hazard:
    """Log-odds of leaving in a month; every term is described in docs/explanation/synthetic-bank.md."""

    base: float = -5.74
    disengagement: float = 0.84
    pressure_new: float = 1.4
    pressure_old: float = 0.45
    pressure_cap: float = 3.0
    goodwill: float = 0.8
    goodwill_lost: float = 0.25
    goodwill_range: tuple[float, float] = (-0.5, 2.0)
    early: float = 1.5
    early_month: float = 11.0
    early_width: float = 0.45
    age: float = 0.72
    age_middle: float = 43.0
    age_width: float = 17.0
    age_cap: float = 2.0
    products: tuple[float, ...] = (0.45, -0.55, 0.25, 1.1)
    """By number of products: one, two, three, more."""
    rate_seeker: float = 0.55
    rate_seeker_changed: float = 0.45
    rate_seeker_above: float = 1.4
    geography: tuple[float, ...] = (0.0, -0.10, 0.15, 0.05, -0.15, 0.25)
    season: float = 0.15
    changed_market: float = 0.25


@dataclass(frozen=True)
class Parameters:
    """Everything that is fixed about the synthetic world."""

    geography_share: tuple[float, ...] = (0.34, 0.25, 0.17, 0.10, 0.08, 0.06)
    geography_wealth: tuple[float, ...] = (-0.35, 0.15, 0.35, 0.25, 0.30, 0.0)
    female_share: float = 0.47
    joining_share: float = 0.025
    """New customers a month, as a share of those present at the start of the window."""
    burn_in_months: int = 24
    latent: Latent = field(default_factory=Latent)
    behaviour: Behaviour = field(default_factory=Behaviour)
    products: Products = field(default_factory=Products)
    service: Service = field(default_factory=Service)
    campaigns: Campaigns = field(default_factory=Campaigns)
    hazard: Hazard = field(default_factory=Hazard)


TRUE_PARAMETERS = Parameters()
