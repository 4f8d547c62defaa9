"""Reads a JSON document as a stream of records: the elements of an array, or objects one after another.

`json_pieces` finds where each record begins and ends, `json_reading` reads it. Memory: a few times a block, or the
longest record; the text around the array is kept as well, to be checked once the array has ended.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tenure.contracts.model import Contract
from tenure.contracts.source_paths import steps_of
from tenure.core.errors import SourceRefused
from tenure.sources.json_envelope import Envelope, NotHere, array_begins
from tenure.sources.json_pieces import Expects, Misplaced, Piece, as_lines, cut
from tenure.sources.json_reading import JsonReader, Part, json_parts_as_blocks
from tenure.sources.json_record import Fault
from tenure.sources.json_scan import keeps_its_place
from tenure.sources.record_spans import Spans
from tenure.sources.records import Block
from tenure.sources.text_file import LONGEST_LINE, TextFile, exact_encoding, open_text, unreadable

_PIECE_BYTES = 4 << 20
_BLANKS = b" \t\r\n"
_MEND = "mend the file there, or have it written again"
_BY_LINES = (
    f"{_MEND}; if each record stands on a line of its own, say kind: ndjson: then a broken line costs only itself"
)


def document_blocks(path: Path, contract: Contract, *, block_bytes: int = 16 << 20) -> Iterator[Block]:
    """The records of a JSON document: of the array at the contract's `records`, or else of the document itself.

    That is an array of records, objects one after another (each on a line or over several), or one single record.
    `_row` counts the records from 1. Values arrive as those of NDJSON do (see `json_blocks`).

    A broken record is set apart, with its line, where only values in it are wrong or missing. `SourceRefused` is
    raised where quotes, brackets, commas or colons are (nobody can tell then where the record ends, and whether it has
    swallowed others), where the document ends too early or goes on behind its end, and where it is empty.
    """
    encoding = exact_encoding(path, contract.encoding)
    with open_text(path, encoding) as file:
        document = _Document(file, path, encoding, contract, min(block_bytes, _PIECE_BYTES))
        yield from json_parts_as_blocks(document.pieces(), block_bytes)


@dataclass
class _Stretch:
    """Text of the file that begins at line `line`; finds the line of a byte of it."""

    data: bytes
    line: int
    line_ends: list[int] | None = None

    def line_of(self, at: int) -> int:
        if self.line_ends is None:
            self.line_ends = np.flatnonzero(np.frombuffer(self.data, np.uint8) == ord("\n")).tolist()
        return self.line + bisect_left(self.line_ends, at)


class _Document:
    """One reading of a file, from its first byte to its last."""

    def __init__(self, file: TextFile, path: Path, encoding: str, contract: Contract, piece_bytes: int) -> None:
        self._file = file
        self._path = path
        self._encoding = encoding
        self._contract = contract
        self._piece_bytes = piece_bytes
        self._text = _Stretch(b"", 1)
        self._final = False
        self._reader = JsonReader(contract, self._judged)

    def pieces(self) -> Iterator[tuple[Spans, Iterator[Part]]]:
        """The records, piece by piece."""
        envelope, expects = self._begin()
        if expects is Expects.VALUE:
            yield from self._only_value()
            return
        records = 0
        while True:
            piece = self._cut(expects)
            if len(piece.starts):
                rows = np.arange(records + 1, records + 1 + len(piece.starts))
                spans = Spans(self._text.data, rows, piece.starts, piece.ends, self._encoding)
                records += len(spans)
                yield spans, self._reader.parts(spans, as_lines(spans))
            expects = piece.expects
            if piece.closed is not None:
                self._end(envelope, piece.closed)
                return
            left = len(self._text.data) - piece.settled
            if self._final:
                if left or envelope is not None:
                    what = "in the middle of a record" if left else "before its array does"
                    cure = "deliver it again, whole; if it is, a quotation mark or a bracket is missing in this record"
                    raise self._refused(f"the file ends {what}", piece.settled, cure)
                return
            self._settle(piece.settled)
            if left > LONGEST_LINE:
                size = f"a record is longer than {LONGEST_LINE >> 20} MiB"
                raise self._refused(size, 0, "if an array in it holds the records, say records: and its keys")
            self._more(max(self._piece_bytes, left if not piece.settled else 0))

    def _begin(self) -> tuple[Envelope | None, Expects]:
        """Go to the first record; the text around an array, without one None. A single value is expected as such."""
        self._more(self._piece_bytes)
        while not self._text.data.strip(_BLANKS) and not self._final:
            self._settle(len(self._text.data))
            self._more(self._piece_bytes)
        begins = self._text.data.lstrip(_BLANKS)[:1]
        if not begins:
            raise self._refused("is empty: not even an array", 0, "deliver it again; without records, it holds []")
        if self._contract.records is None and begins != b"[":
            return None, Expects.RECORDS if begins == b"{" else Expects.VALUE
        steps = [str(step) for step in steps_of(self._contract.records)] if self._contract.records else []
        try:
            while (begin := array_begins(self._text.data, steps)) is None:
                left = len(self._text.data)
                if self._final:
                    raise self._refused(
                        "the file ends before its array of records begins", left, "deliver it again, whole"
                    )
                if left > LONGEST_LINE:
                    size = f"no array of records begins in the first {LONGEST_LINE >> 20} MiB"
                    raise self._refused(size, 0, "check records: in its contract")
                self._more(left)
        except NotHere as error:
            cure = (
                f"say in sources/{self._contract.source}.yml where the array of records is, such as records: data.items"
            )
            raise self._refused(str(error), 0, cure) from error
        envelope = Envelope(self._text.data[:begin])
        self._settle(begin)
        return envelope, Expects.FIRST

    def _only_value(self) -> Iterator[tuple[Spans, Iterator[Part]]]:
        """The document as one record that is neither an object nor an array."""
        while not self._final:
            if len(self._text.data) > LONGEST_LINE:
                raise self._refused("is neither an array nor an object", 0, "check that it is a JSON document")
            self._more(self._piece_bytes)
        data = self._text.data
        start, end = len(data) - len(data.lstrip(_BLANKS)), len(data.rstrip(_BLANKS))
        spans = Spans(data, np.array([1]), np.array([start]), np.array([end]), self._encoding)
        yield spans, self._reader.parts(spans, as_lines(spans))

    def _cut(self, expects: Expects) -> Piece:
        try:
            return cut(self._text.data, expects, final=self._final)
        except Misplaced as error:
            raise self._refused(f"{error}; nothing was loaded", error.at, _BY_LINES) from error

    def _end(self, envelope: Envelope | None, closed: int) -> None:
        """Check what stands around the array, which ended."""
        while not self._final:
            if len(self._text.data) - closed > LONGEST_LINE:
                size = f"goes on for more than {LONGEST_LINE >> 20} MiB behind its array of records"
                raise self._refused(size, closed, _MEND)
            self._more(self._piece_bytes)
        fault = envelope.fault(self._text.data[closed:]) if envelope else "a bracket is closed that was not opened"
        if fault:
            raise self._refused(f"the text around the array {fault}; nothing was loaded", closed, _MEND)

    def _judged(self, spans: Spans, index: int, fault: Fault) -> Fault:
        """What is wrong with a record, and at which line; raises where it may have swallowed others."""
        at = int(spans.starts[index])
        if fault.rule in {"json", "encoding"} and not keeps_its_place(spans.data[at : spans.ends[index]]):
            what = (
                f"a record {fault.reason}, and its quotes, brackets, commas or colons are not in order: nobody can tell"
            )
            raise self._refused(f"{what} where it ends; nothing was loaded", at, _BY_LINES)
        return replace(fault, reason=f"{fault.reason} (line {self._text.line_of(at)})")

    def _settle(self, size: int) -> None:
        """Drop what has been read."""
        data = self._text.data
        self._text = _Stretch(data[size:], self._text.line + data.count(b"\n", 0, size))

    def _more(self, size: int) -> None:
        try:
            data = self._file.read(size)
        except OSError as error:
            raise unreadable(self._path, error) from error
        self._final = len(data) < size
        self._text = _Stretch(self._text.data + data, self._text.line)

    def _refused(self, what: str, at: int, cure: str) -> SourceRefused:
        return SourceRefused(what, where=f"{self._path}:{self._text.line_of(at)}", cure=cure)
