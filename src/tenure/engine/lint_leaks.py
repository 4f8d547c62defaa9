"""Values whose type differs between the engines, followed to the columns of a model.

SUM(integer) is a HUGEINT in DuckDB and a BIGINT in Spark, EXTRACT and ROW_NUMBER are 64 bits here and 32
there, a product of decimals has another precision. Inside a query that does no harm: the values agree. A
column of the result must have one type, so such a value needs a CAST before it leaves.
"""

from dataclasses import dataclass
from typing import cast

from sqlglot import exp

from tenure.engine.lint_types import Kind, branches, kind_of
from tenure.engine.subset import FUNCTIONS, OPERATORS

_VARIES = (exp.Sum, exp.Extract, exp.Length, exp.RowNumber, exp.Rank, exp.DenseRank, exp.Floor, exp.Ceil, exp.Null)
_AS_ARGUMENT = (
    exp.Paren,
    exp.Neg,
    exp.Abs,
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


@dataclass(frozen=True)
class Leak:
    """A result column (`name`) whose type is decided by `culprit`."""

    name: str
    culprit: exp.Expr

    @property
    def source(self) -> str:
        """The culprit in words."""
        if isinstance(self.culprit, exp.Null):
            return "a NULL without a type"
        kind = type(self.culprit)
        return FUNCTIONS.get(kind) or OPERATORS.get(kind, "an expression")


_Columns = list[Leak | str]
"""A query's columns in order: a leak, or the bare name of a sound column. A star over a table has no entries."""


def leaks(query: exp.Expr) -> list[Leak]:
    """The result columns of a query that need a CAST, by the reason they need it."""
    return [column for column in _columns(query, {}) if isinstance(column, Leak)]


def _columns(query: exp.Expr, known: dict[str, _Columns]) -> _Columns:
    scope = dict(known)
    with_ = query.args.get("with_")
    for cte in cast(list[exp.CTE], with_.expressions if with_ else []):
        scope[cte.alias] = _columns(cte.this, scope)
    if isinstance(query, exp.Subquery):
        return _columns(query.this, scope)
    if isinstance(query, exp.SetOperation):
        return _merged(_columns(query.this, scope), _columns(query.expression, scope))
    if isinstance(query, exp.Select):
        return _of_select(query, scope)
    return []


def _merged(left: _Columns, right: _Columns) -> _Columns:
    """The columns of a set operation: a NULL without a type takes the type of the other side."""
    if len(left) != len(right):
        return left + [column for column in right if isinstance(column, Leak)]
    merged: _Columns = []
    for one, other in zip(left, right, strict=True):
        both = [column for column in (one, other) if isinstance(column, Leak)]
        typed = [leak for leak in both if not isinstance(leak.culprit, exp.Null)]
        only_nulls = len(both) == 2 and not typed
        name = one.name if isinstance(one, Leak) else one
        merged.append(Leak(name, (typed or both)[0].culprit) if typed or only_nulls else name)
    return merged


def _of_select(select: exp.Select, scope: dict[str, _Columns]) -> _Columns:
    sources = _sources(select, scope)
    columns: _Columns = []
    for projection in select.expressions:
        inner = projection.this if isinstance(projection, exp.Alias) else projection
        if isinstance(inner, exp.Star):
            columns += [column for source in sources.values() for column in source]
        elif isinstance(inner, exp.Column) and isinstance(inner.this, exp.Star):
            columns += sources.get(inner.table, [])
        else:
            name = projection.alias_or_name
            culprit = _culprit(inner, sources)
            columns.append(Leak(name, culprit) if culprit is not None else name)
    return columns


def _sources(select: exp.Select, scope: dict[str, _Columns]) -> dict[str, _Columns]:
    from_ = select.args.get("from_")
    relations = [from_.this] if from_ else []
    relations += [join.this for join in cast(list[exp.Join], select.args.get("joins") or [])]
    sources: dict[str, _Columns] = {}
    for relation in relations:
        if isinstance(relation, exp.Table):
            sources[relation.alias_or_name] = scope.get(relation.name, [])
        elif isinstance(relation, exp.Subquery):
            sources[relation.alias_or_name] = _columns(relation.this, scope)
    return sources


def _culprit(node: exp.Expr, sources: dict[str, _Columns]) -> exp.Expr | None:
    """The part of an expression that makes its type differ between the engines, if any."""
    if isinstance(node, exp.Column):
        tables = [sources.get(node.table, [])] if node.table else list(sources.values())
        found = (column for table in tables for column in table if isinstance(column, Leak))
        return next((leak.culprit for leak in found if leak.name == node.name), None)
    if isinstance(node, exp.Sum) and kind_of(node) is Kind.DOUBLE:
        return None
    if isinstance(node, _VARIES):
        return node
    if isinstance(node, _AS_ARGUMENT):
        return _culprit(node.this, sources)
    if isinstance(node, (exp.Add, exp.Sub, exp.Mul, exp.Mod)):
        inner = _first(_culprit(node.this, sources), _culprit(node.expression, sources))
        settled = kind_of(node) is Kind.DOUBLE or (kind_of(node) is Kind.WHOLE and inner is None)
        return None if settled else (inner or node)
    if isinstance(node, (exp.Case, exp.Coalesce, exp.Greatest, exp.Least)):
        return _first(*(_culprit(part, sources) for part in branches(node) if not isinstance(part, exp.Null)))
    if isinstance(node, exp.Subquery):
        inside = _columns(node, {})
        return next((column.culprit for column in inside if isinstance(column, Leak)), None)
    return None


def _first(*found: exp.Expr | None) -> exp.Expr | None:
    return next((node for node in found if node is not None), None)
