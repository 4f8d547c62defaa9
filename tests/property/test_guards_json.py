"""Whatever an NDJSON file holds: sound records arrive exactly, a broken one costs itself, both readers agree."""

import json
import math
import tempfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.contracts.checks import compile_checks
from tenure.contracts.model import Contract
from tenure.engine.duckdb import DuckDBEngine
from tenure.sources.json_guard import json_blocks
from tenure.sources.json_stretch import StretchReader
from tenure.sources.records import Block
from tests.guarded_file import Cells, contract, read_through

TERMS = contract(
    "ndjson",
    visits="integer",
    balance="decimal(7,2)",
    share="decimal(2,2)",
    points="decimal(4,0)",
    ratio="number",
    active="boolean",
    opened="timestamp",
    note={"type": "string", "from": 'Nötiz "neu"'},
)
SOURCES = TERMS.source_columns()
NESTED = contract(
    "ndjson",
    visits="integer",
    city={"type": "string", "from": "home.city"},
    rent={"type": "decimal(7,2)", "from": "home.rent.net"},
    seen={"type": "boolean", "from": 'home.rent."se.en"'},
)
BLOCK_SIZES = st.sampled_from([1, 5, 60, 500, 16 << 20])

_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=10)
_integers = st.integers(-(2**63), 2**63 - 1)
_money = st.decimals(Decimal("-99999.99"), Decimal("99999.99"), places=2)
_record = st.fixed_dictionaries(
    {},
    optional={
        "customer_id": st.none() | _text,
        "visits": st.none() | _integers,
        "balance": st.none() | _money,
        "ratio": st.none() | st.floats(allow_nan=False, allow_infinity=False),
        "active": st.none() | st.booleans(),
        "note": st.none() | _text,
    },
)


def _line(record: Cells, *, ascii_only: bool = False) -> bytes:
    """A record as JSON; decimals as numbers with all their digits."""
    fields = (
        f"{json.dumps(SOURCES[name], ensure_ascii=ascii_only)}: "
        f"{value if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=ascii_only)}"
        for name, value in record.items()
    )
    return ("{" + ", ".join(fields) + "}").encode()


def _as_python_reads(line: bytes) -> Cells:
    parsed = json.loads(line, parse_float=Decimal)
    return {name: parsed.get(source) for name, source in SOURCES.items()}


@given(records=st.lists(_record, max_size=8), ascii_only=st.booleans(), block_bytes=BLOCK_SIZES)
def test_sound_records_arrive_as_python_reads_them(records: list[Cells], ascii_only: bool, block_bytes: int) -> None:
    lines = [_line(record, ascii_only=ascii_only) for record in records]
    result = read_through(json_blocks, b"\n".join(lines), TERMS, block_bytes)
    assert result.rejects == []
    for number, line in enumerate(lines, start=1):
        expected = _as_python_reads(line)
        given_cells = result.cells[number]
        ratio, expected_ratio = given_cells.pop("ratio"), expected.pop("ratio")
        assert given_cells == expected
        assert (ratio is None) == (expected_ratio is None)
        assert ratio is None or math.isclose(float(str(ratio)), float(expected_ratio), rel_tol=0)


_LITERALS = [
    *("0", "-0", "7", "12", "1.5", "1.50", "1.500", "1.005", "-0.01", "0.99", "99999.99", "100000", "12345678"),
    *("1e2", "1E+2", "1.5e1", "1e-2", "1e99", "1e400", "9223372036854775807", "9223372036854775808", "1.25e-1"),
    *("01", "1.", "-", "+1", ".5", "NaN", "Infinity", "-Infinity", "0.123456789012345678901234567890"),
    *('""', '"a"', '"1"', '"1.5"', '"1e2"', '" 1.5"', '"+1.5"', '".5"', '"5."', '"007"', '"1.005"', '"n/a"', '"NaN"'),
    *('"true"', '"2025-01-31"', '"2025-01-31 10:00:00"', '"é"', '"\\u00e9"', '"\\ud83d\\ude00"', '"\\ud800"'),
    *('"\\u0000"', '"\\\\u0000"', '"a\\nb"', '"\\x"', '"a\tb"', '"}{"', '"\\""', '"1_0"', '"inf"'),
    *("true", "false", "null", "{}", "[]", "[1]", '{"visits":1}', "tru", "True"),
]
_USUAL = {"customer_id": '"c"', "visits": "12", "balance": "1.25", "share": "0.5", "points": "1200", "ratio": "2.5"}
_names = st.lists(st.sampled_from(list(SOURCES)), max_size=6, unique=True)


