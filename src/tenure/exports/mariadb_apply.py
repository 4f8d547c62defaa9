"""Puts the rows of an export into the target table by SQL of the server, from a temporary table that holds them.

The rows come first into one temporary table with types that hold each value exactly, and from there into another
with the types of the target. If the two differ anywhere, the server would have changed a value silently (rounded,
trimmed, taken for another member of an ENUM): the export is refused before the target is touched.
"""

from dataclasses import dataclass

from pymysql.cursors import Cursor

from tenure.core.errors import TenureError
from tenure.exports.mariadb_cells import AS_THEY_STAND, TEXTS
from tenure.exports.mariadb_target import Match, Pair
from tenure.sources.mariadb_columns import quoted

SENT = "tenure_sent"
FITTED = "tenure_fitted"
NUMBER = "_tenure_row"
TARGET = "tenure_target"
"""What the target is called in statements that join it, so that no table's own name can be in the way."""


@dataclass(frozen=True)
class Counts:
    """What became of the exported rows; `absent` are those of mode update whose key the target does not have."""

    rows: int
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    absent: int = 0


def create_sent(cursor: Cursor, match: Match) -> None:
    """The temporary table that the rows are sent to."""
    listed = ", ".join(f"c{index} {pair.sent.type}" for index, pair in enumerate(match.pairs))
    cursor.execute(f"CREATE TEMPORARY TABLE {SENT} ({NUMBER} BIGINT AUTO_INCREMENT PRIMARY KEY, {listed})")


def sent_names(match: Match) -> str:
    """The columns of the temporary table, in the order of the export."""
    return ", ".join(f"c{index}" for index in range(len(match.pairs)))


def fit(cursor: Cursor, table: str, match: Match, where: str) -> None:
    """Give the rows the types of the target; raises `TenureError` naming a column that would not keep its values."""
    names = ", ".join(map(quoted, match.names))
    cursor.execute(
        f"CREATE TEMPORARY TABLE {FITTED} ({NUMBER} BIGINT NOT NULL PRIMARY KEY) "
        f"AS SELECT 0 AS {NUMBER}, {names} FROM {quoted(table)} LIMIT 0"
    )
    cursor.execute(
        f"INSERT INTO {FITTED} ({NUMBER}, {names}) SELECT {NUMBER}, {sent_names(match)} FROM {SENT} ORDER BY {NUMBER}"
    )
    kept = ", ".join(
        f"COALESCE(SUM(NOT ({_as_sent(f'f.{quoted(pair.name)}', pair)} <=> {_as_sent(f's.c{index}', pair)})), 0)"
        for index, pair in enumerate(match.pairs)
    )
    cursor.execute(f"SELECT {kept} FROM {SENT} AS s JOIN {FITTED} AS f USING ({NUMBER})")
    changed = {pair.name: int(n) for pair, n in zip(match.pairs, cursor.fetchall()[0], strict=True) if n}
    if changed:
        name, rows = next(iter(changed.items()))
        raise TenureError(
            f"would not keep the exported value in {rows} row{'' if rows == 1 else 's'}: "
            "the server would round, trim or replace it",
            where=f"{where}.{name}",
            cure="widen the column on the server, or convert in --sql so that the change is meant",
        )
    if match.key:
        _expect_key(cursor, match, where)
    cursor.execute(f"DROP TEMPORARY TABLE {SENT}")


def _expect_key(cursor: Cursor, match: Match, where: str) -> None:
    key = ", ".join(map(quoted, match.key))
    missing = " OR ".join(f"{quoted(name)} IS NULL" for name in match.key)
    cursor.execute(f"SELECT COUNT(*) FROM {FITTED} WHERE {missing}")
    nulls = int(cursor.fetchall()[0][0])
    cursor.execute(f"SELECT COUNT(*) FROM (SELECT 1 FROM {FITTED} GROUP BY {key} HAVING COUNT(*) > 1) AS twice")
    twice = int(cursor.fetchall()[0][0])
    if nulls or twice:
        found = f"{nulls} rows without a key" if nulls else f"{twice} keys more than once, as the table compares them"
        raise TenureError(
            f"the export has {found} ({', '.join(match.key)})",
            where=where,
            cure="choose the rows with --sql so that each key occurs once, or name another --key",
        )


def apply(cursor: Cursor, table: str, match: Match, mode: str, rows: int) -> Counts:
    """Insert, update or upsert the fitted rows: within a transaction that the caller began and ends."""
    target = quoted(table)
    names = ", ".join(map(quoted, match.names))
    own = ", ".join(f"f.{quoted(name)}" for name in match.names)
    if mode == "insert":
        inserted = cursor.execute(f"INSERT INTO {target} ({names}) SELECT {own} FROM {FITTED} AS f ORDER BY {NUMBER}")
        return Counts(rows, inserted=inserted)
    on = " AND ".join(f"{TARGET}.{quoted(name)} = f.{quoted(name)}" for name in match.key)
    joined = f"{FITTED} AS f STRAIGHT_JOIN {target} AS {TARGET} ON {on}"
    same = " AND ".join(_same(pair) for pair in match.pairs)
    # Locked, so that nobody changes a row between the counting and the writing.
    cursor.execute(f"SELECT COUNT(*), COALESCE(SUM({same}), 0) FROM {joined} FOR UPDATE")
    matched, unchanged = (int(count) for count in cursor.fetchall()[0])
    if matched > unchanged:
        # The key too: it may be another text that the table's collation takes for equal.
        assigned = ", ".join(f"{TARGET}.{quoted(name)} = f.{quoted(name)}" for name in match.names)
        cursor.execute(f"UPDATE {joined} SET {assigned} WHERE NOT ({same})")
    updated = matched - unchanged
    if mode == "update":
        return Counts(rows, updated=updated, unchanged=unchanged, absent=rows - matched)
    inserted = cursor.execute(
        f"INSERT INTO {target} ({names}) SELECT {own} FROM {FITTED} AS f LEFT JOIN {target} AS {TARGET} ON {on} "
        f"WHERE {TARGET}.{quoted(match.key[0])} IS NULL ORDER BY f.{NUMBER}"
    )
    if inserted + matched != rows:
        raise TenureError(
            f"{rows} rows were sent, but {inserted} inserted and {matched} found",
            where=table,
            cure="nothing was changed; run again, and let nobody else write to the table meanwhile",
        )
    return Counts(rows, inserted=inserted, updated=updated, unchanged=unchanged)


def _same(pair: Pair) -> str:
    return f"({_bytes(f'{TARGET}.{quoted(pair.name)}', pair)} <=> {_bytes(f'f.{quoted(pair.name)}', pair)})"


def _bytes(value: str, pair: Pair) -> str:
    """Text is compared to the last byte: case and trailing spaces count."""
    return f"CAST({value} AS BINARY)" if pair.type in TEXTS | {"enum", "set"} else value


def _as_sent(value: str, pair: Pair) -> str:
    """A value for comparing what was sent with what the target's type makes of it."""
    if pair.type in TEXTS | {"enum", "set"}:
        return f"CAST(CONVERT({value} USING utf8mb4) AS BINARY)"
    if pair.type in AS_THEY_STAND:
        return f"CAST({value} AS {pair.type.upper()})"
    return value
