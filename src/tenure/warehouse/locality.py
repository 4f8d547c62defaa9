"""Tries to refute what a model promises by `follows` and `onwards`, on rows made up for the purpose.

A promise that does not hold makes increments differ from a full build, silently. So the model's SQL is run
over a few dozen random rows: once over all, once for each value over its rows only. A difference refutes
the promise. Nothing is proven by finding none, but what people forget (a rank among all, a share of the
total, a join by another column) is found.
"""

import random
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
from sqlglot import exp

from tenure.core.errors import BuildError
from tenure.engine.dialect import parse
from tenure.engine.protocol import Column, Engine
from tenure.warehouse.graph import references
from tenure.warehouse.models import Model, ProjectTypes
from tenure.warehouse.project_files import read_files
from tenure.warehouse.project_models import LAYER
from tenure.warehouse.sketch import empty_inputs

_ROWS = 40
_ROUNDS = 3
_FIRST_DAY = date(2024, 1, 1)
_DAYS = 200
_CUT = date(2024, 4, 1)
_ARROW = {
    "STRING": pa.string(),
    "BIGINT": pa.int64(),
    "INTEGER": pa.int32(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("us"),
}

_WHY = {
    "follows": "rows of one value depend on rows of another",
    "onwards": "a row depends on rows of later months",
}
_CURE = {
    "follows": "let every GROUP BY, PARTITION BY and join go through {column}, or make the model full",
    "onwards": "look back only, or take onwards out",
}

Rows = Counter[tuple[object, ...]]


@dataclass(frozen=True)
class Refuted:
    """A promise that does not hold: the word in the yml, the input and the column that it names."""

    word: str
    table: str
    column: str


def expect_promises(root: Path, changed: Sequence[Model], models: Sequence[Model], types: ProjectTypes) -> None:
    """Raises `BuildError` for the first of the `changed` models of a project whose promise is refuted.

    `models` are all there are, Tenure's own as well. This costs a second for each model, so it is for those
    whose definition is not the one of the release before.
    """
    promising = [model for model in changed if model.layer == LAYER and model.description.follows]
    if not promising:
        return
    known = {model.name: model for model in models}
    files = {file.name: file for file in read_files(root)}
    for model in promising:
        with empty_inputs(types) as sketch:
            reads = references(model)
            for name in reads & known.keys():
                sketch.add(name, known[name].columns)
            keys = {name: known[name].description.key for name in reads & known.keys()}
            keys |= {name: () for name in reads if name.startswith("raw_")}
            found = refuted(sketch.engine, model, keys)
        if found:
            raise BuildError(
                f"{found.word} {found.table} by {found.column} does not hold: {_WHY[found.word]}",
                where=files[model.name].yml_place(found.word, found.table),
                cure=_CURE[found.word].format(column=found.column),
            )


def refuted(engine: Engine, model: Model, keys: Mapping[str, tuple[str, ...]]) -> Refuted | None:
    """A promise of the model that made-up rows refute, None when none is.

    `engine` shows every table that the model reads, with its columns; those in `keys` (table → key columns) are
    filled, in views of the same names, which stay so. Rows that the SQL cannot compute refute nothing.
    """
    columns = {name: engine.columns(name) for name in keys}
    texts = [node.this for node in parse(model.sql, model.where).find_all(exp.Literal) if node.is_string]
    for seed in range(_ROUNDS):
        chance = random.Random(seed)  # noqa: S311 - the same made-up rows every time; nothing is secret
        maker = _Maker(chance, frozenset(model.description.follows.values()), texts)
        for name, key in keys.items():
            engine.register(f"_made_{name}", maker.table(columns[name], key))
        try:
            found = _first_difference(engine, model, keys)
        except BuildError:
            return None  # made-up values may not fit a cast: then nothing can be said
        if found:
            return found
    return None


def _first_difference(engine: Engine, model: Model, tables: Iterable[str]) -> Refuted | None:
    follows, onwards = model.description.follows, model.description.onwards
    everything = dict.fromkeys(tables, "1 = 1")
    whole = _settled(engine, model, everything)
    if whole is None:
        return None
    place = {column.name: number for number, column in enumerate(model.columns)}
    for column in sorted(set(follows.values())):
        for value in sorted({row[place[column]] for row in whole} - {None}, key=repr):
            only = {name: f'"{by}" = {_literal(value)}' if by == column else "1 = 0" for name, by in follows.items()}
            alone = _settled(engine, model, {**everything, **only})
            mine = Counter({row: number for row, number in whole.items() if row[place[column]] == value})
            if alone is not None and alone != mine:
                return Refuted("follows", next(name for name, by in follows.items() if by == column), column)
    partition = model.description.partition
    if onwards and partition:
        until = {name: f"\"{by}\" < CAST('{_CUT}' AS DATE)" for name, by in onwards.items()}
        alone = _settled(engine, model, {**everything, **until})
        if alone is not None and _until(alone, place[partition]) != _until(whole, place[partition]):
            return Refuted("onwards", *next(iter(onwards.items())))
    return None


def _settled(engine: Engine, model: Model, conditions: Mapping[str, str]) -> Rows | None:
    """The rows of the model; None where the order of the made-up rows decides them, so that they tell nothing."""
    found = _rows(engine, model, conditions, "ASC")
    return found if found == _rows(engine, model, conditions, "DESC") else None


def _rows(engine: Engine, model: Model, conditions: Mapping[str, str], order: str) -> Rows:
    """The rows of the model over the made-up rows that meet the conditions, given in this order."""
    for name, condition in conditions.items():
        engine.view(name, f"SELECT * FROM _made_{name} WHERE {condition} ORDER BY ALL {order}")
    names = ", ".join(f'"{column.name}"' for column in model.columns)
    found = engine.query(f"SELECT {names} FROM ({model.sql}) AS made")
    return Counter(zip(*(column.to_pylist() for column in found.columns), strict=True))


def _until(rows: Rows, place: int) -> Rows:
    """The rows whose partition is a date before the cut."""
    return Counter({row: number for row, number in rows.items() if _day(row[place]) < _CUT})


def _day(value: object) -> date:
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else date.max


def _literal(value: object) -> str:
    text = str(value).replace("'", "''")
    return text if isinstance(value, int) else f"'{text}'"


@dataclass(frozen=True)
class _Maker:
    """Makes up tables. Few different ids, so that rows meet; many different numbers and times, so that few tie."""

    chance: random.Random
    followed: frozenset[str]
    texts: list[str]

    def table(self, columns: Iterable[Column], key: tuple[str, ...]) -> pa.Table:
        """A table of these columns in which no key comes twice."""
        columns = list(columns)
        rows: dict[object, dict[str, object]] = {}
        for number in range(_ROWS):
            row = {column.name: self._value(column, column.name in key) for column in columns}
            rows[tuple(row[name] for name in key) or number] = row
        schema = pa.schema([(column.name, _arrow(column.type)) for column in columns])
        return pa.Table.from_pylist(list(rows.values()), schema=schema)

    def _value(self, column: Column, filled: bool) -> object:
        filled = filled or column.name in self.followed or column.name.startswith("valid_")
        if not filled and self.chance.random() < 0.1:
            return None
        if column.name.endswith("_id") or column.name in self.followed:
            number = self.chance.randint(1, 5 if column.name in self.followed else 60)
            return str(number) if column.type == "STRING" else number
        return self._of_type(column.type)

    def _of_type(self, kind: str) -> object:
        chance = self.chance
        if kind == "STRING":
            return chance.choice([*self.texts, "a", "b"])
        if kind == "BOOLEAN":
            return chance.random() < 0.5
        if kind == "DATE":
            return _FIRST_DAY + timedelta(days=chance.randrange(_DAYS))
        if kind == "TIMESTAMP":
            return datetime.combine(_FIRST_DAY, time.min) + timedelta(seconds=chance.randrange(_DAYS * 86_400))
        if kind == "DOUBLE":
            return chance.randrange(8000) / 8
        decimal = re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", kind)
        if decimal:
            digits = min(int(decimal[1]), 6)
            return Decimal(chance.randrange(10**digits)).scaleb(-int(decimal[2]))
        return chance.randrange(10_000)


def _arrow(kind: str) -> pa.DataType:
    decimal = re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", kind)
    return pa.decimal128(int(decimal[1]), int(decimal[2])) if decimal else _ARROW[kind]
