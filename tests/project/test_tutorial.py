"""The tutorial is true: its commands run in order, and print what it says they print."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.project.repository import ROOT, text

TUTORIAL = "docs/tutorial/first-report.md"


def _steps() -> list[tuple[str, list[str]]]:
    """(command, lines that it must print), from the blocks marked console; a line of dots stands for anything."""
    steps: list[tuple[str, list[str]]] = []
    for block in re.findall(r"^```console\n(.*?)^```", text(TUTORIAL), flags=re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            if line.startswith("$ "):
                steps.append((line.removeprefix("$ "), []))
            elif line.strip() not in ("", "…"):
                steps[-1][1].append(line.rstrip())
    return steps


def test_every_step_of_the_first_report_runs_and_prints_what_the_page_shows(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "tests" / "data" / "seed_case", tmp_path / "tests" / "data" / "seed_case")
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    folder = tmp_path
    steps = _steps()
    assert len(steps) > 4
    for command, expected in steps:
        if command.startswith("cd "):
            folder /= command.removeprefix("cd ")
            continue
        result = subprocess.run(
            ["sh", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"
        printed = [line.rstrip() for line in result.stdout.splitlines()]
        assert [line for line in expected if not _is_among(line, printed)] == [], f"{command}\n{result.stdout}"


def _is_among(line: str, printed: list[str]) -> bool:
    """Whether a line was printed; dots in it stand for a number that is another one each time."""
    pattern = re.escape(line).replace("…", r"\S+")
    return any(re.fullmatch(pattern, found) for found in printed)
