"""The state database of an older Tenure is brought up to date, whole or not at all."""

import sqlite3
from pathlib import Path

import pytest

from tenure.core.errors import TenureError
from tenure.raw.state import StateDatabase

VERSION_1 = """
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
INSERT INTO load VALUES (1, 'L00000001', 'offers', 'offers', 'landing/offers.csv', 'abc', 'v', '2025-10-02',
  '2025-10-02T08:00:00.000000', 'run', 6, 3, 2, 1, 'def');
INSERT INTO delivery VALUES ('offers', 'landing/offers.csv', 'abc', 'stamp', 'L00000001');
"""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "state.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(VERSION_1)
    connection.close()
    return path


def _ask(path: Path, sql: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def test_a_database_of_version_1_keeps_its_loads_and_deliveries(old: Path) -> None:
    state = StateDatabase(old)
    (load,) = state.loads()
    assert (load.load_id, load.records_in, load.loaded, load.quarantined, load.duplicates) == ("L00000001", 6, 3, 2, 1)
    assert (load.manifest_sha256, load.filtered, load.deleted) == ("def", 0, 0)
    seen = state.seen("offers", "landing/offers.csv")
    assert seen is not None
    assert (seen.load_id, seen.records_in, seen.stamp) == ("L00000001", 6, "stamp")
    assert StateDatabase(old).loads() == [load]


def test_an_old_database_ends_up_as_a_new_one(old: Path, tmp_path: Path) -> None:
    StateDatabase(old)
    StateDatabase(tmp_path / "new.sqlite")
    tables = "SELECT name, sql FROM sqlite_master WHERE type = 'table' ORDER BY name"
    assert _ask(old, tables) == _ask(tmp_path / "new.sqlite", tables)
    assert _ask(old, "PRAGMA user_version") == _ask(tmp_path / "new.sqlite", "PRAGMA user_version")
    assert _ask(old, "PRAGMA foreign_key_check") == []


def test_an_upgrade_that_cannot_be_finished_leaves_the_old_database_as_it_was(old: Path) -> None:
    connection = sqlite3.connect(old)
    connection.execute("PRAGMA ignore_check_constraints = ON")
    connection.execute("UPDATE load SET loaded = 99")
    connection.commit()
    connection.close()
    before = _ask(old, "SELECT name, sql FROM sqlite_master ORDER BY name")
    with pytest.raises(TenureError, match="the state database failed: CHECK constraint failed"):
        StateDatabase(old)
    assert _ask(old, "PRAGMA user_version") == [(1,)]
    assert _ask(old, "SELECT name, sql FROM sqlite_master ORDER BY name") == before
    assert _ask(old, "SELECT loaded FROM load") == [(99,)]


def test_a_database_of_a_newer_tenure_is_refused(old: Path) -> None:
    connection = sqlite3.connect(old)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(TenureError, match="has version 99"):
        StateDatabase(old)
