"""Finds one row of a release by its key, as a person types it."""

from collections.abc import Sequence
from datetime import date, datetime
from difflib import get_close_matches

from tenure.core.errors import TenureError, UsageError
from tenure.engine.duckdb import quoted
from tenure.engine.protocol import Column
from tenure.warehouse.models import Model
from tenure.warehouse.releases import OpenRelease


def find_row(release: OpenRelease, model: Model, key: Sequence[str]) -> tuple[dict[str, object], str]:
    """The key of a row in its own types, and the condition that finds it; the key comes as texts, in its order.

    Raises `UsageError`, with near keys, when the row is not there or the key cannot be one.
    """
    names = model.description.key
    if len(key) != len(names):
        raise UsageError(
            f"the key of {model.name} has {len(names)} columns, {len(key)} are given",
            cure=f"tenure lineage --row {model.name} {' '.join(name.upper() for name in names)}",
        )
    if release.manifest.definition(model.name) is None:
        raise TenureError(f"release {release.id} has no table {model.name}", cure="make a newer one with: tenure build")
    kinds = {column.name: column for column in model.columns}
    literals = [_key_literal(kinds[name], text) for name, text in zip(names, key, strict=True)]
    tests = [f'"{name}" = {literal}' for name, literal in zip(names, literals, strict=True)]
    condition = " AND ".join(tests)
    columns = ", ".join(f'"{name}"' for name in names)
    rows = release.query(f"SELECT {columns} FROM {model.name} WHERE {condition}").to_pylist()
    if not rows:
        raise _no_row(release, model, key, tests, literals)
    return rows[0], f"({condition})"


def _key_literal(column: Column, text: str) -> str:
    try:
        if column.type in ("BIGINT", "INTEGER"):
            return str(int(text))
        if column.type == "DATE":
            return f"CAST({quoted(date.fromisoformat(text).isoformat())} AS DATE)"
        if column.type == "TIMESTAMP":
            return f"CAST({quoted(datetime.fromisoformat(text).isoformat(' '))} AS TIMESTAMP)"
        if column.type == "BOOLEAN":
            return {"true": "TRUE", "false": "FALSE"}[text.lower()]
    except (ValueError, KeyError):
        what = {"DATE": "a date, YYYY-MM-DD", "TIMESTAMP": "a time, YYYY-MM-DD HH:MM:SS", "BOOLEAN": "true or false"}
        wanted = what.get(column.type, "a whole number")
        raise UsageError(f"{column.name} is {wanted}; what was given is not") from None
    return quoted(text)


def _no_row(
    release: OpenRelease, model: Model, key: Sequence[str], tests: Sequence[str], literals: Sequence[str]
) -> UsageError:
    """Names near keys; of texts only those that are neither a person's nor an id."""
    names = model.description.key
    listing = f'tenure sql "SELECT {", ".join(names)} FROM {model.name}" lists the keys'
    matching = next(
        (count for count in range(len(names) - 1, 0, -1) if _any(release, model, " AND ".join(tests[:count]))), 0
    )
    name = names[matching]
    described = model.description.columns[name]
    kind = next(column.type for column in model.columns if column.name == name)
    found = f'SELECT DISTINCT "{name}" AS k FROM {model.name} WHERE {" AND ".join(tests[:matching]) or "TRUE"}'
    near: Sequence[object] = []
    if kind in ("BIGINT", "INTEGER", "DATE"):
        distance = f"k - {literals[matching]}" if kind == "DATE" else f"CAST(k AS DOUBLE) - {literals[matching]}"
        near = release.query(f"{found} ORDER BY ABS({distance}), k LIMIT 3")["k"].to_pylist()
    elif kind == "STRING" and described.type != "id" and not described.personal:
        texts = [str(text) for text in release.query(f"{found} LIMIT 10000")["k"].to_pylist()]
        near = get_close_matches(key[matching], texts, n=3, cutoff=0.4)
    close = f"near ones have {name} {', '.join(str(value) for value in near)}; " if near else ""
    return UsageError(f"table {model.name} has no row with this key", cure=f"{close}{listing}")


def _any(release: OpenRelease, model: Model, condition: str) -> bool:
    return release.query(f"SELECT 1 FROM {model.name} WHERE {condition} LIMIT 1").num_rows > 0


def literal(value: object) -> str:
    """A value of a table as a SQL literal of the same type."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, datetime):
        return f"CAST({quoted(value.isoformat(' '))} AS TIMESTAMP)"
    if isinstance(value, date):
        return f"CAST({quoted(value.isoformat())} AS DATE)"
    return quoted(value) if isinstance(value, str) else str(value)
