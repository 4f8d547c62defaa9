"""`tenure source add mariadb://…`: every table of a real database becomes a source that loads it exactly, unedited."""

import gzip
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pymysql.cursors import DictCursor

from tenure.cli.demo import make_project
from tenure.contracts.files import read_contract, read_contracts
from tenure.contracts.model import Contract
from tenure.core.settings import Project, open_project
from tenure.pipeline import run_all
from tenure.warehouse.releases import OpenRelease, open_release
from tests.command import Command
from tests.integration.mariadb_server import MariaDBServer
from tests.legacy_files import unpack_legacy

pytestmark = pytest.mark.needs("mariadb")

DAY = date(2025, 10, 2)
SAKILA = Path(__file__).parents[1] / "data" / "sakila"
TABLES = [
    "actor",
    "address",
    "category",
    "city",
    "country",
    "customer",
    "film",
    "film_actor",
    "film_category",
    "film_text",
    "inventory",
    "language",
    "payment",
    "rental",
    "staff",
    "store",
]
EVERY_TYPE = """
CREATE TABLE every_type (
  `KUNDEN NR` BIGINT UNSIGNED NOT NULL, tiny TINYINT(1), bits BIT(64), d DECIMAL(38,10), wide DECIMAL(65,30),
  f FLOAT, dbl DOUBLE, day DATE,
  moment DATETIME(6), t TIME, y YEAR, e ENUM('a','b') NOT NULL DEFAULT 'a', s SET('x','y'), j JSON, b BLOB,
  shape GEOMETRY, `Größe` VARCHAR(20), empty VARCHAR(5) NOT NULL, doubled INT AS (tiny * 2) VIRTUAL,
  UNIQUE KEY (`KUNDEN NR`)
) CHARACTER SET utf8mb4
"""
EVERY_VALUE = """
INSERT INTO every_type (`KUNDEN NR`, tiny, bits, d, wide, f, dbl, day, moment, t, y, e, s, j, b, shape, `Größe`, empty)
VALUES (18446744073709551615, 5, b'1', 1.5, 12345678901234567890123456789012345.123456789012345678901234567891, 0.1,
  0.2, '2020-02-29', '2020-02-29 12:34:56.123456', '-12:00:01', 1901, 'b', 'x,y', '{"k": 1}', x'00FF',
  ST_GeomFromText('POINT(1 2)'), 'Zoé 🦊', ''),
  (1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'a', NULL, NULL, NULL, NULL, NULL, '')
"""


@pytest.fixture(scope="module")
def sakila(mariadb: MariaDBServer) -> str:
    """The url of the sample database."""
    mariadb.script((SAKILA / "sakila-mv-schema.sql").read_bytes())
    mariadb.script(gzip.decompress((SAKILA / "sakila-mv-data.sql.gz").read_bytes()))
    return mariadb.url.replace("/bank", "/sakila")


