"""Exports and questions go over encrypted connections too, to a server that proves who it is where that is wanted."""

from pathlib import Path

import pytest

from tests.command import Command
from tests.integration.export_cases import built, tenure
from tests.integration.mariadb_server import MariaDBServer
from tests.integration.test_mariadb_tls import certificates, server

pytestmark = pytest.mark.needs("mariadb", "openssl")
__all__ = ["built", "certificates", "server", "tenure"]


@pytest.fixture
def words(server: MariaDBServer, built: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """An export and a question."""
    for verb in ("EXPORT", "EVAL"):
        monkeypatch.setenv(f"TENURE_{verb}_PASSWORD", server.password)
    export = ("export", "mariadb", "--sql", "SELECT 1 AS id", "--table", "sent", "--create", "--mode", "upsert")
    return [
        (*export, "--key", "id", "--to", server.url, "--project", built),
        ("eval", server.url, "SHOW STATUS LIKE 'Ssl_cipher'"),
    ]


@pytest.mark.parametrize("trust", ["required", "ca.pem"])
def test_an_encrypted_connection_is_made(
    trust: str, tenure: Command, words: list[tuple[object, ...]], certificates: Path
) -> None:
    tls = certificates / trust if trust.endswith(".pem") else trust

    export, asked = (tenure(*each, "--tls", tls) for each in words)

    assert export.code == 0, export.err
    assert "TLS_" in asked.out or "ECDHE" in asked.out


@pytest.mark.parametrize("trust", ["verify", "other.pem"])
def test_a_server_that_cannot_prove_who_it_is_is_refused(
    trust: str, tenure: Command, words: list[tuple[object, ...]], certificates: Path
) -> None:
    tls = certificates / trust if trust.endswith(".pem") else trust

    for each in words:
        ran = tenure(*each, "--tls", tls)
        assert (ran.code, ran.out) == (1, "")
        assert "could not prove who it is" in ran.err


def test_an_account_that_demands_tls_is_told_so(tenure: Command, words: list[tuple[object, ...]]) -> None:
    for each in words:
        ran = tenure(*each)
        assert ran.code == 1 and "error 1045" in ran.err and "tls" in ran.err
