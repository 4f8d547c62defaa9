"""The churn definitions side by side: the SQL that a build runs, run for each of them on one release."""

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import combinations
from typing import Any, get_args

import pyarrow as pa

from tenure.core.errors import TenureError, UsageError
from tenure.core.settings import ChurnDefinition, ChurnSettings, Settings
from tenure.warehouse.models import ProjectTypes, read_models
from tenure.warehouse.releases import OpenRelease

DEFINITIONS: tuple[ChurnDefinition, ...] = get_args(ChurnDefinition)
_SPELLS = ("int_churn_inactivity", "int_churn_balance", "int_churn_spell")


@dataclass(frozen=True)
class Outcome:
    """What one definition says of a month.

    `churned` of `customers` had left by the month's end (`churned_share`, from 0 to 1); `left_in_month` of
    those `active_at_start` left in the month (`churn_rate`). A share of nothing is None.
    """

    definition: ChurnDefinition
    in_force: bool
    customers: int
    churned: int
    churned_share: float | None
    active_at_start: int
    left_in_month: int
    churn_rate: float | None


@dataclass(frozen=True)
class Overlap:
    """How two definitions agree: customers churned by both, by one only, and both ÷ (both + only one)."""

    one: ChurnDefinition
    other: ChurnDefinition
    both: int
    only_one: int
    only_other: int
    jaccard: float | None


@dataclass(frozen=True)
class Comparison:
    """All definitions over one month; `changing_sides` counts customers on whom they do not agree."""

    release: str
    month: date
    outcomes: tuple[Outcome, ...]
    overlaps: tuple[Overlap, ...]
    changing_sides: int


def settings_of(release: OpenRelease) -> ChurnSettings:
    """The churn settings that the release was built with."""
    return Settings.model_validate({"churn": release.manifest.settings.get("churn", {})}).churn


def meaning(churn: ChurnSettings, currency: str) -> str:
    """The definition that `churn` chooses, as a sentence without its full stop."""
    return {
        "status": "the newest record of the customer at the month's end says: not active",
        "inactivity": f"no event of the customer in the {churn.inactive_days} days up to the month's end",
        "balance": f"total balance below {churn.balance_below} {currency} at the ends of "
        f"{churn.balance_months} months running",
        "contract_end": "the customer's contract was closed by the month's end",
    }[churn.definition]


def month_of(release: OpenRelease, text: str | None) -> date:
    """The first day of the month `YYYY-MM`, by default of the release's business date.

    Raises `UsageError` for a text that is no month and for a month after the release.
    """
    newest = release.business_date.replace(day=1)
    if text is None:
        return newest
    try:
        month = date.fromisoformat(f"{text}-01")
    except ValueError:
        raise UsageError(f"--month {text} is not a month", cure="write it as YYYY-MM, for instance 2025-09") from None
    if month > newest:
        raise UsageError(f"month {text} is after the release, which ends in {newest:%Y-%m}", cure="name an earlier one")
    return month


def compare(release: OpenRelease, month: date) -> Comparison:
    """Every definition, and every two of them, over the customers of one month.

    `month` is a first day. Raises `TenureError` when the release knows no customer in that month.
    """
    counts = [_counted(definition) for definition in DEFINITIONS]
    pairs = [_paired(one, other) for one, other in combinations(DEFINITIONS, 2)]
    sides = f"COUNT(CASE WHEN {_disagreed()} THEN 1 END) AS changing_sides"
    counted = ", ".join(["COUNT(*) AS customers", sides, *counts, *pairs])
    ratios = ", ".join([*map(_rated, DEFINITIONS), *(_likened(*pair) for pair in combinations(DEFINITIONS, 2))])
    sql = f"{_states(release, month)} SELECT c.*, {ratios} FROM (SELECT {counted} FROM states) AS c"
    found = release.query(sql).to_pylist()[0]
    if not found["customers"]:
        raise TenureError(
            f"no customer was there in {month:%Y-%m}",
            where=f"release {release.id}",
            cure="tenure metric customers --by month lists the months; name one of them with --month",
        )
    in_force = settings_of(release).definition
    return Comparison(
        release.id,
        month,
        tuple(_outcome(definition, found, in_force) for definition in DEFINITIONS),
        tuple(_overlap(one, other, found) for one, other in combinations(DEFINITIONS, 2)),
        found["changing_sides"],
    )


def changing_sides(release: OpenRelease, month: date) -> pa.Table:
    """Customers on whom the definitions do not agree: customer_id, then each definition's verdict."""
    verdicts = ", ".join(DEFINITIONS)
    return release.query(
        f"{_states(release, month)} SELECT customer_id, {verdicts} FROM states WHERE {_disagreed()}"
        " ORDER BY customer_id ASC NULLS FIRST"
    )


def _disagreed() -> str:
    first, *others = DEFINITIONS
    return " OR ".join(f"{first} <> {other}" for other in others)


