"""Saved jobs and imported folders of Sqoop become sources, and what has no counterpart is named."""

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from tenure.cli.demo import make_project
from tenure.contracts.files import read_contract
from tenure.core.errors import UsageError
from tenure.core.settings import Project, open_project
from tenure.pipeline import run_all
from tenure.sources.sqoop_jobs import propose_jobs
from tenure.warehouse.releases import open_release
from tests.command import Command
from tests.legacy_files import unpack_legacy

DAY = date(2025, 10, 2)
BASIC = {
    "sqoop.tool": "import",
    "db.connect.string": "jdbc:mysql://127.0.0.1:1/bank",
    "db.username": "reader",
    "db.table": "t",
    "merge.key.col": "id",
    "db.column.list": "id,n",
}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    make_project(tmp_path / "shop", "bank")
    for path in (tmp_path / "shop" / "sources").glob("*.yml"):
        path.unlink()
    return open_project(tmp_path / "shop")


@pytest.fixture
def sqoop(tmp_path: Path) -> Path:
    return unpack_legacy(tmp_path / "legacy") / "sqoop"


def test_jobs_become_sources_even_where_the_server_is_out_of_reach(
    project: Project, sqoop: Path, tenure: Command
) -> None:
    ran = tenure("source", "add", "--from-sqoop-job", sqoop / "metastore_after_exec", "--project", project.root)
    daily, merge = (read_contract(project.sources / f"{name}.yml") for name in ("customers_daily", "accounts_merge"))

    assert ran.code == 0
    assert (daily.url, daily.table) == ("mariadb://sq@127.0.0.1:3399/bank", "customers")
    assert (daily.mode, daily.watermark and daily.watermark.column) == ("append", "customer_id")
    assert daily.watermark and daily.watermark.start == "22"
    assert daily.password_variable == "TENURE_BANK_PASSWORD"
    assert daily.schema_policy == "evolve", "the columns that the job does not name come along"
    assert (merge.mode, merge.key, merge.columns["updated_at"].type) == ("lastmodified", ("id",), "timestamp")
    assert merge.watermark and merge.watermark.start == "2020-01-01 00:00:00"
    assert "job q_hive reads a database of kind oracle" in ran.out
    assert "job exp1 writes to a table: see tenure export mariadb" in ran.out
    text = (project.sources / "accounts_merge.yml").read_text()
    for said in (
        "The server could not be asked",
        "TENURE_BANK_PASSWORD_FILE",
        "/data/out/jobacc (TextFile)",
        "NULL stays NULL",
    ):
        assert said in text


def test_one_job_is_chosen_and_an_unknown_one_is_refused(project: Project, sqoop: Path, tenure: Command) -> None:
    words = ("source", "add", "--from-sqoop-job", sqoop / "metastore_before", "--project", project.root)

    assert tenure(*words, "--job", "accounts_merge", "--name", "acc").code == 0
    assert [path.name for path in project.sources.glob("*.yml")] == ["acc.yml"]
    ran = tenure(*words, "--job", "acounts_merge")
    assert (ran.code, "did you mean accounts_merge" in ran.err) == (2, True)


def test_half_created_jobs_are_named_and_skipped(project: Project, sqoop: Path, tenure: Command) -> None:
    ran = tenure("source", "add", "--from-sqoop-job", sqoop / "metastore_half_created", "--project", project.root)

    assert ran.code == 1
    assert ran.out.count("was only half created by Sqoop") == 4
    assert list(project.sources.glob("*.yml")) == []


@pytest.mark.parametrize(
    ("address", "url", "tls"),
    [
        ("jdbc:mysql://h/b", "mariadb://reader@h/b", None),
        ("jdbc:mariadb://h:3307/b?useSSL=true", "mariadb://reader@h:3307/b", "required"),
        ("jdbc:mysql://h/b?useSSL=true&verifyServerCertificate=true", "mariadb://reader@h/b", "verify"),
        ("jdbc:mysql://[::1]:3306/b?sslMode=VERIFY_IDENTITY", "mariadb://reader@[::1]:3306/b", "verify"),
        ("jdbc:mysql://h/b?useSSL=false", "mariadb://reader@h/b", None),
    ],
)
def test_an_address_of_java_becomes_ours(address: str, url: str, tls: str | None) -> None:
    (proposal,), _ = propose_jobs({"j": {**BASIC, "db.connect.string": address}}, [], set(), None, {})

    assert (proposal.content["url"], proposal.content.get("tls")) == (url, tls)
    proposal.contract()


