"""Whatever a CSV file holds: sound records arrive exactly, a broken one costs itself, nothing is lost."""

import csv
import io
from collections.abc import Callable, Iterator
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from tenure.sources import csv_record, csv_scan
from tenure.sources.csv_dialect import Dialect, dialect_of
from tenure.sources.csv_guard import csv_blocks
from tenure.sources.csv_record import LINE_END, read_record
from tenure.sources.csv_scan import Scan, scan
from tenure.sources.csv_singly import scan_singly
from tests.guarded_file import contract, read_through

TERMS = contract("csv", name="string", note="string")
HEADER = b"customer_id,name,note\n"
USUAL = dialect_of(TERMS)
UNQUOTED = dialect_of(TERMS.model_copy(update={"quote": "none"}))
BLOCK_SIZES = st.sampled_from([1, 2, 3, 7, 16, 64, 300, 16 << 20])

_text = st.text(
    st.one_of(
        st.sampled_from(',";\n\r" 5#é日😀\ufeff'), st.characters(exclude_categories=["Cs"], exclude_characters="\0")
    ),
    max_size=12,
)
_bytes = [*b'a|"|,|\n|\r\n|\r|""|,"|",|"\n|1,2,3\n|\xff|\0'.split(b"|"), "é".encode()]
_lines = [
    *b'"a","b"|5" d,6" x|a"",b|"x\ny",2|"un,3|a,"un|"a""b",c|"a"b,c|"q,\n",|",",",|1,2|1,2,3||,|"",""'.split(b"|"),
    b'"' + b"\n" * 6 + b'",1',
    b'"' + b"z" * 30 + b'\n",1',
]
_scraps = st.one_of(
    st.lists(st.sampled_from(_bytes), max_size=60).map(b"".join),
    st.builds(
        lambda lines, line_end: line_end.join(lines),
        st.lists(st.sampled_from(_lines), max_size=25),
        st.sampled_from([b"\n", b"\r\n", b"\r"]),
    ),
)


@given(
    records=st.lists(st.tuples(st.integers(0, 99).map(str), _text, _text), max_size=12),
    quote_all=st.booleans(),
    block_bytes=BLOCK_SIZES,
)
def test_what_pythons_csv_writer_wrote_is_read_cell_for_cell(
    records: list[tuple[str, str, str]], quote_all: bool, block_bytes: int
) -> None:
    file = io.StringIO(newline="")
    writer = csv.writer(file, quoting=csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL, lineterminator="\r\n")
    writer.writerows(records)
    result = read_through(csv_blocks, HEADER + file.getvalue().encode(), TERMS, block_bytes)
    expected = [tuple(cell if cell or quote_all else None for cell in record) for record in records]
    assert result.rejects == []
    assert [tuple(cells.values()) for _, cells in sorted(result.cells.items())] == expected


_sound = st.sampled_from([b"1,a,b", b'2,"a, b",c', b'3,x,"say ""so"""', b'4,5" disk,', b'5,"","z"', b'"6",q,r', b"7,,"])


@given(
    records=st.lists(_sound, min_size=1, max_size=30),
    data=st.data(),
    block_bytes=BLOCK_SIZES,
)
def test_damage_to_one_record_leaves_all_others_exact(
    records: list[bytes], data: st.DataObject, block_bytes: int
) -> None:
    place = data.draw(st.integers(0, len(records) - 1))
    damaged = bytearray(records[place])
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(damaged)))
        damaged[at : at + data.draw(st.integers(0, 2))] = data.draw(
            st.sampled_from([b'"', b",", b"x", b"\xff", b"\0", b""])
        )
    untouched = read_through(csv_blocks, HEADER + b"\n".join(records), TERMS)
    body = b"\n".join([*records[:place], bytes(damaged), *records[place + 1 :]])
    result = read_through(csv_blocks, HEADER + body, TERMS, block_bytes)
    row = place + 2
    assert {line: cells for line, cells in result.cells.items() if line != row} == {
        line: cells for line, cells in untouched.cells.items() if line != row
    }
    assert [reject.row for reject in result.rejects] in ([], [row])
    assert result.records == len(records) - (not damaged)


@given(body=st.one_of(_scraps, st.binary(max_size=40)), block_bytes=BLOCK_SIZES)
def test_every_byte_is_in_one_record_or_ends_a_line_and_block_sizes_do_not_matter(
    body: bytes, block_bytes: int
) -> None:
    whole = read_through(csv_blocks, HEADER + body, TERMS)
    result = read_through(csv_blocks, HEADER + body, TERMS, block_bytes)
    assert (result.cells, result.verbatim, result.rejects) == (whole.cells, whole.verbatim, whole.rejects)
    at = 0
    for _, record in sorted([*result.verbatim.items(), *((reject.row, reject.record) for reject in result.rejects)]):
        start = body.index(record, at)
        assert record
        assert set(body[at:start]) <= set(b"\r\n")
        at = start + len(record)
    assert set(body[at:]) <= set(b"\r\n")


def _one_by_one(body: bytes, dialect: Dialect, expected: int) -> Iterator[tuple[int, int, int, int, str | None]]:
    """Start, end, line, fields and fault of each record, by the grammar alone."""
    whole = body if body.endswith((b"\n", b"\r")) else body + b"\n"
    position = line = 0
    while position < len(body):
        record = read_record(whole, position, dialect, expected, final=True)
        assert record
        if record.end > position:
            yield position, record.end, line, record.fields, record.fault
        line += sum(1 for _ in LINE_END.finditer(whole, position, record.behind))
        position = record.behind


@given(
    body=_scraps,
    expected=st.integers(1, 3),
    patience=st.integers(0, 3),
    reading=st.sampled_from([(scan, USUAL), (scan_singly, USUAL), (scan, UNQUOTED), (scan_singly, UNQUOTED)]),
)
def test_the_scans_find_what_the_grammar_says(
    body: bytes, expected: int, patience: int, reading: tuple[Callable[..., Scan], Dialect]
) -> None:
    find, dialect = reading
    with (
        patch.multiple(csv_record, LONGEST_RECORD=30, MOST_LINES=4),
        patch.multiple(csv_scan, LONGEST_RECORD=30, MOST_LINES=4, _MANY=patience),
    ):
        found = find(body, dialect, expected, final=True)
        records = list(_one_by_one(body, dialect, expected))
    columns = zip(found.starts.tolist(), found.ends.tolist(), found.lines.tolist(), found.fields.tolist(), strict=True)
    assert [(*columns, found.faults.get(index)) for index, columns in enumerate(columns)] == records
    assert found.consumed == len(body)


_unusual = st.lists(
    st.sampled_from([*_bytes, b"\\", b'\\"', b"\\,", b"\\\n", b"#", b"\n#", b'""', b"1,2,3\n", b'1,"a, b",c\n']),
    max_size=40,
).map(b"".join)


@given(
    body=_unusual,
    words=st.sampled_from([{"escape": "\\"}, {"escape": "none"}, {"comment": "#"}, {"escape": "\\", "quote": "none"}]),
    block_bytes=BLOCK_SIZES,
)
def test_an_unusual_dialect_says_the_same_where_it_is_read_as_the_usual_one(
    body: bytes, words: dict[str, str], block_bytes: int
) -> None:
    terms = TERMS.model_copy(update=words)
    quickly = read_through(csv_blocks, HEADER + body, terms, block_bytes)
    with patch.object(Dialect, "usual_for", lambda self, data: None):
        singly = read_through(csv_blocks, HEADER + body, terms)
    assert (quickly.cells, quickly.verbatim, quickly.rejects) == (singly.cells, singly.verbatim, singly.rejects)