def _counted(definition: str) -> str:
    return ", ".join(
        f"COUNT(CASE WHEN {condition}{definition} THEN 1 END) AS {definition}_{name}"
        for condition, name in (("", "churned"), ("start_", "active_at_start"), ("left_", "left_in_month"))
    )


def _paired(one: str, other: str) -> str:
    return ", ".join(
        f"COUNT(CASE WHEN {condition} THEN 1 END) AS {one}_{other}_{name}"
        for condition, name in (
            (f"{one} AND {other}", "both"),
            (f"{one} AND NOT {other}", "only_one"),
            (f"{other} AND NOT {one}", "only_other"),
        )
    )


def _rated(name: str) -> str:
    shares = (("churned", "customers", "churned_share"), ("left_in_month", f"{name}_active_at_start", "churn_rate"))
    return ", ".join(f"{_ratio(f'{name}_{part}', whole)} AS {name}_{share}" for part, whole, share in shares)


def _likened(one: str, other: str) -> str:
    both, only_one, only_other = (f"{one}_{other}_{name}" for name in ("both", "only_one", "only_other"))
    return f"{_ratio(both, f'{both} + {only_one} + {only_other}')} AS {one}_{other}_jaccard"


def _ratio(part: str, whole: str) -> str:
    return f"CAST({part} AS DOUBLE) / NULLIF(CAST({whole} AS DOUBLE), 0e0)"


def _outcome(definition: ChurnDefinition, found: dict[str, Any], in_force: str) -> Outcome:
    names = ("churned", "churned_share", "active_at_start", "left_in_month", "churn_rate")
    return Outcome(
        definition,
        definition == in_force,
        found["customers"],
        *(found[f"{definition}_{name}"] for name in names),
    )


def _overlap(one: ChurnDefinition, other: ChurnDefinition, found: dict[str, Any]) -> Overlap:
    names = ("both", "only_one", "only_other", "jaccard")
    return Overlap(one, other, *(found[f"{one}_{other}_{name}"] for name in names))


def _states(release: OpenRelease, month: date) -> str:
    """WITH …, states AS (one row a customer: its id, each definition's verdict, and what led to it).

    The models' own SQL decides; only what it reads is replaced: the setting by each definition, the calendar
    by the month and the one before it, and the history by the versions that reach into them.
    """
    history = release.manifest.table("dim_customer_history")
    if history is None or "closed_by" not in {column.name for column in history.columns}:
        raise TenureError(
            "this release was made by an older version of Tenure, which knew one churn definition only",
            where=f"release {release.id}",
            cure="run: tenure build",
        )
    sql = {model.name: model.sql for model in read_models(ProjectTypes({}, {}))}
    before = month - timedelta(days=1)
    months = " UNION ALL ".join(
        f"SELECT CAST('{first}' AS DATE) AS date, CAST('{first}' AS DATE) AS month"
        for first in (before.replace(day=1), month)
    )
    reaching = (
        f"SELECT * FROM dim_customer_history WHERE valid_from <= LAST_DAY(CAST('{month}' AS DATE))"
        f" AND valid_to >= CAST('{before}' AS DATE)"
    )
    churn = settings_of(release)
    parts = [
        f"this_month AS (SELECT CAST('{month}' AS DATE) AS month)",
        f"calendar AS ({months})",
        f"reaching AS ({reaching})",
    ]
    for definition in DEFINITIONS:
        setting = _setting(churn.model_copy(update={"definition": definition}))
        spells = ", ".join(f"{name} AS (\n{sql[name]}\n)" for name in _SPELLS)
        state = f"(\n{sql['int_customer_month']}\n) AS m"
        held = f"WITH dim_customer_history AS (SELECT * FROM reaching) SELECT * FROM {state}"
        parts.append(
            f"by_{definition} AS (WITH setting AS ({setting}), {spells}, held AS ({held})"
            f" SELECT * FROM held WHERE month = CAST('{month}' AS DATE))"
        )
    first, *others = DEFINITIONS
    columns = ", ".join(
        f"{name}.is_churned AS {name}, {name}.active_at_start AS start_{name}, {name}.churned_in_month AS left_{name}"
        for name in DEFINITIONS
    )
    joins = " ".join(f"INNER JOIN by_{name} AS {name} ON {name}.customer_id = {first}.customer_id" for name in others)
    parts.append(f"states AS (SELECT {first}.customer_id, {columns} FROM by_{first} AS {first} {joins})")
    return f"WITH {', '.join(parts)}"


def _setting(churn: ChurnSettings) -> str:
    """The part of the input `setting` that speaks of churn, as a SELECT."""
    return (
        f"SELECT '{churn.definition}' AS churn_definition, CAST({churn.inactive_days} AS INTEGER) AS inactive_days,"
        f" CAST({churn.balance_below} AS DECIMAL(18,2)) AS balance_below,"
        f" CAST({churn.balance_months} AS INTEGER) AS balance_months"
    )
