"""Cuts a piece of a JSON document into its records: the elements of an array, or objects one after another."""

import re
from dataclasses import dataclass
from enum import Enum

import numpy as np

from tenure.sources.json_scan import brackets_of
from tenure.sources.record_spans import Positions, Spans

_BRACE = ord("{")
_LF, _BLANK = ord("\n"), ord(" ")
_LONGEST_GAP = 64
_ONE_LINE = bytes.maketrans(b"\r\n", b"\t\t")  # within a string, a tab is as wrong as a line end

_NOTHING = re.compile(rb"[ \t\r\n]*")
_COMMA = re.compile(rb"[ \t\r\n]*,[ \t\r\n]*")
_BETWEEN = re.compile(rb'[ \t\r\n]+|(?P<comma>,)|(?P<value>"(?:[^"\\]++|\\.)*+"|[^ \t\r\n,"]++)|(?P<open>")', re.DOTALL)


class Expects(Enum):
    """What must come next between records. `RECORDS`: objects without commas, which stand in no array."""

    RECORDS = "an object"
    FIRST = "a value or the end of the array"
    COMMA = "a comma or the end of the array"
    VALUE = "a value"


class Misplaced(ValueError):
    """Something stands between two records that cannot stand there, at byte `at`: nobody knows what is a record."""

    def __init__(self, what: str, at: int) -> None:
        super().__init__(what)
        self.at = at


@dataclass(frozen=True)
class Piece:
    """The whole records of a piece of text; what follows byte `settled` belongs to the next piece.

    `expects`: what must come there. `closed`: the byte at which the array ends, if it does.
    """

    starts: Positions
    ends: Positions
    settled: int
    expects: Expects
    closed: int | None


def cut(data: bytes, expects: Expects, *, final: bool) -> Piece:
    """The records of a text that begins between two of them; raises `Misplaced`."""
    brackets = brackets_of(data)
    below = np.flatnonzero(brackets.depth < 0)
    known = int(below[0]) if len(below) else len(brackets.depth)
    closed = int(brackets.at[known]) if len(below) else None
    depth, at, opens = brackets.depth[:known], brackets.at[:known], brackets.opens[:known]
    starts, ends = at[opens & (depth == 1)], at[~opens & (depth == 0)] + 1
    behind = len(data) if closed is None else closed
    if len(starts) > len(ends):
        behind, starts, closed = int(starts[-1]), starts[:-1], None
    if closed is not None and (expects is Expects.RECORDS or data[closed] != ord("]")):
        raise Misplaced("a bracket is closed that was not opened", closed)
    if expects is Expects.RECORDS:
        return _sequence(data, starts, ends, behind)
    cutter = _Gaps(data, expects)
    if _are_plain(data, starts, ends, expects):
        if len(starts):
            cutter.expects = Expects.COMMA
    else:
        for begin, end in zip([0, *ends.tolist()], starts.tolist(), strict=False):
            cutter.walk(begin, end)
            cutter.take_record(end)
    settled = cutter.walk(int(ends[-1]) if len(ends) else 0, behind, cut_off=behind == len(data) and not final)
    if closed is not None and cutter.expects is Expects.VALUE:
        raise Misplaced("a comma stands before the end of the array", closed)
    starts, ends = cutter.with_values(starts, ends)
    return Piece(starts, ends, settled, cutter.expects, closed)


def _sequence(data: bytes, starts: Positions, ends: Positions, behind: int) -> Piece:
    octets = np.frombuffer(data, np.uint8)
    others = np.flatnonzero(octets[starts] != _BRACE)
    if len(others):
        raise Misplaced("an array stands beside objects", int(starts[others[0]]))
    begins, stops = [0, *ends.tolist()], [*starts.tolist(), behind]
    if any(data[begin:end].strip(b" \t\r\n") for begin, end in zip(begins, stops, strict=True)):
        for begin, end in zip(begins, stops, strict=True):
            nothing = _NOTHING.match(data, begin, end)
            if nothing and nothing.end() < end:
                raise Misplaced("something stands between two objects", nothing.end())
    return Piece(starts, ends, behind, Expects.RECORDS, None)


def _are_plain(data: bytes, starts: Positions, ends: Positions, expects: Expects) -> bool:
    """Whether there is one comma between two records, and nothing else."""
    if not len(starts):
        return True
    first = data[: starts[0]]
    if not (_COMMA if expects is Expects.COMMA else _NOTHING).fullmatch(first):
        return False
    between = {data[end:start] for end, start in zip(ends[:-1].tolist(), starts[1:].tolist(), strict=False)}
    return all(_COMMA.fullmatch(gap) for gap in between)


class _Gaps:
    """Goes through what stands between records, and finds values there that are neither objects nor arrays."""

    def __init__(self, data: bytes, expects: Expects) -> None:
        self.expects = expects
        self._data = data
        self._values: list[tuple[int, int]] = []

    def walk(self, begin: int, end: int, *, cut_off: bool = False) -> int:
        """Take what stands from `begin` to `end`; up to where. `cut_off`: a value there may go on behind `end`."""
        for found in _BETWEEN.finditer(self._data, begin, end):
            if found["open"] or (cut_off and found["value"] and found.end() == end):
                if not cut_off:
                    raise Misplaced("a quotation mark is not closed", found.start())
                return found.start()
            if found["comma"]:
                if self.expects is not Expects.COMMA:
                    raise Misplaced("a comma stands where a value should", found.start())
                self.expects = Expects.VALUE
            elif found["value"]:
                self.take_record(found.start())
                self._values.append((found.start(), found.end()))
        return end

    def take_record(self, at: int) -> None:
        """A value begins at `at`."""
        if self.expects is Expects.COMMA:
            raise Misplaced("a comma is missing between two values", at)
        self.expects = Expects.COMMA

    def with_values(self, starts: Positions, ends: Positions) -> tuple[Positions, Positions]:
        """The records and the values found between them, in their order."""
        if not self._values:
            return starts, ends
        found = np.array(self._values, np.int64)
        starts, ends = np.concatenate([starts, found[:, 0]]), np.concatenate([ends, found[:, 1]])
        order = np.argsort(starts)
        return starts[order], ends[order]


def as_lines(spans: Spans) -> Spans:
    """The same records, each on a line of its own."""
    first, last = int(spans.starts[0]), int(spans.ends[-1])
    gaps = spans.starts[1:] - spans.ends[:-1]
    if len(gaps) and (gaps.min() < 1 or gaps.max() > _LONGEST_GAP):
        lines = [spans.record(index).translate(_ONE_LINE) for index in range(len(spans))]
        ends = np.cumsum([len(line) + 1 for line in lines]) - 1
        return Spans(b"\n".join([*lines, b""]), spans.rows, ends - (spans.ends - spans.starts), ends)
    text = bytearray(spans.data[first:last].translate(_ONE_LINE))
    text.append(_LF)
    octets = np.frombuffer(text, np.uint8)
    behind = spans.ends[:-1] - first
    octets[behind] = _LF
    for place in range(1, int(gaps.max()) if len(gaps) else 0):
        octets[behind[gaps > place] + place] = _BLANK
    return Spans(octets.tobytes(), spans.rows, spans.starts - first, spans.ends - first)
