"""Reads one CSV record exactly: the grammar that the vectorised scan of `csv_scan` must agree with.

A field that begins with a quote ends at the next quote that is not doubled, and a delimiter or a line
end must follow. Any other field ends at the next delimiter or line end, and a quote in it is just a
character (5" disk). Lines end with LF, CR LF or CR. No other character is special.
"""

import re
from dataclasses import dataclass
from functools import cache

QUOTE, LF, CR = b'"'[0], b"\n"[0], b"\r"[0]
LONGEST_RECORD = 1 << 20
"""Bytes of a record that spans lines: a quote that does not close within them was never meant to open."""
MOST_LINES = 1000
"""Lines of a record that spans lines."""

LINE_END = re.compile(rb"\r\n?|\n")
_QUOTED = re.compile(rb'"(?:[^"]++|"")*+"')

NOT_CLOSED = f"has a quoted field that does not end within {MOST_LINES:,} lines or {LONGEST_RECORD >> 20} MiB"
TEXT_BEHIND_QUOTE = "has text between a closing quote and the next delimiter"


@dataclass(frozen=True)
class Record:
    """One record: where its text ends, where the next line begins, its number of fields, what is wrong with it.

    `tall`: it spans lines. With a fault it is the first line only: what follows is read as if that line were not there.
    """

    end: int
    behind: int
    fields: int
    fault: str | None = None
    tall: bool = False


@cache
def _plain(delimiter: int) -> re.Pattern[bytes]:
    return re.compile(rb"[^\r\n" + re.escape(bytes([delimiter])) + rb"]*+")


def read_record(data: bytes, start: int, delimiter: int, expected: int | None, *, final: bool) -> Record | None:
    """The record that begins at the line start `start`; None when more bytes may change the answer.

    A record on one line may have any number of fields. One that spans lines must have the expected
    number: otherwise its quote was a slip, and it must not swallow its neighbours.
    `final`: nothing follows `data`, which must then end with a line end.
    """
    line = LINE_END.search(data, start)
    if line is None:
        return None
    limit = max(line.end(), min(len(data), start + LONGEST_RECORD + 1))
    end, fields = _walk(data, start, limit, delimiter)
    if end == line.start():
        return Record(end, line.end(), fields)
    broken = Record(line.start(), line.end(), -1, NOT_CLOSED)
    if end >= limit:
        undecided = not final and len(data) - start <= LONGEST_RECORD
        return None if undecided else broken
    behind = LINE_END.match(data, end)
    if behind is None:
        return Record(line.start(), line.end(), -1, TEXT_BEHIND_QUOTE)
    lines = sum(1 for _ in LINE_END.finditer(data, start, behind.end()))
    if lines > MOST_LINES:
        return broken
    if expected is not None and fields != expected:
        fault = f"has a quoted field that runs over {lines} lines and leaves {fields} fields instead of {expected}"
        return Record(line.start(), line.end(), -1, fault)
    return Record(end, behind.end(), fields, tall=True)


def _walk(data: bytes, start: int, limit: int, delimiter: int) -> tuple[int, int]:
    """Where the fields end, and their number: at a line end, at text that must not follow a quote, or at `limit`."""
    plain = _plain(delimiter)
    at, fields = start, 0
    while True:
        fields += 1
        field = _QUOTED.match(data, at, limit) if data[at] == QUOTE else plain.match(data, at, limit)
        if field is None:
            return limit, fields
        at = field.end()
        if at >= limit or data[at] != delimiter:
            return at, fields
        at += 1
        if at >= limit:
            return limit, fields