def test_a_password_in_the_job_is_never_copied() -> None:
    job = {
        **BASIC,
        "db.connect.string": "jdbc:mysql://h/b?user=x&password=Geheim1&zeroDateTimeBehavior=round",
        "db.password": "Geheim2",
    }
    (proposal,), _ = propose_jobs({"j": job}, [], set(), None, {})

    assert "Geheim" not in repr(proposal)
    assert any("which was not copied" in note for note in proposal.notes)
    assert any("zeroDateTimeBehavior" in note for note in proposal.notes)


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        ({"db.where.clause": "n > 5"}, {"where": "n > 5"}),
        ({"import.fetch.size": "500"}, {"fetch_size": 500}),
        (
            {"mapreduce.num.mappers": "4", "db.split.column": "n", "db.query.boundary": "SELECT 1, 9"},
            {"parallel": 4, "split_by": "n", "boundary": "SELECT 1, 9"},
        ),
        (
            {"incremental.mode": "AppendRows", "incremental.col": "n", "incremental.last.value": "9"},
            {"mode": "append", "watermark": {"column": "n", "start": 9}},
        ),
        (
            {
                "incremental.mode": "DateLastModified",
                "incremental.col": "n",
                "incremental.last.value": "2020-01-01 10:00:00.5",
            },
            {"mode": "lastmodified", "watermark": {"column": "n", "start": "2020-01-01 10:00:00.500000"}},
        ),
    ],
)
def test_options_become_words_of_the_contract(properties: dict[str, str], words: dict[str, object]) -> None:
    (proposal,), _ = propose_jobs({"j": {**BASIC, **properties}}, [], set(), None, {})

    assert {name: proposal.content.get(name) for name in words} == words
    proposal.contract()


@pytest.mark.parametrize(
    ("properties", "said"),
    [
        ({"hive.table.name": "x.y"}, "Hive table x.y"),
        ({"compression.codec": "snappy"}, "compression by snappy"),
        ({"direct.import": "true"}, "direct mode"),
        ({"map.column.java.ID": "Long"}, "types given by hand (ID=Long)"),
        ({"mapreduce.num.mappers": "4"}, "Sqoop read with 4 mappers"),
        ({"null.string": "\\\\N"}, "words for null"),
    ],
)
def test_what_has_no_counterpart_is_named(properties: dict[str, str], said: str) -> None:
    (proposal,), _ = propose_jobs({"j": {**BASIC, **properties}}, [], set(), None, {})

    assert any(said in note for note in proposal.notes)


@pytest.mark.parametrize(
    ("properties", "said"),
    [
        ({"sqoop.tool": "import-all-tables", "import.all_tables.exclude": "a,b"}, "--all --exclude a --exclude b"),
        ({"sqoop.tool": "codegen"}, "of the tool codegen"),
        ({"db.connect.string": "jdbc:mysql://a,b/db"}, "address cannot be understood"),
        ({"db.connect.string": "jdbc:mysql://h:port/db"}, "address cannot be understood"),
        ({"db.connect.string": "nonsense"}, "MariaDB and MySQL can be read"),
    ],
)
def test_a_job_that_makes_no_source_is_skipped_with_the_reason(properties: dict[str, str], said: str) -> None:
    proposals, skipped = propose_jobs({"j": {**BASIC, **properties}}, [], set(), None, {})

    assert proposals == []
    assert said in skipped[0]


