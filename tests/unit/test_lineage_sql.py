"""The lineage of a single SELECT: every way in which a column can reach a result, and a check against the engine."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tenure.core.errors import BuildError
from tenure.engine.duckdb import DuckDBEngine
from tenure.warehouse.lineage_sql import Trace, trace

TABLES = {"a": ("k", "x", "y"), "b": ("k", "z", "w")}


def _trace(sql: str) -> Trace:
    return trace(sql, "models/m.sql", TABLES)


def _uses(sql: str, column: str) -> set[str]:
    """The uses of a column, as `a.x same`."""
    return {f"{use.table}.{use.column} {use.how}" for use in _trace(sql).columns[column]}


def _rows(sql: str) -> set[str]:
    return {f"{use.table}.{use.column} {use.how}" for use in _trace(sql).rows}


@pytest.mark.parametrize(
    ("sql", "expected"),
    {
        "a plain column": ("SELECT x AS c FROM a", {"a.x same"}),
        "an expression": ("SELECT CAST(x + y AS BIGINT) AS c FROM a", {"a.x computed", "a.y computed"}),
        "a cast": ("SELECT CAST(x AS STRING) AS c FROM a", {"a.x computed"}),
        "a constant": ("SELECT 'usage' AS c FROM a", set[str]()),
        "a sum": ("SELECT CAST(SUM(x) AS BIGINT) AS c FROM a GROUP BY k", {"a.x aggregated"}),
        "counted rows": ("SELECT COUNT(*) AS c FROM a", {"a.* aggregated"}),
        "constants added up are rows": (
            "SELECT CAST(SUM(CASE WHEN x > 0 THEN 1 ELSE 0 END) AS BIGINT) AS c FROM a",
            {"a.* aggregated", "a.x condition"},
        ),
        "counted rows of a join": (
            "SELECT COUNT(*) AS c FROM a INNER JOIN b ON a.k = b.k",
            {"a.* aggregated", "b.* aggregated"},
        ),
        "a case": (
            "SELECT CASE WHEN x > 1 THEN y ELSE k END AS c FROM a",
            {"a.x condition", "a.y computed", "a.k computed"},
        ),
        "a simple case": ("SELECT CASE x WHEN y THEN 1 END AS c FROM a", {"a.x condition", "a.y condition"}),
        "a filter of an aggregate": (
            "SELECT CAST(SUM(x) FILTER (WHERE y > 0) AS BIGINT) AS c FROM a",
            {"a.x aggregated", "a.y condition"},
        ),
        "a window": (
            "SELECT CAST(ROW_NUMBER() OVER (PARTITION BY k ORDER BY x ASC NULLS FIRST) AS BIGINT) AS c FROM a",
            {"a.k window", "a.x window"},
        ),
        "a value of another row": (
            "SELECT LAG(x) OVER (PARTITION BY k ORDER BY y ASC NULLS FIRST) AS c FROM a",
            {"a.x computed", "a.k window", "a.y window"},
        ),
        "a named window": (
            "SELECT CAST(SUM(x) OVER w AS BIGINT) AS c FROM a WINDOW w AS (PARTITION BY k ORDER BY y ASC NULLS FIRST)",
            {"a.x aggregated", "a.k window", "a.y window"},
        ),
        "a WITH query": ("WITH t AS (SELECT CAST(x + 1 AS BIGINT) AS s FROM a) SELECT s AS c FROM t", {"a.x computed"}),
        "a chain of WITH queries": (
            "WITH t AS (SELECT k, MAX(x) AS s FROM a GROUP BY k), u AS (SELECT -s AS d FROM t) SELECT d AS c FROM u",
            {"a.x aggregated"},
        ),
        "a WITH query that hides a table": ("WITH a AS (SELECT z AS x FROM b) SELECT x AS c FROM a", {"b.z same"}),
        "column names of a WITH query": ("WITH t(c, d) AS (SELECT x, y FROM a) SELECT d AS c FROM t", {"a.y same"}),
        "a subquery in FROM": ("SELECT s.c FROM (SELECT y AS c FROM a) AS s", {"a.y same"}),
        "a scalar subquery": (
            "SELECT (SELECT MAX(z) FROM b WHERE b.k = a.k) AS c FROM a",
            {"b.z aggregated", "b.k condition", "a.k condition"},
        ),
        "EXISTS": (
            "SELECT EXISTS (SELECT 1 FROM b WHERE b.k = a.k) AS c FROM a",
            {"b.k condition", "a.k condition", "b.* condition"},
        ),
        "IN with a subquery": (
            "SELECT x IN (SELECT z FROM b WHERE w > 0) AS c FROM a",
            {"a.x computed", "b.z computed", "b.w condition"},
        ),
        "UNION ALL, by place": (
            "SELECT x AS c, y FROM a UNION ALL SELECT w, z FROM b UNION ALL SELECT 1, 2",
            {"a.x same", "b.w same"},
        ),
        "a name given twice on the other side of a union": (
            "SELECT k, x AS c FROM a UNION ALL SELECT k, k FROM b",
            {"a.x same", "b.k same"},
        ),
        "EXCEPT": ("SELECT x AS c FROM a EXCEPT SELECT z FROM b", {"a.x same"}),
        "USING": ("SELECT k AS c FROM a INNER JOIN b USING (k)", {"a.k same", "b.k same"}),
        "VALUES": ("SELECT v.n AS c FROM (VALUES (1), (2)) AS v(n)", set[str]()),
        "a series": ("SELECT s.day AS c FROM day_series(CAST('2025-01-01' AS DATE), CAST('2025-01-02' AS DATE)) AS s",
            set[str](),
        ),
        "a name given by AS": ("SELECT x AS n, CAST(n + 1 AS BIGINT) AS c FROM a", {"a.x computed"}),
        "a column, before a name given by AS": ("SELECT y AS x, CAST(x + 1 AS BIGINT) AS c FROM a", {"a.x computed"}),
    }.values(),
)  # fmt: skip
def test_a_column_comes_from(sql: str, expected: set[str]) -> None:
    assert _uses(sql, "c") == expected


@pytest.mark.parametrize(
    ("sql", "expected"),
    {
        "nothing": ("SELECT x FROM a", set[str]()),
        "WHERE": ("SELECT x FROM a WHERE y > 0", {"a.y filter"}),
        "a rank in WHERE": (
            "WITH r AS (SELECT x, LAG(y) OVER (ORDER BY k ASC NULLS FIRST) AS n FROM a) SELECT x FROM r WHERE n = 1",
            {"a.k filter", "a.y filter"},
        ),
        "ON": ("SELECT x FROM a LEFT JOIN b ON a.k = b.k", {"a.k join", "b.k join"}),
        "USING": ("SELECT x FROM a INNER JOIN b USING (k)", {"a.k join", "b.k join"}),
        "GROUP BY, HAVING": ("SELECT MAX(x) AS m FROM a GROUP BY k HAVING MAX(y) > 0", {"a.k group", "a.y filter"}),
        "GROUP BY a place": ("SELECT COALESCE(x, y) AS s, MAX(k) AS m FROM a GROUP BY 1", {"a.x group", "a.y group"}),
        "DISTINCT": ("SELECT DISTINCT x FROM a", {"a.x group"}),
        "UNION": ("SELECT x FROM a UNION SELECT z FROM b", {"a.x group", "b.z group"}),
        "EXCEPT": ("SELECT x FROM a EXCEPT SELECT z FROM b", {"a.x filter", "b.z filter"}),
        "ORDER BY without LIMIT": ("SELECT x FROM a ORDER BY y ASC NULLS FIRST", set[str]()),
        "ORDER BY with LIMIT": (
            "SELECT x FROM a ORDER BY y ASC NULLS FIRST, 1 ASC NULLS FIRST LIMIT 1",
            {"a.y sort", "a.x sort"},
        ),
        "a correlated EXISTS": (
            "SELECT x FROM a WHERE NOT EXISTS (SELECT 1 FROM b WHERE b.k = a.k AND b.w > 0)",
            {"a.k filter", "b.k filter", "b.w filter", "b.* filter"},
        ),
        "a WITH query that is not read": ("WITH t AS (SELECT z FROM b WHERE w > 0) SELECT x FROM a", set[str]()),
    }.values(),
)  # fmt: skip
def test_rows_are_decided_by(sql: str, expected: set[str]) -> None:
    assert _rows(sql) == expected


def test_stars_give_the_columns_of_their_tables_in_order() -> None:
    assert list(_trace("SELECT * FROM a").columns) == ["k", "x", "y"]
    assert list(_trace("SELECT b.*, x FROM a INNER JOIN b ON a.k = b.k").columns) == ["k", "z", "w", "x"]
    assert list(_trace("SELECT * FROM a INNER JOIN b USING (k)").columns) == ["k", "x", "y", "z", "w"]
    assert _uses("WITH t AS (SELECT r.*, CAST(x + y AS BIGINT) AS s FROM a AS r) SELECT * FROM t", "y") == {"a.y same"}


@pytest.mark.parametrize("sql", ["SELECT nothing FROM a", "SELECT q.x FROM a", "SELECT x FROM nowhere"])
def test_a_name_that_nothing_has_is_refused_with_the_file(sql: str) -> None:
    with pytest.raises(BuildError, match="is not in scope") as caught:
        _trace(sql)
    assert caught.value.where == "models/m.sql"


# What stands outside a column's lineage cannot change it: held against the engine over drawn queries.

_TERMS = st.sampled_from(
    [
        "{p}.k",
        "{p}.{one}",
        "{p}.{one} + {p}.{two}",
        "COALESCE({p}.{two}, {p}.k)",
        "CASE WHEN {p}.{one} > 1 THEN {p}.{two} ELSE 7 END",
        "CASE WHEN {p}.{one} > {p}.{two} THEN 1 ELSE 0 END",
        "GREATEST({p}.{one}, 2)",
        "SUM({p}.{one}) OVER (PARTITION BY {p}.k)",
        "SUM({p}.{one}) OVER named",
        "COUNT(*) OVER (PARTITION BY {p}.{two})",
        "LAG({p}.{one}) OVER (ORDER BY {p}.k ASC NULLS FIRST, {p}.{one} ASC NULLS FIRST, {p}.{two} ASC NULLS FIRST)",
        "(SELECT MAX(q.z) FROM b AS q WHERE q.k = {p}.k AND q.w > 0)",
        "{p}.{one} IN (SELECT q.x FROM a AS q WHERE q.y > 1)",
    ]
)
_TESTS = st.sampled_from(
    ["TRUE", "{p}.{one} > 1", "{p}.{two} IS NOT NULL", "EXISTS (SELECT 1 FROM b AS q WHERE q.k = {p}.{one})"]
)


@st.composite
def _query(draw: st.DrawFn) -> str:
    """A query over a and b with a column c: joined, grouped, ranked, put together or read through WITH."""
    names = draw(st.sampled_from([{"p": "p", "one": "x", "two": "y"}, {"p": "p", "one": "y", "two": "x"}]))
    source = draw(
        st.sampled_from(
            [
                "a AS p",
                "(SELECT * FROM a WHERE x < 3) AS p",
                "a AS p INNER JOIN b AS j ON j.k = p.k AND j.z > 0",
                "a AS p LEFT JOIN b AS j ON j.w = p.x",
                "(SELECT k, z AS x, w AS y FROM b UNION ALL SELECT k, y, x FROM a) AS p",
                "(SELECT DISTINCT k, x, y FROM a) AS p",
            ]
        )
    )
    window = "WINDOW named AS (PARTITION BY p.{two} ORDER BY p.k ASC NULLS FIRST)".format(**names)
    term, test = draw(_TERMS).format(**names), draw(_TESTS).format(**names)
    plain = f"SELECT CAST({term} AS BIGINT) AS c, p.k AS d FROM {source} WHERE {test} {window}"
    return draw(
        st.sampled_from(
            [
                plain,
                f"WITH t AS ({plain}) SELECT MAX(c) AS c, d FROM t GROUP BY d HAVING COUNT(*) > 1",
                f"WITH t AS ({plain}), u AS (SELECT r.* FROM t AS r WHERE r.d > 1) SELECT d AS e, c FROM u",
                f"SELECT s.c FROM ({plain}) AS s EXCEPT SELECT w FROM b",
                f"WITH t AS ({plain}) SELECT COUNT(c) AS c FROM t",
            ]
        )
    )


_CELL = st.one_of(st.none(), st.integers(0, 3))
_ROWS = st.lists(st.tuples(_CELL, _CELL, _CELL), min_size=1, max_size=6)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDBEngine]:
    running = DuckDBEngine(Path(tmp_path_factory.mktemp("scratch")), threads=1)
    yield running
    running.close()


def _table(columns: tuple[str, ...], rows: list[tuple[int | None, ...]]) -> pa.Table:
    return pa.table({name: pa.array([row[place] for row in rows], pa.int32()) for place, name in enumerate(columns)})


def _answer(engine: DuckDBEngine, sql: str, tables: dict[str, list[tuple[int | None, ...]]]) -> Counter[Any]:
    for name, rows in tables.items():
        engine.register(name, _table(TABLES[name], rows))
    return Counter(engine.query(sql)["c"].to_pylist())


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_query(), _ROWS, _ROWS, st.data())
def test_a_column_outside_the_lineage_cannot_change_the_result(
    engine: DuckDBEngine, sql: str, a: list[Any], b: list[Any], data: st.DataObject
) -> None:
    made = _trace(sql)
    used = {(use.table, use.column) for use in (*made.columns["c"], *made.rows)}
    before = _answer(engine, sql, {"a": a, "b": b})
    changed: dict[str, list[tuple[int | None, ...]]] = {"a": a, "b": b}
    for name, columns in TABLES.items():
        free = {place for place, column in enumerate(columns) if (name, column) not in used}
        changed[name] = [
            tuple(data.draw(_CELL) if place in free else cell for place, cell in enumerate(row))
            for row in changed[name]
        ]
    assert _answer(engine, sql, changed) == before
