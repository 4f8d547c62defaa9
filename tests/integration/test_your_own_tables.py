"""The page about tables of one's own is true: its files and commands, in order, lead from the data to a dashboard."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from tests.project.repository import text
from tests.shared_data import shared

PAGE = "docs/how-to/your-own-tables.md"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"`((?:sources/)?[a-z_]+\.(?:yml|sql|toml))`")


@dataclass(frozen=True)
class Step:
    """A block of the page: its kind, its text, and the file that the sentence above it names."""

    kind: str
    text: str
    file: str | None


def steps() -> list[Step]:
    page = text(PAGE)
    found: list[Step] = []
    for block in _BLOCK.finditer(page):
        named = _FILE.findall(page[: block.start()].rsplit("\n\n", 2)[-2])
        found.append(Step(block[1], block[2], named[-1] if named else None))
    return found


def commands(block: str) -> list[tuple[str, list[str]]]:
    """The commands of a console block, each with the lines that it must print."""
    found: list[tuple[str, list[str]]] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append((line.removeprefix("$ "), []))
        elif line.strip():
            found[-1][1].append(line.rstrip())
    return found


def is_among(line: str, printed: list[str]) -> bool:
    """Whether a line was printed; dots in it stand for a number that is another one each time."""
    pattern = re.escape(line).replace("…", r"\S+")
    return any(re.fullmatch(pattern, found) for found in printed)


def run(command: str, folder: Path) -> list[str]:
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    result = subprocess.run(
        ["sh", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"
    return [line.rstrip() for line in result.stdout.splitlines()]


def is_served(folder: Path) -> bool:
    """Whether the dashboard answers with the project's name."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tenure", "serve", "--port", str(port)]
    server = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        return _answers(server, f"http://127.0.0.1:{port}/", "Czech bank")
    finally:
        server.terminate()
        server.wait(timeout=30)


def _answers(server: subprocess.Popen[bytes], address: str, wanted: str) -> bool:
    while server.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=60) as response:
                return wanted in response.read().decode()
        except OSError:
            time.sleep(0.1)
    return False


def test_the_page_leads_from_the_files_to_a_dashboard(tmp_path: Path) -> None:
    shutil.copytree(shared("data/berka"), tmp_path / "berka")
    folder = tmp_path
    served = False
    for step in steps():
        if step.kind in {"yaml", "sql", "toml"}:
            assert step.file, step.text
            (folder / step.file).write_text(step.text, encoding="utf-8")
        elif step.kind == "console":
            for command, expected in commands(step.text):
                printed = run(command, folder)
                missing = [line for line in expected if not is_among(line, printed)]
                assert missing == [], f"{command}\n" + "\n".join(printed)
        elif step.kind == "sh":
            for command in step.text.splitlines():
                if command.startswith("cd "):
                    folder /= command.removeprefix("cd ")
                elif command == "tenure serve":
                    served = is_served(folder)
                else:
                    run(command, folder)
    assert served
    count = "SELECT COUNT(*) AS n, COUNT(DISTINCT geography) AS regions, MIN(date_opened) AS first FROM dim_customer"
    assert '"n": 5369' in "".join(run(f'tenure sql --format json "{count}"', folder))
    again = run("tenure run --date 1999-01-02", folder)
    assert is_among("customers      1  5369       0            0           0       5369        0      …", again)
