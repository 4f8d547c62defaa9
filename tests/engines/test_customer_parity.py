"""Histories, deletions, churn definitions, accounts and rates: the same rows from both engines."""

from datetime import date, timedelta
from decimal import Decimal
from random import Random

import pyarrow as pa
import pytest

from tenure.core.settings import ChurnDefinition, ChurnSettings
from tenure.engine.protocol import Engine
from tests.unit.customer_models import RawBank, compute

pytestmark = pytest.mark.needs("java")

MODELS = ("dim_customer", "int_churn_hazard", "dim_account", "stg_fx_rates")
OURS = {
    *MODELS,
    "stg_customer_version",
    "stg_customers",
    "dim_customer_history",
    "int_customer_month",
    "int_churn_month",
    "stg_accounts",
}
"""What Spark computes; the models of events, which other tests compare, are given to it."""


@pytest.fixture(scope="module")
def bank() -> RawBank:
    """Customers who change, vanish and return, in no order, with events before, while and after they are there."""
    chance, bank = Random(11), RawBank()

    def some_day() -> str:
        return str(date(2025, 1, 1) + timedelta(days=chance.randrange(170)))

    for number in range(60):
        for _ in range(chance.randrange(1, 6)):
            if chance.random() < 0.3:
                bank.customer(number, some_day(), deleted=True)
                continue
            closed = date.fromisoformat(some_day()) if chance.random() < 0.3 else None
            birth = date(1950, 1, 1) + timedelta(days=chance.randrange(20_000))
            bank.customer(
                number,
                some_day(),
                first_name=chance.choice(("Zoë", " Ann ", "")),
                is_active=chance.choice((True, True, False, None)),
                birth_date=birth if chance.random() < 0.5 else None,
                tenure_months=chance.choice((None, chance.randrange(90))),
                date_opened=date(2020, 1, 31),
                date_closed=closed,
            )
        for _ in range(chance.randrange(4)):
            bank.transaction(number, some_day())
            bank.usage(number, some_day(), f"{chance.randrange(-9_000, 90_000) / 100:.2f}", chance.choice(("A", "B")))
        bank.add("accounts", account_id=number // 2, customer_id=number, role=" owner ", deleted=chance.random() < 0.2)
        rate = Decimal(chance.randrange(1, 10**9)) / 10**8
        bank.add(
            "fx_rates", currency=chance.choice(("EUR", "AED ")), rate_date=date.fromisoformat(some_day()), rate=rate
        )
    return bank


def test_both_engines_agree_on_every_cell(duckdb_engine: Engine, hasty_spark: Engine, bank: RawBank) -> None:
    on_duckdb = compute(duckdb_engine, bank, MODELS)
    given = {name: table for name, table in on_duckdb.items() if name not in OURS}
    on_spark = compute(hasty_spark, bank, MODELS, given=given)
    assert set(on_spark) == OURS
    for name, table in on_spark.items():
        assert cells(on_duckdb[name]) == cells(table), name
    assert "deleted at source" in on_duckdb["dim_customer_history"]["closed_by"].to_pylist()
    assert any(on_duckdb["int_customer_month"]["absent_from"].to_pylist())
    assert any(on_duckdb["dim_customer"]["deleted_on"].to_pylist())


@pytest.mark.parametrize(
    ("definition", "decided_by"),
    [
        ("inactivity", {"int_churn_inactivity", "int_churn_spell"}),
        ("balance", {"int_churn_balance", "int_churn_spell"}),
        ("contract_end", set[str]()),
    ],
)
def test_both_engines_agree_on_who_has_left(
    duckdb_engine: Engine,
    hasty_spark: Engine,
    bank: RawBank,
    definition: ChurnDefinition,
    decided_by: set[str],
) -> None:
    churn = ChurnSettings(definition=definition, inactive_days=25, balance_below=Decimal(200), balance_months=2)
    on_duckdb = compute(duckdb_engine, bank, ["int_customer_month"], churn=churn)
    given = {name: table for name, table in on_duckdb.items() if name not in {"int_customer_month", *decided_by}}
    on_spark = compute(hasty_spark, bank, ["int_customer_month"], churn=churn, given=given)
    assert set(on_spark) == {"int_customer_month", *decided_by}
    for name, table in on_spark.items():
        assert cells(on_duckdb[name]) == cells(table), name
    assert any(on_duckdb["int_customer_month"]["churned_in_month"].to_pylist())


def cells(table: pa.Table) -> list[str]:
    """Rows in no order, as text that tells 0.0 from -0.0 and 1.5 from 1.50."""
    return sorted(map(repr, table.to_pylist()))
