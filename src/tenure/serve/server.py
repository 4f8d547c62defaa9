"""Runs the dashboard on a loopback address until it is interrupted."""

import errno
import ipaddress
import socket
from collections.abc import Callable

import uvicorn

from tenure.core.errors import TenureError, UsageError
from tenure.core.settings import Project
from tenure.serve.app import create_app
from tenure.serve.security import is_loopback

_SECONDS_TO_FINISH = 3


def serve(project: Project, host: str, port: int, announce: Callable[[str], None]) -> None:
    """Serve the project's dashboard; returns after Ctrl-C.

    `port` 0 takes any free one. `announce` is given the address to open, once connections are accepted.
    Raises `UsageError` for an address that other machines can reach, and `TenureError` when the port cannot be had.
    """
    with _listen(host, port) as listener:
        config = uvicorn.Config(
            create_app(project),
            log_level="warning",
            access_log=False,  # a customer's number may stand in an address
            server_header=False,
            timeout_graceful_shutdown=_SECONDS_TO_FINISH,
        )
        announce(_address(listener))
        try:
            uvicorn.Server(config).run(sockets=[listener])
        except KeyboardInterrupt:
            return  # uvicorn has finished the requests under way, then hands the interrupt on


def _listen(host: str, port: int) -> socket.socket:
    if not is_loopback(host):
        raise UsageError(
            f"the dashboard has no users or encryption yet, so it does not listen on {host}",
            cure="leave --host away (127.0.0.1); from another machine, come through an SSH tunnel:"
            f" ssh -L {port or 8000}:127.0.0.1:{port or 8000} THIS_MACHINE",
        )
    address = ipaddress.ip_address("127.0.0.1" if host.lower() == "localhost" else host)
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    # Without the protocol's number asyncio leaves Nagle's delay on, which costs every answer 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((str(address), port))
        listener.listen(128)
    except (OSError, OverflowError) as error:
        listener.close()
        raise _no_port(host, port, error) from error
    return listener


def _no_port(host: str, port: int, error: OSError | OverflowError) -> TenureError:
    place = f"{host}:{port}"
    other = "choose another port with --port, or --port 0 for any free one"
    if isinstance(error, OverflowError):
        return UsageError(f"{port} is not a port: ports are 0 to 65535", cure=other)
    if error.errno == errno.EADDRINUSE:
        return TenureError("the port is in use by another program", where=place, cure=other)
    if error.errno == errno.EACCES:
        return TenureError("the system keeps this port for privileged programs", where=place, cure=other)
    return TenureError(f"cannot listen here: {error.strerror}", where=place, cure=other)


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