@st.composite
def _odd_line(draw: st.DrawFn) -> bytes:
    """A line of which some values, or the whole, may be anything."""
    names = [*draw(_names), *draw(st.lists(st.sampled_from(["visits", "note"]), max_size=1))]
    odd = draw(st.sampled_from([None, None, *names]))
    fields = [
        f"{json.dumps(SOURCES[name], ensure_ascii=False)}:"
        f"{draw(st.sampled_from(_LITERALS)) if name == odd else _USUAL.get(name, 'null')}"
        for name in names
    ]
    fields += draw(st.sampled_from([[], [], [], ['"shoe size":1']]))
    line = "{" + ",".join(fields) + "}"
    frames = ["{0}", "{0}", "{0}", "{0}", " {0}\t", "{0}{0}", "{0},", "[{0}]", "\ufeff{0}", "null", "", "  ", "{0}//x"]
    framed = draw(st.sampled_from(frames)).replace("{0}", line).encode()
    return framed[: draw(st.integers(0, len(framed)))] if draw(st.integers(0, 9)) == 0 else framed


_odd_file = st.lists(_odd_line(), max_size=25).map(b"\n".join)


@given(content=_odd_file, block_bytes=BLOCK_SIZES)
def test_every_line_that_is_not_blank_is_one_record_and_block_sizes_do_not_matter(
    content: bytes, block_bytes: int
) -> None:
    result = read_through(json_blocks, content, TERMS, block_bytes)
    text = content.removeprefix(b"\xef\xbb\xbf")
    lines = {row: line for row, line in enumerate(text.split(b"\n"), start=1) if line.strip(b" \t\r")}
    assert {**result.verbatim, **{reject.row: reject.record for reject in result.rejects}} == lines
    assert result.rejects == read_through(json_blocks, content, TERMS).rejects


@given(records=st.lists(_record.filter(bool), min_size=1, max_size=12), data=st.data(), block_bytes=BLOCK_SIZES)
def test_damage_to_one_line_leaves_all_others_exact(
    records: list[Cells], data: st.DataObject, block_bytes: int
) -> None:
    # What a file begins with may tell that it is no text at all; so the first line stays as it is.
    lines = [b"{}", *(_line(record) for record in records)]
    untouched = read_through(json_blocks, b"\n".join(lines), TERMS)
    place = data.draw(st.integers(1, len(lines) - 1))
    damaged = bytearray(lines[place])
    at = data.draw(st.integers(0, len(damaged)))
    damaged[at : at + data.draw(st.integers(0, 3))] = data.draw(
        st.binary(max_size=2).filter(lambda some: b"\n" not in some)
    )
    lines[place] = bytes(damaged)
    result = read_through(json_blocks, b"\n".join(lines), TERMS, block_bytes)
    for row, cells in untouched.cells.items():
        if row != place + 1:
            assert _comparable(result.cells[row]) == _comparable(cells)
    assert {reject.row for reject in result.rejects} <= {place + 1}
    assert result.records == len(lines) - (not bytes(damaged).strip(b" \t\r"))


def _comparable(cells: Cells) -> dict[str, str | None]:
    """A value is the same typed or as text, up to how it is written."""
    plain: dict[str, str | None] = {}
    for name, value in cells.items():
        text = None if value is None else str(value)
        if text is not None and name == "balance":
            text = format(Decimal(text).quantize(Decimal("0.01")), "f")
        if text is not None and name == "ratio":
            text = repr(float(text))
        plain[name] = text.lower() if text is not None and name == "active" else text
    return plain


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDBEngine]:
    engine = DuckDBEngine(tmp_path_factory.mktemp("engine"), threads=1)
    yield engine
    engine.close()


