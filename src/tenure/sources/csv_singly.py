"""Finds every record of a stretch of CSV line by line: for what `csv_scan` does not know, such as an escape."""

import numpy as np

from tenure.sources.csv_dialect import Dialect
from tenure.sources.csv_record import CR, LF, LINE_END, read_record
from tenure.sources.csv_scan import Scan


def scan_singly(data: bytes, dialect: Dialect, expected: int, *, final: bool) -> Scan:
    """The records of `data`, as `scan` gives them, of any dialect; a comment is none."""
    size = len(data)
    if final and data and data[-1] not in (LF, CR):
        data += b"\n"
    found: list[tuple[int, int, int, int]] = []
    faults: dict[int, str] = {}
    odd: list[int] = []
    spans_lines = False
    position = line = 0
    while ending := LINE_END.search(data, position):
        end, behind, fields, lines = ending.start(), ending.end(), 0, 1
        if end == position or (dialect.comment and data.startswith(dialect.comment, position)):
            position, line = behind, line + 1
            continue
        if dialect.special.search(data, position, end):
            record = read_record(data, position, dialect, expected, final=final)
            if record is None:
                break
            end, behind, fields = record.end, record.behind, record.fields
            if record.fault:
                faults[len(found)] = record.fault
            if record.odd:
                odd.append(len(found))
            if record.tall:
                spans_lines = True
                lines = sum(1 for _ in LINE_END.finditer(data, position, behind))
        else:
            fields = data.count(dialect.delimiter, position, end) + 1
        found.append((position, end, line, fields))
        position, line = behind, line + lines
    columns = np.array(found, np.int64).reshape(-1, 4).T
    starts, ends, rows, counts = columns
    odd_ones = np.array(odd, np.int64)
    return Scan(starts, ends, rows, counts, spans_lines, faults, odd_ones, min(position, size), line)
