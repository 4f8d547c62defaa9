"""Reads a file of one JSON object a line, in blocks; numbers arrive exactly, broken lines are set apart.

Lines are found and counted by their line ends; `json_reading` reads what stands on them.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tenure.contracts.model import Contract
from tenure.sources.json_reading import JsonReader, json_parts_as_blocks
from tenure.sources.record_spans import Spans
from tenure.sources.records import Block
from tenure.sources.text_file import LONGEST_LINE, exact_encoding, open_text, read_piece, too_long

_PIECE_BYTES = 4 << 20
_STRIP_BYTES = 1 << 18  # compared at once: stays in the processor's cache
_LF, _CR, _BRACE = b"\n"[0], b"\r"[0], b"{"[0]
_BLANKS = b" \t\r"


def json_blocks(path: Path, contract: Contract, *, block_bytes: int = 16 << 20) -> Iterator[Block]:
    """The records of an NDJSON file; a file without any is allowed.

    A stretch of the file gives one block of typed columns (text where the contract says date, timestamp
    or string) and, if some lines had to be read one by one, another of text: a number as it is written,
    a string as it is. A key that is absent is null. Lines end with LF or CR LF; blank ones are no records.
    Rejects: `json`, `encoding`, `unknown_column`, `type`; see `read_record`.
    Raises `SourceRefused` when the file cannot be read at all.
    """
    reader = JsonReader(contract)
    pieces = _pieces(path, exact_encoding(path, contract.encoding), min(block_bytes, _PIECE_BYTES))
    yield from json_parts_as_blocks(((spans, reader.parts(spans)) for spans in pieces), block_bytes)


def _pieces(path: Path, encoding: str, piece_bytes: int) -> Iterator[Spans]:
    """All lines of the file that are not blank; nothing for a piece without any."""
    with open_text(path, encoding) as file:
        position, line, wanted, final = file.tell(), 1, piece_bytes, False
        while not final:
            data, final = read_piece(file, position, wanted, path)
            settled = len(data) if final else data.rfind(b"\n") + 1
            if settled:
                spans, lines = _lines(data, settled, line, encoding)
                if len(spans):
                    yield spans
                line += lines
                position += settled
            elif len(data) > LONGEST_LINE:
                raise too_long(path, line)
            wanted = piece_bytes if settled else 2 * wanted


def _lines(data: bytes, size: int, first: int, encoding: str) -> tuple[Spans, int]:
    """The lines of `data[:size]` that are not blank, from line `first` of the file on; how many line ends there are."""
    octets = np.frombuffer(data, np.uint8, size)
    strips = range(0, size, _STRIP_BYTES)
    line_ends = np.concatenate([np.flatnonzero(octets[at : at + _STRIP_BYTES] == _LF) + at for at in strips])
    ends = line_ends if len(line_ends) and line_ends[-1] == size - 1 else np.append(line_ends, size)
    starts = np.concatenate([np.zeros(1, np.int64), ends[:-1] + 1])
    ends = ends - ((ends > starts) & (octets[ends - 1] == _CR))
    blank = ends <= starts
    for index in np.flatnonzero(octets[starts] != _BRACE).tolist():
        blank[index] = not data[starts[index] : ends[index]].strip(_BLANKS)
    rows = np.arange(first, first + len(ends))
    return Spans(data, rows[~blank], starts[~blank], ends[~blank], encoding), len(line_ends)
