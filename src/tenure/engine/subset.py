"""The common subset of SQL: all that a model may use, because DuckDB and Spark agree on it to the last digit.

Each function, operator and cast here has a case in the parity suite (`tests/engines`); a test fails when one
is added without. `CURES` says what to write instead of the things people reach for first.

One limit cannot be seen in a text: beyond 34 digits Spark's minus and ABS round.
"""

from sqlglot import exp

from tenure.engine.shims import SHIMS

TYPES = ("STRING", "BIGINT", "INTEGER", "DECIMAL(p,s)", "DOUBLE", "BOOLEAN", "DATE", "TIMESTAMP")
"""What a CAST may name. Which value a cast may not take is in `lint_types`."""

CAST_TYPES: dict[exp.DType, str] = {
    exp.DType.TEXT: "STRING",
    exp.DType.BIGINT: "BIGINT",
    exp.DType.INT: "INTEGER",
    exp.DType.DECIMAL: "DECIMAL",
    exp.DType.DOUBLE: "DOUBLE",
    exp.DType.BOOLEAN: "BOOLEAN",
    exp.DType.DATE: "DATE",
    exp.DType.TIMESTAMP: "TIMESTAMP",
    exp.DType.TIMESTAMPNTZ: "TIMESTAMP",
}

SHIM_NAMES = frozenset(shim.name for shim in SHIMS)

FUNCTIONS: dict[type[exp.Expr], str] = {
    exp.Abs: "ABS",
    exp.Case: "CASE",
    exp.Cast: "CAST",
    exp.Ceil: "CEIL",
    exp.Coalesce: "COALESCE",
    exp.Count: "COUNT",
    exp.DenseRank: "DENSE_RANK",
    exp.Exists: "EXISTS",
    exp.Extract: "EXTRACT",
    exp.FirstValue: "FIRST_VALUE",
    exp.Floor: "FLOOR",
    exp.Greatest: "GREATEST",
    exp.Lag: "LAG",
    exp.LastDay: "LAST_DAY",
    exp.LastValue: "LAST_VALUE",
    exp.Lead: "LEAD",
    exp.Least: "LEAST",
    exp.Length: "LENGTH",
    exp.LogicalAnd: "BOOL_AND",
    exp.LogicalOr: "BOOL_OR",
    exp.Max: "MAX",
    exp.Median: "MEDIAN",
    exp.Min: "MIN",
    exp.Nullif: "NULLIF",
    exp.Rank: "RANK",
    exp.Replace: "REPLACE",
    exp.RowNumber: "ROW_NUMBER",
    exp.Substring: "SUBSTR",
    exp.Sum: "SUM",
    exp.Trim: "TRIM",
}
"""Functions by the node that sqlglot makes of them; the shims come on top, by name."""

