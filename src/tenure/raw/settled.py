"""What became of quarantined records. Nothing leaves the quarantine: a row here says why a record no longer waits."""

import sqlite3
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from datetime import datetime
from typing import Literal

Fate = Literal["replayed", "dismissed"]

SETTLED_TABLE = """
CREATE TABLE settled (
  load_id TEXT NOT NULL REFERENCES load (load_id),
  ordinal INTEGER NOT NULL,
  fate TEXT NOT NULL CHECK (fate IN ('replayed', 'dismissed')),
  by_load TEXT REFERENCES load (load_id),
  reason TEXT NOT NULL,
  settled_at TEXT NOT NULL,
  settled_by TEXT NOT NULL,
  PRIMARY KEY (load_id, ordinal)
);
"""


@dataclass(frozen=True)
class Settled:
    """The fate of the quarantined record `ordinal` (counted from 1) of a load.

    `by_load`: the load that took it in, if it was replayed. `settled_by`: the account name of whoever did it.
    """

    load_id: str
    ordinal: int
    fate: Fate
    by_load: str | None
    reason: str
    settled_at: datetime
    settled_by: str


_COLUMNS = ", ".join(field.name for field in fields(Settled))
_MARKS = ", ".join("?" for _ in fields(Settled))


def insert_settled(connection: sqlite3.Connection, entries: Iterable[Settled]) -> None:
    """Add entries within the transaction that is open; a record that is settled already is an error of SQLite."""
    rows = [
        tuple(
            value.isoformat(timespec="microseconds") if isinstance(value, datetime) else value
            for value in astuple(entry)
        )
        for entry in entries
    ]
    connection.executemany(f"INSERT INTO settled ({_COLUMNS}) VALUES ({_MARKS})", rows)


def read_settled(connection: sqlite3.Connection) -> list[Settled]:
    """All entries, in the order of loads and records."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM settled ORDER BY load_id, ordinal").fetchall()
    return [
        Settled(load_id, ordinal, fate, by_load, reason, datetime.fromisoformat(settled_at), settled_by)
        for load_id, ordinal, fate, by_load, reason, settled_at, settled_by in rows
    ]