@pytest.fixture
def tenure(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """The `tenure` command."""
    return Command(monkeypatch, capsys)


@pytest.fixture
def project(tmp_path: Path, mariadb: MariaDBServer, monkeypatch: pytest.MonkeyPatch) -> Project:
    """An empty project, with one password for all tables of each database."""
    make_project(tmp_path / "shop", "bank")
    for path in (tmp_path / "shop" / "sources").glob("*.yml"):
        path.unlink()
    for name in ("SAKILA", "BANK"):
        monkeypatch.setenv(f"TENURE_{name}_PASSWORD", mariadb.password)
    return open_project(tmp_path / "shop")


def server_rows(mariadb: MariaDBServer, contract: Contract, database: str) -> list[tuple[object, ...]]:
    """What the server says, in the form in which Tenure keeps it; sorted."""
    columns = contract.source_columns()
    with mariadb.connect(database=database) as connection, connection.cursor(DictCursor) as cursor:
        cursor.execute(
            "SELECT column_name AS n, data_type AS t FROM information_schema.columns "
            "WHERE table_schema = %s AND table_name = %s",
            (database, contract.table),
        )
        types = {row["n"]: row["t"] for row in cursor.fetchall()}
        shown = {
            name: f"ST_AsBinary(`{name}`)" if types[name] == "geometry" else f"`{name}`" for name in columns.values()
        }
        cursor.execute(
            f"SELECT {', '.join(f'{sql} AS `{name}`' for name, sql in shown.items())} FROM `{contract.table}`"
        )
        rows = cursor.fetchall()
    return sorted(
        (tuple(plain(row[source], contract.columns[name].type) for name, source in columns.items()) for row in rows),
        key=repr,
    )


def plain(cell: Any, type_: str) -> object:
    if isinstance(cell, bytes):
        return int.from_bytes(cell) if type_ in {"integer", "decimal(20,0)"} else cell.hex().upper()
    if isinstance(cell, timedelta):
        return str(cell)
    if type_ == "boolean" and cell is not None:
        return bool(cell)
    if type_.startswith("decimal") and cell is not None:
        return Decimal(cell)
    return cell


def tenure_rows(release: OpenRelease, contract: Contract) -> list[tuple[object, ...]]:
    names = ", ".join(f'"{name}"' for name in contract.columns)
    feed = contract.source if contract.entity == "none" else contract.entity
    found = release.query(f"SELECT {names} FROM raw_{feed} WHERE _source = '{contract.source}'")
    return sorted((tuple(row.values()) for row in found.to_pylist()), key=repr)


def test_all_tables_of_sakila_are_loaded_exactly_without_editing(
    sakila: str, project: Project, mariadb: MariaDBServer, tenure: Command
) -> None:
    ran = tenure("source", "add", sakila, "--all", "--project", project.root)
    assert ran.code == 0, ran.err
    contracts = read_contracts(project.sources)
    assert [contract.table for contract in contracts] == TABLES
    assert {contract.source: contract.entity for contract in contracts if contract.entity != "none"} == {
        "customer": "customers",
        "payment": "transactions",
    }

    result = run_all(project, DAY)

    assert [(outcome.reason, outcome.quarantined) for outcome in result.outcomes] == [(None, 0)] * len(TABLES)
    with open_release(project) as release:
        for contract in contracts:
            wanted = server_rows(mariadb, contract, "sakila")
            assert tenure_rows(release, contract) == wanted, contract.source
        assert release.query("SELECT COUNT(*) AS n FROM dim_customer")["n"].to_pylist() == [599]
    twice = tenure("source", "add", sakila, "--all", "--project", project.root)
    assert (twice.code, twice.out.count("already")) == (1, len(TABLES))
    again = run_all(project, DAY)
    assert sum(outcome.loaded for outcome in again.outcomes) == 0
    assert again.build is not None
    assert not again.build.published


def test_a_row_that_is_deleted_at_the_source_is_seen(project: Project, mariadb: MariaDBServer, tenure: Command) -> None:
    mariadb.execute("CREATE TABLE gone (id INT PRIMARY KEY, n INT)", "INSERT INTO gone VALUES (1, 1), (2, 2)")
    assert tenure("source", "add", mariadb.url, "--table", "gone", "--project", project.root).code == 0
    run_all(project, DAY)
    mariadb.execute("DELETE FROM gone WHERE id = 2")
    run_all(project, DAY)

    with open_release(project) as release:
        assert release.query("SELECT id FROM raw_gone WHERE _deleted")["id"].to_pylist() == [2]


def test_tables_are_listed_with_rows_and_what_they_look_like(sakila: str, project: Project, tenure: Command) -> None:
    listed = {
        entry["table"]: entry for entry in tenure("source", "add", sakila, "--project", project.root, "--json").document
    }

    assert (listed["payment"]["rows"], listed["payment"]["rows_exact"]) == (16049, True)
    assert (listed["customer"]["entity"], listed["customer"]["key"]) == ("customers", ["customer_id"])
    assert (listed["actor_info"]["view"], listed["actor_info"]["rows"]) == (True, None)
    assert listed["film"]["columns"][7] == {"name": "rental_rate", "type": "decimal(4,2)"}
    assert list(project.sources.glob("*")) == []
    shown = tenure("source", "add", sakila, "--project", project.root)
    assert "16,049" in shown.out
    assert "--all" in shown.out


def test_views_and_exclusions_are_by_option(sakila: str, project: Project, tenure: Command) -> None:
    words = ("source", "add", sakila, "--project", project.root)
    assert tenure(*words, "--all", "--views", "--exclude", "film*", "--exclude", "payment").code == 0
    names = {contract.source for contract in read_contracts(project.sources)}

    assert "sales_by_store" in names
    assert not {"film", "film_actor", "payment"} & names
    assert read_contract(project.sources / "customer_list.yml").keyless
    view = tenure(*words, "--table", "film_list", "--name", "films")
    assert (view.code, read_contract(project.sources / "films.yml").table) == (0, "film_list")


def test_every_type_that_a_column_can_have_is_loaded_or_its_reason_given(
    project: Project, mariadb: MariaDBServer, tenure: Command
) -> None:
    mariadb.execute(EVERY_TYPE, EVERY_VALUE)
    ran = tenure("source", "add", mariadb.url, "--table", "every_type", "--project", project.root)
    assert ran.code == 0, ran.err
    contract = read_contract(project.sources / "every_type.yml")
    result = run_all(project, DAY)

    assert contract.key == ("kunden_nr",)
    assert (contract.columns["groesse"].source_name, contract.columns["empty"].required) == ("Größe", False)
    assert [(outcome.loaded, outcome.quarantined) for outcome in result.outcomes] == [(2, 0)]
    with open_release(project) as release:
        first = release.query("SELECT * FROM raw_every_type WHERE kunden_nr > 1").to_pylist()[0]
    assert first["kunden_nr"] == 2**64 - 1
    assert (first["tiny"], first["bits"], first["doubled"]) == (5, 1, 10)
    assert first["wide"] == "12345678901234567890123456789012345.123456789012345678901234567891"
    assert (first["d"], first["f"], first["dbl"]) == (Decimal("1.5"), pytest.approx(0.1, rel=1e-6), 0.2)
    assert (first["day"], first["moment"]) == (date(2020, 2, 29), datetime(2020, 2, 29, 12, 34, 56, 123456))
    assert (first["t"], first["y"], first["e"], first["s"]) == ("-12:00:01", 1901, "b", "x,y")
    assert (first["b"], first["groesse"], first["empty"]) == ("00FF", "Zoé 🦊", "")
    assert str(first["shape"]).startswith("0101000000")


def test_the_password_is_asked_for_by_one_variable_and_never_shown(
    sakila: str, project: Project, mariadb: MariaDBServer, tenure: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TENURE_SAKILA_PASSWORD")
    unknown = tenure("source", "add", sakila, "--project", project.root)
    assert (unknown.code, "set TENURE_SAKILA_PASSWORD" in unknown.err) == (1, True)

    monkeypatch.setenv("TENURE_SAKILA_PASSWORD", "wrong")
    wrong = tenure("source", "add", sakila, "--project", project.root)
    assert (wrong.code, "check TENURE_SAKILA_PASSWORD" in wrong.err) == (1, True)

    in_url = tenure("source", "add", sakila.replace("reader@", "reader:secret@"), "--project", project.root)
    assert in_url.code == 1
    assert "secret" not in in_url.out + in_url.err
    assert mariadb.password not in unknown.err + wrong.err


def test_an_unknown_table_is_named_with_one_like_it(sakila: str, project: Project, tenure: Command) -> None:
    ran = tenure("source", "add", sakila, "--table", "custmer", "--project", project.root)

    assert ran.code == 2
    assert "did you mean customer" in ran.err


def test_sqoops_jobs_become_sources_with_the_servers_types(
    project: Project, mariadb: MariaDBServer, tenure: Command, tmp_path: Path
) -> None:
    mariadb.execute(
        "CREATE TABLE customers (customer_id INT PRIMARY KEY, first_name VARCHAR(20), is_active TINYINT(1), "
        "n DECIMAL(9,2))",
        "INSERT INTO customers VALUES (21, 'old', 1, 1), (22, 'last', 0, 2), (23, 'new', 1, 3.50)",
        "CREATE TABLE accounts (id INT PRIMARY KEY, updated_at DATETIME NOT NULL, name VARCHAR(9))",
        "INSERT INTO accounts VALUES (1, '2019-06-01', 'old'), (2, '2020-06-01', 'new')",
    )
    script = (unpack_legacy(tmp_path) / "sqoop" / "metastore_after_exec" / "metastore.db.script").read_text()
    script = script.replace("127.0.0.1:3399", f"127.0.0.1:{mariadb.port}").replace(
        "'db.username','sq'", "'db.username','reader'"
    )
    script = script.replace("jdbc:oracle:thin:@//db.example:1521/ORCL", f"jdbc:mysql://127.0.0.1:{mariadb.port}/bank")
    script = script.replace("'scott'", "'reader'").replace(
        "SELECT a.*, ''it''''s'' AS x FROM t a WHERE $CONDITIONS",
        "SELECT c.*, n * 2 AS m FROM customers c WHERE $CONDITIONS",
    )
    file = tmp_path / "metastore.db.script"
    file.write_text(script)
    ran = tenure("source", "add", "--from-sqoop-job", file, "--project", project.root)
    assert ran.code == 0, ran.err
    daily, query = (read_contract(project.sources / f"{name}.yml") for name in ("customers_daily", "q_hive"))

    assert (daily.entity, daily.mode, daily.columns["is_active"].type) == ("customers", "append", "boolean")
    assert {name: column.type for name, column in query.columns.items()} == {
        "customer_id": "integer",
        "first_name": "string",
        "is_active": "integer",
        "n": query.columns["n"].type,
        "m": query.columns["m"].type,
    }
    result = run_all(project, DAY)
    assert [(outcome.reason, outcome.quarantined) for outcome in result.outcomes] == [(None, 0)] * 3
    with open_release(project) as release:
        ids = release.query("SELECT customer_id FROM raw_customers WHERE _source = 'customers_daily'")
        amounts = release.query("SELECT m FROM raw_q_hive ORDER BY customer_id")["m"].to_pylist()
    assert 23 in ids["customer_id"].to_pylist()
    assert amounts == [Decimal(2), Decimal(4), Decimal(7)]


def test_a_job_added_while_the_server_was_out_of_reach_loads_every_column_later(
    project: Project, mariadb: MariaDBServer, tenure: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mariadb.execute(
        "CREATE TABLE late (id INT PRIMARY KEY, updated_at DATETIME NOT NULL, name VARCHAR(9), n DECIMAL(9,2))",
        "INSERT INTO late VALUES (1, '2019-06-01', 'old', 1.50), (2, '2020-06-01', 'new', NULL)",
    )
    script = (unpack_legacy(tmp_path) / "sqoop" / "metastore_before" / "metastore.db.script").read_text()
    script = script.replace("127.0.0.1:3399", f"127.0.0.1:{mariadb.port}")
    script = script.replace("'db.username','sq'", "'db.username','reader'").replace("'accounts'", "'late'")
    file = tmp_path / "metastore.db.script"
    file.write_text(script.replace("2020-01-01 00:00:00", "2019-01-01 00:00:00"))
    monkeypatch.delenv("TENURE_BANK_PASSWORD")
    words = ("source", "add", "--from-sqoop-job", file, "--job", "accounts_merge", "--project", project.root)
    assert "could not be asked" in tenure(*words).out
    monkeypatch.setenv("TENURE_BANK_PASSWORD", mariadb.password)
    (outcome,) = run_all(project, DAY).outcomes

    assert (outcome.reason, outcome.loaded) == (None, 2)
    assert "name (string), n (decimal(9,2))" in outcome.notes[-1]
    with open_release(project) as release:
        rows = release.query("SELECT id, name, n FROM raw_accounts_merge ORDER BY id").to_pylist()
    assert rows == [{"id": "1", "name": "old", "n": Decimal("1.50")}, {"id": "2", "name": "new", "n": None}]
    mariadb.execute("UPDATE late SET n = 7, updated_at = NOW() WHERE id = 2", "ALTER TABLE late ADD COLUMN extra INT")
    (again,) = run_all(project, DAY).outcomes
    assert (again.reason, again.loaded, again.quarantined) == (None, 1, 0)


@pytest.mark.parametrize(
    ("type_", "left", "stayed"),
    [("INT", "1", "0"), ("TINYINT(1)", "1", "0"), ("BIT(1)", "1", "0"), ("VARCHAR(3)", "'Yes'", "'No'")],
)
def test_who_has_left_is_told_by_the_column_that_says_so(
    project: Project, tenure: Command, mariadb: MariaDBServer, type_: str, left: str, stayed: str
) -> None:
    mariadb.script(
        f"USE bank; CREATE OR REPLACE TABLE clients (client_id INT PRIMARY KEY, active TINYINT(1), Exited {type_});"
        f"INSERT INTO clients VALUES (1, 1, {left}), (2, 0, {stayed}), (3, 1, NULL)".encode()
    )
    ran = tenure("source", "add", mariadb.url, "--table", "clients", "--project", project.root)
    assert ran.code == 0, ran.err
    assert "Taken as the churn flag, because its name says who has left: Exited" in ran.out

    assert run_all(project, DAY).quarantined == 0
    with open_release(project) as release:
        rows = release.query("SELECT customer_id, is_active FROM raw_customers").to_pylist()
    assert {row["customer_id"]: row["is_active"] for row in rows} == {1: False, 2: True, 3: None}
