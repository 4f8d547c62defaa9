"""The table that an export goes to: what it looks like, which of its columns are written, and its key."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pymysql.cursors import Cursor

from tenure.core.errors import TenureError, UsageError
from tenure.exports.mariadb_cells import SentColumn
from tenure.sources.mariadb_columns import quoted

_TABLE = """
SELECT t.table_type, t.engine, COALESCE(e.transactions, 'NO') FROM information_schema.tables AS t
LEFT JOIN information_schema.engines AS e ON e.engine = t.engine
WHERE t.table_schema = DATABASE() AND t.table_name = %s
"""
_COLUMNS = """
SELECT column_name, data_type, column_type, is_nullable, column_default, extra FROM information_schema.columns
WHERE table_schema = DATABASE() AND table_name = %s ORDER BY ordinal_position
"""
_UNIQUE = """
SELECT index_name, column_name, sub_part FROM information_schema.statistics
WHERE table_schema = DATABASE() AND table_name = %s AND non_unique = 0
ORDER BY index_name <> 'PRIMARY', index_name, seq_in_index
"""
_TIED = """
SELECT COUNT(*) FROM information_schema.triggers WHERE event_object_schema = DATABASE() AND event_object_table = %s
UNION ALL
SELECT COUNT(*) FROM information_schema.referential_constraints
WHERE (constraint_schema = DATABASE() AND table_name = %s)
   OR (unique_constraint_schema = DATABASE() AND referenced_table_name = %s)
