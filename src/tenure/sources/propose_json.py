"""Gives the records of a JSON file as texts by path: for proposals, never for loading."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast

from tenure.contracts.source_paths import path_of, steps_of

_DEEPEST = 5
_LONGEST_DOCUMENT = 64 << 20
_PIECE = 1 << 20


@dataclass(frozen=True)
class _Number:
    """A number as it is written."""

    text: str


_DECODER = json.JSONDecoder(parse_float=_Number, parse_int=_Number)


@dataclass(frozen=True)
class JsonLook:
    """How a JSON file seems to be written: line by line (`ndjson`) or otherwise (`json`), and where its records are."""

    kind: str
    records: str | None = None


@dataclass(frozen=True)
class Cell:
    """A value as text; None for null. `nested`: it is an object or array, as JSON."""

    text: str | None
    nested: bool = False


def look_json(sample: str) -> JsonLook | None:
    """How the JSON with this beginning is written; None where it is none."""
    text = sample.lstrip("\ufeff \t\r\n")
    if text.startswith("["):
        return JsonLook("json")
    if not text.startswith("{"):
        return None
    first, _, rest = text.partition("\n")
    try:
        whole = _DECODER.decode(first.strip())
    except (ValueError, RecursionError):
        whole = None
    if whole is not None and (rest.strip() or not _array_in(whole)):
        return JsonLook("ndjson")
    try:
        document, end = _DECODER.raw_decode(text)
    except (ValueError, RecursionError):
        # It may be longer than the sample: one object with an array in it.
        return JsonLook("json", _array_of_start(text))
    return JsonLook("json", None if text[end:].strip() else _array_in(document))


def _array_in(document: object, path: tuple[str, ...] = ()) -> str | None:
    """The path of the only array of objects in a document."""
    if not isinstance(document, dict) or len(path) > _DEEPEST:
        return None
    members = cast("dict[str, object]", document)
    arrays = [name for name, value in members.items() if _is_records(value)]
    if len(arrays) == 1:
        return path_of((*path, arrays[0]))
    inner = [found for name, value in members.items() if (found := _array_in(value, (*path, name)))]
    return inner[0] if len(inner) == 1 and not arrays else None


def _is_records(value: object) -> bool:
    return (
        isinstance(value, list)
        and bool(cast("list[object]", value))
        and all(isinstance(entry, dict) for entry in cast("list[object]", value))
    )


def _array_of_start(text: str) -> str | None:
    """The path of the array with which a long document begins."""
    start, bracket, _ = text.partition("[")
    names = json_names(start) if bracket else []
    return path_of(tuple(names)) if names and start.count("{") == len(names) else None


def json_names(start: str) -> list[str]:
    """The keys that lead to the end of an opening such as {"data": {"items": ."""
    names: list[str] = []
    rest = start.strip()
    while rest.startswith("{"):
        rest = rest[1:].lstrip()
        try:
            name, end = _DECODER.raw_decode(rest)
        except ValueError:
            return []
        rest = rest[end:].lstrip()
        if not isinstance(name, str) or not rest.startswith(":"):
            return []
        names.append(name)
        rest = rest[1:].lstrip()
    return names if not rest else []


def flat(record: dict[str, Any]) -> dict[str, Cell] | None:
    """The values of a record by their paths; arrays, and objects nested too deeply, as JSON text.

    None for a record with half of a character in it, which no text can hold.
    """
    found: dict[str, Cell] = {}
    _flatten(record, (), found)
    whole = all(_is_whole(path) and _is_whole(cell.text) for path, cell in found.items())
    return found if whole else None


def _is_whole(text: str | None) -> bool:
    if text is None or text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _flatten(value: object, path: tuple[str, ...], found: dict[str, Cell]) -> None:
    members = cast("dict[str, object]", value) if isinstance(value, dict) else {}
    if members and len(path) < _DEEPEST:
        for name, inner in members.items():
            _flatten(inner, (*path, name), found)
    elif path:
        found[path_of(path)] = _cell(cast(object, value))


def _cell(value: object) -> Cell:
    if value is None or isinstance(value, str):
        return Cell(value)
    if isinstance(value, bool):
        return Cell("true" if value else "false")
    if isinstance(value, _Number):
        return Cell(value.text)
    return Cell(json.dumps(value, default=lambda number: number.text), nested=True)


def line_records(lines: Iterator[str]) -> Iterator[dict[str, Cell] | None]:
    """The record of each line; None for a line that is none."""
    for line in lines:
        text = line.strip().lstrip("\ufeff")
        if text:
            yield _record(text)


def _record(text: str) -> dict[str, Cell] | None:
    try:
        value = _DECODER.decode(text)
    except (ValueError, RecursionError):
        return None
    return flat(cast("dict[str, Any]", value)) if isinstance(value, dict) else None


def document_records(read: Callable[[int], str], found: JsonLook) -> Iterator[dict[str, Cell] | None]:
    """The records of a document that is read piece by piece; the first 64 MB of it where they are below a path."""
    if found.records is not None:
        yield from _below(read(_LONGEST_DOCUMENT), found.records)
        return
    text, ended = read(_PIECE).lstrip("\ufeff"), False
    text = text.lstrip().removeprefix("[")
    while True:
        text = text.lstrip(" \t\r\n,")
        if not text.startswith("]"):
            try:
                value, end = _DECODER.raw_decode(text)
            except (ValueError, RecursionError):
                value, end = None, 0
            # A number or word at the end of what was read may go on.
            if end and (ended or end < len(text)):
                yield flat(cast("dict[str, Any]", value)) if isinstance(value, dict) else None
                text = text[end:]
                continue
        more = read(max(_PIECE, len(text)))
        if ended or len(text) > _LONGEST_DOCUMENT:
            return
        ended = not more
        text += more


def _below(text: str, path: str) -> Iterator[dict[str, Cell] | None]:
    """The records of the array at a path of keys, as far as the text goes."""
    at = 0
    for step in steps_of(path):
        at = text.find(json.dumps(step, ensure_ascii=False), at)
        if at < 0:
            return
    at = text.find("[", at) + 1
    while 0 < at < len(text):
        rest = text[at : at + 1]
        if rest in " \t\r\n,":
            at += 1
            continue
        if rest == "]":
            return
        try:
            value, at = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            return
        yield flat(cast("dict[str, Any]", value)) if isinstance(value, dict) else None
