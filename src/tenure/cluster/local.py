"""Brings a local cluster up and down, and says how it is."""

import fcntl
import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tenure.cluster.hdfs import hdfs_state, start_hdfs, wait_for_hdfs, write_settings
from tenure.cluster.layout import DATANODES, Layout
from tenure.cluster.metastore import Database, derby, start_metastore
from tenure.cluster.processes import Daemons, listens
from tenure.cluster.programs import find_programs
from tenure.cluster.thrift import start_thrift
from tenure.core.durable import replace_file
from tenure.core.errors import TenureError, UsageError

_SAYS = "cluster.json"
_ORDER = ("namenode", *(f"datanode{number}" for number in range(1, DATANODES + 1)), "metastore", "thrift")


@dataclass(frozen=True)
class Status:
    """One process: whether it runs, and what it says or lacks."""

    name: str
    pid: int | None
    state: str


def cluster_up(
    folder: Path, offset: int, database: Database | None = None, tell: Callable[[str], None] = lambda step: None
) -> Layout:
    """Start what does not run of a cluster, and wait until it answers; `tell` hears of each step.

    A folder keeps its ports. Raises `TenureError` for a missing program, a port that is taken, or a process that ends.
    """
    folder = folder.resolve()
    with _one_at_a_time(folder):
        layout, daemons = Layout(folder, offset), Daemons(folder)
        known = _layout_of(folder)
        if known and known != layout and any(daemons.pid(name) for name in daemons.names()):
            raise UsageError(
                f"the cluster there runs with other ports (offset {known.offset})", cure="tenure cluster down, then up"
            )
        programs = find_programs()
        _expect_free(layout, daemons)
        replace_file(folder / _SAYS, json.dumps({"offset": offset}).encode())
        write_settings(layout)
        tell("HDFS")
        start_hdfs(layout, programs, daemons)
        wait_for_hdfs(layout, daemons)
        tell("Hive metastore")
        start_metastore(layout, programs, daemons, database or derby(folder))
        daemons.wait_for_port("metastore", layout.ports["metastore"])
        tell("HiveServer2")
        start_thrift(layout, programs, daemons)
        daemons.wait_for_port("thrift", layout.ports["thrift"])
        return layout


def cluster_down(folder: Path) -> list[str]:
    """Stop every process of a cluster that was started there; its files stay. Gives the names of those that ran."""
    if not folder.is_dir():
        return []
    with _one_at_a_time(folder.resolve()):
        daemons = Daemons(folder.resolve())
        return [name for name in reversed(_ORDER) if daemons.stop(name)]


def cluster_status(folder: Path) -> tuple[Layout | None, list[Status]]:
    """How each process is, and the layout of the cluster; None where no cluster was ever brought up."""
    layout, daemons = _layout_of(folder.resolve()), Daemons(folder.resolve())
    if layout is None:
        return None, []
    return layout, [_status(name, layout, daemons) for name in _ORDER]


def _status(name: str, layout: Layout, daemons: Daemons) -> Status:
    pid = daemons.pid(name)
    if pid is None:
        return Status(name, None, "died" if name in daemons.names() else "down")
    if name == "namenode":
        state = hdfs_state(layout)
        if state is None:
            return Status(name, pid, "gives no answer")
        return Status(name, pid, f"{state[0]} of {DATANODES} DataNodes live{', safe mode' if state[1] else ''}")
    if name in layout.ports:
        return Status(name, pid, "up" if listens(layout.ports[name]) else "gives no answer")
    return Status(name, pid, "up")


def _layout_of(folder: Path) -> Layout | None:
    try:
        return Layout(folder, int(json.loads((folder / _SAYS).read_text())["offset"]))
    except FileNotFoundError:
        return None


def _expect_free(layout: Layout, daemons: Daemons) -> None:
    owners = {"webhdfs": "namenode"}
    for name, port in layout.ports.items():
        if listens(port) and not daemons.pid(owners.get(name, name)):
            raise TenureError(
                f"port {port} ({name}) is in use by another program",
                cure="stop that program, or move all ports: tenure cluster up --port-offset 10000",
            )


@contextmanager
def _one_at_a_time(folder: Path) -> Generator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise TenureError(
                "another command is bringing this cluster up or down", where=str(folder), cure="wait for it to end"
            ) from None
        yield
