"""How rows come over the wire, and become columns again.

A row comes as one text, its cells side by side with a separator between them: that costs the server nothing and the
reader half of what single cells cost it, because Arrow's CSV parser makes columns of them much faster. The number of
separators in a batch is counted: it is right if and only if no cell holds one. Where one does, or where a row is
larger than the server's max_allowed_packet, the rows are read again, each cell by itself.
"""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from tenure.sources.mariadb_columns import ColumnPlan, Values, exact

SEPARATOR = "\x1f"
_END = "\n"
_COUNTED = "counted"
_MOST_BYTES = (1 << 31) - 1


@dataclass(frozen=True)
class RowForm:
    """How the rows of one reading are written: `null` stands for NULL in a row that is one text; None: cell by cell."""

    plan: Sequence[ColumnPlan]
    null: str | None

    @property
    def separators(self) -> int:
        """How many separators stand in each row; 0 where cells come by themselves."""
        return len(self.plan) if self.null else 0

    def select(self, count: str) -> str:
        """What to SELECT; `count` is SQL for the number of rows, which each row bears."""
        if self.null is None:
            cells = (column.sql if column.is_text else f"CAST({column.sql} AS CHAR)" for column in self.plan)
            asked = ", ".join(f"{cell} AS c{index}" for index, cell in enumerate(cells))
            return f"{asked}, CAST(({count}) AS CHAR) AS counted"
        cells = ", ".join(f"IFNULL({column.sql}, '{self.null}')" for column in self.plan)
        # The last cell is a number, so that the line end cannot be taken for a part of a text.
        return f"CONCAT_WS('{SEPARATOR}', {cells}, CONCAT(({count}), '{_END}')) AS line"


def joined(plan: Sequence[ColumnPlan]) -> RowForm:
    """Rows as one text. What stands for NULL is made up anew for each reading, so that no text can be equal to it."""
    return RowForm(plan, f"\x1e{secrets.token_hex(3)}")


def apart(plan: Sequence[ColumnPlan]) -> RowForm:
    """Rows cell by cell."""
    return RowForm(plan, None)


@dataclass(frozen=True)
class Rows:
    """The rows of one batch: a column for each of the plan; `counted` is how many the server says there are in all."""

    form: RowForm
    batch: pa.RecordBatch
    columns: list[Values]
    counted: int

    def record(self, index: int) -> bytes:
        """One row as it came, as a JSON object of text on one line."""
        names = (column.source_name for column in self.form.plan)
        return json.dumps(dict(zip(names, self._texts(index), strict=True)), ensure_ascii=False).encode()

    def _texts(self, index: int) -> list[str | None]:
        if self.form.null is None:
            return [_text(column[index].as_py()) for column in _columns_of(self.batch)[:-1]]
        cells = str(_text(_columns_of(self.batch)[0][index].as_py())).split(SEPARATOR)
        return [None if cell == self.form.null else cell for cell in cells[:-1]]


def rows_of(batch: pa.RecordBatch, form: RowForm) -> Rows:
    """The rows of a batch, each column in its target type if all of its values are such exactly, else as text."""
    if form.null is None:
        texts = [pc.cast(column, pa.string()) for column in _columns_of(batch)]
        typed = [exact(text, column.target) for text, column in zip(texts, form.plan, strict=False)]
        return Rows(form, batch, typed, int(str(texts[-1][0].as_py())))
    lines = cast(Values, batch.column(0))
    counted = int(str(_text(lines[0].as_py())).rpartition(SEPARATOR)[2])
    targets = [column.target or pa.string() for column in form.plan]
    columns = _parsed(lines, targets, form.null)
    if columns is None:
        texts = _parsed(lines, [pa.string()] * len(targets), form.null) or _split(lines, form)
        columns = [exact(text, column.target) for text, column in zip(texts, form.plan, strict=True)]
    return Rows(form, batch, columns, counted)


def _parsed(lines: Values, targets: Sequence[pa.DataType], null: str) -> list[Values] | None:
    """The columns of all lines; None where a text has line ends in it, or a value is not of its type."""
    names = [f"c{index}" for index in range(len(targets))]
    content = text_of(lines)
    try:
        table = pa_csv.read_csv(
            cast("IO[bytes]", pa.BufferReader(content)),
            read_options=pa_csv.ReadOptions(
                column_names=[*names, _COUNTED], use_threads=False, block_size=min(max(len(content), 1), _MOST_BYTES)
            ),
            parse_options=pa_csv.ParseOptions(
                delimiter=SEPARATOR,
                quote_char=False,
                double_quote=False,
                escape_char=False,
                newlines_in_values=False,
                ignore_empty_lines=False,
            ),
            convert_options=pa_csv.ConvertOptions(
                check_utf8=False,
                column_types=dict(zip(names, targets, strict=True)),
                include_columns=names,
                null_values=[null],
                strings_can_be_null=True,
                true_values=["1"],
                false_values=["0"],
            ),
        )
    except pa.ArrowInvalid:
        return None
    if table.num_rows != len(lines):
        return None
    return [_one_chunk(column) for column in table.columns]


def _split(lines: Values, form: RowForm) -> list[Values]:
    """The columns of all lines as text, whatever the texts hold but the separator: slower than a parser."""
    cells = pc.split_pattern(pc.cast(lines, pa.string()), SEPARATOR)
    columns = [pc.list_element(cells, index) for index in range(len(form.plan))]
    null = pa.scalar(form.null, pa.string())
    nothing = pa.scalar(None, pa.string())
    return [pc.if_else(pc.equal(column, null), nothing, column) for column in columns]


def text_of(lines: Values) -> pa.Buffer:
    """The bytes of all texts of an array, one after the other."""
    _, ends, content = lines.buffers()
    wide = pa.types.is_large_string(lines.type) or pa.types.is_large_binary(lines.type)
    if ends is None or content is None:
        return pa.py_buffer(b"")
    offsets = np.frombuffer(memoryview(cast(bytes, ends)), np.int64 if wide else np.int32)
    first, last = int(offsets[lines.offset]), int(offsets[lines.offset + len(lines)])
    return content.slice(first, last - first)


def _one_chunk(column: "pa.ChunkedArray[Any]") -> Values:
    return cast("Any", column.chunk(0)) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)


def _columns_of(batch: pa.RecordBatch) -> list[Values]:
    return cast("list[Values]", batch.columns)


def _text(cell: object) -> str | None:
    if cell is None:
        return None
    return cell.decode() if isinstance(cell, bytes) else str(cell)
