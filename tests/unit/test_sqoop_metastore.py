"""Saved jobs of Sqoop are read out of its metastore as they were typed."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.core.errors import UsageError
from tenure.sources.sqoop_metastore import read_jobs
from tests.legacy_files import unpack_legacy


@pytest.fixture(scope="module")
def sqoop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack_legacy(tmp_path_factory.mktemp("legacy")) / "sqoop"


def written(text: str) -> str:
    """A text as HSQLDB writes it: characters beyond ASCII, and backslashes before u, as four hexadecimal digits."""
    units = text.encode("utf-16-be", "surrogatepass")
    out = ""
    for at in range(0, len(units), 2):
        unit = int.from_bytes(units[at : at + 2])
        following = units[at + 2 : at + 4] == b"\0u"
        plain = 0x20 <= unit < 0x7F and not (unit == 0x5C and following)
        out += chr(unit) if plain else f"\\u{unit:04x}"
    return out.replace("'", "''")


def script(folder: Path, *rows: tuple[str, str, str, str]) -> Path:
    file = folder / "metastore.db.script"
    values = (",".join(f"'{written(word)}'" for word in row) for row in rows)
    lines = [f"INSERT INTO SQOOP_SESSIONS VALUES({row})" for row in values]
    file.write_text("CREATE SCHEMA PUBLIC AUTHORIZATION DBA\n" + "\n".join(lines) + "\n", encoding="ascii")
    return file


def test_the_jobs_of_a_real_metastore_have_their_properties(sqoop: Path) -> None:
    jobs = read_jobs(sqoop / "metastore_before")

    assert list(jobs) == ["customers_daily", "accounts_merge", "q_hive", "exp1"]
    assert jobs["customers_daily"]["incremental.mode"] == "AppendRows"
    assert jobs["customers_daily"]["incremental.last.value"] == "0"
    assert jobs["accounts_merge"]["merge.key.col"] == "id"
    assert jobs["q_hive"]["db.query"] == "SELECT a.*, 'it''s' AS x FROM t a WHERE $CONDITIONS"
    assert "import.fetch.size" not in jobs["customers_daily"], "an unset value is written as the word null"


def test_a_job_that_ran_has_its_new_last_value(sqoop: Path) -> None:
    assert read_jobs(sqoop / "metastore_after_exec")["customers_daily"]["incremental.last.value"] == "22"


def test_names_and_queries_beyond_ascii_and_lone_backslashes_come_through(sqoop: Path) -> None:
    job = read_jobs(sqoop / "metastore_unicode" / "metastore.db.script")["été_job"]

    assert job["hdfs.target.dir"] == "/d/é"
    assert job["db.query"].startswith(r"SELECT * FROM `été` WHERE x = 'C:\temp\u0041' AND $CONDITIONS -- y")


TEXTS = st.text(max_size=20).filter(lambda text: text != "null")


@given(name=st.text(min_size=1, max_size=10), value=TEXTS)
def test_any_text_comes_through(tmp_path_factory: pytest.TempPathFactory, name: str, value: str) -> None:
    file = script(tmp_path_factory.mktemp("m"), (name, "db.query", value, "SqoopOptions"))

    assert read_jobs(file) == {name: {"db.query": value}}


def test_changes_that_are_still_in_the_log_count(tmp_path: Path) -> None:
    file = script(
        tmp_path,
        ("a", "db.table", "t", "SqoopOptions"),
        ("a", "db.username", "u", "SqoopOptions"),
        ("b", "x", "1", "schema"),
    )
    (tmp_path / "metastore.db.log").write_text(
        "/*C1*/SET AUTOCOMMIT FALSE\n"
        "DELETE FROM SQOOP_SESSIONS WHERE JOB_NAME='b' AND PROPNAME='x' AND PROPVAL='1' AND PROPCLASS='schema'\n"
        "DELETE FROM SQOOP_SESSIONS WHERE JOB_NAME='a' AND PROPNAME='db.table' AND PROPCLASS='SqoopOptions'\n"
        "/*C2*/INSERT INTO SQOOP_SESSIONS VALUES('a','db.table','other','SqoopOptions')\nCOMMIT\n"
    )

    assert read_jobs(file) == {"a": {"db.username": "u", "db.table": "other"}}


@pytest.mark.parametrize("content", [b"", b"\0\1\2", b"INSERT INTO SQOOP_SESSIONS VALUES('a','b'"])
def test_what_holds_no_job_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "metastore.db.script").write_bytes(content)

    with pytest.raises(UsageError, match="holds no saved job"):
        read_jobs(tmp_path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_jobs(tmp_path / "none")
