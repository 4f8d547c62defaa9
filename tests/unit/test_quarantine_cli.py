"""The quarantine at the command line: counted and priced, shown, exported, mended, replayed, dismissed, built."""

import json
import stat
from decimal import Decimal
from pathlib import Path

import pytest

from tenure.core.clock import new_run_id
from tenure.pipeline import raw_zone, run_build
from tenure.warehouse.lineage import lineage_of
from tenure.warehouse.lineage_rows import row_lineage
from tenure.warehouse.releases import open_release
from tenure.warehouse.runner import BuildRequest
from tests.command import Command
from tests.unit.quarantine_bank import COLUMNS, DAY, HEADER, Bank, make_bank

GIFTS = COLUMNS.replace("purchase, fee", "purchase, fee, gift")
DIRTY = HEADER + (
    "1,7,2025-01-01,5.00,fee\n"
    "2,7,2025-01-02,1234.50,gift\n"
    "3,x,2025-01-03,0.10,fee\n"
    "4,7,2025-01-04,EUR 7,gift\n"
    "5,7,2025-01-05,0.20,gift\n"
    "6,7\n"
)


@pytest.fixture
def bank(tmp_path: Path) -> Bank:
    made = make_bank(tmp_path / "bank")
    made.land("a.csv", DIRTY)
    return made


def table_of(bank: Bank, sql: str) -> list[dict[str, object]]:
    with open_release(bank.project) as release:
        return release.query(sql).to_pylist()


def build(bank: Bank, *, full: bool = False) -> None:
    run_build(bank.project, BuildRequest(new_run_id(), DAY, full))


def test_the_list_counts_and_prices_what_waits(tenure: Command, bank: Bank) -> None:
    lines = tenure("quarantine", "list", "--json", "--project", bank.project.root).document
    found = {(line["column"], line["rule"]): line for line in lines}
    gifts = found["kind", "allowed"]
    assert (gifts["open"], gifts["amount"], gifts["unknown_amount"]) == (2, "1,234.70 EUR", 0)
    assert found["customer_id", "type"]["amount"] == "0.10 EUR"
    assert (found["amount", "type"]["amount"], found["amount", "type"]["unknown_amount"]) == (None, 1)
    assert found[None, "fields"]["unknown_amount"] == 1
    assert "fact_customer_activity" in gifts["missing_from_tables"]
    assert "transaction_amount" in gifts["missing_from_metrics"]
    assert "tickets" not in gifts["missing_from_metrics"]


def test_the_list_for_people_says_what_lacks_the_records(tenure: Command, bank: Bank) -> None:
    out = tenure("quarantine", "list", "--project", bank.project.root).out
    assert "The open records of bookings are missing from fact_customer_activity" in out


def test_amounts_of_several_currencies_are_never_added_up(tenure: Command, tmp_path: Path) -> None:
    bank = make_bank(tmp_path / "other")
    bank.contract(COLUMNS + "  currency: {type: string}\n")
    header = HEADER.replace("\n", ",currency\n")
    bank.land("a.csv", header + "1,7,2025-01-01,5,gift,USD\n2,7,2025-01-01,6,gift,\n3,7,2025-01-01,7,gift,USD\n")
    (line,) = tenure("quarantine", "list", "--json", "--project", bank.project.root).document
    assert line["amount"] == "6.00 EUR + 12.00 USD"


def test_what_was_replayed_or_dismissed_is_no_longer_open_but_still_told(tenure: Command, bank: Bank) -> None:
    at = ("--project", bank.project.root)
    bank.contract(GIFTS)
    assert tenure("quarantine", "replay", "bookings", *at).code == 0
    gone = tenure("quarantine", "dismiss", "bookings", "--rule", "fields", "--reason", "a test row", *at, "--json")
    assert gone.document == {"source": "bookings", "dismissed": 1}
    lines = tenure("quarantine", "list", "--json", *at).document
    assert {(line["rule"], line["open"], line["replayed"], line["dismissed"]) for line in lines} == {
        ("allowed", 0, 2, 0),
        ("type", 1, 0, 0),
        ("fields", 0, 0, 1),
    }
    shown = tenure("quarantine", "show", "bookings", "--json", *at).document
    assert sorted(row["id"] for row in shown) == ["L00000001:2", "L00000001:3"]
    every = tenure("quarantine", "show", "bookings", "--all", "--json", *at).document
    fates = {row["id"]: (row["fate"], row["why"], row["by_load"]) for row in every}
    assert fates["L00000001:5"] == ("dismissed", "a test row", None)
    assert fates["L00000001:1"][::2] == ("replayed", "L00000002")
    assert all(row["settled_by"] for row in every if row["fate"] != "open")


def test_an_export_is_mended_and_replayed(tenure: Command, bank: Bank, tmp_path: Path) -> None:
    at, file = ("--project", bank.project.root), tmp_path / "mend.csv"
    tenure("quarantine", "export", "bookings", file, "--rule", "type", *at)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text() == (
        "quarantine_id,quarantine_reason,"
        + HEADER
        + 'L00000001:2,"customer_id is not an integer",3,x,2025-01-03,0.10,fee\n'
        'L00000001:3,"amount is not a decimal(18,2)",4,7,2025-01-04,EUR 7,gift\n'
    )
    file.write_text(file.read_text().replace("3,x,", "3,9,").replace("EUR 7,gift", "7.00,fee"))
    ran = tenure("quarantine", "replay", "bookings", "--edited", file, *at, "--json")
    assert (ran.code, ran.document["replays"][0]["loaded"]) == (0, 2)
    assert {row["transaction_id"]: row["amount"] for row in bank.rows()} == {
        1: Decimal("5.00"),
        3: Decimal("0.10"),
        4: Decimal("7.00"),
    }
    assert tenure("quarantine", "export", "bookings", file, *at).code == 2


