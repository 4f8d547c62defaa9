"""Every way of writing CSV that a contract can describe is read exactly, and what does not fit is set apart."""

import codecs
import gzip
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest
from pydantic import ValidationError

from tenure.contracts.model import Contract
from tenure.core.errors import SourceRefused
from tenure.sources import text_stream
from tenure.sources.csv_guard import csv_blocks
from tenure.sources.files import date_in_name, find_files
from tests.guarded_file import Read, contract, read_through

TWO = contract("csv", note="string")
HEADER = "customer_id,note\n"


def terms(**words: object) -> Contract:
    return Contract.model_validate({**TWO.model_dump(mode="json", by_alias=True, exclude_defaults=True), **words})


def read(text: str | bytes, **words: object) -> Read:
    content = text if isinstance(text, bytes) else text.encode()
    whole = read_through(csv_blocks, content, terms(**words))
    for block_bytes in (1, 5, 64):
        result = read_through(csv_blocks, content, terms(**words), block_bytes)
        assert (result.cells, result.verbatim, result.rejects) == (whole.cells, whole.verbatim, whole.rejects)
    return whole


def refused(text: str | bytes, tmp_path: Path, **words: object) -> SourceRefused:
    path = tmp_path / "people.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(SourceRefused) as error:
        list(csv_blocks(path, terms(**words)))
    assert error.value.cure
    return error.value


@pytest.mark.parametrize("delimiter", [", ", "||", "§", "\x01", "~|~", "日本"])
def test_a_delimiter_may_be_of_any_characters(delimiter: str) -> None:
    lines = [
        "customer_id{0}note",
        '1{0}"a{0}b"',
        "2{0}",
        "3{0}x,y | z",
        '4{0}5" disk',
        '5{0}"say ""hi"""',
        "6{0}a{0}b",
    ]
    result = read("\n".join(lines).format(delimiter), delimiter=delimiter)
    assert result.column("note") == [f"a{delimiter}b", None, "x,y | z", '5" disk', 'say "hi"']
    assert result.faults == [(7, "fields")]


def test_the_quote_may_be_another_character() -> None:
    result = read(HEADER + "1,'a, b'\n2,'it''s'\n3,\"c\"\n4,5' long\n5,'oops\n6,''\n", quote="'")
    assert result.column("note") == ["a, b", "it's", '"c"', "5' long", ""]
    assert result.faults == [(6, "quoting")]


def test_without_a_quote_every_quote_is_text() -> None:
    result = read(HEADER + '1,"a\n2,"b, c"\n3" x,7" y\n4,""\n', quote="none")
    assert result.column("note") == ['"a', '7" y', '""']
    assert result.faults == [(3, "fields")]


def test_behind_an_escape_a_mark_is_text_and_elsewhere_an_escape_is() -> None:
    body = r"""1,"say \"hi\", \\o/"
2,a\,b
3,\N
4,8\'9
5,"8\'9\" long"
6,"two
lines"
7,\"x\"
8,one\
more
9,"a""b"
10,"open\"
11,z
"""
    result = read(HEADER + body, escape="\\", nulls=["\\N"])
    assert result.column("note") == [
        r'say "hi", \o/',
        "a,b",
        None,
        r"8\'9",
        r"""8\'9" long""",
        "two\nlines",
        '"x"',
        "one\nmore",
        "z",
    ]
    assert result.faults == [(12, "quoting"), (13, "quoting")]


def test_an_escape_works_without_quotes_too_as_sqoop_writes_it() -> None:
    result = read('1\x01a\\\x01b\n2\x01"q\\\\\n3\x01null\n', delimiter="\x01", quote="none", escape="\\", header=False)
    assert result.column("note") == ["a\x01b", '"q\\', "null"]


def test_quotes_that_nothing_escapes_end_a_field_only_before_a_delimiter() -> None:
    body = '1,"48"" wide"\n2,"5" disk"\n3,"Round 48""\n4,""x"\n5,"two\nlines"\n6,"oops\n7,"a" b\n8,"c"\n'
    result = read(HEADER + body, escape="none")
    assert result.column("note") == ['48"" wide', '5" disk', 'Round 48"', '"x', "two\nlines", "c"]
    assert result.faults == [(8, "quoting"), (9, "quoting")]


def test_a_file_without_a_header_has_the_contracts_columns() -> None:
    result = read("1,a\n2,b\n3\n", header=False)
    assert (result.column("customer_id"), result.column("note")) == (["1", "2"], ["a", "b"])
    assert result.faults == [(3, "fields")]
    assert read(b"", header=False).records == 0


