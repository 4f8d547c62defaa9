"""Reads a CSV file as text, in blocks; broken records are set apart, none is lost or invented.

Nothing is sniffed: delimiter, columns and their order come from contract and header. `csv_scan` finds
and counts the records; Arrow's reader then gets the sound ones only, and must find just as many.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import IO, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from tenure.contracts.model import Contract
from tenure.core.errors import SourceRefused, TenureError
from tenure.sources.csv_dialect import Dialect, dialect_of
from tenure.sources.csv_header import CsvHeader, read_header
from tenure.sources.csv_scan import Scan, scan
from tenure.sources.csv_singly import scan_singly
from tenure.sources.record_spans import Mask, Positions, Spans, verbatim_of
from tenure.sources.records import Block, Reject
from tenure.sources.text_file import BOM, LONGEST_LINE, exact_encoding, open_text, read_piece, too_long

_PIECE_BYTES = 2 << 20  # the scan's arrays then stay in the processor's cache
_UNUSUAL_BYTES = 1 << 16  # mostly none of the marks that make a dialect unusual are in so few
_PARSED_AT_ONCE = 1 << 20
_INSERTED_AT_MOST = 50  # records; of more, copying all of them in their order costs less than so many parts
_HEADER_SHOWS = 2  # columns, at least


@dataclass(frozen=True)
class _File:
    """A file that is being read, and how."""

    path: Path
    contract: Contract
    dialect: Dialect
    header: CsvHeader
    encoding: str


@dataclass(frozen=True)
class _Piece:
    """A part of a block: where its records are, the sound ones as a table, the others as rejects."""

    spans: Spans
    table: pa.Table
    rejects: list[Reject]


def csv_blocks(path: Path, contract: Contract, *, block_bytes: int = 16 << 20) -> Iterator[Block]:
    """The records of a CSV file: every column as text, an unquoted empty field as null, "" as the empty string.

    Rejects: `quoting` (broken quotes, that line only), `fields` (wrong number of fields), `encoding` (not text in
    the file's encoding, or a NUL byte). Blank lines are no records. A record's text is UTF-8, whatever the encoding
    of the file; of `encoding` its bytes are kept. Memory: a few times `block_bytes`, or the longest line.
    Raises `SourceRefused` when the file cannot be read at all, its header does not fit (see `read_header`), or stands
    in it a second time.
    """
    header = read_header(path, contract)
    file = _File(path, contract, dialect_of(contract), header, exact_encoding(path, contract.encoding))
    pieces: list[_Piece] = []
    size = 0
    for piece in _pieces(file, min(block_bytes, _PIECE_BYTES)):
        pieces.append(piece)
        size += len(piece.spans.data)
        if size >= block_bytes:
            yield _block(pieces)
            pieces, size = [], 0
    if pieces:
        yield _block(pieces)


def _pieces(file: _File, piece_bytes: int) -> Iterator[_Piece]:
    """The whole body of the file, cut between records; a piece without a record is left out."""
    path = file.path
    piece_bytes = piece_bytes if file.dialect.usual else min(piece_bytes, _UNUSUAL_BYTES)
    with open_text(path, file.contract.encoding) as text:
        position, line, wanted, final = file.header.body, file.header.line, piece_bytes, False
        while not final:
            data, final = read_piece(text, position, wanted, path)
            if data.endswith(b"\r") and not final:
                data = data[:-1]  # an LF may follow, and the two are one line end
            if file.contract.skip_last_lines:
                data = _without_last_lines(data, file.contract.skip_last_lines)
            found, reading = _scan(data, file, final=final)
            piece = _piece(data, found, line, reading)
            if len(piece.spans):
                yield piece
            position, line = position + found.consumed, line + found.consumed_lines
            left = len(data) - found.consumed
            if final and left:
                raise _fault(f"{left} bytes were left over", path, line)
            if left > LONGEST_LINE:
                raise too_long(path, line)
            wanted = piece_bytes if found.consumed else 2 * wanted


def _scan(data: bytes, file: _File, *, final: bool) -> tuple[Scan, _File]:
    """The records of a piece, and how to read them: as the usual dialect, where they say the same in it."""
    dialect, expected = file.dialect, len(file.header.columns)
    usual = dialect if dialect.usual else dialect.usual_for(data)
    if usual:
        found = scan(data, usual, expected, final=final)
        if not dialect.loose or not (found.faults or len(found.odd)):
            return found, replace(file, dialect=usual)
    return scan_singly(data, dialect, expected, final=final), file


def _without_last_lines(data: bytes, lines: int) -> bytes:
    """What stands above the last lines that are not blank: they may be the last of the file."""
    end = len(data)
    for _ in range(lines):
        end = len(data[:end].rstrip(b"\r\n"))
        end = max(data.rfind(b"\n", 0, end), data.rfind(b"\r", 0, end)) + 1
    return data[:end]


def _piece(data: bytes, found: Scan, line: int, file: _File) -> _Piece:
    spans = Spans(data, found.lines + line, found.starts, found.ends, file.encoding)
    expected = len(file.header.columns)
    unsound = found.fields != expected
    encoding = spans.badly_encoded() & ~unsound
    rejects: list[Reject] = []
    for index in np.flatnonzero(unsound | encoding).tolist():
        if encoding[index]:
            name = "UTF-8" if file.encoding == "utf-8" else file.encoding
            rule, reason = "encoding", f"is not {name} text, or holds a NUL byte"
        elif index in found.faults:
            rule, reason = "quoting", found.faults[index]
        else:
            rule, reason = "fields", f"has {_counted(int(found.fields[index]))} instead of {expected}"
        rejects.append(Reject(int(spans.rows[index]), None, rule, reason, spans.record(index)))
    sound = ~(unsound | encoding)
    records = int(np.count_nonzero(sound))
    read = _read(spans, sound, found, file)
    if read.num_rows != records:
        raise _fault(f"{records} records were counted but {read.num_rows} were read", file.path, line)
    rows = spans.rows[sound]
    repeated = _headers_among(read, file.header)
    if len(repeated):
        if file.contract.header != "repeated":
            raise _second_header(int(rows[repeated[0]]), file)
        kept = np.ones(records, np.bool_)
        kept[repeated] = False
        read, rows = read.filter(pa.array(kept)), rows[kept]
        sound[np.flatnonzero(sound)[repeated]] = False
        spans = spans.only(sound | unsound | encoding)
    nothing = pa.nulls(len(rows), pa.string())
    columns = [nothing if name in file.header.missing else read[name] for name in file.contract.columns]
    table = pa.table([*columns, pa.array(rows)], names=[*file.contract.columns, "_row"])
    return _Piece(spans, table, rejects)


def _counted(fields: int) -> str:
    return "1 field" if fields == 1 else f"{fields} fields"


def _headers_among(read: pa.Table, header: CsvHeader) -> Positions:
    """Which records say what the header says, word for word; with one column that means nothing."""
    if len(header.names) < _HEADER_SHOWS or not read.num_rows:
        return np.zeros(0, np.int64)
    found: Positions | None = None
    for column, name in zip(read.columns, header.names, strict=False):
        some = column if found is None else column.take(pa.array(found, pa.int64()))
        same = np.flatnonzero(pc.index_in(some, value_set=pa.array([name], pa.string())).is_valid())
        found = same if found is None else found[same]
        if not len(found):
            break
    return np.zeros(0, np.int64) if found is None else found


def _read(spans: Spans, sound: Mask, found: Scan, file: _File) -> pa.Table:
    """The sound records as a table of text, the columns in the file's order."""
    if not sound.any():
        return pa.schema([(name, pa.string()) for name in file.header.columns]).empty_table()
    if not file.dialect.usual:
        return _read_singly(spans, np.flatnonzero(sound), file)
    odd = found.odd[sound[found.odd]]
    if not len(odd):
        return _parsed(spans, sound, file, several_lines=found.spans_lines)
    others = sound.copy()
    others[odd] = False
    singles = _read_singly(spans, odd, file)
    if not others.any():
        return singles
    rest = _parsed(spans, others, file, several_lines=found.spans_lines)
    if len(odd) > _INSERTED_AT_MOST:
        order = np.argsort(np.concatenate([odd, np.flatnonzero(others)]))
        return pa.concat_tables([singles, rest]).take(pa.array(order, pa.int64()))
    places = [0, *np.searchsorted(np.flatnonzero(others), odd).tolist(), rest.num_rows]
    parts = [rest.slice(places[0], places[1])]
    for number, (start, end) in enumerate(pairwise(places[1:])):
        parts += [singles.slice(number, 1), rest.slice(start, end - start)]
    return pa.concat_tables(parts)


def _read_singly(spans: Spans, indices: Positions, file: _File) -> pa.Table:
    """These records by the grammar alone."""
    records = [file.dialect.fields(spans.record(index)) for index in indices.tolist()]
    columns = [pa.array(column, pa.string()) for column in zip(*records, strict=True)]
    return pa.table(columns, names=list(file.header.columns))


def _parsed(spans: Spans, sound: Mask, file: _File, *, several_lines: bool) -> pa.Table:
    """These records as Arrow's reader sees them."""
    types = {name: pa.string() for name in file.header.columns}
    dialect = file.dialect
    text = spans.joined(sound)
    if text[: len(BOM)] == BOM:
        text = b"\n" + text  # a mark inside the file is text, but Arrow would drop it here
    # A record must not reach over more than two of Arrow's own blocks.
    longest = int((spans.ends - spans.starts)[sound].max())
    block_size = _PARSED_AT_ONCE if 2 * longest < _PARSED_AT_ONCE else len(text) + 1
    return csv.read_csv(
        cast("IO[bytes]", pa.BufferReader(text)),  # the stubs know no file of Arrow's own
        csv.ReadOptions(column_names=list(types), block_size=block_size),
        csv.ParseOptions(
            delimiter=dialect.delimiter.decode(),
            quote_char=dialect.quote.decode() if dialect.quote else False,
            newlines_in_values=several_lines,
        ),
        csv.ConvertOptions(
            check_utf8=False,  # done
            column_types=types,
            null_values=list(dialect.nulls),
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


def _second_header(line: int, file: _File) -> SourceRefused:
    return SourceRefused(
        "the header stands here a second time; nothing was loaded",
        where=f"{file.path}:{line}",
        cure="if another table begins here, make it a file of its own; if these are parts of one table put together, "
        f"say header: repeated in sources/{file.contract.source}.yml",
    )
