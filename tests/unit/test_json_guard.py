"""The JSON guard takes numbers exactly, one record a line, and says of every other line what is wrong with it."""

from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from tenure.core.errors import SourceRefused
from tenure.sources import json_guard
from tenure.sources.json_guard import json_blocks
from tenure.sources.json_record import DEEPEST
from tests.guarded_file import Read, contract, read_through

TERMS = contract(
    "ndjson",
    visits="integer",
    balance="decimal(12,2)",
    ratio="number",
    active="boolean",
    opened="date",
    note={"type": "string", "from": "Nötiz"},
)
GOOD = b'{"customer_id":"1","visits":3}'


def read(content: bytes | str, block_bytes: int = 16 << 20) -> Read:
    return read_through(json_blocks, content if isinstance(content, bytes) else content.encode(), TERMS, block_bytes)


def value(name: str, literal: str) -> object:
    """What becomes of one value, in a record that is taken."""
    source = TERMS.source_columns()[name]
    result = read(f'{{"{source}":{literal}}}\n')
    assert result.rejects == []
    return result.cells[1][name]


def fault(line: bytes | str) -> tuple[str, str | None, str]:
    """Rule, column and reason of a line that is rejected, between two good ones that are taken."""
    encoded = line if isinstance(line, bytes) else line.encode()
    result = read(GOOD + b"\n" + encoded + b"\n" + GOOD)
    assert [reject.row for reject in result.rejects] == [2]
    assert sorted(result.cells) == [1, 3]
    reject = result.rejects[0]
    assert reject.record == encoded
    return reject.rule, reject.column, reject.reason


def test_a_sound_file_arrives_typed() -> None:
    result = read(
        '{"customer_id":"1","visits":-3,"balance":12.5,"ratio":0.25,"active":true,"opened":"2025-01-31","Nötiz":"é\\n"}\n'
        '{"Nötiz": null, "customer_id": "2", "opened": ""}\n'
    )
    first, second = result.cells[1], result.cells[2]
    assert first == {
        "customer_id": "1",
        "visits": -3,
        "balance": Decimal("12.50"),
        "ratio": 0.25,
        "active": True,
        "opened": "2025-01-31",
        "note": "é\n",
    }
    assert second == {**dict.fromkeys(TERMS.columns), "customer_id": "2", "opened": ""}
    assert [kinds["balance"] for kinds in result.types] == [pa.decimal128(12, 2)]


def test_numbers_do_not_pass_through_binary_floating_point() -> None:
    assert value("balance", "1234567890.78") == Decimal("1234567890.78")
    assert value("visits", "9007199254740993") == 9007199254740993
    assert value("visits", "-9223372036854775808") == -9223372036854775808


@pytest.mark.parametrize("literal", ["1.005", "12345678901.5", "1e999", "0.123456789012345678901234567890123456789012"])
def test_a_number_that_its_decimal_cannot_hold_is_kept_as_it_is_written(literal: str) -> None:
    assert value("balance", literal) == literal


@pytest.mark.parametrize("literal", ["1.0", "1e2", "9223372036854775808", "1" * 60])
def test_a_number_that_is_no_integer_as_written_is_kept_as_it_is_written(literal: str) -> None:
    assert value("visits", literal) == literal


@pytest.mark.parametrize(("literal", "plain"), [("1e2", "100"), ("1.5E+1", "15"), ("25e-2", "0.25")])
def test_an_exponent_in_a_decimal_is_written_out(literal: str, plain: str) -> None:
    assert value("balance", literal) == Decimal(plain)
    # Beside a value of another kind the record is read on its own; it must come to the same.
    for given in (literal, f'"{literal}"'):
        assert read(f'{{"balance":{given},"visits":1.5}}\n').cells[1]["balance"] == plain


def test_a_number_where_text_is_expected_keeps_its_digits() -> None:
    assert [value("note", literal) for literal in ("7", "-0", "1.50", "1E5", "12345678901234567890123")] == [
        "7",
        "-0",
        "1.50",
        "1E5",
        "12345678901234567890123",
    ]


def test_text_or_a_truth_value_where_a_number_is_expected_is_left_to_the_checks() -> None:
    assert value("visits", '"12"') == "12"
    assert value("visits", '"n/a"') == "n/a"
    assert value("visits", "true") == "true"
    assert value("active", '"TRUE"') == "TRUE"
    assert value("active", "1") == "1"
    assert value("opened", "20250131") == "20250131"
    assert value("note", "false") == "false"