"""


@dataclass(frozen=True)
class TargetColumn:
    """A column of the target as information_schema describes it."""

    name: str
    type: str
    declared: str
    generated: bool
    needed: bool


@dataclass(frozen=True)
class Target:
    """The table that is written: `unique` holds the columns of each unique index, the primary key first."""

    name: str
    engine: str
    transactional: bool
    columns: tuple[TargetColumn, ...]
    unique: tuple[tuple[str, ...], ...]
    tied: bool


@dataclass(frozen=True)
class Pair:
    """A column of the export and the column of the target that takes it."""

    sent: SentColumn
    name: str
    type: str


@dataclass(frozen=True)
class Match:
    """Which columns are written, and which of them are the key (none in mode insert)."""

    pairs: tuple[Pair, ...]
    key: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """The columns of the target that are written."""
        return [pair.name for pair in self.pairs]

    @property
    def values(self) -> list[Pair]:
        """The columns that are not of the key."""
        return [pair for pair in self.pairs if pair.name not in self.key]


def describe_target(cursor: Cursor, table: str, where: str) -> Target | None:
    """What the target looks like; None when there is no such table. Raises `TenureError` for a view."""
    found = _ask(cursor, _TABLE, table)
    if not found:
        return None
    kind, engine, transactions = found[0]
    if "VIEW" in str(kind):
        raise TenureError("is a view, and only a table can be written", where=where, cure="name the table behind it")
    columns = tuple(
        TargetColumn(
            str(name),
            str(type_).lower(),
            str(declared),
            generated="GENERATED" in str(extra).upper(),
            needed=nullable == "NO" and default is None and "auto_increment" not in str(extra).lower(),
        )
        for name, type_, declared, nullable, default, extra in _ask(cursor, _COLUMNS, table)
    )
    indexes: dict[str, list[str]] = {}
    partial: set[str] = set()
    for index, column, part in _ask(cursor, _UNIQUE, table):
        indexes.setdefault(str(index), []).append(str(column))
        if part is not None:
            partial.add(str(index))
    unique = tuple(tuple(names) for index, names in indexes.items() if index not in partial)
    tied = any(int(row[0]) for row in _ask(cursor, _TIED, table, table, table))
    return Target(table, str(engine), transactions == "YES", columns, unique, tied)


def match_columns(target: Target, sent: Sequence[SentColumn], mode: str, key: Sequence[str], where: str) -> Match:
    """Pair the columns by name; raises `TenureError` for whatever would make the server refuse or change a value."""
    by_name = {column.name.lower(): column for column in target.columns}
    missing = [column.name for column in sent if column.name.lower() not in by_name]
    if missing:
        raise TenureError(
            f"has no column {', '.join(missing)}",
            where=where,
            cure=f"choose with --columns, or rename with AS in --sql; its columns are "
            f"{', '.join(column.name for column in target.columns)}",
        )
    pairs = tuple(_pair(column, by_name[column.name.lower()], where) for column in sent)
    written = {pair.name for pair in pairs}
    needed = [column.name for column in target.columns if column.needed and not column.generated]
    lacking = [name for name in needed if name not in written]
    if lacking and mode != "update":
        raise TenureError(
            f"needs a value in {', '.join(lacking)}, which the export does not give",
            where=where,
            cure="add it in --sql, or give the column a default on the server",
        )
    return Match(pairs, _key(target, pairs, mode, key, where))


def _pair(sent: SentColumn, column: TargetColumn, where: str) -> Pair:
    place = f"{where}.{column.name}"
    if column.generated:
        raise TenureError("is computed by the server", where=place, cure="leave it out of the export (--columns)")
    if not sent.fits(column.type):
        raise TenureError(
            f"is {column.declared}, and the export gives {sent.kind} ({sent.type.split(' CHAR')[0]})",
            where=place,
            cure=f"alter the column, or convert in --sql, such as CAST({sent.name} AS …)",
        )
    return Pair(sent, column.name, column.type)


def _key(target: Target, pairs: Sequence[Pair], mode: str, wanted: Sequence[str], where: str) -> tuple[str, ...]:
    if mode == "insert":
        if wanted:
            raise UsageError("--key is for --mode update and --mode upsert", cure="leave it out, or name the mode")
        return ()
    written = {pair.name.lower(): pair.name for pair in pairs}
    if not wanted:
        found = next((index for index in target.unique if {name.lower() for name in index} <= written.keys()), None)
        if found is None:
            raise UsageError(
                f"{where} has no unique index whose columns the export gives",
                cure="name the key with --key, and make a unique index on it on the server",
            )
        return found
    unknown = [name for name in wanted if name.lower() not in written]
    if unknown:
        raise UsageError(
            f"--key {', '.join(unknown)} is no column of the export", cure=f"they are {', '.join(written.values())}"
        )
    key = tuple(written[name.lower()] for name in dict.fromkeys(wanted))
    if {name.lower() for name in key} not in [{name.lower() for name in index} for index in target.unique]:
        raise TenureError(
            f"has no unique index on ({', '.join(key)}), so one exported row could change several",
            where=where,
            cure=f"CREATE UNIQUE INDEX … ON {quoted(target.name)} ({', '.join(map(quoted, key))}), or name another key",
        )
    return key


def create_sql(name: str, sent: Sequence[SentColumn], key: Sequence[str]) -> str:
    """The CREATE TABLE of a table that holds every value of the export exactly; `key` becomes its primary key."""
    names = {column.name.lower(): column.name for column in sent}
    unknown = [column for column in key if column.lower() not in names]
    if unknown:
        raise UsageError(
            f"--key {', '.join(unknown)} is no column of the export", cure=f"they are {', '.join(names.values())}"
        )
    keys = [names[column.lower()] for column in dict.fromkeys(key)]
    lines = [f"{quoted(column.name)} {_created(column, column.name in keys)}" for column in sent]
    if keys:
        lines.append(f"PRIMARY KEY ({', '.join(map(quoted, keys))})")
    return f"CREATE TABLE {quoted(name)} ({', '.join(lines)}) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4"


def _created(column: SentColumn, in_key: bool) -> str:
    """Keys are told apart to the last byte; text that is no key may be of any length."""
    if not in_key:
        return "LONGTEXT" if column.kind == "text" else column.type
    if column.kind == "text":
        return "VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL"
    return f"{column.type} NOT NULL"


def _ask(cursor: Cursor, question: str, *values: str) -> tuple[tuple[Any, ...], ...]:
    cursor.execute(question, values)
    return cursor.fetchall()
