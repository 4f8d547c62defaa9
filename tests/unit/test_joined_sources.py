"""A source that is a SELECT over others: exact, repeatable, and loaded again only when something changed."""

from collections.abc import Iterable
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tenure.cli.demo import make_project
from tenure.core.settings import Project, open_project
from tenure.engine.duckdb import DuckDBEngine
from tenure.pipeline import raw_zone, run_all, run_ingest
from tenure.raw.audit import audit_loads
from tenure.sources.ingest import Outcome
from tenure.warehouse.releases import open_release
from tests.command import Command

DAY = date(2025, 10, 2)
CLIENT = """\
source: client
entity: none
kind: csv
path: landing/client*.csv
key: [id]
columns: {id: {type: integer}, name: {type: string}, town: {type: integer}}
"""
TOWN = """\
source: town
entity: none
kind: csv
path: landing/town*.csv
key: [nr]
columns: {nr: {type: integer}, region: {type: string}}
"""
CUSTOMERS = """\
source: customers
entity: customers
kind: sql
path: sources/customers.sql
mode: snapshot
max_deleted_share: 1
key: [customer_id]
columns:
  customer_id: {from: id, type: integer, required: true}
  last_name: {from: name, type: string}
  geography: {from: region, type: string, allowed: [North, South]}
"""
SQL = "SELECT c.id, c.name, t.region FROM client AS c LEFT JOIN town AS t ON t.nr = c.town"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    make_project(tmp_path / "bank", "empty")
    made = open_project(tmp_path / "bank")
    for name, text in (("client", CLIENT), ("town", TOWN), ("customers", CUSTOMERS)):
        (made.sources / f"{name}.yml").write_text(text)
    (made.sources / "customers.sql").write_text(SQL)
    write(made, "client.csv", ["id,name,town", "1,Anna,7", "2,Bert,8"])
    write(made, "town.csv", ["nr,region", "7,North", "8,South"])
    return made


def write(project: Project, name: str, lines: Iterable[str]) -> None:
    (project.root / "landing" / name).write_text("\n".join(lines) + "\n")


def ingested(project: Project, *names: str) -> dict[str, Outcome]:
    """The last outcome of each source."""
    return {outcome.source: outcome for outcome in run_ingest(project, DAY, names).outcomes}


def customers(project: Project) -> list[tuple[object, ...]]:
    """The customers of a release made of all there is."""
    result = run_all(project, DAY)
    assert not result.refused, result.refused
    with open_release(project) as release:
        rows = release.ask("SELECT customer_id, geography FROM dim_customer ORDER BY customer_id").to_pylist()
    return [tuple(row.values()) for row in rows]


def test_tables_are_joined_whatever_the_order_of_their_names(project: Project) -> None:
    outcomes = ingested(project)
    assert list(outcomes) == ["client", "town", "customers"]
    assert (outcomes["customers"].records_in, outcomes["customers"].loaded) == (2, 2)
    assert customers(project) == [(1, "North"), (2, "South")]


def test_a_second_run_changes_nothing(project: Project) -> None:
    ingested(project)
    again = ingested(project)["customers"]
    assert (again.loaded, again.unchanged) == (0, 2)
    assert len(raw_zone(project).state.loads("customers")) == 1


def test_a_change_of_any_source_that_is_read_runs_it_again(project: Project) -> None:
    ingested(project)
    write(project, "town2.csv", ["nr,region", "8,North"])
    assert ingested(project)["customers"].loaded == 2
    assert customers(project) == [(1, "North"), (2, "North")]


def test_what_gives_the_same_rows_again_is_no_new_load(project: Project) -> None:
    ingested(project)
    write(project, "town2.csv", ["nr,region", "9,South"])
    outcome = ingested(project)["customers"]
    assert (outcome.loaded, outcome.unchanged) == (0, 2)
    assert len(raw_zone(project).state.loads("customers")) == 1


