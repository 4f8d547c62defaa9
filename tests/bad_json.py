"""Public suites of odd JSON files for `tests/bad_files.py`: contracts by a rule, and what each file really holds.

Every file is read with one column that takes each record as a whole, as JSON text. What it should hold is told by
Python's own reader, which keeps every number as it is written and every key, twice or not.
"""

import gzip
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.bad_files import BadFile, Result, Rows

WHOLE = {"value": {"type": "string", "from": "$", "format": "json"}}
_LINES = {".ndjson", ".jsonl", ".geojsonl"}


class _Number(str):
    __slots__ = ()


def _no_json(name: str) -> Any:
    raise ValueError(name)


_READER = json.JSONDecoder(
    object_pairs_hook=lambda pairs: ("object", pairs),
    parse_int=_Number,
    parse_float=_Number,
    parse_constant=_no_json,
)


def meaning(text: str) -> str:
    """A JSON text in a form that tells values apart by what they mean, not by blanks; null is the empty text."""
    return repr(_marked(_READER.decode(text or "null")))


def understood(results: Iterable[Result]) -> list[Result]:
    """The results with each record as what it means."""
    return [Result(result.file, result.entry, [(meaning(cell),) for (cell,) in result.rows]) for result in results]


def _marked(value: Any) -> Any:
    if isinstance(value, _Number):
        return ("number", str(value))
    if isinstance(value, tuple):
        return ("object", [(key, _marked(inner)) for key, inner in value[1]])
    return [_marked(inner) for inner in value] if isinstance(value, list) else value


def records_of(content: bytes, *, lines: bool) -> Rows | None:
    """What a file holds, if it is sound JSON: the elements of its array, its objects, or its only value."""
    try:
        text = content.removeprefix(b"\xef\xbb\xbf").decode()
        found = [_READER.decode(line) for line in text.split("\n") if line.strip()] if lines else _document(text)
    except (ValueError, RecursionError):
        return None
    return [(repr(_marked(record)),) for record in found]


def _document(text: str) -> list[Any]:
    try:
        whole = _READER.decode(text)
    except ValueError:
        return list(_one_after_another(text))
    return whole if isinstance(whole, list) else [whole]


def _one_after_another(text: str) -> Iterator[Any]:
    at = 0
    while rest := text[at:].lstrip(" \t\r\n"):
        if not rest.startswith("{"):
            raise ValueError("no object")
        record, used = _READER.raw_decode(rest)
        at = len(text) - len(rest) + used
        yield record


def contract_of(kind: str, columns: Mapping[str, Any] = WHOLE) -> dict[str, Any]:
    """A contract for a table of its own that sets apart as many records as there are."""
    return {"entity": "none", "kind": kind, "keyless": True, "max_bad_share": 1.0, "columns": dict(columns)}


def json_suite_files(folder: Path) -> list[BadFile]:
    """JSONTestSuite (folder `test_parsing`): what must be read is known, the others may not be sound."""
    return [
        BadFile(path.name, path, contract_of("json"), None if path.name[0] != "y" else _known(path))
        for path in sorted(folder.iterdir())
    ]


def duckdb_json_files(folder: Path) -> list[BadFile]:
    """DuckDB's own JSON cases (folder `data/json`), by their names as documents or as one object a line."""
    files: list[BadFile] = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        lines = bool(_LINES & set(path.suffixes))
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        clean = records_of(content, lines=lines)
        files.append(BadFile(str(path.relative_to(folder)), path, contract_of("ndjson" if lines else "json"), clean))
    return files


def _known(path: Path) -> Rows:
    records = records_of(path.read_bytes(), lines=False)
    if records is None:
        raise AssertionError(f"{path.name} should be sound JSON")
    return records
