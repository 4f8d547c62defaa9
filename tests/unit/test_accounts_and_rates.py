"""Accounts and exchange rates: each identified by two columns, cleaned, and kept in the newest state."""

from collections.abc import Generator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from tenure.contracts.entities import ENTITIES
from tenure.contracts.files import read_contract
from tenure.core.errors import SettingsError
from tenure.engine.duckdb import DuckDBEngine
from tenure.engine.protocol import Engine
from tests.unit.customer_models import RawBank, day, run

ACCOUNTS = """\
source: accounts
entity: accounts
kind: csv
path: landing/accounts*.csv
key: [account_id, customer_id]
columns:
  account_id: {type: string, required: true}
  customer_id: {type: integer, required: true}
"""
RATES = """\
source: rates
entity: fx_rates
kind: csv
path: landing/rates*.csv
key: [rate_date, currency]
columns:
  currency: {type: string, required: true}
  rate_date: {type: date, required: true}
  rate: {type: "decimal(18,8)", required: true, range: [0, null]}
"""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Generator[Engine]:
    opened = DuckDBEngine(tmp_path_factory.mktemp("duckdb"), memory="1GB", threads=1)
    yield opened
    opened.close()


@pytest.mark.parametrize(("text", "name"), [(ACCOUNTS, "accounts"), (RATES, "rates")])
def test_a_contract_names_both_columns_of_the_key_in_any_order(tmp_path: Path, text: str, name: str) -> None:
    path = tmp_path / f"{name}.yml"
    path.write_text(text)
    contract = read_contract(path)
    assert set(contract.key) == set(ENTITIES[contract.entity].keys)


@pytest.mark.parametrize("key", ["key: [account_id]", "key: [customer_id]", "keyless: true"])
def test_half_a_key_is_refused_with_the_whole_one(tmp_path: Path, key: str) -> None:
    path = tmp_path / "accounts.yml"
    path.write_text(ACCOUNTS.replace("key: [account_id, customer_id]", key))
    with pytest.raises(SettingsError, match=r"write key: \[account_id, customer_id\]"):
        read_contract(path)


def test_entities_with_one_key_column_take_any_key_and_none() -> None:
    for name in ("customers", "usage", "transactions", "offers", "tickets"):
        entity = ENTITIES[name]
        assert entity.keys == (entity.key,)
        assert entity.refuses_key(("other",), keyless=False) is None
        assert entity.refuses_key((), keyless=True) is None


def test_an_account_has_one_row_for_each_holder_in_its_newest_state(engine: Engine) -> None:
    bank = RawBank()
    bank.add("accounts", account_id=7, customer_id=1, role=" owner ", product_type="Savings", currency="EUR")
    bank.add("accounts", account_id=7, customer_id=2, role="joint", product_type="Savings", currency="")
    bank.add("accounts", account_id=8, customer_id=1, role="owner", date_opened=day("2025-01-10"))
    bank.add("accounts", account_id=7, customer_id=1, role="owner", product_type="Current", currency="EUR")
    rows = run(engine, bank, ["dim_account"])["dim_account"]
    found = [(row["account_id"], row["customer_id"], row["role"], row["product_type"], row["currency"]) for row in rows]
    assert sorted(found) == [
        (7, 1, "owner", "Current", "EUR"),
        (7, 2, "joint", "Savings", None),
        (8, 1, "owner", None, None),
    ]


@pytest.mark.parametrize(
    ("closed", "is_open"), [(None, True), ("2025-06-14", False), ("2025-06-15", False), ("2025-06-16", True)]
)
def test_an_account_is_open_until_the_day_on_which_it_is_closed(
    engine: Engine, closed: str | None, is_open: bool
) -> None:
    bank = RawBank()
    bank.add("accounts", account_id=1, customer_id=1, date_closed=day(closed) if closed else None)
    rows = run(engine, bank, ["dim_account"], business_date="2025-06-15")["dim_account"]
    assert [row["is_open"] for row in rows] == [is_open]


def test_a_holder_that_the_source_deleted_is_gone_and_may_return(engine: Engine) -> None:
    bank = RawBank()
    for holder in (1, 2):
        bank.add("accounts", account_id=7, customer_id=holder, role="joint")
    bank.add("accounts", account_id=7, customer_id=1, deleted=True)
    assert [row["customer_id"] for row in run(engine, bank, ["dim_account"])["dim_account"]] == [2]
    bank.add("accounts", account_id=7, customer_id=1, role="owner")
    rows = run(engine, bank, ["dim_account"])["dim_account"]
    assert {row["customer_id"]: row["role"] for row in rows} == {1: "owner", 2: "joint"}


def test_a_rate_is_exact_and_the_newest_delivery_of_a_day_wins(engine: Engine) -> None:
    bank = RawBank()
    for currency, on, rate in (
        ("EUR", "2025-01-02", "1.10000001"),
        ("EUR", "2025-01-03", "1.2"),
        (" EUR", "2025-01-02", "1.12345678"),
        ("AED", "2025-01-02", "0.27229408"),
    ):
        bank.add("fx_rates", currency=currency, rate_date=day(on), rate=Decimal(rate))
    rows = run(engine, bank, ["stg_fx_rates"])["stg_fx_rates"]
    assert sorted((row["currency"], row["rate_date"], row["rate"]) for row in rows) == [
        ("AED", date(2025, 1, 2), Decimal("0.27229408")),
        ("EUR", date(2025, 1, 2), Decimal("1.12345678")),
        ("EUR", date(2025, 1, 3), Decimal("1.2")),
    ]


def test_a_withdrawn_rate_is_gone(engine: Engine) -> None:
    bank = RawBank()
    bank.add("fx_rates", currency="EUR", rate_date=day("2025-01-02"), rate=Decimal("1.1"))
    bank.add("fx_rates", currency="EUR", rate_date=day("2025-01-02"), deleted=True)
    assert run(engine, bank, ["stg_fx_rates"])["stg_fx_rates"] == []


def test_without_accounts_and_rates_their_tables_are_empty(engine: Engine) -> None:
    made = run(engine, RawBank(), ["dim_account", "stg_fx_rates"])
    assert made["dim_account"] == made["stg_fx_rates"] == []
