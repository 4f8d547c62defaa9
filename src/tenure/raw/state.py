"""The state database: a load exists once its row here is committed, and not before."""

import sqlite3
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from datetime import date, datetime
from pathlib import Path

from tenure.core.errors import TenureError
from tenure.raw.settled import SETTLED_TABLE, Settled, insert_settled, read_settled

_LOAD = """
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
  filtered INTEGER NOT NULL DEFAULT 0,
  deleted INTEGER NOT NULL DEFAULT 0,
  unchanged INTEGER NOT NULL DEFAULT 0,
  watermark TEXT,
  CHECK (records_in = loaded + quarantined + duplicates + unchanged + filtered)
);
"""
_DELIVERY = """
CREATE TABLE delivery (
  source TEXT NOT NULL,
  name TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  stamp TEXT NOT NULL,
  load_id TEXT NOT NULL REFERENCES load (load_id),
  PRIMARY KEY (source, name)
);
"""
_VERSION = 3
_FROM_1 = (
    # Version 1 knew neither filters nor deletes, and SQLite cannot change the check of a table.
    "sequence, load_id, source, entity, delivery, sha256, contract_version, business_date, recorded_at, run_id,"
    " records_in, loaded, quarantined, duplicates, manifest_sha256"
)


def _with_all_columns_of(columns: str) -> str:
    """What makes the table of loads anew from one that has just these columns."""
    return (
        f"ALTER TABLE load RENAME TO load_before; {_LOAD}"
        f" INSERT INTO load ({columns}) SELECT {columns} FROM load_before; DROP TABLE load_before; {SETTLED_TABLE}"
    )


_STEPS = {
    0: f"{_LOAD} {_DELIVERY} {SETTLED_TABLE}",
    1: _with_all_columns_of(_FROM_1),
    2: _with_all_columns_of(f"{_FROM_1}, filtered, deleted"),
}
"""Version of the database → what makes it the newest one."""


@dataclass(frozen=True)
class LoadRecord:
    """One committed load. `sequence` is the order in which loads were recorded; `sha256` is the delivery's.

    `records_in = loaded + quarantined + duplicates + unchanged + filtered`. `deleted` counts delete markers: rows of
    the load's data that stand for no record of the delivery, but for keys that the source no longer holds.
    `watermark`: up to where an incremental source has been read with this load.
    """

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
    filtered: int = 0
    deleted: int = 0
    unchanged: int = 0
    watermark: str | None = None


@dataclass(frozen=True)
class SeenDelivery:
    """What was last loaded under a name, and the file's stamp then (see `sources/files.py`)."""

    sha256: str
    stamp: str
    load_id: str
    records_in: int
    contract_version: str = ""


_COLUMNS = ", ".join(field.name for field in fields(LoadRecord))
_MARKS = ", ".join("?" for _ in fields(LoadRecord))


class StateDatabase:
    """SQLite with full synchronisation; one writer at a time holds the project's lock."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._open() as connection:
            version = _version(connection)
            if version not in {*_STEPS, _VERSION}:
                raise TenureError(
                    f"the state database has version {version}; this Tenure reads version {_VERSION}",
                    where=str(path),
                    cure="use the Tenure that wrote it, or a newer one",
                )
            if version != _VERSION:
                _upgrade(connection)

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
                "SELECT d.sha256, d.stamp, d.load_id, l.records_in, l.contract_version FROM delivery AS d"
                " INNER JOIN load AS l ON l.load_id = d.load_id WHERE d.source = ? AND d.name = ?",
                (source, name),
            ).fetchone()
        return SeenDelivery(*row) if row else None

    def commit(self, load: LoadRecord, stamp: str, settled: Sequence[Settled] = ()) -> None:
        """Make a load exist, together with the memory of its delivery: the commit point of ingestion.

        `settled` are the quarantined records of earlier loads that it takes in.
        """
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
            insert_settled(connection, settled)
            connection.execute("COMMIT")

    def settle(self, settled: Sequence[Settled]) -> None:
        """Remember what became of quarantined records, of all of them or of none."""
        with self._open() as connection:
            connection.execute("BEGIN IMMEDIATE")
            insert_settled(connection, settled)
            connection.execute("COMMIT")

    def settled(self) -> dict[tuple[str, int], Settled]:
        """What became of quarantined records, by load and ordinal; one that is not here is open."""
        with self._open() as connection:
            return {(entry.load_id, entry.ordinal): entry for entry in read_settled(connection)}

    def restamp(self, source: str, name: str, stamp: str) -> None:
        """Remember that a delivery with another stamp was found to have the same bytes."""
        with self._open() as connection:
            connection.execute("UPDATE delivery SET stamp = ? WHERE source = ? AND name = ?", (stamp, source, name))


def _version(connection: sqlite3.Connection) -> int:
    return connection.execute("PRAGMA user_version").fetchone()[0]


def _upgrade(connection: sqlite3.Connection) -> None:
    """Bring the tables to the newest version in one transaction; another process may have been faster."""
    # Off, and the old way of renaming: `delivery` must go on referring to the name `load`, whatever bears it.
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute("PRAGMA legacy_alter_table = ON")
    connection.execute("BEGIN IMMEDIATE")
    if (version := _version(connection)) != _VERSION:
        for statement in _STEPS[version].split(";"):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {_VERSION}")
    connection.execute("COMMIT")
    connection.execute("PRAGMA legacy_alter_table = OFF")
    connection.execute("PRAGMA foreign_keys = ON")


def _record(row: tuple[object, ...]) -> LoadRecord:
    values = dict(zip((field.name for field in fields(LoadRecord)), row, strict=True))
    values["business_date"] = date.fromisoformat(str(values["business_date"]))
    values["recorded_at"] = datetime.fromisoformat(str(values["recorded_at"]))
    return LoadRecord(**values)  # pyright: ignore[reportArgumentType]
