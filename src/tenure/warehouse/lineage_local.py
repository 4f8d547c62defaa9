"""Reads from one SELECT which rows of its tables can matter to its rows with one value of a column.

`SELECT a.k, SUM(b.x) … FROM a INNER JOIN b ON b.k = a.k GROUP BY a.k`: the rows with k = 1 depend only on the rows of
a and of b with k = 1. It holds when tables meet by equality with the column, and whatever adds up or looks at other
rows (GROUP BY, windows) keeps to one value of it. What cannot be shown so counts as dependent on the whole table.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from sqlglot import exp

from tenure.engine.dialect import parse

Local = Mapping[str, str | None]
"""Table → the column of it that has the same value; None where all of the table matters."""

_Name = tuple[str, str]
"""A table's alias in a SELECT, and a column of it."""


@dataclass(frozen=True)
class _Part:
    """Something to select from: for each of its columns what its rows depend on, and all tables behind it."""

    columns: Mapping[str, Local]
    tables: frozenset[str]


@dataclass
class _Select:
    """The tables of one SELECT by alias, and which of their columns are equal.

    `equal` ones are so in every row; of `matched` ones one may be NULL, where an outer join found no partner.
    """

    known: Mapping[str, _Part]
    sources: dict[str, _Part] = field(default_factory=dict[str, _Part])
    equal: dict[_Name, set[_Name]] = field(default_factory=dict[_Name, set[_Name]])
    matched: dict[_Name, set[_Name]] = field(default_factory=dict[_Name, set[_Name]])

    def find(self, node: exp.Expr) -> _Name | None:
        """Which column of which table an expression is; None for anything but a column."""
        if isinstance(node, (exp.Paren, exp.Alias)):
            return self.find(node.this)
        if not isinstance(node, exp.Column):
            return None
        name = node.name.lower()
        if node.table:
            return (node.table.lower(), name)
        return next(((alias, name) for alias, part in self.sources.items() if name in part.columns), None)

    def same(self, name: _Name) -> set[_Name]:
        """All columns that have this one's value in every row, itself included."""
        return self.equal.get(name, {name})

    def partners(self, name: _Name) -> set[_Name]:
        """All columns by which rows are joined to rows with this one's value, itself included."""
        return self.matched.get(name, {name})

    def join(self, left: _Name | None, right: _Name | None, *, outer: bool) -> None:
        """Note that two columns are equal, for an outer join where it finds a partner."""
        for classes in (self.matched,) if outer else (self.matched, self.equal):
            if left and right:
                together = classes.get(left, {left}) | classes.get(right, {right})
                classes.update(dict.fromkeys(together, together))


def local_columns(sql: str, where: str, tables: Mapping[str, Sequence[str]]) -> dict[str, Local]:
    """For every column of a SELECT over `tables` (name → columns): what its rows with one value depend on."""
    known = {
        name: _Part({column: {name: column} for column in columns}, frozenset({name}))
        for name, columns in tables.items()
    }
    return dict(_query(parse(sql, where), known).columns)


def _merged(several: Iterable[Local]) -> Local:
    """What all of these together depend on: a column only where they agree on it."""
    found: dict[str, str | None] = {}
    for local in several:
        for table, column in local.items():
            found[table] = column if found.get(table, column) == column else None
    return found


def _whole(tables: Iterable[str]) -> Local:
    return dict.fromkeys(tables)


def _query(node: exp.Expr, known: Mapping[str, _Part]) -> _Part:
    clause = node.args.get("with_")
    around = dict(known)
    for cte in clause.expressions if isinstance(clause, exp.With) else ():
        around[cte.alias.lower()] = _renamed(_query(cte.this, around), cte)
    if isinstance(node, (exp.Subquery, exp.Paren)):
        return _cut(node, _query(node.this, around))
    if isinstance(node, exp.SetOperation):
        left, right = _query(node.this, around), _query(node.args["expression"], around)
        pairs = zip(left.columns.items(), right.columns.values(), strict=True)
        columns = {name: _merged([local, other]) for (name, local), other in pairs}
        return _cut(node, _Part(columns, left.tables | right.tables))
    if isinstance(node, exp.Values):
        width = max(len(row.expressions) for row in node.expressions)
        return _renamed(_Part({f"col{place}": {} for place in range(width)}, frozenset()), node)
    return _cut(node, _select(cast(exp.Select, node), around))


