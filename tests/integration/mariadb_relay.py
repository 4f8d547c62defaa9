"""A wire to the server that can be cut, or go silent, after so many bytes."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from tests.integration.mariadb_server import HOST


@dataclass
class Relay:
    """Passes bytes on until `limit` of them have come from the server; then cuts, or falls silent.

    `reached` is set when that happens.
    """

    server_port: int
    limit: int
    silent: bool
    listener: socket.socket = field(default_factory=lambda: socket.create_server((HOST, 0)))
    reached: threading.Event = field(default_factory=threading.Event)
    passed: int = 0
    wires: list[socket.socket] = field(default_factory=list)

    @property
    def port(self) -> int:
        """Where a client connects."""
        return int(self.listener.getsockname()[1])

    def accept(self) -> None:
        """Serve clients until the listener is closed."""
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection((HOST, self.server_port))
            self.wires += [client, server]
            threading.Thread(target=self._pass, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self._pass, args=(server, client, True), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, counted: bool) -> None:
        with suppress(OSError):  # the other direction may have closed the wire
            while chunk := source.recv(1 << 14):
                if counted and self.passed > self.limit:
                    self.reached.set()
                    if self.silent:
                        return
                    break
                self.passed += len(chunk) if counted else 0
                target.sendall(chunk)
        for wire in (source, target):
            _close(wire)


def _close(wire: socket.socket) -> None:
    with suppress(OSError):  # it may be closed already
        wire.shutdown(socket.SHUT_RDWR)
    wire.close()


@contextmanager
def relay(server_port: int, *, limit: int, silent: bool = False) -> Iterator[Relay]:
    """A relay for the length of a `with`."""
    wire = Relay(server_port, limit, silent)
    thread = threading.Thread(target=wire.accept, daemon=True)
    thread.start()
    try:
        yield wire
    finally:
        _close(wire.listener)
        for open_wire in wire.wires:
            _close(open_wire)
        thread.join(timeout=5)
