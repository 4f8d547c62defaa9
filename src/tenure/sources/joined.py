"""A source that is a SELECT over other sources: where tables must be joined before they fit an entity.

The SELECT sees each of the others as it is now: of every key the newest record, unless the source deleted it; of a
source without keys, all records. What it gives is a delivery like any other, and becomes a load when it has changed.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, TypeAlias, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from sqlglot import exp

from tenure.contracts.columns import ColumnContract
from tenure.contracts.model import Contract
from tenure.core.errors import BuildError, SourceRefused
from tenure.engine.dialect import parse
from tenure.engine.protocol import Engine
from tenure.raw.manifest import LoadManifest
from tenure.raw.zone import DATA, RawZone
from tenure.sources.delivered import Delivery
from tenure.sources.files import find_files
from tenure.sources.records import Block
from tenure.sources.stored import arrow_type

_ROWS = 1 << 17

Values: TypeAlias = "pa.Array[Any]"
"""The cells of one column in one batch."""


def joined_delivery(
    contract: Contract, path: Path, name: str, zone: RawZone, engine: Engine, scratch: Path
) -> Delivery:
    """What the SELECT in the file at `path` gives now; raises `SourceRefused` when it cannot be run.

    `scratch` is a folder for its result. The delivery's stamp changes when the SQL, the contract or what it reads does.
    """
    sql = _text(path, name)
    sources = _sources(sql, name, zone)
    loads = {source: [load.manifest_sha256 for load in zone.state.loads(source)] for source in sources}
    stamp = hashlib.sha256(json.dumps([sql, contract.version, loads]).encode()).hexdigest()
    read = contract.as_read()
    return Delivery(name, None, stamp, lambda: _blocks(read, sql, name, sources, zone, engine, scratch))


def joined_last(root: Path, contracts: Sequence[Contract]) -> list[Contract]:
    """The contracts in an order in which each SELECT comes after what it reads; in a circle, as they are given."""
    joined = {contract.source: contract for contract in contracts if contract.kind == "sql"}
    reads = {source: _sources_read(root, contract) & joined.keys() for source, contract in joined.items()}
    try:
        order = list(TopologicalSorter(reads).static_order())
    except CycleError:
        order = list(joined)
    return [contract for contract in contracts if contract.kind != "sql"] + [joined[source] for source in order]


def _sources_read(root: Path, contract: Contract) -> set[str]:
    try:
        return {table for path in find_files(root, contract) for table in _tables(parse(_text(path, "sql"), "sql"))}
    except (BuildError, SourceRefused):
        return set()  # said when it is run


def _text(path: Path, name: str) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceRefused("cannot be read as text in UTF-8", where=name, cure="save the SELECT as UTF-8") from error


def _tables(query: exp.Query) -> set[str]:
    own = {cte.alias_or_name for cte in query.find_all(exp.CTE)}
    return {table.name for table in query.find_all(exp.Table)} - own


def _sources(sql: str, name: str, zone: RawZone) -> list[str]:
    try:
        tables = _tables(parse(sql, name))
    except BuildError as error:
        raise SourceRefused(error.what, where=error.where, cure=error.cure) from error
    known = sorted({load.source for load in zone.state.loads()})
    for table in sorted(tables):
        if table not in known:
            near = get_close_matches(table, known, n=1)
            cure = f"did you mean {near[0]}?" if near else f"the sources that have been loaded are {', '.join(known)}"
            raise SourceRefused(f"reads {table}, of which nothing has been loaded", where=name, cure=cure)
    return sorted(tables)


@dataclass(frozen=True)
class _Group:
    """Loads of a source with the same columns."""

    files: list[Path]
    types: Mapping[str, str]
    marks_deletes: bool


def _current(source: str, zone: RawZone, engine: Engine) -> str:
    """SQL for the records of a source as it is now, under the names of its contract."""
    loads = zone.state.loads(source)
    manifests = [zone.manifest(load) for load in loads]
    groups: dict[str, _Group] = {}
    for load, manifest in zip(loads, manifests, strict=True):
        data = zone.path(load) / DATA
        types = {name: ColumnContract(type=kind).sql_type for name, kind in manifest.columns.items()}
        marks = "_deleted" in pq.read_schema(data).names
        groups.setdefault(json.dumps([types, marks]), _Group([], types, marks)).files.append(data)
    columns = _columns(list(groups.values()))
    parts: list[str] = []
    for number, group in enumerate(groups.values()):
        files = f"_{source}_{number}"
        engine.view_of_files(files, group.files)
        cells = [f'{_cell(name, kind, group.types.get(name))} AS "{name}"' for name, kind in columns.items()]
        deleted = "_deleted" if group.marks_deletes else "FALSE AS _deleted"
        parts.append(f"SELECT {', '.join(cells)}, _effective, _load_id, _row, {deleted} FROM {files}")
    everything, names = " UNION ALL ".join(parts), ", ".join(f'"{name}"' for name in columns)
    key = _key(manifests)
    if not key:
        return f"SELECT {names} FROM ({everything}) AS records WHERE NOT _deleted"
    by = ", ".join(f'"{name}"' for name in key)
    newest = "_effective DESC NULLS LAST, _load_id DESC NULLS LAST, _row DESC NULLS LAST"
    placed = (
        f"SELECT *, ROW_NUMBER() OVER (PARTITION BY {by} ORDER BY {newest}) AS _place FROM ({everything}) AS records"
    )
    return f"SELECT {names} FROM ({placed}) AS placed WHERE _place = 1 AND NOT _deleted"


def _key(manifests: Sequence[LoadManifest]) -> tuple[str, ...]:
    return manifests[-1].key


def _columns(groups: Sequence[_Group]) -> dict[str, str]:
    """The columns of all loads; one that was loaded with two types is text, as it is in the warehouse."""
    columns: dict[str, str] = {}
    for group in groups:
        for name, kind in group.types.items():
            columns[name] = kind if columns.get(name, kind) == kind else "STRING"
    return columns


def _cell(name: str, wanted: str, given: str | None) -> str:
    if given is None:
        return f"CAST(NULL AS {wanted})"
    return f'"{name}"' if given == wanted else f'CAST("{name}" AS {wanted})'


def _blocks(
    contract: Contract, sql: str, name: str, sources: Sequence[str], zone: RawZone, engine: Engine, scratch: Path
) -> Iterator[Block]:
    """The rows of the SELECT, numbered from 1 in the order of all their columns."""
    scratch.mkdir(parents=True, exist_ok=True)
    result = scratch / f"joined-{contract.source}.parquet"
    # As parts of the query itself the sources may be called anything: nothing that the engine knows is hidden.
    defined = ", ".join(f'"{source}" AS ({_current(source, zone, engine)})' for source in sources)
    ordered = f"SELECT * FROM (\n{sql}\n) AS wanted ORDER BY ALL"
    try:
        written = engine.write(f"WITH {defined} {ordered}" if defined else ordered, result)
    except BuildError as error:
        raise SourceRefused(error.what, where=name, cure=error.cure or "correct the SELECT") from error
    try:
        yield from _read(contract, result, name, written)
    finally:
        result.unlink(missing_ok=True)


def _read(contract: Contract, result: Path, name: str, written: int) -> Iterator[Block]:
    with pq.ParquetFile(result) as file:
        _expect_columns(contract, file.schema_arrow, name)
        first = 1
        for rows in file.iter_batches(_ROWS):
            yield _block(contract, rows, first, name)
            first += rows.num_rows
    if first - 1 != written:
        raise SourceRefused(f"gave {written} rows, but {first - 1} arrived", where=name, cure="run again")


def _expect_columns(contract: Contract, schema: pa.Schema, name: str) -> None:
    wanted = list(contract.source_columns().values())
    missing = [column for column in wanted if column not in schema.names]
    if missing:
        cure = f"name them with AS, or correct from: in sources/{contract.source}.yml"
        raise SourceRefused(f"gives no column {', '.join(missing)}", where=name, cure=cure)
    unknown = [column for column in schema.names if column not in wanted]
    if unknown and contract.schema_policy == "fail":
        cure = f"add it under columns: in sources/{contract.source}.yml, or take it out of the SELECT"
        raise SourceRefused(
            f"gives a column that the contract does not know: {', '.join(unknown)}", where=name, cure=cure
        )


def _block(contract: Contract, rows: pa.RecordBatch, first: int, name: str) -> Block:
    given = dict(zip(rows.schema.names, cast("list[Values]", rows.columns), strict=True))
    cells = {
        column: _exact(given[source], contract.columns[column], f"{name}, column {column}")
        for column, source in contract.source_columns().items()
    }

    def verbatim(row: int) -> bytes:
        values = {column: cells[row - first].as_py() for column, cells in given.items()}
        texts = {column: None if value is None else _as_written(value) for column, value in values.items()}
        return json.dumps(texts, ensure_ascii=False).encode()

    ordinals: Values = pa.array(range(first, first + rows.num_rows), pa.int64())
    return Block(pa.table({**cells, "_row": ordinals}), rows.num_rows, verbatim)


def _as_written(value: object) -> str:
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def _exact(values: "Values", column: ColumnContract, where: str) -> "Values":
    """The values in the contract's type if that is theirs; else as text, which the checks look at one by one."""
    target = arrow_type(column)
    if values.type == target:
        return values
    if pa.types.is_floating(values.type):
        raise SourceRefused(
            f"is binary floating point, and the column is {column.type}",
            where=where,
            cure=f"reckon with decimals in the SELECT: CAST(… AS {column.sql_type})",
        )
    if pa.types.is_decimal(values.type):  # Arrow would write 0.0000000 as 0E-7
        return pa.array([None if value is None else format(value, "f") for value in values.to_pylist()], pa.string())
    return pc.cast(values, pa.int64() if pa.types.is_integer(values.type) and column.type == "integer" else pa.string())
