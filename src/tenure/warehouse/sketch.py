"""Runs models over empty tables: their columns, and what the engine objects to, before anything is computed."""

import json
import re
import tempfile
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from sqlglot import exp

from tenure.contracts.entities import ENTITIES, ID
from tenure.core.errors import BuildError
from tenure.core.settings import Settings
from tenure.engine.dialect import parse
from tenure.engine.duckdb import DuckDBEngine
from tenure.engine.protocol import Column
from tenure.warehouse.graph import tables_of
from tenure.warehouse.inputs import register_inputs
from tenure.warehouse.models import Model, ModelColumn, ProjectTypes

COLUMN_NAME = re.compile(r"[a-z_][a-z0-9_]*")
_IDS = {column.name for entity in ENTITIES.values() for column in entity.columns if column.type == ID}

_CURE = (
    'correct the SQL; tenure sql "DESCRIBE TABLE" shows the columns of a table, '
    "and one that only your sources have is there after its first load"
)


@dataclass(frozen=True)
class Sketch:
    """An engine with every input, empty; `columns` says which columns a SELECT over inputs and models gives."""

    engine: DuckDBEngine

    def words(self) -> set[str]:
        """Words of SQL that cannot be the name of a table, in DuckDB or in Spark."""
        found = self.engine.query(
            "SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category IN ('reserved', 'type_function')"
        )
        return {*map(str, found["keyword_name"].to_pylist()), "minus"}

    def add(self, name: str, columns: Iterable[Column]) -> None:
        """An empty table of these columns."""
        empty = ", ".join(f'CAST(NULL AS {column.type}) AS "{column.name}"' for column in columns)
        self.engine.view(name, f"SELECT {empty} WHERE 1 = 0")

    def columns(self, sql: str, where: str) -> tuple[Column, ...]:
        """The columns of a query; raises `BuildError` for what the engine refuses, with the line where it is known."""
        tree = parse(sql, where)
        _expect_names(tree, where)
        try:
            self.engine.view("_sketch", sql)
        except BuildError as error:
            cure = error.cure or _CURE
            raise BuildError(error.what, where=_place(tree, error.what, where), cure=cure) from error
        columns = tuple(self.engine.columns("_sketch"))
        for column in columns:
            if not COLUMN_NAME.fullmatch(column.name):
                raise BuildError(
                    f"gives a column the name '{column.name}'",
                    where=where,
                    cure="name every column by AS, in small letters, digits and _",
                )
        return columns


@contextmanager
def empty_inputs(types: ProjectTypes) -> Generator[Sketch]:
    """A sketch of all inputs: the columns that they have by entity and contracts, and no row."""
    engine = DuckDBEngine(Path(tempfile.gettempdir()), threads=1)
    try:
        register_inputs(engine, [], types, Settings(), date(2000, 1, 1))
        yield Sketch(engine)
    finally:
        engine.close()


def _expect_names(tree: exp.Query, where: str) -> None:
    names = tree.named_selects
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise BuildError(f"gives two columns the name {twice}", where=where, cure="give one another name by AS")


def _place(tree: exp.Query, message: str, where: str) -> str:
    """The line of the first name that the engine's message quotes and the SQL holds."""
    quoted = re.findall(r'"(\w+)"', message)
    lines = {node.name: node.meta.get("line") for node in tree.find_all(exp.Identifier)}
    line = next((lines[word] for word in reversed(quoted) if lines.get(word)), None)
    return f"{where}:{line}" if line else where


def skeleton(tree: exp.Query, columns: Sequence[Column], above: Mapping[str, Model]) -> str:
    """A yml to paste for a model without one; what a table above says of a column is taken along."""
    known: dict[str, ModelColumn] = {}
    for name in sorted(tables_of(tree) & above.keys()):
        known = {**above[name].description.columns, **known}
    names = [column.name for column in columns]
    lines = ["description: What this table is", "grain: What one row is", "kind: full"]
    lines += [f"key: [{', '.join(_key(tree, names))}]", "columns:"]
    for column in columns:
        kind = "id" if column.name in _IDS and column.type in ("BIGINT", "STRING") else column.type
        lines.append(column_line(Column(column.name, kind), known.get(column.name)))
    return "\n".join(lines)


def _key(tree: exp.Query, names: list[str]) -> list[str]:
    """The columns that the query groups by, where they are in the result; else the first column."""
    group = tree.args.get("group")
    grouped = [node.name for node in group.expressions] if isinstance(group, exp.Group) else []
    return grouped if grouped and set(grouped) <= set(names) else names[:1]


def column_line(column: Column, known: ModelColumn | None = None) -> str:
    """A column as a line of a yml to paste."""
    entry = {"type": column.type, "description": known.description if known else "What it means"}
    if known and known.unit:
        entry["unit"] = known.unit
    if known and known.personal:
        entry["personal"] = known.personal
    words = (f"{word}: {_scalar(value)}" for word, value in entry.items())
    return f"  {column.name}: {{{', '.join(words)}}}"


def _scalar(text: str) -> str:
    return text if re.fullmatch(r"[\w][\w ./()-]*", text) else json.dumps(text, ensure_ascii=False)
