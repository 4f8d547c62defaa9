"""The CSV guard takes every record exactly, sets broken ones apart one by one, and never guesses."""

from pathlib import Path

import pyarrow as pa
import pytest

from tenure.core.errors import SourceRefused, TenureError
from tenure.sources import csv_guard
from tenure.sources.csv_guard import csv_blocks
from tenure.sources.csv_record import LONGEST_RECORD, MOST_LINES
from tests.guarded_file import Read, contract, read_through

TWO = contract("csv", note="string")
HEADER = b"customer_id,note\n"


def read(body: bytes, block_bytes: int = 16 << 20) -> Read:
    return read_through(csv_blocks, HEADER + body, TWO, block_bytes)


def notes(body: bytes) -> list[object]:
    result = read(body)
    assert result.rejects == []
    return result.column("note")


def test_every_column_is_text_and_nothing_is_guessed() -> None:
    result = read(b"007,NULL\n1.50,NA\n#1,true\n 2 ,2025-01-02\n")
    assert result.column("customer_id") == ["007", "1.50", "#1", " 2 "]
    assert result.column("note") == ["NULL", "NA", "true", "2025-01-02"]
    assert result.types == [{"customer_id": pa.string(), "note": pa.string(), "_row": pa.int64()}]


def test_an_empty_field_is_null_and_an_empty_quoted_one_is_the_empty_string() -> None:
    assert notes(b'1,\n2,""\n3," "\n') == [None, "", " "]


def test_quoted_fields_may_hold_delimiters_quotes_and_line_ends() -> None:
    assert notes(b'1,"a, b"\n2,"say ""hi"""\n3,"two\nlines"\n4,"two\r\nlines"\n5,""""\n') == [
        "a, b",
        'say "hi"',
        "two\nlines",
        "two\r\nlines",
        '"',
    ]


def test_records_over_several_lines_stay_whole_in_a_large_file() -> None:
    expected = [f"note {number}\n\nof many, {number}" for number in range(60_000)]
    assert notes("".join(f'{number},"{note}"\n' for number, note in enumerate(expected)).encode()) == expected


def test_a_record_is_known_by_the_line_it_starts_on() -> None:
    result = read(b'1,"a\nb\r\nc"\n\n2,x\n3,"y"\n')
    assert {row: cells["customer_id"] for row, cells in result.cells.items()} == {2: "1", 6: "2", 7: "3"}
    assert result.verbatim == {2: b'1,"a\nb\r\nc"', 6: b"2,x", 7: b'3,"y"'}


def test_asking_for_a_line_on_which_no_record_starts_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes(HEADER + b'1,"a\nb"\n')
    block = next(csv_blocks(path, TWO))
    for row in (1, 3, 4):
        with pytest.raises(KeyError):
            block.verbatim(row)


def test_a_quote_inside_an_unquoted_field_is_just_a_character() -> None:
    assert notes(b'1,5" disk\n2,a""b\n3, "x"\n4,x"\n5,"ok"\n') == ['5" disk', 'a""b', ' "x"', 'x"', "ok"]


def test_a_file_full_of_such_quotes_is_read_all_the_same() -> None:
    kinds = ['{0},7" y', '{0},"a, b"', '{0}"",z', '"{0}","say ""hi"""', '{0},"two\nlines"']
    result = read("".join(kinds[number % 5].format(number) + "\n" for number in range(1000)).encode())
    assert result.rejects == []
    assert result.column("note") == ['7" y', "a, b", "z", 'say "hi"', "two\nlines"] * 200
    assert result.column("customer_id")[:5] == ["0", "1", '2""', "3", "4"]


def test_a_quote_that_nothing_on_its_line_closes_is_text_if_the_fields_are_as_many_as_they_should_be() -> None:
    body = b'"1,"a, b"\n2,"c"\n3,"d, e"\n"4,"f"",g"\n"5,h,"i, j"\n"6"x,"k"\n7,"l\n'
    result = read(body)
    assert (result.column("customer_id"), result.column("note")) == (
        ['"1', "2", "3", '"4'],
        ["a, b", "c", "d, e", 'f",g'],
    )
    assert result.faults == [(6, "quoting"), (7, "quoting"), (8, "quoting")]


