"""Reads records that were kept as JSON objects of what a table or a file of its own types held."""

import json
from collections.abc import Mapping, Sequence
from typing import cast

import pyarrow as pa

from tenure.contracts.model import Contract
from tenure.sources.json_record import Fault, Number, Scalar, to_text
from tenure.sources.records import Block, Reject


def object_block(contract: Contract, records: Sequence[tuple[int, bytes]]) -> Block:
    """Rows and verbatim records as a block of text.

    A reader of tables keeps only the columns that its contract named. What a record does not hold is not known, and
    is not taken for a null: such a record is a reject, and so is one that is no longer an object of single values.
    """
    rejects: list[Reject] = []
    rows: list[int] = []
    sources = contract.source_columns()
    values: dict[str, list[str | None]] = {name: [] for name in sources}
    for row, record in records:
        members = _members(record, sources)
        if isinstance(members, Fault):
            rejects.append(Reject(row, members.column, members.rule, members.reason, record))
            continue
        rows.append(row)
        for name in sources:
            values[name].append(to_text(members[name], contract.columns[name]))
    columns = [pa.array(texts, pa.string()) for texts in values.values()]
    table = pa.table([*columns, pa.array(rows, pa.int64())], names=[*values, "_row"])
    verbatim = dict(records)
    return Block(table, len(records), lambda row: verbatim[row], rejects)


def _members(record: bytes, sources: Mapping[str, str]) -> dict[str, Scalar] | Fault:
    try:
        pairs: object = _DECODER.decode(record.decode())
    except (ValueError, RecursionError) as error:
        return Fault(
            "json", None, f"is not valid JSON: {error}" if isinstance(error, json.JSONDecodeError) else "is not JSON"
        )
    if not isinstance(pairs, _Pairs):
        return Fault("json", None, "is not a JSON object")
    names = [name for name, _ in pairs]
    values: dict[str, Scalar] = {}
    for name, source in sources.items():
        if names.count(source) != 1:
            how = "more than once" if source in names else "not"
            return Fault("json", name, f"{source} is {how} among the columns that were kept of this record")
        value = pairs[names.index(source)][1]
        if isinstance(value, list):
            return Fault("type", name, f"{name} is not a single value")
        values[name] = cast("Scalar", value)
    return values


class _Pairs(list[tuple[str, object]]):
    """The members of an object in their order; one name may come twice."""


_DECODER = json.JSONDecoder(object_pairs_hook=_Pairs, parse_float=Number, parse_int=Number)