def _after_the_checks(blocks: Iterator[Block], terms: Contract, engine: DuckDBEngine) -> dict[int, object]:
    """For each line what a load would make of it: exact cells, the rule that it breaks, or its reject."""
    outcome: dict[int, object] = {}
    for block in blocks:
        text = frozenset(name for name in terms.columns if pa.types.is_string(block.table.schema.field(name).type))
        checks = compile_checks(terms, text)
        for record in engine.query(checks.sql, block=block.table).to_pylist() if block.table.num_rows else []:
            broken = record.pop("_broken")
            row = record.pop("_row")
            rule = None if broken is None else checks.rules[broken]
            outcome[row] = (rule.column, rule.rule) if rule else repr(record)
        outcome |= {reject.row: reject for reject in block.rejects}
    return outcome


@st.composite
def _odd_nested_line(draw: st.DrawFn) -> bytes:
    """A line with values inside objects, of which some may be anything; brackets may be missing or too many."""
    literal = st.sampled_from(["1", '"Wien"', "true", "1.25", "null", *_LITERALS])
    rent = draw(
        st.sampled_from(['{"net":%s,"se.en":%s}', '{"net":%s}', '{"net":%s,"net":%s}', "{}", "null", "%s", '{"x":%s}'])
    )
    home = draw(st.sampled_from(['{"city":%s,"rent":RENT}', '{"rent":RENT}', '{"rent":RENT,"city":%s}', "null", "%s"]))
    line = draw(
        st.sampled_from(['{"visits":%s,"home":HOME}', '{"home":HOME}', '{"home":HOME,"home":HOME}', "{}", "HOME"])
    )
    line = line.replace("HOME", home).replace("RENT", rent)
    while "%s" in line:
        line = line.replace("%s", draw(literal), 1)
    frame = draw(st.sampled_from(["{0}", "{0}", "{0}", "{0}", " {0}\t", "{0}{0}", "[{0}]", "{0}}", "{{0}", "{0},"]))
    framed = frame.replace("{0}", line).encode()
    return framed[: draw(st.integers(0, len(framed)))] if draw(st.integers(0, 9)) == 0 else framed


def _outcomes(content: bytes, terms: Contract, engine: DuckDBEngine) -> tuple[dict[int, object], dict[int, object]]:
    """Of each line, once where Arrow reads what it can, and once where every line is read on its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "people.json"
        path.write_bytes(content)
        at_once = _after_the_checks(json_blocks(path, terms), terms, engine)
        with patch.object(StretchReader, "read", lambda _reader, _spans, lines: (None, np.zeros_like(lines))):
            line_by_line = _after_the_checks(json_blocks(path, terms), terms, engine)
    return at_once, line_by_line


@given(content=_odd_file)
def test_reading_at_once_and_reading_line_by_line_come_to_the_same(content: bytes, engine: DuckDBEngine) -> None:
    at_once, line_by_line = _outcomes(content, TERMS, engine)
    assert at_once == line_by_line


@given(content=st.lists(_odd_nested_line(), max_size=25).map(b"\n".join))
def test_so_it_is_with_values_inside_objects(content: bytes, engine: DuckDBEngine) -> None:
    at_once, line_by_line = _outcomes(content, NESTED, engine)
    assert at_once == line_by_line


_simple_nested = st.sampled_from(
    [
        '{"home":{"city":"a","rent":{"net":1}}}',
        '{"visits":1}',
        '{"home":',
        '{"city":"b"}}',
        '{"home":{"city":"c"}}{}',
        "{}",
        '{"home":{}}',
    ]
)


@given(content=st.lists(_simple_nested, max_size=12).map("\n".join).map(str.encode))
def test_objects_over_several_lines_never_shift_the_others(content: bytes, engine: DuckDBEngine) -> None:
    at_once, line_by_line = _outcomes(content, NESTED, engine)
    assert at_once == line_by_line
