"""Reads a file of one JSON object a line, in blocks; numbers arrive exactly, broken lines are set apart.

Lines are found and counted by their line ends. `json_stretch` reads the many sound ones at once;
`json_record` reads the others one by one and says what is wrong with them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from tenure.contracts.model import Contract
from tenure.sources.json_record import Fault, read_object, to_text
from tenure.sources.json_stretch import StretchReader
from tenure.sources.record_spans import Mask, Spans, verbatim_of
from tenure.sources.records import Block, Reject
from tenure.sources.text_file import LONGEST_LINE, open_text, read_piece, too_long

_PIECE_BYTES = 4 << 20
_STRIP_BYTES = 1 << 18  # compared at once: stays in the processor's cache
_LF, _CR, _BRACE = b"\n"[0], b"\r"[0], b"{"[0]
_BLANKS = b" \t\r"
_NUL_ESCAPE = b"\\u0000"


@dataclass
class _Part:
    """What will be one block: tables of one schema, and the rejects."""

    tables: list[pa.Table] = field(default_factory=list[pa.Table])
    records: int = 0
    rejects: list[Reject] = field(default_factory=list[Reject])


def json_blocks(path: Path, contract: Contract, *, block_bytes: int = 16 << 20) -> Iterator[Block]:
    """The records of an NDJSON file; a file without any is allowed.

    A stretch of the file gives one block of typed columns (text where the contract says date, timestamp
    or string) and, if some lines had to be read one by one, another of text: a number as it is written,
    a string as it is. A key that is absent is null. Lines end with LF or CR LF; blank ones are no records.
    Rejects: `json`, `encoding`, `unknown_column`, `type`; see `read_object`.
    Raises `SourceRefused` when the file cannot be read at all.
    """
    reader = StretchReader(contract)
    stretch: list[Spans] = []
    parts: dict[pa.Schema, _Part] = {}
    size = 0
    for spans in _pieces(path, min(block_bytes, _PIECE_BYTES)):
        stretch.append(spans)
        size += len(spans.data)
        for part in _parts(spans, reader, contract):
            whole = parts.setdefault(part.tables[0].schema, _Part())
            whole.tables += part.tables
            whole.records += part.records
            whole.rejects += part.rejects
        if size >= block_bytes:
            yield from _blocks(stretch, parts)
            stretch, parts, size = [], {}, 0
    yield from _blocks(stretch, parts)


def _blocks(stretch: list[Spans], parts: dict[pa.Schema, _Part]) -> Iterator[Block]:
    verbatim = verbatim_of(stretch)
    for part in parts.values():
        yield Block(pa.concat_tables(part.tables), part.records, verbatim, part.rejects)


def _pieces(path: Path, piece_bytes: int) -> Iterator[Spans]:
    """All lines of the file that are not blank; nothing for a piece without any."""
    with open_text(path) as file:
        position, line, wanted, final = file.tell(), 1, piece_bytes, False
        while not final:
            data, final = read_piece(file, position, wanted, path)
            settled = len(data) if final else data.rfind(b"\n") + 1
            if settled:
                spans, lines = _lines(data, settled, line)
                if len(spans):
                    yield spans
                line += lines
                position += settled
            elif len(data) > LONGEST_LINE:
                raise too_long(path, line)
            wanted = piece_bytes if settled else 2 * wanted


def _lines(data: bytes, size: int, first: int) -> tuple[Spans, int]:
    """The lines of `data[:size]` that are not blank, from line `first` of the file on; how many line ends there are."""
    octets = np.frombuffer(data, np.uint8, size)
    strips = range(0, size, _STRIP_BYTES)
    line_ends = np.concatenate([np.flatnonzero(octets[at : at + _STRIP_BYTES] == _LF) + at for at in strips])
    ends = line_ends if len(line_ends) and line_ends[-1] == size - 1 else np.append(line_ends, size)
    starts = np.concatenate([np.zeros(1, np.int64), ends[:-1] + 1])
    ends = ends - ((ends > starts) & (octets[ends - 1] == _CR))
    blank = ends <= starts
    for index in np.flatnonzero(octets[starts] != _BRACE).tolist():
        blank[index] = not data[starts[index] : ends[index]].strip(_BLANKS)
    rows = np.arange(first, first + len(ends))
    return Spans(data, rows[~blank], starts[~blank], ends[~blank]), len(line_ends)


def _parts(spans: Spans, reader: StretchReader, contract: Contract) -> Iterator[_Part]:
    """The records of some lines: those that Arrow took, typed, and the others, as text or as rejects."""
    table, taken = reader.read(spans, _worth_trying(spans))
    if table is not None:
        rows = pa.array(spans.rows[taken])
        yield _Part([table.append_column("_row", rows)], len(rows))
    left = np.flatnonzero(~taken).tolist()
    if left:
        yield _one_by_one(spans, left, contract)


def _worth_trying(spans: Spans) -> Mask:
    """Lines that can be given to Arrow: it crashes on some that are no object, and does not mind bad text."""
    octets = np.frombuffer(spans.data, np.uint8)
    worth = octets[spans.starts] == _BRACE
    for index in np.flatnonzero(~worth).tolist():
        worth[index] = spans.record(index).lstrip(_BLANKS).startswith(b"{")
    worth &= ~spans.badly_encoded()
    at = spans.data.find(_NUL_ESCAPE) if b"\\" in spans.data else -1
    while at >= 0:
        worth[int(np.searchsorted(spans.starts, at, side="right")) - 1] = False
        at = spans.data.find(_NUL_ESCAPE, at + 1)
    return worth


def _one_by_one(spans: Spans, indices: list[int], contract: Contract) -> _Part:
    names = {source: name for name, source in contract.source_columns().items()}
    rejects: list[Reject] = []
    values: dict[str, list[str | None]] = {name: [] for name in contract.columns}
    rows: list[int] = []
    for index in indices:
        row = int(spans.rows[index])
        line = spans.record(index)
        record = read_object(line, names)
        if isinstance(record, Fault):
            rejects.append(Reject(row, record.column, record.rule, record.reason, line))
            continue
        rows.append(row)
        for name, column in contract.columns.items():
            values[name].append(to_text(record.get(name), column))
    columns = [pa.array(texts, pa.string()) for texts in values.values()]
    table = pa.table([*columns, pa.array(rows, pa.int64())], names=[*values, "_row"])
    return _Part([table], len(indices), rejects)
