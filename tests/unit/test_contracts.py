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
        ("entity: tickets", "entity: ticket", 2, "entity 'ticket' is not known; use one of customers"),
        ("key: [ticket_id]", "key: [ticketid]", 5, "'ticketid' is used but is not one of the columns"),
        ("key: [ticket_id]\n", "", 1, "name the key columns, or say keyless: true"),
        ("  customer_id: {type: integer, required: true}\n", "", 6, "entity tickets needs the column customer_id"),
        (
            "decimal(10,2)",
            "decimal(10,3)",
            10,
            "resolution_time_hrs is decimal(10,3); entity tickets holds at most DECIMAL(10,2)",
        ),
        ("decimal(10,2)", "decimal(2,10)", 10, "at most 38 digits, and no more decimals than digits"),
        ("allowed: [Low, High]", "range: [0, 1]", 9, "range is for integer, decimal and number columns"),
        ("allowed: [Low, High]", "pattern: '['", 9, "pattern is not a regular expression"),
        ("allowed: [Low, High]", "pattern: '^(?!x).*$'", 9, "pattern is not a regular expression of RE2"),
        ("{type: string, allowed: [Low, High]}", "{type: number, range: [0, 1e400]}", 9, "greater than any number of"),
        ("landing/tickets*.csv", '"landing/**x/*.csv"', 4, "** means folders of any depth and stands alone"),
        ("landing/tickets*.csv", '[a.csv, "landing/x**.csv"]', 4, "** means folders of any depth and stands alone"),
        ("landing/tickets*.csv", f"landing/{'ä' * 128}*.csv", 4, "has more than 255 bytes"),
        ("landing/tickets*.csv", '"a\\0.csv"', 4, "name a file, a folder or a glob"),
        (
            "allowed: [Low, High]",
            "alowed: [Low, High]",
            9,
            "columns.severity: the word alowed is not known; did you mean allowed?",
        ),
        ("kind: csv", "kind: xml", 3, "kind: 'xml' is none of 'csv', 'json', 'ndjson', 'parquet', 'mariadb' or 'sql'"),
        ("path: landing/tickets*.csv\n", "", 1, "a csv source needs path"),
        ("severity:", "Severity:", 9, "String should match pattern"),
        ("columns:", "columns: [", 8, "not valid YAML"),
        ("key:", "mode: replace\nkey:", 5, "mode: 'replace' is none of 'upsert'"),
        ("key: [ticket_id]", "mode: snapshot\nkeyless: true", 6, "mode: snapshot needs a key"),
        ("key: [ticket_id]", "mode: snapshot\nkey: [ticket_id, customer_id]", 6, "write key: [ticket_id]"),
        ("key:", "allow_empty: true\nkey:", 5, "allow_empty and max_deleted_share are for mode: snapshot"),
        ("key:", "max_deleted_share: 2\nkey:", 5, "less than or equal to 1"),
        ("key:", "filter: severity = 'Low' AND colour = 'red'\nkey:", 5, "colour is not one of the columns: ticket_id"),
        ("key:", "filter: severity\nkey:", 5, "is not true or false: compare it with something"),
        ("key:", "filter: COUNT(*) > 1\nkey:", 5, "looks at one record at a time: COUNT cannot stand in it"),
        (
            "key:",
            "filter: ticket_id IN (SELECT 1 AS n)\nkey:",
            5,
            "filter: looks at one record at a time: another SELECT",
        ),
        ("key:", "filter: severity ILIKE 'low'\nkey:", 5, "ILIKE is not in the common SQL"),
        ("key:", "filter: ticket_id > 1), (ticket_id = 2\nkey:", 5, "must be one condition, such as"),
        ("key:", "filter: ticket_id >\nkey:", 5, "not SQL"),
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


def test_all_mistakes_are_named_at_once_each_with_its_line(tmp_path: Path) -> None:
    text = (
        GOOD.replace("kind: csv", "kind: excel")
        .replace("type: string", "typ: string")
        .replace("[0, null]", "[x, null]")
    )
    with pytest.raises(SettingsError) as caught:
        read_contract(_write(tmp_path, text))
    assert caught.value.where == f"{tmp_path / 'tickets.yml'}:3"
    lines = caught.value.what.splitlines()
    assert lines[0] == "4 mistakes"
    assert [line.split(":")[0].strip() for line in lines[1:]] == ["line 3", "line 9", "line 9", "line 10"]
    assert "columns.severity: the word typ is not known; did you mean type?" in caught.value.what
    assert "columns.severity.type: is missing" in caught.value.what