def test_the_sql_or_the_contract_may_change(project: Project) -> None:
    ingested(project)
    (project.sources / "customers.sql").write_text(f"{SQL} WHERE c.id > 1")
    outcome = ingested(project)["customers"]
    assert (outcome.loaded, outcome.deleted) == (1, 1)
    (project.sources / "customers.yml").write_text(CUSTOMERS.replace("last_name:", "first_name:"))
    assert ingested(project)["customers"].loaded == 1


def test_each_source_is_seen_as_it_is_now(project: Project) -> None:
    (project.sources / "town.yml").write_text(TOWN.replace("key:", "mode: snapshot\nkey:"))
    ingested(project)
    (project.root / "landing" / "town.csv").unlink()
    write(project, "town_new.csv", ["nr,region", "8,North"])
    assert ingested(project)["customers"].loaded == 2
    assert customers(project) == [(1, "unknown"), (2, "North")], "town 7 is gone, town 8 has moved"


def test_a_source_without_keys_is_seen_whole(project: Project) -> None:
    (project.sources / "town.yml").write_text(TOWN.replace("key: [nr]", "keyless: true"))
    write(project, "town.csv", ["nr,region", "7,North", "7,North"])
    outcome = ingested(project)["customers"]
    assert (outcome.records_in, outcome.loaded, outcome.duplicates) == (3, 2, 1), "client 1 meets town 7 twice"


def test_a_row_that_breaks_the_contract_is_set_apart_word_for_word(project: Project) -> None:
    write(project, "town.csv", ["nr,region", "7,North", "8,East"])
    outcome = ingested(project)["customers"]
    assert (outcome.records_in, outcome.loaded, outcome.quarantined) == (2, 1, 1)
    zone = raw_zone(project)
    [load] = zone.state.loads("customers")
    [record] = pq.read_table(zone.path(load) / "quarantine.parquet").to_pylist()
    assert record["record"] == b'{"id": "2", "name": "Bert", "region": "East"}'
    assert not [finding for finding in audit_loads(zone) if finding.problem]


def test_one_select_may_read_another(project: Project) -> None:
    (project.sources / "accounts.yml").write_text(
        "source: accounts\nentity: accounts\nkind: sql\npath: sources/accounts.sql\nkey: [account_id, customer_id]\n"
        "columns: {account_id: {type: integer}, customer_id: {type: integer}, role: {type: string}}\n"
    )
    (project.sources / "accounts.sql").write_text(
        "SELECT CAST(customer_id + 100 AS BIGINT) AS account_id, customer_id, last_name AS role FROM customers"
    )
    outcomes = ingested(project)
    assert list(outcomes)[-2:] == ["customers", "accounts"]
    assert outcomes["accounts"].loaded == 2


def test_columns_that_came_later_are_null_before(project: Project) -> None:
    ingested(project)
    (project.sources / "client.yml").write_text(CLIENT.replace("town:", "vip: {type: boolean}, town:"))
    write(project, "client2.csv", ["id,name,town,vip", "3,Cleo,7,true"])
    (project.sources / "customers.sql").write_text(f"{SQL} WHERE COALESCE(c.vip, FALSE)")
    assert ingested(project)["customers"].loaded == 1


