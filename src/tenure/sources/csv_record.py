"""Reads one CSV record exactly: the grammar that the vectorised scan of `csv_scan` must agree with.

A field that begins with a quote ends at the next quote that is not escaped (see `Dialect`), and a delimiter or a
line end must follow. Any other field ends at the next delimiter or line end, and a quote in it is just a character
(5" disk). So is one at its beginning that nothing on its line closes properly ("02:45 among 1,"02:45,"x, y"), if then
the number of fields is right. But only one field of a record may have quotes among its text: two of them may enclose
a delimiter (1"2,3" without the delimiter that was before the first quote is two fields, both wrong). Lines end with
LF, CR LF or CR. No other character is special.
"""

import re
from dataclasses import dataclass

from tenure.sources.csv_dialect import Dialect

LF, CR = b"\n"[0], b"\r"[0]
LONGEST_RECORD = 1 << 20
"""Bytes of a record that spans lines: a quote that does not close within them was never meant to open."""
MOST_LINES = 1000
"""Lines of a record that spans lines."""

LINE_END = re.compile(rb"\r\n?|\n")

NOT_CLOSED = f"has a quoted field that does not end within {MOST_LINES:,} lines or {LONGEST_RECORD >> 20} MiB"
TEXT_BEHIND_QUOTE = "has text between a closing quote and the next delimiter"
QUOTES_AMONG_TEXT = (
    "has quotes among the text of more than one field, where a delimiter or a quote may be missing"
    " (if quotes are text like any other here, say quote: none)"
)


@dataclass(frozen=True)
class Record:
    """One record: where its text ends, where the next line begins, its number of fields, what is wrong with it.

    `tall`: it spans lines. `odd`: a field of it begins with a quote that is just a character. With a fault it is the
    first line only: what follows is read as if that line were not there.
    """

    end: int
    behind: int
    fields: int
    fault: str | None = None
    tall: bool = False
    odd: bool = False


def read_record(data: bytes, start: int, dialect: Dialect, expected: int | None, *, final: bool) -> Record | None:
    """The record that begins at the line start `start`; None when more bytes may change the answer.

    A record on one line may have any number of fields. One that spans lines must have the expected
    number: otherwise its quote was a slip, and it must not swallow its neighbours.
    `final`: nothing follows `data`, which must then end with a line end.
    """
    line = LINE_END.search(data, start)
    if line is None:
        return None
    limit = max(line.end(), min(len(data), start + LONGEST_RECORD + 1))
    end, fields, among_text, opens_nothing = _walk(data, start, limit, dialect, line.start())
    if end == line.start():
        fault = None
        if opens_nothing and fields != expected:
            fault = TEXT_BEHIND_QUOTE
        elif among_text > 1:
            fault = QUOTES_AMONG_TEXT
        return Record(end, line.end(), -1 if fault else fields, fault, odd=opens_nothing and not fault)
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
    if among_text > 1:
        return Record(line.start(), line.end(), -1, QUOTES_AMONG_TEXT)
    return Record(end, behind.end(), fields, tall=True)


def _walk(data: bytes, start: int, limit: int, dialect: Dialect, line_end: int) -> tuple[int, int, int, bool]:
    """Where the fields end: at a line end, at text that must not follow a quote, or at `limit`.

    And how many they are, how many of those have a quote among text, and whether one of these begins with it.
    """
    delimiter = dialect.delimiter
    at, fields, among_text, opens_nothing = start, 0, 0, False
    while True:
        fields += 1
        field = _quoted(data, at, limit, dialect, line_end)
        if isinstance(field, int):
            return field, fields, among_text, opens_nothing
        if field is None:
            field = dialect.plain_field.match(data, at, limit)
            text = field[0] if field else b""
            if dialect.quote and _holds(text, dialect.quote, dialect):
                among_text += 1
                opens_nothing |= text.startswith(dialect.quote)
        at = field.end() if field else limit
        if at >= limit or not data.startswith(delimiter, at):
            return at, fields, among_text, opens_nothing
        at += len(delimiter)
        if at >= limit:
            return limit, fields, among_text, opens_nothing


def _quoted(data: bytes, at: int, limit: int, dialect: Dialect, line_end: int) -> re.Match[bytes] | int | None:
    """A field in quotes; None where the field is none; where a quote that cannot be made sense of ends."""
    if not dialect.quote or not dialect.quoted_field or not data.startswith(dialect.quote, at):
        return None
    field = dialect.quoted_field.match(data, at, limit)
    if field is None:
        return limit
    end = field.end()
    if end >= limit or end == line_end or data.startswith(dialect.delimiter, end) or data[end] in (LF, CR):
        return field
    plain = dialect.plain_field.match(data, at, limit)
    if end < line_end and plain and plain[0].count(dialect.quote) == 1:
        return None
    return end


def _holds(text: bytes, quote: bytes, dialect: Dialect) -> bool:
    if quote not in text:
        return False
    return not dialect.escape or quote in dialect.escaped.sub(b"", text)
