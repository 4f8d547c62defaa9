"""From a file that lands to the release that answers with it: `tenure watch` beside a bank of any size.

A watcher is started on a built bank. Then files with new usage records are renamed into the landing folder, one after
the other, each after the one before can be seen. A landing ends when the release in force, opened as any reader
opens it, answers with the file's records. Prints one JSON object a claim; targets are for a million customers.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from statistics import median, quantiles

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.child import claim, cost_of, tenure  # noqa: E402 - the path comes first
from bench.scale_bank import ScaleBank, make_bank  # noqa: E402

from tenure.core.settings import Project, open_project  # noqa: E402
from tenure.warehouse.releases import open_release  # noqa: E402
from tenure.warehouse.store import ReleaseStore  # noqa: E402

TARGETS_FROM = 1_000_000
FIRST_ID = 9_000_000_000
_PAUSE = 0.02


def land(project: Project, bank: ScaleBank, number: int, records: int) -> tuple[int, float]:
    """Put a file in place; returns the id of its last record and the instant."""
    first = FIRST_ID + number * records
    lines = [
        json.dumps(
            {
                "usage_log_id": first + place,
                "customer_id": 100_001 + (number * 7919 + place * 104_729) % bank.customers,
                "product_type": "Savings",
                "monthly_balance": 1000 + place,
                "num_products": 1,
                "usage_date": str(bank.end - timedelta(days=place % 28)),
            }
        )
        for place in range(records)
    ]
    landing = project.root / "landing"
    written = landing / f".usage_landed_{number:06d}.json.part"
    written.write_text("\n".join(lines) + "\n")
    written.rename(landing / f"usage_landed_{number:06d}.json")
    return first + records - 1, time.monotonic()


def wait_for(project: Project, usage_log_id: int, limit: float) -> tuple[float, float]:
    """The instants at which a release with the record is in force, and at which it has answered."""
    store = ReleaseStore(project.warehouse)
    before = store.pointer()
    end = time.monotonic() + limit
    while time.monotonic() < end:
        pointer = store.pointer()
        if pointer == before:
            time.sleep(_PAUSE)
            continue
        in_force, before = time.monotonic(), pointer
        with open_release(project) as release:
            wanted = f"SELECT COUNT(*) FROM fact_customer_activity WHERE usage_log_id = {usage_log_id}"
            if release.query(wanted).column(0)[0].as_py():
                return in_force, time.monotonic()
    raise SystemExit(f"the record {usage_log_id} was not to be seen within {limit} s")


def measure(root: Path, bank: ScaleBank, landings: int, records: int) -> None:
    """Land files and claim what it took."""
    project = open_project(root)
    cost_of(tenure("build", "--date", bank.end, "--project", root))
    watcher = subprocess.Popen(
        tenure("watch", "--date", bank.end, "--project", root, "--json"), stdout=subprocess.PIPE, text=True
    )
    published: list[float] = []
    answered: list[float] = []
    try:
        assert watcher.stdout
        watcher.stdout.readline()
        time.sleep(3)
        for number in range(landings):
            last, landed = land(project, bank, number, records)
            in_force, seen = wait_for(project, last, 600)
            published.append(in_force - landed)
            answered.append(seen - landed)
    finally:
        watcher.terminate()
        watcher.communicate()
    target = 5.0 if bank.customers >= TARGETS_FROM else None
    size = f"{bank.customers:,} customers, {landings} files of {records} records"
    claim(f"landed → a release with it in force, median, {size}", median(published), "s")
    claim(f"landed → a release with it in force, p95, {size}", _p95(published), "s", target)
    claim(f"landed → the release has answered with it, median, {size}", median(answered), "s")
    claim(f"landed → the release has answered with it, p95, {size}", _p95(answered), "s", target)


def _p95(values: list[float]) -> float:
    return quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else values[0]


def main() -> None:
    """Print the claims."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--landings", type=int, default=40)
    parser.add_argument("--records", type=int, default=20, help="of each file")
    parser.add_argument("--bank", type=Path, metavar="DIR", help="a bank that is there already; it is changed")
    given = parser.parse_args()
    bank = ScaleBank(given.customers)
    with tempfile.TemporaryDirectory() as folder:
        root = given.bank or Path(folder) / "bank"
        if given.bank is None:
            make_bank(root, bank)
        for left in (root / "landing").glob("usage_landed_*"):
            left.unlink()
        measure(root, bank, given.landings, given.records)
        if given.bank is None:
            shutil.rmtree(root)


if __name__ == "__main__":
    main()
