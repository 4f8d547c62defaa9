"""A table of a release as one file: CSV or Parquet. The file appears whole or not at all."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

from tenure.core.durable import fsync_file, fsync_folder
from tenure.core.errors import UsageError
from tenure.core.spreadsheet import FORMULA_STARTS, GUARD
from tenure.engine.protocol import Column
from tenure.exports.selection import Selection, named

_ROWS_AT_A_TIME = 65_536
_FORMULA = "^ *[" + "".join(rf"\x{{{ord(start):x}}}" for start in FORMULA_STARTS) + "]"
_WIDE = {"HUGEINT", "UHUGEINT"}


def export_parquet(selection: Selection, target: Path) -> int:
    """Write the selection to a Parquet file (zstd) in place of what is there; returns the number of rows.

    Whole numbers that Parquet has no type for become DECIMAL(38,0): they stay exact.
    """
    return _in_place_of(target, lambda path: selection.release.engine.write(exact_sql(selection), path))


def export_csv(selection: Selection, target: Path, *, as_is: bool = False) -> int:
    """Write the selection to a CSV file in place of what is there; returns the number of rows.

    UTF-8, a header, LF line ends, text in quotes; NULL is an empty cell and an empty text is "". Text that a
    spreadsheet would take for a formula gets an apostrophe before it, unless `as_is`.
    """

    def write(path: Path) -> int:
        typed = path.with_name(f"{path.name}.parquet")
        try:
            rows = selection.release.engine.write(exact_sql(selection), typed)
            with pq.ParquetFile(typed) as parquet:
                _write_csv(parquet, path, as_is)
        finally:
            typed.unlink(missing_ok=True)
        return rows

    return _in_place_of(target, write)


def exact_sql(selection: Selection) -> str:
    """The selection with whole numbers that Parquet would hold as binary floating point made decimals."""
    listed = ", ".join(_exact(column) for column in selection.columns)
    return f"SELECT {listed} FROM ({selection.sql}) AS selection"


def _exact(column: Column) -> str:
    name = named(column.name)
    return f"CAST({name} AS DECIMAL(38,0)) AS {name}" if column.type in _WIDE else name


def _has_no_text(kind: pa.DataType) -> bool:
    """Whether values of a type have no one way to be written into a CSV cell."""
    of_bytes = pa.types.is_binary(kind) or pa.types.is_fixed_size_binary(kind)
    of_time = pa.types.is_interval(kind) or pa.types.is_duration(kind)
    return pa.types.is_nested(kind) or of_bytes or of_time or isinstance(kind, pa.BaseExtensionType)


def _write_csv(parquet: pq.ParquetFile, path: Path, as_is: bool) -> None:
    schema = parquet.schema_arrow
    for name, kind in zip(schema.names, schema.types, strict=True):
        if _has_no_text(kind):
            raise UsageError(
                f"column {name} is {kind}, which a CSV cell cannot hold",
                cure="make text of it in --sql, or export to Parquet",
            )
    with pcsv.CSVWriter(path, schema) as writer:
        for batch in parquet.iter_batches(_ROWS_AT_A_TIME):
            columns = cast("list[pa.Array[Any]]", batch.columns)
            cells = [guarded(cells) if pa.types.is_string(cells.type) and not as_is else cells for cells in columns]
            writer.write_table(pa.table(cells, schema=schema))


def guarded(texts: "pa.Array[Any]") -> "pa.Array[Any]":
    """Texts, each with an apostrophe before it where a spreadsheet would take it for a formula (`is_formula`)."""
    found: Any = pc.replace_substring_regex(texts, f"({_FORMULA})", rf"{GUARD}\1")
    return found


def _in_place_of(target: Path, write: Callable[[Path], int]) -> int:
    """Write beside the target, then take its name."""
    if target.is_dir() or not target.parent.is_dir():
        raise UsageError(
            "is a folder" if target.is_dir() else "its folder does not exist",
            where=str(target),
            cure="name a file in a folder that exists",
        )
    temporary = target.with_name(f".{target.name}.tmp")
    try:
        rows = write(temporary)
        fsync_file(temporary)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    fsync_folder(target.parent)
    return rows
