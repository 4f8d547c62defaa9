"""What Sqoop's imports need to be read as what they were: Parquet with dates as milliseconds, text without names."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pyarrow.parquet as pq

from tenure.core.errors import UsageError
from tenure.sources.propose_types import Guess

_PART = re.compile(r"part-[mr]-[0-9]{5}(\.(gz|bz2|deflate|snappy|zst))?")
_SCHEMA = b"parquet.avro.schema"
_DATE, _TIME, _TIMESTAMP, _BIT = 91, 92, 93, -7
_DECIMALS = {2, 3}
NULL_WORD = "null"
"""How Sqoop writes a missing value into text, unless it was told otherwise."""


def is_sqoop_text(file: Path) -> bool:
    """Whether a file is called as the parts of Sqoop's text imports are."""
    return _PART.fullmatch(file.name) is not None


def sql_types(file: Path) -> dict[str, int]:
    """The JDBC type of each column that Sqoop noted in a Parquet file that it wrote; none for any other file.

    A YEAR is noted as a date but is a plain number: it is left out.
    """
    try:
        metadata = pq.read_metadata(file).metadata or {}
        schema: Any = json.loads(metadata.get(_SCHEMA, b"{}"))
    except (OSError, ValueError):
        return {}
    fields = cast("list[Any]", schema.get("fields", [])) if isinstance(schema, dict) else []
    found: dict[str, int] = {}
    for field in fields:
        words = cast("dict[str, Any]", field) if isinstance(field, dict) else {}
        noted = str(words.get("sqlType", ""))
        if re.fullmatch(r"-?[0-9]{1,5}", noted):
            is_long = "long" in cast("list[Any]", words.get("type") or [])
            if is_long or int(noted) not in {_DATE, _TIME, _TIMESTAMP}:
                found[str(words.get("name"))] = int(noted)
    return found


def restored(
    noted: Mapping[str, int], given: Mapping[str, Guess], time_zone: str | None, where: str
) -> tuple[dict[str, Guess], list[str]]:
    """The types that the columns had in the database, and what is to be said of them.

    `given` are the types of the Parquet file. Raises `UsageError` when dates are among them and no time zone is given.
    """
    found, notes = dict(given), ["Written by Sqoop: types are restored from what it noted"]
    moments = [name for name, type_ in noted.items() if type_ in {_DATE, _TIMESTAMP} and name in given]
    if moments:
        zone = _zone(time_zone, moments, where)
        for name in moments:
            type_ = "date" if noted[name] == _DATE else "timestamp"
            found[name] = Guess((type_,), {type_: {"format": "epoch_ms", "time_zone": zone}})
        notes.append(f"Milliseconds by the clocks of {zone}: {', '.join(moments)}. What was finer, Sqoop has cut")
    times = [name for name, type_ in noted.items() if type_ == _TIME]
    if times:
        notes.append(f"Times of day, as milliseconds in the time zone of Sqoop's machine: {', '.join(times)}")
    switches = [name for name, type_ in noted.items() if type_ == _BIT]
    if switches:
        notes.append(f"Sqoop makes TINYINT(1) true or false, 2 and more true: {', '.join(switches)}")
    for name in (name for name, type_ in noted.items() if type_ in _DECIMALS):
        found.pop(name, None)  # it is in text, whose digits say what it is
    return found, notes


def _zone(time_zone: str | None, moments: list[str], where: str) -> str:
    if time_zone is None:
        raise UsageError(
            f"was written by Sqoop, with dates as milliseconds in the time zone of its machine: {', '.join(moments)}",
            where=where,
            cure="say which one that was: --time-zone Europe/Vienna, for instance, or --time-zone UTC",
        )
    try:
        ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise UsageError(
            f"--time-zone {time_zone} is not known", cure="use a name such as Europe/Vienna or UTC"
        ) from error
    return time_zone
