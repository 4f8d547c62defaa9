"""Reads the raw zone again and holds it against what was committed."""

from dataclasses import dataclass

import pyarrow.parquet as pq

from tenure.raw.state import LoadRecord
from tenure.raw.zone import DATA, QUARANTINE, RawZone


@dataclass(frozen=True)
class Finding:
    """One thing that was checked, and what is wrong with it, if anything; of a load, its source."""

    what: str
    problem: str | None = None
    source: str | None = None


def audit_loads(zone: RawZone) -> list[Finding]:
    """Each committed load: its files' hashes, and its account against the rows that the files hold."""
    findings: list[Finding] = []
    for load in zone.state.loads():
        what = f"load {load.load_id} of {load.source} ({load.records_in} records)"
        problems = zone.damaged([load]) or _unbalanced(zone, load)
        findings.append(Finding(what, "; ".join(problems) or None, load.source))
    return findings


def _unbalanced(zone: RawZone, load: LoadRecord) -> list[str]:
    problems: list[str] = []
    for file, expected in ((DATA, load.loaded + load.deleted), (QUARANTINE, load.quarantined)):
        path = zone.path(load) / file
        rows = pq.read_metadata(path).num_rows
        if rows != expected:
            problems.append(f"{path} holds {rows} rows, the account says {expected}")
    origin = zone.manifest(load).replays
    taken = sum(entry.by_load == load.load_id for entry in zone.state.settled().values()) if origin else 0
    if origin and taken != load.records_in:
        problems.append(f"it took {load.records_in} records out of the quarantine, but {taken} say so")
    if load.records_in != load.loaded + load.quarantined + load.duplicates + load.unchanged + load.filtered:
        problems.append("records in are not loaded + quarantined + duplicates + unchanged + filtered")
    return problems


def audit_leftovers(zone: RawZone) -> Finding:
    """Folders in the raw zone that no commit knows; the next run removes them."""
    known = {(load.source, load.load_id) for load in zone.state.loads()}
    left = [
        f"{source.name}/{entry.name}"
        for source in sorted(zone.folder.iterdir())
        if source.is_dir()
        for entry in sorted(source.iterdir())
        if (source.name, entry.name) not in known
    ]
    note = f" ({len(left)} unfinished, which the next run removes)" if left else ""
    return Finding(f"the raw zone holds committed loads{note}")