def test_an_absent_key_is_null_and_so_is_null() -> None:
    assert read("{}\n").cells == {1: dict.fromkeys(TERMS.columns)}
    assert value("note", "null") is None


def test_blank_lines_are_no_records_and_line_ends_may_be_mixed() -> None:
    result = read(b'\n{"visits":1}\r\n \t\r\n  {"visits":2} \n\r\n{"visits":3}')
    assert {row: cells["visits"] for row, cells in result.cells.items()} == {2: 1, 4: 2, 6: 3}
    assert result.verbatim == {2: b'{"visits":1}', 4: b'  {"visits":2} ', 6: b'{"visits":3}'}


@pytest.mark.parametrize("content", [b"", b"\n", b" \r\n\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"])
def test_a_file_without_records_is_allowed(content: bytes) -> None:
    assert read(content).records == 0


def test_a_byte_order_mark_at_the_start_is_tolerated_and_nowhere_else() -> None:
    result = read(b"\xef\xbb\xbf" + GOOD + b"\n\xef\xbb\xbf" + GOOD + b"\n")
    assert (sorted(result.cells), result.faults) == ([1], [(2, "json")])
    assert result.verbatim[1] == GOOD


@pytest.mark.parametrize(
    "line",
    [
        '{"visits":1,"visits":2}',
        '{"visits":1,"vis\\u0069ts":1}',
        '{"visits":1,}',
        '{"visits":1 /* one */}',
        '{"visits":01}',
        '{"visits":-}',
        '{"visits":+1}',
        '{"ratio":1.}',
        '{"ratio":.5}',
        '{"ratio":NaN}',
        '{"ratio":Infinity}',
        '{"ratio":-Infinity}',
        '{"ratio":0x10}',
        '{"active":True}',
        '{"Nötiz":"tab\there"}',
        '{"Nötiz":"\\x"}',
        '{"Nötiz":"\\u12"}',
        '{"Nötiz":"\\ud800"}',
        '{"Nötiz":"\\udc00\\ud800"}',
        '{"Nötiz":"open}',
        "{'visits':1}",
        "{visits:1}",
        '{"visits"}',
        '{"visits":1',
        '"visits":1}',
        "{}{}",
        '{"visits":1} {"visits":2}',
        "{},",
        "{}x",
        "[{}]",
        "null",
        "1",
        '"text"',
        "}",
        "\x0c{}",
        '{"visits":\x00 1}',
    ],
)
def test_what_is_not_one_json_object_is_rejected(line: str) -> None:
    assert fault(line)[0] == "json"


def test_a_record_over_several_lines_is_rejected_line_by_line() -> None:
    result = read(b'{"visits":1}\n{\n"visits":2\n}\n{"visits":\n3}{}\n')
    assert result.faults == [(row, "json") for row in range(2, 7)]
    assert sorted(result.cells) == [1]


def test_two_wrongs_do_not_make_the_count_right() -> None:
    # A record over two lines and two records in one line: as many records as lines.
    result = read(b'{"visits":\n1}{}\n{"visits":4}\n')
    assert (result.faults, sorted(result.cells)) == ([(1, "json"), (2, "json")], [3])


def test_an_unknown_key_is_never_dropped_silently() -> None:
    assert fault('{"visits":1,"shoe size":42}') == (
        "unknown_column",
        None,
        'has a key that the contract does not know: "shoe size"',
    )


def test_a_key_is_known_by_its_name_in_the_source() -> None:
    assert fault('{"note":"x"}')[0] == "unknown_column"


@pytest.mark.parametrize(("literal", "kind"), [('{"a":1}', "an object"), ("[1]", "an array"), ("{}", "an object")])
def test_an_object_or_array_in_place_of_a_value_is_rejected(literal: str, kind: str) -> None:
    for name, source in TERMS.source_columns().items():
        assert fault(f'{{"{source}":{literal}}}') == ("type", name, f"{name} is {kind}, not a value")


def test_nesting_without_end_is_rejected_not_followed() -> None:
    deep = '{"visits":' + "[" * 100_000 + "]" * 100_000 + "}"
    assert fault(deep) == ("json", None, f"is nested more than {DEEPEST} deep")
    assert fault('{"visits":' + "[" * 99 + "]" * 99 + "}")[0] == "type"
    assert value("note", '"' + "[{" * 200 + '"') == "[{" * 200


