"""What an export refuses, it refuses before a row is written, and says why without quoting a row."""

import threading
import time
from pathlib import Path

import pytest

from tests.integration.export_cases import DATABASE, Export, built, export, tenure, values
from tests.integration.mariadb_relay import relay
from tests.integration.mariadb_server import MariaDBServer

pytestmark = pytest.mark.needs("mariadb")
__all__ = ["built", "export", "tenure"]

UPSERT = ("--table", "t", "--mode", "upsert")


@pytest.mark.parametrize(
    ("declared", "value", "said"),
    [
        ("ENUM('a','b')", "'2'", "would not keep"),
        ("ENUM('a','b')", "'A'", "would not keep"),
        ("CHAR(4)", "'a '", "would not keep"),
        ("VARCHAR(3)", "'abc  '", "would not keep"),
        ("VARCHAR(3)", "'abcd'", "too long"),
        ("DECIMAL(5,2)", "1.005::DECIMAL(5,3)", "would not keep"),
        ("DECIMAL(5,2)", "1000.5::DECIMAL(6,2)", "too large"),
        ("INT", "1.5::DECIMAL(3,1)", "would not keep"),
        ("TINYINT", "128", "too large"),
        ("INT UNSIGNED", "-1", "too large"),
        ("YEAR", "70", "would not keep"),
        ("FLOAT", "0.1::DOUBLE", "would not keep"),
        ("DATETIME", "TIMESTAMP '2025-01-01 00:00:00.5'", "would not keep"),
        ("DATE", "TIMESTAMP '2025-01-01 10:00:00'", "would not keep"),
        ("TIMESTAMP NULL", "DATE '1960-01-01'", "date or time"),
        ("VARCHAR(9) CHARACTER SET latin1", "'😀'", "character set"),
        ("UUID", "'no uuid'", "can hold"),
        ("INT NOT NULL", "NULL::INTEGER", "must have a value"),
        ("JSON", "'{bad'", "CHECK"),
        ("INT CHECK (v > 3)", "2", "CHECK"),
        ("DOUBLE", "0.1::DECIMAL(3,1)", "the export gives decimal"),
        ("INT", "'12'", "the export gives text"),
        ("DOUBLE", "9007199254740993", "the export gives integer"),
        ("INT AS (id + 1)", "2", "is computed by the server"),
        ("DOUBLE", "'nan'::DOUBLE", "NaN or infinity in 1 rows"),
        ("TEXT", "[1, 2]", "MariaDB has no type for"),
        ("DATE", "DATE 'infinity'", "date or time"),
        ("DATE", "DATE '20000-01-01'", "date or time"),
    ],
)
def test_a_value_that_the_column_would_change_or_not_take(export: Export, declared: str, value: str, said: str) -> None:
    export.on_server(
        f"CREATE TABLE t (id INT PRIMARY KEY, v {declared})",
        "INSERT INTO t (id) VALUES (0)" if "NOT" not in declared else "DO 0",
    )
    before = export.rows("SELECT * FROM t")

    told = export.refused("--sql", f"SELECT 1 AS id, {value} AS v", *UPSERT, code=2 if value == "[1, 2]" else 1)

    assert said in told
    assert export.rows("SELECT * FROM t") == before


def test_a_row_that_is_there_already_refuses_an_insert_without_quoting_it(export: Export) -> None:
    export.on_server("CREATE TABLE t (id VARCHAR(40) PRIMARY KEY)", "INSERT INTO t VALUES ('secret-person')")

    told = export.refused("--sql", values("('other'), ('secret-person')", "id"), "--table", "t")

    assert "same unique key is there already" in told and "secret-person" not in told
    assert export.rows("SELECT * FROM t") == [("secret-person",)]


def test_a_second_unique_index_never_leads_an_upsert_to_another_row(export: Export) -> None:
    export.on_server("CREATE TABLE t (id INT PRIMARY KEY, mail INT UNIQUE)", "INSERT INTO t VALUES (1, 10), (2, 20)")

    told = export.refused("--sql", values("(1, 11), (3, 20)", "id", "mail"), *UPSERT)

    assert "same unique key" in told
    assert export.rows("SELECT * FROM t ORDER BY id") == [(1, 10), (2, 20)]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("(1, 1), (1, 2)", "1 keys more than once"),
        ("(NULL, 1), (1, 2)", "1 rows without a key"),
    ],
)
def test_keys_of_the_export_must_be_there_once(export: Export, rows: str, said: str) -> None:
    export.on_server("CREATE TABLE t (id INT UNIQUE, n INT)")

    assert said in export.refused("--sql", values(rows, "id", "n"), *UPSERT)
    assert export.rows("SELECT * FROM t") == []


def test_keys_that_the_table_takes_for_equal_are_one_key(export: Export) -> None:
    export.on_server("CREATE TABLE t (id VARCHAR(9) COLLATE utf8mb4_general_ci PRIMARY KEY)")

    assert "1 keys more than once, as the table" in export.refused("--sql", values("('a'), ('A')", "id"), *UPSERT)


