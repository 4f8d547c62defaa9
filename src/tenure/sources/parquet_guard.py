"""Reads a Parquet file in blocks: every value exactly what the file holds, or its row is set apart.

The footer says how many rows there are, column by column and group by group; what is read must be as many.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tenure.contracts.model import Contract
from tenure.contracts.source_paths import Steps, steps_of
from tenure.core.errors import SourceRefused
from tenure.sources.parquet_columns import cure_for, exact, find, misfit, plain_type, values_at
from tenure.sources.parquet_rows import Type, Values, pc, row_text
from tenure.sources.records import Block, Reject

_MOST_ROWS = 1 << 17
_BUFFER = 1 << 20
_AGAIN = "nothing was loaded; deliver it again, whole"
_BROKEN = (pa.ArrowException, OSError, UnicodeDecodeError, OverflowError)


@dataclass(frozen=True)
class _Plan:
    """Where each of the contract's columns is in a file; `missing` ones are nowhere and load as null."""

    steps: dict[str, Steps]
    missing: tuple[str, ...]
    columns: list[str]


def parquet_blocks(path: Path, contract: Contract, *, block_bytes: int = 16 << 20) -> Iterator[Block]:
    """The rows of a Parquet file, numbered from 1, in blocks of about `block_bytes`.

    Values are typed where all of a block are exactly of the contract's type, else text. Moments with a time zone are
    those of UTC; bytes are hexadecimal digits. Rejects: `encoding` (text that is not UTF-8, or holds a NUL).
    The text of a row is a JSON object. Raises `SourceRefused` for a file that is broken or does not fit its contract.
    """
    try:
        with _opened(path) as file:
            plan = _plan(file.schema_arrow, contract, path)
            yield from _rows(file, plan, contract, path, block_bytes)
    except _BROKEN as error:
        raise SourceRefused("is a broken or incomplete Parquet file", where=str(path), cure=_AGAIN) from error


def parquet_notes(path: Path, contract: Contract) -> tuple[str, ...]:
    """What a person should know of a file that fits: optional columns that it lacks."""
    try:
        with _opened(path) as file:
            missing = _plan(file.schema_arrow, contract, path).missing
    except _BROKEN as error:
        raise SourceRefused("is a broken or incomplete Parquet file", where=str(path), cure=_AGAIN) from error
    return (f"it has no {', '.join(missing)}; left empty",) if missing else ()


def _opened(path: Path) -> pq.ParquetFile:
    # Moments of INT96 would overflow as nanoseconds outside of the years 1678 to 2262.
    return pq.ParquetFile(
        path,
        buffer_size=_BUFFER,
        pre_buffer=False,
        coerce_int96_timestamp_unit="us",
        page_checksum_verification=True,
    )


