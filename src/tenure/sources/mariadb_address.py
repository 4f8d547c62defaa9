"""Where a MariaDB source is and how to log in: the url of its contract, the password from outside the project."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote, unquote, urlsplit

from tenure.contracts.model import Contract
from tenure.contracts.server_reading import ServerTrust
from tenure.core.errors import SettingsError

_FORM = "mariadb://user@host:port/database"
_DEFAULT_PORT = 3306


@dataclass(frozen=True)
class Address:
    """One database on one server, and the account that reads it. Its text never holds the password.

    `tls`: whether the wire is encrypted, and if so whether the server must prove who it is; `trusted` is the file of
    those who may vouch for it, by default this machine's.
    """

    host: str
    port: int
    user: str
    database: str
    password: str = field(repr=False)
    tls: Literal["off", "required", "verify"] = "off"
    trusted: Path | None = None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"mariadb://{self.user}@{host}:{self.port}/{self.database}"

    def secret_url(self) -> str:
        """The address with its password, as ConnectorX wants it. For the reader's input only, never for a person."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        login = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}"
        # By default the driver leaves TCP for the server's socket, where the account may be another one.
        # A row may be larger than what the driver takes by default.
        options = "prefer_socket=false&tcp_connect_timeout_ms=10000&max_allowed_packet=1073741824"
        options += {"off": "", "required": "&ssl-mode=required", "verify": "&ssl-mode=verify_identity"}[self.tls]
        return f"mysql://{login}@{host}:{self.port}/{quote(self.database, safe='')}?{options}"

    def trust_file(self) -> str | None:
        """The certificates by which the server must prove who it is; None where it need not."""
        if self.tls != "verify":
            return None
        return str(self.trusted) if self.trusted else ssl.get_default_verify_paths().cafile

    def tls_options(self) -> dict[str, Any]:
        """What PyMySQL is told of TLS: the same as ConnectorX. Raises `SettingsError` for a file of no certificates."""
        if self.tls == "off":
            return {"ssl_disabled": True}
        try:
            context = ssl.create_default_context(cafile=self.trust_file())
        except (OSError, ssl.SSLError) as error:
            raise SettingsError(
                "the certificates of those who may vouch for the server cannot be read",
                where=self.trust_file(),
                cure="name a file of certificates in PEM form under tls: {ca: …}, relative to the project",
            ) from error
        if self.tls == "required":
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return {"ssl": context}


def default_variable(name: str) -> str:
    """The environment variable in which the password of a source, or of a database, is looked for by default."""
    return f"TENURE_{name.upper()}_PASSWORD"


def password_variable(contract: Contract) -> str:
    """The environment variable that holds the password of a contract's account."""
    return contract.password_variable or default_variable(contract.source)


def address_of(contract: Contract, environment: Mapping[str, str], root: Path = Path()) -> Address:
    """The address of a contract's table; raises `SettingsError` for a url that cannot be used or a missing password.

    `root`: the project's folder, from where the file of `tls` is named.
    """
    where = f"sources/{contract.source}.yml"
    address = address_at(contract.url or "", password_variable(contract), where, environment)
    if contract.tls is None:
        return address
    if isinstance(contract.tls, ServerTrust):
        return replace(address, tls="verify", trusted=root / contract.tls.ca)
    return replace(address, tls=contract.tls)


def address_at(text: str, variable: str, where: str, environment: Mapping[str, str]) -> Address:
    """The address that a url names, with the password from `variable`; `where` is where the url stands."""
    try:
        url = urlsplit(text)
        port = url.port or _DEFAULT_PORT
    except ValueError as error:
        raise SettingsError("url cannot be understood", where=where, cure=f"write it as {_FORM}") from error
    if url.password is not None:
        raise SettingsError(
            "url holds a password, and project files must not",
            where=where,
            cure=f"write url as {_FORM}, put the password into {variable} or into a file named by {variable}_FILE, "
            "and give the account a new password if this file was shared",
        )
    database = unquote(url.path.removeprefix("/"))
    if url.scheme != "mariadb" or not url.username or not url.hostname or not database or "/" in database:
        raise SettingsError("url cannot be understood", where=where, cure=f"write it as {_FORM}")
    if url.query or url.fragment:
        raise SettingsError("url has options, and none are known", where=where, cure=f"write it as {_FORM}")
    # To MySQL clients the name localhost means a socket; here it means this machine, by TCP.
    host = "127.0.0.1" if url.hostname == "localhost" else url.hostname
    password = _password(variable, where, environment)
    return Address(host, port, unquote(url.username), database, password)


def typed_address(text: str, variable: str, tls: str | None, environment: Mapping[str, str]) -> Address:
    """The address of a url on the command line; `tls` is required, verify or a file of certificates to verify by."""
    address = address_at(text, variable, "the url", environment)
    if tls is None:
        return address
    if tls in {"required", "verify"}:
        return replace(address, tls="required" if tls == "required" else "verify")
    return replace(address, tls="verify", trusted=Path(tls))


def _password(variable: str, where: str, environment: Mapping[str, str]) -> str:
    if variable in environment:
        return environment[variable]
    named = environment.get(f"{variable}_FILE")
    if named is None:
        raise SettingsError(
            "the password of the account is not known",
            where=where,
            cure=f"set {variable}, or set {variable}_FILE to a file that holds it",
        )
    try:
        return Path(named).read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise SettingsError(
            f"the password file cannot be read: {reason}",
            where=named,
            cure=f"check the path in {variable}_FILE and that you may read the file",
        ) from error