def test_columns_and_keys_that_do_not_fit_are_named(export: Export) -> None:
    export.on_server(
        "CREATE TABLE t (id INT PRIMARY KEY, n INT NOT NULL, loose INT)", "CREATE VIEW v AS SELECT 1 AS id"
    )

    assert "has no column x" in export.refused("--sql", "SELECT 1 AS id, 2 AS x", "--table", "t")
    assert "needs a value in n" in export.refused("--sql", "SELECT 1 AS id", "--table", "t")
    asked = "SELECT 1 AS id, 2 AS n, 3 AS loose"
    assert "no unique index on (loose)" in export.refused("--sql", asked, *UPSERT, "--key", "loose")
    assert "--key y is no column" in export.refused("--sql", asked, *UPSERT, "--key", "y", code=2)
    assert "--key is for --mode update" in export.refused("--sql", asked, "--table", "t", "--key", "id", code=2)
    assert "no unique index whose columns" in export.refused(
        "--sql", "SELECT 2 AS n", "--table", "t", "--mode", "update", code=2
    )
    assert "is a view" in export.refused("--sql", "SELECT 1 AS id", "--table", "v")
    assert "does not exist" in export.refused("--sql", "SELECT 1 AS id", "--table", "absent")
    assert "cannot be read" in export.refused("--sql", "DELETE FROM dim_customer", "--table", "t", code=2)
    assert "only one SELECT" in export.refused(
        "--sql", "SELECT 1) AS a; SELECT * FROM (SELECT 2", "--table", "t", code=2
    )
    assert "has no table nowhere" in export.refused("nowhere", code=2)
    assert "name a table" in export.refused("--table", "t", code=2)


def test_an_engine_without_transactions_needs_staging(export: Export) -> None:
    export.on_server(
        "CREATE TABLE t (id INT PRIMARY KEY, n INT, g INT AS (n + 1) STORED) ENGINE=MyISAM",
        "INSERT INTO t (id, n) VALUES (1, 1), (2, 2)",
    )
    words = ("--sql", values("(2, 20), (3, 30)", "id", "n"), *UPSERT)

    assert "is of engine MyISAM" in export.refused(*words)
    assert export.counts(*words, "--staging") == (1, 1, 0, 0)

    assert export.rows("SELECT * FROM t ORDER BY id") == [(1, 1, 2), (2, 20, 21), (3, 30, 31)]
    assert export.tables() == {"t"}


def test_a_staged_export_that_fails_leaves_the_table_and_nothing_beside_it(export: Export) -> None:
    export.on_server(
        "CREATE TABLE t (id INT PRIMARY KEY, n INT UNIQUE) ENGINE=MyISAM", "INSERT INTO t VALUES (1, 1), (2, 2)"
    )

    assert "same unique key" in export.refused("--sql", values("(1, 7), (3, 2)", "id", "n"), *UPSERT, "--staging")

    assert export.rows("SELECT * FROM t ORDER BY id") == [(1, 1), (2, 2)]
    assert export.tables() == {"t"}


def test_triggers_and_foreign_keys_refuse_staging(export: Export) -> None:
    export.on_server(
        "CREATE TABLE t (id INT PRIMARY KEY)",
        "CREATE TABLE child (id INT, FOREIGN KEY (id) REFERENCES t (id))",
        "CREATE TABLE u (id INT PRIMARY KEY)",
        "CREATE TRIGGER tr BEFORE INSERT ON u FOR EACH ROW SET NEW.id = NEW.id",
    )
    for table in ("t", "child", "u"):
        told = export.refused("--sql", "SELECT 1 AS id", "--table", table, "--staging")
        assert "has triggers or foreign keys" in told


def test_a_made_table_that_cannot_be_filled_is_not_there(export: Export) -> None:
    told = export.refused("--sql", values("(1), (1)", "id"), "--table", "t", "--create", "--key", "id")

    assert "same unique key" in told
    assert export.tables() == set()


def test_rows_that_others_write_during_a_staged_export_are_not_lost(export: Export) -> None:
    export.on_server("CREATE TABLE t (id INT PRIMARY KEY, n INT) ENGINE=MyISAM")
    stop = threading.Event()
    written = 0

    def write() -> None:
        nonlocal written
        with export.server.connect(database=DATABASE) as connection, connection.cursor() as cursor:
            while not stop.is_set():
                cursor.execute("INSERT INTO t VALUES (%s, 0)", (100_000 + written,))
                written += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(5):
            words = ("--sql", f"SELECT range AS id, {number} AS n FROM range(2000)", *UPSERT, "--staging")
            export.counts(*words)
    finally:
        stop.set()
        writer.join()

    assert export.rows("SELECT SUM(id < 100000), SUM(id >= 100000) FROM t") == [(2000, written)]
    assert written > 10


