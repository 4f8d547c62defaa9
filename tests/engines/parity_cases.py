"""What the common subset allows, each with expressions and queries whose answers must agree between the engines.

Expressions are evaluated on each row of `samples` (parity_samples.py). Keys are the names that
`tenure.engine.subset` lists; "CAST AS …" stands for a target type.
"""


def over_rows(*expressions: str) -> str:
    """A query that evaluates the expressions on every row of `samples`."""
    columns = ", ".join(f"{expression} AS c{place}" for place, expression in enumerate(expressions))
    return f"SELECT n, {columns} FROM samples ORDER BY n NULLS LAST"


def over_all(*expressions: str, tail: str = "") -> str:
    """A query that evaluates aggregates over `samples`."""
    columns = ", ".join(f"{expression} AS c{place}" for place, expression in enumerate(expressions))
    return f"SELECT {columns} FROM samples {tail}"


_WINDOW = "(PARTITION BY t ORDER BY n NULLS LAST)"
# Spark's own minus rounds a number of more than 34 digits.
_TO_34_DIGITS = "(SELECT * FROM samples WHERE n <> 8)"
_LETTERS = "(VALUES ('a'), ('Z'), ('é'), ('ab'), ('A'), (NULL)) AS v(x)"

CASES: dict[str, list[str]] = {
    # casts, by target
    "CAST AS STRING": [
        over_rows("CAST(i AS STRING)", "CAST(b AS STRING)", "CAST(d AS STRING)", "CAST(w AS STRING)"),
        over_rows("CAST(t AS STRING)", "CAST(day AS STRING)", "CAST(moment AS STRING)", "CAST(s AS STRING)"),
    ],
    "CAST AS BIGINT": [
        over_rows("CAST(i AS BIGINT)", "CAST(t AS BIGINT)", "CAST(b AS BIGINT)", "CAST(NULL AS BIGINT)")
    ],
    "CAST AS INTEGER": [over_rows("CAST(t AS INTEGER)", "CAST(i AS INTEGER)", "CAST(NULL AS INTEGER)")],
    "CAST AS DECIMAL": [
        over_rows("CAST(d AS DECIMAL(18,1))", "CAST(d AS DECIMAL(18,0))", "CAST(d AS DECIMAL(38,10))"),
        over_rows("CAST(w AS DECIMAL(36,2))", "CAST(w AS DECIMAL(38,0))", "CAST(b AS DECIMAL(38,2))"),
        over_rows("CAST(CAST(w AS STRING) AS DECIMAL(36,2))", "CAST(t AS DECIMAL(5,2))", "CAST(i AS DECIMAL(18,2))"),
    ],
    "CAST AS DOUBLE": [
        over_rows("CAST(i AS DOUBLE)", "CAST(b AS DOUBLE)", "CAST(d AS DOUBLE)", "CAST(w AS DOUBLE)"),
        over_rows("CAST(CAST(w AS STRING) AS DOUBLE)", "CAST(f AS DOUBLE)", "CAST(t AS DOUBLE)"),
    ],
    "CAST AS BOOLEAN": [over_rows("CAST(i AS BOOLEAN)", "CAST(b AS BOOLEAN)", "CAST(CAST(t AS STRING) AS BOOLEAN)")],
    "CAST AS DATE": [over_rows("CAST(moment AS DATE)", "CAST(CAST(day AS STRING) AS DATE)", "DATE '2024-02-29'")],
    "CAST AS TIMESTAMP": [
        over_rows("CAST(day AS TIMESTAMP)", "CAST(CAST(moment AS STRING) AS TIMESTAMP)", "CAST(moment AS TIMESTAMP)"),
        "SELECT TIMESTAMP '2024-02-29 01:02:03.000004' AS a, CAST('2024-02-29' AS TIMESTAMP) AS b",
    ],
    # operators
    "+": [
        over_rows(
            "CAST(i + 0 AS INTEGER)",
            "CAST(d + 1 AS DECIMAL(19,2))",
            "f + 1e0",
            "CAST(i AS BIGINT) + 1",
            "CAST(d AS DOUBLE) + f",
        )
    ],
    "-": [over_rows("CAST(d - 1 AS DECIMAL(19,2))", "f - 0.1e0", "CAST(i AS BIGINT) - 10", "CAST(i - i AS INTEGER)")],
    "*": [
        over_rows(
            "CAST(CAST(d AS DECIMAL(38,2)) * 3 AS DECIMAL(38,2))",
            "f * 1.1e0",
            "CAST(i AS BIGINT) * -2",
            "CAST(d AS DOUBLE) * f",
        ),
        # the product keeps its scale: nothing is rounded away to fit
        (
            "SELECT CAST(CAST(9999999999.99999999 AS DECIMAL(38,8)) * CAST(1.00000001 AS DECIMAL(18,8))"
            " AS DECIMAL(38,16)) AS c"
        ),
    ],
    "/": [
        over_rows("CAST(i AS DOUBLE) / NULLIF(b, 0)", "100e0 * d / 7", "d / 3e0", "CAST(d AS DOUBLE) / NULLIF(f, 0)"),
        over_all("CAST(SUM(CAST(d AS DECIMAL(18,2))) AS DOUBLE) / NULLIF(COUNT(d), 0)"),
        over_all("CAST(SUM(d) AS DOUBLE) / COUNT(*)", tail="GROUP BY t ORDER BY c0 NULLS LAST"),
    ],
    "%": [
        over_rows(
            "CAST(i % 3 AS INTEGER)", "CAST(b % 7 AS BIGINT)", "CAST(i % -3 AS INTEGER)", "CAST(d % 2 AS DECIMAL(18,2))"
        )
    ],
    "- (sign)": [over_rows("-i", "-b", "-d", "-f", "-CAST(w AS DECIMAL(36,2))").replace("samples", _TO_34_DIGITS)],
    "||": [over_rows("s || '|'", "i || s", "d || 'x'", "s || CAST(NULL AS STRING)", "day || ' ' || t")],
    "=": [
        over_rows("i = 1", "i = b", "d = 2.5", "s = 'A'", "s = ' a'", "day = moment", "f = 0", "t = TRUE", "i = NULL")
    ],
    "<>": [over_rows("i <> 1", "s <> 'A'", "d <> f", "NOT (i <> 7)")],
    "<": [over_rows("i < 1", "i < d", "s < 'a'", "day < moment", "f < 0", "t < TRUE")],
    "<=": [over_rows("i <= 1", "s <= 'A'", "day <= moment")],
    ">": [over_rows("i > 1", "s > 'A'", "f > d", "day > DATE '2000-01-01'")],
    ">=": [over_rows("i >= 1", "s >= 'A'", "moment >= TIMESTAMP '2024-02-29 12:34:56.789'")],
    "IS NOT DISTINCT FROM": [over_rows("i IS NOT DISTINCT FROM NULL", "i IS NOT DISTINCT FROM 1")],
    "IS DISTINCT FROM": [over_rows("i IS DISTINCT FROM NULL", "s IS DISTINCT FROM 'A'", "t IS DISTINCT FROM TRUE")],
    "AND": [over_rows("t AND TRUE", "t AND FALSE", "t AND i > 0", "t AND NULL")],
    "OR": [over_rows("t OR TRUE", "t OR FALSE", "t OR i > 0", "t OR NULL")],
    "NOT": [over_rows("NOT t", "NOT (i > 0)")],
    "IS": [over_rows("i IS NULL", "s IS NOT NULL", "t IS TRUE", "t IS NOT FALSE", "t IS NOT TRUE")],
    "IN": [
        over_rows("i IN (1, NULL)", "i NOT IN (1, 7)", "i NOT IN (1, NULL)", "s IN ('A', ' a ')", "d IN (2.5)"),
        "SELECT n FROM samples WHERE i NOT IN (SELECT i FROM samples) ORDER BY n NULLS LAST",
        "SELECT n FROM samples WHERE i IN (SELECT i FROM samples WHERE t) ORDER BY n NULLS LAST",
    ],
    "BETWEEN": [
        over_rows("i BETWEEN -1 AND 7", "i NOT BETWEEN 0 AND NULL", "day BETWEEN DATE '1970-01-01' AND moment")
    ],
    "LIKE": [over_rows("s LIKE '%a%'", "s LIKE '_'", "s LIKE 'A%'", "s NOT LIKE '%'", "s LIKE '%b_c'", "s LIKE ''")],
    # functions
    "ABS": [
        over_rows("ABS(i)", "ABS(b)", "ABS(d)", "ABS(f)", "ABS(CAST(w AS DECIMAL(36,2)))").replace(
            "samples", _TO_34_DIGITS
        )
    ],
    "CASE": [
        over_rows("CASE WHEN t THEN i END", "CASE WHEN i > 0 THEN 'plus' WHEN i < 0 THEN 'minus' ELSE 'none' END"),
        over_rows(
            "CASE i WHEN 1 THEN d WHEN 7 THEN 0 ELSE NULL END", "CASE WHEN t THEN day ELSE DATE '1970-01-01' END"
        ),
    ],
    "CAST": [over_rows("CAST(CAST(i AS STRING) || '.5' AS DECIMAL(18,1))")],
    "CEIL": [over_rows("CAST(CEIL(CAST(d AS DECIMAL(18,2))) AS BIGINT)", "CAST(CEIL(CAST(f AS DOUBLE)) AS BIGINT)")],
    "COALESCE": [
        over_rows("COALESCE(i, 0)", "COALESCE(d, 0)", "COALESCE(s, 'none')", "COALESCE(NULL, i, n)", "COALESCE(f, 0)")
    ],
    "COUNT": [
        over_all("COUNT(*)", "COUNT(i)", "COUNT(DISTINCT t)", "COUNT(DISTINCT s)", "COUNT(CASE WHEN t THEN 1 END)"),
        over_all("COUNT(*)", "COUNT(i)", tail="WHERE n > 99"),
    ],
    "DENSE_RANK": [over_rows("CAST(DENSE_RANK() OVER (ORDER BY t NULLS LAST) AS INTEGER)")],
    "EXISTS": [
        "SELECT n FROM samples AS a WHERE EXISTS (SELECT 1 FROM samples AS b WHERE b.i = a.n) ORDER BY n NULLS LAST",
        "SELECT n FROM samples a WHERE NOT EXISTS (SELECT 1 FROM samples AS b WHERE b.i = a.n) ORDER BY n NULLS FIRST",
    ],
    "EXTRACT": [
        over_rows(
            *(f"CAST(EXTRACT({part} FROM day) AS INTEGER)" for part in ("YEAR", "QUARTER", "MONTH", "WEEK", "DAY")),
            *(f"CAST(EXTRACT({part} FROM moment) AS INTEGER)" for part in ("YEAR", "MONTH", "DAY", "HOUR", "MINUTE")),
        )
    ],
    "FIRST_VALUE": [over_rows(f"FIRST_VALUE(i) OVER {_WINDOW}", "FIRST_VALUE(s) OVER (ORDER BY n DESC NULLS LAST)")],
    "FLOOR": [
        over_rows("CAST(FLOOR(CAST(d AS DECIMAL(18,2))) AS BIGINT)", "CAST(FLOOR(CAST(f AS DOUBLE)) AS INTEGER)"),
        over_rows("CAST(FLOOR(CAST(i AS DOUBLE) / 2) AS BIGINT)"),
    ],
    "GREATEST": [
        over_rows("GREATEST(i, 1)", "GREATEST(d, 0)", "GREATEST(s, 'a')", "GREATEST(NULL, day)", "GREATEST(i, b)")
    ],
    "LAG": [over_rows(f"LAG(i) OVER {_WINDOW}", f"LAG(d, 2) OVER {_WINDOW}", f"LAG(i, 1, 0) OVER {_WINDOW}")],
    "LAST_DAY": [over_rows("LAST_DAY(day)", "LAST_DAY(CAST(moment AS DATE))")],
    "LAST_VALUE": [
        over_rows(
            f"LAST_VALUE(i) OVER {_WINDOW}",
            "LAST_VALUE(i) OVER (ORDER BY n NULLS LAST ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)",
        )
    ],
    "LEAD": [over_rows(f"LEAD(s) OVER {_WINDOW}", f"LEAD(day, 2) OVER {_WINDOW}", f"LEAD(i, 1, 0) OVER {_WINDOW}")],
    "LEAST": [over_rows("LEAST(i, 1)", "LEAST(d, 0)", "LEAST(s, 'a')", "LEAST(NULL, day)")],
    "LENGTH": [over_rows("CAST(LENGTH(s) AS INTEGER)")],
    "BOOL_AND": [over_all("BOOL_AND(t)", "BOOL_AND(i > 0)"), over_all("BOOL_AND(t)", tail="WHERE t IS NULL")],
    "BOOL_OR": [over_all("BOOL_OR(t)", "BOOL_OR(i > 0)"), over_all("BOOL_OR(t)", tail="WHERE t IS NULL")],
    "MAX": [
        over_all("MAX(i)", "MAX(b)", "MAX(d)", "MAX(w)", "MAX(f)", "MAX(s)", "MAX(t)", "MAX(day)", "MAX(moment)"),
        f"SELECT MAX(x) AS c FROM {_LETTERS}",
    ],
    "MEDIAN": [
        over_all("MEDIAN(CAST(i AS BIGINT))", tail="WHERE i BETWEEN -7 AND 100"),
        over_all("MEDIAN(CAST(d * 100 AS BIGINT)) / 100e0", tail="WHERE ABS(d) < 100"),
        over_all("MEDIAN(CAST(i AS INTEGER))", tail="WHERE i IS NULL"),
        over_all("MEDIAN(CAST(n AS BIGINT))", tail="GROUP BY t ORDER BY c0 NULLS LAST"),
    ],
    "MIN": [
        over_all("MIN(i)", "MIN(b)", "MIN(d)", "MIN(w)", "MIN(f)", "MIN(s)", "MIN(t)", "MIN(day)", "MIN(moment)"),
        f"SELECT MIN(x) AS c FROM {_LETTERS}",
    ],
    "NULLIF": [over_rows("NULLIF(i, 1)", "NULLIF(s, '')", "NULLIF(d, 0)", "NULLIF(i, NULL)")],
    "RANK": [over_rows("CAST(RANK() OVER (ORDER BY t NULLS LAST) AS INTEGER)")],
    "REPLACE": [
        over_rows("REPLACE(s, 'a', 'x')", "REPLACE(s, '', 'x')", "REPLACE(s, 'a', '')", "REPLACE(s, 'a', NULL)")
    ],
    "ROW_NUMBER": [
        over_rows(f"CAST(ROW_NUMBER() OVER {_WINDOW} AS BIGINT)"),
        (
            "SELECT n, s FROM (SELECT n, s, ROW_NUMBER() OVER (PARTITION BY t ORDER BY n DESC NULLS LAST) AS place"
            " FROM samples) AS numbered WHERE place = 1 ORDER BY n NULLS LAST"
        ),
    ],
    "SUBSTR": [
        over_rows("SUBSTR(s, 1, 1)", "SUBSTR(s, 2)", "SUBSTR(s, 2, 3)", "SUBSTR(s, 9, 1)", "SUBSTR(s, 1, 0)"),
        over_rows("SUBSTR(CAST(day AS STRING), 1, 7)", "SUBSTRING(s, 1, 2)"),
    ],
    "SUM": [
        over_all(
            "CAST(SUM(i) AS BIGINT)", "CAST(SUM(d) AS DECIMAL(38,2))", "CAST(SUM(CASE WHEN t THEN 1 END) AS BIGINT)"
        ),
        over_all("CAST(SUM(i) AS BIGINT)", "CAST(SUM(d) AS DECIMAL(18,2))", tail="WHERE n > 99"),
        over_rows(f"CAST(SUM(n) OVER {_WINDOW} AS BIGINT)", "CAST(SUM(d) OVER (PARTITION BY t) AS DECIMAL(38,2))"),
        over_all("CAST(COALESCE(SUM(i), 0) AS BIGINT)", tail="WHERE n > 99"),
    ],
    "TRIM": [over_rows("TRIM(BOTH ' ' FROM s)", "TRIM(LEADING ' ' FROM s)", "TRIM(TRAILING ' ' FROM s)")],
    # shims
    "stable_id": [
        over_rows("stable_id('usage', CAST(i AS STRING))", "stable_id('usage', s)", "stable_id(NULL, s)"),
        over_rows("stable_id('usage', i)", "stable_id('', '')", "stable_id('usage', NULL)"),
    ],
    "hours_between": [
        over_rows(
            "hours_between(moment, TIMESTAMP '2000-02-29 00:00:00')",
            "hours_between(TIMESTAMP '1970-01-01 00:00:00', moment)",
        ),
        over_rows("hours_between(day, moment)", "hours_between(moment, NULL)", "hours_between(moment, moment)"),
        (
            "SELECT hours_between(TIMESTAMP '2024-01-01 00:00:00', TIMESTAMP '2024-01-01 00:00:18') AS half_up,"
            " hours_between(TIMESTAMP '2024-01-01 00:00:18', TIMESTAMP '2024-01-01 00:00:00') AS half_down,"
            " hours_between(TIMESTAMP '2024-01-01 00:00:00', TIMESTAMP '2024-01-01 00:00:17.999999') AS below_half"
        ),
    ],
    "days_between": [
        over_rows("days_between(day, DATE '2000-02-29')", "days_between(day, day)", "days_between(NULL, day)")
    ],
    "iso_dow": [over_rows("iso_dow(day)", "iso_dow(CAST(moment AS DATE))")],
    "month_start": [over_rows("month_start(day)", "month_start(CAST(moment AS DATE))")],
    "add_months_to": [
        over_rows(*(f"add_months_to(day, {months})" for months in (0, 12, 13)), "add_months_to(day, NULL)").replace(
            "FROM samples", "FROM samples WHERE day < DATE '9999-01-01' OR day IS NULL"
        ),
        (
            "SELECT add_months_to(DATE '2024-03-31', -1) AS a, add_months_to(DATE '2024-02-29', -12) AS b,"
            " add_months_to(DATE '2024-01-31', 1) AS c"
        ),
    ],
    "add_days_to": [
        over_rows("add_days_to(day, 0)", "add_days_to(day, NULL)"),
        (
            "SELECT add_days_to(DATE '2024-02-28', 2) AS a, add_days_to(DATE '2024-03-01', -1) AS b,"
            " add_days_to(DATE '1970-01-01', -1) AS c"
        ),
    ],
    "day_series": [
        "SELECT day FROM day_series(DATE '2024-02-27', DATE '2024-03-02') AS s ORDER BY day NULLS LAST",
        "SELECT day FROM day_series(DATE '2024-02-27', DATE '2024-02-27') AS s",
        "SELECT day FROM day_series(DATE '2024-02-28', DATE '2024-02-27') AS s",
        "SELECT day FROM day_series(CAST(NULL AS DATE), DATE '2024-02-27') AS s",
    ],
    "matches": [
        over_rows(
            "matches(s, 'a')", "matches(s, '.*')", "matches(s, ' ?[aA] ?')", "matches(s, NULL)", "matches(s, '')"
        ),
        over_rows("matches(CAST(i AS STRING), '-?[0-9]{1,3}')", "matches(s, '[^a]+|it.s')", "matches(s, '.')"),
    ],
    "to_cents": [
        over_rows("to_cents(f)", "to_cents(CAST(i AS DOUBLE))", "to_cents(f * 1e6)"),
        over_rows("to_cents(CAST(d AS DOUBLE) / 7)").replace("FROM samples", "FROM samples WHERE ABS(d) < 1000"),
    ],
    "bits_of": [over_rows("bits_of(f)", "bits_of(CAST(d AS DOUBLE))", "bits_of(f * 1e300)")],
    "lower_ascii": [over_rows("lower_ascii(s)")],
    "power_of": [
        over_rows("power_of(f, 0)", "power_of(f, 3)", "power_of(f, -1)", "power_of(f, NULL)"),
        "SELECT power_of(0.97e0, 60) AS a, power_of(1.0000001e0, 999) AS b, power_of(CAST(NULL AS DOUBLE), 0) AS c",
    ],
    # clauses
    "SELECT": [
        'SELECT *, i AS "Ä name" FROM samples ORDER BY n NULLS LAST',
        "SELECT 'a' AS x, 1.50 AS y, -3 AS z, 1e2 AS e",
    ],
    "DISTINCT": ["SELECT DISTINCT t FROM samples ORDER BY t NULLS LAST"],
    "FROM": ["SELECT a.n FROM samples AS a ORDER BY n NULLS LAST"],
    "JOIN": [
        f"SELECT a.n AS x, b.n AS y FROM samples AS a {kind} JOIN (SELECT n, i FROM samples WHERE n > 2) AS b"
        " ON a.i = b.i ORDER BY x NULLS LAST, y NULLS LAST"
        for kind in ("INNER", "LEFT", "RIGHT", "FULL")
    ]
    + [
        "SELECT n, b.i FROM samples AS a JOIN (SELECT n, i FROM samples) AS b USING (n) ORDER BY n NULLS LAST",
        (
            "SELECT a.n AS x, b.n AS y FROM samples AS a CROSS JOIN (SELECT n FROM samples WHERE n < 3) AS b"
            " ORDER BY x NULLS LAST, y NULLS LAST"
        ),
        (
            "SELECT a.n AS x, b.n AS y FROM samples AS a JOIN samples AS b ON a.t IS NOT DISTINCT FROM b.t"
            " ORDER BY x NULLS LAST, y NULLS LAST"
        ),
    ],
    "WHERE": [
        "SELECT n FROM samples WHERE t ORDER BY n NULLS LAST",
        "SELECT n FROM samples WHERE NOT t ORDER BY n NULLS LAST",
    ],
    "GROUP BY": [
        "SELECT t, COUNT(*) AS rows_, MAX(i) AS most FROM samples GROUP BY t ORDER BY t NULLS LAST",
        (
            "SELECT SUBSTR(CAST(day AS STRING), 1, 2) AS century, COUNT(*) AS rows_ FROM samples"
            " GROUP BY SUBSTR(CAST(day AS STRING), 1, 2) ORDER BY century NULLS FIRST"
        ),
    ],
    "HAVING": ["SELECT t, COUNT(*) AS rows_ FROM samples GROUP BY t HAVING COUNT(*) > 2 ORDER BY t NULLS LAST"],
    "ORDER BY": [
        f"SELECT n FROM samples ORDER BY {column} {way} NULLS {nulls}, n ASC NULLS LAST"
        for column, way, nulls in (
            ("i", "ASC", "LAST"),
            ("s", "DESC", "FIRST"),
            ("f", "DESC", "LAST"),
            ("t", "ASC", "FIRST"),
        )
    ]
    + [f"SELECT x FROM {_LETTERS} ORDER BY x ASC NULLS FIRST"],
    "LIMIT": ["SELECT n FROM samples ORDER BY n DESC NULLS LAST LIMIT 3"],
    "OFFSET": ["SELECT n FROM samples ORDER BY n NULLS LAST LIMIT 3 OFFSET 2"],
    "WITH": [
        "WITH a AS (SELECT n, i FROM samples), b AS (SELECT n FROM a WHERE i > 0) SELECT n FROM b ORDER BY n NULLS LAST"
    ],
    "subquery": [
        "SELECT n, (SELECT MAX(b.i) FROM samples AS b WHERE b.n < a.n) AS m FROM samples AS a ORDER BY n NULLS LAST",
        "SELECT n FROM samples WHERE n = (SELECT MAX(n) FROM samples)",
    ],
    "VALUES": ["SELECT x, y FROM (VALUES (1, 'a'), (2, NULL), (NULL, 'ü')) AS v(x, y) ORDER BY x NULLS LAST"],
    "UNION": [
        "SELECT t FROM samples UNION SELECT NULL ORDER BY t NULLS LAST",
        "SELECT i AS x FROM samples UNION ALL SELECT NULL UNION ALL SELECT n FROM samples ORDER BY x NULLS LAST",
        "SELECT d AS x FROM samples UNION ALL SELECT CAST(1 AS DECIMAL(18,2)) ORDER BY x NULLS LAST",
    ],
    "EXCEPT": [
        "SELECT n FROM samples EXCEPT SELECT i FROM samples ORDER BY n NULLS LAST",
        "SELECT t FROM samples EXCEPT ALL SELECT TRUE ORDER BY t NULLS LAST",
    ],
    "INTERSECT": [
        "SELECT n FROM samples INTERSECT SELECT i FROM samples ORDER BY n NULLS LAST",
        "SELECT t FROM samples INTERSECT ALL SELECT t FROM samples WHERE t ORDER BY t NULLS LAST",
    ],
    "OVER": [
        over_rows(
            "COUNT(*) OVER (PARTITION BY t)",
            "MAX(i) OVER (ORDER BY n NULLS LAST ROWS BETWEEN 2 PRECEDING AND CURRENT ROW)",
            "MIN(d) OVER (PARTITION BY t ORDER BY n NULLS LAST ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING)",
            "CAST(SUM(i) OVER (ORDER BY t NULLS LAST) AS BIGINT)",
        ),
        (
            "SELECT n, MAX(i) OVER w AS most FROM samples WINDOW w AS (PARTITION BY t ORDER BY n NULLS LAST)"
            " ORDER BY n NULLS LAST"
        ),
    ],
    "FILTER": [over_all("COUNT(*) FILTER (WHERE t)", "CAST(SUM(d) FILTER (WHERE i > 99) AS DECIMAL(38,2))")],
}

REFUSED_BY_BOTH = {
    "a whole number too large for INTEGER": "SELECT CAST(b AS INTEGER) AS c FROM samples",
    "an INTEGER sum beyond its range": "SELECT i + i AS c FROM samples",
    "a BIGINT sum beyond its range": "SELECT CAST(SUM(b) AS BIGINT) AS c FROM samples WHERE b > 0",
    "a DECIMAL too large for its new size": "SELECT CAST(d AS DECIMAL(5,2)) AS c FROM samples",
    "a DECIMAL product beyond 38 digits": "SELECT CAST(w * w AS DECIMAL(38,20)) AS c FROM samples",
    "a text that is no date": "SELECT CAST(s AS DATE) AS c FROM samples",
    "a text that is no number": "SELECT CAST(s AS DECIMAL(18,2)) AS c FROM samples",
    "to_cents beyond DECIMAL(18,2)": "SELECT to_cents(CAST(b AS DOUBLE)) AS c FROM samples",
    "an unknown column": "SELECT nowhere AS c FROM samples",
    "an unknown table": "SELECT 1 AS c FROM nowhere",
}
