"""What every engine can do. The rest of Tenure speaks to engines through this protocol only."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pyarrow as pa


@dataclass(frozen=True)
class Column:
    """A column and its type in the common names.

    They are BIGINT, INTEGER, DECIMAL(p,s), STRING, DATE, TIMESTAMP, BOOLEAN and DOUBLE.
    """

    name: str
    type: str


def content_hash_of(columns: Sequence[Column], rows: int, checksum: int) -> str:
    """The content hash of a table, from its schema, its number of rows and the sum of the hashes of its rows."""
    schema = ",".join(f"{column.name} {column.type}" for column in columns)
    return hashlib.sha256(f"{schema}|{rows}|{checksum}".encode()).hexdigest()[:32]


def month_label(folder: str) -> str:
    """The month in the name of a folder that an engine wrote: "2025-09" for `_month=2025-09-01`."""
    value = folder.removeprefix("_month=")
    return "none" if value.startswith("__HIVE") else value.removesuffix("-01")


class Engine(Protocol):
    """Runs SQL in the common subset (see `engine/dialect.py`) over Parquet files and Arrow tables."""

    name: str

    def query(self, sql: str, **tables: pa.Table) -> pa.Table:
        """The result of one SELECT; `tables` are visible to it under their keyword."""
        ...

    def register(self, name: str, table: pa.Table) -> None:
        """Make an Arrow table visible under `name` to all later statements, until something else takes the name."""
        ...

    def view_of_files(self, name: str, files: Sequence[Path]) -> None:
        """Make Parquet files of one schema visible as one table. At least one file."""
        ...

    def view(self, name: str, sql: str) -> None:
        """Make a SELECT visible under `name`, evaluated when it is read."""
        ...

    def write(self, sql: str, target: Path) -> int:
        """Write the rows of a SELECT to one Parquet file; returns their number. Not fsynced."""
        ...

    def write_months(self, sql: str, column: str, folder: Path) -> list[tuple[str, Path]]:
        """Write the rows of a SELECT to Parquet files below `folder`, one or more for each month of a date or time.

        Gives each file with its month ("2025-09"; "none" where the date is missing); no file when there are
        no rows. `folder` must not hold any files yet. Not fsynced.
        """
        ...

    def checksums(self, files: Sequence[Path]) -> list[tuple[int, int]]:
        """For each Parquet file of one schema: its number of rows, and the sum of the hashes of its rows."""
        ...

    def row_sums(self, relation: str, label: str) -> dict[str, tuple[int, int]]:
        """For each value of an expression over the rows (alias `p`) of a relation: their number and sum of hashes.

        The hashes are those of `checksums`, where relation and files have the same columns.
        """
        ...

    def files_where(self, files: Sequence[Path], condition: str) -> list[Path]:
        """Those Parquet files of one schema that hold a row for which `condition` (over alias `p`) is true."""
        ...

    def distinct(self, relation: str, column: str) -> int:
        """How many different values a column has, a missing one not counted."""
        ...

    def columns(self, relation: str) -> list[Column]:
        """Names and types of a registered table or view, in order."""
        ...

    def content_hash(self, relation: str) -> str:
        """A fingerprint of a table's rows that depends neither on their order nor on file layout."""
        ...

    def close(self) -> None:
        """Release memory, threads and temporary files."""
        ...
