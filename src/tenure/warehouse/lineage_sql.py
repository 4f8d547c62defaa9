"""Reads from one SELECT where each of its columns comes from, and which columns decide its rows.

Names are looked up the way both engines do it: tables in scope, then names given by AS, then the query around.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import cast

from sqlglot import exp

from tenure.core.errors import BuildError
from tenure.engine.dialect import parse
from tenure.warehouse.graph import tables_of

ROWS = "*"
"""In place of a column: the rows themselves, as COUNT(*) sees them."""


class How(StrEnum):
    """What a column of a table above is to a column or a table.

    The first three are direct: the value is made of it. The others are indirect: it decides which value, or
    which rows, without being part of it.
    """

    IDENTITY = "same"
    TRANSFORMATION = "computed"
    AGGREGATION = "aggregated"
    CONDITION = "condition"
    WINDOW = "window"
    FILTER = "filter"
    JOIN = "join"
    GROUP = "group"
    SORT = "sort"

    @property
    def direct(self) -> bool:
        """Whether the value itself comes from there."""
        return self in _DIRECT


_DIRECT = (How.IDENTITY, How.TRANSFORMATION, How.AGGREGATION)


@dataclass(frozen=True, order=True)
class Use:
    """A column of a table that is read, and what for; `column` is `ROWS` where only rows are counted."""

    table: str
    column: str
    how: How


Uses = frozenset[Use]
_NONE: Uses = frozenset()


@dataclass(frozen=True)
class Trace:
    """What a query's columns come from, column by column, and what decides its rows.

    A column without uses is a constant. `count` are the tables whose rows become its rows, `tables` all that it
    reads. `rows` covers the whole query, its subqueries included: a column there may decide which rows there are,
    which are added up into one, or which rows of another table stand beside them.
    """

    columns: Mapping[str, Uses]
    rows: Uses
    count: Uses
    tables: frozenset[str]


@dataclass(frozen=True)
class _Relation:
    """Something to select from; `count` is what COUNT(*) over it counts."""

    columns: Mapping[str, Uses]
    rows: Uses = _NONE
    count: Uses = _NONE

    def renamed(self, names: Sequence[str]) -> "_Relation":
        """With the names of an alias such as `t(a, b)`; columns beyond those keep theirs."""
        own = list(self.columns)
        return replace(self, columns=dict(zip([*names, *own[len(names) :]], self.columns.values(), strict=True)))


@dataclass(frozen=True)
class _Scope:
    """What names mean in one SELECT: tables by alias, queries named by WITH, windows, names given by AS."""

    known: Mapping[str, _Relation]
    where: str
    outer: "_Scope | None" = None
    sources: dict[str, _Relation] = field(default_factory=dict[str, _Relation])
    joined: set[str] = field(default_factory=set[str])
    windows: dict[str, exp.Expr] = field(default_factory=dict[str, exp.Expr])
    named: dict[str, exp.Expr] = field(default_factory=dict[str, exp.Expr])

    @property
    def count(self) -> Uses:
        """The rows of all tables in scope."""
        return _union(source.count for source in self.sources.values())


def trace(sql: str, where: str, tables: Mapping[str, Sequence[str]]) -> Trace:
    """The lineage of a SELECT over `tables` (name → columns in order).

    Raises `BuildError` for SQL outside the common subset, and for a name that cannot be found.
    """
    known = {
        name: _Relation(
            {column: frozenset({Use(name, column, How.IDENTITY)}) for column in columns},
            count=frozenset({Use(name, ROWS, How.IDENTITY)}),
        )
        for name, columns in tables.items()
    }
    tree = parse(sql, where)
    made = _query(tree, _Scope(known, where))
    return Trace(made.columns, made.rows, made.count, frozenset(tables_of(tree)))


def _through(how: How, uses: Iterable[Use]) -> Uses:
    """What `uses` of a column are to whoever reads that column as `how`: the indirect and the greater change win."""
    return frozenset(replace(use, how=_joined(how, use.how)) for use in uses)


def _joined(outer: How, inner: How) -> How:
    if not outer.direct or not inner.direct:
        return inner if outer.direct else outer
    return max(outer, inner, key=_DIRECT.index)


def _union(several: Iterable[Uses]) -> Uses:
    return frozenset(use for uses in several for use in uses)


def _query(node: exp.Expr, scope: _Scope) -> _Relation:
    """A SELECT, a set operation or VALUES; `scope` is what stands around it."""
    known = dict(scope.known)
    clause = node.args.get("with_")
    for cte in clause.expressions if isinstance(clause, exp.With) else ():
        made = _query(cte.this, replace(scope, known=known))
        known[cte.alias.lower()] = made.renamed(_alias_columns(cte))
    inner = _Scope(known, scope.where, scope.outer)
    if isinstance(node, (exp.Subquery, exp.Paren)):
        return _query(node.this, inner)
    if isinstance(node, exp.SetOperation):
        return _set_operation(node, inner)
    if isinstance(node, exp.Values):
        return _values(node, inner)
    return _select(cast(exp.Select, node), inner)


def _alias_columns(node: exp.Expr) -> list[str]:
    alias = node.args.get("alias")
    return [column.name.lower() for column in alias.columns] if isinstance(alias, exp.TableAlias) else []


def _set_operation(node: exp.SetOperation, scope: _Scope) -> _Relation:
    left, right = _query(node.this, scope), _query(node.args["expression"], scope)
    rows = left.rows | right.rows
    pairs = zip(left.columns.items(), right.columns.values(), strict=True)
    if isinstance(node, exp.Union):
        columns = {name: uses | others for (name, uses), others in pairs}
        everything = _union(columns.values())
        rows |= _through(How.GROUP, everything) if node.args.get("distinct") else _NONE
        return _ordered(node, _Relation(columns, rows, left.count | right.count), scope)
    compared = _union([*left.columns.values(), *right.columns.values()])
    return _ordered(node, replace(left, rows=rows | _through(How.FILTER, compared)), scope)


def _ordered(node: exp.Expr, made: _Relation, scope: _Scope) -> _Relation:
    """ORDER BY decides rows only where LIMIT cuts them."""
    order = node.args.get("order")
    if order is None or not (node.args.get("limit") or node.args.get("offset")):
        return made
    inside = replace(scope, sources={**scope.sources, "": made} if not scope.sources else scope.sources)
    uses = _union(_position_or_uses(entry.this, made, inside) for entry in order.expressions)
    return replace(made, rows=made.rows | _through(How.SORT, uses))


def _position_or_uses(node: exp.Expr, made: _Relation, scope: _Scope) -> Uses:
    """GROUP BY 2 and ORDER BY 2 mean the second column of the result."""
    if isinstance(node, exp.Literal) and not node.is_string:
        return list(made.columns.values())[int(node.this) - 1]
    return _uses(node, scope)


def _values(node: exp.Values, scope: _Scope) -> _Relation:
    width = max(len(row.expressions) for row in node.expressions)
    columns = {
        f"col{place}": _union(_uses(row.expressions[place], scope) for row in node.expressions)
        for place in range(width)
    }
    return _Relation(columns).renamed(_alias_columns(node))


def _select(node: exp.Select, scope: _Scope) -> _Relation:
    rows: set[Use] = set()
    first = node.args.get("from_")
    if isinstance(first, exp.From):
        rows |= _add_source(first.this, scope)
    for join in cast(list[exp.Join], node.args.get("joins") or []):
        rows |= _add_join(join, scope)
    windows = cast(list[exp.Expr], node.args.get("windows") or [])
    scope.windows.update({entry.this.name.lower(): entry for entry in windows})
    scope.named.update({entry.alias.lower(): entry.this for entry in node.expressions if isinstance(entry, exp.Alias)})
    columns: dict[str, Uses] = {}
    for entry in node.expressions:
        for name, uses in _projection(entry, scope):
            # A column without a name, or with one that another has, can only be meant by its place.
            columns[name if name and name not in columns else f"{name}:{len(columns)}"] = uses
    made = _Relation(columns, count=scope.count)
    for clause, how in (("where", How.FILTER), ("having", How.FILTER)):
        if condition := node.args.get(clause):
            rows |= _through(how, _uses(condition.this, scope))
    if group := node.args.get("group"):
        rows |= _through(How.GROUP, _union(_position_or_uses(entry, made, scope) for entry in group.expressions))
    if node.args.get("distinct"):
        rows |= _through(How.GROUP, _union(columns.values()))
    return _ordered(node, replace(made, rows=frozenset(rows)), scope)


def _add_source(node: exp.Expr, scope: _Scope) -> Uses:
    """Put a table or subquery of FROM into scope; returns what decides its rows."""
    rows = _NONE
    if isinstance(node, exp.Subquery) and isinstance(node.this, exp.Table):
        rows = _add_source(node.this, scope)
    else:
        relation = _source(node, scope).renamed(_alias_columns(node))
        scope.sources[(node.alias or node.name).lower()] = relation
        rows = relation.rows
    for join in cast(list[exp.Join], node.args.get("joins") or []):
        rows |= _add_join(join, scope)
    return rows


def _source(node: exp.Expr, scope: _Scope) -> _Relation:
    if not isinstance(node, exp.Table):
        return _query(node, scope)
    if isinstance(node.this, exp.Func):  # day_series(first, last)
        return _Relation({"day": _through(How.TRANSFORMATION, _children(node.this, scope))})
    relation = scope.known.get(node.name.lower())
    if relation is None:
        raise _unknown(node.name, "table", scope)
    return relation


def _add_join(join: exp.Join, scope: _Scope) -> Uses:
    rows = _add_source(join.this, scope)
    if condition := join.args.get("on"):
        rows |= _through(How.JOIN, _uses(condition, scope))
    for column in cast(list[exp.Expr], join.args.get("using") or []):
        scope.joined.add(column.name.lower())
        rows |= _through(How.JOIN, _named(column.name.lower(), scope) or _NONE)
    return rows


def _projection(node: exp.Expr, scope: _Scope) -> Iterator[tuple[str, Uses]]:
    """The columns that one entry of a SELECT gives: several for a star."""
    if isinstance(node, exp.Star):
        given: set[str] = set()
        for source in scope.sources.values():
            for name, uses in source.columns.items():
                if name not in scope.joined:
                    yield name, uses
                elif name not in given:
                    yield name, _named(name, scope) or uses
                    given.add(name)
    elif isinstance(node, exp.Column) and isinstance(node.this, exp.Star):
        yield from _table(node.table, scope).columns.items()
    else:
        yield node.alias_or_name.lower(), _uses(node, scope)


def _table(name: str, scope: _Scope) -> _Relation:
    around: _Scope | None = scope
    while around is not None:
        if name.lower() in around.sources:
            return around.sources[name.lower()]
        around = around.outer
    raise _unknown(name, "table", scope)


def _named(name: str, scope: _Scope) -> Uses | None:
    """A column by its name alone; of tables joined by USING it may be in several."""
    found = [source.columns[name] for source in scope.sources.values() if name in source.columns]
    if found:
        return _union(found)
    if name in scope.named:
        rest = {other: node for other, node in scope.named.items() if other != name}
        return _uses(scope.named[name], replace(scope, named=rest))
    return _named(name, scope.outer) if scope.outer else None


def _column(node: exp.Column, scope: _Scope) -> Uses:
    name = node.name.lower()
    uses = _table(node.table, scope).columns.get(name) if node.table else _named(name, scope)
    if uses is None:
        raise _unknown(node.sql(), "column", scope)
    return uses


def _unknown(name: str, kind: str, scope: _Scope) -> BuildError:
    return BuildError(f"its lineage cannot be read: {kind} {name} is not in scope", where=scope.where)


def _uses(node: exp.Expr, scope: _Scope) -> Uses:
    """What the value of an expression comes from, and what decides it."""
    if isinstance(node, exp.Column):
        return _column(node, scope)
    if isinstance(node, (exp.Alias, exp.Paren)):
        return _uses(node.this, scope)
    if isinstance(node, exp.Query):
        made = _query(node, _Scope(scope.known, scope.where, scope))
        return _union(made.columns.values()) | _through(How.CONDITION, made.rows)
    if isinstance(node, exp.Exists):
        made = _query(node.this, _Scope(scope.known, scope.where, scope))
        return _through(How.CONDITION, made.rows | made.count)
    if isinstance(node, exp.Case):
        return _case(node, scope)
    if isinstance(node, exp.Window):
        return _window(node, scope)
    if isinstance(node, exp.Filter):
        kept = _through(How.CONDITION, _uses(node.args["expression"].this, scope))
        return _uses(node.this, scope) | kept
    if isinstance(node, exp.Count) and isinstance(node.this, exp.Star):
        return _through(How.AGGREGATION, scope.count)
    made = _children(node, scope)
    if not _adds_up(node):
        return _through(How.TRANSFORMATION, made)
    # What adds up constants counts rows.
    counted = _NONE if any(use.how.direct for use in made) else scope.count
    return _through(How.AGGREGATION, made | counted)


# These take the value of one row, another one than their own.
_OTHER_ROWS = (exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue)


def _adds_up(node: exp.Expr) -> bool:
    return isinstance(node, exp.AggFunc) and not isinstance(node, _OTHER_ROWS)


def _children(node: exp.Expr, scope: _Scope) -> Uses:
    return _union(_uses(child, scope) for child in node.iter_expressions() if not isinstance(child, exp.DataType))


def _case(node: exp.Case, scope: _Scope) -> Uses:
    branches = cast(list[exp.If], node.args["ifs"])
    values = [branch.args["true"] for branch in branches] + [node.args.get("default")]
    conditions = [node.args.get("this"), *(branch.this for branch in branches)]
    made = _union(_uses(value, scope) for value in values if value is not None)
    decided = _union(_uses(condition, scope) for condition in conditions if condition is not None)
    return _through(How.TRANSFORMATION, made) | _through(How.CONDITION, decided)


def _window(node: exp.Window, scope: _Scope) -> Uses:
    made = _uses(node.this, scope)
    definitions = [node, scope.windows.get(node.alias.lower())] if node.alias else [node]
    decided: set[Use] = set()
    for definition in definitions:
        if definition is not None:
            order = definition.args.get("order")
            parts = cast(
                list[exp.Expr], [*(definition.args.get("partition_by") or []), *(order.expressions if order else [])]
            )
            decided |= _union(_uses(part, scope) for part in parts)
    return made | _through(How.WINDOW, decided)
