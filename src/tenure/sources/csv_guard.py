"""Reads a CSV file as text, in blocks; broken records are set apart, none is lost or invented.

Nothing is sniffed: delimiter, columns and their order come from contract and header. `csv_scan` finds
and counts the records; Arrow's reader then gets the sound ones only, and must find just as many.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import numpy as np
import pyarrow as pa
from pyarrow import csv

from tenure.contracts.model import Contract
from tenure.core.errors import TenureError
from tenure.sources.csv_header import CsvHeader, delimiter_byte, read_header
from tenure.sources.csv_scan import Scan, scan
from tenure.sources.record_spans import Mask, Spans, verbatim_of
from tenure.sources.records import Block, Reject
from tenure.sources.text_file import BOM, LONGEST_LINE, open_text, read_piece, too_long

_PIECE_BYTES = 2 << 20  # the scan's arrays then stay in the processor's cache
_PARSED_AT_ONCE = 1 << 20


@dataclass(frozen=True)
class _Piece:
    """A part of a block: where its records are, the sound ones as a table, the others as rejects."""

    spans: Spans
    table: pa.Table
    rejects: list[Reject]


def csv_blocks(path: Path, contract: Contract, *, block_bytes: int = 16 << 20) -> Iterator[Block]:
    """The records of a CSV file: every column as text, an unquoted empty field as null, "" as the empty string.

    Rejects: `quoting` (broken quotes, that line only), `fields` (wrong number of fields), `encoding` (not
    UTF-8, or a NUL byte). Blank lines are no records. Memory: a few times `block_bytes`, or the longest line.
    Raises `SourceRefused` when the file cannot be read at all or its header does not fit (see `read_header`).
    """
    header = read_header(path, contract)
    pieces: list[_Piece] = []
    size = 0
    for piece in _pieces(path, header, contract, min(block_bytes, _PIECE_BYTES)):
        pieces.append(piece)
        size += len(piece.spans.data)
        if size >= block_bytes:
            yield _block(pieces)
            pieces, size = [], 0
    if pieces:
        yield _block(pieces)


def _pieces(path: Path, header: CsvHeader, contract: Contract, piece_bytes: int) -> Iterator[_Piece]:
    """The whole body of the file, cut between records; a piece without a record is left out."""
    delimiter = delimiter_byte(contract)
    with open_text(path) as file:
        position, line, wanted, final = header.body, header.line, piece_bytes, False
        while not final:
            data, final = read_piece(file, position, wanted, path)
            if data.endswith(b"\r") and not final:
                data = data[:-1]  # an LF may follow, and the two are one line end
            found = scan(data, delimiter, len(header.columns), final=final)
            if len(found.starts):
                yield _piece(data, found, line, header, contract, path)
            position, line = position + found.consumed, line + found.consumed_lines
            left = len(data) - found.consumed
            if final and left:
                raise _fault(f"{left} bytes were left over", path, line)
            if left > LONGEST_LINE:
                raise too_long(path, line)
            wanted = piece_bytes if found.consumed else 2 * wanted


def _piece(data: bytes, found: Scan, line: int, header: CsvHeader, contract: Contract, path: Path) -> _Piece:
    spans = Spans(data, found.lines + line, found.starts, found.ends)
    expected = len(header.columns)
    unsound = found.fields != expected
    encoding = spans.badly_encoded() & ~unsound
    rejects: list[Reject] = []
    for index in np.flatnonzero(unsound | encoding).tolist():
        if encoding[index]:
            rule, reason = "encoding", "is not UTF-8 text, or holds a NUL byte"
        elif index in found.faults:
            rule, reason = "quoting", found.faults[index]
        else:
            rule, reason = "fields", f"has {_counted(int(found.fields[index]))} instead of {expected}"
        rejects.append(Reject(int(spans.rows[index]), None, rule, reason, spans.record(index)))
    sound = ~(unsound | encoding)
    records = int(np.count_nonzero(sound))
    read = _parsed(spans, sound, header, contract, several_lines=found.spans_lines)
    if read.num_rows != records:
        raise _fault(f"{records} records were counted but {read.num_rows} were read", path, line)
    nothing = pa.nulls(records, pa.string())
    columns = [nothing if name in header.missing else read[name] for name in contract.columns]
    table = pa.table([*columns, pa.array(spans.rows[sound])], names=[*contract.columns, "_row"])
    return _Piece(spans, table, rejects)


def _counted(fields: int) -> str:
    return "1 field" if fields == 1 else f"{fields} fields"


def _parsed(spans: Spans, sound: Mask, header: CsvHeader, contract: Contract, *, several_lines: bool) -> pa.Table:
    """The sound records as Arrow's reader sees them: a table of text, the columns in the file's order."""
    types = {name: pa.string() for name in header.columns}
    if not sound.any():
        return pa.schema(list(types.items())).empty_table()
    text = spans.joined(sound)
    if text[: len(BOM)] == BOM:
        text = b"\n" + text  # a mark inside the file is text, but Arrow would drop it here
    # A record must not reach over more than two of Arrow's own blocks.
    longest = int((spans.ends - spans.starts)[sound].max())
    block_size = _PARSED_AT_ONCE if 2 * longest < _PARSED_AT_ONCE else len(text) + 1
    return csv.read_csv(
        cast("IO[bytes]", pa.BufferReader(text)),  # the stubs know no file of Arrow's own
        csv.ReadOptions(column_names=list(header.columns), block_size=block_size),
        csv.ParseOptions(delimiter=contract.delimiter, newlines_in_values=several_lines),
        csv.ConvertOptions(
            check_utf8=False,  # done
            column_types=types,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )


def _block(pieces: list[_Piece]) -> Block:
    return Block(
        table=pa.concat_tables([piece.table for piece in pieces]),
        records=sum(len(piece.spans) for piece in pieces),
        verbatim=verbatim_of([piece.spans for piece in pieces]),
        rejects=[reject for piece in pieces for reject in piece.rejects],
    )


def _fault(what: str, path: Path, line: int) -> TenureError:
    return TenureError(
        what,
        where=f"{path}:{line}",
        cure="nothing was loaded; this is a fault in Tenure's reader: please report it with the file",
    )