def _rows(file: pq.ParquetFile, plan: _Plan, contract: Contract, path: Path, block_bytes: int) -> Iterator[Block]:
    done = 0
    for group in range(file.metadata.num_row_groups):
        facts = file.metadata.row_group(group)
        row_bytes = max(1, facts.total_byte_size // max(1, facts.num_rows))
        at_once = max(1, min(_MOST_ROWS, block_bytes // row_bytes))
        before = done
        for batch in file.iter_batches(at_once, row_groups=[group], columns=plan.columns, use_threads=False):
            if batch.num_rows:
                yield _block(batch, plan, contract, done + 1)
                done += batch.num_rows
        if done - before != facts.num_rows:
            raise SourceRefused(
                f"says that it has {facts.num_rows} rows from row {before + 1} on, but {done - before} were read",
                where=str(path),
                cure=_AGAIN,
            )
    if done != file.metadata.num_rows:
        what = f"says that it has {file.metadata.num_rows} rows, but {done} were read"
        raise SourceRefused(what, where=str(path), cure=_AGAIN)


def _block(batch: pa.RecordBatch, plan: _Plan, contract: Contract, first: int) -> Block:
    arrived: dict[str, Values] = {name: batch.column(name) for name in batch.schema.names}
    values: dict[str, Values] = {}
    for name, column in contract.columns.items():
        if name in plan.missing:
            values[name] = pa.nulls(batch.num_rows, pa.string())
        else:
            steps = plan.steps[name]
            values[name] = exact(values_at(arrived[str(steps[0])], steps[1:]), column)

    def verbatim(row: int) -> bytes:
        if not 0 <= row - first < batch.num_rows:
            raise KeyError(row)
        return row_text(arrived, row - first)

    wrong = _wrong_texts(values)
    rejects = [
        Reject(
            first + index,
            name,
            "encoding",
            f"{name} is not UTF-8 text, or holds a NUL character",
            verbatim(first + index),
        )
        for index, name in sorted(wrong.items())
    ]
    rows = pa.array(range(first, first + batch.num_rows), pa.int64())
    table = pa.table({**values, "_row": rows})
    if rejects:
        keep = pa.array([index not in wrong for index in range(batch.num_rows)])
        table = table.filter(keep)
    return Block(table, batch.num_rows, verbatim, rejects)


def _wrong_texts(values: dict[str, Values]) -> dict[int, str]:
    """Rows that hold text which is none, each with the first column of that kind."""
    wrong: dict[int, str] = {}
    for name, column in values.items():
        if not pa.types.is_string(column.type):
            continue
        try:
            column.validate(full=True)
            if not pc.any(pc.match_substring(column, "\0")).as_py():
                continue
        except pa.ArrowInvalid:
            pass
        for index, text in enumerate(column.cast(pa.binary()).to_pylist()):
            if text is not None and not _is_text(text):
                wrong.setdefault(index, name)
    return wrong


def _is_text(text: bytes) -> bool:
    try:
        return "\0" not in text.decode()
    except UnicodeDecodeError:
        return False


def _plan(schema: pa.Schema, contract: Contract, path: Path) -> _Plan:
    """Where the columns are; raises `SourceRefused` for a file that does not fit, with all that is wrong."""
    types: dict[str, Type] = {name: schema.field(index).type for index, name in enumerate(schema.names)}
    problems: list[str] = []
    cures: list[str] = []
    if len(types) < len(schema.names):
        twice = sorted({name for name in schema.names if schema.names.count(name) > 1})
        problems.append(f"it has {', '.join(twice)} more than once")
        cures.append("give each column its own name")
    steps: dict[str, Steps] = {}
    missing: list[str] = []
    for name, source in contract.source_columns().items():
        column = contract.columns[name]
        place = steps_of(source) if column.source_name is not None else (source,)
        found = find(types, place)
        if found is None:
            missing.append(name)
            if contract.requires(name):
                problems.append(f"the required column {source} is missing")
                cures.append("deliver it, or, if it has a new name, say so with from:")
            continue
        steps[name] = place
        if why := misfit(column, found.type):
            problems.append(f"column {source} {why}")
            cures.append(cure_for(found.type, source))
    for unknown in _unknown(types, list(steps.values())):
        problems.append(f"the contract does not know the column {unknown}")
        cures.append("add it under columns: (it will flow on as an attribute), or take it out of the file")
    if problems:
        cure = f"in sources/{contract.source}.yml: {'; '.join(dict.fromkeys(cures))}"
        raise SourceRefused("; ".join(problems), where=str(path), cure=cure)
    asked = {place[0] for place in steps.values()}
    return _Plan(steps, tuple(missing), [name for name in schema.names if name in asked])


def _unknown(types: dict[str, Type], asked: Sequence[Steps]) -> Iterator[str]:
    """Columns that nobody asks for; inside an object of which some are asked for, its other keys."""
    for name, given in types.items():
        inner = [steps[1:] for steps in asked if steps[0] == name]
        plain = plain_type(given)
        if not inner:
            yield name
        elif () not in inner and pa.types.is_struct(plain):
            members: dict[str, Type] = {plain.field(at).name: plain.field(at).type for at in range(plain.num_fields)}
            yield from (f"{name}.{member}" for member in _unknown(members, inner))