EXTRACT_PARTS = frozenset({"YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "HOUR", "MINUTE"})

OPERATORS: dict[type[exp.Expr], str] = {
    exp.Add: "+",
    exp.Sub: "-",
    exp.Mul: "*",
    exp.Div: "/",
    exp.Mod: "%",
    exp.Neg: "- (sign)",
    exp.DPipe: "||",
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.NullSafeEQ: "IS NOT DISTINCT FROM",
    exp.NullSafeNEQ: "IS DISTINCT FROM",
    exp.And: "AND",
    exp.Or: "OR",
    exp.Not: "NOT",
    exp.Is: "IS",
    exp.In: "IN",
    exp.Between: "BETWEEN",
    exp.Like: "LIKE",
}

CLAUSES: dict[type[exp.Expr], str] = {
    exp.Select: "SELECT",
    exp.Distinct: "DISTINCT",
    exp.From: "FROM",
    exp.Join: "JOIN",
    exp.Where: "WHERE",
    exp.Group: "GROUP BY",
    exp.Having: "HAVING",
    exp.Order: "ORDER BY",
    exp.Limit: "LIMIT",
    exp.Offset: "OFFSET",
    exp.With: "WITH",
    exp.Subquery: "subquery",
    exp.Values: "VALUES",
    exp.Union: "UNION",
    exp.Except: "EXCEPT",
    exp.Intersect: "INTERSECT",
    exp.Window: "OVER",
    exp.Filter: "FILTER",
}

PARTS: frozenset[type[exp.Expr]] = frozenset(
    {
        exp.Alias,
        exp.Boolean,
        exp.Column,
        exp.CTE,
        exp.DataType,
        exp.DataTypeParam,
        exp.Identifier,
        exp.If,  # a WHEN … THEN of CASE; rules.py refuses the function
        exp.Literal,
        exp.Null,
        exp.Ordered,
        exp.Paren,
        exp.Star,
        exp.Table,
        exp.TableAlias,
        exp.Tuple,
        exp.Var,
        exp.WindowSpec,
    }
)
"""Nodes that only hold others together."""

_AVERAGE = "CAST(SUM(x) AS DOUBLE) / NULLIF(COUNT(x), 0)"
_RANKED = "number the rows in a subquery with ROW_NUMBER() OVER (… ORDER BY …) and keep 1 outside"
_SETTING = "the build is a function of its inputs: take the business date from the settings"
_INTERVAL = "add_days_to(d, n), add_months_to(d, n) or days_between(a, b)"
_FILES = "name a source or a model; files arrive by `tenure ingest`"
_CASE = "CASE WHEN … THEN … ELSE … END"
_JOIN_LISTS = "keep one row per element; lists are not in the common SQL"
_ROUNDING = "keep the exact value: rounding is done where numbers are shown; to_cents(x) makes money of a DOUBLE"
_FLOATS = "logarithms and roots differ in the last digit between machines: compute them in a predictor, not in SQL"

CURES: dict[str, str] = {
    "ANY_VALUE": "MIN(x) or MAX(x), which give the same answer every time",
    "ARG_MAX": _RANKED,
    "ARG_MIN": _RANKED,
    "ARRAY": _JOIN_LISTS,
    "ARRAY_AGG": _JOIN_LISTS,
    "AVG": _AVERAGE,
    "CONCAT": "a || b, with COALESCE where a part may be NULL",
    "CONCAT_WS": "a || ' ' || b, with COALESCE where a part may be NULL",
    "COUNT_IF": "COUNT(*) FILTER (WHERE …) or COUNT(CASE WHEN … THEN 1 END)",
    "CURRENT_DATE": _SETTING,
    "CURRENT_TIMESTAMP": _SETTING,
    "CURRENT_TIME": _SETTING,
    "DATE_ADD": _INTERVAL,
    "DATE_DIFF": "days_between(a, b) or hours_between(a, b)",
    "DATEDIFF": "days_between(a, b) or hours_between(a, b)",
    "DATE_SUB": _INTERVAL,
    "DATE_TRUNC": "month_start(d), or CAST(t AS DATE) for the day",
    "DAYOFWEEK": "iso_dow(d)",
    "DAY_OF_WEEK": "iso_dow(d)",
    "EXP": _FLOATS,
    "EXPLODE": _JOIN_LISTS,
    "GENERATE_SERIES": "FROM day_series(first, last) for days, VALUES for a few numbers",
    "GROUP_CONCAT": _JOIN_LISTS,
    "IF": _CASE,
    "IGNORENULLS": "leave the NULLs out in a subquery",
    "ILIKE": "lower_ascii(x) LIKE 'pattern in small letters'",
    "INTERVAL": _INTERVAL,
    "INTDIV": "CAST(FLOOR(CAST(a AS DOUBLE) / NULLIF(b, 0)) AS BIGINT)",
    "ISODOW": "iso_dow(d)",
    "LATERAL": "a join with a subquery that is grouped by the join's key",
    "LN": _FLOATS,
    "LOG": _FLOATS,
    "LOWER": "lower_ascii(x): the engines differ on letters such as İ and Σ",
    "MAX_BY": _RANKED,
    "MIN_BY": _RANKED,
    "NOW": _SETTING,
    "PERCENTILE_CONT": "MEDIAN(CAST(x * 100 AS BIGINT)) / 100e0",
    "PIVOT": "one SUM(CASE WHEN … THEN x END) per column",
    "POW": "power_of(x, n)",
    "POWER": "power_of(x, n)",
    "QUALIFY": _RANKED,
    "QUANTILE": "MEDIAN(CAST(x * 100 AS BIGINT)) / 100e0",
    "RAND": "nothing: a build must give the same tables every time",
    "RANDOM": "nothing: a build must give the same tables every time",
    "READ_CSV": _FILES,
    "READ_JSON": _FILES,
    "READ_PARQUET": _FILES,
    "REGEXP_LIKE": "matches(text, pattern), which means the whole text",
    "ROUND": _ROUNDING,
    "SQRT": _FLOATS,
    "STDDEV": _FLOATS,
    "STRFTIME": "SUBSTR(CAST(d AS STRING), 1, 7) for the month",
    "TABLESAMPLE": "nothing: a build must give the same tables every time",
    "TIME_TO_STR": "SUBSTR(CAST(d AS STRING), 1, 7) for the month",
    "TIMESTAMP_TRUNC": "month_start(d), or CAST(t AS DATE) for the day",
    "TRY_CAST": "CAST: what may not fit belongs in the contract, so that the row lands in quarantine",
    "UNNEST": _JOIN_LISTS,
    "UPPER": "lower_ascii(x): the engines differ on letters such as ß",
    "UUID": "stable_id(entity, key)",
    "VARIANCE": _FLOATS,
    "YEAR": "EXTRACT(YEAR FROM d)",
    "MONTH": "EXTRACT(MONTH FROM d)",
    "QUARTER": "EXTRACT(QUARTER FROM d)",
    "DAY": "EXTRACT(DAY FROM d)",
}

DEFAULT_CURE = "use " + ", ".join(sorted([*FUNCTIONS.values(), *SHIM_NAMES], key=str.lower))
