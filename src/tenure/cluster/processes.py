"""Starts and stops the processes of a cluster. A process is known by its id and the moment it began, never by name."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tenure.core.durable import replace_file
from tenure.core.errors import TenureError

_SOON = 0.1
_GRACE = 20.0
_LINES = 5


@dataclass(frozen=True)
class Daemons:
    """The processes of one cluster: `folder` holds a file with id and start of each, and its log."""

    folder: Path

    def log(self, name: str) -> Path:
        """What a process prints."""
        return self.folder / "log" / f"{name}.log"

    def start(self, name: str, command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> None:
        """Start a process that outlives this one, unless it runs already."""
        if self.pid(name):
            return
        self.log(name).parent.mkdir(parents=True, exist_ok=True)
        with self.log(name).open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - our own command line, made of paths
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )
        began = _began(process.pid)
        (self.folder / "pid").mkdir(exist_ok=True)
        replace_file(self.folder / "pid" / name, f"{process.pid} {began}".encode())

    def pid(self, name: str) -> int | None:
        """The id of a process while it runs."""
        try:
            number, began = (self.folder / "pid" / name).read_text().split()
        except (OSError, ValueError):
            return None
        return int(number) if _began(int(number)) == began else None

    def names(self) -> list[str]:
        """All processes that were started and not stopped, whether they still run or not."""
        folder = self.folder / "pid"
        return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []

    def stop(self, name: str) -> bool:
        """End a process and its children, gently first; whether it ran."""
        number = self.pid(name)
        if number:
            _signal(number, signal.SIGTERM)
            until = time.monotonic() + _GRACE
            while self.pid(name) and time.monotonic() < until:
                time.sleep(_SOON)
            if self.pid(name):
                _signal(number, signal.SIGKILL)
        (self.folder / "pid" / name).unlink(missing_ok=True)
        return number is not None

    def wait_for_port(self, name: str, port: int, seconds: float = 90.0) -> None:
        """Wait until a process listens; raises `TenureError` with its last words when it ends or takes too long."""
        until = time.monotonic() + seconds
        while not listens(port):
            self.expect_alive(name)
            if time.monotonic() > until:
                raise TenureError(
                    f"{name} does not answer on port {port} after {seconds:.0f} s",
                    where=str(self.log(name)),
                    cure="look into the log; tenure cluster down, then up, starts again",
                )
            time.sleep(_SOON)

    def expect_alive(self, name: str) -> None:
        """Raises `TenureError` with its last words when a process has ended."""
        if self.pid(name) is None:
            words = self.log(name).read_text(errors="replace").strip().splitlines()[-_LINES:]
            raise TenureError(
                f"{name} ended while it was starting: {' | '.join(words) or 'it said nothing'}",
                where=str(self.log(name)),
                cure="look into the log, mend what it names, then: tenure cluster down, tenure cluster up",
            )


def listens(port: int) -> bool:
    """Whether something listens on this machine's loopback address."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _signal(number: int, what: signal.Signals) -> None:
    """To the process and those that it started: it leads a session of its own."""
    try:
        os.killpg(number, what)
    except ProcessLookupError:
        return


def _began(number: int) -> str | None:
    """When a process began, in the system's ticks; None when there is none or it has ended."""
    try:
        words = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if words[0] == "Z" else words[19]
