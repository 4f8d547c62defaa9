"""SQL outside the common subset is refused with the place, what stands there and what to write instead."""

import re

import pytest

from tenure.core.errors import BuildError
from tenure.engine import dialect, subset
from tenure.warehouse.models import ProjectTypes, read_models
from tenure.warehouse.reports import read_report, report_names

ACCEPTED = {
    "casts around sums": "SELECT a, CAST(SUM(b) AS BIGINT) AS s FROM t GROUP BY a HAVING SUM(b) > 0",
    "the newest row per key": (
        "WITH r AS (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY l DESC NULLS LAST) AS place FROM t)"
        " SELECT k, l FROM r WHERE place = 1"
    ),
    "ratios": "SELECT CAST(SUM(x) AS DOUBLE) / NULLIF(COUNT(x), 0) AS r, 1e2 * a / NULLIF(b, 0) AS p FROM t GROUP BY a",
    "a ratio to a group's rows": "SELECT a, CAST(SUM(x) AS DOUBLE) / CAST(COUNT(*) AS DOUBLE) AS r FROM t GROUP BY a",
    "an average within a window": (
        "SELECT a, CAST(SUM(x) OVER (PARTITION BY a) AS DOUBLE) / NULLIF(COUNT(x) OVER (PARTITION BY a), 0) AS r FROM t"
    ),
    "a median of cents": "SELECT MEDIAN(CAST(x * 100 AS BIGINT)) / 100e0 AS m FROM t",
    "a named window": "SELECT LAG(x) OVER w AS before FROM t WINDOW w AS (PARTITION BY a ORDER BY b NULLS LAST)",
    "a typed NULL": "SELECT CAST(NULL AS DATE) AS d FROM t",
    "a NULL whose type the other side gives": "SELECT a FROM t UNION ALL SELECT NULL",
    "whole numbers added": "SELECT COUNT(*) + 1 AS n FROM t",
    "doubles multiplied": "SELECT a * 2e0 AS x FROM t",
    "shims": "SELECT stable_id('a', k) AS id, days_between(a, b) AS d, month_start(a) AS m FROM t",
    "days": "SELECT day FROM day_series(DATE '2024-01-01', CAST('2024-02-01' AS DATE)) AS s",
    "rounding down": "SELECT CAST(FLOOR(CAST(x AS DECIMAL(18,2))) AS BIGINT) AS n FROM t",
    "ORDER BY within a subquery's window": (
        "SELECT x FROM (SELECT x, COUNT(*) OVER (ORDER BY a NULLS FIRST, b DESC NULLS LAST) AS n FROM t) AS s"
        " ORDER BY CASE WHEN x IN (1, 2) THEN 0 ELSE 1 END NULLS LAST, x NULLS LAST LIMIT 3"
    ),
    "a comment that mentions :: and ROUND(": "SELECT a -- not x::INT, nor ROUND(x)\nFROM t",
    "a column named like a type": 'SELECT a AS "text", b AS date_ FROM t',
}

