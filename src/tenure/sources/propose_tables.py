"""Lists the tables of a MariaDB database and proposes a contract for each: keys and exact types as the server says."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import unquote, urlsplit

from pymysql.cursors import Cursor

from tenure.contracts.entities import ENTITIES
from tenure.contracts.suggest import Seen, Suggestion, is_called_churned, suggest
from tenure.contracts.synonyms import plain
from tenure.core.errors import SourceRefused, UsageError
from tenure.sources.mariadb_address import Address, default_variable
from tenure.sources.mariadb_catalogue import session, type_of
from tenure.sources.mariadb_columns import is_readable, quoted
from tenure.sources.proposal import Proposal, columns_of, free_source, notes_of

PLACE = "the address"
"""Where a url stands that was given on the command line, for messages."""

_TABLES = """
SELECT table_name, table_type, COALESCE(table_rows, 0) FROM information_schema.tables
WHERE table_schema = DATABASE() AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED', 'VIEW') ORDER BY table_name
"""
_COLUMNS = """
SELECT table_name, column_name, data_type, column_type, is_nullable, numeric_precision, numeric_scale, extra
FROM information_schema.columns WHERE table_schema = DATABASE() ORDER BY table_name, ordinal_position
"""
_KEYS = """
SELECT table_name, index_name, column_name, nullable FROM information_schema.statistics
WHERE table_schema = DATABASE() AND non_unique = 0
ORDER BY table_name, index_name <> 'PRIMARY', index_name, seq_in_index
"""
_COUNTED = 1_000_000
_UNSIGNED = 32
"""The flag of a result's column that has no negative numbers."""

_INTEGERS = frozenset({"tinyint", "smallint", "mediumint", "int", "bigint", "year"})
_MOST_DIGITS = 38


@dataclass(frozen=True)
class Server:
    """Where the tables are, for their contracts: the url, what holds the password, and how to encrypt."""

    url: str
    variable: str
    tls: str | None = None


@dataclass(frozen=True)
class ServerTable:
    """A table or view: its columns by contract type, its unique keys, how many rows it has.

    `exact` tells whether the rows were counted; the server's own number is an estimate, a view has none.
    `unreadable` are columns of types that cannot be read.
    """

    name: str
    is_view: bool
    rows: int | None
    exact: bool
    columns: tuple[Seen, ...]
    keys: tuple[tuple[str, ...], ...]
    unreadable: tuple[str, ...]

    @property
    def suggestion(self) -> Suggestion:
        """What it seems to be."""
        return suggest(self.name, self.columns, self.keys)


def list_tables(address: Address, variable: str, place: str = PLACE) -> list[ServerTable]:
    """Every table and view of the database that the account may read, by name."""
    with session(address, place, variable) as cursor:
        tables = [(str(name), str(kind) == "VIEW", int(rows)) for name, kind, rows in _ask(cursor, _TABLES)]
        columns = _by_table(_ask(cursor, _COLUMNS))
        keys = _by_table(_ask(cursor, _KEYS))
        return [
            _table(cursor, name, is_view, rows, columns.get(name, []), keys.get(name, []))
            for name, is_view, rows in tables
        ]


def find_table(cursor: Cursor, name: str) -> ServerTable:
    """One table of the database, by its name; raises `SourceRefused` where the account cannot read it."""
    found = [row for row in _ask(cursor, _TABLES) if str(row[0]).lower() == name.lower()]
    exact = next((row for row in found if str(row[0]) == name), found[0] if found else None)
    if exact is None:
        raise SourceRefused(
            "does not exist, or this user may not read it",
            where=f"table {name}",
            cure="check its name, or GRANT SELECT on it to the user",
        )
    table, kind, rows = str(exact[0]), str(exact[1]), int(exact[2])
    columns = _by_table(_ask(cursor, _COLUMNS)).get(table, [])
    keys = _by_table(_ask(cursor, _KEYS)).get(table, [])
    return _table(cursor, table, kind == "VIEW", rows, columns, keys)


