"""Reads verbatim records again, each as if it stood in a delivery of its own, under a contract as it is now.

The guards that read deliveries read these too: the records are put into a small file, many at a time because one
would be slow. No record may change what another one says there (by a quote that does not end, for instance): the
guard must find exactly the records that were put in, byte for byte; otherwise the file is split, down to one record.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from tenure.contracts.model import Contract
from tenure.core.errors import SourceRefused
from tenure.sources.csv_guard import csv_blocks
from tenure.sources.csv_header import read_header
from tenure.sources.json_document import document_blocks
from tenure.sources.json_guard import json_blocks
from tenure.sources.records import Block, Reject, row_numbers
from tenure.sources.text_file import UTF_8
from tenure.sources.verbatim_objects import object_block
from tenure.sources.verbatim_text import csv_line

_AT_ONCE = 10_000
_FILE = "verbatim"


@dataclass(frozen=True)
class Verbatim:
    """A record as it was delivered, but in UTF-8, and the row at which it stood."""

    row: int
    text: bytes


def reread(
    contract: Contract, header: Sequence[str] | None, records: Sequence[Verbatim], folder: Path
) -> Iterator[Block]:
    """The records as blocks; `_row` and the rows of rejects are those of `records`. Uses `folder` for a file.

    `header`: the columns of a CSV file in its order. Raises `SourceRefused` where that does not fit the contract.
    """
    contract = contract.as_read()
    if contract.kind not in _GUARDS:
        for some in _parts(records):
            yield object_block(contract, [(record.row, record.text) for record in some])
        return
    alone = _Alone(_for_records(contract), _header_line(contract, header), folder / _FILE)
    if alone.header:
        alone.path.write_bytes(alone.header)
        _expect_header(alone)
    for some in _parts(records):
        yield from _blocks(some, alone)
    alone.path.unlink(missing_ok=True)


def _parts(records: Sequence[Verbatim]) -> Iterator[Sequence[Verbatim]]:
    for start in range(0, len(records), _AT_ONCE):
        yield records[start : start + _AT_ONCE]


# A row of a Parquet file is kept as a line of JSON; one of a table too, but without the paths of JSON's names.
_GUARDS: dict[str, Callable[[Path, Contract], Iterator[Block]]] = {
    "csv": csv_blocks,
    "json": document_blocks,
    "ndjson": json_blocks,
    "parquet": json_blocks,
}


@dataclass(frozen=True)
class _Alone:
    """A small file: how it is written (always in UTF-8), its header line if it has one, and where it is."""

    contract: Contract
    header: bytes
    path: Path

    def guarded(self, texts: Iterable[bytes]) -> list[Block]:
        """What the guard finds in a file of these records."""
        self.path.write_bytes(self.header + b"".join(text + b"\n" for text in texts))
        return list(_GUARDS[self.contract.kind](self.path, self.contract))


def _for_records(contract: Contract) -> Contract:
    """The contract for a file with nothing around its records but the names of their columns."""
    around: dict[str, object] = {"encoding": UTF_8, "skip_lines": 0, "skip_last_lines": 0, "records": None}
    around["header"] = contract.header is not False
    return contract.model_copy(update=around)


def _header_line(contract: Contract, header: Sequence[str] | None) -> bytes:
    if contract.kind != "csv" or contract.header is False:
        return b""
    if header is None:
        raise SourceRefused(
            "the columns of this file were not kept when it was loaded, so its records cannot be read again",
            cure="export the records, mend them and replay them with --edited, or deliver them in a new file",
        )
    return csv_line(header, contract)


def _expect_header(alone: _Alone) -> None:
    try:
        read_header(alone.path, alone.contract)
    except SourceRefused as error:
        raise SourceRefused(f"its header no longer fits the contract: {error.what}", cure=error.cure) from error


def _blocks(records: Sequence[Verbatim], alone: _Alone) -> Iterator[Block]:
    refusal = "is not one record, as the contract is now"
    try:
        found = alone.guarded(record.text for record in records)
    except SourceRefused as error:
        found, refusal = [], error.what
    rows = _matched(found, records)
    if rows is not None:
        verbatim = {record.row: record.text for record in records}
        yield from (_renumbered(block, rows, verbatim) for block in found)
    elif len(records) > 1:
        middle = len(records) // 2
        yield from _blocks(records[:middle], alone)
        yield from _blocks(records[middle:], alone)
    else:
        rejects = [Reject(record.row, None, "record", refusal, record.text) for record in records]
        yield Block(_no_rows(alone.contract), len(rejects), _nothing, rejects)


def _matched(found: Iterable[Block], records: Sequence[Verbatim]) -> dict[int, int] | None:
    """Row in the file → row of the record, if the guard found these records and no others; else None."""
    seen: dict[int, bytes] = {}
    for block in found:
        seen.update({reject.row: reject.record for reject in block.rejects})
        seen.update({row: block.verbatim(row) for row in row_numbers(block.table)})
    in_order = sorted(seen)
    if [seen[row] for row in in_order] != [record.text for record in records]:
        return None
    return dict(zip(in_order, (record.row for record in records), strict=True))


def _renumbered(block: Block, rows: dict[int, int], verbatim: dict[int, bytes]) -> Block:
    own = pa.array([rows[row] for row in row_numbers(block.table)], pa.int64())
    position = block.table.column_names.index("_row")
    table = block.table.set_column(position, "_row", own)
    ordered = table.take(pc.sort_indices(own))
    rejects = [replace(reject, row=rows[reject.row]) for reject in block.rejects]
    return Block(ordered, block.records, lambda row: verbatim[row], rejects)


def _no_rows(contract: Contract) -> pa.Table:
    columns = [(name, pa.string()) for name in contract.columns]
    return pa.schema([*columns, ("_row", pa.int64())]).empty_table()


def _nothing(row: int) -> bytes:
    raise KeyError(row)
