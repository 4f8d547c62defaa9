"""Reads the key out of a record that a guard set apart: where that is certain, and only there."""

import csv
import io
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from tenure.contracts.model import Contract
from tenure.sources.csv_header import read_header
from tenure.sources.json_record import Number, to_text
from tenure.sources.quarantined import KeyTexts
from tenure.sources.records import Reject


def csv_key_texts(path: Path, contract: Contract) -> KeyTexts:
    """For a record with bad bytes elsewhere. One with broken quotes or fields too many may have any of them shifted."""

    @cache
    def columns() -> tuple[str, ...]:
        return read_header(path, contract).columns

    def read(reject: Reject) -> Mapping[str, str | None] | None:
        if reject.rule != "encoding":
            return None
        text = reject.record.decode(errors="surrogateescape")
        fields = next(csv.reader(io.StringIO(text, newline=""), delimiter=contract.delimiter))
        if len(fields) != len(columns()):
            return None
        record = dict(zip(columns(), fields, strict=True))
        return _readable({name: record.get(name) or None for name in contract.key})

    return read


class _Object(list[tuple[str, object]]):
    """The members of a JSON object in their order; one name may come twice."""


_DECODER = json.JSONDecoder(object_pairs_hook=_Object, parse_float=Number, parse_int=Number)


def json_key_texts(contract: Contract) -> KeyTexts:
    """For a JSON object that is set apart for something else than the members that make up its key."""
    names = contract.source_columns()

    def read(reject: Reject) -> Mapping[str, str | None] | None:
        try:
            members: object = _DECODER.decode(reject.record.decode(errors="surrogateescape"))
        except (ValueError, RecursionError):
            return None
        if not isinstance(members, _Object):
            return None
        texts: dict[str, str | None] = {}
        for name in contract.key:
            values = [value for member, value in members if member == names[name]]
            if len(values) != 1 or not isinstance(values[0], str | Number):
                return None
            texts[name] = to_text(values[0], contract.columns[name])
        return _readable(texts)

    return read


def _readable(texts: Mapping[str, str | None]) -> Mapping[str, str | None] | None:
    """The texts, if none of them holds what no text may: bytes that are not UTF-8, or a NUL."""
    try:
        for text in texts.values():
            (text or "").encode()
    except UnicodeEncodeError:
        return None
    return None if any("\0" in (text or "") for text in texts.values()) else texts