REFUSED = {
    # constructs
    "SELECT a FROM t QUALIFY ROW_NUMBER() OVER (ORDER BY a NULLS LAST) = 1": ("QUALIFY", "ROW_NUMBER"),
    "SELECT a FROM t GROUP BY ALL": ("GROUP BY ALL", "name the grouping"),
    "SELECT a FROM t GROUP BY ROLLUP (a)": ("ROLLUP", ""),
    "SELECT * EXCLUDE (a) FROM t": ("EXCLUDE", "name the columns"),
    "SELECT * REPLACE (1 AS a) FROM t": ("REPLACE", "name the columns"),
    "SELECT COLUMNS('a.*') FROM t": ("COLUMNS", ""),
    "SELECT DISTINCT ON (a) a, b FROM t": ("DISTINCT ON", "ROW_NUMBER"),
    "SELECT a FROM t LIMIT 5": ("LIMIT without ORDER BY", "ORDER BY"),
    "SELECT a FROM t USING SAMPLE 3": ("TABLESAMPLE", "same tables every time"),
    "SELECT a FROM t CROSS JOIN LATERAL (SELECT 1 AS b) AS s": ("LATERAL", "subquery"),
    "SELECT a FROM t, u": ("join without a condition", "CROSS JOIN"),
    "SELECT a FROM t NATURAL JOIN u": ("NATURAL JOIN", "JOIN … ON"),
    "SELECT a FROM t ASOF JOIN u ON t.a >= u.a": ("ASOF JOIN", "JOIN … ON"),
    "SELECT a FROM t SEMI JOIN u ON t.a = u.a": ("SEMI JOIN", "EXISTS"),
    "SELECT a FROM t ANTI JOIN u ON t.a = u.a": ("ANTI JOIN", "NOT EXISTS"),
    "SELECT a FROM t UNION ALL BY NAME SELECT b FROM u": ("BY NAME", "same order"),
    "WITH RECURSIVE r AS (SELECT 1 AS x) SELECT x FROM r": ("WITH RECURSIVE", "model"),
    "WITH r AS MATERIALIZED (SELECT 1 AS x) SELECT x FROM r": ("MATERIALIZED", "leave"),
    "FROM t": ("starts with FROM", "SELECT"),
    "SELECT a FROM read_parquet('x')": ("READ_PARQUET", "tenure ingest"),
    "SELECT a FROM 'x.parquet'": ("file", "tenure ingest"),
    "SELECT a FROM s.t": ("schema", "tenure ingest"),
    "SELECT a FROM range(5) AS r(a)": ("GENERATE_SERIES", "day_series"),
    "SELECT [1, 2] AS l": ("ARRAY", "one row per element"),
    "SELECT a[1] AS l FROM t": ("BRACKET", ""),
    "SELECT UNNEST(a) AS l FROM t": ("EXPLODE", "one row per element"),
    "SELECT a FROM t WHERE (a, b) IN (SELECT 1, 2)": ("row of values", "one by one"),
    "SELECT a FROM t WHERE a ILIKE 'x'": ("ILIKE", "lower_ascii"),
    "SELECT a FROM t WHERE a LIKE b": ("LIKE", "matches"),
    "SELECT a FROM t WHERE a LIKE 'x!%' ESCAPE '!'": ("ESCAPE", ""),
    r"SELECT a FROM t WHERE a = 'x\y'": ("backslash", "leave"),
    "SELECT $1 AS a": ("PLACEHOLDER", ""),
    "SELECT a // b AS c FROM t": ("INTDIV", "FLOOR"),
    "SELECT LAST_VALUE(a IGNORE NULLS) OVER (ORDER BY b NULLS LAST) AS c FROM t": ("IGNORENULLS", "subquery"),
    "SELECT COUNT(*) OVER (ORDER BY a NULLS LAST GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW) AS c FROM t": (
        "GROUPS",
        "ROWS",
    ),
    # text
    "SELECT a::INTEGER AS b FROM t": ("::", "CAST(x AS type)"),
    "SELECT CAST(a AS VARCHAR) AS b FROM t": ("VARCHAR", "STRING"),
    "SELECT CAST(a AS INT) AS b FROM t": ("INT", "INTEGER"),
    "SELECT CAST(a AS DECIMAL) AS b FROM t": ("DECIMAL without precision", "DECIMAL(18,2)"),
    "SELECT CAST(a AS HUGEINT) AS b FROM t": ("INT128", "BIGINT"),
    "SELECT a FROM t ORDER BY a": ("NULLS FIRST or NULLS LAST", "NULLS LAST"),
    "SELECT a FROM t ORDER BY a NULLS LAST, b DESC": ("NULLS FIRST or NULLS LAST", "NULLS LAST"),
    "SELECT MAX(a) OVER (ORDER BY b) AS c FROM t": ("NULLS FIRST or NULLS LAST", "NULLS LAST"),
    # functions
    "SELECT ROUND(a, 2) AS b FROM t": ("ROUND", "to_cents"),
    "SELECT AVG(a) AS b FROM t": ("AVG", "CAST(SUM(x) AS DOUBLE)"),
    "SELECT CONCAT(a, b) AS c FROM t": ("CONCAT", "||"),
    "SELECT LOG(a) AS b FROM t": ("LOG", "predictor"),
    "SELECT POWER(a, 2) AS b FROM t": ("POWER", "power_of"),
    "SELECT quantile_cont(a, 0.5) AS b FROM t": ("PERCENTILE_CONT", "MEDIAN"),
    "SELECT MAX_BY(a, b) AS c FROM t": ("ARG_MAX", "ROW_NUMBER"),
    "SELECT ANY_VALUE(a) AS c FROM t": ("ANY_VALUE", "MIN(x)"),
    "SELECT LOWER(a) AS b FROM t": ("LOWER", "lower_ascii"),
    "SELECT UPPER(a) AS b FROM t": ("UPPER", "lower_ascii"),
    "SELECT IF(a, 1, 2) AS b FROM t": ("IF", "CASE WHEN"),
    "SELECT date_trunc('month', a) AS b FROM t": ("TRUNC", "month_start"),
    "SELECT date_diff('day', a, b) AS c FROM t": ("DATE", "days_between"),
    "SELECT strftime(a, '%Y') AS b FROM t": ("TIME_TO_STR", "SUBSTR"),
    "SELECT a + INTERVAL 1 DAY AS b FROM t": ("INTERVAL", "add_days_to"),
    "SELECT CURRENT_DATE AS b": ("CURRENT_DATE", "settings"),
    "SELECT now() AS b": ("NOW", "settings"),
    "SELECT random() AS b": ("RAND", "same tables every time"),
    "SELECT list(a) AS b FROM t": ("ARRAY_AGG", "one row per element"),
    "SELECT YEAR(a) AS b FROM t": ("YEAR", "EXTRACT(YEAR FROM d)"),
    "SELECT TRIM(a) AS b FROM t": ("TRIM", "TRIM(BOTH ' ' FROM x)"),
    "SELECT SUBSTR(a, 0, 2) AS b FROM t": ("SUBSTR from 0", "SUBSTR(x, 1, n)"),
    "SELECT CAST(EXTRACT(DOW FROM a) AS INTEGER) AS b FROM t": ("DOW", "iso_dow"),
    "SELECT frobnicate(a) AS b FROM t": ("FROBNICATE", "use ABS"),
    "SELECT COUNT(DISTINCT a, b) AS c FROM t": ("COUNT of several", "SELECT DISTINCT"),
    "SELECT MAX(a, 3) AS c FROM t": ("MAX", "GREATEST"),
    "SELECT CAST(SUM(DISTINCT a) AS BIGINT) AS c FROM t": ("SUM", "SUM(x)"),
    "SELECT LAST_DAY(a, month) AS c FROM t": ("LAST_DAY", "LAST_DAY(x)"),
    # casts and arithmetic whose result depends on the engine
    "SELECT CAST(2.5 AS INTEGER) AS a": ("rounds in DuckDB and cuts in Spark", "FLOOR"),
    "SELECT CAST(CAST(a AS DOUBLE) / 2 AS BIGINT) AS b FROM t": ("rounds in DuckDB", "FLOOR"),
    "SELECT CAST(hours_between(a, b) AS INTEGER) AS c FROM t": ("rounds in DuckDB", "FLOOR"),
    "SELECT CAST(CASE WHEN a THEN 1.5 ELSE 2 END AS INTEGER) AS c FROM t": ("rounds in DuckDB", "FLOOR"),
    "SELECT CAST(SUBSTR(a, 1, 4) AS INTEGER) AS b FROM t": ("takes '2.5' in DuckDB only", "contract"),
    "SELECT CAST(1e0 AS DECIMAL(18,2)) AS a": ("DOUBLE to DECIMAL", "to_cents"),
    "SELECT CAST(a / 2e0 AS STRING) AS b FROM t": ("written differently", "to_cents"),
    "SELECT 'x' || (a * 1e0) AS b FROM t": ("written differently", "to_cents"),
    "SELECT TRY_CAST(a AS DATE) AS b FROM t": ("TRY_CAST", "contract"),
    "SELECT CAST(a AS TIME) AS b FROM t": ("TIME", "TIMESTAMP"),
    "SELECT a / 100e0 AS x, a / b AS y FROM t": ("anything but a DOUBLE", "CAST(a AS DOUBLE)"),
    "SELECT CAST(a AS DOUBLE) / b AS x FROM t": ("by zero", "NULLIF(b, 0)"),
    "SELECT CAST(SUM(a) AS DOUBLE) / COUNT(*) AS x FROM t": ("by zero", "NULLIF(b, 0)"),
    "SELECT 1e0 / 0 AS x": ("by zero", "NULLIF(b, 0)"),
    "SELECT SUM(CAST(a AS DOUBLE)) AS x FROM t": ("order of the rows", "decimals"),
    "SELECT MEDIAN(a) AS x FROM t": ("last digit", "CAST(x * 100 AS BIGINT)"),
    "SELECT CAST(FLOOR(a) AS BIGINT) AS x FROM t": ("goes through DOUBLE", "CAST(x AS"),
    "SELECT CAST(a AS DATE) - 1 AS x FROM t": ("- with a date", "add_days_to"),
    "SELECT ROW_NUMBER() OVER (PARTITION BY a) AS x FROM t": ("ROW_NUMBER without ORDER BY", "ORDER BY"),
    "SELECT LAG(a) OVER w AS x FROM t WINDOW w AS (PARTITION BY b)": ("LAG without ORDER BY", "ORDER BY"),
    # types that would leave the model
    "SELECT SUM(a) AS s FROM t": ("column s comes from SUM", "CAST"),
    "SELECT COALESCE(SUM(a), 0) AS s FROM t": ("column s comes from SUM", "CAST"),
    "SELECT EXTRACT(YEAR FROM a) AS y FROM t": ("column y comes from EXTRACT", "CAST"),
    "SELECT LENGTH(a) AS l FROM t": ("column l comes from LENGTH", "CAST"),
    "SELECT a + b AS c FROM t": ("column c comes from +", "CAST"),
    "SELECT NULL AS n FROM t": ("column n comes from a NULL without a type", "CAST"),
    "WITH r AS (SELECT *, ROW_NUMBER() OVER (ORDER BY a NULLS LAST) AS place FROM t) SELECT * FROM r": (
        "column place comes from ROW_NUMBER",
        "CAST",
    ),
    "SELECT s.total FROM (SELECT SUM(a) AS total FROM t) AS s": ("column total comes from SUM", "CAST"),
    "SELECT a FROM t UNION ALL SELECT LENGTH(b) FROM t": ("column a comes from LENGTH", "CAST"),
    # not one SELECT
    "DELETE FROM t": ("not DELETE", "Tenure creates"),
    "CREATE TABLE u AS SELECT 1 AS a": ("not CREATE", "Tenure creates"),
    "MERGE INTO t USING u ON t.a = u.a WHEN MATCHED THEN DELETE": ("not MERGE", "Tenure creates"),
    "SELECT 1 AS a; SELECT 2 AS b": ("2 statements", "one SELECT"),
    "": ("0 statements", "one SELECT"),
    "SELECT FROM WHERE": ("not SQL", "syntax"),
    "SELECT 'open": ("not SQL", "syntax"),
}


