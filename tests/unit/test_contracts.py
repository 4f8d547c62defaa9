"""A contract that is wrong says where; one that is right says what its records must look like."""

from pathlib import Path

import pytest

from tenure.contracts.files import read_contract, read_contracts
from tenure.core.errors import SettingsError

GOOD = """\
source: tickets
entity: tickets
kind: csv
path: landing/tickets*.csv
key: [ticket_id]
columns:
  ticket_id: {type: integer, required: true}
  customer_id: {type: integer, required: true}
  severity: {type: string, allowed: [Low, High]}
  resolution_time_hrs: {type: "decimal(10,2)", range: [0, null]}
"""


def _write(folder: Path, text: str, name: str = "tickets.yml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_good_contract_is_read(tmp_path: Path) -> None:
    contract = read_contract(_write(tmp_path, GOOD))
    assert contract.columns["resolution_time_hrs"].sql_type == "DECIMAL(10,2)"
    assert contract.columns["resolution_time_hrs"].decimal == (10, 2)
    assert contract.attributes() == {}


@pytest.mark.parametrize(
    ("before", "after", "line", "message"),
    [
        (
            "type: integer, required: true}\n  customer",
            "type: int, required: true}\n  customer",
            7,
            "type 'int' is not known",
        ),
        ("entity: tickets", "entity: ticket", 1, "entity 'ticket' is not known; use one of customers"),
        ("key: [ticket_id]", "key: [ticketid]", 1, "'ticketid' is used but is not one of the columns"),
        ("key: [ticket_id]\n", "", 1, "name the key columns, or say keyless: true"),
        ("  customer_id: {type: integer, required: true}\n", "", 1, "entity tickets needs the column customer_id"),
        (
            "decimal(10,2)",
            "decimal(10,3)",
            1,
            "resolution_time_hrs is decimal(10,3); entity tickets holds at most DECIMAL(10,2)",
        ),
        ("decimal(10,2)", "decimal(2,10)", 10, "at most 38 digits, and no more decimals than digits"),
        ("allowed: [Low, High]", "range: [0, 1]", 9, "range is for integer, decimal and number columns"),
        ("allowed: [Low, High]", "pattern: '['", 9, "pattern is not a regular expression"),
        ("allowed: [Low, High]", "alowed: [Low, High]", 9, "Extra inputs are not permitted"),
        ("kind: csv", "kind: xml", 3, "Input should be 'csv', 'ndjson' or 'mariadb'"),
        ("path: landing/tickets*.csv\n", "", 1, "a csv source needs path"),
        ("severity:", "Severity:", 9, "String should match pattern"),
        ("columns:", "columns: [", 8, "not valid YAML"),
        ("key:", "delimiter: §\nkey:", 1, "delimiter '§' is not an ASCII character; convert the file to one such as"),
        ("key:", "mode: append\nkey:", 5, "Input should be 'upsert' or 'snapshot'"),
        ("key: [ticket_id]", "mode: snapshot\nkeyless: true", 1, "mode: snapshot needs a key"),
        ("key: [ticket_id]", "mode: snapshot\nkey: [ticket_id, customer_id]", 1, "write key: [ticket_id]"),
        ("key:", "allow_empty: true\nkey:", 1, "allow_empty and max_deleted_share are for mode: snapshot"),
        ("key:", "max_deleted_share: 2\nkey:", 5, "less than or equal to 1"),
        ("key:", "filter: severity = 'Low' AND colour = 'red'\nkey:", 1, "colour is not one of the columns: ticket_id"),
        ("key:", "filter: severity\nkey:", 1, "is not true or false: compare it with something"),
        ("key:", "filter: COUNT(*) > 1\nkey:", 1, "looks at one record at a time: COUNT cannot stand in it"),
        (
            "key:",
            "filter: ticket_id IN (SELECT 1 AS n)\nkey:",
            1,
            "filter: looks at one record at a time: another SELECT",
        ),
        ("key:", "filter: severity ILIKE 'low'\nkey:", 1, "ILIKE is not in the common SQL"),
        ("key:", "filter: ticket_id > 1), (ticket_id = 2\nkey:", 1, "must be one condition, such as"),
        ("key:", "filter: ticket_id >\nkey:", 1, "not SQL"),
    ],
)
def test_a_wrong_contract_names_file_line_and_cure(
    tmp_path: Path, before: str, after: str, line: int, message: str
) -> None:
    path = _write(tmp_path, GOOD.replace(before, after))
    with pytest.raises(SettingsError) as caught:
        read_contract(path)
    assert message in caught.value.what
    assert caught.value.where == f"{path}:{line}"
    assert caught.value.cure


def test_an_empty_contract_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="a contract is a mapping"):
        read_contract(_write(tmp_path, ""))


def test_two_contracts_may_not_claim_one_source(tmp_path: Path) -> None:
    _write(tmp_path, GOOD)
    _write(tmp_path, GOOD, "again.yml")
    with pytest.raises(SettingsError, match="declared a second time"):
        read_contracts(tmp_path)


def test_any_change_of_a_contract_is_another_version(tmp_path: Path) -> None:
    first = read_contract(_write(tmp_path, GOOD)).version
    again = read_contract(_write(tmp_path, GOOD)).version
    other = read_contract(_write(tmp_path, GOOD.replace("[0, null]", "[0, 999]"))).version
    assert first == again != other


def test_columns_beyond_the_entity_come_along_as_attributes(tmp_path: Path) -> None:
    contract = read_contract(_write(tmp_path, GOOD + "  branch: {type: string}\n"))
    assert list(contract.attributes()) == ["branch"]


def test_a_snapshot_has_one_date_for_all_of_its_records(tmp_path: Path) -> None:
    dated = GOOD.replace("key:", "mode: snapshot\neffective: {column: opened_at}\nkey:") + "  opened_at: {type: date}\n"
    with pytest.raises(SettingsError, match="mode: snapshot has one date for all of its records"):
        read_contract(_write(tmp_path, dated))


@pytest.mark.parametrize("key", ["[account_id]", "[customer_id]"])
def test_an_entity_of_two_key_columns_wants_both(tmp_path: Path, key: str) -> None:
    text = f"""\
source: accounts
entity: accounts
kind: csv
path: landing/accounts.csv
key: {key}
columns:
  account_id: {{type: integer}}
  customer_id: {{type: integer}}
"""
    with pytest.raises(SettingsError, match=r"write key: \[account_id, customer_id\]"):
        read_contract(_write(tmp_path, text))
