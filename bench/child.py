"""Runs a command to its end and tells what it and all processes that it waited for have used."""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cost:
    """Of a whole process, from its start to its end."""

    wall_seconds: float
    cpu_seconds: float
    peak_megabytes: float


def cost_of(command: list[str], environment: dict[str, str] | None = None, folder: Path | None = None) -> Cost:
    """Run a command to its end; SystemExit when it fails."""
    started = time.perf_counter()
    process = subprocess.Popen(
        command, env={**os.environ, **(environment or {})}, cwd=folder, stdout=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{command[0]} failed with status {status}")
    return Cost(time.perf_counter() - started, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


# pyarrow loads pandas wherever it finds it, which takes a quarter of a second; a plain installation has none.
_PLAIN = """
import runpy, sys
class NoPandas:
    def find_spec(self, name, *_):
        if name == "pandas":
            raise ModuleNotFoundError(name=name)
sys.meta_path.insert(0, NoPandas())
runpy.run_module("tenure", run_name="__main__", alter_sys=True)
"""


def tenure(*words: object) -> list[str]:
    """The command line of a verb, as in an installation without Spark."""
    return [sys.executable, "-c", _PLAIN, *map(str, words)]


def claim(name: str, measured: float, unit: str, target: float | None = None) -> None:
    """Print one result as one JSON object; smaller is better."""
    met = None if target is None else measured <= target
    print(json.dumps({"claim": name, "measured": round(measured, 3), "unit": unit, "target": target, "met": met}))
