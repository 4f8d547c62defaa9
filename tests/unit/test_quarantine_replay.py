"""Replay takes out of the quarantine what the contract now admits, exactly once, and leaves a trace of it."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from tenure.core.errors import UsageError
from tenure.pipeline import verify
from tests.unit.quarantine_bank import COLUMNS, DAY, HEADER, Bank, make_bank

GIFTS = COLUMNS.replace("purchase, fee", "purchase, fee, gift")


@pytest.fixture
def bank(tmp_path: Path) -> Bank:
    return make_bank(tmp_path / "bank")


def test_a_record_that_the_contract_now_admits_is_loaded_where_it_was_delivered(bank: Bank) -> None:
    bank.land("a.csv", HEADER + "1,7,2025-01-01,5,fee\n2,8,2025-01-02,6.10,gift\n3,8,2025-01-03,x,gift\n")
    assert bank.waiting() == ["L00000001:1", "L00000001:2"]
    bank.contract(GIFTS)
    (done,) = bank.replay(date(2025, 10, 9))
    assert done.load is not None
    assert (done.tried, done.load.records_in, done.load.loaded) == (2, 1, 1)
    assert [(left.id, left.rule) for left in done.still_broken] == [("L00000001:2", "type")]
    _, replayed = bank.rows()
    assert (replayed["transaction_id"], replayed["amount"]) == (2, Decimal("6.10"))
    assert (replayed["_load_id"], replayed["_row"]) == ("L00000001", 3)
    assert (replayed["_effective"], replayed["_business_date"]) == (DAY, DAY)
    assert replayed["_recorded_at"] == done.load.recorded_at.replace(tzinfo=None)
    assert (done.load.load_id, done.load.delivery) == ("L00000002", "quarantine of L00000001")
    assert done.load.business_date == date(2025, 10, 9)
    assert bank.waiting() == ["L00000001:2"]
    bank.expect_account()


def test_a_second_replay_finds_nothing_more_to_take(bank: Bank) -> None:
    bank.land("a.csv", HEADER + "2,8,2025-01-02,6,gift\n3,8,2025-01-03,x,gift\n")
    bank.contract(GIFTS)
    bank.replay()
    (again,) = bank.replay()
    assert (again.tried, again.load) == (1, None)
    assert len(bank.loads()) == 2


def test_the_fate_of_a_record_tells_which_load_took_it_and_who_did_that(bank: Bank) -> None:
    bank.land("a.csv", HEADER + "2,8,2025-01-02,6,gift\n")
    bank.contract(GIFTS)
    bank.replay()
    (record,) = bank.quarantine(open_only=False)
    assert record.settled is not None
    assert (record.fate, record.settled.by_load) == ("replayed", "L00000002")
    assert (record.settled.reason, record.settled.settled_by) == ("for a test", "tester")
    assert record.record == b"2,8,2025-01-02,6,gift"


def test_the_columns_stand_in_the_order_of_their_own_file(bank: Bank) -> None:
    bank.land("a.csv", "amount,kind,transaction_id,transaction_at,customer_id\n9.99,gift,5,2025-01-01,77\n")
    bank.contract(GIFTS)
    bank.replay()
    (row,) = bank.rows()
    assert (row["amount"], row["transaction_id"], row["customer_id"]) == (Decimal("9.99"), 5, 77)


def test_a_quote_that_does_not_end_swallows_no_other_record(bank: Bank) -> None:
    broken = ['1,7,2025-01-01,5,"fee', '2,7,2025-01-01,5,"fee', "3,7,2025-01-02,6,gift", '4,7,"2025-01-01,5,fee']
    bank.land("a.csv", HEADER + "9,7,2025-01-01,5,fee\n" + "\n9,9\n".join(broken) + "\n")
    before = bank.waiting()
    bank.contract(GIFTS)
    (done,) = bank.replay()
    assert done.load is not None and done.load.loaded == 1
    assert [row["transaction_id"] for row in bank.rows()] == [9, 3]
    assert len(bank.waiting()) == len(before) - 1
    bank.expect_account()


def test_a_record_over_several_lines_is_read_as_one(bank: Bank) -> None:
    text = COLUMNS.replace("allowed: [purchase, fee]", 'allowed: [purchase, "a\\nb"]')
    bank.land("a.csv", HEADER + '1,7,2025-01-01,5,"a\nb"\n2,7,2025-01-01,5,purchase\n')
    assert len(bank.waiting()) == 1
    bank.contract(text)
    bank.replay()
    assert {row["kind"] for row in bank.rows()} == {"a\nb", "purchase"}
    assert not bank.waiting()


def test_what_came_later_is_not_replaced_by_what_was_delivered_before(bank: Bank) -> None:
    bank.land("a.csv", HEADER + "1,7,2025-01-01,5,gift\n")
    bank.land("b.csv", HEADER + "1,7,2025-01-01,6,fee\n")
    bank.contract(GIFTS)
    bank.replay()
    newest = max(bank.rows(), key=lambda row: (row["_effective"], row["_load_id"], row["_row"]))
    assert newest["amount"] == Decimal("6.00")


def test_a_snapshot_keeps_its_own_day(bank: Bank) -> None:
    columns = "  customer_id: {type: integer, required: true}\n  segment: {type: string, allowed: [a]}\n"
    head = "mode: snapshot\nkey: [customer_id]\neffective: {file_name: 'c_{yyyy-mm}.csv'}\nmax_deleted_share: 1"
    bank.contract(columns, head, "customers")
    bank.land("c_2025-01.csv", "customer_id,segment\n1,a\n2,b\n")
    bank.land("c_2025-02.csv", "customer_id,segment\n1,a\n")
    bank.contract(columns.replace("[a]", "[a, b]"), head, "customers")
    bank.replay()
    told = [(row["customer_id"], row["_effective"], row["_deleted"]) for row in bank.rows() if row["customer_id"] == 2]
    assert told == [(2, date(2025, 1, 31), False), (2, date(2025, 2, 28), True)]
    bank.expect_account()


def test_a_record_that_contradicts_a_loaded_one_of_its_delivery_stays(bank: Bank) -> None:
    bank.land("a.csv", HEADER + "1,7,2025-01-01,5,fee\n1,7,2025-01-01,6,gift\n2,7,2025-01-01,5,gift\n")
    bank.contract(GIFTS)
    (done,) = bank.replay()
    assert [(left.id, left.rule) for left in done.still_broken] == [("L00000001:1", "unique")]
    assert "row 2 of the same delivery" in done.still_broken[0].reason
    assert sorted(row["transaction_id"] for row in bank.rows()) == [1, 2]


def test_a_copy_of_a_loaded_record_is_a_duplicate(bank: Bank) -> None:
    bank.land("a.csv", HEADER + "1,7,2025-01-01,5.0,fee\n1,7,2025-01-01,5.0x,fee\n")
    (record,) = bank.quarantine()
    edited = bank.project.root / "edited.csv"
    edited.write_text(f"quarantine_id,quarantine_reason,{HEADER}{record.id},,1,7,2025-01-01,5.0,fee\n")
    (done,) = bank.replay(edited=edited)
    assert done.load is not None
    assert (done.load.records_in, done.load.loaded, done.load.duplicates) == (1, 0, 1)
    assert not bank.waiting()
    bank.expect_account()


def test_of_two_that_contradict_each_other_the_chosen_one_is_loaded_and_the_other_stays(bank: Bank) -> None:
    bank.land("a.csv", HEADER + "1,7,2025-01-01,5,fee\n1,7,2025-01-01,6,fee\n")
    assert len(bank.waiting()) == 2
    (none,) = bank.replay()
    assert none.load is None
    (done,) = bank.replay(ids=frozenset({("L00000001", 2)}))
    assert done.load is not None
    (left,) = bank.replay()
    assert (left.load, left.still_broken[0].rule) == (None, "unique")
    assert [row["amount"] for row in bank.rows()] == [Decimal("6.00")]


def test_a_record_that_the_filter_leaves_out_is_counted_as_filtered(bank: Bank) -> None:
    bank.land("a.csv", HEADER + "1,7,2025-01-01,5,gift\n")
    bank.contract(GIFTS, "filter: kind <> 'gift'")
    (done,) = bank.replay()
    assert done.load is not None
    assert (done.load.records_in, done.load.loaded, done.load.filtered) == (1, 0, 1)
    assert not bank.waiting()
    bank.expect_account()


def test_keyless_records_stay_as_many_as_were_delivered(bank: Bank) -> None:
    columns = "\n".join(line for line in COLUMNS.splitlines() if "transaction_id" not in line) + "\n"
    bank.contract(columns, "keyless: true")
    bank.land("a.csv", "customer_id,transaction_at,amount,kind\n" + "7,2025-01-01,5,gift\n" * 3)
    bank.contract(columns.replace("fee]", "fee, gift]"), "keyless: true")
    bank.replay()
    assert [(row["_load_id"], row["_row"]) for row in bank.rows()] == [("L00000001", line) for line in (2, 3, 4)]


def test_ndjson_keeps_every_digit(bank: Bank) -> None:
    bank.contract(head="kind: ndjson")
    line = '{"transaction_id": 9007199254740993, "customer_id": 7, "transaction_at": "2025-01-01", "amount": 0.10'
    bank.land("a.ndjson", f'{line}, "kind": "gift"}}\n{line}, "new": 1}}\n')
    bank.contract(GIFTS, "kind: ndjson")
    (done,) = bank.replay()
    assert [row["transaction_id"] for row in bank.rows()] == [9007199254740993]
    assert bank.rows()[0]["amount"] == Decimal("0.10")
    assert [left.rule for left in done.still_broken] == ["unknown_column"]


def test_one_load_whose_header_no_longer_fits_does_not_stop_the_others(bank: Bank) -> None:
    bank.land("a.csv", HEADER.replace("kind", "old_kind") + "1,7,2025-01-01,5,gift\n")
    renamed = COLUMNS.replace("kind: {", "kind: {from: old_kind, ")
    bank.contract(renamed)
    bank.land("a.csv", HEADER.replace("kind", "old_kind") + "1,7,2025-01-01,5,gift\n")
    bank.contract()
    bank.land("b.csv", HEADER + "2,7,2025-01-01,5,gift\n")
    bank.contract(GIFTS)
    first, second = bank.replay()
    assert first.refused and "header" in first.refused and second.load is not None
    assert bank.waiting() == ["L00000001:1"]


def test_another_entity_refuses_the_replay(bank: Bank) -> None:
    bank.land("a.csv", HEADER + "1,7,2025-01-01,5,gift\n")
    bank.contract("  offer_id: {type: integer}\n  customer_id: {type: integer}\n", "key: [offer_id]", "offers")
    (done,) = bank.replay()
    assert done.refused and "transactions" in done.refused


def test_every_byte_and_account_still_verifies(bank: Bank) -> None:
    bank.land("a.csv", HEADER + "1,7,2025-01-01,5,gift\n2,7,2025-01-01,x,fee\n")
    bank.contract(GIFTS)
    bank.replay()
    assert [finding.problem for finding in verify(bank.project) if finding.problem] == []


def test_edited_records_are_checked_like_any_other(bank: Bank) -> None:
    bank.land("a.csv", HEADER + "1,7,2025-01-01,5,gift\n2,7,2025-01-01,x,fee\n")
    edited = bank.project.root / "edited.csv"
    edited.write_text(
        f"quarantine_id,quarantine_reason,{HEADER}"
        'L00000001:1,"gone",1,7,2025-01-01,5,"fee"\r\n"L00000001:2",,2,7,2025-01-01,y,fee\n'
    )
    (done,) = bank.replay(edited=edited)
    assert done.load is not None and done.load.loaded == 1
    assert [left.id for left in done.still_broken] == ["L00000001:2"]
    assert [row["kind"] for row in bank.rows()] == ["fee"]
    (again,) = bank.replay(edited=edited)
    assert (again.tried, again.load) == (1, None)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("L00000001:1,,1,7,2025-01-01,5,fee\n", "does not begin with"),
        (f"quarantine_id;quarantine_reason;{HEADER}L00000001:1;;1\n", "separated by ','"),
        (f"quarantine_id,quarantine_reason,{HEADER}L00000001:9,,1,7,2025-01-01,5,fee\n", "is no record"),
        (f"quarantine_id,quarantine_reason,{HEADER}" + "L00000001:1,,1,7,2025-01-01,5,fee\n" * 2, "twice"),
    ],
)
def test_an_edited_file_that_is_none_is_refused(bank: Bank, content: str, said: str) -> None:
    bank.land("a.csv", HEADER + "1,7,2025-01-01,5,gift\n")
    edited = bank.project.root / "edited.csv"
    edited.write_text(content)
    with pytest.raises(UsageError, match=said):
        bank.replay(edited=edited)
    assert len(bank.loads()) == 1


def test_records_that_only_together_look_like_others_are_not_taken_for_them(bank: Bank) -> None:
    """Under another quote the first two would be one record and the third two: as many as there are."""
    lines = ["1,7,2025-01-01,5,'a", "9,7,2025-01-01,5,fee", "x'", '2,7,2025-01-01,5,"b\nc"']
    bank.land("a.csv", HEADER + "\n".join(lines) + "\n")
    assert len(bank.waiting()) == 3
    bank.contract(COLUMNS.replace(", allowed: [purchase, fee]", ""), 'quote: "\'"')
    (done,) = bank.replay()
    assert (done.load, len(done.still_broken)) == (None, 3)
