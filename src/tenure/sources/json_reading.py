"""Reads the records of a stretch of JSON text: many at once with Arrow, and exactly, one by one, what Arrow leaves."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from tenure.contracts.model import Contract
from tenure.sources.json_record import Fault, asked_of, read_record, to_text
from tenure.sources.json_scan import each_one_object
from tenure.sources.json_stretch import StretchReader
from tenure.sources.record_spans import Mask, Spans, verbatim_of
from tenure.sources.records import Block, Reject

_BRACE = b"{"[0]
_BLANKS = b" \t\r"
_NUL_ESCAPE = b"\\u0000"

Judge = Callable[[Spans, int, Fault], Fault]
"""What is wrong with a record; raises `SourceRefused` where it would not be honest to set only that record apart."""


@dataclass
class Part:
    """What will be one block: tables of one schema, and the rejects."""

    tables: list[pa.Table] = field(default_factory=list[pa.Table])
    records: int = 0
    rejects: list[Reject] = field(default_factory=list[Reject])


class JsonReader:
    """Reads the stretches of one file, one after another."""

    def __init__(self, contract: Contract, judge: Judge = lambda spans, index, fault: fault) -> None:
        self._contract = contract
        self._asked = asked_of(contract)
        self._stretch = StretchReader(contract, self._asked)
        self._judge = judge

    def parts(self, spans: Spans, lines: Spans | None = None) -> Iterator[Part]:
        """The records: those that Arrow took, typed, and the others, as text or as rejects.

        `lines`: the same records, each on a line of its own and known to be one object; `spans` itself unless given.
        """
        table, taken = self._at_once(spans if lines is None else lines, whole=lines is not None)
        if table is not None:
            rows = pa.array(spans.rows[taken])
            yield Part([table.append_column("_row", rows)], len(rows))
        left = np.flatnonzero(~taken).tolist()
        if left:
            yield self._one_by_one(spans, left)

    def _at_once(self, lines: Spans, *, whole: bool) -> tuple[pa.Table | None, Mask]:
        if not self._stretch.possible:
            return None, np.zeros(len(lines), np.bool_)
        worth = _worth_trying(lines)
        if self._stretch.nested and not whole:
            worth &= each_one_object(lines)
        return self._stretch.read(lines, worth)

    def _one_by_one(self, spans: Spans, indices: list[int]) -> Part:
        columns = self._contract.columns
        rejects: list[Reject] = []
        values: dict[str, list[str | None]] = {name: [] for name in columns}
        rows: list[int] = []
        for index in indices:
            row = int(spans.rows[index])
            text = spans.record(index)
            record = read_record(text, self._asked)
            if isinstance(record, Fault):
                fault = self._judge(spans, index, record)
                rejects.append(Reject(row, fault.column, fault.rule, fault.reason, text))
                continue
            rows.append(row)
            for name, column in columns.items():
                values[name].append(to_text(record.get(name), column))
        arrays = [pa.array(texts, pa.string()) for texts in values.values()]
        table = pa.table([*arrays, pa.array(rows, pa.int64())], names=[*values, "_row"])
        return Part([table], len(indices), rejects)


def json_parts_as_blocks(pieces: Iterable[tuple[Spans, Iterable[Part]]], block_bytes: int) -> Iterator[Block]:
    """Blocks of about `block_bytes` out of pieces, none of them empty; a block's columns are of one type each."""
    stretch: list[Spans] = []
    parts: dict[pa.Schema, Part] = {}
    size = 0
    for spans, found in pieces:
        stretch.append(spans)
        size += len(spans.data)
        for part in found:
            whole = parts.setdefault(part.tables[0].schema, Part())
            whole.tables += part.tables
            whole.records += part.records
            whole.rejects += part.rejects
        if size >= block_bytes:
            yield from _blocks(stretch, parts)
            stretch, parts, size = [], {}, 0
    yield from _blocks(stretch, parts)


def _blocks(stretch: Sequence[Spans], parts: dict[pa.Schema, Part]) -> Iterator[Block]:
    verbatim = verbatim_of(stretch)
    for part in parts.values():
        yield Block(pa.concat_tables(part.tables), part.records, verbatim, part.rejects)


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
