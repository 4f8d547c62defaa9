"""A reader in a process of its own: opens the release in force again and again until a file appears.

Called with: KIND WAREHOUSE-OR-PROJECT STOP-FILE. Says "reading" once it has read, and in the end, as JSON, how
often it read, which releases it saw, its longest wait in seconds, and everything that was wrong.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.parquet as pq

from tenure.core.durable import sha256_file
from tenure.core.settings import open_project
from tenure.warehouse.releases import open_release
from tenure.warehouse.store import ReleaseStore

PAUSES = {"store": 0.01, "link": 0.0, "sql": 0.25}
"""Seconds between two reads: readers and writer share two cores. A link could dangle for microseconds: no pause."""
LOOKS = 100
"""So often a reader of the link looks in one read."""


@dataclass
class Log:
    """What one reader saw."""

    reads: int = 0
    seen: set[int] = field(default_factory=set[int])
    longest: float = 0.0
    problems: list[str] = field(default_factory=list[str])


def read_through_store(warehouse: Path, log: Log) -> None:
    """Hold the release in force; its two tables and its manifest must name one number, byte for byte as published."""
    store = ReleaseStore(warehouse)
    with store.reading() as release:
        manifest = store.manifest(release)
        log.seen.add(manifest.sequence)
        for table in manifest.tables:
            for part in table.parts:
                path = store.folder / release / part.file
                found = set(pq.read_table(path)["number"].to_pylist())
                if found != {manifest.sequence} or sha256_file(path) != part.sha256:
                    log.problems.append(f"{release}: {part.file} holds {found}")


def read_through_link(warehouse: Path, log: Log) -> None:
    """As a tool that knows no manifest: follow the link `current`, which must always lead to a release."""
    manifest = str(warehouse / "current" / "manifest.json")
    for _ in range(LOOKS):
        os.stat(manifest)  # noqa: PTH116 - the quickest there is
    log.seen.add(int((warehouse / "current").readlink().name.split("-")[0]))


def read_through_sql(project: Path, log: Log) -> None:
    """As `tenure report` reads: the offers and their facts must agree in every release."""
    with open_release(open_project(project)) as release:
        log.seen.add(release.manifest.sequence)
        sql = "SELECT COUNT(*) AS n FROM fact_customer_activity WHERE activity_type = 'offer'"
        facts = release.query(sql)["n"][0].as_py()
        offers = release.query("SELECT COUNT(*) AS n FROM dim_offer")["n"][0].as_py()
        if facts != offers or not offers:
            log.problems.append(f"{release.id}: {offers} offers, {facts} facts")


KINDS: dict[str, Callable[[Path, Log], None]] = {
    "store": read_through_store,
    "link": read_through_link,
    "sql": read_through_sql,
}


def main(kind: str, place: Path, stop: Path) -> None:
    """Read until `stop` exists."""
    log = Log()
    while not stop.exists():
        began = time.monotonic()
        try:
            KINDS[kind](place, log)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test reports it and fails
            log.problems.append(f"{type(error).__name__}: {error}")
        log.longest = max(log.longest, time.monotonic() - began)
        if not log.reads:
            sys.stdout.write("reading\n")
            sys.stdout.flush()
        log.reads += 1
        time.sleep(PAUSES[kind])
    sys.stdout.write(json.dumps({**log.__dict__, "seen": sorted(log.seen)}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