def test_a_second_export_to_the_same_table_waits_for_its_turn_elsewhere(export: Export) -> None:
    export.on_server("CREATE TABLE t (id INT PRIMARY KEY)")
    with export.server.connect(database=DATABASE) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT GET_LOCK(CONCAT(MD5(DATABASE()), MD5('tenure export t')), 0)")
        assert "another export is writing to it" in export.refused("--sql", "SELECT 1 AS id", "--table", "t")

    assert export.counts("--sql", "SELECT 1 AS id", "--table", "t") == (1, 0, 0, 0)


@pytest.mark.parametrize("limit", [100, 1000, 1500, 2000, 2500, 3000])
@pytest.mark.parametrize("staging", [(), ("--staging",)], ids=["transaction", "staging"])
def test_a_connection_that_breaks_leaves_the_table_as_it_was(
    export: Export, limit: int, staging: tuple[str, ...]
) -> None:
    export.on_server("CREATE TABLE t (id INT PRIMARY KEY, n INT)", "INSERT INTO t VALUES (1, 1)")
    words = ("--sql", "SELECT range AS id, 7 AS n FROM range(30000)", *UPSERT, *staging)

    with relay(export.server.port, limit=limit) as wire:
        told = export(*words, url=export.url.replace(f":{export.server.port}/", f":{wire.port}/"))

    time.sleep(0.2)  # the server notices a moment later
    found = export.rows("SELECT COUNT(*), SUM(n) FROM t")
    if told.code == 0 or "at the moment of the commit" in told.err:
        assert found in ([(1, 1)], [(30000, 210000)])
    else:
        assert "connection to the server broke" in told.err
        assert found == [(1, 1)]
    assert export.counts(*words)[3] == 0
    assert export.rows("SELECT COUNT(*), SUM(n) FROM t") == [(30000, 210000)]
    assert export.tables() == {"t"}


def test_the_password_comes_from_a_file_too_and_a_wrong_one_is_told(
    export: Export, mariadb: MariaDBServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export.on_server("CREATE TABLE t (id INT)")
    words = ("--sql", "SELECT 1 AS id", "--table", "t")
    monkeypatch.setenv("TENURE_EXPORT_PASSWORD", "wrong")
    assert "refused user or password (error 1045)" in export.refused(*words)
    monkeypatch.delenv("TENURE_EXPORT_PASSWORD")
    assert "TENURE_EXPORT_PASSWORD_FILE" in export.refused(*words)
    (tmp_path / "secret").write_text(f"{mariadb.password}\n")
    monkeypatch.setenv("TENURE_EXPORT_PASSWORD_FILE", str(tmp_path / "secret"))
    assert export.counts(*words) == (1, 0, 0, 0)
    assert "url holds a password" in export.refused(*words, url=export.url.replace("reader@", "reader:hunter2@"))


def test_a_user_who_may_not_write_is_told_what_to_grant(export: Export, monkeypatch: pytest.MonkeyPatch) -> None:
    export.on_server(
        "CREATE TABLE t (id INT)",
        "CREATE OR REPLACE USER 'poor'@'127.0.0.1' IDENTIFIED BY 'poor'",
        f"GRANT SELECT ON {DATABASE}.t TO 'poor'@'127.0.0.1'",
    )
    monkeypatch.setenv("TENURE_EXPORT_PASSWORD", "poor")

    told = export.refused("--sql", "SELECT 1 AS id", "--table", "t", url=export.url.replace("reader@", "poor@"))

    assert "CREATE TEMPORARY TABLES ON the database" in told


def test_the_grants_that_the_page_names_are_enough(export: Export, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENURE_EXPORT_PASSWORD", "poor")
    url = export.url.replace("reader@", "poor@")
    export.on_server("CREATE TABLE t (id INT PRIMARY KEY)", "CREATE TABLE m (id INT PRIMARY KEY) ENGINE=MyISAM")
    user = "CREATE OR REPLACE USER 'poor'@'127.0.0.1' IDENTIFIED BY 'poor'"

    export.on_server(
        user,
        f"GRANT SELECT, INSERT, UPDATE ON {DATABASE}.t TO 'poor'@'127.0.0.1'",
        f"GRANT CREATE TEMPORARY TABLES ON {DATABASE}.* TO 'poor'@'127.0.0.1'",
    )
    assert export.counts("--sql", "SELECT 1 AS id", *UPSERT, url=url) == (1, 0, 0, 0)

    named = "SELECT, INSERT, UPDATE, CREATE TEMPORARY TABLES, CREATE, ALTER, DROP, LOCK TABLES"
    export.on_server(user, f"GRANT {named} ON {DATABASE}.* TO 'poor'@'127.0.0.1'")
    assert export.counts("--sql", "SELECT 1 AS id", "--table", "m", "--staging", url=url) == (1, 0, 0, 0)
    assert export.counts("--sql", "SELECT 1 AS id", "--table", "made", "--create", url=url) == (1, 0, 0, 0)