def test_a_header_may_have_several_lines() -> None:
    columns = {"customer_id": {"type": "string", "from": "Kunde Nr"}, "note": {"type": "string", "from": "Notiz"}}
    result = read("Kunde,Notiz\nNr,\n1,a\n", header=2, columns=columns)
    assert result.cells == {3: {"customer_id": "1", "note": "a"}}


def test_lines_above_and_below_the_table_are_left_out() -> None:
    text = 'Report of "May\n,,,\n' + HEADER + '1,a\n2,"b\nb"\n\nsum,2\nend\n\n'
    result = read(text, skip_lines=2, skip_last_lines=2)
    assert {row: cells["note"] for row, cells in result.cells.items()} == {4: "a", 5: "b\nb"}
    assert read(HEADER + "1,a\n", skip_last_lines=5).records == 0


def test_a_file_with_fewer_lines_than_are_to_be_skipped_is_refused(tmp_path: Path) -> None:
    assert "no 3 lines to skip" in refused(HEADER, tmp_path, skip_lines=3).what


def test_comments_are_no_records_but_a_mark_within_a_record_is_text() -> None:
    text = '# made "by\n' + HEADER + '# 1,"oops\n1,#a\n2,"b\n#c"\n\n#\n3,d # e\n'
    result = read(text, comment="#")
    assert {row: cells["note"] for row, cells in result.cells.items()} == {4: "#a", 5: "b\n#c", 9: "d # e"}


def test_texts_that_mean_null_do_so_without_quotes_only() -> None:
    for words in ({}, {"escape": "\\"}):
        result = read(HEADER + '1,NA\n2,"NA"\n3,\n4,""\n5, NA\n6,-\n', nulls=["NA", "-"], **words)
        assert result.column("note") == [None, "NA", None, "", " NA", None]


def test_a_second_header_is_another_table_or_parts_put_together(tmp_path: Path) -> None:
    text = HEADER + '1,a\n"customer_id",note\n2,b\n\n' + HEADER + "3,oops,\n" + HEADER
    error = refused(text, tmp_path)
    assert (error.what, str(error.where)[-2:]) == ("the header stands here a second time; nothing was loaded", ":3")
    result = read(text, header="repeated")
    assert {row: cells["note"] for row, cells in result.cells.items()} == {2: "a", 4: "b"}
    assert result.faults == [(7, "fields")]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "cp1252", "latin-1", "utf-16", "utf-16-be", "utf-32", "cp850", "cp037"]
)
@pytest.mark.parametrize("packing", [bytes, gzip.compress, lambda text: pa.compress(text, "zstd", asbytes=True)])
def test_an_encoding_is_read_by_declaration(encoding: str, packing: Callable[[bytes], bytes]) -> None:
    body = "\n".join(f'{number},"größer ½, {number}\nñ"' for number in range(200))
    result = read(packing((HEADER + body).encode(encoding)), encoding=encoding)
    assert result.column("note") == [f"größer ½, {number}\nñ" for number in range(200)]
    assert result.rejects == []


@pytest.mark.parametrize(
    ("encoding", "bad"),
    [("cp1252", b"2,\x81\x8d"), ("ascii", "2,ü".encode()), ("shift_jis", b"2,\x81\xff"), ("utf-8", b"2,\xe9")],
)
def test_bytes_that_are_wrong_in_an_encoding_cost_their_record_and_are_kept(encoding: str, bad: bytes) -> None:
    result = read(HEADER.encode() + b"1,a\n" + bad + b"\n3,b\n", encoding=encoding)
    assert result.column("note") == ["a", "b"]
    assert [(reject.row, reject.rule, reject.record) for reject in result.rejects] == [(3, "encoding", bad)]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_half_a_character_of_utf_16_costs_its_record(encoding: str) -> None:
    good = (HEADER + "1,a\n2,x").encode(encoding)
    low = "utf-16-be" if encoding.endswith("be") else "utf-16-le"
    bad = "y\ud800z".encode(low, "surrogatepass")
    result = read(good + bad + "\n3,ü\n4,z".encode(low) + b"\x41", encoding=encoding)
    assert result.column("note") == ["a", "ü"]
    assert [(reject.row, reject.rule) for reject in result.rejects] == [(3, "encoding"), (5, "encoding")]
    assert result.rejects[0].record == "2,x".encode(low) + bad
    assert result.rejects[1].record == "4,z".encode(low) + b"\x41"


def test_the_text_of_other_rejects_is_kept_in_utf_8() -> None:
    result = read((HEADER + "1,é,é\n").encode("cp1252"), encoding="cp1252")
    assert result.rejects[0].record == "1,é,é".encode()


