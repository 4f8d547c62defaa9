"""Records on their way to the quarantine: as a table, and with their keys where these can be read.

A quarantined record of a snapshot was not deleted at its source, so its key must be known before anything is said
of the keys that the snapshot lacks. A key counts as read only if it keeps every promise made of its columns: one
that breaks them may be another key, misspelt.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tenure.contracts.checks import compile_checks
from tenure.contracts.model import Contract
from tenure.engine.protocol import Engine
from tenure.sources.records import Reject, row_numbers
from tenure.sources.stored import COMPARES_KEYS, quarantine_schema

KeyTexts = Callable[[Reject], Mapping[str, str | None] | None]
"""Reads the key columns of a record that a guard set apart, as text; None where it cannot."""


def quarantine_table(rejects: Sequence[Reject], contract: Contract) -> pa.Table:
    """The rejects as rows of the load's quarantine."""
    schema = quarantine_schema(contract)
    values: list[list[Any]] = [
        [reject.row for reject in rejects],
        [reject.column for reject in rejects],
        [reject.rule for reject in rejects],
        [reject.reason for reject in rejects],
        [reject.record for reject in rejects],
    ]
    for position in range(len(schema) - len(values)):
        values.append([reject.key[position] if reject.key else None for reject in rejects])
    columns = [pa.array(column, kind) for column, kind in zip(values, schema.types, strict=True)]
    return pa.table(columns, schema=schema)


def with_keys(
    contract: Contract, rejects: list[Reject], table: pa.Table, key_texts: KeyTexts, engine: Engine
) -> list[Reject]:
    """The rejects of a block, each with its key if that can be read and is compared; else as they are.

    `table` holds the block's well-formed records; a reject that is not among them is read by `key_texts`.
    """
    if contract.mode not in COMPARES_KEYS or not rejects:
        return rejects
    wanted = pa.array([reject.row for reject in rejects], pa.int64())
    formed = table.filter(pc.is_in(table["_row"], value_set=wanted)).select([*contract.key, "_row"])
    known = set(row_numbers(formed))
    texts = {reject.row: key_texts(reject) for reject in rejects if reject.row not in known}
    verbatim = _text_table(contract, {row: text for row, text in texts.items() if text is not None})
    keys = {**_sound_keys(contract, formed, engine), **_sound_keys(contract, verbatim, engine)}
    return [replace(reject, key=keys.get(reject.row)) for reject in rejects]


def _text_table(contract: Contract, texts: Mapping[int, Mapping[str, str | None]]) -> pa.Table:
    columns: dict[str, pa.Array[Any]] = {
        name: pa.array([text.get(name) for text in texts.values()], pa.string()) for name in contract.key
    }
    return pa.table({**columns, "_row": pa.array(list(texts), pa.int64())})


def _sound_keys(contract: Contract, table: pa.Table, engine: Engine) -> dict[int, tuple[object, ...]]:
    """Row → key, of those rows whose key columns break no rule."""
    if not table.num_rows:
        return {}
    only_key = contract.model_copy(update={"columns": {name: contract.columns[name] for name in contract.key}})
    text = frozenset(name for name in contract.key if table.schema.field(name).type == pa.string())
    checked = engine.query(compile_checks(only_key, text).sql, block=table)
    sound = checked.filter(pc.is_null(checked["_broken"]))
    columns = [sound[name].to_pylist() for name in contract.key]
    return dict(zip(row_numbers(sound), zip(*columns, strict=True), strict=True))
