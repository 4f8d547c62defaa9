"""Finds the objects and arrays in JSON text by their brackets, and tells whether a broken record keeps its place.

Only strings and brackets are looked at, many bytes at once; what stands between them is left to those who read it.
"""

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tenure.sources.record_spans import Mask, Positions, Spans

_QUOTE, _OPEN, _CLOSE = 1, 2, 3
_KINDS = bytes({'"': _QUOTE, "{": _OPEN, "[": _OPEN, "}": _CLOSE, "]": _CLOSE}.get(chr(byte), 0) for byte in range(256))
_STRIP_BYTES = 1 << 18  # stays in the processor's cache

_TOKEN = re.compile(rb'(?P<value>"(?:[^"\\]++|\\.)*+"|[^\s{}\[\],:"\\]++)|(?P<other>[^\s])', re.DOTALL)
_CLOSED_BY = {b"{": b"}", b"[": b"]"}


@dataclass(frozen=True)
class Brackets:
    """The brackets of a text that stand in no string: where, and how deep the text is nested behind each.

    `open_string`: the text ends inside a string.
    """

    at: Positions
    depth: Positions
    opens: Mask
    open_string: bool


def brackets_of(data: bytes) -> Brackets:
    """The brackets of a text that begins outside of any string."""
    at, kinds = _marks(data)
    quotes = kinds == _QUOTE
    inside = np.cumsum(quotes, dtype=np.uint8) & 1  # only whether it is odd counts
    outer = ~(quotes | inside.view(np.bool_))
    opens = kinds[outer] == _OPEN
    depth = np.cumsum(np.where(opens, 1, -1))
    return Brackets(at[outer], depth, opens, bool(len(inside) and inside[-1]))


def _marks(data: bytes) -> tuple[Positions, npt.NDArray[np.uint8]]:
    """Quotes and brackets: where, and which kind; without the quotes that a backslash protects."""
    found: list[Positions] = []
    kinds_found: list[npt.NDArray[np.uint8]] = []
    for start in range(0, len(data), _STRIP_BYTES):
        strip = np.frombuffer(data[start : start + _STRIP_BYTES].translate(_KINDS), np.uint8)
        at = np.flatnonzero(strip.view(np.bool_))
        found.append(at + start)
        kinds_found.append(strip[at])
    if not found:
        return np.zeros(0, np.int64), np.zeros(0, np.uint8)
    at, kinds = np.concatenate(found), np.concatenate(kinds_found)
    if b"\\" in data:
        kept = ~((kinds == _QUOTE) & _protected(np.frombuffer(data, np.uint8), at))
        at, kinds = at[kept], kinds[kept]
    return at, kinds


def _protected(octets: npt.NDArray[np.uint8], at: Positions) -> Mask:
    """Which of these places have an odd number of backslashes right before them."""
    slashes = np.flatnonzero(octets == ord("\\"))
    begins = np.diff(slashes, prepend=-2) != 1
    first = np.maximum.accumulate(np.where(begins, slashes, 0))
    last = np.searchsorted(slashes, at) - 1
    adjacent = (last >= 0) & (slashes[last] == at - 1)
    return adjacent & ((at - first[last]) % 2 == 1)


def each_one_object(spans: Spans) -> Mask:
    """Which records, each on a line of its own, are one object by their brackets, strings and all.

    A string does not reach over the end of its line, so each line begins outside of any.
    """
    at, kinds = _marks(spans.data)
    line = np.searchsorted(spans.starts, at, side="right") - 1
    sound = np.zeros(len(spans), np.bool_)
    inside_text = (line >= 0) & (at < spans.ends[line])
    at, kinds, line = at[inside_text], kinds[inside_text], line[inside_text]
    lines, firsts = np.unique(line, return_index=True)
    if not len(lines):
        return sound
    quotes = np.cumsum(kinds == _QUOTE)
    inside = (quotes - np.repeat(quotes[firsts] - (kinds[firsts] == _QUOTE), np.diff(firsts, append=len(at)))) & 1
    steps = np.where((kinds == _QUOTE) | (inside == 1), 0, np.where(kinds == _OPEN, 1, -1))
    depth = np.cumsum(steps)
    lasts = np.append(firsts[1:], len(at)) - 1
    depth = depth - np.repeat(depth[firsts] - steps[firsts], np.diff(firsts, append=len(at)))
    depth_before_last = depth - steps
    # It ends where it first returns to no depth at all: at its last mark, and nowhere before.
    returns = np.add.reduceat((depth <= 0).astype(np.int64), firsts)
    sound[lines] = (depth[lasts] == 0) & (depth_before_last[lasts] == 1) & (returns == 1) & (inside[lasts] == 0)
    return sound


def keeps_its_place(record: bytes) -> bool:
    """Whether strings, brackets, commas and colons of a broken record stand as in JSON, so that it ends where it ends.

    Then only values in it are wrong or missing. Otherwise a quote or a bracket may be missing, and nobody can tell
    which of the following records it has swallowed.
    """
    opened: list[bytes] = []
    before = b""
    for token in _TOKEN.finditer(record):
        text = token[0]
        if token["value"]:
            quoted = text.startswith(b'"')
            if before == b"word" and not quoted:
                continue
            if before in {b"word", b"string", b"}"}:
                return False
            before = b"string" if quoted else b"word"
        elif text in _CLOSED_BY:
            if before in {b"word", b"string", b"}"} or (opened and opened[-1] == b"{" and before != b":"):
                return False
            opened.append(text)
            before = text
        elif opened and text == _CLOSED_BY[opened[-1]]:
            opened.pop()
            before = b"}"
        elif opened and (text == b"," or (text == b":" and opened[-1] == b"{" and before in {b"word", b"string"})):
            before = text
        else:
            return False
    return not opened
