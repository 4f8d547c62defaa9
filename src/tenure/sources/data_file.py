"""How the records of a load are written: exact, small, and cheap to write and to read."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

_OFTEN = 16
"""A text that stands in so many rows on average is written once, and then by its number."""


class DataFile:
    """A Parquet file that is written table by table. What suits a column is told by the first table."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._path, self._schema = path, schema
        self._writer: pq.ParquetWriter | None = None

    def write(self, table: pa.Table) -> None:
        """Add the rows of a table of the file's schema."""
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, self._schema, **parquet_options(table))
        self._writer.write_table(table)

    def close(self) -> None:
        """Complete the file, even if it has no rows."""
        if self._writer is None:
            self.write(self._schema.empty_table())
        if self._writer is not None:
            self._writer.close()


@contextmanager
def data_file(path: Path, schema: pa.Schema) -> Generator[DataFile]:
    """A file for the length of a `with`."""
    file = DataFile(path, schema)
    try:
        yield file
    finally:
        file.close()


def parquet_options(table: pa.Table) -> dict[str, Any]:
    """How to write tables like this one: differences for whole numbers, dates and money; numbers for frequent texts.

    A dictionary of values that hardly ever repeat costs more than all the rest of the writing.
    """
    columns = list(zip(table.schema.names, table.schema.types, strict=True))
    texts = [name for name, kind in columns if pa.types.is_string(kind)]
    return {
        "compression": "zstd",
        "use_dictionary": [name for name in texts if pc.count_distinct(table[name]).as_py() * _OFTEN <= table.num_rows],
        "column_encoding": {name: "DELTA_BINARY_PACKED" for name, kind in columns if _is_whole(kind)},
        "store_decimal_as_integer": True,
        # Texts are never looked for by their order.
        "write_statistics": [name for name, _ in columns if name not in texts],
    }


def _is_whole(kind: pa.DataType) -> bool:
    """Whether Parquet keeps values of this type as whole numbers of 32 or 64 bits."""
    if pa.types.is_decimal(kind):
        return kind.precision <= 18  # pyright: ignore[reportAttributeAccessIssue] - decimals have one
    return pa.types.is_integer(kind) or pa.types.is_date(kind) or pa.types.is_timestamp(kind)
