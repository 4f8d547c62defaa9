"""What a contract may say of the reading of a server: each word is checked, and named with its file and line."""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tenure.contracts.files import read_contract
from tenure.contracts.reading_rules import overlap, reconcile_after, start, watermark_column
from tenure.core.errors import SettingsError

TEXT = """\
source: crm
entity: customers
kind: {kind}
key: [customer_id]
{place}
{words}
columns:
  customer_id: {{type: integer}}
  changed: {{type: timestamp}}
  seen: {{type: date}}
  name: {{type: string}}
"""
TABLE = "url: mariadb://reader@db.example/bank\ntable: customers"


def contract(folder: Path, words: str, place: str = TABLE, kind: str = "mariadb") -> Any:
    path = folder / "crm.yml"
    path.write_text(TEXT.format(words=words, place=place, kind=kind), encoding="utf-8")
    return read_contract(path)


@pytest.mark.parametrize(
    ("words", "line", "told"),
    [
        ("mode: lastmodified", 7, "needs watermark"),
        ("mode: lastmodified\nwatermark: {column: name}", 8, "a watermark is an integer, timestamp or date"),
        ("mode: lastmodified\nwatermark: {column: nobody}", 8, "'nobody' is not a column"),
        ("mode: lastmodified\nwatermark:\n  column: changed\n  overlap: 5", 10, "such as 90s, 15m, 2h or 1d"),
        ("mode: lastmodified\nwatermark:\n  column: seen\n  overlap: 5h", 10, "such as 1d"),
        ("mode: append\nwatermark:\n  column: customer_id\n  overlap: 1d", 10, "is a number such as 10000"),
        ("mode: lastmodified\nwatermark:\n  column: changed\n  start: never", 10, "is not a value of type timestamp"),
        ("watermark: {column: changed}", 7, "is for mode: append or lastmodified"),
        ("reconcile: 7d", 7, "is for mode: append or lastmodified"),
        ("mode: append\nreconcile: weekly", 8, "reconcile"),
        ("mode: append\nreconcile: 7d\neffective: {column: seen}", 9, "one date for all"),
        ("mode: append\nmax_deleted_share: 0.1", 8, "are for mode: snapshot and for reconcile"),
        ("query: SELECT 1", 7, "either table or query"),
        ("where: 'a = 1;'", 7, "without a semicolon"),
        ("split_by: name", 7, "is for parallel"),
        ("boundary: SELECT 1, 2", 7, "is for parallel"),
        ("parallel: 2\nboundary: DELETE FROM t", 8, "must be a SELECT"),
        ("parallel: 99", 7, "parallel"),
        ("fetch_size: 0", 7, "fetch_size"),
        ("tls: maybe", 7, "tls"),
    ],
)
def test_a_word_that_does_not_fit_is_named_with_its_line(words: str, line: int, told: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        contract(tmp_path, words)

    assert told in str(refused.value)
    assert f"crm.yml:{line}" in str(refused.value)


def test_a_query_is_read_by_one_connection(tmp_path: Path) -> None:
    place = "url: mariadb://reader@db.example/bank\nquery: SELECT 1"
    with pytest.raises(SettingsError, match="one connection"):
        contract(tmp_path, "parallel: 2", place)


@pytest.mark.parametrize("words", ["where: a = 1", "tls: required", "fetch_size: 5", "mode: append"])
def test_what_is_for_servers_is_refused_for_files(words: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="is for kind: mariadb"):
        contract(tmp_path, words, "path: customers.csv", "csv")


def test_the_words_come_to_what_they_say(tmp_path: Path) -> None:
    by_time = contract(
        tmp_path, "mode: lastmodified\nwatermark: {column: changed, overlap: 15m, start: 2025-01-01 10:00:00}"
    )
    assert (watermark_column(by_time), overlap(by_time)) == ("changed", timedelta(minutes=15))
    assert start(by_time) == datetime(2025, 1, 1, 10)
    by_day = contract(tmp_path, "mode: append\nwatermark: {column: seen, start: 2025-01-01}\nreconcile: 30d")
    assert (overlap(by_day), start(by_day)) == (timedelta(days=1), date(2025, 1, 1))
    assert reconcile_after(by_day) == timedelta(days=30)
    by_key = contract(tmp_path, "mode: append\nreconcile: always")
    assert (watermark_column(by_key), overlap(by_key), start(by_key)) == ("customer_id", 10_000, None)
    assert reconcile_after(by_key) == timedelta()
