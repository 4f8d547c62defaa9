"""One real cluster for all tests of this folder: HDFS with three DataNodes, a Hive metastore and HiveServer2."""

import socket
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tenure.cluster.layout import Layout
from tenure.cluster.local import cluster_down, cluster_up
from tests.command import Command


def free_offset() -> int:
    """How far to move the ports so that none of them is taken."""
    usual = Layout(Path("/nowhere")).ports.values()
    for offset in range(11_000, 50_000, 101):
        with ExitStack() as opened:
            try:
                for port in usual:
                    opened.enter_context(socket.socket()).bind(("127.0.0.1", port + offset))
            except OSError:
                continue
            return offset
    raise AssertionError("no free ports")


@pytest.fixture
def tenure(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """The `tenure` command."""
    return Command(monkeypatch, capsys)


@pytest.fixture(scope="package")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Generator[Layout]:
    """A running cluster."""
    folder = tmp_path_factory.mktemp("cluster")
    try:
        yield cluster_up(folder, free_offset())
    finally:
        cluster_down(folder)