def test_quotes_among_the_text_of_two_fields_may_hide_a_lost_delimiter() -> None:
    # 1,"a, b" without its delimiter: two fields, as many as there should be, and both of them wrong.
    result = read(b'1"a, b"\n2,say "hi" now\n3" x,7" y\n4,"c"\n')
    assert result.faults == [(2, "quoting"), (4, "quoting")]
    assert result.column("note") == ['say "hi" now', "c"]


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_any_line_end_will_do_with_or_without_one_at_the_end(line_end: bytes) -> None:
    content = line_end.join([b"customer_id,note", b"1,a", b"", b'2,"b"', b"3,c"])
    for whole in (content, content + line_end):
        result = read_through(csv_blocks, whole, TWO)
        assert {row: cells["note"] for row, cells in result.cells.items()} == {2: "a", 4: "b", 5: "c"}
        assert set(result.verbatim.values()) == {b"1,a", b'2,"b"', b"3,c"}


def test_line_ends_may_be_mixed() -> None:
    result = read(b"1,a\r\n2,b\n3,c\r4,d\n\r5,e")
    assert {row: cells["note"] for row, cells in result.cells.items()} == {2: "a", 3: "b", 4: "c", 5: "d", 7: "e"}


def test_blank_lines_are_no_records_even_where_there_is_one_column() -> None:
    result = read_through(csv_blocks, b'customer_id\n\na\n\r\n""\n\n b\n\n', contract("csv"))
    assert {row: cells["customer_id"] for row, cells in result.cells.items()} == {3: "a", 5: "", 7: " b"}
    assert result.records == 3


def test_a_line_of_blanks_is_a_record_with_too_few_fields() -> None:
    assert read(b"1,a\n  \n2,b\n").faults == [(3, "fields")]


def test_a_header_alone_is_a_file_without_records() -> None:
    for content in (b"customer_id,note", HEADER, HEADER + b"\n\r\n"):
        assert read_through(csv_blocks, content, TWO).records == 0


def test_a_byte_order_mark_is_no_part_of_the_first_column() -> None:
    result = read_through(csv_blocks, b"\xef\xbb\xbf" + HEADER + b"1,a\n", TWO)
    assert result.cells == {2: {"customer_id": "1", "note": "a"}}


def test_a_byte_order_mark_further_down_is_text_like_any_other() -> None:
    for block_bytes in (1, 16 << 20):
        result = read(b"\xef\xbb\xbf1,a\n2,b\n\xef\xbb\xbf3,c\n", block_bytes)
        assert result.column("customer_id") == ["\ufeff1", "2", "\ufeff3"]


@pytest.mark.parametrize("delimiter", [";", "\t", "|", ":", " "])
def test_the_delimiter_is_the_contracts(delimiter: str) -> None:
    two = contract("csv", delimiter, note="string")
    content = f'customer_id{delimiter}note\n1,5{delimiter}"a{delimiter}b"\n2{delimiter}\n'.encode()
    assert read_through(csv_blocks, content, two).column("note") == [f"a{delimiter}b", None]


def test_ragged_records_are_rejected_with_both_numbers() -> None:
    result = read(b'1,a\n2\n3,c\n4,d,e\n"5"\n6,f\n')
    assert result.faults == [(3, "fields"), (5, "fields"), (6, "fields")]
    assert [reject.reason for reject in result.rejects] == [
        "has 1 field instead of 2",
        "has 3 fields instead of 2",
        "has 1 field instead of 2",
    ]
    assert [reject.record for reject in result.rejects] == [b"2", b"4,d,e", b'"5"']
    assert result.column("customer_id") == ["1", "3", "6"]


def test_an_unclosed_quote_costs_exactly_its_own_line() -> None:
    body = b'1,a\n2,"oops\n3,c\n4,"fine, too"\n5,"two\nlines"\n6,f\n'
    result = read(body)
    assert result.faults == [(3, "quoting")]
    assert result.rejects[0].record == b'2,"oops'
    assert result.column("note") == ["a", "c", "fine, too", "two\nlines", "f"]


def test_an_unclosed_quote_at_the_very_end_costs_its_own_line() -> None:
    for end in (b"", b"\n", b"\r\n"):
        result = read(b'1,a\n2,b\n3,"oops' + end)
        assert (result.faults, result.column("note")) == ([(4, "quoting")], ["a", "b"])


def test_an_unclosed_quote_does_not_hold_back_the_rest_of_a_large_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_guard, "LONGEST_LINE", 2 * LONGEST_RECORD)
    body = b'1,"oops\n' + (b"2," + b"x" * 1000 + b"\n") * 6000
    for block_bytes in (1 << 16, 16 << 20):
        result = read(body, block_bytes)
        assert (result.faults, len(result.cells)) == ([(2, "quoting")], 6000)


def test_many_unclosed_quotes_cost_a_line_each() -> None:
    body = b"".join(b'%d,"x\n' % number if number % 3 == 0 else b'%d,"x, y"\n' % number for number in range(600))
    result = read(body)
    assert (result.records, len(result.rejects), len(result.cells)) == (600, 200, 400)
    assert set(result.column("note")) == {"x, y"}