def test_an_imported_folder_of_parquet_has_its_types_again(project: Project, sqoop: Path, tenure: Command) -> None:
    words = ("source", "add", sqoop / "imports" / "edge_pq", "--project", project.root)
    assert tenure(*words, "--time-zone", "UTC").code == 0
    result = run_all(project, DAY)

    assert (result.refused, result.quarantined) == ([], 0)
    with open_release(project) as release:
        first, second, third = release.query("SELECT * FROM raw_edge_pq ORDER BY id").to_pylist()
    assert (first["d"], third["d"]) == (Decimal("1234567890.12"), Decimal("-0.05"))
    assert (first["dt"], third["dt"]) == (date(2020, 2, 29), date(1969, 12, 31))
    assert first["dtm"] == datetime(2020, 2, 29, 12, 34, 56, 123000)
    assert third["ts"] == datetime(1970, 1, 1, 0, 0, 1)
    assert (first["bl"], first["y"], first["bi"]) == ("00FF10", 2024, 2**63 - 1)
    assert {second[name] for name in ("s", "d", "dt", "f", "bl")} == {None}


def test_dates_without_a_time_zone_and_by_a_wrong_one_are_never_guessed(
    project: Project, sqoop: Path, tenure: Command
) -> None:
    words = ("source", "add", sqoop / "imports" / "parquet20", "--project", project.root)
    ran = tenure(*words)

    assert ran.code == 2
    assert "--time-zone" in ran.err
    assert tenure(*words, "--time-zone", "Mars/Base").code == 2
    # A date is midnight by the right clocks only: by others it is none, and all are set apart.
    assert tenure(*words, "--time-zone", "Europe/Vienna").code == 0
    assert [outcome.status for outcome in run_all(project, DAY).outcomes] == ["refused"]


def test_an_incremental_import_of_several_files_is_one_source(project: Project, sqoop: Path, tenure: Command) -> None:
    assert (
        tenure("source", "add", sqoop / "imports" / "incp", "--project", project.root, "--time-zone", "UTC").code == 0
    )
    contract = read_contract(project.sources / "incp.yml")
    result = run_all(project, DAY)

    assert (contract.entity, contract.key) == ("customers", ("customer_id",))
    assert [outcome.loaded for outcome in result.outcomes] in ([1, 21], [2, 20], [21, 1], [20, 2])
    assert sum(outcome.loaded for outcome in result.outcomes) == 22


def test_a_text_import_breaks_where_its_values_hold_delimiters_and_that_is_said(
    project: Project, sqoop: Path, tenure: Command
) -> None:
    ran = tenure("source", "add", sqoop / "imports" / "edge_text", "--project", project.root)
    (outcome,) = run_all(project, DAY).outcomes

    assert "a delimiter or a line end within a value breaks its row" in ran.out
    assert (outcome.records_in, outcome.loaded, outcome.quarantined) == (4, 2, 2)


def test_a_text_import_with_tabs_and_its_own_word_for_null_is_read(
    project: Project, sqoop: Path, tenure: Command
) -> None:
    assert tenure("source", "add", sqoop / "imports" / "edge_text_null", "--project", project.root).code == 0
    contract = read_contract(project.sources / "edge_text_null.yml")
    result = run_all(project, DAY)

    assert (contract.delimiter, contract.header, contract.quote, contract.nulls) == ("\t", False, "none", ("\\N",))
    assert [(outcome.loaded, outcome.quarantined) for outcome in result.outcomes] == [(3, 0)]
    with open_release(project) as release:
        rows = release.query("SELECT column_2, column_10, column_13 FROM raw_edge_text_null ORDER BY _row").to_pylist()
    assert rows[0] == {
        "column_2": "plain",
        "column_10": Decimal("1234567890.12"),
        "column_13": datetime(2020, 2, 29, 12, 34, 56, 123456),
    }
    assert set(rows[1].values()) == {None}


def test_a_wrong_metastore_is_wrong_usage(project: Project, tmp_path: Path, tenure: Command) -> None:
    ran = tenure("source", "add", "--from-sqoop-job", tmp_path, "--project", project.root)

    assert ran.code == 2
    assert UsageError.exit_code == 2
