"""SQL in a contract, over one record: the filter of a source, and columns that are computed; in the common subset."""

from collections.abc import Mapping

from sqlglot import exp

from tenure.core.errors import BuildError
from tenure.engine.dialect import parse

_CONDITIONS = (exp.Predicate, exp.Connector, exp.Not, exp.Boolean, exp.Case)
_TRUTH_FUNCTIONS = {"matches"}
_CONDITION = "one condition, such as: status <> 'TEST' AND amount > 0"
_EXPRESSION = "one expression, such as: CASE WHEN status = 'A' THEN 1 ELSE 0 END"


def expect_condition(condition: str, types: Mapping[str, str]) -> None:
    """Raises `ValueError` for a text that is not one condition on a record of columns with these common types."""
    query = _expect_one(f"SELECT ({condition}\n) AS wanted FROM records", types, _CONDITION)
    if not _is_condition(query.expressions[0].unalias().unnest(), types):
        raise ValueError("is not true or false: compare it with something, such as: status = 'ACTIVE'")


def expect_expression(expression: str, types: Mapping[str, str]) -> None:
    """Raises `ValueError` for a text that is not one expression over a record of columns with these common types."""
    # Its type is the column's and is compared when records are read: here only what stands in it matters.
    _expect_one(f"SELECT ({expression}\n) IS NULL AS wanted FROM records", types, _EXPRESSION)


def _expect_one(sql: str, types: Mapping[str, str], wanted: str) -> exp.Select:
    """The tree of a SELECT that is meant to hold one expression over one record."""
    try:
        query = parse(sql, "sql")
    except BuildError as error:
        raise ValueError(f"{error.what}{f'; {error.cure}' if error.cure else ''}") from None
    clauses = {name for name, value in query.args.items() if value} - {"expressions", "from_", "from"}
    if not isinstance(query, exp.Select) or clauses or len(query.expressions) != 1:
        raise ValueError(f"must be {wanted}")
    beyond = next((node for node in query.find_all(exp.Query, exp.AggFunc, exp.Window) if node is not query), None)
    if beyond is not None:
        what = "another SELECT" if isinstance(beyond, exp.Query) else beyond.key.upper()
        raise ValueError(f"looks at one record at a time: {what} cannot stand in it")
    unknown = sorted({column.sql() for column in query.find_all(exp.Column)} - {*types, *map(_quoted, types)})
    if unknown:
        raise ValueError(f"{unknown[0]} is not one of the columns: {', '.join(types)}")
    return query


def _quoted(name: str) -> str:
    return f'"{name}"'


def _is_condition(node: exp.Expr, types: Mapping[str, str]) -> bool:
    if isinstance(node, exp.Column):
        return types.get(node.name) == "BOOLEAN"
    if isinstance(node, exp.Anonymous):
        return node.name.lower() in _TRUTH_FUNCTIONS
    return isinstance(node, _CONDITIONS)
