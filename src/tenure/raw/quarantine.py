"""Reads the quarantine: the records that broke their contract, verbatim."""

import pyarrow.parquet as pq

from tenure.raw.state import LoadRecord
from tenure.raw.zone import QUARANTINE, RawZone


def _records(zone: RawZone, load: LoadRecord) -> list[dict[str, object]]:
    return pq.read_table(zone.path(load) / QUARANTINE).to_pylist() if load.quarantined else []


def count_by_rule(zone: RawZone) -> list[tuple[object, ...]]:
    """Rows in quarantine as (source, column, rule, rows, newest file), most rows first."""
    counts: dict[tuple[str, str, str], tuple[int, str]] = {}
    for load in zone.state.loads():
        for record in _records(zone, load):
            key = (load.source, str(record["column"] or "–"), str(record["rule"]))
            counts[key] = (counts.get(key, (0, ""))[0] + 1, load.delivery)
    most_first = sorted(counts.items(), key=lambda entry: (-entry[1][0], entry[0]))
    return [(*key, rows, file) for key, (rows, file) in most_first]


def rows_of(zone: RawZone, source: str, rule: str | None, limit: int) -> list[tuple[object, ...]]:
    """Rows in quarantine of a source as (file, line, column, rule, reason, text), newest load first."""
    found: list[tuple[object, ...]] = []
    for load in reversed(zone.state.loads(source)):
        for record in _records(zone, load):
            if rule is None or record["rule"] == rule:
                found.append((load.delivery, *(record[name] for name in ("row", "column", "rule", "reason", "record"))))
            if len(found) == limit:
                return found
    return found