def query_columns(cursor: Cursor, query: str) -> tuple[Seen, ...]:
    """The columns of a SELECT, with types that hold all they can give; nothing is read."""
    cursor.execute("START TRANSACTION READ ONLY")
    cursor.execute(f"SELECT * FROM ({query}\n) AS t LIMIT 0")
    found: list[Seen] = []
    # PyMySQL keeps the flags and character sets of a result's columns to itself.
    fields: list[Any] = getattr(cursor, "_result").fields  # noqa: B009 - a name that the type checker must not see
    for entry in fields:
        type_ = type_of(entry.type_code, entry.charsetnr)
        full = f"{type_} unsigned" if entry.flags & _UNSIGNED else type_
        # A sign and a point count as digits here: more room than is needed does no harm.
        digits = min(int(entry.length), _MOST_DIGITS) if entry.length <= _MOST_DIGITS + 2 else int(entry.length)
        found.append(Seen(str(entry.name), _types(type_, full, digits, int(entry.scale), counts_up=False)))
    return tuple(column for column in found if column.types)


def _ask(cursor: Cursor, question: str) -> Sequence[tuple[Any, ...]]:
    cursor.execute(question)
    return cursor.fetchall()


def _by_table(rows: Iterable[tuple[Any, ...]]) -> dict[str, list[tuple[Any, ...]]]:
    found: dict[str, list[tuple[Any, ...]]] = {}
    for table, *rest in rows:
        found.setdefault(str(table), []).append(tuple(rest))
    return found


def _table(
    cursor: Cursor,
    name: str,
    is_view: bool,
    estimate: int,
    columns: Sequence[tuple[Any, ...]],
    indexes: Sequence[tuple[Any, ...]],
) -> ServerTable:
    seen = [_with_words(cursor, name, is_view or estimate > _COUNTED, _seen(*column)) for column in columns]
    readable = tuple(column for column in seen if column.types)
    unreadable = tuple(column.name for column in seen if not column.types)
    rows, exact = (None, False) if is_view else (estimate, False)
    if not is_view and estimate <= _COUNTED and seen:
        cursor.execute(f"SELECT COUNT(*) FROM {quoted(name)}")
        rows, exact = int(cursor.fetchall()[0][0]), True
    return ServerTable(name, is_view, rows, exact, readable, _keys(indexes, {c.name for c in readable}), unreadable)


def _with_words(cursor: Cursor, table: str, is_costly: bool, seen: Seen) -> Seen:
    """The column with its values, where it may say who has left and asking the server is cheap."""
    if is_costly or not seen.types or "boolean" in seen.types or not is_called_churned(seen.name):
        return seen
    # Yes and yes are one word to many collations, but two to a contract.
    text = f"CONVERT({quoted(seen.name)} USING utf8mb4) COLLATE utf8mb4_bin"
    cursor.execute(f"SELECT DISTINCT {text} FROM {quoted(table)} WHERE {quoted(seen.name)} IS NOT NULL LIMIT 9")
    words = tuple(sorted(word for (text,) in cursor.fetchall() if (word := str(text).strip())))
    return replace(seen, words=words) if words else seen


def _keys(indexes: Sequence[tuple[Any, ...]], readable: Collection[str]) -> tuple[tuple[str, ...], ...]:
    """Unique keys without nulls over columns that can be read, the primary key first."""
    found: dict[str, list[str]] = {}
    unfit: set[str] = set()
    for index, column, nullable in indexes:
        found.setdefault(str(index), []).append(str(column))
        if nullable == "YES" or str(column) not in readable:
            unfit.add(str(index))
    return tuple(tuple(columns) for index, columns in found.items() if index not in unfit)


def _seen(
    name: str, type_: str, full: str, nullable: str, precision: int | None, scale: int | None, extra: str
) -> Seen:
    types = _types(
        str(type_).lower(), str(full).lower(), precision, scale, counts_up="auto_increment" in str(extra).lower()
    )
    # An empty text is missing to a contract, but not to the server: of text it is not asked.
    required = nullable == "NO" and bool(types) and types[0] != "string"
    return Seen(str(name), types, required)