def test_a_quote_that_would_swallow_whole_records_is_a_slip() -> None:
    # Read as quoted text, line 2 to 4 would be one record; it would have four fields.
    result = read(b'1,"a\n2,b\n3,",c,d\n4,e\n')
    assert result.faults[0] == (2, "quoting")
    assert "leaves 4 fields instead of 2" in result.rejects[0].reason
    assert {row: cells["note"] for row, cells in result.cells.items()} == {3: "b", 5: "e"}


def test_text_behind_a_closing_quote_is_rejected_not_mended() -> None:
    result = read(b'1,"a"b\n2,"c" \n3,"back\\"slash"\n4,d\n')
    assert result.faults == [(2, "quoting"), (3, "quoting"), (4, "quoting")]
    assert result.column("customer_id") == ["4"]


@pytest.mark.parametrize(("lines", "taken"), [(MOST_LINES, True), (MOST_LINES + 1, False)])
def test_a_record_may_span_a_thousand_lines_and_no_more(lines: int, taken: bool) -> None:
    result = read(b'1,"' + b"\n".join([b"x"] * lines) + b'"\n2,b\n')
    assert (2 in result.cells) is taken
    assert result.faults[:1] == ([] if taken else [(2, "quoting")])
    assert result.cells[lines + 2]["note"] == "b"


@pytest.mark.parametrize(("surplus", "taken"), [(0, True), (1, False)])
@pytest.mark.parametrize("block_bytes", [1 << 16, 16 << 20])
def test_a_record_that_spans_lines_may_have_a_mebibyte_and_no_more(surplus: int, taken: bool, block_bytes: int) -> None:
    size = LONGEST_RECORD - len(b'1,"\n"') + surplus
    result = read(b'1,"' + b"x" * size + b'\n"\n2,b\n', block_bytes)
    assert (2 in result.cells) is taken
    assert result.cells[4]["note"] == "b"


def test_a_record_on_one_line_may_be_longer_than_any_block() -> None:
    long = "y" * (3 << 20)
    result = read(f"1,{long}\n2,b\n3,{long}".encode(), 1 << 10)
    assert result.column("note") == [long, "b", long]


def test_a_line_without_end_is_refused_before_memory_runs_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_guard, "LONGEST_LINE", 1 << 12)
    path = tmp_path / "people.csv"
    path.write_bytes(HEADER + b"1,a\n" + b"x" * 20_000)
    with pytest.raises(SourceRefused, match="longer than") as refused:
        list(csv_blocks(path, TWO, block_bytes=64))
    assert refused.value.where == f"{path}:3"


def test_bytes_that_are_not_utf8_cost_their_own_record() -> None:
    result = read("1,é\n".encode() + b"2,\xff\n3,\xc3\n" + "4,日本\n".encode() + b"5,\xed\xa0\x80\n6,f\n")
    assert result.faults == [(3, "encoding"), (4, "encoding"), (6, "encoding")]
    assert [reject.record for reject in result.rejects] == [b"2,\xff", b"3,\xc3", b"5,\xed\xa0\x80"]
    assert result.column("note") == ["é", "日本", "f"]


def test_a_nul_byte_costs_its_own_record() -> None:
    result = read(b"1,a\n2,b\0c\n3,d\n\0\n")
    assert result.faults == [(3, "encoding"), (5, "fields")]
    assert result.column("note") == ["a", "d"]


def test_no_reason_quotes_a_cell() -> None:
    result = read(b'1,"secret\n2,"secret"x\n3,secret,secret\n4,secret\xff\n')
    assert len(result.rejects) == 4
    assert "secret" not in " ".join(reject.reason for reject in result.rejects)


def test_the_size_of_the_blocks_changes_nothing() -> None:
    body = b'1,a\r\n2,"b\r\nb"\r3,5" x\n\n4,"oops\n5,\xff\n6,"q""q"\n7\n8,"h, i"\n"9",j'
    whole = read(body)
    assert whole.faults == [(7, "quoting"), (8, "encoding"), (10, "fields")]
    for block_bytes in range(1, 40):
        result = read(body, block_bytes)
        assert (result.cells, result.verbatim, result.rejects) == (whole.cells, whole.verbatim, whole.rejects)


def test_a_parser_that_finds_another_number_of_records_stops_the_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes(HEADER + b"1,a\n2,b\n")
    honest = csv_guard._parsed
    monkeypatch.setattr(csv_guard, "_parsed", lambda *given, **named: honest(*given, **named).slice(1))
    with pytest.raises(TenureError, match="2 records were counted but 1 were read"):
        list(csv_blocks(path, TWO))
