"""Reading on from a watermark: nothing is lost, nothing doubled, whenever transactions commit and whatever returns."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.incremental_source import CONTRACT, GrowingTable
from tests.integration.mariadb_relay import relay
from tests.integration.mariadb_server import MariaDBServer

pytestmark = pytest.mark.needs("mariadb")

BY_TIME = "watermark: {column: changed, overlap: 1h}"
Make = Callable[..., GrowingTable]


@pytest.fixture
def make(mariadb: MariaDBServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    monkeypatch.setenv("TENURE_CUSTOMERS_PASSWORD", mariadb.password)
    return lambda mode, more="": GrowingTable(mariadb, tmp_path / "bank", "growing", mode, more)


def test_a_second_run_loads_what_is_new_and_a_third_nothing(make: Make) -> None:
    table = make("append")
    table.sql("INSERT INTO T (customer_id, age) VALUES (1, 30), (2, 31)")
    assert table.ingest().loaded == 2
    table.sql("INSERT INTO T (customer_id, age) VALUES (3, 32)")
    second = table.ingest(2)
    assert (second.records_in, second.loaded, second.unchanged) == (3, 1, 2)
    third = table.ingest(3)
    assert (third.loaded, third.unchanged, len(table.loads())) == (0, 3, 2)
    assert "nothing is new in it" in third.notes[-1]
    assert [load.watermark for load in table.loads()] == ["2", "3"]
    assert table.rows() == [(1, 30, False), (2, 31, False), (3, 32, False)]


def test_an_id_that_commits_late_is_not_lost(make: Make, mariadb: MariaDBServer) -> None:
    table = make("append")
    table.sql("INSERT INTO T (customer_id, age) VALUES (1, 30)")
    with mariadb.connect() as late, late.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("INSERT INTO growing (customer_id, age) VALUES (2, 31)")
        table.sql("INSERT INTO T (customer_id, age) VALUES (3, 32)")
        assert table.ingest().loaded == 2
        cursor.execute("COMMIT")
    assert table.ingest(2).loaded == 1
    assert sorted(table.rows()) == [(1, 30, False), (2, 31, False), (3, 32, False)]


def test_without_an_overlap_the_same_id_would_be_lost(make: Make, mariadb: MariaDBServer) -> None:
    table = make("append", "watermark: {column: customer_id, overlap: 0}")
    with mariadb.connect() as late, late.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("INSERT INTO growing (customer_id, age) VALUES (2, 31)")
        table.sql("INSERT INTO T (customer_id, age) VALUES (3, 32)")
        table.ingest()
        cursor.execute("COMMIT")
    assert table.ingest(2).loaded == 0
    table.say("append", "watermark: {column: customer_id, overlap: 0}\nreconcile: always")
    assert table.ingest(3).loaded == 1  # the comparison with the whole table finds it


def test_a_change_that_commits_late_with_an_older_time_is_not_lost(make: Make, mariadb: MariaDBServer) -> None:
    table = make("lastmodified", BY_TIME)
    table.sql("INSERT INTO T VALUES (1, 30, '2025-09-01 10:00'), (2, 31, '2025-09-01 10:00')")
    table.ingest()
    with mariadb.connect() as late, late.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("UPDATE growing SET age = 40, changed_at = '2025-09-02 12:00' WHERE customer_id = 1")
        table.sql("UPDATE T SET age = 41, changed_at = '2025-09-02 12:30' WHERE customer_id = 2")
        assert table.ingest(2).loaded == 1
        cursor.execute("COMMIT")
    assert table.ingest(3).loaded == 1
    assert table.rows() == [(1, 30, False), (2, 31, False), (2, 41, False), (1, 40, False)]
    assert [load.watermark for load in table.loads()][-1] == "2025-09-02 12:30:00"


def test_a_row_that_changes_and_returns_has_three_versions(make: Make) -> None:
    table = make("lastmodified", BY_TIME)
    for day, age in enumerate((30, 31, 30), start=1):
        table.sql(f"REPLACE INTO T VALUES (1, {age}, '2025-09-01 10:00')")
        assert table.ingest(day).loaded == 1
    assert table.rows() == [(1, 30, False), (1, 31, False), (1, 30, False)]
    assert table.ingest(4).unchanged == 1


def test_rows_without_a_date_or_with_one_that_does_not_exist_are_always_read(
    make: Make, mariadb: MariaDBServer
) -> None:
    table = make("lastmodified", BY_TIME)
    table.sql("INSERT INTO T VALUES (1, 30, '2025-09-01 10:00')")
    table.ingest()
    table.sql("INSERT INTO T VALUES (2, 31, NULL)")
    with mariadb.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SET sql_mode = ''")
        cursor.execute("INSERT INTO growing VALUES (3, 32, '0000-00-00')")
    second = table.ingest(2)
    assert (second.loaded, second.quarantined, second.unchanged) == (1, 1, 1)
    third = table.ingest(3)
    assert (third.loaded, third.quarantined, third.unchanged) == (0, 0, 3)


def test_a_row_from_the_future_does_not_hide_those_that_come_until_then(make: Make) -> None:
    table = make("lastmodified", BY_TIME)
    table.sql("INSERT INTO T VALUES (1, 30, '9999-12-31 00:00')")
    table.ingest()
    table.sql("INSERT INTO T VALUES (2, 31, NOW(6))")
    assert table.ingest(2).loaded == 1


def test_a_row_in_quarantine_is_set_apart_once_and_loaded_once_it_is_mended(make: Make) -> None:
    table = make("lastmodified", f"{BY_TIME}\nmax_bad_share: 1")
    table.sql("INSERT INTO T VALUES (1, 30, '2025-09-01 10:00'), (2, 999, '2025-09-01 10:00')")
    first = table.ingest()
    assert (first.loaded, first.quarantined) == (1, 1)
    again = table.ingest(2)
    assert (again.quarantined, again.unchanged, len(table.loads())) == (0, 2, 1)
    table.sql("UPDATE T SET age = 99 WHERE customer_id = 2")
    assert table.ingest(3).loaded == 1
    table.sql("UPDATE T SET age = 999 WHERE customer_id = 2")
    assert table.ingest(4).quarantined == 1  # broken again, after a sound version: that is news
    assert table.ingest(5).unchanged == 2


def test_rows_that_have_gone_are_found_by_comparing_and_may_return(make: Make) -> None:
    table = make("lastmodified", f"{BY_TIME}\nreconcile: always")
    table.sql(
        "INSERT INTO T VALUES (1, 30, '2025-09-01 10:00'), (2, 31, '2025-01-01 10:00'), (3, 777, '2025-01-01 10:00')"
    )
    first = table.ingest()
    assert (first.loaded, first.quarantined, first.deleted) == (2, 1, 0)
    table.sql("DELETE FROM T WHERE customer_id = 2")
    gone = table.ingest(2)
    assert (gone.records_in, gone.loaded, gone.unchanged, gone.deleted) == (2, 0, 2, 1)
    assert table.ingest(3).deleted == 0
    table.sql("INSERT INTO T VALUES (2, 31, '2025-01-01 10:00')")
    back = table.ingest(4)
    assert (back.loaded, back.deleted) == (1, 0)
    assert table.rows() == [(1, 30, False), (2, 31, False), (2, None, True), (2, 31, False)]


def test_a_comparison_waits_for_its_time(make: Make) -> None:
    table = make("lastmodified", f"{BY_TIME}\nreconcile: 7d")
    table.sql("INSERT INTO T VALUES (1, 30, '2025-09-01 10:00'), (2, 31, '2025-01-01 10:00')")
    table.ingest()
    table.sql("DELETE FROM T WHERE customer_id = 2")
    outcome = table.ingest(2)
    assert (outcome.records_in, outcome.deleted) == (1, 0)


def test_a_comparison_that_would_delete_too_much_loads_nothing(make: Make) -> None:
    table = make("lastmodified", f"{BY_TIME}\nreconcile: always")
    table.sql("INSERT INTO T VALUES (1, 30, '2025-09-01 10:00'), (2, 31, '2025-01-01 10:00')")
    table.ingest()
    table.sql("DELETE FROM T WHERE customer_id > 0")
    refused = table.ingest(2, status="refused")
    assert "lacks 2 of the 2 keys" in str(refused.reason)
    assert len(table.loads()) == 1


def test_a_column_that_the_contract_names_later_is_read_for_old_rows_too(make: Make) -> None:
    table = make("lastmodified", BY_TIME)
    table.sql(
        "INSERT INTO T VALUES (1, 30, '2025-09-01 10:00'), (2, 31, '2025-01-01 10:00')",
        "ALTER TABLE T ADD COLUMN gender VARCHAR(9)",
        "UPDATE T SET gender = 'Female' WHERE customer_id = 2",
    )
    table.ingest()
    table.say("lastmodified", BY_TIME, CONTRACT + "  gender: {{type: string}}\n")
    outcome = table.ingest(2)
    assert (outcome.records_in, outcome.loaded, outcome.unchanged) == (2, 1, 1)
    assert "its contract has changed" in outcome.notes[0]


def test_after_a_wire_that_broke_in_the_middle_the_next_run_reads_on(make: Make, mariadb: MariaDBServer) -> None:
    table = make("append")
    table.sql("INSERT INTO T (customer_id, age) SELECT seq, 30 FROM seq_1_to_1000")
    table.ingest()
    table.sql("INSERT INTO T (customer_id, age) SELECT seq, 31 FROM seq_1001_to_200000")
    with relay(mariadb.port, limit=1_000_000) as wire:
        broken = mariadb.url.replace(f":{mariadb.port}/", f":{wire.port}/")
        table.say("append", text=CONTRACT.replace("{url}", broken))
        refused = table.ingest(2, status="refused")
    assert "the connection to the server broke; nothing was loaded" in str(refused.reason)
    table.say("append")
    outcome = table.ingest(3)
    assert (outcome.loaded, outcome.unchanged) == (199_000, 1000)
    assert [load.watermark for load in table.loads()] == ["1000", "200000"]


def test_a_start_takes_over_where_another_tool_ended(make: Make) -> None:
    table = make("append", "watermark: {column: customer_id, overlap: 0, start: 2}")
    table.sql("INSERT INTO T (customer_id, age) VALUES (1, 30), (2, 31), (3, 32)")
    assert table.ingest().records_in == 2
    assert [load.watermark for load in table.loads()] == ["3"]


def test_a_table_without_rows_makes_no_load(make: Make) -> None:
    table = make("append")
    assert table.ingest().records_in == 0
    assert table.loads() == []
