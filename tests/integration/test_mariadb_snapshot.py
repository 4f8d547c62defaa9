"""A table that is read whole: a row that has gone from it is deleted at its source."""

from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tenure.cli.demo import make_project
from tenure.core.settings import Project, open_project
from tenure.pipeline import raw_zone, run_ingest
from tenure.sources.ingest import Outcome
from tests.integration.mariadb_server import MariaDBServer

pytestmark = pytest.mark.needs("mariadb")

CONTRACT = """\
source: customers
entity: customers
kind: mariadb
url: {url}
table: whole_customers
key: [customer_id]
mode: snapshot
columns:
  customer_id: {{type: integer, required: true}}
  age: {{type: integer, range: [0, 120]}}
"""


@pytest.fixture
def project(mariadb: MariaDBServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("TENURE_CUSTOMERS_PASSWORD", mariadb.password)
    make_project(tmp_path / "bank", "bank")
    for path in (tmp_path / "bank" / "sources").glob("*.yml"):
        path.unlink()
    opened = open_project(tmp_path / "bank")
    (opened.sources / "customers.yml").write_text(CONTRACT.format(url=mariadb.url))
    mariadb.script(
        b"USE bank; DROP TABLE IF EXISTS whole_customers;"
        b"CREATE TABLE whole_customers (customer_id INT PRIMARY KEY, age INT);"
        b"INSERT INTO whole_customers VALUES (1, 30), (2, 31), (3, 32);"
    )
    return opened


def ingested(project: Project, day: int) -> Outcome:
    (outcome,) = run_ingest(project, date(2025, 10, day)).outcomes
    assert outcome.status == "loaded", outcome.reason
    return outcome


def test_a_row_that_has_gone_is_deleted_and_reading_again_changes_nothing(
    project: Project, mariadb: MariaDBServer
) -> None:
    assert ingested(project, 1).loaded == 3
    mariadb.script(b"DELETE FROM bank.whole_customers WHERE customer_id = 2;")
    gone = ingested(project, 2)
    assert (gone.records_in, gone.loaded, gone.deleted) == (2, 2, 1)
    again = ingested(project, 3)
    assert (again.records_in, again.unchanged, again.deleted) == (2, 2, 0)
    mariadb.script(b"INSERT INTO bank.whole_customers VALUES (2, 31);")
    assert ingested(project, 4).loaded == 3
    mariadb.script(b"DELETE FROM bank.whole_customers WHERE customer_id = 2;")
    assert ingested(project, 5).deleted == 1
    zone = raw_zone(project)
    rows = [row for load in zone.state.loads() for row in pq.read_table(zone.path(load) / "data.parquet").to_pylist()]
    assert [(row["customer_id"], row["_effective"]) for row in rows if row["_deleted"]] == [
        (2, date(2025, 10, 2)),
        (2, date(2025, 10, 5)),
    ]


def test_a_row_in_quarantine_is_not_gone(project: Project, mariadb: MariaDBServer) -> None:
    ingested(project, 1)
    mariadb.script(b"UPDATE bank.whole_customers SET age = 999 WHERE customer_id = 2;")
    outcome = ingested(project, 2)
    assert (outcome.loaded, outcome.quarantined, outcome.deleted, outcome.notes) == (2, 1, 0, ())
