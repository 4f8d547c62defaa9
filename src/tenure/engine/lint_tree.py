"""Rules about a query's syntax tree: what may stand in it, and which casts and windows mean one thing only."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import cast

from sqlglot import exp

from tenure.engine.lint_leaks import leaks
from tenure.engine.lint_types import Kind, kind_of
from tenure.engine.subset import (
    CAST_TYPES,
    CLAUSES,
    CURES,
    DEFAULT_CURE,
    EXTRACT_PARTS,
    FUNCTIONS,
    OPERATORS,
    PARTS,
    SHIM_NAMES,
    TYPES,
)


@dataclass(frozen=True)
class Problem:
    """A place outside the common SQL: the line where known, what stands there, what to write instead."""

    line: int | None
    what: str
    cure: str


_Finding = tuple[str, str]
"""What is wrong with a node, and the cure."""

_ORDERED_WINDOWS = (exp.RowNumber, exp.Rank, exp.DenseRank, exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue)
_STAR_OPTIONS = {"except_": "EXCLUDE", "replace": "REPLACE", "rename": "RENAME"}
_KNOWN = frozenset(FUNCTIONS) | frozenset(OPERATORS) | frozenset(CLAUSES) | PARTS


def tree_problems(tree: exp.Expr) -> list[Problem]:
    """All that a tree holds outside the common SQL, in the order of its lines."""
    if not isinstance(tree, (exp.Select, exp.SetOperation, exp.Subquery)):
        what = f"a model is one SELECT, not {_name(tree)}"
        return [Problem(_line(tree), what, "write what the table holds; Tenure creates and replaces it")]
    nodes = tree.walk(prune=_is_refused_whole)
    found = [Problem(_line(node), *finding) for node in nodes for finding in _findings(node)]
    found += [
        Problem(
            _line(leak.culprit),
            f"the type of column {leak.name} comes from {leak.source} and differs between the engines",
            f"CAST(… AS {'type' if isinstance(leak.culprit, exp.Null) else 'BIGINT, INTEGER or DECIMAL(p,s)'})",
        )
        for leak in leaks(tree)
        if not any(_findings(leak.culprit))
    ]
    return sorted(found, key=lambda problem: problem.line or 0)


def _findings(node: exp.Expr) -> Iterator[_Finding]:
    if isinstance(node, exp.Anonymous):
        if node.name.lower() not in SHIM_NAMES:
            cure = CURES.get(node.name.upper(), DEFAULT_CURE)
            yield f"{node.name.upper()} is not in the common SQL", cure
    elif type(node) not in _KNOWN:
        yield f"{_name(node)} is not in the common SQL", _cure(node)
    elif rule := _RULES.get(type(node)):
        yield from rule(node)


def _is_refused_whole(node: exp.Expr) -> bool:
    """Whether the parts of a refused node need no message of their own. The arguments of a function do."""
    return type(node) not in _KNOWN and not isinstance(node, (exp.Func, exp.IgnoreNulls))


def _name(node: exp.Expr) -> str:
    return node.sql_name() if isinstance(node, exp.Func) else node.key.upper()


def _cure(node: exp.Expr) -> str:
    default = DEFAULT_CURE if isinstance(node, exp.Func) else "write it with what both engines have"
    return CURES.get(_name(node), default)


def _line(node: exp.Expr) -> int | None:
    inner = (part.meta.get("line") for part in node.walk())
    line = next((line for line in inner if line is not None), None)
    return line if line is not None or node.parent is None else _line(node.parent)


def _cast(node: exp.Expr) -> Iterator[_Finding]:
    assert isinstance(node, exp.Cast)
    target = CAST_TYPES.get(node.to.this)
    kind = kind_of(node.this)
    shown = kind.value if kind else ""
    if target is None:
        yield f"CAST to {node.to.sql('duckdb')} is not in the common SQL", f"use {', '.join(TYPES)}"
    elif target in ("BIGINT", "INTEGER") and kind in (Kind.DECIMAL, Kind.DOUBLE):
        yield f"a CAST of {shown} to {target} rounds in DuckDB and cuts in Spark", f"CAST(FLOOR(x) AS {target})"
    elif target in ("BIGINT", "INTEGER") and kind is Kind.TEXT:
        yield f"a CAST of {shown} to {target} takes '2.5' in DuckDB only", "type the column in its contract"
    elif target == "DECIMAL" and kind is Kind.DOUBLE:
        yield (
            "a CAST of a DOUBLE to DECIMAL rounds differently",
            "to_cents(x), or decimals throughout",
        )
    elif target == "STRING" and kind is Kind.DOUBLE:
        yield "a DOUBLE is written differently as text (1e+20, 1.0E20)", "to_cents(x), or bits_of(x) to compare"


def _division(node: exp.Expr) -> Iterator[_Finding]:
    left, right = node.this, node.args["expression"]
    if Kind.DOUBLE not in (kind_of(left), kind_of(right)):
        yield "/ of anything but a DOUBLE gives other digits in each engine", "CAST(a AS DOUBLE) / NULLIF(b, 0)"
    if not _never_zero(right):
        yield "/ by zero is infinite in DuckDB and an error in Spark", "divide by NULLIF(b, 0)"


def _never_zero(node: exp.Expr) -> bool:
    if isinstance(node, (exp.Paren, exp.Cast, exp.Neg)):
        return _never_zero(node.this)
    if isinstance(node, exp.Literal):
        return not node.is_string and float(node.this) != 0
    if isinstance(node, exp.Count) and isinstance(node.this, exp.Star):
        select = node.find_ancestor(exp.Select)
        group = select.args.get("group") if select else None
        return bool(group and group.expressions)  # a group has a row; a whole table may have none
    return isinstance(node, exp.Nullif) and isinstance(node.expression, exp.Literal)


def _additive(node: exp.Expr) -> Iterator[_Finding]:
    if {kind_of(node.this), kind_of(node.args["expression"])} & {Kind.DATE, Kind.TIMESTAMP}:
        yield f"{OPERATORS[type(node)]} with a date has another type in each engine", CURES["INTERVAL"]


def _sum(node: exp.Expr) -> Iterator[_Finding]:
    if kind_of(node.this) is Kind.DOUBLE:
        yield "SUM of DOUBLEs depends on the order of the rows", "sum decimals, and make the DOUBLE afterwards"
    yield from _one_argument(node)


def _one_argument(node: exp.Expr) -> Iterator[_Finding]:
    name = FUNCTIONS[type(node)]
    more = any(value for argument, value in node.args.items() if argument != "this")
    if more or isinstance(node.this, exp.Distinct):
        cure = "GREATEST or LEAST for several values" if name in ("MAX", "MIN") else f"{name}(x)"
        yield f"{name} takes one plain argument in the common SQL", cure


def _count(node: exp.Expr) -> Iterator[_Finding]:
    several = isinstance(node.this, exp.Distinct) and len(node.this.expressions) != 1
    if several or node.expressions:
        yield "COUNT of several columns differs between the engines", "count the rows of SELECT DISTINCT a, b"


def _median(node: exp.Expr) -> Iterator[_Finding]:
    if kind_of(node.this) is not Kind.WHOLE:
        yield (
            "MEDIAN of anything but whole numbers differs in the last digit",
            "MEDIAN(CAST(x * 100 AS BIGINT)) / 100e0, or MEDIAN(CAST(n AS BIGINT)) for a whole number",
        )


def _floor(node: exp.Expr) -> Iterator[_Finding]:
    if kind_of(node.this) not in (Kind.DOUBLE, Kind.DECIMAL):
        name = FUNCTIONS[type(node)]
        yield f"{name} of a whole number goes through DOUBLE in DuckDB", f"{name}(CAST(x AS DOUBLE or DECIMAL(p,s)))"
    yield from _one_argument(node)


def _trim(node: exp.Expr) -> Iterator[_Finding]:
    if node.args.get("expression") is None:
        yield "TRIM(x) also takes off-standard spaces in DuckDB only", "TRIM(BOTH ' ' FROM x)"


def _substring(node: exp.Expr) -> Iterator[_Finding]:
    start = node.args.get("start")
    if not isinstance(start, exp.Literal) or start.is_string or float(start.this) < 1:
        yield "SUBSTR from 0 differs between the engines", "start at a number from 1: SUBSTR(x, 1, n)"


def _extract(node: exp.Expr) -> Iterator[_Finding]:
    part = node.this.name.upper()
    if part not in EXTRACT_PARTS:
        cure = "iso_dow(d)" if "DOW" in part or "DAYOFWEEK" in part else f"one of {', '.join(sorted(EXTRACT_PARTS))}"
        yield f"EXTRACT({part} …) differs between the engines", cure


def _pipe(node: exp.Expr) -> Iterator[_Finding]:
    if Kind.DOUBLE in (kind_of(node.this), kind_of(node.args["expression"])):
        yield "a DOUBLE is written differently as text (1e+20, 1.0E20)", "join to_cents(x), or bits_of(x) to compare"


def _like(node: exp.Expr) -> Iterator[_Finding]:
    if not isinstance(node.args["expression"], exp.Literal):
        yield "LIKE with a pattern that is not a literal: a backslash in it differs", "matches(text, pattern)"


def _literal(node: exp.Expr) -> Iterator[_Finding]:
    if isinstance(node, exp.Literal) and node.is_string and "\\" in str(node.this):
        yield "a backslash in a text means itself in DuckDB and an escape in Spark", "leave the backslash out"


def _null_test(node: exp.Expr) -> Iterator[_Finding]:
    if not isinstance(node.args["expression"], (exp.Null, exp.Boolean)):
        yield "IS with a value is not in the common SQL", "a IS NOT DISTINCT FROM b"


def _when(node: exp.Expr) -> Iterator[_Finding]:
    if not isinstance(node.parent, exp.Case):
        yield "IF is not in the common SQL", CURES["IF"]


def _var(node: exp.Expr) -> Iterator[_Finding]:
    if not isinstance(node.parent, exp.Extract):
        yield f"{node.name.upper()} is not in the common SQL here", "name the columns"


def _tuple(node: exp.Expr) -> Iterator[_Finding]:
    if not isinstance(node.parent, exp.Values):
        yield "a row of values is not in the common SQL", "compare the columns one by one"


def _star(node: exp.Expr) -> Iterator[_Finding]:
    for option, word in _STAR_OPTIONS.items():
        if node.args.get(option):
            yield f"* {word} is not in the common SQL", "name the columns"


def _column(node: exp.Expr) -> Iterator[_Finding]:
    if node.args.get("db"):
        yield "a.b.c is not in the common SQL", "give the table an alias: t.column"


def _table(node: exp.Expr) -> Iterator[_Finding]:
    table = node.this
    if isinstance(table, exp.Identifier) and (node.args.get("db") or not table.this.isidentifier()):
        yield "a file or schema in FROM is not in the common SQL", CURES["READ_PARQUET"]
    if isinstance(table, exp.Anonymous) and table.name.lower() != "day_series":
        yield f"{table.name.upper()} in FROM is not in the common SQL", CURES["READ_PARQUET"]


def _join(node: exp.Expr) -> Iterator[_Finding]:
    method, kind = str(node.args.get("method") or ""), str(node.args.get("kind") or "")
    conditional = node.args.get("on") or node.args.get("using")
    if method:
        yield f"{method} JOIN is not in the common SQL", "JOIN … ON with the condition written out"
    elif kind in ("SEMI", "ANTI"):
        yield f"{kind} JOIN is not in the common SQL", f"WHERE {'NOT ' if kind == 'ANTI' else ''}EXISTS (SELECT 1 …)"
    elif kind != "CROSS" and not conditional:
        yield "a join without a condition", "JOIN … ON, or CROSS JOIN where every pair is meant"


def _group(node: exp.Expr) -> Iterator[_Finding]:
    if node.args.get("all"):
        yield "GROUP BY ALL is not in the common SQL", "name the grouping expressions"


def _distinct(node: exp.Expr) -> Iterator[_Finding]:
    if node.args.get("on"):
        yield "DISTINCT ON is not in the common SQL", CURES["QUALIFY"]


def _with(node: exp.Expr) -> Iterator[_Finding]:
    if node.args.get("recursive"):
        yield "WITH RECURSIVE is not in the common SQL", "a model that reads its own history is a model kind"


def _cte(node: exp.Expr) -> Iterator[_Finding]:
    if node.args.get("materialized") is not None:
        yield "AS MATERIALIZED is not in the common SQL", "leave the word out"


def _set_operation(node: exp.Expr) -> Iterator[_Finding]:
    if node.args.get("by_name"):
        yield "BY NAME is not in the common SQL", "name the columns of both sides in the same order"


def _limit(node: exp.Expr) -> Iterator[_Finding]:
    if node.parent is not None and not node.parent.args.get("order"):
        what = f"{CLAUSES[type(node)]} without ORDER BY takes other rows every time"
        yield what, "add ORDER BY down to a unique column"


def _window(node: exp.Expr) -> Iterator[_Finding]:
    if isinstance(node.this, exp.Identifier):  # the definition of a named window
        return
    function = node.this.this if isinstance(node.this, (exp.Filter, exp.IgnoreNulls)) else node.this
    if isinstance(function, _ORDERED_WINDOWS) and not _window_order(node):
        yield f"{FUNCTIONS[type(function)]} without ORDER BY takes other rows every time", "OVER (… ORDER BY …)"


def _window_order(window: exp.Expr) -> bool:
    if window.args.get("order"):
        return True
    select = window.find_ancestor(exp.Select)
    named = cast(list[exp.Window], (select.args.get("windows") or []) if select else [])
    return any(entry.args.get("order") for entry in named if entry.this.name == window.alias)


def _frame(node: exp.Expr) -> Iterator[_Finding]:
    if node.args.get("kind") == "GROUPS" or node.args.get("exclude"):
        yield "GROUPS and EXCLUDE frames are not in the common SQL", "ROWS BETWEEN … AND …"


_RULES: dict[type[exp.Expr], Callable[[exp.Expr], Iterator[_Finding]]] = {
    exp.Cast: _cast,
    exp.Div: _division,
    exp.Add: _additive,
    exp.Sub: _additive,
    exp.Sum: _sum,
    exp.Max: _one_argument,
    exp.Min: _one_argument,
    exp.Count: _count,
    exp.Length: _one_argument,
    exp.LastDay: _one_argument,
    exp.Median: _median,
    exp.Floor: _floor,
    exp.Ceil: _floor,
    exp.Trim: _trim,
    exp.Substring: _substring,
    exp.Extract: _extract,
    exp.DPipe: _pipe,
    exp.Like: _like,
    exp.Literal: _literal,
    exp.Is: _null_test,
    exp.If: _when,
    exp.Var: _var,
    exp.Tuple: _tuple,
    exp.Star: _star,
    exp.Column: _column,
    exp.Table: _table,
    exp.Join: _join,
    exp.Group: _group,
    exp.Distinct: _distinct,
    exp.With: _with,
    exp.CTE: _cte,
    exp.Union: _set_operation,
    exp.Except: _set_operation,
    exp.Intersect: _set_operation,
    exp.Limit: _limit,
    exp.Offset: _limit,
    exp.Window: _window,
    exp.WindowSpec: _frame,
}
