"""A table of a release arrives in a MariaDB table exactly, and rows that are there already are matched by key."""

import json
import struct
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenure.core.settings import open_project
from tenure.exports.mariadb import Order, export_mariadb
from tenure.exports.selection import select
from tenure.sources.mariadb_address import address_at
from tenure.warehouse.releases import open_release
from tests.integration.export_cases import Export, built, export, tenure, values
from tests.integration.mariadb_server import MariaDBServer

pytestmark = pytest.mark.needs("mariadb")
__all__ = ["built", "export", "tenure"]

EVERY_TYPE = """
SELECT 1::TINYINT AS tiny, (-9223372036854775808)::BIGINT AS low, 18446744073709551615::UBIGINT AS high,
  170141183460469231731687303715884105727::HUGEINT // 10 AS huge, true AS yes, false AS no,
  12345678901234567890.123456789012345678::DECIMAL(38,18) AS exact, (-0.01)::DECIMAL(4,2) AS cent,
  0.1::DOUBLE AS tenth, 1.7976931348623157e308::DOUBLE AS most, 5e-324::DOUBLE AS least, 0.1::FLOAT AS short,
  DATE '0001-01-01' AS first, DATE '9999-12-31' AS last, TIMESTAMP '2025-03-30 02:30:00.123456' AS moment,
  TIMESTAMPTZ '2025-06-01 12:00:00+02' AS zoned, TIME '23:59:59.999999' AS clock,
  'it''s a \\ "quote" 😀' || chr(0) || chr(10) || '%s' AS text, '' AS nothing, ' x ' AS spaced,
  '\\x00\\xFF\\x27'::BLOB AS bytes, 'c0ffee00-0000-0000-0000-000000000001'::UUID AS id, NULL::INTEGER AS missing
"""


def test_every_table_of_a_release_comes_back_cell_for_cell(export: Export) -> None:
    with open_release(open_project(export.project)) as release:
        names = [table.name for table in release.manifest.tables]
        told = {name: release.query(f"SELECT * FROM {name}").to_pylist() for name in names}

    for name in names:
        assert export.counts(name, "--create") == (len(told[name]), 0, 0, 0)

    assert len(names) > 10
    for name, rows in told.items():
        columns = ", ".join(f"`{column}`" for column in rows[0]) if rows else "*"
        there = export.rows(f"SELECT {columns} FROM `{name}`")
        assert sorted(map(repr, there)) == sorted(repr(tuple(map(_on_server, row.values()))) for row in rows), name


def _on_server(value: object) -> object:
    return int(value) if isinstance(value, bool) else value


def test_every_type_arrives_exactly(export: Export) -> None:
    export.counts("--sql", EVERY_TYPE, "--table", "wide", "--create")

    (row,) = export.rows("SELECT * FROM wide")
    assert row == (
        1,
        -(2**63),
        2**64 - 1,
        Decimal((2**127 - 1) // 10),
        1,
        0,
        Decimal("12345678901234567890.123456789012345678"),
        Decimal("-0.01"),
        0.1,
        1.7976931348623157e308,
        5e-324,
        struct.unpack("f", struct.pack("f", 0.1))[0],
        date(1, 1, 1),
        date(9999, 12, 31),
        datetime(2025, 3, 30, 2, 30, 0, 123456),
        datetime(2025, 6, 1, 10),
        timedelta(hours=23, minutes=59, seconds=59, microseconds=999999),
        'it\'s a \\ "quote" 😀\0\n%s',
        "",
        " x ",
        b"\x00\xff'",
        "c0ffee00-0000-0000-0000-000000000001",
        None,
    )
    declared = dict(row[:2] for row in export.rows("DESCRIBE wide"))
    assert (declared["exact"], declared["high"]) == ("decimal(38,18)", "bigint(20) unsigned")


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@settings(max_examples=20)
@given(
    rows=st.lists(
        st.tuples(
            st.none() | TEXTS,
            st.none() | st.floats(allow_nan=False, allow_infinity=False),
            st.none() | st.decimals(1 - 10**16, 10**16 - 1, places=2),
            st.none() | st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)),
        ),
        min_size=1,
        max_size=40,
    )
)
def test_whatever_is_sent_is_what_arrives(rows: list[tuple[Any, ...]], built: Path, mariadb: MariaDBServer) -> None:
    cells = (
        f"({number}, {_text(text)}, {_cast(double, 'DOUBLE')}, {_cast(money, 'DECIMAL(18,2)')},"
        f" {_cast(at, 'TIMESTAMP')})"
        for number, (text, double, money, at) in enumerate(rows)
    )
    sql = values(", ".join(cells), "n", "a", "b", "c", "d")
    mariadb.execute("DROP TABLE IF EXISTS drawn")
    project = open_project(built)
    address = address_at(mariadb.url, "TENURE_EXPORT_PASSWORD", "--to", {"TENURE_EXPORT_PASSWORD": mariadb.password})

    with open_release(project) as release:
        export_mariadb(select(release, None, sql, ()), address, Order("drawn", create=True), project.scratch)

    with mariadb.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT a, b, c, d FROM drawn ORDER BY n")
        assert list(cursor.fetchall()) == rows


