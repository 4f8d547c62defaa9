"""Encrypted connections, both of those that a reading makes: and the server must prove who it is, if that is wanted."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tenure.contracts.model import Contract
from tenure.core.errors import SettingsError, SourceRefused
from tenure.sources.mariadb import table_reading
from tenure.sources.mariadb_address import Address
from tenure.sources.mariadb_stream import Order, fetch
from tests.integration.mariadb_server import MariaDBServer, running_server

pytestmark = pytest.mark.needs("mariadb", "openssl")


def _openssl(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ca.pem, the certificate server.pem that it vouches for, of 127.0.0.1 only, and other.pem."""
    folder = tmp_path_factory.mktemp("certificates")
    new = ("req", "-newkey", "rsa:2048", "-nodes")
    for name in ("ca", "other"):
        own = ("-x509", "-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", "2", "-subj", f"/CN=Test {name}")
        _openssl(folder, *new, *own)
    _openssl(folder, *new, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=db.example")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1")
    signed = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names")
    _openssl(folder, "x509", "-req", "-in", "server.csr", "-out", "server.pem", *signed)
    return folder


@pytest.fixture(scope="module")
def server(certificates: Path) -> Iterator[MariaDBServer]:
    """A server whose user may only come in encrypted."""
    options = (f"--ssl-cert={certificates / 'server.pem'}", f"--ssl-key={certificates / 'server.key'}")
    with running_server(*options) as running:
        running.execute(
            "CREATE TABLE t (customer_id INT PRIMARY KEY, cipher VARCHAR(60))",
            "INSERT INTO t VALUES (1, NULL)",
            "CREATE VIEW seen AS SELECT customer_id, (SELECT VARIABLE_VALUE FROM information_schema.session_status"
            " WHERE VARIABLE_NAME = 'Ssl_cipher') AS cipher FROM t",
            f"ALTER USER '{running.user}'@'127.0.0.1' REQUIRE SSL",
        )
        yield running


def cipher(server: MariaDBServer, root: Path, tls: Any, host: str = "127.0.0.1") -> str:
    """How the stream that brings the rows is encrypted."""
    contract = Contract.model_validate(
        {
            "source": "crm",
            "entity": "customers",
            "kind": "mariadb",
            "url": server.url.replace("127.0.0.1", host),
            "table": "seen",
            "key": ["customer_id"],
            "columns": {"customer_id": {"type": "integer"}, "cipher": {"type": "string"}},
            **({"tls": tls} if tls else {}),
        }
    )
    with table_reading(contract, environment={"TENURE_CRM_PASSWORD": server.password}, root=root) as blocks:
        ((row,),) = ([*block.table.to_pylist()] for block in blocks())
    return str(row["cipher"])


def test_an_encrypted_connection_is_made_where_it_is_required(server: MariaDBServer, certificates: Path) -> None:
    assert cipher(server, certificates, "required").startswith(("TLS_", "ECDHE"))


def test_a_server_that_proves_who_it_is_is_read(server: MariaDBServer, certificates: Path) -> None:
    assert cipher(server, certificates, {"ca": "ca.pem"})


def test_without_tls_an_account_that_demands_it_is_told_so(server: MariaDBServer, certificates: Path) -> None:
    with pytest.raises(SourceRefused, match="tls: required"):
        cipher(server, certificates, None)


@pytest.mark.parametrize("tls", ["verify", {"ca": "other.pem"}])
def test_a_server_that_cannot_prove_who_it_is_is_refused(tls: Any, server: MariaDBServer, certificates: Path) -> None:
    with pytest.raises(SourceRefused, match="could not prove who it is"):
        cipher(server, certificates, tls)


def test_the_certificate_of_another_host_is_refused(certificates: Path) -> None:
    signed = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2")
    _openssl(certificates, "x509", "-req", "-in", "server.csr", "-out", "elsewhere.pem", *signed)
    options = (f"--ssl-cert={certificates / 'elsewhere.pem'}", f"--ssl-key={certificates / 'server.key'}")
    with running_server(*options) as server, pytest.raises(SourceRefused, match="could not prove who it is"):
        cipher(server, certificates, {"ca": "ca.pem"})


@pytest.mark.full
def test_the_stream_itself_wants_the_same_proof(server: MariaDBServer, certificates: Path) -> None:
    address = Address(
        "127.0.0.1", server.port, server.user, server.database, server.password, "verify", certificates / "other.pem"
    )
    with pytest.raises(SourceRefused, match="the connection to the server broke"):
        fetch(address, [Order("SELECT 1", 100, 0)], where="here", scratch=None)


def test_a_file_that_holds_no_certificates_is_named(server: MariaDBServer, certificates: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read") as refused:
        cipher(server, certificates, {"ca": "no-such.pem"})
    assert "no-such.pem" in str(refused.value)


def test_a_server_without_tls_is_never_read_in_the_clear(tmp_path: Path) -> None:
    with running_server("--skip-ssl") as plain:
        plain.execute("CREATE VIEW seen AS SELECT 1 AS customer_id, '' AS cipher")
        with pytest.raises(SourceRefused, match="does not encrypt"):
            cipher(plain, tmp_path, "required")
