"""Columns that a delivery has and its contract does not name, for sources whose `schema_policy` lets them pass."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import cast

import pyarrow as pa
import pyarrow.parquet as pq

from tenure.contracts.columns import JSON_TEXT, ColumnContract
from tenure.contracts.entities import entity_of
from tenure.contracts.model import Contract
from tenure.contracts.source_paths import Steps, path_of, steps_of
from tenure.contracts.synonyms import plain
from tenure.core.errors import SourceRefused
from tenure.sources.csv_header import header_names
from tenure.sources.json_document import document_blocks
from tenure.sources.json_guard import json_blocks
from tenure.sources.json_record import Fault, parse
from tenure.sources.records import Block

_MOST = 500
"""New columns of one delivery; with more of them, its keys are probably data."""

NewColumns = Mapping[str, ColumnContract]
"""Name in Tenure → a column of text."""


def new_columns(path: Path, contract: Contract) -> NewColumns:
    """What a file has beyond its contract, as columns of text; nothing where the policy is `fail`.

    The columns have names that no column of the contract and none of its entity has. For JSON the file is read once
    more for that. Raises `SourceRefused` where the file cannot be read, or has more new columns than make sense.
    """
    if contract.schema_policy == "fail" or contract.kind not in _FINDERS:
        return {}
    return named(contract, _FINDERS[contract.kind](path, contract))


def new_in_records(contract: Contract, header: Sequence[str] | None, records: Iterable[bytes]) -> NewColumns:
    """What records have beyond their contract: those of a CSV file by its `header`, others each by its own keys."""
    found: dict[str, bool] = {}
    if contract.schema_policy != "fail" and contract.kind == "csv":
        known = set(contract.source_columns().values())
        found = {name: False for name in header or () if name and name not in known}
    elif contract.schema_policy != "fail" and contract.kind in {"json", "ndjson", "parquet"}:
        asked = _asked(contract)
        for record in records:
            _learn(record, asked, found)
    return named(contract, found)


def named(contract: Contract, sources: Mapping[str, bool]) -> NewColumns:
    """A name and a contract for each of these columns of the source; of some the values are objects or arrays."""
    entity = entity_of(contract.entity)
    found: dict[str, ColumnContract] = {}
    for source, is_nested in sources.items():
        name = plain(source) or "column"
        if entity.column(name) is not None:
            name = f"source_{name}"
        number, first = 1, name
        while name in contract.columns or name in found:
            number += 1
            name = f"{first[:58]}_{number}"
        form = JSON_TEXT if is_nested else None
        found[name] = ColumnContract.model_validate({"type": "string", "from": source, "format": form})
    return found


def policy_notes(contract: Contract, new: NewColumns) -> tuple[str, ...]:
    """What a person should know of columns that were let pass."""
    if not new:
        return ()
    names = ", ".join(str(column.source_name) for column in new.values())
    file = f"sources/{contract.source}.yml"
    if contract.schema_policy == "freeze":
        return (f"it has columns that {file} does not name, which were not loaded: {names}",)
    called = ", ".join(new)
    return (f"it has new columns, loaded as text: {names} (as {called}); give them a type in {file}",)


def _in_csv(path: Path, contract: Contract) -> dict[str, bool]:
    known = set(contract.source_columns().values())
    names = header_names(path, contract)
    if known.isdisjoint(names):
        return {}  # no header at all: that is said when it is read
    return {name: False for name in names if name and name not in known}


def _in_json(path: Path, contract: Contract) -> dict[str, bool]:
    """Reads until a record does not fit, learns all that is new in that block, and begins again."""
    guard: Callable[[Path, Contract], Iterator[Block]] = json_blocks if contract.kind == "ndjson" else document_blocks
    asked = _asked(contract)
    found: dict[str, bool] = {}
    while True:
        read = contract.with_columns(named(contract, found)).as_read()
        more = next((more for block in guard(path, read) if (more := _learnt(block, found, asked)) != found), None)
        if more is None:
            return found
        found = more
        if len(found) > _MOST:
            raise SourceRefused(
                f"has more than {_MOST} keys that the contract does not know",
                where=str(path),
                cure="if its keys are data, take the object that holds them as a column: format: json in the contract",
            )


def _learnt(block: Block, found: Mapping[str, bool], asked: set[Steps]) -> dict[str, bool]:
    """What is new so far, with what the block's rejects have beyond it."""
    more = dict(found)
    for reject in block.rejects:
        if reject.rule in {"unknown_column", "type"}:
            _learn(reject.record, asked, more)
    return more


def _learn(record: bytes, asked: set[Steps], found: dict[str, bool]) -> None:
    """Add what a record has beyond the paths that are asked for."""
    parsed = parse(record)
    if not isinstance(parsed, Fault):
        for name, is_nested in _unknown(parsed, (), asked):
            found[name] = found.get(name, False) or is_nested


def _asked(contract: Contract) -> set[Steps]:
    return {
        steps_of(source) if contract.columns[name].source_name is not None else (source,)
        for name, source in contract.source_columns().items()
    }


def _unknown(value: object, at: Steps, asked: set[Steps]) -> Iterator[tuple[str, bool]]:
    """Paths in an object of which nobody asks for the whole nor for a part, each with whether its value has parts."""
    if not isinstance(value, dict):
        return
    for key, inner in cast("dict[str, object]", value).items():
        here = (*at, key)
        if here in asked:
            continue
        if any(steps[: len(here)] == here for steps in asked):
            yield from _unknown(inner, here, asked)
        else:
            yield path_of(here), isinstance(inner, dict | list)


def _in_parquet(path: Path, contract: Contract) -> dict[str, bool]:
    try:
        schema = pq.read_schema(path)
    except (OSError, ValueError):
        return {}  # broken: that is said when it is read
    tops = {str(steps[0]) for steps in _asked(contract) if steps}
    types = zip(schema.names, schema.types, strict=True)
    return {path_of((name,)): pa.types.is_nested(kind) for name, kind in types if name not in tops}


_FINDERS: dict[str, Callable[[Path, Contract], dict[str, bool]]] = {
    "csv": _in_csv,
    "json": _in_json,
    "ndjson": _in_json,
    "parquet": _in_parquet,
}
