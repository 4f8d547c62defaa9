"""The rows of tables that changed rows lead to: looked up once, then shared by all that ask for them.

Finding the rows of a few customers means to read a large table from end to end. Several models and checks want the
same rows of the same table, so what one of them had to find is kept for the others until the build ends.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from tenure.engine.protocol import Engine
from tenure.warehouse.parts import PartWriter


@dataclass(frozen=True)
class Touched:
    """The values of a column that changed rows have: a relation with the column `value`, and how many there are.

    `with_null` tells whether a missing value is one of them.
    """

    relation: str
    number: int
    with_null: bool

    def holds(self, column: str) -> str:
        """The condition that a column has one of these values."""
        found = f"{column} IN (SELECT value FROM {self.relation})"
        # Said twice, so that stretches of a file without any value are passed over.
        return f"({found} OR {column} IS NULL)" if self.with_null else f"({column} IS NOT NULL AND {found})"


Columns: TypeAlias = "frozenset[str] | None"
"""Names among which are those of the columns that are needed; None for all columns."""


@dataclass(frozen=True)
class Lookup:
    """How models look for the rows of a table by a column: how often, and for which columns."""

    times: int = 0
    columns: Columns = frozenset()

    def also(self, times: int, columns: Columns) -> "Lookup":
        """With those of one more model."""
        return Lookup(self.times + times, _both(self.columns, columns))


@dataclass(frozen=True)
class _Slice:
    """All rows of a table with the values of `touched`; with `dated`, only those of the months of changed rows.

    `columns`: those that it has, None for all.
    """

    touched: Touched
    relation: str
    dated: str | None = None
    columns: Columns = None

    def has(self, names: Columns) -> bool:
        """Whether it has all of these columns."""
        return self.columns is None or (names is not None and names <= self.columns)


@dataclass
class Slices:
    """What has been looked up so far in one build. `wanted`: what will be, by table and column."""

    writer: PartWriter
    wanted: Mapping[tuple[str, str], Lookup]
    _known: dict[tuple[str, str], list[_Slice]] = field(default_factory=dict[tuple[str, str], list[_Slice]])

    def select(self, table: str, column: str, touched: Touched, needed: Columns) -> str:
        """A SELECT of the rows of `table` that have these values in `column`, with at least the `needed` columns."""
        chosen = touched.holds(f's."{column}"')
        columns = [entry.name for entry in self.writer.engine.columns(f"{table}__all")]
        named = None if needed is None else needed & set(columns)
        for known in self._known.get((table, column), ()):
            if known.dated is None and touched.number <= known.touched.number and known.has(named):
                values = f"SELECT value FROM {touched.relation}"
                if _covers(self.writer.engine, known.touched, values):
                    return f"SELECT s.* FROM {known.relation} AS s WHERE {chosen}"
        wanted = self.wanted.get((table, column), Lookup())
        if wanted.times < 2:
            return f"SELECT s.* FROM {table}__all AS s WHERE {chosen}"
        relation = f"slice_{len(self._known.get((table, column), ()))}__{table}__{column}"
        listed = _both(_both(wanted.columns, needed), frozenset([column]))
        part = None if listed is None else frozenset(name for name in columns if name in listed)
        names = ", ".join(f's."{name}"' for name in columns if part is None or name in part)
        keep(self.writer, relation, f"SELECT {names} FROM {table}__all AS s WHERE {chosen}")
        self._add(table, column, _Slice(touched, relation, columns=part))
        return f"SELECT * FROM {relation}"

    def add(self, table: str, column: str, touched: Touched, relation: str, dated: str | None = None) -> None:
        """Remember that `relation` holds all rows of `table` that have these values in `column`.

        `dated`: a date column; rows of months that no changed row of the table has may be missing.
        """
        self._add(table, column, _Slice(touched, relation, dated))

    def _add(self, table: str, column: str, found: _Slice) -> None:
        self._known.setdefault((table, column), []).append(found)

    def source(self, table: str, columns: Collection[str], changed: Sequence[str], own: bool, sql: str) -> str:
        """Where `sql` may look for the rows of `table` that have the values in `columns` of the `changed` relations.

        `own`: these are the changed rows of the table itself.
        """
        words = set(re.findall(r"\w+", sql))
        named = frozenset(entry.name for entry in self.writer.engine.columns(f"{table}__all")) & words
        for column in columns:
            values = " UNION ALL ".join(f'SELECT "{column}" AS value FROM {relation}' for relation in changed)
            for known in self._known.get((table, column), ()):
                within = known.dated is None or (own and known.dated in columns)
                if within and known.has(named) and _covers(self.writer.engine, known.touched, values):
                    return known.relation
        return f"{table}__all"


def keep(writer: PartWriter, relation: str, sql: str) -> int:
    """Evaluate a SELECT once, into a file that `relation` then reads; returns the number of rows."""
    file = writer.scratch / f"{relation}.parquet"
    rows = writer.engine.write(sql, file)
    writer.engine.view_of_files(relation, [file])
    return rows


def _both(some: Columns, others: Columns) -> Columns:
    return None if some is None or others is None else some | others


def _covers(engine: Engine, known: Touched, values: str) -> bool:
    others = f"SELECT value FROM ({values}) AS v EXCEPT SELECT value FROM {known.relation}"
    return engine.query(f"SELECT COUNT(*) AS n FROM ({others}) AS others")["n"][0].as_py() == 0
