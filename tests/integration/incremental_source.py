"""A project that reads one growing table of a server, for the tests of incremental reading."""

from datetime import date
from pathlib import Path

import pyarrow.parquet as pq

from tenure.cli.demo import make_project
from tenure.core.settings import Project, open_project
from tenure.pipeline import raw_zone, run_ingest
from tenure.raw.state import LoadRecord
from tenure.sources.ingest import Outcome
from tests.integration.mariadb_server import MariaDBServer

CONTRACT = """\
source: customers
entity: customers
kind: mariadb
url: {url}
table: {table}
key: [customer_id]
mode: {mode}
{more}
columns:
  customer_id: {{type: integer, required: true}}
  age: {{type: integer, range: [0, 120]}}
  changed: {{type: timestamp, from: changed_at}}
"""
COLUMNS = "customer_id INT PRIMARY KEY, age INT, changed_at DATETIME(6), KEY (changed_at)"


class GrowingTable:
    """A table of the server, and a project with one source that reads it."""

    def __init__(self, server: MariaDBServer, folder: Path, table: str, mode: str, more: str = "") -> None:
        self.server, self.table = server, table
        make_project(folder, "bank")
        for path in (folder / "sources").glob("*.yml"):
            path.unlink()
        self.project: Project = open_project(folder)
        self.say(mode, more)
        server.execute(f"DROP TABLE IF EXISTS {table}", f"CREATE TABLE {table} ({COLUMNS})")

    def say(self, mode: str, more: str = "", text: str = CONTRACT) -> None:
        """Write the contract."""
        (self.project.sources / "customers.yml").write_text(
            text.format(url=self.server.url, table=self.table, mode=mode, more=more), encoding="utf-8"
        )

    def sql(self, *statements: str) -> None:
        """Run SQL in which T is the table."""
        self.server.execute(*(statement.replace(" T ", f" {self.table} ") for statement in statements))

    def ingest(self, day: int = 1, status: str = "loaded") -> Outcome:
        """Read the source once; the account must balance."""
        (outcome,) = run_ingest(self.project, date(2025, 10, day)).outcomes
        assert outcome.status == status, outcome.reason
        parts = (outcome.loaded, outcome.quarantined, outcome.duplicates, outcome.unchanged, outcome.filtered)
        assert outcome.records_in == sum(parts)
        return outcome

    def loads(self) -> list[LoadRecord]:
        """All committed loads."""
        return raw_zone(self.project).state.loads()

    def rows(self) -> list[tuple[object, ...]]:
        """Key, age and whether it is a delete marker, of each row of each load, in order."""
        zone = raw_zone(self.project)
        return [
            (row["customer_id"], row["age"], row["_deleted"])
            for load in zone.state.loads()
            for row in pq.read_table(zone.path(load) / "data.parquet").sort_by("_row").to_pylist()
        ]