def test_a_word_without_a_near_one_is_told_which_there_are(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        read_contract(_write(tmp_path, GOOD.replace("key:", "watch: {xyzzy: done}\nkey:")))
    assert caught.value.what == "watch: the word xyzzy is not known; known are archive, refused"


def test_a_word_that_stands_twice_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="'severity' stands here twice") as caught:
        read_contract(_write(tmp_path, f"{GOOD}  severity: {{type: string}}\n"))
    assert str(caught.value.where).endswith(":11")


def test_values_are_what_is_written_not_what_yaml_makes_of_them(tmp_path: Path) -> None:
    words = '{N: No, Y: yes, 010: "null", 1.10: 12:30, on: ~}'
    columns = f"  severity: {{type: string, values: {words}, else: off}}\n"
    more = "  price: {type: 'decimal(20,2)', constant: 123456789012345678.10}\n"
    text = GOOD.replace("  severity: {type: string, allowed: [Low, High]}\n", columns + more).replace(
        "[0, null]", "[0.10, ~]"
    )
    contract = read_contract(_write(tmp_path, text))
    severity = contract.columns["severity"]
    assert severity.values == {"N": "No", "Y": "yes", "010": "null", "1.10": "12:30", "on": None}
    assert severity.otherwise == "off"
    assert contract.columns["price"].constant == "123456789012345678.10"
    assert str(contract.columns["resolution_time_hrs"].range) == "(Decimal('0.10'), None)"


def test_numbers_and_truth_are_understood_all_the_same(tmp_path: Path) -> None:
    text = GOOD.replace("key:", "max_bad_share: 0.25\nskip_lines: 2\nheader: false\nfreshness: 14d\nkey:")
    contract = read_contract(_write(tmp_path, text))
    assert (contract.max_bad_share, contract.skip_lines, contract.header, contract.fresh_days) == (0.25, 2, False, 14)
    assert contract.columns["ticket_id"].required is True


def test_a_file_of_anything_else_is_no_contract(tmp_path: Path) -> None:
    for content, message in (
        ("", "a contract is a mapping"),
        ("- a\n", "a contract is a mapping"),
        ("a: *b\n", "not valid"),
    ):
        with pytest.raises(SettingsError, match=message):
            read_contract(_write(tmp_path, content))
    (tmp_path / "tickets.yml").write_bytes(b"source: \xff\n")
    with pytest.raises(SettingsError, match="is not UTF-8 text"):
        read_contract(tmp_path / "tickets.yml")


@pytest.mark.parametrize("bounds", ["[-9999999999999999999999999999.9999999999, 0.0000000001]", "[1E+20, 1e27]"])
def test_a_range_may_have_whatever_is_compared_exactly(tmp_path: Path, bounds: str) -> None:
    read_contract(_write(tmp_path, GOOD.replace("[0, null]", bounds)))


@pytest.mark.parametrize("bound", ["1e30", "10000000000000000000000000000", "0.00000000001", "1e-400"])
def test_a_range_that_would_be_rounded_or_is_too_great_is_refused(tmp_path: Path, bound: str) -> None:
    path = _write(tmp_path, GOOD.replace("[0, null]", f"[null, {bound}]"))
    with pytest.raises(SettingsError, match="at most 28 digits and 10 decimals") as caught:
        read_contract(path)
    assert caught.value.where == f"{path}:10"


def test_a_select_cannot_take_columns_along_that_nobody_has_named(tmp_path: Path) -> None:
    text = GOOD.replace("kind: csv", "kind: sql\nschema_policy: evolve").replace("tickets*.csv", "tickets.sql")
    path = _write(tmp_path, text)
    with pytest.raises(SettingsError, match="name a new column of the SELECT under columns") as caught:
        read_contract(path)
    assert caught.value.where == f"{path}:4"
    read_contract(_write(tmp_path, text.replace("evolve", "freeze")))