@pytest.mark.parametrize("sql", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_sql_inside_the_subset_is_accepted(sql: str) -> None:
    assert dialect.parse(sql, "models/a.sql").sql("duckdb")


@pytest.mark.parametrize(("sql", "expected"), REFUSED.items(), ids=REFUSED.keys())
def test_sql_outside_the_subset_is_named_with_its_cure(sql: str, expected: tuple[str, str]) -> None:
    with pytest.raises(BuildError) as caught:
        dialect.parse(sql, "models/a.sql")
    what, cure = expected
    assert str(caught.value).startswith("models/a.sql")
    assert what in caught.value.what
    assert cure in str(caught.value)


OWN_SQL = {
    **{model.where: model.sql for model in read_models(ProjectTypes({}, {}))},
    **{f"warehouse/sql/reports/{name}.sql": read_report(name)[1] for name in report_names()},
}


@pytest.mark.parametrize(("where", "sql"), OWN_SQL.items(), ids=OWN_SQL.keys())
def test_every_model_and_report_of_ours_is_inside_the_subset(where: str, sql: str) -> None:
    dialect.parse(sql, where)


def test_every_problem_is_named_with_its_line() -> None:
    sql = "SELECT\n  ROUND(a, 2) AS b,\n  CURRENT_DATE AS c\nFROM t\nORDER BY b\nLIMIT 3"
    with pytest.raises(BuildError) as caught:
        dialect.parse(sql, "models/a.sql")
    lines = re.findall(r"line (\d+): (\w+)", caught.value.what)
    assert ("2", "ROUND") in lines
    assert ("3", "CURRENT_DATE") in lines
    assert ("5", "ORDER") in lines


def test_a_single_problem_names_its_line_as_the_place() -> None:
    with pytest.raises(BuildError) as caught:
        dialect.parse("SELECT a,\n  AVG(b) AS c\nFROM t GROUP BY a", "models/a.sql")
    assert caught.value.where == "models/a.sql:2"


def test_cures_are_for_what_is_not_allowed() -> None:
    allowed = {*subset.FUNCTIONS.values(), *subset.SHIM_NAMES, *subset.OPERATORS.values(), *subset.CLAUSES.values()}
    assert not allowed & subset.CURES.keys()
