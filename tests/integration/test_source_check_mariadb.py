"""`tenure source check` of a table: a look at its first rows, and nothing loaded."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from tenure.cli.demo import make_project
from tenure.contracts.model import Contract
from tenure.core.settings import open_project
from tenure.pipeline import edge_engine, raw_zone
from tenure.sources.contract_check import Checking, SourceCheck, check_source
from tests.integration.mariadb_server import MariaDBServer

pytestmark = pytest.mark.needs("mariadb")


@pytest.fixture
def checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mariadb: MariaDBServer
) -> Callable[[Contract, int], SourceCheck]:
    """Checks a contract in an empty project."""
    make_project(tmp_path / "bank", "empty")
    project = open_project(tmp_path / "bank")
    monkeypatch.setenv("TENURE_CUSTOMERS_PASSWORD", mariadb.password)

    def check(contract: Contract, records: int) -> SourceCheck:
        with edge_engine(project) as engine:
            zone = raw_zone(project)
            found = check_source(contract, Checking(project, zone, engine, records, date(2025, 10, 2)))
            assert zone.state.loads() == []
            return found

    return check


def contract_of(mariadb: MariaDBServer, **columns: dict[str, object]) -> Contract:
    return Contract.model_validate(
        {
            "source": "customers",
            "entity": "customers",
            "kind": "mariadb",
            "url": mariadb.url,
            "table": "CHECKED",
            "key": ["customer_id"],
            "columns": {"customer_id": {"type": "integer", "from": "NR"}, **columns},
        }
    )


def test_a_table_is_looked_at_and_its_words_are_mapped(
    mariadb: MariaDBServer, checked: Callable[[Contract, int], SourceCheck]
) -> None:
    mariadb.execute(
        "DROP TABLE IF EXISTS CHECKED",
        "CREATE TABLE CHECKED (NR INT PRIMARY KEY, SEX TINYINT, OPENED DATE, MILLIS BIGINT)",
        "INSERT INTO CHECKED VALUES (1, 1, '2025-09-30', 0), (2, 2, NULL, 1577833200000), (3, 9, '2025-01-01', NULL)",
        database="bank",
    )
    contract = contract_of(
        mariadb,
        gender={"type": "string", "from": "SEX", "values": {"1": "Male", "2": "Female"}},
        geography={"type": "string", "constant": "Austria"},
        date_opened={"type": "date", "from": "OPENED"},
        moved={"type": "timestamp", "from": "MILLIS", "format": "epoch_ms"},
        year={"type": "integer", "sql": "EXTRACT(YEAR FROM date_opened)"},
    )
    found = checked(contract, 100)
    assert found.refused is None
    assert (found.file, found.records, found.good) == ("table CHECKED", 3, 2)
    assert found.rules == (("gender: values", 1, 3),)
    assert checked(contract, 2).good == 2, "only the first two rows are asked for"


def test_a_column_that_the_table_does_not_have_is_named(
    mariadb: MariaDBServer, checked: Callable[[Contract, int], SourceCheck]
) -> None:
    mariadb.execute("DROP TABLE IF EXISTS CHECKED", "CREATE TABLE CHECKED (NR INT PRIMARY KEY)", database="bank")
    found = checked(contract_of(mariadb, gender={"type": "string"}), 100)
    assert "has no column gender" in str(found.refused)
