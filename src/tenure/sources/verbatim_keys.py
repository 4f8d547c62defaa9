"""Reads the key out of a record that a guard set apart: where that is certain, and only there."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import cast

from tenure.contracts.model import Contract
from tenure.contracts.source_paths import Steps, steps_of
from tenure.sources.csv_dialect import dialect_of
from tenure.sources.csv_header import read_header
from tenure.sources.json_record import Number, to_text
from tenure.sources.quarantined import KeyTexts
from tenure.sources.records import Reject
from tenure.sources.text_file import exact_encoding
from tenure.sources.text_stream import as_utf8


def csv_key_texts(path: Path, contract: Contract) -> KeyTexts:
    """For a record with bad bytes elsewhere. One with broken quotes or fields too many may have any of them shifted."""
    dialect = dialect_of(contract)

    @cache
    def encoding() -> str:
        return exact_encoding(path, contract.encoding)

    @cache
    def columns() -> tuple[str, ...]:
        return read_header(path, contract).columns

    def read(reject: Reject) -> Mapping[str, str | None] | None:
        if reject.rule != "encoding":
            return None
        fields = dialect.split(as_utf8(reject.record, encoding()))
        if len(fields) != len(columns()):
            return None
        record = {name: dialect.text(field, "surrogateescape") for name, field in zip(columns(), fields, strict=True)}
        return _readable({name: record.get(name) or None for name in contract.key})

    return read


class _Object(list[tuple[str, object]]):
    """The members of a JSON object in their order; one name may come twice."""


_DECODER = json.JSONDecoder(object_pairs_hook=_Object, parse_float=Number, parse_int=Number)


def json_key_texts(contract: Contract) -> KeyTexts:
    """For a JSON object that is set apart for something else than the members that make up its key."""
    sources = contract.source_columns()
    steps = {name: steps_of(sources[name]) if contract.columns[name].source_name else (name,) for name in contract.key}

    def read(reject: Reject) -> Mapping[str, str | None] | None:
        try:
            record: object = _DECODER.decode(reject.record.decode(errors="surrogateescape"))
        except (ValueError, RecursionError):
            return None
        texts: dict[str, str | None] = {}
        for name in contract.key:
            value = _only(record, steps[name])
            if not isinstance(value, str | Number):
                return None
            texts[name] = to_text(value, contract.columns[name])
        return _readable(texts)

    return read


def _only(value: object, steps: Steps) -> object:
    """The one value that stands there; None where there is none, or where there are two."""
    for step in steps:
        if isinstance(step, int):
            elements = cast("list[object]", value) if isinstance(value, list) and not isinstance(value, _Object) else []
            found = elements[step : step + 1]
        else:
            found = [inner for key, inner in value if key == step] if isinstance(value, _Object) else []
        if len(found) != 1:
            return None
        value = found[0]
    return value


def _readable(texts: Mapping[str, str | None]) -> Mapping[str, str | None] | None:
    """The texts, if none of them holds what no text may: bytes that are not UTF-8, or a NUL."""
    try:
        for text in texts.values():
            (text or "").encode()
    except UnicodeEncodeError:
        return None
    return None if any("\0" in (text or "") for text in texts.values()) else texts
