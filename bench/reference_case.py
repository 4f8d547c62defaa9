"""The reference case from source files to a report, each command a cold process.

Beside it, the same SQL typed by hand into DuckDB in a process that imports nothing else: what is left of
the ratio is Tenure's own work: contracts, exact types, quarantine, hashes, fsync, checks, a release.
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.by_hand import write_script  # noqa: E402 - the path comes first
from bench.child import Cost, claim, cost_of, tenure  # noqa: E402

from tests.reference_case import BUSINESS_DATE, make_reference_project  # noqa: E402


def _median(runs: list[Cost]) -> Cost:
    return Cost(
        statistics.median(run.wall_seconds for run in runs),
        statistics.median(run.cpu_seconds for run in runs),
        max(run.peak_megabytes for run in runs),
    )


def main() -> None:
    """Print the claims."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--repeats", type=int, default=5)
    repeats = arguments.parse_args().repeats
    with tempfile.TemporaryDirectory() as folder:
        runs: list[Cost] = []
        reports: list[Cost] = []
        hands: list[Cost] = []
        helps: list[Cost] = []
        for number in range(repeats):
            project = make_reference_project(Path(folder) / f"bank{number}")
            runs.append(cost_of(tenure("run", "--date", BUSINESS_DATE, "--project", project.root)))
            reports.append(cost_of(tenure("report", "churn_overall", "--project", project.root)))
            script = write_script(project, BUSINESS_DATE, Path(folder) / f"hand{number}")
            hands.append(cost_of([sys.executable, str(script)]))
            helps.append(cost_of(tenure("--help")))
    run, report, hand = _median(runs), _median(reports), _median(hands)
    claim("reference case: tenure run, cold", run.wall_seconds, "s", 2.0)
    claim("reference case: tenure run and report, cold", run.wall_seconds + report.wall_seconds, "s", 2.0)
    claim("reference case: peak memory", max(run.peak_megabytes, report.peak_megabytes), "MB", 300)
    claim("reference case: CPU of tenure run", run.cpu_seconds, "s")
    claim("reference case: CPU of the same SQL by hand in DuckDB", hand.cpu_seconds, "s")
    claim("reference case: CPU ratio, tenure run to SQL by hand", run.cpu_seconds / hand.cpu_seconds, "ratio")
    claim("tenure --help", _median(helps).wall_seconds, "s", 0.3)


if __name__ == "__main__":
    main()
