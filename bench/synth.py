"""A synthetic bank written to disk: seconds, records, bytes and most memory, each run in a process of its own.

Prints one JSON object for each claim.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from tenure.synth.bank import BankPlan, write_bank


@dataclass(frozen=True)
class Cost:
    """What one run in a process of its own has used, starting of Python included, and what it wrote."""

    wall_seconds: float
    cpu_seconds: float
    peak_megabytes: float
    records: int
    megabytes: float


def cost_of(customers: int, months: int) -> Cost:
    """Write a bank into a folder that is thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(Path(__file__)), "--write", folder, f"--customers={customers}"]
        started = time.perf_counter()
        process = subprocess.Popen([*command, f"--months={months}"], stdout=subprocess.PIPE)
        assert process.stdout is not None
        report = json.loads(process.stdout.read())
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        if status:
            raise SystemExit(f"writing a bank of {customers} customers failed with status {status}")
    return Cost(
        wall,
        used.ru_utime + used.ru_stime,
        used.ru_maxrss / 1024,
        sum(report["records"].values()),
        report["bytes"] / 1e6,
    )


def measure(customers: int, months: int, repeats: int) -> Iterator[tuple[str, float, str, float]]:
    """Claim, measured value, unit and target (0: none), from the fastest of several runs."""
    best = min((cost_of(customers, months) for _ in range(repeats)), key=lambda cost: cost.wall_seconds)
    size = customers * months / (20_000 * 24)
    yield "cold process", best.wall_seconds, "s", max(10 * size, 10)
    yield "CPU", best.cpu_seconds, "s", 0
    yield "records", best.records, "records", 0
    yield "bytes in landing", best.megabytes, "MB", 150 * max(size, 1)
    yield "most memory", best.peak_megabytes, "MB", 500 * max(customers / 200_000, 1)


def main() -> None:
    """Print the measurements; `--write` is the measured process itself."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--customers", type=int, default=20_000)
    options.add_argument("--months", type=int, default=24)
    options.add_argument("--repeats", type=int, default=3, help="how often to run; the best counts")
    options.add_argument("--write", metavar="FOLDER", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.write:
        plan = BankPlan(customers=chosen.customers, months=chosen.months)
        print(json.dumps(asdict(write_bank(plan, Path(chosen.write) / "landing", Path(chosen.write) / "truth"))))
        return
    for claim, measured, unit, target in measure(chosen.customers, chosen.months, chosen.repeats):
        name = f"synthetic bank, {chosen.customers:,} customers × {chosen.months} months: {claim}"
        result = {"claim": name, "measured": round(measured, 3), "unit": unit}
        if target:
            result |= {"target": round(target, 1), "met": measured <= target}
        print(json.dumps(result, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
