"""Starts and stops a real MariaDB server of its own: loopback only, a free port, a folder that goes away."""

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pymysql
from pymysql.cursors import Cursor

HOST = "127.0.0.1"
READY_WITHIN_SECONDS = 60

_FAST = (
    "--performance-schema=OFF",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-doublewrite=0",
    "--innodb-fast-shutdown=2",
    "--innodb-buffer-pool-size=64M",
    "--innodb-log-file-size=16M",
    "--skip-log-bin",
    "--skip-name-resolve",
)


@dataclass(frozen=True)
class MariaDBServer:
    """A running server. `user` may read and write `database`, by TCP and with `password` only."""

    port: int
    socket: Path
    pid: int
    user: str
    password: str
    database: str

    @property
    def url(self) -> str:
        """How a contract names this database: without the password."""
        return f"mariadb://{self.user}@{HOST}:{self.port}/{self.database}"

    def connect(self, *, database: str | None = None) -> "pymysql.Connection[Cursor]":
        """A connection of the user, by TCP."""
        return pymysql.connect(
            host=HOST,
            port=self.port,
            user=self.user,
            password=self.password,
            database=database or self.database,
            charset="utf8mb4",
            autocommit=True,
        )

    def execute(self, *statements: str, database: str | None = None) -> None:
        """Run statements one after the other."""
        with self.connect(database=database) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def script(self, sql: bytes) -> None:
        """Run a file of SQL with the server's own client, as root over the socket."""
        command = ["mariadb", "--no-defaults", f"--socket={self.socket}", "--user=root"]
        subprocess.run(command, input=sql, check=True, capture_output=True)


@contextmanager
def running_server(*options: str) -> Iterator[MariaDBServer]:
    """A fresh server for the length of a `with`; `options` are added to its command line."""
    # The path of a socket may have 107 bytes at most, so the folder is not below pytest's own.
    folder = Path(tempfile.mkdtemp(prefix="tenure-db-"))
    log = folder / "server.log"
    try:
        # A server that starts clears temporary tables away from where it keeps its own: never those of another one.
        (folder / "tmp").mkdir()
        _install(folder)
        port = _free_port()
        command = [*_command(folder, port), *options]
        with log.open("wb") as output:
            process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        try:
            _wait_until_ready(process, folder / "s", log)
            yield _with_user(port, folder / "s", process.pid)
        finally:
            process.terminate()
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    finally:
        shutil.rmtree(folder)


def _program(name: str) -> str | None:
    places = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])
    return shutil.which(name, path=places)


def _as_root() -> list[str]:
    return ["--user=root"] if os.geteuid() == 0 else []


def _install(folder: Path) -> None:
    command = [
        str(_program("mariadb-install-db")),
        "--no-defaults",
        *_as_root(),
        f"--datadir={folder / 'data'}",
        f"--tmpdir={folder / 'tmp'}",
        "--auth-root-authentication-method=normal",
        "--skip-test-db",
        "--innodb-log-file-size=16M",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"mariadb-install-db failed: {done.stdout}{done.stderr}")


def _command(folder: Path, port: int) -> list[str]:
    return [
        str(_program("mariadbd")),
        "--no-defaults",
        *_as_root(),
        f"--datadir={folder / 'data'}",
        f"--tmpdir={folder / 'tmp'}",
        f"--socket={folder / 's'}",
        f"--pid-file={folder / 'pid'}",
        f"--bind-address={HOST}",
        f"--port={port}",
        *_FAST,
    ]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(process: "subprocess.Popen[bytes]", path: Path, log: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"mariadbd ended with {process.returncode}:\n{log.read_text(errors='replace')}")
        try:
            pymysql.connect(unix_socket=str(path), user="root").close()
        except pymysql.OperationalError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"mariadbd was not ready in {READY_WITHIN_SECONDS} s:\n{log.read_text(errors='replace')}")


def _with_user(port: int, path: Path, pid: int) -> MariaDBServer:
    # The password has every character that a url would have to escape.
    server = MariaDBServer(port, path, pid, "reader", f"p@s:s/w%20?#&'{secrets.token_urlsafe(12)}", "bank")
    with pymysql.connect(unix_socket=str(path), user="root") as root, root.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {server.database} CHARACTER SET utf8mb4")
        cursor.execute("CREATE USER %s@'127.0.0.1' IDENTIFIED BY %s", (server.user, server.password))
        cursor.execute(f"GRANT ALL ON *.* TO '{server.user}'@'127.0.0.1' WITH GRANT OPTION")
    return server
