"""Rows of a table that were set apart: read again as the server gave them, also after the table has changed."""

from decimal import Decimal
from pathlib import Path

import pytest

from tenure.pipeline import run_ingest
from tests.integration.mariadb_server import MariaDBServer
from tests.unit.quarantine_bank import DAY, Bank, make_bank

pytestmark = pytest.mark.needs("mariadb")

COLUMNS = """\
  transaction_id: {type: integer}
  customer_id: {type: integer, required: true}
  transaction_at: {type: timestamp, required: true}
  amount: {type: "decimal(18,2)", required: true}
  kind: {type: string, allowed: [purchase, fee]}
  due: {type: date}
"""


@pytest.fixture
def bank(mariadb: MariaDBServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bank:
    monkeypatch.setenv("TENURE_BOOKINGS_PASSWORD", mariadb.password)
    mariadb.script(
        b"USE bank; DROP TABLE IF EXISTS set_apart; CREATE TABLE set_apart (transaction_id BIGINT PRIMARY KEY,"
        b" customer_id INT, transaction_at DATETIME(6), amount DECIMAL(20,4), kind VARCHAR(20), due DATE);"
        b"SET sql_mode = ''; INSERT INTO set_apart VALUES (1, 7, '2025-01-01 10:00:00.123456', 5, 'fee', NULL),"
        b" (9007199254740993, 8, '2025-01-02 00:00:00', 1234567890123456.78, 'caf\xc3\xa9 \"x\"', '2025-02-03'),"
        b" (3, 9, '2025-01-03 00:00:00', 0.125, 'fee', NULL), (4, 9, '2025-01-03 00:00:00', 1, 'fee', '0000-00-00');"
    )
    made = make_bank(tmp_path / "bank")
    made.contract(COLUMNS, head(mariadb))
    return made


def head(mariadb: MariaDBServer) -> str:
    return f"kind: mariadb\nurl: {mariadb.url}\ntable: set_apart"


def test_rows_are_replayed_as_they_were_read(bank: Bank, mariadb: MariaDBServer) -> None:
    (outcome,) = run_ingest(bank.project, DAY).outcomes
    assert (outcome.status, outcome.loaded, outcome.quarantined) == ("loaded", 1, 3)
    mariadb.script(b"USE bank; DELETE FROM set_apart WHERE transaction_id > 1;")
    bank.contract(
        COLUMNS.replace(", allowed: [purchase, fee]", "").replace("due: {type: date", "due: {type: string"),
        head(mariadb),
    )
    (done,) = bank.replay()
    assert [(left.column, left.rule) for left in done.still_broken] == [("amount", "type")]
    _, *rows = sorted(bank.rows(), key=lambda row: row["transaction_id"])
    assert [(row["transaction_id"], row["amount"], row["kind"], row["due"]) for row in rows] == [
        (4, Decimal("1.00"), "fee", "0000-00-00"),
        (9007199254740993, Decimal("1234567890123456.78"), 'café "x"', "2025-02-03"),
    ]
    bank.expect_account()


def test_a_column_that_the_contract_did_not_ask_for_is_not_taken_for_null(bank: Bank, mariadb: MariaDBServer) -> None:
    bank.contract(COLUMNS.replace("  due: {type: date}\n", ""), head(mariadb))
    run_ingest(bank.project, DAY)
    bank.contract(COLUMNS.replace(", allowed: [purchase, fee]", ""), head(mariadb))
    (done,) = bank.replay()
    assert done.refused and "were kept without due" in done.refused


def test_a_replay_does_not_say_how_far_the_table_has_been_read(bank: Bank, mariadb: MariaDBServer) -> None:
    """Otherwise the reading on from there would begin with the new contract, and skip what that lets in."""
    words = f"{head(mariadb)}\nmode: append\nwatermark: {{column: transaction_id}}"
    bank.contract(COLUMNS, words)
    (first,) = run_ingest(bank.project, DAY).outcomes
    assert first.quarantined == 3
    bank.contract(COLUMNS.replace(", allowed: [purchase, fee]", ""), words)
    (done,) = bank.replay()
    assert done.load is not None and done.load.watermark is None
    (again,) = run_ingest(bank.project, DAY).outcomes
    assert any("all of it was read again" in note for note in again.notes)
    newest = {row["transaction_id"]: row["amount"] for row in bank.rows()}
    assert newest == {1: Decimal("5.00"), 9007199254740993: Decimal("1234567890123456.78")}
    bank.expect_account()
