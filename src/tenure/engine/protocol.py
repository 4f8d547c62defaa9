"""What every engine can do. The rest of Tenure speaks to engines through this protocol only."""

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


class Engine(Protocol):
    """Runs SQL in the common subset (see `engine/dialect.py`) over Parquet files and Arrow tables."""

    name: str

    def query(self, sql: str, **tables: pa.Table) -> pa.Table:
        """The result of one SELECT; `tables` are visible to it under their keyword."""
        ...

    def register(self, name: str, table: pa.Table) -> None:
        """Make an Arrow table visible under `name` to all later statements."""
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

    def columns(self, relation: str) -> list[Column]:
        """Names and types of a registered table or view, in order."""
        ...

    def content_hash(self, relation: str) -> str:
        """A fingerprint of a table's rows that depends neither on their order nor on file layout."""
        ...

    def close(self) -> None:
        """Release memory, threads and temporary files."""
        ...
