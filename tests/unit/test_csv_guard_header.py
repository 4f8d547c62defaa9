"""A CSV file whose header does not fit its contract is refused before a record is read, with the cure."""

from pathlib import Path

import pytest

from tenure.contracts.model import Contract
from tenure.core.errors import SourceRefused
from tenure.sources.csv_guard import csv_blocks
from tenure.sources.csv_header import CsvHeader, read_header
from tests.guarded_file import contract, read_through

THREE = contract(
    "csv", customer_id={"type": "string", "from": "Nr"}, note="string", name={"type": "string", "required": True}
)


def header_of(content: bytes, folder: Path, terms: Contract = THREE) -> CsvHeader:
    path = folder / "people.csv"
    path.write_bytes(content)
    return read_header(path, terms)


def refusal(content: bytes, folder: Path, terms: Contract = THREE) -> SourceRefused:
    path = folder / "people.csv"
    path.write_bytes(content)
    with pytest.raises(SourceRefused) as refused:
        list(csv_blocks(path, terms))
    assert refused.value.cure
    return refused.value


def test_columns_are_matched_by_name_never_by_position() -> None:
    result = read_through(csv_blocks, b"name,Nr,note\nAda,7,x\n", THREE)
    assert result.cells == {2: {"customer_id": "7", "note": "x", "name": "Ada"}}


def test_a_header_tells_what_is_odd_about_it(tmp_path: Path) -> None:
    plain = header_of(b"Nr,note,name\n1,a,b\n", tmp_path)
    assert plain == CsvHeader(("customer_id", "note", "name"), (), False, 13, 2, ("Nr", "note", "name"))
    odd = header_of(b"\xef\xbb\xbf\r\n\n name , Nr\r\n1,a\n", tmp_path)
    assert odd == CsvHeader(("name", "customer_id"), ("note",), True, 18, 4, (" name ", " Nr"))
    assert not header_of(b"Nr,name\n", tmp_path).reordered


def test_an_optional_column_that_the_file_leaves_out_is_null() -> None:
    result = read_through(csv_blocks, b"Nr,name\n7,Ada\n8\n9,Bob\n", THREE)
    assert result.column("note") == [None, None]
    assert result.faults == [(3, "fields")]


def test_header_names_may_be_quoted() -> None:
    result = read_through(csv_blocks, b'"Nr","note","name"\n7,"x",y\n', THREE)
    assert result.cells == {2: {"customer_id": "7", "note": "x", "name": "y"}}


def test_a_missing_required_column_or_key_is_named(tmp_path: Path) -> None:
    refused = refusal(b"note\n1\n", tmp_path)
    assert "required column 'Nr', 'name' is missing" in refused.what
    assert refused.where == f"{tmp_path / 'people.csv'}:1"


def test_an_unknown_column_is_named_with_the_cure(tmp_path: Path) -> None:
    refused = refusal(b"Nr,name,note,shoe_size\n", tmp_path)
    assert refused.what == "the contract does not know the column 'shoe_size'"
    assert "columns: in sources/people.yml" in str(refused.cure)


def test_a_name_without_letters_is_an_unknown_column(tmp_path: Path) -> None:
    assert "''" in refusal(b"Nr,name,\n1,2,3\n", tmp_path).what


def test_case_matters(tmp_path: Path) -> None:
    refused = refusal(b"nr,name\n", tmp_path)
    assert "does not know the column 'nr'" in refused.what
    assert "column 'Nr' is missing" in refused.what


def test_a_name_that_occurs_twice_is_refused(tmp_path: Path) -> None:
    assert refusal(b"Nr,name,note,note\n", tmp_path).what == "the header has 'note' more than once"


def test_without_a_header_no_cell_of_the_first_record_is_shown(tmp_path: Path) -> None:
    refused = refusal(b"4711,Lovelace,secret\n4712,Byron,secret\n", tmp_path)
    assert "is no header" in refused.what
    assert "header line is needed" in str(refused.cure)
    assert not [cell for cell in ("4711", "Lovelace", "secret") if cell in str(refused)]


@pytest.mark.parametrize(("delimiter", "shown"), [(";", ";"), ("\t", r"\t"), ("|", "|")])
def test_the_wrong_delimiter_is_recognised(tmp_path: Path, delimiter: str, shown: str) -> None:
    refused = refusal(delimiter.join(["Nr", "name", "note"]).encode(), tmp_path)
    assert "one single column" in refused.what
    assert f'delimiter: "{shown}"' in str(refused.cure)


@pytest.mark.parametrize("content", [b"", b"\n\r\n\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\r\r"])
def test_an_empty_file_is_refused(tmp_path: Path, content: bytes) -> None:
    assert refusal(content, tmp_path).what == "is empty: not even a header"


def test_a_header_with_broken_quotes_is_refused(tmp_path: Path) -> None:
    assert "quoted field" in refusal(b'Nr,"name\n1,2\n', tmp_path).what


def test_a_header_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    assert "UTF-8" in refusal(b"Nr,name,\xff\n", tmp_path).what


def test_a_file_without_line_ends_is_refused(tmp_path: Path) -> None:
    assert "no line end" in refusal(b"x" * (2 << 20), tmp_path).what
    assert "blank lines" in refusal(b"\n" * (2 << 20), tmp_path).what


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
def test_a_file_in_a_wide_encoding_is_refused_with_the_word_that_reads_it(tmp_path: Path, encoding: str) -> None:
    content = "Nr,name,note\n1,Ada,x\n".encode(encoding)
    refused = refusal(content, tmp_path)
    exact = encoding if encoding[-1] == "e" else f"{encoding}-le"
    assert refused.what == f"is in {exact}, but its contract says utf-8"
    assert f"encoding: {exact}" in str(refused.cure)
    result = read_through(csv_blocks, content, THREE.model_copy(update={"encoding": exact}))
    assert result.cells == {2: {"customer_id": "1", "note": "x", "name": "Ada"}}


@pytest.mark.parametrize(
    ("content", "what"),
    [(b"PK\x03\x04" + bytes(40), "ZIP"), (b"\x1f\x8b\x08" + bytes(9), "gzip"), (b"PAR1" + bytes(9), "Parquet")],
)
def test_a_file_that_is_no_text_is_refused_by_its_kind(tmp_path: Path, content: bytes, what: str) -> None:
    assert what in refusal(content, tmp_path).what


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceRefused, match="cannot be read: No such file"):
        list(csv_blocks(tmp_path / "gone.csv", THREE))
