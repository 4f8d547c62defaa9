"""What the files of a synthetic bank say agrees with what really happened, and the bank behaves as described."""

import csv
import json
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from tenure.synth.bank import BankPlan, write_bank
from tenure.synth.dynamics import AT_RANDOM, TARGETED
from tenure.synth.history import Cast, MonthOfBank, cast_of, months_of
from tenure.synth.parameters import OFFER_TYPES, TRUE_PARAMETERS

Row = dict[str, str]


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bank")
    write_bank(BankPlan(customers=400, seed=14, dirty_share=0), folder / "landing", folder / "truth")
    return folder


@pytest.fixture(scope="module")
def snapshots(bank: Path) -> dict[str, dict[int, Row]]:
    """By month and customer."""
    return {
        path.stem[-7:]: {int(row["customer_id"]): row for row in rows(path)}
        for path in sorted((bank / "landing").glob("customers_*.csv"))
    }


@pytest.fixture(scope="module")
def truth(bank: Path) -> dict[int, dict[str, Any]]:
    return {row["customer_id"]: row for row in pq.read_table(bank / "truth" / "customers.parquet").to_pylist()}


def rows(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def usage(bank: Path) -> list[dict[str, Any]]:
    paths = sorted((bank / "landing").glob("usage_*.json"))
    return [json.loads(line) for path in paths for line in path.read_text().splitlines()]


def events(bank: Path) -> list[tuple[str, int, date]]:
    """File, customer and day of everything that customers did."""
    dated = {"customer_support_tickets": "opened_at", "offers": "date_offered", "transactions": "transaction_at"}
    return [
        (path.name, int(row["customer_id"]), datetime.fromisoformat(row[column]).date())
        for kind, column in dated.items()
        for path in sorted((bank / "landing").glob(f"{kind}_*.csv"))
        for row in rows(path)
    ]


def test_snapshots_hold_everyone_who_has_opened_and_grow_to_all_customers(
    snapshots: dict[str, dict[int, Row]], truth: dict[int, dict[str, Any]]
) -> None:
    for month, customers in snapshots.items():
        opened = {key for key, row in truth.items() if f"{row['opened']:%Y-%m}" <= month}
        assert customers.keys() == opened
    assert len(snapshots["2025-09"]) == 400
    assert 0.5 < len(snapshots["2023-10"]) / 400 < 0.8


def test_a_customer_is_active_until_the_month_of_closing_and_never_again(
    snapshots: dict[str, dict[int, Row]], truth: dict[int, dict[str, Any]]
) -> None:
    for month, customers in snapshots.items():
        for key, row in customers.items():
            closed = truth[key]["closed_on"]
            assert row["is_active"] == ("0" if closed is not None and f"{closed:%Y-%m}" <= month else "1")
    closings = [row["closed_on"] for row in truth.values() if row["closed_on"] is not None]
    assert len(closings) > 50
    # Some close on the very last day of a month: they are in that month's snapshot as closed.
    assert any((day + timedelta(days=1)).day == 1 for day in closings)


def test_the_monthly_truth_names_each_leaver_once(bank: Path, truth: dict[int, dict[str, Any]]) -> None:
    months = pq.read_table(bank / "truth" / "customer_month.parquet").to_pylist()
    left = {row["customer_id"]: row["closed_on"] for row in months if row["churned"]}
    assert left == {key: row["closed_on"] for key, row in truth.items() if row["closed_on"] is not None}
    assert Counter(row["churned"] for row in months)[True] == len(left)
    assert all(row["margin"] == 0 for row in months if row["churned"])
    assert all(f"{row['closed_on']:%Y-%m}" == f"{row['month_end']:%Y-%m}" for row in months if row["churned"])


def test_what_identifies_a_customer_never_changes(snapshots: dict[str, dict[int, Row]]) -> None:
    last = snapshots["2025-09"]
    lasting = ("first_name", "last_name", "gender", "geography", "date_opened")
    for customers in snapshots.values():
        assert all(row[name] == last[key][name] for key, row in customers.items() for name in lasting)


def test_ages_are_those_of_adults_and_tenure_follows_from_the_opening(
    snapshots: dict[str, dict[int, Row]], truth: dict[int, dict[str, Any]]
) -> None:
    for row in snapshots["2025-09"].values():
        assert 18 <= int(row["age"]) <= 85
        opened = date.fromisoformat(row["date_opened"])
        until = truth[int(row["customer_id"])]["closed_on"] or date(2025, 9, 30)
        apart = (until.year - opened.year) * 12 + until.month - opened.month
        assert apart - 1 <= int(row["tenure_months"]) <= apart
    frozen = [key for key, row in snapshots["2024-06"].items() if row["is_active"] == "0"]
    assert frozen
    assert all(
        snapshots["2024-06"][key]["tenure_months"] == snapshots["2025-09"][key]["tenure_months"] for key in frozen
    )


def test_nothing_happens_before_the_opening_or_after_the_closing(bank: Path, truth: dict[int, dict[str, Any]]) -> None:
    happened = events(bank)
    assert len(happened) > 10_000
    for file, customer, day in happened:
        assert f"{day:%Y-%m}" == file.rsplit(".", 1)[0][-7:]
        assert truth[customer]["opened"] <= day <= (truth[customer]["closed_on"] or day)


def test_each_product_held_at_a_months_end_is_reported_once(bank: Path, snapshots: dict[str, dict[int, Row]]) -> None:
    held: dict[tuple[str, int], list[dict[str, Any]]] = defaultdict(list)
    for record in usage(bank):
        held[record["usage_date"][:7], record["customer_id"]].append(record)
    active = {(month, key) for month, all_ in snapshots.items() for key, row in all_.items() if row["is_active"] == "1"}
    assert held.keys() == active
    for records in held.values():
        assert {record["num_products"] for record in records} == {len(records)}
        assert len({record["product_type"] for record in records}) == len(records)
        assert all(record["monthly_balance"] > 0 for record in records)


def test_the_true_margin_is_that_of_the_stated_formula_on_the_files(bank: Path) -> None:
    """Interest at 3 % a year on the balances at the month's end, and the fees; those only on average."""
    balances = sum(record["monthly_balance"] for record in usage(bank))
    paid = [row for path in (bank / "landing").glob("transactions_*.csv") for row in rows(path)]
    fees = sum(float(row["amount"]) for row in paid if row["kind"] == "fee")
    margin = pq.read_table(bank / "truth" / "customer_month.parquet")["margin"].to_numpy().sum()
    assert margin == pytest.approx(balances * 0.03 / 12 + fees, rel=0.005)


def test_a_ticket_has_hours_once_it_is_resolved(bank: Path) -> None:
    tickets = [row for path in (bank / "landing").glob("customer_support_tickets_*.csv") for row in rows(path)]
    pending = [row for row in tickets if row["resolution_time_hrs"] == ""]
    assert 0 < len(pending) < 0.1 * len(tickets)
    assert all(int(row["opened_at"][8:10]) > 20 for row in pending)
    hours = {
        severity: np.median([float(row["resolution_time_hrs"]) for row in tickets if row["severity"] == severity and
                             row["resolution_time_hrs"]])
        for severity in ("Low", "Medium", "High")
    }  # fmt: skip
    assert hours["Low"] < hours["Medium"] < hours["High"]


def test_the_true_parameters_are_written_down(bank: Path) -> None:
    written = json.loads((bank / "truth" / "parameters.json").read_text())
    assert written["plan"] == {"customers": 400, "months": 24, "end": "2025-09-30", "seed": 14, "dirty_share": 0}
    assert written["market_changes_in"] == "2025-04"
    assert written["parameters"]["hazard"]["base"] == TRUE_PARAMETERS.hazard.base


@pytest.fixture(scope="module")
def large() -> tuple[Cast, list[MonthOfBank]]:
    plan = BankPlan(customers=20_000, seed=1)
    cast = cast_of(plan)
    return cast, list(months_of(plan, cast))


def test_between_one_and_one_and_a_half_percent_leave_a_month(large: tuple[Cast, list[MonthOfBank]]) -> None:
    leaving = [bank.outcome.leaves.mean() for bank in large[1]]
    assert 0.010 < np.mean(leaving) < 0.015
    # The bank is burnt in: the start is like the rest, until the market changes.
    assert np.mean(leaving[:6]) == pytest.approx(np.mean(leaving[6:18]), rel=0.25)
    assert np.mean(leaving[18:]) > 1.1 * np.mean(leaving[6:18])


def test_the_hazard_is_what_is_drawn_from_and_new_customers_stay_for_their_first_month(
    large: tuple[Cast, list[MonthOfBank]],
) -> None:
    cast, months = large
    hazard = np.concatenate([bank.outcome.hazard for bank in months])
    leaves = np.concatenate([bank.outcome.leaves for bank in months])
    spread = np.sqrt((hazard * (1 - hazard)).sum())
    assert abs(leaves.sum() - hazard.sum()) < 4 * spread
    for bank in months:
        fresh = cast.traits.opened[bank.members] >= bank.month.start
        assert fresh.any()
        assert not bank.outcome.leaves[fresh].any()


def test_disengagement_persists_and_shows_in_behaviour(large: tuple[Cast, list[MonthOfBank]]) -> None:
    cast, months = large
    earlier, later = months[10], months[11]
    _, first, second = np.intersect1d(earlier.members, later.members, return_indices=True)
    x = later.outcome.state.disengagement[second]
    assert 0.9 < np.corrcoef(earlier.outcome.state.disengagement[first], x)[0, 1] < 0.99
    payers = ~cast.traits.saver[later.members[second]]
    assert np.corrcoef(x[payers], later.outcome.transactions[second][payers])[0, 1] < -0.25


def test_offers_differ_in_acceptance_and_some_are_aimed_at_the_disengaged(
    large: tuple[Cast, list[MonthOfBank]],
) -> None:
    offers = [bank.outcome.offers for bank in large[1]]
    campaign, offered, accepted = (
        np.concatenate([getattr(offer, name) for offer in offers]) for name in ("campaign", "offered", "accepted")
    )
    made = campaign > 0
    rate = {name: accepted[made & (offered == index)].mean() for index, name in enumerate(OFFER_TYPES)}
    assert min(rate["Cashback"], rate["Credit Card"]) > 0.65
    assert max(rate["Insurance"], rate["Personal Loan"]) < 0.35
    x = np.concatenate([bank.outcome.state.disengagement for bank in large[1]])
    assert abs(x[campaign == AT_RANDOM].mean() - x.mean()) < 0.05
    assert x[campaign == TARGETED].mean() > x.mean() + 0.3
