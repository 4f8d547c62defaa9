"""The warehouse at a million customers: a full build, 10,000 more events, a run with nothing new.

Beside the build, in the same run: the same SQL typed by hand into DuckDB and, if asked for, run by Spark with two
threads. Every command is a cold process; CPU is its user and system time with all processes it started. `--customers`
takes several sizes, which gives the curve of costs. Prints one JSON object a claim.
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.by_hand import run_in_spark, write_script  # noqa: E402 - the path comes first
from bench.child import Cost, claim, cost_of, tenure  # noqa: E402
from bench.scale_bank import EVENTS, ScaleBank, make_bank  # noqa: E402
from bench.scale_deliveries import DELIVERIES  # noqa: E402

from tenure.core.settings import Project, open_project  # noqa: E402
from tenure.pipeline import raw_zone  # noqa: E402

TARGETS_FROM = 1_000_000
STEPS = ("hand", "nothing", "recent", "spread", "late", "compare")
_CASES = {
    "recent": ("10,000 events, 9,900 of the newest two months and 100 corrections", 0.05),
    "spread": ("10,000 events over all months", None),
    "late": ("one late month of customers", None),
}


@dataclass(frozen=True)
class Bench:
    """One bank of one size, and where its claims are told."""

    bank: ScaleBank
    root: Path
    scratch: Path
    only: tuple[str, ...]
    spark: bool
    repeats: int

    @property
    def project(self) -> Project:
        """The project under test."""
        return open_project(self.root)

    def tell(self, name: str, measured: float, unit: str, target: float | None = None) -> None:
        """One claim, with the size of the bank. Targets are for a bank of a million customers."""
        target = target if self.bank.customers >= TARGETS_FROM else None
        claim(f"{self.bank.customers:,} customers: {name}", measured, unit, target)
        sys.stdout.flush()

    def build(self, *options: str) -> Cost:
        """`tenure build` as a cold process."""
        return cost_of(tenure("build", *options, "--date", self.bank.end, "--project", self.root))


def _child(role: str, root: Path, bank: ScaleBank, *words: str) -> Cost:
    """Have this script play a role in a process of its own.

    A child's peak memory begins with its parent's, which must therefore stay small.
    """
    script = str(Path(__file__).resolve())
    return cost_of([sys.executable, script, "--customers", str(bank.customers), "--role", role, str(root), *words])


def _play(role: str, root: Path, bank: ScaleBank, words: list[str]) -> None:
    """What such a process does."""
    if role == "make":
        make_bank(root, bank)
    elif role == "deliver":
        DELIVERIES[words[0]](open_project(root), bank)
    else:
        run_in_spark(open_project(root), bank.end, Path(words[0]))


def _least(runs: list[Cost]) -> Cost:
    return Cost(
        min(run.wall_seconds for run in runs),
        min(run.cpu_seconds for run in runs),
        max(run.peak_megabytes for run in runs),
    )


def measure(bench: Bench) -> None:
    """All claims of one size."""
    events = sum(load.loaded for load in raw_zone(bench.project).state.loads() if load.source in EVENTS)
    bench.tell("events", events, "events")
    full = _full_build(bench)
    bench.tell("full build, CPU a million events", full.cpu_seconds / events * 1e6, "s")
    if "nothing" in bench.only:
        again = _least([bench.build() for _ in range(3)])
        bench.tell("build with nothing new", again.wall_seconds, "s", 1.0)
        bench.tell("build with nothing new, CPU", again.cpu_seconds, "s")
    for case, (name, target) in _CASES.items():
        if case in bench.only:
            _child("deliver", bench.root, bench.bank, case)
            cost = bench.build()
            bench.tell(f"{name}, CPU", cost.cpu_seconds, "s")
            bench.tell(f"{name}, wall", cost.wall_seconds, "s")
            bench.tell(f"{name}, CPU ÷ that of the full build", cost.cpu_seconds / full.cpu_seconds, "ratio", target)
    if "compare" in bench.only:
        _compare(bench)


def _full_build(bench: Bench) -> Cost:
    """The full build and, turn by turn with it, the same SQL by hand; Spark once."""
    fulls: list[Cost] = []
    hands: dict[bool, list[Cost]] = {False: [], True: []}
    for number in range(bench.repeats):
        fulls.append(bench.build("--full"))
        for by_month in hands if "hand" in bench.only else ():
            folder = bench.scratch / f"hand{number}"
            script = write_script(bench.project, bench.bank.end, folder, by_month=by_month)
            hands[by_month].append(cost_of([sys.executable, str(script)]))
            shutil.rmtree(folder)
    full = _least(fulls)
    bench.tell("full build, CPU", full.cpu_seconds, "s")
    bench.tell("full build, wall", full.wall_seconds, "s")
    bench.tell("full build, peak memory", full.peak_megabytes, "MB", 4096)
    bench.tell("release on disk", _megabytes(bench.project.warehouse / "current"), "MB")
    for by_month, costs in hands.items():
        if costs:
            hand, how = _least(costs), "files by month" if by_month else "one file a table"
            bench.tell(f"the same SQL by hand in DuckDB, {how}, CPU", hand.cpu_seconds, "s")
            bench.tell(f"the same SQL by hand in DuckDB, {how}, peak memory", hand.peak_megabytes, "MB")
            bench.tell(f"full build, CPU ÷ that by hand, {how}", full.cpu_seconds / hand.cpu_seconds, "ratio", 1.2)
    if bench.spark:
        folder = bench.scratch / "spark"
        spark = _child("spark", bench.root, bench.bank, str(folder))
        shutil.rmtree(folder)
        bench.tell("the same SQL in Spark local[2], CPU", spark.cpu_seconds, "s")
        bench.tell("the same SQL in Spark local[2], wall", spark.wall_seconds, "s")
        bench.tell("full build, CPU ÷ Spark's", full.cpu_seconds / spark.cpu_seconds, "ratio", 0.1)
        bench.tell("full build, wall ÷ Spark's", full.wall_seconds / spark.wall_seconds, "ratio", 0.1)
    return full


def _compare(bench: Bench) -> None:
    """Whether the tables that came about by increments are those of a full build, by their content hashes."""
    grown = _hashes(bench.project)
    bench.build("--full")
    anew = _hashes(bench.project)
    different = sum(grown.get(table) != anew.get(table) for table in grown.keys() | anew.keys())
    bench.tell("tables that differ from a full build after the increments", different, "tables", 0)


def _hashes(project: Project) -> dict[str, str]:
    manifest = json.loads((project.warehouse / "current" / "manifest.json").read_text())
    return {table["name"]: table["content_hash"] for table in manifest["tables"]}


def _megabytes(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.resolve().rglob("*.parquet")) / 1e6


@contextmanager
def _place(keep: Path | None) -> Generator[Path]:
    if keep is None:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)
    else:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep


def main() -> None:
    """Print the claims, size by size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument(
        "--spark", action="store_true", help="also the same SQL in Spark, up to --spark-limit customers"
    )
    parser.add_argument("--spark-limit", type=int, default=100_000)
    parser.add_argument(
        "--only", nargs="+", choices=STEPS, default=STEPS, help="what to measure besides the full build"
    )
    parser.add_argument(
        "--repeats", type=int, default=1, help="how often to build in full and by hand; the least counts"
    )
    parser.add_argument("--keep", type=Path, metavar="DIR", help="make the projects here and leave them")
    parser.add_argument("--role", nargs="+", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.role:
        role, root, *words = given.role
        _play(role, Path(root), ScaleBank(given.customers[0]), words)
        return
    with _place(given.keep) as place:
        for customers in given.customers:
            bank, root = ScaleBank(customers), place / f"bank{customers}"
            shutil.rmtree(root, ignore_errors=True)
            made = _child("make", root, bank)
            with tempfile.TemporaryDirectory(dir=place) as scratch:
                spark = given.spark and customers <= given.spark_limit
                bench = Bench(bank, root, Path(scratch), tuple(given.only), spark, given.repeats)
                bench.tell("making the loads", made.wall_seconds, "s", 180)
                bench.tell("making the loads, peak memory", made.peak_megabytes, "MB", 4096)
                measure(bench)


if __name__ == "__main__":
    main()
