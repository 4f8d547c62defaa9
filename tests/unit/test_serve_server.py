"""Where the dashboard listens, what it refuses, and how it ends."""

import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tenure.core.errors import TenureError, UsageError
from tenure.core.settings import Project, Settings
from tenure.serve.server import _listen, serve


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path, Settings())


def _never(address: str) -> None:
    raise AssertionError(f"it listens on {address}")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "bank.example", "", "localhost.example"])
def test_an_address_that_others_can_reach_is_refused_with_the_way_round(project: Project, host: str) -> None:
    with pytest.raises(UsageError) as refusal:
        serve(project, host, 8080, _never)
    assert "no users or encryption" in refusal.value.what
    assert "ssh -L 8080:127.0.0.1:8080" in str(refusal.value.cure)


def test_a_port_in_use_is_named_with_its_cure(project: Project) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(TenureError) as refusal:
            serve(project, "127.0.0.1", port, _never)
    assert refusal.value.exit_code == 1
    assert refusal.value.where == f"127.0.0.1:{port}"
    assert "in use" in refusal.value.what
    assert "--port" in str(refusal.value.cure)


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_number_that_is_no_port_is_refused(project: Project, port: int) -> None:
    with pytest.raises(UsageError, match="is not a port"):
        serve(project, "localhost", port, _never)


@pytest.mark.parametrize(
    ("host", "shown"),
    [("127.0.0.1", "http://127.0.0.1:"), ("localhost", "http://127.0.0.1:"), ("::1", "http://[::1]:")],
)
def test_it_tells_its_address_answers_there_and_ends_quietly_on_ctrl_c(tmp_path: Path, host: str, shown: str) -> None:
    program = (
        "from pathlib import Path; from tenure.core.settings import Project, Settings; "
        "from tenure.serve.server import serve; "
        f"serve(Project(Path({str(tmp_path)!r}), Settings()), {host!r}, 0, lambda address: print(address, flush=True))"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().decode().strip()
            assert address.startswith(shown)
            with urllib.request.urlopen(f"{address}static/tenure.css", timeout=20) as answer:
                assert answer.status == 200
                assert "server" not in answer.headers
        finally:
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=20)
    assert process.returncode == 0
    assert said == b""


def test_answers_are_sent_at_once() -> None:
    with _listen("127.0.0.1", 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP, "only then does asyncio switch Nagle's delay of 40 ms off"


def test_naming_the_room_loads_no_web_framework() -> None:
    program = "import sys, tenure.serve; print(sorted({'fastapi', 'uvicorn', 'jinja2', 'duckdb'} & set(sys.modules)))"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[]"
