"""`tenure cluster`: real processes that start, answer, survive, stop, and tell what is missing."""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from tenure.cluster.hdfs import hdfs_state
from tenure.cluster.layout import Layout
from tenure.cluster.local import cluster_down, cluster_status, cluster_up
from tenure.cluster.processes import Daemons
from tenure.cluster.programs import find_programs
from tests.command import Command

Answer = TypeVar("Answer")

pytestmark = pytest.mark.needs("java", "maven")


def ask(cluster: Layout, *statements: str) -> list[str]:
    """What beeline prints for some statements, the lines of its frames left out."""
    spark = find_programs().spark
    words = [spark / "bin" / "beeline", "-u", cluster.jdbc, "-n", "someone", "--silent=true", "--outputformat=csv2"]
    given = [word for statement in statements for word in ("-e", statement)]
    environment = {**os.environ, "SPARK_HOME": str(spark)}
    done = subprocess.run([*words, *given], capture_output=True, text=True, check=True, env=environment, timeout=120)
    return [line.rpartition("> ")[2] for line in done.stdout.splitlines() if line]


def put(cluster: Layout, path: str, content: bytes) -> None:
    """Write a file by WebHDFS: the NameNode says which DataNode takes it."""
    address = f"{cluster.webhdfs}/webhdfs/v1{path}?op=CREATE&overwrite=true&user.name=someone&noredirect=true"

    def write() -> None:
        with urllib.request.urlopen(urllib.request.Request(address, method="PUT")) as answer:
            place = json.load(answer)["Location"]
        urllib.request.urlopen(urllib.request.Request(place, data=content, method="PUT")).close()

    persistently(write)


def get(cluster: Layout, path: str) -> bytes:
    address = f"{cluster.webhdfs}/webhdfs/v1{path}?op=OPEN&user.name=someone"

    def read() -> bytes:
        with urllib.request.urlopen(address) as answer:
            return answer.read()

    return persistently(read)


def persistently(ask_hdfs: Callable[[], Answer]) -> Answer:
    """As every client of HDFS does: until the NameNode notices, it may send one to a DataNode that has died."""
    until = time.monotonic() + 60
    while True:
        try:
            return ask_hdfs()
        except OSError:
            assert time.monotonic() < until
            time.sleep(0.2)


def states(cluster: Layout) -> dict[str, str]:
    return {entry.name: entry.state for entry in cluster_status(cluster.folder)[1]}


def test_everything_runs_and_says_so(cluster: Layout, tenure: Command) -> None:
    assert states(cluster) == {
        "namenode": "3 of 3 DataNodes live",
        **{f"datanode{number}": "up" for number in (1, 2, 3)},
        "metastore": "up",
        "thrift": "up",
    }
    ran = tenure("cluster", "status", "--dir", cluster.folder, "--json")
    assert ran.code == 0
    assert json.loads(ran.out)["healthy"] is True


def test_nothing_listens_beyond_this_machine(cluster: Layout) -> None:
    mine = {entry.pid for entry in cluster_status(cluster.folder)[1]}
    children = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit() and _group(path) in mine]
    sockets = {socket for pid in children for socket in _sockets(pid)}
    listening = [words for file in ("tcp", "tcp6") for words in _listening(file) if words[9] in sockets]
    assert len(listening) >= 9
    local = {"0100007F", "0000000000000000FFFF00000100007F"}
    assert {words[1].split(":")[0] for words in listening} <= local


def _group(process: Path) -> int | None:
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[2])
    except OSError:
        return None


def _sockets(pid: int) -> set[str]:
    found: set[str] = set()
    for path in Path(f"/proc/{pid}/fd").glob("*"):
        try:
            target = str(path.readlink())
        except OSError:
            continue
        if target.startswith("socket:"):
            found.add(target[8:-1])
    return found


def _listening(file: str) -> list[list[str]]:
    lines = Path(f"/proc/net/{file}").read_text().splitlines()[1:]
    return [words for words in (line.split() for line in lines) if words[3] == "0A"]


def test_a_table_is_made_filled_and_asked_through_hiveserver2(cluster: Layout) -> None:
    made = "CREATE EXTERNAL TABLE numbers (n INT) STORED AS PARQUET LOCATION '/trial/numbers'"
    answer = ask(cluster, made, "INSERT INTO numbers VALUES (1), (2), (39)", "SELECT SUM(n) AS total FROM numbers")
    assert answer[-2:] == ["total", "42"]


def test_a_second_up_leaves_everything_as_it_is(cluster: Layout) -> None:
    before = cluster_status(cluster.folder)
    assert cluster_up(cluster.folder, cluster.offset) == cluster
    assert cluster_status(cluster.folder) == before


def test_files_survive_a_killed_datanode_and_a_restart_of_all(cluster: Layout) -> None:
    put(cluster, "/trial/file", b"kept" * 100_000)
    number = Daemons(cluster.folder).pid("datanode1")
    assert number
    os.kill(number, signal.SIGKILL)
    assert get(cluster, "/trial/file") == b"kept" * 100_000
    until = time.monotonic() + 60
    while (hdfs_state(cluster) or (3, False))[0] != 2:
        assert time.monotonic() < until, "the NameNode never noticed"
        time.sleep(0.2)
    assert states(cluster)["datanode1"] == "died"
    put(cluster, "/trial/with_two", b"also")
    assert cluster_down(cluster.folder) == ["thrift", "metastore", "datanode3", "datanode2", "namenode"]
    assert set(states(cluster).values()) == {"down"}
    cluster_up(cluster.folder, cluster.offset)
    assert get(cluster, "/trial/file") == b"kept" * 100_000
    assert get(cluster, "/trial/with_two") == b"also"


def test_a_port_that_is_taken_is_named(tenure: Command, tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        offset = other.getsockname()[1] - 9083
        ran = tenure("cluster", "up", "--dir", tmp_path / "c", "--port-offset", str(offset))
    assert ran.code == 1
    assert f"port {offset + 9083} (metastore) is in use" in ran.err
    assert "--port-offset" in ran.err
    assert tenure("cluster", "down", "--dir", tmp_path / "c").out == "nothing was running\n"


@pytest.mark.parametrize(
    ("program", "cure"), [("java", "apt-get install openjdk-17-jre-headless"), ("mvn", "apt-get install maven")]
)
def test_a_missing_program_is_named_with_how_to_get_it(
    program: str, cure: str, tenure: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    if program == "mvn":
        (programs / "java").symlink_to(find_programs().java)
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for verb in ("up", "status"):
        ran = tenure("cluster", verb, "--dir", tmp_path / "c")
        assert ran.code == 1
        assert cure in ran.err
