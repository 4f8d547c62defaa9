"""The columns of a Parquet file and their texts: for proposals, never for loading."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tenure.contracts.source_paths import path_of
from tenure.core.errors import SourceRefused
from tenure.sources.propose_json import Cell
from tenure.sources.propose_types import Guess

_BATCH = 10_000
_NESTED = {"string": {"format": "json"}}


def _opened(file: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(file)
    except (OSError, ValueError) as error:
        raise SourceRefused(
            "is not a whole Parquet file", where=file.name, cure="deliver it again; nothing was written"
        ) from error


def parquet_columns(file: Path) -> dict[str, Guess]:
    """The exact types that the file itself states, by path; text is left to what its values say."""
    with _opened(file) as opened:
        return {path: guess for path, kind in _leaves(opened.schema_arrow) if (guess := _guess(kind))}


def _leaves(fields: Any, above: tuple[str, ...] = ()) -> Iterator[tuple[str, pa.DataType]]:
    for field in fields:
        path = (*above, field.name)
        if pa.types.is_struct(field.type):
            yield from _leaves([field.type.field(at) for at in range(field.type.num_fields)], path)
        else:
            yield path_of(path), field.type


def _guess(kind: pa.DataType) -> Guess | None:
    types = pa.types
    if types.is_boolean(kind):
        return Guess(("boolean", "string"))
    if types.is_integer(kind):
        return Guess(("decimal(20,0)", "integer", "string") if kind == pa.uint64() else ("integer", "string"))
    if types.is_decimal(kind):
        return Guess((f"decimal({kind.precision},{kind.scale})" if kind.precision <= 38 else "string", "string"))
    if types.is_floating(kind):
        return Guess(("number",))
    if types.is_date(kind):
        return Guess(("date", "string"))
    if types.is_timestamp(kind):
        return Guess(("timestamp", "string"))
    if types.is_nested(kind):
        return Guess(("string",), _NESTED)
    if types.is_string(kind) or types.is_large_string(kind) or types.is_dictionary(kind):
        return None
    return Guess(("string",))


def parquet_rows(file: Path) -> Iterator[dict[str, Cell] | None]:
    """The rows of the file, their values as texts."""
    with _opened(file) as opened:
        for batch in opened.iter_batches(_BATCH):
            for row in batch.to_pylist():
                cells: dict[str, Cell] = {}
                _flatten(row, (), batch.schema, cells)
                yield cells


def _flatten(row: Any, above: tuple[str, ...], fields: Any, cells: dict[str, Cell]) -> None:
    for field in fields:
        path, value = (*above, field.name), None if row is None else row[field.name]
        if pa.types.is_struct(field.type):
            inner: list[Any] = [field.type.field(at) for at in range(field.type.num_fields)]
            _flatten(value, path, inner, cells)
        else:
            cells[path_of(path)] = Cell(None if value is None else str(value), pa.types.is_nested(field.type))
