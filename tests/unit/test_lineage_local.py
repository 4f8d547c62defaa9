"""Which rows of a table can matter to the rows with one value: what is claimed, held against the engine."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tenure.engine.duckdb import DuckDBEngine
from tenure.warehouse.inputs import INPUTS
from tenure.warehouse.lineage_local import Local, local_columns
from tenure.warehouse.models import ProjectTypes, read_models
from tenure.warehouse.sketch import empty_inputs

TABLES = {"a": ("k", "x"), "b": ("k", "y"), "d": ("m", "z")}


def _local(sql: str) -> dict[str, Local]:
    return local_columns(sql, "models/m.sql", TABLES)


@pytest.mark.parametrize(
    ("sql", "expected"),
    {
        "a plain column": ("SELECT k AS c, x FROM a", {"a": "k"}),
        "another name": ("WITH t(n) AS (SELECT k FROM a) SELECT n AS c FROM t", {"a": "k"}),
        "an expression": ("SELECT COALESCE(k, 0) AS c FROM a", {"a": None}),
        "an equal join": ("SELECT a.k AS c, y FROM a INNER JOIN b ON b.k = a.k AND b.y > 0", {"a": "k", "b": "k"}),
        "an outer join": ("SELECT a.k AS c, y FROM a LEFT JOIN b ON b.k = a.k", {"a": "k", "b": "k"}),
        "a join by USING": ("SELECT k AS c FROM a LEFT JOIN b USING (k)", {"a": "k", "b": "k"}),
        "an equality in WHERE": ("SELECT b.k AS c FROM a CROSS JOIN b WHERE a.x = b.k", {"a": "x", "b": "k"}),
        "a chain": (
            "SELECT a.k AS c FROM a INNER JOIN b ON b.k = a.k LEFT JOIN d ON d.m = b.k",
            {"a": "k", "b": "k", "d": "m"},
        ),
        "an unequal join": ("SELECT a.k AS c FROM a INNER JOIN b ON b.k <= a.k", {"a": "k", "b": None}),
        "an equality that is one of two": (
            "SELECT a.k AS c FROM a INNER JOIN b ON b.k = a.k OR b.y = 1",
            {"a": "k", "b": None},
        ),
        "every pair": ("SELECT a.k AS c, z FROM a CROSS JOIN d", {"a": "k", "d": None}),
        "its own group": ("SELECT k AS c, COUNT(*) AS n FROM a GROUP BY k", {"a": "k"}),
        "its own group, by place": ("SELECT k AS c, x, COUNT(*) AS n FROM a GROUP BY 1, 2", {"a": "k"}),
        "another group": ("SELECT MAX(k) AS c FROM a GROUP BY x", {"a": None}),
        "everything added up": ("SELECT MAX(k) AS c FROM a", {"a": None}),
        "its own window": ("SELECT k AS c, MAX(x) OVER (PARTITION BY k) AS m FROM a", {"a": "k"}),
        "another window": ("SELECT k AS c, MAX(x) OVER (PARTITION BY x) AS m FROM a", {"a": None}),
        "a named window": ("SELECT k AS c, MAX(x) OVER w AS m FROM a WINDOW w AS (PARTITION BY k)", {"a": "k"}),
        "a window over the NULLs of an outer join": (
            "SELECT a.k AS c, COUNT(*) OVER (PARTITION BY b.k) AS n FROM a LEFT JOIN b ON b.k = a.k",
            {"a": None, "b": None},
        ),
        "a union": ("SELECT k AS c FROM a UNION ALL SELECT y FROM b", {"a": "k", "b": "y"}),
        "a union with another column of the same table": (
            "SELECT k AS c FROM a UNION ALL SELECT x FROM a",
            {"a": None},
        ),
        "a union with NULL, which equals nothing": (
            "SELECT k AS c FROM a UNION ALL SELECT CAST(NULL AS BIGINT) FROM b",
            {"a": "k"},
        ),
        "a union with a constant": ("SELECT k AS c FROM a UNION ALL SELECT 1 FROM b", {"a": "k", "b": None}),
        "a difference": ("SELECT k AS c FROM a EXCEPT SELECT y FROM b", {"a": "k", "b": "y"}),
        "a table read twice, by the same column": (
            "WITH s AS (SELECT k, MAX(x) AS m FROM a GROUP BY k) SELECT a.k AS c FROM a INNER JOIN s ON s.k = a.k",
            {"a": "k"},
        ),
        "a table read twice, once as a whole": (
            "WITH s AS (SELECT MAX(x) AS m FROM a) SELECT a.k AS c FROM a CROSS JOIN s",
            {"a": None},
        ),
        "a subquery in a condition": (
            "SELECT k AS c FROM a WHERE EXISTS (SELECT 1 FROM b WHERE b.k = a.k)",
            {"a": "k", "b": None},
        ),
        "LIMIT": ("SELECT k AS c FROM a ORDER BY k ASC NULLS FIRST LIMIT 3", {"a": None}),
        "a star": ("SELECT * FROM (SELECT k AS c, x FROM a) AS s", {"a": "k"}),
    }.values(),
)
def test_rows_with_one_value_depend_on(sql: str, expected: dict[str, str | None]) -> None:
    assert _local(sql)["c"] == expected


def test_what_tenures_own_models_declare_in_follows_is_shown_by_their_sql() -> None:
    types = ProjectTypes({}, {entity.removeprefix("raw_"): () for entity in INPUTS if entity.startswith("raw_")})
    with empty_inputs(types) as sketch:
        tables = {name: [column.name for column in sketch.engine.columns(name)] for name in INPUTS}
    models = read_models(types)
    tables |= {model.name: [column.name for column in model.columns] for model in models}
    shown = {model.name: local_columns(model.sql, model.where, tables) for model in models}
    declared = [(model, name, column) for model in models for name, column in model.description.follows.items()]
    assert len(declared) > 10
    unshown = [f"{m.name}: {name} by {column}" for m, name, column in declared if shown[m.name][column][name] != column]
    assert unshown == []


_PARTS = st.sampled_from(
    [
        "SELECT k, x AS v FROM a",
        "SELECT k, MAX(y) AS v FROM b GROUP BY k",
        "SELECT m AS k, z AS v FROM d WHERE z > 0",
        "SELECT x AS k, MIN(k) AS v FROM a GROUP BY x",
        "SELECT k, CAST(COUNT(*) OVER (PARTITION BY k) AS BIGINT) AS v FROM b",
        "SELECT k, CAST(COUNT(*) OVER (PARTITION BY y) AS BIGINT) AS v FROM b",
        "SELECT k, y AS v FROM b UNION ALL SELECT k, x FROM a",
        "SELECT k, y AS v FROM b EXCEPT SELECT m, z FROM d",
        "SELECT k, y AS v FROM b UNION ALL SELECT CAST(NULL AS INTEGER), z FROM d",
        "SELECT DISTINCT k, x AS v FROM a",
        "SELECT k, x AS v FROM a WHERE x IN (SELECT y FROM b WHERE k = 1)",
        "SELECT k, x AS v FROM a WHERE EXISTS (SELECT 1 FROM d WHERE d.m = a.k)",
        "SELECT MAX(k) AS k, MAX(z) AS v FROM a CROSS JOIN d",
    ]
)
_JOINS = st.sampled_from(
    [
        "INNER JOIN q ON q.k = p.k",
        "LEFT JOIN q ON q.k = p.k",
        "LEFT JOIN q ON q.k = p.k AND q.v > 1",
        "RIGHT JOIN q ON q.k = p.k",
        "FULL JOIN q ON q.k = p.k",
        "INNER JOIN q ON q.v = p.k",
        "LEFT JOIN q ON q.k = p.v",
        "INNER JOIN q ON q.k <= p.k",
        "CROSS JOIN q",
    ]
)
_SHAPES = st.sampled_from(
    [
        "SELECT {side}.k AS c, p.v AS one, q.v AS two FROM p {join}",
        "SELECT {side}.k AS c, MIN(p.v) AS one, MAX(q.v) AS two FROM p {join} GROUP BY {other}.k, {side}.k",
        "SELECT {side}.k AS c, CAST(COUNT(*) OVER (PARTITION BY {other}.k) AS BIGINT) AS one, q.v AS two FROM p {join}",
        "SELECT {side}.k AS c, MAX(q.v) OVER (PARTITION BY {side}.k) AS n FROM p {join} WHERE {other}.v > 0",
        "SELECT {side}.k AS c, q.v AS one, p.v AS two FROM p {join} WHERE p.k = q.k",
        "SELECT s.c, MAX(s.n) AS m FROM (SELECT {side}.k AS c, {other}.v AS n FROM p {join}) AS s GROUP BY 1",
    ]
)


@st.composite
def _query(draw: st.DrawFn) -> str:
    side, other = draw(st.sampled_from([("p", "q"), ("q", "p")]))
    shape = draw(_SHAPES).format(side=side, other=other, join=draw(_JOINS))
    return f"WITH p AS ({draw(_PARTS)}), q AS ({draw(_PARTS)}) {shape}"


_CELL = st.one_of(st.none(), st.integers(0, 2))
_ROWS = st.lists(st.tuples(_CELL, _CELL), max_size=5)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDBEngine]:
    running = DuckDBEngine(Path(tmp_path_factory.mktemp("scratch")), threads=1)
    yield running
    running.close()


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_query(), st.fixed_dictionaries(dict.fromkeys(TABLES, _ROWS)), st.integers(0, 2))
def test_rows_with_one_value_are_the_same_when_no_other_rows_are_there(
    engine: DuckDBEngine, sql: str, rows: dict[str, list[Any]], value: int
) -> None:
    """What is claimed of column c, for one value of it: the tables cut down to the rows that matter."""

    def answer(tables: dict[str, list[Any]]) -> Counter[Any]:
        for name, columns in TABLES.items():
            cells = {column: [row[place] for row in tables[name]] for place, column in enumerate(columns)}
            engine.register(name, pa.table({column: pa.array(found, pa.int32()) for column, found in cells.items()}))
        return Counter(tuple(row.values()) for row in engine.query(sql).to_pylist() if row["c"] == value)

    local = _local(sql)["c"]
    needed: dict[str, list[Any]] = {}
    for name, columns in TABLES.items():
        column = local.get(name)
        if name not in local:
            needed[name] = []
        elif column is None:
            needed[name] = rows[name]
        else:
            needed[name] = [row for row in rows[name] if row[columns.index(column)] == value]
    assert answer(needed) == answer(rows)
