"""Whatever a file holds, the guards give exactly those cells, or set the record apart with its bytes."""

import csv
import io
import json
import tempfile
from decimal import Decimal
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tenure.contracts.columns import ColumnContract
from tenure.contracts.model import Contract
from tenure.sources.csv_guard import csv_blocks
from tenure.sources.json_guard import json_blocks
from tenure.sources.records import Block, row_numbers

_TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
_CELL = st.one_of(_TEXT, st.text(alphabet='",\r\n ;x', max_size=6))


def _contract(kind: str, balance: str = "string") -> Contract:
    return Contract(
        source="usage",
        entity="usage",
        kind="csv" if kind == "csv" else "ndjson",
        path="x",
        key=("usage_log_id",),
        columns={
            "usage_log_id": ColumnContract(type="integer"),
            "customer_id": ColumnContract(type="integer"),
            "product_type": ColumnContract(type="string"),
            "note": ColumnContract(type=balance),
        },
    )


def _read(kind: str, content: bytes, block_bytes: int, balance: str = "string") -> list[Block]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(content)
        guard = csv_blocks if kind == "csv" else json_blocks
        return list(guard(path, _contract(kind, balance), block_bytes=block_bytes))


def _cells(blocks: list[Block]) -> list[tuple[object, ...]]:
    rows: list[tuple[int, tuple[object, ...]]] = []
    for block in blocks:
        names = ("usage_log_id", "customer_id", "product_type", "note")
        columns = [block.table[name].to_pylist() for name in names]
        rows += zip(row_numbers(block.table), zip(*columns, strict=True), strict=True)
    return [cells for _, cells in sorted(rows)]


@settings(max_examples=150)
@given(
    rows=st.lists(st.tuples(_CELL, _CELL), max_size=8),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    ending=st.sampled_from(["\n", "\r\n"]),
    block_bytes=st.integers(1, 200),
)
def test_any_cells_that_were_written_as_csv_are_read_as_they_were(
    rows: list[tuple[str, str]], quoting: int, ending: str, block_bytes: int
) -> None:
    if quoting == csv.QUOTE_MINIMAL:  # Python leaves a lone CR unquoted, which makes two lines of one
        rows = [(first.replace("\r", ""), second.replace("\r", "")) for first, second in rows]
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=quoting, lineterminator=ending)  # pyright: ignore[reportArgumentType]
    writer.writerow(["usage_log_id", "customer_id", "product_type", "note"])
    writer.writerows([(number, 1, *cells) for number, cells in enumerate(rows)])
    blocks = _read("csv", text.getvalue().encode(), block_bytes)
    empty = None if quoting == csv.QUOTE_MINIMAL else ""
    assert _cells(blocks) == [
        (str(number), "1", first or empty, second or empty) for number, (first, second) in enumerate(rows)
    ]
    assert sum(block.records for block in blocks) == len(rows)
    assert [reject for block in blocks for reject in block.rejects] == []


_BREAKS = {
    b'7,1,"open,x': "quoting",
    b'7,1,"a"b,x': "quoting",
    b"7,1,too,many,fields": "fields",
    b"7,1": "fields",
    b"7,1,\xff,x": "encoding",
    b"7,1,\0,x": "encoding",
}


@given(
    before=st.integers(0, 5),
    after=st.integers(0, 5),
    broken=st.sampled_from(sorted(_BREAKS)),
    block_bytes=st.integers(1, 90),
)
def test_one_broken_record_costs_only_itself(before: int, after: int, broken: bytes, block_bytes: int) -> None:
    lines = [b'%d,1,"A, B",x' % number for number in range(before + after)]
    lines.insert(before, broken)
    content = b"\n".join([b"usage_log_id,customer_id,product_type,note", *lines])
    blocks = _read("csv", content, block_bytes)
    rejects = [reject for block in blocks for reject in block.rejects]
    assert [(reject.row, reject.rule, reject.record) for reject in rejects] == [(before + 2, _BREAKS[broken], broken)]
    assert [cells[0] for cells in _cells(blocks)] == [str(number) for number in range(before + after)]
    assert sum(block.records for block in blocks) == before + after + 1


_NUMBER = st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**15), max_value=10**15)


@settings(max_examples=100)
@given(
    rows=st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), _TEXT, st.one_of(st.none(), _NUMBER)), max_size=8),
    ascii_only=st.booleans(),
    block_bytes=st.integers(1, 300),
)
def test_any_values_that_were_written_as_json_are_read_exactly(
    rows: list[tuple[int, str, Decimal | None]], ascii_only: bool, block_bytes: int
) -> None:
    lines = [
        f'{{"usage_log_id": {number}, "customer_id": 1, "product_type": {json.dumps(text, ensure_ascii=ascii_only)},'
        f' "note": {"null" if amount is None else amount}}}'
        for number, text, amount in rows
    ]
    blocks = _read("ndjson", "\n".join(lines).encode(), block_bytes, "decimal(18,2)")
    found = [
        (int(str(number)), text, None if amount is None else Decimal(str(amount)))
        for number, _, text, amount in _cells(blocks)
    ]
    assert found == rows
    assert sum(block.records for block in blocks) == len(rows)


@given(
    broken=st.sampled_from(
        [
            b'{"usage_log_id": 1,}',
            b"[1]",
            b"null",
            b'{"usage_log_id": NaN}',
            b'{"usage_log_id": 1, "usage_log_id": 2}',
            b'{"usage_log_id": 01}',
            b'{"other": 1}',
            b'{"product_type": "\xff"}',
            b'{"product_type": "\\ud800"}',
            b'{"usage_log_id": 1}{}',
            b'{"product_type": {"a": 1}}',
            b"{",
        ]
    ),
    before=st.integers(0, 4),
    block_bytes=st.integers(1, 90),
)
def test_a_broken_line_of_json_costs_only_itself(broken: bytes, before: int, block_bytes: int) -> None:
    good = b'{"usage_log_id": 5, "customer_id": 1, "product_type": "A", "note": "b"}'
    content = b"\n".join([*[good] * before, broken, good])
    blocks = _read("ndjson", content, block_bytes)
    rejects = [reject for block in blocks for reject in block.rejects]
    assert [(reject.row, reject.record) for reject in rejects] == [(before + 1, broken)]
    assert len(_cells(blocks)) == before + 1