def test_a_file_that_is_not_in_the_encoding_it_is_said_to_be_in_is_refused(tmp_path: Path) -> None:
    for encoding, content in (
        ("cp1252", codecs.BOM_UTF8 + HEADER.encode()),
        ("utf-16", HEADER.encode()),
        ("utf-16-be", HEADER.encode("utf-16-le")),
        ("latin-1", HEADER.encode("utf-16")),
    ):
        assert "its contract says" in refused(content, tmp_path, encoding=encoding).what or (
            "does not begin with its mark" in refused(content, tmp_path, encoding=encoding).what
        )


@pytest.mark.parametrize("pack", [gzip.compress, lambda text: pa.compress(text, "zstd", asbytes=True)])
def test_an_archive_that_is_broken_or_cut_short_is_refused(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    packed = pack((HEADER + "".join(f"{number},{number * 7919}\n" for number in range(5000))).encode())
    middle = len(packed) // 2
    for broken in (packed[:-1], packed[:middle], packed + b"rubbish", packed[:20]):
        assert "broken or cut short" in refused(broken, tmp_path).what


def test_a_spoilt_byte_of_an_archive_is_found_by_its_checksum(tmp_path: Path) -> None:
    packed = gzip.compress((HEADER + "".join(f"{number},{number * 7919}\n" for number in range(5000))).encode())
    middle = len(packed) // 2
    spoilt = packed[:middle] + bytes([packed[middle] ^ 0xFF]) + packed[middle + 1 :]
    assert "broken or cut short" in refused(spoilt, tmp_path).what


def test_several_archives_in_one_file_are_one_text() -> None:
    content = gzip.compress((HEADER + "1,a\n2,").encode()) + gzip.compress(b"b\n3,c\n")
    assert read(content).column("note") == ["a", "b", "c"]


def test_a_file_that_grows_out_of_all_proportion_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_stream, "_FREE_OF_LIMITS", 1 << 20)
    monkeypatch.setattr(text_stream, "_MOST_UNPACKED", 100)
    bomb = gzip.compress(HEADER.encode() + b"1,a\n" * (8 << 20))
    error = refused(bomb, tmp_path)
    assert "grows to more than" in error.what
    assert "unpack it" in str(error.cure)


def test_an_archive_inside_an_archive_is_refused_by_its_kind(tmp_path: Path) -> None:
    assert "inside another compressed file" in refused(gzip.compress(gzip.compress(b"x")), tmp_path).what


@pytest.mark.parametrize(
    ("word", "value", "what"),
    [
        ("delimiter", "", "one character or more"),
        ("delimiter", "\n", "none of them a line end"),
        ("delimiter", '"', "has another meaning"),
        ("quote", "''", "one ASCII character"),
        ("quote", "»", "one ASCII character"),
        ("escape", "back", "doubled, none, or one"),
        ("encoding", "klingon", "is not known"),
        ("encoding", "base64", "none of text"),
        ("header", 10, "header"),
        ("skip_lines", -1, "skip_lines"),
        ("comment", "", "one character or more"),
        ("nulls", ["a\nb"], "no line end"),
    ],
)
def test_words_that_describe_no_file_are_refused(word: str, value: object, what: str) -> None:
    with pytest.raises(ValidationError, match=what):
        terms(**{word: value})


def test_a_path_may_be_a_folder_or_several_and_marks_of_other_programs_are_no_files(tmp_path: Path) -> None:
    for name in ("in/a.csv", "in/_SUCCESS", "in/.hidden", "in/b.csv.part", "in/deep/c.csv", "other/d[1].csv", "e.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text(HEADER)

    def found(*paths: str) -> list[str]:
        return [str(path.relative_to(tmp_path)) for path in find_files(tmp_path, terms(path=list(paths)))]

    assert found("in") == ["in/a.csv", "in/deep"]  # the folder is refused by name, not passed over
    assert found("in/**/*.csv", "e.csv", "in/a.csv") == ["e.csv", "in/a.csv", "in/deep/c.csv"]
    assert found("other/d[1].csv") == ["other/d[1].csv"]
    assert found("none") == []


def test_a_date_in_the_name_of_a_compressed_file_counts() -> None:
    dated = terms(effective={"file_name": "people_{yyyy-mm}.csv"})
    assert date_in_name("people_2025-02.csv.gz", dated) == date(2025, 2, 28)
    assert date_in_name("people_2025-02.csv.zst", dated) == date(2025, 2, 28)
