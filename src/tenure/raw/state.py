"""The state database: a load exists once its row here is committed, and not before."""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from datetime import date, datetime
from pathlib import Path

from tenure.core.errors import TenureError

_SCHEMA = """
CREATE TABLE load (
  sequence INTEGER PRIMARY KEY,
  load_id TEXT NOT NULL UNIQUE,
  source TEXT NOT NULL,
  entity TEXT NOT NULL,
  delivery TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  contract_version TEXT NOT NULL,
  business_date TEXT NOT NULL,
  recorded_at TEXT NOT NULL,
  run_id TEXT NOT NULL,
  records_in INTEGER NOT NULL,
  loaded INTEGER NOT NULL,
  quarantined INTEGER NOT NULL,
  duplicates INTEGER NOT NULL,
  manifest_sha256 TEXT NOT NULL,
  CHECK (records_in = loaded + quarantined + duplicates)
);
CREATE TABLE delivery (
  source TEXT NOT NULL,
  name TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  stamp TEXT NOT NULL,
  load_id TEXT NOT NULL REFERENCES load (load_id),
  PRIMARY KEY (source, name)
);
PRAGMA user_version = 1;
"""
_VERSION = 1


@dataclass(frozen=True)
class LoadRecord:
    """One committed load. `sequence` is the order in which loads were recorded; `sha256` is the delivery's."""

    sequence: int
    load_id: str
    source: str
    entity: str
    delivery: str
    sha256: str
    contract_version: str
    business_date: date
    recorded_at: datetime
    run_id: str
    records_in: int
    loaded: int
    quarantined: int
    duplicates: int
    manifest_sha256: str


@dataclass(frozen=True)
class SeenDelivery:
    """What was last loaded under a name, and the file's stamp then (see `sources/files.py`)."""

    sha256: str
    stamp: str
    load_id: str
    records_in: int


_COLUMNS = ", ".join(field.name for field in fields(LoadRecord))
_MARKS = ", ".join("?" for _ in fields(LoadRecord))


class StateDatabase:
    """SQLite with full synchronisation; one writer at a time holds the project's lock."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._open() as connection:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
            elif version != _VERSION:
                raise TenureError(
                    f"the state database has version {version}; this Tenure reads version {_VERSION}",
                    where=str(path),
                    cure="use the Tenure that wrote it, or a newer one",
                )

    @contextmanager
    def _open(self) -> Generator[sqlite3.Connection]:
        try:
            connection = sqlite3.connect(self._path, isolation_level=None)
        except sqlite3.Error as error:
            raise self._refused(error) from error
        try:
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            yield connection
        except sqlite3.Error as error:
            raise self._refused(error) from error
        finally:
            connection.close()

    def _refused(self, error: sqlite3.Error) -> TenureError:
        return TenureError(
            f"the state database failed: {error}",
            where=str(self._path),
            cure="check disk space and permissions; nothing was committed, so run again",
        )

    def loads(self, source: str | None = None) -> list[LoadRecord]:
        """All committed loads, of one source if named, in the order they were recorded."""
        where, arguments = ("WHERE source = ?", (source,)) if source else ("", ())
        with self._open() as connection:
            rows = connection.execute(f"SELECT {_COLUMNS} FROM load {where} ORDER BY sequence", arguments).fetchall()
        return [_record(row) for row in rows]

    def next_sequence(self) -> int:
        """The sequence number that the next load will have (the caller holds the writer lock)."""
        with self._open() as connection:
            return connection.execute("SELECT COALESCE(MAX(sequence), 0) + 1 FROM load").fetchone()[0]

    def last_recorded_at(self) -> datetime | None:
        """When the newest load was recorded."""
        with self._open() as connection:
            text = connection.execute("SELECT MAX(recorded_at) FROM load").fetchone()[0]
        return datetime.fromisoformat(text) if text else None

    def seen(self, source: str, name: str) -> SeenDelivery | None:
        """What was last loaded from this source under this name."""
        with self._open() as connection:
            row = connection.execute(
                "SELECT d.sha256, d.stamp, d.load_id, l.records_in FROM delivery AS d"
                " INNER JOIN load AS l ON l.load_id = d.load_id WHERE d.source = ? AND d.name = ?",
                (source, name),
            ).fetchone()
        return SeenDelivery(*row) if row else None

    def commit(self, load: LoadRecord, stamp: str) -> None:
        """Make a load exist, together with the memory of its delivery: the commit point of ingestion."""
        values = tuple(
            value.isoformat(timespec="microseconds")
            if isinstance(value, datetime)
            else value.isoformat()
            if isinstance(value, date)
            else value
            for value in astuple(load)
        )
        with self._open() as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(f"INSERT INTO load ({_COLUMNS}) VALUES ({_MARKS})", values)
            connection.execute(
                "INSERT OR REPLACE INTO delivery (source, name, sha256, stamp, load_id) VALUES (?, ?, ?, ?, ?)",
                (load.source, load.delivery, load.sha256, stamp, load.load_id),
            )
            connection.execute("COMMIT")

    def restamp(self, source: str, name: str, stamp: str) -> None:
        """Remember that a delivery with another stamp was found to have the same bytes."""
        with self._open() as connection:
            connection.execute("UPDATE delivery SET stamp = ? WHERE source = ? AND name = ?", (stamp, source, name))


def _record(row: tuple[object, ...]) -> LoadRecord:
    values = dict(zip((field.name for field in fields(LoadRecord)), row, strict=True))
    values["business_date"] = date.fromisoformat(str(values["business_date"]))
    values["recorded_at"] = datetime.fromisoformat(str(values["recorded_at"]))
    return LoadRecord(**values)  # pyright: ignore[reportArgumentType]