def test_sources_may_be_called_like_anything_that_tenure_uses(project: Project) -> None:
    for name in ("block", "good", "candidate", "delivered"):
        (project.sources / f"{name}.yml").write_text(
            TOWN.replace("source: town", f"source: {name}").replace("landing/town*", f"landing/{name}*")
        )
        write(project, f"{name}.csv", ["nr,region", "7,North", "8,South"])
    join = " ".join(f"INNER JOIN {name} ON {name}.nr = c.town" for name in ("good", "candidate", "delivered"))
    (project.sources / "customers.sql").write_text(
        f"SELECT c.id, c.name, block.region FROM client AS c INNER JOIN block ON block.nr = c.town {join}"
    )
    assert ingested(project)["customers"].loaded == 2


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        (
            "SELECT c.id, c.name, t.region FROM clients AS c INNER JOIN town AS t ON t.nr = c.town",
            "did you mean client?",
        ),
        ("SELECT c.id, c.name FROM client AS c", "gives no column region"),
        (f"{SQL.replace('t.region', 't.region, c.town')}", "does not know: town"),
        (f"{SQL.replace('c.id,', 'CAST(c.id AS DOUBLE) AS id,')}", "is binary floating point"),
        ("SELECT c.id, c.name, t.region FROM client AS c LEFT JOIN town AS t ON t.number = c.town", "number"),
        ("SELEC c.id FROM client AS c", "not SQL"),
        ("SELECT * FROM read_csv('landing/client.csv')", "not in the common SQL"),
    ],
)
def test_a_select_that_cannot_be_run_is_refused_and_stops_no_other_source(
    project: Project, sql: str, message: str
) -> None:
    (project.sources / "customers.sql").write_text(sql)
    outcomes = ingested(project)
    assert outcomes["client"].loaded == 2
    assert outcomes["customers"].status == "refused"
    assert message in str(outcomes["customers"].reason)
    assert "cure:" in str(outcomes["customers"].reason)


def test_before_its_sources_are_loaded_it_says_so(project: Project) -> None:
    outcome = ingested(project, "customers")["customers"]
    assert outcome.status == "refused"
    assert "reads client, of which nothing has been loaded" in str(outcome.reason)


def test_the_result_does_not_depend_on_the_engines_order(project: Project, tmp_path: Path) -> None:
    write(project, "client.csv", ["id,name,town", *(f"{number},N{number},{7 + number % 2}" for number in range(5000))])
    ingested(project)
    zone = raw_zone(project)
    [load] = zone.state.loads("customers")
    engine = DuckDBEngine(tmp_path / "scratch", threads=1)
    engine.view_of_files("loaded", [zone.path(load) / "data.parquet"])
    rows = engine.query("SELECT customer_id, _row FROM loaded ORDER BY _row").to_pylist()
    engine.close()
    assert [(row["customer_id"], row["_row"]) for row in rows] == [(number, number + 1) for number in range(5000)]


def test_a_row_that_was_set_apart_is_replayed_under_a_mended_contract(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(project, "town.csv", ["nr,region", "7,North", "8,East"])
    assert ingested(project)["customers"].quarantined == 1
    (project.sources / "customers.yml").write_text(CUSTOMERS.replace("[North, South]", "[North, South, East]"))
    tenure = Command(monkeypatch, capsys)
    ran = tenure("quarantine", "replay", "customers", "--project", project.root)
    assert ran.code == 0, ran.err
    zone = raw_zone(project)
    assert [load.loaded for load in zone.state.loads("customers")] == [1, 1]
    assert customers(project) == [(1, "North"), (2, "East")]


def test_small_decimals_and_nothing_are_as_good_as_others(project: Project) -> None:
    rates = project.sources / "rates.yml"
    rates.write_text(
        "source: rates\nentity: none\nkind: sql\npath: sources/rates.sql\nkey: [id]\n"
        "columns: {id: {type: integer}, rate: {type: 'decimal(18,8)'}}\n"
    )
    values = "CASE id WHEN 1 THEN CAST(0 AS DECIMAL(20,10)) ELSE CAST('0.00000012' AS DECIMAL(20,10)) END"
    (project.sources / "rates.sql").write_text(f"SELECT id, {values} AS rate FROM client")
    outcome = ingested(project)["rates"]
    assert (outcome.loaded, outcome.quarantined) == (2, 0)
    zone = raw_zone(project)
    rows = pq.read_table(zone.path(zone.state.loads("rates")[0]) / "data.parquet").to_pylist()
    assert [str(row["rate"]) for row in rows] in (["0E-8", "1.2E-7"], ["0.00000000", "0.00000012"])