def _types(type_: str, full: str, precision: int | None, scale: int | None, *, counts_up: bool) -> tuple[str, ...]:
    """Contract types that hold every value of a server's type exactly, best first; none for a type that is not read."""
    if not is_readable(type_):
        return ()
    if type_ == "decimal":
        digits, decimals = int(precision or 0), int(scale or 0)
        return (f"decimal({digits},{decimals})", "string") if digits <= _MOST_DIGITS else ("string",)
    if type_ == "bigint" and "unsigned" in full:
        # No counter ever gets beyond 2^63.
        return ("integer", "string") if counts_up else ("decimal(20,0)", "integer", "string")
    if type_ == "bit":
        bits = int(precision or 1)
        return ("integer", "boolean", "string") if bits < 64 else ("decimal(20,0)", "string")
    if type_ in _INTEGERS:
        return ("integer", "boolean", "string") if full.startswith("tinyint(1)") else ("integer", "string")
    if type_ in {"float", "double"}:
        return ("number",)
    return ({"date": "date", "datetime": "timestamp", "timestamp": "timestamp"}.get(type_, "string"),)


def propose_tables(
    tables: Sequence[ServerTable], server: Server, taken: Collection[str], name: str | None = None
) -> list[Proposal]:
    """A contract for each table; `name` is the source's name, or with several tables what their names begin with.

    Raises `SourceRefused` for a table of which no column can be read.
    """
    used = set(taken)
    proposals: list[Proposal] = []
    for table in tables:
        suggestion = table.suggestion
        wanted = table.name if name is None else name if len(tables) == 1 else f"{name}_{table.name}"
        # A name that somebody chose is taken as it is, or refused; one of ours gives way.
        source = free_source(wanted, used if len(tables) > 1 else (), suggestion.entity, ENTITIES)
        used.add(source)
        proposals.append(_propose(table, suggestion, source, server))
    return proposals


def _propose(table: ServerTable, suggestion: Suggestion, source: str, server: Server) -> Proposal:
    if not table.columns:
        raise SourceRefused(
            "has no column that this user may read",
            where=f"table {table.name}",
            cure="GRANT SELECT on it to the user, or leave it out with --exclude",
        )
    content: dict[str, Any] = {
        "source": source,
        "entity": suggestion.entity,
        "kind": "mariadb",
        "url": server.url,
        "table": table.name,
    }
    if server.variable != default_variable(source):
        content["password_variable"] = server.variable
    if server.tls:
        content["tls"] = server.tls if server.tls in {"required", "verify"} else {"ca": server.tls}
    notes = list(notes_of(suggestion))
    if suggestion.key:
        content |= {"key": list(suggestion.key), "mode": "snapshot"}
        if table.exact and table.rows == 0:
            content["allow_empty"] = True
    else:
        content["keyless"] = True
        notes.append(
            "It has no unique columns without nulls, so a row cannot be told from an equal one: whenever its content "
            "has changed, all rows are loaded again as new ones"
        )
    if table.unreadable:
        notes.append(f"Left out, because columns of their types cannot be read: {', '.join(table.unreadable)}")
    content["columns"] = columns_of(suggestion)
    found = f"{'view' if table.is_view else 'table'} {table.name}"
    return Proposal(source, found, content, tuple(notes), table.rows)


def database_variable(url: str) -> str:
    """The environment variable that holds the password for all tables of a database, by the database's name."""
    try:
        database = unquote(urlsplit(url).path)
    except ValueError:
        database = ""
    return default_variable(plain(database) or "mariadb")


def choose(
    tables: Sequence[ServerTable], wanted: Sequence[str], exclude: Sequence[str], views: bool
) -> list[ServerTable]:
    """The tables to add: those `wanted` by name, or all but the excluded; raises `UsageError` for an unknown one."""
    by_name = {table.name: table for table in tables}
    unknown = next((name for name in wanted if name not in by_name), None)
    if unknown is not None:
        near = get_close_matches(unknown, by_name, n=3)
        cure = f"did you mean {' or '.join(near)}?" if near else f"the tables are {', '.join(by_name)}"
        raise UsageError(f"there is no table {unknown} that this user may read", cure=cure)
    if wanted:
        return [by_name[name] for name in dict.fromkeys(wanted)]
    unused = next((pattern for pattern in exclude if not any(fnmatchcase(name, pattern) for name in by_name)), None)
    if unused is not None:
        raise UsageError(f"--exclude {unused} fits no table", cure=f"the tables are {', '.join(by_name)}")
    kept = [
        table
        for table in tables
        if (views or not table.is_view) and not any(fnmatchcase(table.name, pattern) for pattern in exclude)
    ]
    if not kept:
        raise UsageError("no table is left to add", cure=f"the tables are {', '.join(by_name) or 'none at all'}")
    return kept