def _cut(node: exp.Expr, part: _Part) -> _Part:
    """LIMIT makes every row depend on all others."""
    if not (node.args.get("limit") or node.args.get("offset")):
        return part
    return _Part({name: _whole(part.tables) for name in part.columns}, part.tables)


def _renamed(part: _Part, node: exp.Expr) -> _Part:
    alias = node.args.get("alias")
    names = [column.name.lower() for column in alias.columns] if isinstance(alias, exp.TableAlias) else []
    names += list(part.columns)[len(names) :]
    return _Part(dict(zip(names, part.columns.values(), strict=True)), part.tables)


def _add_source(node: exp.Expr, select: _Select) -> None:
    if isinstance(node, exp.Subquery) and isinstance(node.this, exp.Table):
        _add_source(node.this, select)
    elif isinstance(node, exp.Table) and isinstance(node.this, exp.Func):  # day_series(first, last)
        select.sources[node.alias.lower()] = _renamed(_Part({"day": {}}, frozenset()), node)
    else:
        part = select.known[node.name.lower()] if isinstance(node, exp.Table) else _query(node, select.known)
        select.sources[(node.alias or node.name).lower()] = _renamed(part, node)
    for join in cast(list[exp.Join], node.args.get("joins") or []):
        _add_join(join, select)


def _add_join(join: exp.Join, select: _Select) -> None:
    before = list(select.sources)
    _add_source(join.this, select)
    added = [alias for alias in select.sources if alias not in before]
    outer = str(join.args.get("side") or "") != ""
    _note_equal(join.args.get("on"), select, outer=outer)
    for column in cast(list[exp.Expr], join.args.get("using") or []):
        name = column.name.lower()
        for alias in before:
            if name in select.sources[alias].columns:
                select.join((alias, name), (added[0], name), outer=outer)


def _note_equal(node: exp.Expr | None, select: _Select, *, outer: bool) -> None:
    """The equalities that a condition demands: those joined by AND."""
    if isinstance(node, exp.Paren):
        _note_equal(node.this, select, outer=outer)
    elif isinstance(node, exp.And):
        _note_equal(node.this, select, outer=outer)
        _note_equal(node.args["expression"], select, outer=outer)
    elif isinstance(node, exp.EQ):
        select.join(select.find(node.this), select.find(node.args["expression"]), outer=outer)


def _select(node: exp.Select, known: Mapping[str, _Part]) -> _Part:
    select = _Select(known)
    first = node.args.get("from_")
    if isinstance(first, exp.From):
        _add_source(first.this, select)
    for join in cast(list[exp.Join], node.args.get("joins") or []):
        _add_join(join, select)
    condition = node.args.get("where")
    _note_equal(condition.this if isinstance(condition, exp.Where) else None, select, outer=False)
    asides = _asides(node, select)
    tables = asides.union(*(part.tables for part in select.sources.values()))
    bounds = _bounds(node, select)
    columns: dict[str, Local] = {}
    for name, column, constant in _projections(node, select):
        unique = name if name and name not in columns else f"{name}:{len(columns)}"
        if constant:
            columns[unique] = {}
        elif column is None or not all(select.same(column) & bound for bound in bounds):
            columns[unique] = _whole(tables)
        else:
            columns[unique] = _merged([*_locals(select, column), _whole(asides)])
    return _Part(columns, tables)