def _text(value: str | None) -> str:
    if value is None:
        return "CAST(NULL AS VARCHAR)"
    return f"decode(unhex('{value.encode().hex()}'))"


def _cast(value: object, type_: str) -> str:
    return f"CAST({'NULL' if value is None else repr(str(value))} AS {type_})"


def test_an_upsert_says_what_it_did_and_a_second_one_changes_nothing(export: Export) -> None:
    export.on_server(
        "CREATE TABLE scores (customer_id INT PRIMARY KEY, clv DECIMAL(12,2), note VARCHAR(20) DEFAULT 'ours')",
        "INSERT INTO scores VALUES (1, 1.00, 'theirs'), (2, 20.50, 'theirs'), (9, 9.00, 'theirs')",
    )
    words = ("--sql", values("(1, 10.25), (2, 20.5), (3, NULL)", "customer_id", "clv"))
    words = (*words, "--table", "scores", "--mode", "upsert")

    assert export.counts(*words) == (1, 1, 1, 0)
    assert export.counts(*words) == (0, 0, 3, 0)

    assert export.rows("SELECT * FROM scores ORDER BY 1") == [
        (1, Decimal("10.25"), "theirs"),
        (2, Decimal("20.50"), "theirs"),
        (3, None, "ours"),
        (9, Decimal("9.00"), "theirs"),
    ]


def test_an_update_changes_rows_that_are_there_and_counts_the_others(export: Export) -> None:
    export.on_server(
        "CREATE TABLE t (a INT, b VARCHAR(5), n INT NOT NULL, UNIQUE (a, b))",
        "INSERT INTO t VALUES (1, 'x', 1), (1, 'y', 2)",
    )
    asked = values("(1, 'x', 5), (1, 'y', 2), (2, 'x', 7)", "a", "b", "n")

    assert export.counts("--sql", asked, "--table", "t", "--mode", "update", "--key", "a,b") == (0, 1, 1, 1)

    assert export.rows("SELECT * FROM t ORDER BY b") == [(1, "x", 5), (1, "y", 2)]


def test_columns_are_matched_by_name_and_may_be_chosen(export: Export) -> None:
    export.on_server("CREATE TABLE people (Last_Name VARCHAR(40), CUSTOMER_ID BIGINT, extra INT DEFAULT 7)")

    export.counts("dim_customer", "--table", "people", "--columns", "customer_id,last_name")

    (row,) = export.rows("SELECT * FROM people WHERE customer_id = 1")
    with open_release(open_project(export.project)) as release:
        name = release.query("SELECT last_name FROM dim_customer WHERE customer_id = 1")["last_name"][0].as_py()
    assert row == (name, 1, 7)


def test_zero_is_written_as_zero_where_the_server_would_count_on(export: Export) -> None:
    export.on_server("CREATE TABLE numbered (id INT AUTO_INCREMENT PRIMARY KEY, v INT)")

    export.counts("--sql", values("(0, 1), (5, 2)", "id", "v"), "--table", "numbered")

    assert export.rows("SELECT * FROM numbered ORDER BY id") == [(0, 1), (5, 2)]


