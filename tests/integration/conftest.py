"""What the integration tests share: one real MariaDB server for the whole run."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from tenure.contracts.model import Contract
from tests.integration.mariadb_server import MariaDBServer, running_server


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDBServer]:
    """A server with an empty database; every test makes tables of its own."""
    with running_server() as server:
        yield server


@pytest.fixture(scope="session")
def contract_for(mariadb: MariaDBServer) -> Callable[..., Contract]:
    """Makes a contract of the source `crm` for a table of the server: `contract_for("t", id="integer")`."""

    def make(table: str, *, url: str | None = None, key: tuple[str, ...] = (), **columns: str) -> Contract:
        named: Mapping[str, Any] = {name: {"type": type_} for name, type_ in columns.items()}
        content = {
            "source": "crm",
            "entity": "customers",
            "kind": "mariadb",
            "url": url or mariadb.url,
            "table": table,
            "key": key or ("customer_id",),
            "columns": {"customer_id": {"type": "integer"}, **named},
        }
        return Contract.model_validate(content)

    return make


@pytest.fixture(scope="session")
def environment(mariadb: MariaDBServer) -> dict[str, str]:
    """An environment that knows the password of the source `crm`."""
    return {"TENURE_CRM_PASSWORD": mariadb.password}