def test_bytes_that_are_not_utf8_are_rejected_as_such() -> None:
    for bad in (b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xc0\xaf"):
        line = '{"Nötiz":"'.encode() + bad + b'"}'
        assert fault(line)[0] == "encoding"


def test_a_nul_character_is_rejected_however_it_is_written() -> None:
    assert fault('{"Nötiz":"a\\u0000b"}') == ("encoding", "note", "note holds a NUL character")
    assert value("note", '"a\\\\u0000b"') == "a\\u0000b"


def test_a_pair_of_surrogates_is_one_character() -> None:
    assert value("note", '"\\ud83d\\ude00"') == "😀"


def test_no_reason_quotes_a_value() -> None:
    lines = ['{"Nötiz":"secret","visits":secret}', '{"Nötiz":{"a":"secret"}}', '{"visits":secret', '["secret"]']
    assert not [reason for line in lines if "secret" in (reason := fault(line)[2])]


def test_one_bad_line_leaves_the_others_exact() -> None:
    lines = [f'{{"customer_id":"{number}","balance":{number}.25}}' for number in range(3000)]
    lines[1234] = '{"customer_id":"1234","balance":1234.25'
    result = read("\n".join(lines))
    assert result.faults == [(1235, "json")]
    assert result.column("balance") == [Decimal(f"{number}.25") for number in range(3000) if number != 1234]


def test_a_column_whose_values_change_kind_stays_exact() -> None:
    kinds = ['"{}"', "{}", '"{}"']
    lines = [
        f'{{"visits":{kinds[block].format(number)},"customer_id":{kinds[2 - block].format(number)}}}'
        for block in range(3)
        for number in range(500)
    ]
    for block_bytes in (1000, 16 << 20):
        result = read("\n".join(lines), block_bytes)
        assert result.rejects == []
        assert [int(str(cell)) for cell in result.column("visits")] == [*range(500)] * 3
        assert result.column("customer_id") == [str(number) for number in range(500)] * 3


def test_integers_where_text_is_expected_are_read_at_once_and_stay_as_written() -> None:
    lines = [f'{{"customer_id":{number}}}' for number in range(2000)]
    lines[700], lines[800], lines[900] = '{"customer_id":-0}', '{"customer_id":1.50}', '{"customer_id":"007"}'
    expected = [str(number) for number in range(2000)]
    expected[700], expected[800], expected[900] = "-0", "1.50", "007"
    for block_bytes in (2000, 16 << 20):
        assert read("\n".join(lines), block_bytes).column("customer_id") == expected


def test_the_size_of_the_blocks_changes_nothing() -> None:
    content = GOOD + b'\r\n\n{"visits":1.5}\n{"visits":"x"}\nnull\n{"visits":1,"visits":1}\n' + GOOD + b"\n" + GOOD
    whole = read(content)
    assert whole.faults == [(5, "json"), (6, "json")]
    for block_bytes in range(1, 64):
        result = read(content, block_bytes)
        assert (result.records, result.verbatim, result.rejects) == (whole.records, whole.verbatim, whole.rejects)
        assert [str(cell) for cell in result.column("visits")] == ["3", "1.5", "x", "3", "3"]


def test_a_record_may_be_longer_than_any_block() -> None:
    long = "y" * (3 << 20)
    result = read(f'{{"Nötiz":"{long}"}}\n{{"Nötiz":"x"}}\n{{"Nötiz":"{long}"}}', 1 << 10)
    assert result.column("note") == [long, "x", long]


def test_a_line_without_end_is_refused_before_memory_runs_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_guard, "LONGEST_LINE", 1 << 12)
    path = tmp_path / "people.json"
    path.write_bytes(GOOD + b"\n" + b"x" * 20_000)
    with pytest.raises(SourceRefused, match="longer than") as refused:
        list(json_blocks(path, TERMS, block_bytes=64))
    assert refused.value.where == f"{path}:2"


def test_a_file_in_utf16_is_refused_unless_its_contract_says_so(tmp_path: Path) -> None:
    path = tmp_path / "people.json"
    path.write_text('{"customer_id":"é"}\n{"customer_id":}\n', encoding="utf-16")
    with pytest.raises(SourceRefused, match="utf-16"):
        list(json_blocks(path, TERMS))
    blocks = list(json_blocks(path, TERMS.model_copy(update={"encoding": "utf-16"})))
    assert [record["customer_id"] for block in blocks for record in block.table.to_pylist()] == ["é"]
    assert [reject.record for block in blocks for reject in block.rejects] == [b'{"customer_id":}']
