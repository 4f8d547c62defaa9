"""Replay reads every kind of file again as its own reader does, whatever its encoding and its marks."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.unit.quarantine_bank import COLUMNS, HEADER, Bank, make_bank

GIFTS = COLUMNS.replace("purchase, fee", "purchase, fee, gift")


@pytest.fixture
def bank(tmp_path: Path) -> Bank:
    return make_bank(tmp_path / "bank")


def replayed(bank: Bank) -> list[dict[str, Any]]:
    """Rows that came out of the quarantine, after nothing was refused."""
    before = len(bank.rows())
    assert [done.refused for done in bank.replay() if done.refused] == []
    bank.expect_account()
    return bank.rows()[before:]


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16"])
def test_the_letters_of_another_encoding_stay_what_they_are(bank: Bank, encoding: str) -> None:
    columns = COLUMNS.replace("kind: {type: string, allowed: [purchase, fee]}", "kind: {type: string, pattern: '.*é'}")
    bank.contract(columns, f"encoding: {encoding}")
    bank.land("a.csv", (HEADER + "1,7,2025-01-01,5,café\n2,7,2025-01-01,5,naïve\n").encode(encoding))
    bank.contract(columns.replace("é", "ïve"), f"encoding: {encoding}")
    assert [row["kind"] for row in replayed(bank)] == ["naïve"]


def test_bytes_that_were_wrong_are_right_once_the_contract_says_the_encoding(bank: Bank) -> None:
    columns = COLUMNS.replace("kind: {type: string, allowed: [purchase, fee]}", "kind: {type: string}")
    bank.contract(columns)
    bank.land("a.csv", (HEADER + "1,7,2025-01-01,5,plain\n2,7,2025-01-01,5,naïve\n").encode("cp1252"))
    assert len(bank.waiting()) == 1
    bank.contract(columns, "encoding: cp1252")
    assert [row["kind"] for row in replayed(bank)] == ["naïve"]


def test_marks_of_its_own_are_read_as_the_contract_says(bank: Bank) -> None:
    head = "delimiter: ';'\nquote: \"'\"\nskip_lines: 1\nskip_last_lines: 1\ncomment: '#'"
    text = HEADER.replace(",", ";")
    content = f"Report\n{text}# a note\n1;7;2025-01-01;5;'fee'\n2;7;2025-01-01;'6';'gift'\nTotal 2\n"
    bank.contract(head=head)
    bank.land("a.csv", content)
    bank.contract(GIFTS, head)
    assert [(row["transaction_id"], row["amount"]) for row in replayed(bank)] == [(2, Decimal("6.00"))]


def test_a_file_without_a_header_has_the_columns_of_the_contract(bank: Bank) -> None:
    bank.contract(head="header: false")
    bank.land("a.csv", "1,7,2025-01-01,5,fee\n2,7,2025-01-01,6,gift\n")
    bank.contract(GIFTS, "header: false")
    assert [(row["transaction_id"], row["_row"]) for row in replayed(bank)] == [(2, 2)]


def test_records_of_a_json_document_are_read_again_with_their_paths(bank: Bank) -> None:
    columns, head = COLUMNS.replace("kind: {", "kind: {from: about.kind, "), "kind: json\nrecords: data"
    bank.contract(columns, head)
    one = '{\n "transaction_id": %d,\n "customer_id": 7, "transaction_at": "2025-01-01", "amount": 0.10,\n'
    kinds = ((1, "fee"), (2, "gift"))
    records = ",\n".join(f'{one % key} "about": {{"kind": "{kind}"}}}}' for key, kind in kinds)
    bank.land("a.json", f'{{"data": [{records}]}}')
    bank.contract(columns.replace("purchase, fee", "purchase, fee, gift"), head)
    assert [(row["transaction_id"], row["amount"], row["_row"]) for row in replayed(bank)] == [(2, Decimal("0.10"), 2)]


def test_rows_of_a_parquet_file_keep_their_values(bank: Bank) -> None:
    bank.contract(head="kind: parquet")
    table = pa.table(
        {
            "transaction_id": pa.array([1, 9007199254740993], pa.int64()),
            "customer_id": pa.array([7, 8], pa.int64()),
            "transaction_at": pa.array(["2025-01-01 10:00:00.123456"] * 2).cast(pa.timestamp("us")),
            "amount": pa.array([Decimal("5.00"), Decimal("1234567890123456.78")], pa.decimal128(18, 2)),
            "kind": pa.array(["fee", "gift"]),
        }
    )
    pq.write_table(table, bank.project.root / "landing" / "a.parquet")
    bank.land("a.parquet", (bank.project.root / "landing" / "a.parquet").read_bytes())
    bank.contract(GIFTS, "kind: parquet")
    (row,) = replayed(bank)
    assert {name: row[name] for name in table.column_names} == table.slice(1).to_pylist()[0]


def test_a_column_that_was_not_kept_is_never_taken_for_empty(bank: Bank) -> None:
    bank.contract(head="kind: parquet\nschema_policy: freeze")
    values = {
        "transaction_id": [1],
        "customer_id": [7],
        "transaction_at": ["2025-01-01"],
        "amount": ["5"],
        "kind": ["x"],
    }
    pq.write_table(pa.table({**values, "channel": ["app"]}), bank.project.root / "landing" / "a.parquet")
    bank.land("a.parquet", (bank.project.root / "landing" / "a.parquet").read_bytes())
    assert len(bank.waiting()) == 1
    bank.contract(COLUMNS.replace("fee]", "x]") + "  channel: {type: string}\n", "kind: parquet\nschema_policy: freeze")
    (done,) = bank.replay()
    assert done.refused and "were kept without channel" in done.refused


def test_new_columns_come_along_where_the_contract_lets_them(bank: Bank) -> None:
    bank.contract(head="schema_policy: evolve")
    bank.land("a.csv", HEADER.replace("\n", ",shop\n") + "1,7,2025-01-01,5,fee,A\n2,7,2025-01-01,5,gift,B\n")
    bank.contract(GIFTS, "schema_policy: evolve")
    assert [(row["transaction_id"], row["shop"]) for row in replayed(bank)] == [(2, "B")]


def test_words_are_mapped_on_the_way_out_as_on_the_way_in(bank: Bank) -> None:
    columns = COLUMNS.replace("allowed: [purchase, fee]", "values: {K: purchase}")
    bank.contract(columns)
    bank.land("a.csv", HEADER + "1,7,2025-01-01,5,K\n2,7,2025-01-01,5,G\n")
    bank.contract(columns.replace("{K: purchase}", "{K: purchase, G: fee}"))
    assert [(row["transaction_id"], row["kind"]) for row in replayed(bank)] == [(2, "fee")]