def _locals(select: _Select, column: _Name) -> Iterator[Local]:
    """What each table of a SELECT is read for, by the columns of it that are equal to this one."""
    partners = sorted(select.partners(column))
    for alias, part in select.sources.items():
        ways = [part.columns[name] for owner, name in partners if owner == alias and name in part.columns]
        yield min(ways, key=lambda local: sum(found is None for found in local.values()), default=_whole(part.tables))


def _projections(node: exp.Select, select: _Select) -> Iterator[tuple[str, _Name | None, bool]]:
    """Each column of the result: its name, which column of a table it is, and whether it is NULL in every row."""
    for entry in cast(list[exp.Expr], node.expressions):
        star = isinstance(entry, exp.Star) or (isinstance(entry, exp.Column) and isinstance(entry.this, exp.Star))
        if star:
            wanted = [entry.table.lower()] if isinstance(entry, exp.Column) else list(select.sources)
            given: set[_Name] = set()
            for alias in wanted:
                for name in select.sources[alias].columns:
                    merged = any(other in given for other in select.partners((alias, name)) if other[1] == name)
                    if isinstance(entry, exp.Star) and merged and _is_using(node, name):
                        continue
                    given.add((alias, name))
                    yield name, (alias, name), False
        else:
            inner = entry.this if isinstance(entry, exp.Alias) else entry
            value = inner.this if isinstance(inner, exp.Cast) else inner
            yield entry.alias_or_name.lower(), select.find(entry), isinstance(value, exp.Null)


def _is_using(node: exp.Select, name: str) -> bool:
    joins = cast(list[exp.Join], node.args.get("joins") or [])
    columns = [cast(list[exp.Expr], join.args.get("using") or []) for join in joins]
    return any(column.name.lower() == name for named in columns for column in named)


def _bounds(node: exp.Select, select: _Select) -> list[set[_Name]]:
    """For each window the columns by whose values it keeps rows apart.

    GROUP BY needs none: a column of the result that is not added up is one that it groups by.
    """
    inside = (part for entry in cast(list[exp.Expr], node.expressions) for part in _own_nodes(entry))
    named = {entry.this.name.lower(): entry for entry in cast(list[exp.Window], node.args.get("windows") or [])}
    found: list[set[_Name]] = []
    for window in inside:
        if isinstance(window, exp.Window):
            own, shared = (_partition(part) for part in (window, named.get(window.alias.lower())))
            found.append(_names([*own, *shared], select))
    return found


def _partition(window: exp.Expr | None) -> list[exp.Expr]:
    return cast(list[exp.Expr], (window.args.get("partition_by") if window else None) or [])


def _names(entries: Iterable[exp.Expr], select: _Select) -> set[_Name]:
    return {name for entry in entries if (name := select.find(entry))}


def _asides(node: exp.Select, select: _Select) -> frozenset[str]:
    """The tables of subqueries in conditions and expressions: they matter as a whole."""
    sources = {id(part) for part in _source_queries(node)}
    found: set[str] = set()
    for query in node.find_all(exp.Query):
        if query is node or id(query) in sources or any(id(above) in sources for above in _queries_above(query, node)):
            continue
        for table in query.find_all(exp.Table):
            part = select.known.get(table.name.lower())
            found |= part.tables if part else set()
    return frozenset(found)


def _source_queries(node: exp.Select) -> Iterator[exp.Expr]:
    """The queries in WITH, FROM and JOIN, which are followed on their own."""
    for name in ("with_", "from_"):
        part = node.args.get(name)
        if isinstance(part, exp.Expr):
            yield from part.find_all(exp.Query)
    for join in cast(list[exp.Join], node.args.get("joins") or []):
        yield from join.this.find_all(exp.Query)


def _queries_above(query: exp.Expr, node: exp.Expr) -> Iterator[exp.Expr]:
    above = query.parent
    while above is not None and above is not node:
        yield above
        above = above.parent


def _own_nodes(node: exp.Expr) -> Iterator[exp.Expr]:
    """The nodes of an expression, those of subqueries in it left out."""
    yield from node.walk(prune=lambda part: isinstance(part, exp.Query))
