"""Where a value stands in a nested record: `address.city`, `tags[0]`, or `$` for the record as a whole."""

import json
import re
from collections.abc import Mapping

from tenure.contracts.columns import ColumnContract

WHOLE = "$"
"""The path of the record itself."""

NESTED = ("json", "ndjson", "parquet")
"""Kinds of source whose `from` is a path."""

Steps = tuple[str | int, ...]
"""From the record inwards: the key of an object, or the position in an array, counting from 0."""

_QUOTED = r'"(?:[^"\\]|\\.)*"'
_BARE = r'[^".\[\]][^.\[\]]*'
_STEP = re.compile(rf"(?P<key>{_QUOTED}|{_BARE})(?P<places>(?:\[[0-9]{{1,9}}\])*)(?:\.(?=.)|$)", re.DOTALL)
_PLACE = re.compile(r"\[([0-9]+)\]")


def steps_of(path: str) -> Steps:
    """The steps of a path; none for `$`.

    A dot stands between two keys, `[0]` behind one that holds an array. A key that has a dot or a bracket in it, or
    begins with a quotation mark, is written as a JSON string: `"net.amount"`. ValueError when it is no path.
    """
    if path == WHOLE:
        return ()
    steps: list[str | int] = []
    at = 0
    while at < len(path) or not steps:
        step = _STEP.match(path, at)
        if step is None:
            raise ValueError(
                f"'{path}' is not a path such as address.city or tags[0]; a key with a dot or a bracket in it is"
                ' written in quotation marks, such as "net.amount"'
            )
        steps.append(_key(step["key"], path))
        steps += [int(place) for place in _PLACE.findall(step["places"])]
        at = step.end()
    return tuple(steps)


def path_of(steps: Steps) -> str:
    """The path that leads by these steps; its keys stand in quotation marks where they could be taken for more."""
    written = ""
    for step in steps:
        if isinstance(step, int):
            written += f"[{step}]"
        else:
            plain = re.fullmatch(_BARE, step) and step != WHOLE
            written += f"{'.' if written else ''}{step if plain else json.dumps(step, ensure_ascii=False)}"
    return written or WHOLE


def _key(written: str, path: str) -> str:
    if not written.startswith('"'):
        return written
    try:
        return str(json.loads(written))
    except ValueError as error:
        raise ValueError(f"'{path}': {written} is not a JSON string") from error


def expect_paths(kind: str, columns: Mapping[str, ColumnContract], records: str | None) -> None:
    """Raises `ValueError` for a path that is none, or for what only sources of nested records may say."""
    if records is not None:
        if kind != "json":
            raise ValueError("records is for kind: json: where its array of records stands")
        steps = steps_of(records)
        if not steps or not all(isinstance(step, str) for step in steps):
            raise ValueError("records names the keys down to the array, such as data.items")
    if kind in NESTED:
        _expect_places(columns)
    else:
        text = next((name for name, column in columns.items() if column.is_json_text), None)
        if text is not None:
            raise ValueError(f"{text}: format: json is for kinds {', '.join(NESTED)}")


def _expect_places(columns: Mapping[str, ColumnContract]) -> None:
    """Each column has a place of its own, and no place is both an object and an array."""
    seen: dict[Steps, str] = {}
    inside: dict[Steps, type] = {}
    for name, column in columns.items():
        if not column.is_read:
            continue
        steps = steps_of(column.source_name) if column.source_name is not None else (name,)
        if steps in seen:
            raise ValueError(f"{seen[steps]} and {name} are read from the same place: {path_of(steps)}")
        seen[steps] = name
        for depth, step in enumerate(steps):
            if inside.setdefault(steps[:depth], type(step)) is not type(step):
                raise ValueError(f"{path_of(steps[:depth])} is said to be an object and an array")