def test_json_records_are_exported_with_every_digit_and_broken_ones_as_text(tenure: Command, tmp_path: Path) -> None:
    bank = make_bank(tmp_path / "json")
    bank.contract(head="kind: ndjson")
    exact = '{"transaction_id": 9007199254740993, "customer_id": 1, "transaction_at": "2025-01-01", "amount": 1.10'
    bank.land("a.ndjson", f'{exact}, "kind": "gift"}}\n{exact}, "amount": 2}}\n{{"transaction_id": \n')
    at, file = ("--project", bank.project.root), tmp_path / "mend.ndjson"
    tenure("quarantine", "export", "bookings", file, *at)
    first, second, third = file.read_text().splitlines()
    assert first.endswith(f'"record": {exact}, "kind": "gift"}}}}')
    assert isinstance(json.loads(second)["record"], str)
    assert json.loads(third)["record"] == '{"transaction_id": '
    mended = json.dumps({**json.loads(third), "record": f'{exact.replace("3,", "4,")}, "kind": "fee"}}'})
    file.write_text("\n".join([first.replace('"gift"', '"fee"'), second, mended]))
    ran = tenure("quarantine", "replay", "bookings", "--edited", file, "--strict", *at)
    assert ran.code == 3
    assert [row["transaction_id"] for row in bank.rows()] == [9007199254740993, 9007199254740994]
    assert bank.waiting() == ["L00000001:2"]


def test_an_edited_file_is_told_apart_by_its_ids_whatever_its_quotes(tenure: Command, tmp_path: Path) -> None:
    bank = make_bank(tmp_path / "quotes")
    bank.land("a.csv", HEADER + '1,7,2025-01-01,5,"fee\n2,7,2025-01-01,5,gift\n')
    at, file = ("--project", bank.project.root), tmp_path / "mend.csv"
    tenure("quarantine", "export", "bookings", file, *at)
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"gift", b"fee").replace(b"\n", b"\r\n"))
    ran = tenure("quarantine", "replay", "bookings", "--edited", file, "--json", *at)
    assert [left["id"] for left in ran.document["replays"][0]["still_broken"]] == ["L00000001:1"]
    assert [row["transaction_id"] for row in bank.rows()] == [2]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("show", "nothing"), "there is no source nothing"),
        (("show", "bookings", "--rule", "allowd"), "the rules broken there are allowed, fields, type"),
        (("show", "bookings", "--load", "L00000009"), "has no load L00000009"),
        (("replay", "bookings", "--id", "L00000001:9"), "is no record in the quarantine"),
        (("replay", "bookings", "--id", "7"), "an id looks like L00000012:3"),
        (("dismiss", "bookings", "--reason", " "), "--reason is empty"),
        (("export", "bookings", "x.txt"), "end its name in .csv or .ndjson"),
    ],
)
def test_what_cannot_be_meant_is_said_and_changes_nothing(
    tenure: Command, bank: Bank, words: tuple[str, ...], said: str
) -> None:
    before = bank.waiting()
    ran = tenure("quarantine", *words, "--project", bank.project.root)
    assert (ran.code, said in ran.err) == (2, True)
    assert bank.waiting() == before


def test_the_tables_after_a_replay_are_those_of_a_full_build(bank: Bank) -> None:
    build(bank)
    before = table_of(bank, "SELECT records_in, loaded, quarantined FROM data_quality")
    assert before == [{"records_in": 6, "loaded": 1, "quarantined": 5}]
    bank.contract(GIFTS)
    bank.replay()
    build(bank)
    (after,) = table_of(bank, "SELECT records_in, loaded, quarantined FROM data_quality")
    assert after == {"records_in": 6, "loaded": 3, "quarantined": 3}
    facts = "SELECT fact_id, amount, activity_date, _load_id, _row FROM fact_customer_activity ORDER BY fact_id"
    grown = table_of(bank, facts)
    assert sum(Decimal(str(row["amount"])) for row in grown) == Decimal("1239.70")
    build(bank, full=True)
    assert table_of(bank, facts) == grown


def test_a_replayed_row_leads_to_the_file_and_line_of_its_delivery(bank: Bank) -> None:
    bank.contract(GIFTS)
    bank.replay()
    build(bank)
    zone = raw_zone(bank.project)
    with open_release(bank.project) as release:
        (fact,) = release.query("SELECT fact_id FROM fact_customer_activity WHERE amount = 1234.50").to_pylist()
        lineage = lineage_of(bank.project, zone, release.manifest.loads)
        found = row_lineage(release, zone, lineage, [], "fact_customer_activity", [str(fact["fact_id"])])
    assert ("landing/a.csv", 3) in {(record.delivery, record.row) for record in found.records}


def test_an_edited_file_that_is_no_text_is_refused(tenure: Command, bank: Bank, tmp_path: Path) -> None:
    file = tmp_path / "mend.csv"
    file.write_bytes(b"quarantine_id,\xff\xfe\n")
    ran = tenure("quarantine", "replay", "bookings", "--edited", file, "--project", bank.project.root)
    assert ran.code == 2
    assert "does not begin with the columns" in ran.err