def test_text_keys_are_matched_as_the_table_compares_them_and_written_as_exported(export: Export) -> None:
    export.on_server(
        "CREATE TABLE coded (code VARCHAR(10) COLLATE utf8mb4_general_ci PRIMARY KEY, n INT)",
        "INSERT INTO coded VALUES ('ABC', 1)",
    )

    words = ("--sql", values("('abc', 1), ('é', 2)", "code", "n"), "--table", "coded", "--mode", "upsert")
    assert export.counts(*words) == (1, 1, 0, 0)
    assert export.counts(*words) == (0, 0, 2, 0)

    assert export.rows("SELECT * FROM coded ORDER BY n") == [("abc", 1), ("é", 2)]


def test_a_made_table_tells_keys_apart_to_the_last_byte(export: Export) -> None:
    words = ("--sql", values("('a', 1), ('A', 2), ('a ', 3), ('ä', 4)", "code", "n"), "--table", "made")

    assert export.counts(*words, "--create", "--mode", "upsert", "--key", "code") == (4, 0, 0, 0)
    assert export.counts(*words, "--create", "--mode", "upsert", "--key", "code") == (0, 0, 4, 0)
    assert export.tables() == {"made"}


def test_types_of_the_target_that_hold_the_values_are_all_right(export: Export) -> None:
    export.on_server(
        "CREATE TABLE t (a DECIMAL(10,2), b VARCHAR(20), c DATETIME, d TIMESTAMP NULL, e ENUM('x','2'), f BIT(1),"
        " g UUID, h DOUBLE, i DATE, j CHAR(4), k JSON, l SET('p','q'), m YEAR) "
    )
    asked = """SELECT 5 AS a, 1.50::DECIMAL(5,2) AS b, DATE '2025-01-02' AS c, TIMESTAMP '2025-01-02 03:04:05' AS d,
      '2' AS e, true AS f, 'C0FFEE00-0000-0000-0000-000000000001' AS g, 0.25::DOUBLE AS h,
      TIMESTAMP '2025-01-02 00:00:00' AS i, 'ab' AS j, '{"a": 1}' AS k, 'p,q' AS l, 2025 AS m"""

    export.counts("--sql", asked, "--table", "t")

    (row,) = export.rows("SELECT a, b, c, d, e, f + 0, g, h, i, j, k, l, m FROM t")
    assert row[:5] == (Decimal("5.00"), "1.50", datetime(2025, 1, 2), datetime(2025, 1, 2, 3, 4, 5), "2")
    assert row[5:10] == (1, "c0ffee00-0000-0000-0000-000000000001", 0.25, date(2025, 1, 2), "ab")
    assert (json.loads(row[10]), row[11], row[12]) == ({"a": 1}, "p,q", 2025)


def test_an_export_of_many_rows_is_whole(export: Export) -> None:
    asked = """SELECT range AS id, repeat('ä', 40) || range AS text, CAST(range / 4.0 AS DECIMAL(12,2)) AS money
      FROM range(60000)"""

    words = ("--sql", asked, "--table", "many", "--create", "--mode", "upsert", "--key", "id")
    assert export.counts(*words) == (60000, 0, 0, 0)

    text = "SUM(text = CONCAT(REPEAT('ä', 40), id))"
    found = export.rows(f"SELECT COUNT(*), COUNT(DISTINCT id), SUM(money), {text} FROM many")
    assert found == [(60000, 60000, Decimal("449992500.00"), Decimal(60000))]


def test_a_person_is_told_in_words(export: Export) -> None:
    words = ("--sql", values("(1, 2)", "id", "n"), "--table", "t", "--mode", "upsert", "--key", "id", "--create")

    assert export(*words).out == "t (made): 1 row exported\n1 inserted, 0 updated, 0 unchanged\n"
    assert export(*words).out == "t: 1 row exported\n0 inserted, 0 updated, 1 unchanged\n"
