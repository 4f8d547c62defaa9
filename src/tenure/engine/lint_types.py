"""What can be seen of an expression's type without knowing any table: enough to catch the casts that differ."""

from collections.abc import Iterable
from enum import Enum

from sqlglot import exp

from tenure.engine.subset import CAST_TYPES


class Kind(Enum):
    """A family of types; WHOLE is BIGINT or INTEGER."""

    WHOLE = "a whole number"
    DECIMAL = "a DECIMAL"
    DOUBLE = "a DOUBLE"
    TEXT = "a STRING"
    DATE = "a DATE"
    TIMESTAMP = "a TIMESTAMP"
    BOOLEAN = "a BOOLEAN"


_OF_TYPE = {
    "STRING": Kind.TEXT,
    "BIGINT": Kind.WHOLE,
    "INTEGER": Kind.WHOLE,
    "DECIMAL": Kind.DECIMAL,
    "DOUBLE": Kind.DOUBLE,
    "BOOLEAN": Kind.BOOLEAN,
    "DATE": Kind.DATE,
    "TIMESTAMP": Kind.TIMESTAMP,
}

_OF_SHIM = {
    "stable_id": Kind.WHOLE,
    "hours_between": Kind.DECIMAL,
    "days_between": Kind.WHOLE,
    "iso_dow": Kind.WHOLE,
    "month_start": Kind.DATE,
    "add_months_to": Kind.DATE,
    "add_days_to": Kind.DATE,
    "matches": Kind.BOOLEAN,
    "to_cents": Kind.DECIMAL,
    "bits_of": Kind.WHOLE,
    "power_of": Kind.DOUBLE,
    "lower_ascii": Kind.TEXT,
}

_OF_NODE: dict[type[exp.Expr], Kind] = {
    exp.Count: Kind.WHOLE,
    exp.RowNumber: Kind.WHOLE,
    exp.Rank: Kind.WHOLE,
    exp.DenseRank: Kind.WHOLE,
    exp.Length: Kind.WHOLE,
    exp.Extract: Kind.WHOLE,
    exp.Floor: Kind.WHOLE,
    exp.Ceil: Kind.WHOLE,
    exp.Div: Kind.DOUBLE,
    exp.Median: Kind.DOUBLE,
    exp.DPipe: Kind.TEXT,
    exp.Substring: Kind.TEXT,
    exp.Trim: Kind.TEXT,
    exp.Replace: Kind.TEXT,
    exp.LastDay: Kind.DATE,
    exp.Boolean: Kind.BOOLEAN,
}

_AS_ARGUMENT = (
    exp.Paren,
    exp.Neg,
    exp.Abs,
    exp.Sum,
    exp.Max,
    exp.Min,
    exp.Lag,
    exp.Lead,
    exp.FirstValue,
    exp.LastValue,
    exp.Window,
    exp.Filter,
    exp.Nullif,
    exp.Alias,
)
"""Nodes of the type of their `this`."""


def kind_of(node: exp.Expr) -> Kind | None:
    """The family of types that the text of an expression shows, or None where a column decides."""
    if isinstance(node, exp.Literal):
        return _of_literal(node)
    if isinstance(node, exp.Cast):
        return _OF_TYPE.get(CAST_TYPES.get(node.to.this, ""))
    if isinstance(node, exp.Anonymous):
        return _OF_SHIM.get(node.name.lower())
    if isinstance(node, _AS_ARGUMENT):
        return kind_of(node.this)
    if isinstance(node, (exp.Add, exp.Sub, exp.Mul, exp.Mod)):
        return _widest([node.this, node.expression])
    if isinstance(node, (exp.Case, exp.Coalesce, exp.Greatest, exp.Least)):
        return _widest(branches(node))
    if isinstance(node, exp.Subquery) and isinstance(node.this, exp.Select) and len(node.this.expressions) == 1:
        return kind_of(node.this.expressions[0])
    if isinstance(node, (exp.Predicate, exp.Connector, exp.Not)):
        return Kind.BOOLEAN
    return _OF_NODE.get(type(node))


def branches(node: exp.Expr) -> list[exp.Expr]:
    """The expressions one of which becomes the value of a CASE, COALESCE, GREATEST or LEAST."""
    if isinstance(node, exp.Case):
        default = node.args.get("default")
        return [branch.args["true"] for branch in node.args["ifs"]] + ([default] if default else [])
    return [node.this, *node.expressions]


def _of_literal(node: exp.Literal) -> Kind:
    if node.is_string:
        return Kind.TEXT
    text = str(node.this).lower()
    if "e" in text:
        return Kind.DOUBLE
    return Kind.DECIMAL if "." in text else Kind.WHOLE


def _widest(nodes: Iterable[exp.Expr]) -> Kind | None:
    kinds = {kind_of(node) for node in nodes if not isinstance(node, exp.Null)}
    for wide in (Kind.DOUBLE, Kind.DECIMAL):
        if wide in kinds:
            return wide
    return kinds.pop() if len(kinds) == 1 else None
