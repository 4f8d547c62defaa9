"""What the tests of the export share: a project with a release, the command, and what the server then holds."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tenure.pipeline import run_all
from tests.command import Command, Ran
from tests.integration.mariadb_server import MariaDBServer
from tests.reference_case import BUSINESS_DATE, make_reference_project

DATABASE = "exported"


@dataclass(frozen=True)
class Export:
    """`tenure export mariadb` from one project to one database, with its password in the environment."""

    command: Command
    project: Path
    server: MariaDBServer
    url: str

    def __call__(self, *words: object, url: str | None = None) -> Ran:
        ran = self.command("export", "mariadb", *words, "--to", url or self.url, "--project", self.project)
        assert self.server.password not in ran.out + ran.err
        return ran

    def counts(self, *words: object, url: str | None = None) -> tuple[int, int, int, int]:
        """Rows inserted, updated, unchanged and absent; together they are all that were exported."""
        ran = self(*words, "--json", url=url)
        assert ran.code == 0, ran.err
        found = ran.document
        counted = (found["inserted"], found["updated"], found["unchanged"], found["absent"])
        assert found["rows"] == sum(counted)
        return counted

    def refused(self, *words: object, code: int = 1, url: str | None = None) -> str:
        """What a refused export says."""
        ran = self(*words, url=url)
        assert (ran.code, ran.out) == (code, ""), ran
        assert "cure: " in ran.err
        return ran.err

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The answer of the server."""
        with self.server.connect(database=DATABASE) as connection, connection.cursor() as cursor:
            cursor.execute("SET time_zone = '+00:00'")
            cursor.execute(sql)
            return list(cursor.fetchall())

    def on_server(self, *statements: str) -> None:
        """Run statements there."""
        self.server.execute(*statements, database=DATABASE)

    def tables(self) -> set[str]:
        """The tables that there are."""
        return {str(name) for (name,) in self.rows("SHOW TABLES")}


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reference case with a release."""
    project = make_reference_project(tmp_path_factory.mktemp("export") / "mybank")
    run_all(project, BUSINESS_DATE)
    return project.root


@pytest.fixture
def tenure(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(monkeypatch, capsys)


@pytest.fixture
def export(tenure: Command, built: Path, mariadb: MariaDBServer, monkeypatch: pytest.MonkeyPatch) -> Export:
    """The export, to an empty database."""
    with mariadb.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {DATABASE}")
        cursor.execute(f"CREATE DATABASE {DATABASE} CHARACTER SET utf8mb4")
    monkeypatch.setenv("TENURE_EXPORT_PASSWORD", mariadb.password)
    return Export(tenure, built, mariadb, mariadb.url.replace("/bank", f"/{DATABASE}"))


def values(rows: str, *names: str) -> str:
    """A SELECT of rows that are written out: `values("(1, 'a')", "id", "name")`."""
    return f"SELECT * FROM (VALUES {rows}) AS v({', '.join(names)})"
