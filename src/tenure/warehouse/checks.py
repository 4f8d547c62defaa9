"""The tests that models declare, as SQL that selects the rows that break them."""

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa

from tenure.core.errors import BuildError, CheckFailed
from tenure.engine.dialect import parse
from tenure.engine.protocol import Engine
from tenure.warehouse.graph import tables_of
from tenure.warehouse.models import Model, ModelTest

_SHOWN = 5


@dataclass(frozen=True)
class Check:
    """One test of one model: `sql` selects the rows that break it and reads `reads`."""

    model: str
    name: str
    sql: str
    reads: frozenset[str]
    personal: frozenset[str] = frozenset()


def checks_of(model: Model) -> list[Check]:
    """The key of a model (complete and unique) and every test in its yml."""
    key = ", ".join(f'"{column}"' for column in model.description.key)
    empty = " OR ".join(f'"{column}" IS NULL' for column in model.description.key)
    unique = f"SELECT {key}, COUNT(*) AS occurrences FROM {model.name} GROUP BY {key} HAVING COUNT(*) > 1"
    return [
        _check(model, f"key ({key}) is complete", f"SELECT {key} FROM {model.name} WHERE {empty}"),
        _check(model, f"key ({key}) is unique", unique),
        *(_declared(model, test) for test in model.description.tests),
    ]


def _check(model: Model, name: str, sql: str, reads: Iterable[str] = ()) -> Check:
    personal = frozenset(column for column, entry in model.description.columns.items() if entry.personal)
    return Check(model.name, name, sql, frozenset({model.name, *reads}), personal)


def _declared(model: Model, test: ModelTest) -> Check:
    key = ", ".join(f'"{column}"' for column in model.description.key)
    table = model.name
    for column in filter(None, (test.not_null, test.unique, test.accepted, test.relationship)):
        if column not in {described.name for described in model.columns}:
            raise BuildError(f"tests column {column}, which it does not have", where=model.where, cure="mend the yml")
    if test.not_null:
        name, column = f"{test.not_null} is never empty", f'"{test.not_null}"'
        return _check(model, name, f"SELECT {key} FROM {table} WHERE {column} IS NULL")
    if test.unique:
        name, column = f"{test.unique} is unique", f'"{test.unique}"'
        found = f"SELECT {column}, COUNT(*) AS occurrences FROM {table} WHERE {column} IS NOT NULL"
        return _check(model, name, f"{found} GROUP BY {column} HAVING COUNT(*) > 1")
    if test.accepted:
        name, column = f"{test.accepted} is one of {', '.join(test.values)}", f'"{test.accepted}"'
        values = ", ".join("'" + value.replace("'", "''") + "'" for value in test.values)
        return _check(model, name, f"SELECT {key}, {column} FROM {table} WHERE {column} NOT IN ({values})")
    if test.relationship and test.to:
        other, _, target = test.to.partition(".")
        name, column = f"{test.relationship} exists in {test.to}", f'"{test.relationship}"'
        orphans = f'SELECT {column} FROM {table} EXCEPT SELECT "{target}" FROM {other}'
        found = f"SELECT {column} FROM ({orphans}) AS orphans WHERE {column} IS NOT NULL"
        return _check(model, name, found, [other])
    name, sql = str(test.name), str(test.sql)
    return _check(model, name, sql, tables_of(parse(sql, f"{model.where} (test: {name})")))


def run_checks(engine: Engine, checks: list[Check]) -> None:
    """Run every check; raises `CheckFailed` that names each broken one, how many rows break it and which."""
    failures: list[str] = []
    for check in checks:
        counted = engine.query(f"SELECT COUNT(*) AS n FROM ({check.sql}) AS broken")["n"][0].as_py()
        if counted:
            rows = engine.query(f"SELECT * FROM ({check.sql}) AS broken LIMIT {_SHOWN}")
            failures.append(f"{check.model}: {check.name}: {counted} rows break it: {_shown(rows, check.personal)}")
    if failures:
        raise CheckFailed(
            "the new tables break their checks, so nothing was published:\n  " + "\n  ".join(failures),
            cure="mend the data or the model and run again; the release before stays in force",
        )


def _shown(rows: pa.Table, personal: frozenset[str]) -> str:
    """The first rows, personal data left out."""
    rows = rows.select([name for name in rows.column_names if name not in personal])
    shown = [", ".join(f"{name}={value}" for name, value in row.items()) for row in rows.to_pylist()]
    return "; ".join(shown)
