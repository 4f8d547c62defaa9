"""Where a MariaDB source is and how to log in: the url of its contract, the password from outside the project."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from tenure.contracts.model import Contract
from tenure.core.errors import SettingsError

_FORM = "mariadb://user@host:port/database"
_DEFAULT_PORT = 3306


@dataclass(frozen=True)
class Address:
    """One database on one server, and the account that reads it. Its text never holds the password."""

    host: str
    port: int
    user: str
    database: str
    password: str = field(repr=False)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"mariadb://{self.user}@{host}:{self.port}/{self.database}"

    def secret_url(self) -> str:
        """The address with its password, as ConnectorX wants it. For the reader's input only, never for a person."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        login = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}"
        # By default the driver leaves TCP for the server's socket, where the account may be another one.
        options = "prefer_socket=false&tcp_connect_timeout_ms=10000"
        return f"mysql://{login}@{host}:{self.port}/{quote(self.database, safe='')}?{options}"


def password_variable(source: str) -> str:
    """The environment variable that holds the password of a source."""
    return f"TENURE_{source.upper()}_PASSWORD"


def address_of(contract: Contract, environment: Mapping[str, str]) -> Address:
    """The address of a contract's table; raises `SettingsError` for a url that cannot be used or a missing password."""
    where = f"sources/{contract.source}.yml"
    try:
        url = urlsplit(contract.url or "")
        port = url.port or _DEFAULT_PORT
    except ValueError as error:
        raise SettingsError("url cannot be understood", where=where, cure=f"write it as {_FORM}") from error
    if url.password is not None:
        variable = password_variable(contract.source)
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
    password = _password(contract.source, environment)
    return Address(host, port, unquote(url.username), database, password)


def _password(source: str, environment: Mapping[str, str]) -> str:
    variable = password_variable(source)
    if variable in environment:
        return environment[variable]
    named = environment.get(f"{variable}_FILE")
    if named is None:
        raise SettingsError(
            f"the password of source '{source}' is not known",
            where=f"sources/{source}.yml",
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
