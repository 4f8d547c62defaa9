"""Finds out how a CSV file is written, and gives its records as texts: for proposals, never for loading."""

import codecs
import csv
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

_DELIMITERS = (",", ";", "\t", "|", "\x01", ":")
_SAMPLE_LINES = 200
_ENCODINGS = (("utf-8-sig", codecs.BOM_UTF8), ("utf-16", codecs.BOM_UTF16_LE), ("utf-16", codecs.BOM_UTF16_BE))
_VALUE = re.compile(r"[ +-]*[0-9][0-9.,:/ TZ-]*|true|false|null|\\N", re.IGNORECASE)


@dataclass(frozen=True)
class CsvLook:
    """How a CSV file seems to be written; `header` are the names of its columns, None where it has no header."""

    encoding: str
    delimiter: str
    quote: str | None
    escape: str | None
    skip_lines: int
    width: int
    header: tuple[str, ...] | None

    def words(self) -> dict[str, Any]:
        """The contract's words for it; what is as it is by default is left out."""
        found: dict[str, Any] = {}
        if self.encoding not in {"utf-8", "utf-8-sig"}:
            found["encoding"] = self.encoding
        if self.delimiter != ",":
            found["delimiter"] = self.delimiter
        if self.quote is None:
            found["quote"] = "none"
        elif self.quote != '"':
            found["quote"] = self.quote
        if self.escape:
            found["escape"] = self.escape
        if self.header is None:
            found["header"] = False
        if self.skip_lines:
            found["skip_lines"] = self.skip_lines
        return found


def look(sample: bytes, *, whole: bool) -> CsvLook | None:
    """How the file with this beginning is written; None where it is no text in columns. `whole`: it has no more."""
    encoding = find_encoding(sample)
    if encoding is None:
        return None
    text = codecs.getincrementaldecoder(encoding)("replace").decode(sample, whole)
    lines = text.splitlines()
    lines = (lines if whole else lines[:-1])[:_SAMPLE_LINES]
    if not any(line.strip() for line in lines):
        return None
    quote = _quote(lines)
    delimiter = _delimiter(lines, quote)
    rows = _rows(lines, delimiter, quote, None)
    escape = "\\" if quote and any(f"\\{quote}" in line for line in lines) else None
    if escape:
        rows = _rows(lines, delimiter, quote, escape)
    width = Counter(len(row) for row in rows if row).most_common(1)[0][0]
    skip = next((number for number, row in enumerate(rows) if len(row) == width), 0)
    # A first line that is cut short is no preamble: it is the header, or a record, of a ragged file.
    skip = skip if all(len(row) <= 1 for row in rows[:skip]) else 0
    header = tuple(cell.strip() for cell in rows[skip]) if _is_header(rows[skip:]) else None
    return CsvLook(encoding, delimiter, quote, escape, skip, width, header)


def find_encoding(sample: bytes) -> str | None:
    """UTF-8 or UTF-16 where the bytes say so, else Windows' western code page; None for bytes that are no text."""
    for name, mark in _ENCODINGS:
        if sample.startswith(mark):
            return name
    if b"\0" in sample:
        return None
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _quote(lines: Sequence[str]) -> str | None:
    """The character around fields: a double quote, or a single one where only those stand at the ends of fields."""
    single = sum(bool(re.search(r"(^|[,;\t|])'[^']*'([,;\t|]|$)", line)) for line in lines)
    double = sum('"' in line for line in lines)
    return "'" if single and not double else '"'


def _delimiter(lines: Sequence[str], quote: str | None) -> str:
    """The character that cuts most lines into the same number of fields, two at least; a comma where none does."""
    best, most = ",", (0.0, 0)
    for delimiter in _DELIMITERS:
        widths = Counter(len(row) for row in _rows(lines, delimiter, quote, None) if row)
        width, count = max(widths.items(), key=lambda entry: (entry[1], entry[0]), default=(1, 0))
        agreement = (round(count / max(1, sum(widths.values())), 1), width)
        if width > 1 and agreement > most:
            best, most = delimiter, agreement
    return best


def _rows(lines: Sequence[str], delimiter: str, quote: str | None, escape: str | None) -> list[list[str]]:
    return list(_reader(iter([f"{line}\n" for line in lines]), delimiter, quote, escape))


def _reader(lines: Iterator[str], delimiter: str, quote: str | None, escape: str | None) -> Iterator[list[str]]:
    csv.field_size_limit(1 << 30)
    if quote is None:
        return csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE, escapechar=escape)
    return csv.reader(lines, delimiter=delimiter, quotechar=quote, escapechar=escape, doublequote=escape is None)


def _is_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row names columns: words, all different, and no values such as those below it."""
    first = [cell.strip() for cell in rows[0]]
    if not all(first) or len({cell.lower() for cell in first}) != len(first):
        return False
    if any(_VALUE.fullmatch(cell) for cell in first):
        return False
    below = [[cell.strip() for cell in row] for row in rows[1:] if len(row) == len(first)]
    if not below:
        return True
    # Where every column holds words only, a first row that reads like a name in each column is one.
    has_values = any(all(_VALUE.fullmatch(row[at]) or not row[at] for row in below) for at in range(len(first)))
    return has_values or all(re.fullmatch(r"[\w .#/()%-]{1,63}", cell) and not cell[0].isdigit() for cell in first)


def records(read_lines: Callable[[str], Iterator[str]], found: CsvLook) -> Iterator[list[str]]:
    """The records below the header; `read_lines` gives the lines of the text in an encoding."""
    lines = read_lines(found.encoding)
    for _ in range(found.skip_lines):
        next(lines, None)
    rows = _reader(lines, found.delimiter, found.quote, found.escape)
    if found.header is not None:
        next(rows, None)
    return (row for row in rows if row)
