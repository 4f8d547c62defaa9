"""The tests that models declare, as SQL that selects the rows that break them."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pyarrow as pa

from tenure.core.errors import BuildError, CheckFailed
from tenure.core.wording import alike
from tenure.engine.dialect import parse
from tenure.engine.protocol import Engine
from tenure.warehouse.changes import Change
from tenure.warehouse.graph import bare, tables_of
from tenure.warehouse.increment import restricted
from tenure.warehouse.manifest import Table
from tenure.warehouse.models import Model, ModelTest
from tenure.warehouse.slices import Slices

_SHOWN = 5
_STRETCHES = 8
_LARGE = 1_000_000
"""A key is looked through month by month in a table with more rows: many small groupings cost less than a large one."""
Scope = Literal["rows", "values", "all"]


@dataclass(frozen=True)
class Check:
    """One test of one model: `sql` selects the rows that break it and reads `reads`.

    `scope` says what must be looked at when rows of the model changed: the rows that came (`rows`), all rows that
    share a value of `columns` with a changed one (`values`), or all there are (`all`). `where` is the model's
    file. `shown` are the columns whose values a message may quote: described, not personal. `monthly` is a date
    such that rows of different months cannot break the check together. `unique`: it holds where no value of this column
    occurs twice.
    """

    model: str
    name: str
    sql: str
    reads: frozenset[str]
    where: str
    scope: Scope
    columns: tuple[str, ...] = ()
    shown: frozenset[str] = frozenset()
    monthly: str | None = None
    unique: str | None = None


def checks_of(model: Model) -> list[Check]:
    """The key of a table (complete and unique) and every test in its yml. A view has none."""
    if model.kind == "view":
        return []
    key = ", ".join(f'"{column}"' for column in model.description.key)
    empty = " OR ".join(f'"{column}" IS NULL' for column in model.description.key)
    unique = f"SELECT {key}, COUNT(*) AS occurrences FROM {model.name} GROUP BY {key} HAVING COUNT(*) > 1"
    return [
        _check(model, f"key ({key}) is complete", f"SELECT {key} FROM {model.name} WHERE {empty}", "rows"),
        replace(
            _check(model, f"key ({key}) is unique", unique, "values", model.description.key),
            monthly=model.description.partition if model.description.partition in model.description.key else None,
            unique=model.description.key[0] if len(model.description.key) == 1 else None,
        ),
        *_history_checks(model),
        *(_declared(model, test) for test in model.description.tests),
    ]


def _check(
    model: Model, name: str, sql: str, scope: Scope, columns: tuple[str, ...] = (), reads: Iterable[str] = ()
) -> Check:
    described = model.description.columns
    shown = frozenset(column for column, entry in described.items() if not entry.personal) | {"occurrences"}
    return Check(model.name, name, sql, frozenset({model.name, *reads}), model.where, scope, columns, shown)


def _history_checks(model: Model) -> list[Check]:
    """What every history promises: no version ends before it begins, none overlaps the next, one is current."""
    if model.kind != "history":
        return []
    entity = tuple(column for column in model.description.key if column != "valid_from")
    columns = ", ".join(f'"{column}"' for column in entity)
    overlaps = (
        f"SELECT * FROM (SELECT {columns}, valid_from, valid_to, LEAD(valid_from) OVER "
        f"(PARTITION BY {columns} ORDER BY valid_from ASC NULLS FIRST) AS next_from FROM {model.name}) AS v "
        "WHERE v.valid_to < v.valid_from OR v.valid_to >= v.next_from"
    )
    current = (
        f"SELECT {columns}, COUNT(*) AS current_versions FROM {model.name} WHERE is_current "
        f"GROUP BY {columns} HAVING COUNT(*) > 1"
    )
    return [
        _check(model, "versions do not overlap", overlaps, "values", entity),
        _check(model, "at most one version is current", current, "values", entity),
    ]


def _declared(model: Model, test: ModelTest) -> Check:
    key = ", ".join(f'"{column}"' for column in model.description.key)
    table = model.name
    for column in filter(None, (test.not_null, test.unique, test.accepted, test.relationship)):
        if column not in {described.name for described in model.columns}:
            cure = f"{alike(column, [described.name for described in model.columns])}mend the yml"
            raise BuildError(f"tests column {column}, which it does not have", where=model.where, cure=cure)
    if test.not_null:
        name, column = f"{test.not_null} is never empty", f'"{test.not_null}"'
        return _check(model, name, f"SELECT {key} FROM {table} WHERE {column} IS NULL", "rows")
    if test.unique:
        name, column = f"{test.unique} is unique", f'"{test.unique}"'
        found = f"SELECT {column}, COUNT(*) AS occurrences FROM {table} WHERE {column} IS NOT NULL"
        repeated = f"{found} GROUP BY {column} HAVING COUNT(*) > 1"
        return replace(_check(model, name, repeated, "values", (test.unique,)), unique=test.unique)
    if test.accepted:
        name, column = f"{test.accepted} is one of {', '.join(test.values)}", f'"{test.accepted}"'
        values = ", ".join("'" + value.replace("'", "''") + "'" for value in test.values)
        return _check(model, name, f"SELECT {key}, {column} FROM {table} WHERE {column} NOT IN ({values})", "rows")
    if test.relationship and test.to:
        other, _, target = test.to.partition(".")
        if not other.isidentifier() or not target.isidentifier():
            cure = "write it as TABLE.COLUMN, for instance dim_customer.customer_id"
            raise BuildError(f"to: {test.to} is not a column of a table", where=model.where, cure=cure)
        name, column = f"{test.relationship} exists in {test.to}", f'"{test.relationship}"'
        orphans = f'SELECT {column} FROM {table} EXCEPT SELECT "{target}" FROM {other}'
        found = f"SELECT {column} FROM ({orphans}) AS orphans WHERE {column} IS NOT NULL"
        return _check(model, name, found, "rows", reads=[other])
    name, where = str(test.name), f"{model.where} (test: {test.name})"
    sql = bare(str(test.sql), where)
    scope: Scope = "values" if test.by else "all"
    return _check(model, name, sql, scope, (test.by,) if test.by else (), tables_of(parse(sql, where)))


def run_checks(
    engine: Engine,
    checks: list[Check],
    changes: Mapping[str, Change],
    views: Collection[str] = (),
    tables: Collection[Table] = (),
    slices: Slices | None = None,
) -> None:
    """Run every check that reads a changed table; the others passed when theirs were made.

    A check that reads one of the `views` looks at everything: a view would see what other tables were restricted to.
    Raises `CheckFailed` that names each broken one, how many rows break it and which, and `BuildError` naming
    the test whose SQL the engine refuses.
    """
    failures: list[str] = []
    for check in checks:
        changed = [name for name in sorted(check.reads) if changes[name].kind != "none"]
        if changed:
            narrowed = {} if check.reads & set(views) else _narrowed(engine, check, changed, changes, slices)
            if not narrowed and _is_plainly_unique(engine, check, tables):
                continue
            for look in [narrowed] if narrowed else _months(check, tables):
                with restricted(engine, look):
                    failures.extend(filter(None, [_run(engine, check)]))
    if failures:
        raise CheckFailed(
            "the new tables break their checks, so nothing was published:\n  " + "\n  ".join(failures),
            cure="mend the data or the model and run again; the release before stays in force",
        )


def _is_plainly_unique(engine: Engine, check: Check, tables: Collection[Table]) -> bool:
    """Whether counting the values of a large table says that a check holds; if not, its SQL says where it breaks."""
    rows = next((table.rows for table in tables if table.name == check.model), 0)
    return check.unique is not None and rows > _LARGE and engine.distinct(check.model, check.unique) == rows


def _months(check: Check, tables: Collection[Table]) -> list[dict[str, str]]:
    """Views that show a check all rows: at once or, where that is cheaper, month by month."""
    table = next((table for table in tables if table.name == check.model), None)
    if check.monthly is None or table is None or table.rows <= _LARGE:
        return [{}]
    column = f's."{check.monthly}"'
    looks: list[dict[str, str]] = []
    for month in sorted({part.partition for part in table.parts}):
        inside = f"{column} IS NULL"
        if month[:1].isdigit():
            year, number = int(month[:4]), int(month[5:])
            after = f"{year + number // 12:04d}-{number % 12 + 1:02d}-01"
            inside = f"{column} >= CAST('{month}-01' AS DATE) AND {column} < CAST('{after}' AS DATE)"
        looks.append({check.model: f"SELECT s.* FROM {check.model}__all AS s WHERE {inside}"})
    return looks


def _narrowed(
    engine: Engine, check: Check, changed: list[str], changes: Mapping[str, Change], slices: Slices | None
) -> dict[str, str]:
    """Views that show a check only the rows it must look at; none when that is all of them."""
    relations = [relation for name in changed if (relation := changes[name].relation)]
    if check.scope == "all" or len(relations) < len(changed):
        return {}
    if check.scope == "rows":
        alone = changed == [check.model]
        return {check.model: f"SELECT * FROM added_{check.model}"} if alone else {}
    columns = {name: {column.name for column in engine.columns(name)} for name in check.reads}
    wanted = set(check.columns)
    if not all(wanted <= columns[name] for name in changed):
        return {}
    names = ", ".join(f'"{column}"' for column in check.columns)
    values = " UNION ALL ".join(f"SELECT {names} FROM {relation}" for relation in relations)
    same = " AND ".join(f's."{column}" = v."{column}"' for column in check.columns)
    shared = f"EXISTS (SELECT 1 FROM ({values}) AS v WHERE {same})"
    missing = 0
    if len(check.columns) == 1:  # a key of several columns is complete: another check sees to it
        missing = engine.query(f"SELECT COUNT(*) - COUNT({names}) AS n FROM ({values}) AS v")["n"][0].as_py()
        shared = f"({shared} OR s.{names} IS NULL)" if missing else shared
    shared = f"{_between(engine, check, values)}{shared}"
    own = changed == [check.model]
    places = {
        name: f"{name}__all"
        if missing or slices is None
        else slices.source(name, check.columns, relations, own, check.sql)
        for name, found in columns.items()
        if wanted <= found
    }
    return {name: f"SELECT s.* FROM {place} AS s WHERE {shared}" for name, place in places.items()}


def _between(engine: Engine, check: Check, values: str) -> str:
    """The stretches in which whole numbers lie, as a condition before others: files need not be read outside them."""
    if len(check.columns) != 1:
        return ""
    name = check.columns[0]
    found = engine.query(f'SELECT DISTINCT v."{name}" AS value FROM ({values}) AS v ORDER BY value')["value"]
    if not pa.types.is_integer(found.type) or len(found) < 2 or found.null_count:
        return ""
    numbers = found.to_numpy()
    widest = np.sort(np.argsort(np.diff(numbers))[-_STRETCHES + 1 :])
    starts, ends = numbers[[0, *(widest + 1)]], numbers[[*widest, -1]]
    column = f's."{name}"'
    within = " OR ".join(f"{column} BETWEEN {start} AND {end}" for start, end in zip(starts, ends, strict=True))
    return f"({within}) AND "


def _run(engine: Engine, check: Check) -> str | None:
    """What is wrong, None when no row breaks the check."""
    try:
        counted = engine.query(f"SELECT COUNT(*) AS n FROM ({check.sql}) AS broken")["n"][0].as_py()
        if not counted:
            return None
        rows = engine.query(f"SELECT * FROM ({check.sql}) AS broken LIMIT {_SHOWN}")
    except BuildError as error:
        place = f"{check.where} (test: {check.name})"
        raise BuildError(error.what, where=place, cure=error.cure or "mend the test in the yml") from error
    broken = "1 row breaks it" if counted == 1 else f"{counted} rows break it"
    quoted = _quoted(rows, check.shown)
    return f"{check.model}: {check.name}: {broken}{': ' if quoted else ''}{quoted} ({check.where})"


def _quoted(rows: pa.Table, shown: frozenset[str]) -> str:
    """The first rows, but only what may be shown of them."""
    rows = rows.select([name for name in rows.column_names if name in shown])
    return "; ".join(", ".join(f"{name}={value}" for name, value in row.items()) for row in rows.to_pylist())
