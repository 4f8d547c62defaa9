"""DuckDB and Spark give the same values and the same types for everything that a model may use."""

import pyarrow as pa
import pytest

from tenure.core.errors import BuildError
from tenure.engine import dialect, subset
from tenure.engine.protocol import Engine
from tests.engines.parity_cases import CASES, REFUSED_BY_BOTH
from tests.engines.parity_samples import samples

pytestmark = pytest.mark.needs("java")

QUERIES = [
    pytest.param(sql, id=f"{name}-{number}") for name, queries in CASES.items() for number, sql in enumerate(queries)
]


@pytest.fixture(scope="module")
def engines(duckdb_engine: Engine, spark_engine: Engine) -> tuple[Engine, Engine]:
    for engine in (duckdb_engine, spark_engine):
        engine.register("samples", samples())
    return duckdb_engine, spark_engine


def cells(table: pa.Table) -> list[str]:
    """Rows as text that tells 0.0 from -0.0, 1.5 from 1.50 and NULL from 'None'."""
    return [repr(tuple(row.values())) for row in table.to_pylist()]


def test_everything_allowed_has_a_case_and_nothing_else_has() -> None:
    casts = {f"CAST AS {name}" for name in subset.CAST_TYPES.values()}
    allowed = {*subset.FUNCTIONS.values(), *subset.SHIM_NAMES, *subset.OPERATORS.values(), *subset.CLAUSES.values()}
    assert CASES.keys() == allowed | casts
    assert all(CASES.values())


@pytest.mark.parametrize("sql", QUERIES)
def test_both_engines_agree(engines: tuple[Engine, Engine], sql: str) -> None:
    dialect.parse(sql, "parity case")
    duckdb_answer, spark_answer = (engine.query(sql) for engine in engines)
    assert duckdb_answer.schema == spark_answer.schema
    assert cells(duckdb_answer) == cells(spark_answer)


def test_both_engines_name_every_type_alike(engines: tuple[Engine, Engine]) -> None:
    casts = [f"CAST(NULL AS {name.replace('(p,s)', '(18,2)')}) AS c{place}" for place, name in enumerate(subset.TYPES)]
    for engine in engines:
        engine.view("parity_view", f"SELECT {', '.join(casts)}")
        assert [column.type for column in engine.columns("parity_view")] == [
            name.replace("(p,s)", "(18,2)") for name in subset.TYPES
        ]


@pytest.mark.parametrize("sql", REFUSED_BY_BOTH.values(), ids=REFUSED_BY_BOTH.keys())
def test_both_engines_refuse(engines: tuple[Engine, Engine], sql: str) -> None:
    for engine in engines:
        with pytest.raises(BuildError):
            engine.query(sql)


@pytest.mark.parametrize(
    ("sql", "duckdb_says", "spark_says"),
    [
        ("SELECT CAST(2.5 AS INTEGER) AS c", 3, 2),
        ("SELECT UPPER('ß') AS c", "ẞ", "SS"),
        ("SELECT MEDIAN(x) AS c FROM (VALUES (192600.41e0), (192600.43e0)) AS v(x)", None, None),
        ("SELECT LENGTH(TRIM(s)) AS c FROM samples WHERE n = 10", 2, 4),
        ("SELECT i AS c FROM samples ORDER BY i LIMIT 1", -2147483647, None),
    ],
)
def test_what_is_forbidden_does_differ(
    engines: tuple[Engine, Engine], sql: str, duckdb_says: object, spark_says: object
) -> None:
    with pytest.raises(BuildError):
        dialect.parse(sql, "forbidden")
    said = [engine.query(sql).column("c")[0].as_py() for engine in engines]
    if duckdb_says is not None:
        assert said == [duckdb_says, spark_says]


def test_names_in_double_quotes_and_texts_with_dollars_mean_the_same(engines: tuple[Engine, Engine]) -> None:
    sql = """SELECT "i" AS "Groß", '${i}' AS literal, 'it''s' AS quoted FROM samples WHERE n = 3"""
    for engine in engines:
        assert engine.query(sql).to_pylist() == [{"Groß": 1, "literal": "${i}", "quoted": "it's"}]
