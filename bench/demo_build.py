"""The demo's bank: generating, ingesting and building 20,000 customers, each command a cold process.

Beside the build, the same SQL typed by hand into DuckDB in the same run.
"""

import argparse
import sys
import tempfile
from datetime import date
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.by_hand import write_script  # noqa: E402 - the path comes first
from bench.child import claim, cost_of, tenure  # noqa: E402

from tenure.core.settings import open_project  # noqa: E402

END = date(2025, 9, 30)


def main() -> None:
    """Print the claims."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--customers", type=int, default=20_000)
    customers = arguments.parse_args().customers
    with tempfile.TemporaryDirectory() as folder:
        bank = Path(folder) / "bank"
        cost_of(tenure("init", bank))
        synth = cost_of(tenure("synth", bank, "--customers", customers, "--end", END))
        landed = sum(path.stat().st_size for path in (bank / "landing").iterdir()) / 1e6
        ingest = cost_of(tenure("ingest", "--project", bank, "--date", END))
        build = cost_of(tenure("build", "--project", bank, "--date", END))
        again = cost_of(tenure("run", "--project", bank, "--date", END))
        hand = cost_of([sys.executable, str(write_script(open_project(bank), END, Path(folder) / "hand"))])
    size = f"{customers:,} customers"
    claim(f"synth, {size}", synth.wall_seconds, "s", 10.0)
    claim(f"files written, {size}", landed, "MB")
    claim(f"ingest, {size}", ingest.wall_seconds, "s")
    claim(f"ingest peak memory, {size}", ingest.peak_megabytes, "MB")
    claim(f"build, {size}", build.wall_seconds, "s", 15.0)
    claim(f"build peak memory, {size}", build.peak_megabytes, "MB")
    claim(f"build CPU, {size}", build.cpu_seconds, "s")
    claim(f"CPU of the same SQL by hand in DuckDB, {size}", hand.cpu_seconds, "s")
    claim(f"CPU ratio, build to SQL by hand, {size}", build.cpu_seconds / hand.cpu_seconds, "ratio")
    claim(f"run with nothing new, {size}", again.wall_seconds, "s")


if __name__ == "__main__":
    main()
