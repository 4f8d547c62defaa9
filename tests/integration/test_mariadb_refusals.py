"""What cannot be read is refused with the place and the cure, and never with the password."""

import re
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tenure.contracts.model import Contract
from tenure.core.errors import SettingsError, SourceRefused, TenureError
from tenure.sources.mariadb import table_blocks
from tests.integration.mariadb_server import MariaDBServer, running_server

pytestmark = pytest.mark.needs("mariadb")


def refusal(contract: Contract, environment: dict[str, str]) -> TenureError:
    """The error with which a reading ends."""
    with pytest.raises(TenureError) as caught:
        list(table_blocks(contract, environment=environment))
    error: TenureError = caught.value
    assert error.cure
    chain: BaseException | None = error
    while chain is not None:
        assert (environment.get("TENURE_CRM_PASSWORD") or "no password") not in f"{chain!r} {chain}"
        chain = chain.__cause__
    return error


@pytest.fixture(autouse=True, scope="module")
def _table(mariadb: MariaDBServer) -> None:
    mariadb.execute("CREATE TABLE people (customer_id INT PRIMARY KEY, Name VARCHAR(20))")


def test_a_wrong_password_names_host_user_and_where_the_password_comes_from(
    mariadb: MariaDBServer, contract_for: Callable[..., Contract]
) -> None:
    error = refusal(contract_for("people"), {"TENURE_CRM_PASSWORD": "not-the-password"})

    assert isinstance(error, SourceRefused)
    assert str(error.where) == f"mariadb://reader@127.0.0.1:{mariadb.port}/bank"
    assert "refused user 'reader' with this password (error 1045)" in error.what
    assert "TENURE_CRM_PASSWORD" in str(error.cure)


def test_an_unknown_database_is_named(
    mariadb: MariaDBServer, contract_for: Callable[..., Contract], environment: dict[str, str]
) -> None:
    error = refusal(contract_for("people", url=mariadb.url.replace("/bank", "/bnak")), environment)

    assert "the server has no database 'bnak'" in error.what
    assert "sources/crm.yml" in str(error.cure)


def test_a_database_that_the_user_may_not_use_is_named(
    mariadb: MariaDBServer, contract_for: Callable[..., Contract]
) -> None:
    mariadb.execute("CREATE USER 'stranger'@'127.0.0.1' IDENTIFIED BY 'stranger-secret'")
    contract = contract_for("people", url=mariadb.url.replace("reader@", "stranger@"))

    error = refusal(contract, {"TENURE_CRM_PASSWORD": "stranger-secret"})

    assert "user 'stranger' may not use database 'bank'" in error.what
    assert "GRANT SELECT" in str(error.cure)


def test_an_unknown_table_is_named(contract_for: Callable[..., Contract], environment: dict[str, str]) -> None:
    error = refusal(contract_for("poeple"), environment)

    assert str(error.where).endswith("/bank table poeple")
    assert "does not exist, or this user may not read it" in error.what


def test_a_column_that_the_table_lacks_is_named_beside_those_it_has(
    contract_for: Callable[..., Contract], environment: dict[str, str]
) -> None:
    error = refusal(contract_for("people", nmae="string", name="string"), environment)

    assert error.what.startswith("has no column nmae ")
    assert "the columns are customer_id, Name" in str(error.cure)


def test_a_server_that_is_not_there_is_named(
    contract_for: Callable[..., Contract], environment: dict[str, str]
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        error = refusal(contract_for("people", url=f"mariadb://reader@localhost:{port}/bank"), environment)

    assert str(error.where) == f"mariadb://reader@127.0.0.1:{port}/bank"
    assert "cannot be reached" in error.what


def test_a_host_that_does_not_exist_is_named(
    contract_for: Callable[..., Contract], environment: dict[str, str]
) -> None:
    error = refusal(contract_for("people", url="mariadb://reader@nowhere.invalid/bank"), environment)

    assert str(error.where) == "mariadb://reader@nowhere.invalid:3306/bank"
    assert "cannot be reached" in error.what


@pytest.mark.parametrize(
    "url",
    [
        "mysql://reader@127.0.0.1/bank",
        "mariadb://127.0.0.1/bank",
        "mariadb://reader@127.0.0.1",
        "mariadb://reader@127.0.0.1/bank/customers",
        "mariadb://reader@127.0.0.1:port/bank",
        "mariadb://reader@127.0.0.1/bank?ssl=off",
        "reader@127.0.0.1/bank",
        "mariadb://reader@[::1/bank",
    ],
)
def test_a_url_of_another_form_is_refused_with_the_form(
    url: str, contract_for: Callable[..., Contract], environment: dict[str, str]
) -> None:
    error = refusal(contract_for("people", url=url), environment)

    assert isinstance(error, SettingsError)
    assert error.where == "sources/crm.yml"
    assert "mariadb://user@host:port/database" in str(error.cure)


def test_a_url_with_a_password_is_refused_without_repeating_it(contract_for: Callable[..., Contract]) -> None:
    typed = "hunter2"

    error = refusal(contract_for("people", url=f"mariadb://reader:{typed}@127.0.0.1/bank"), {})

    assert isinstance(error, SettingsError)
    assert typed not in repr(error) + str(error)
    assert "TENURE_CRM_PASSWORD" in str(error.cure)


def test_a_password_that_is_not_set_is_asked_for_by_the_name_of_its_variable(
    contract_for: Callable[..., Contract],
) -> None:
    error = refusal(contract_for("people"), {})

    assert isinstance(error, SettingsError)
    assert "set TENURE_CRM_PASSWORD, or set TENURE_CRM_PASSWORD_FILE" in str(error.cure)


def test_a_password_file_that_is_not_there_is_named(contract_for: Callable[..., Contract], tmp_path: Path) -> None:
    error = refusal(contract_for("people"), {"TENURE_CRM_PASSWORD_FILE": str(tmp_path / "absent")})

    assert error.where == str(tmp_path / "absent")
    assert "No such file" in error.what


def test_an_account_without_a_password_is_given_an_empty_one(
    mariadb: MariaDBServer, contract_for: Callable[..., Contract]
) -> None:
    mariadb.execute("CREATE USER 'open'@'127.0.0.1'", "GRANT SELECT ON bank.* TO 'open'@'127.0.0.1'")
    contract = contract_for("people", url=mariadb.url.replace("reader@", "open@"))

    assert list(table_blocks(contract, environment={"TENURE_CRM_PASSWORD": ""})) == []


def test_a_server_without_free_connections_is_told_from_a_wrong_password(
    contract_for: Callable[..., Contract],
) -> None:
    with running_server("--max-connections=10") as server:
        held = []
        with pytest.raises(Exception, match=re.escape("1040")):  # noqa: PT012 - the last of many
            while True:
                held.append(server.connect())
        error = refusal(contract_for("people", url=server.url), {"TENURE_CRM_PASSWORD": server.password})
        for connection in held:
            connection.close()

    assert "no free connection (error 1040)" in error.what
