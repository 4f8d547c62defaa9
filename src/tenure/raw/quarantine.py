"""Reads the quarantine: the records that broke their contract, verbatim, and what has become of each since."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow.parquet as pq

from tenure.core.errors import UsageError
from tenure.raw.settled import Settled
from tenure.raw.state import LoadRecord
from tenure.raw.zone import QUARANTINE, QUARANTINE_SCHEMA, RawZone

_ID = re.compile(r"(L[0-9]{8,}):([1-9][0-9]*)")


@dataclass(frozen=True)
class Quarantined:
    """A record in quarantine: the `ordinal`-th of its load, counted from 1.

    `row`, `column`, `rule`, `reason` and `record` are those of the record when it was set apart. `settled` says what
    became of it; None while it is open.
    """

    load: LoadRecord
    ordinal: int
    row: int
    column: str | None
    rule: str
    reason: str
    record: bytes
    settled: Settled | None = None

    @property
    def id(self) -> str:
        """Its name for as long as the project lives, such as L00000012:3."""
        return f"{self.load.load_id}:{self.ordinal}"

    @property
    def fate(self) -> str:
        """open, replayed or dismissed."""
        return self.settled.fate if self.settled else "open"


@dataclass(frozen=True)
class Chosen:
    """Which records of the quarantine are meant: those that fit all that is given; without anything, all of them.

    `ids` are load and ordinal; `open_only` leaves out what is settled.
    """

    source: str | None = None
    rule: str | None = None
    load_id: str | None = None
    ids: frozenset[tuple[str, int]] | None = None
    open_only: bool = True

    def wants_load(self, load: LoadRecord) -> bool:
        """Whether any record of this load may fit."""
        if not load.quarantined or self.source not in {None, load.source} or self.load_id not in {None, load.load_id}:
            return False
        return self.ids is None or any(load_id == load.load_id for load_id, _ in self.ids)

    def wants(self, record: Quarantined) -> bool:
        """Whether this record of a load that is wanted fits."""
        if (self.open_only and record.settled) or self.rule not in {None, record.rule}:
            return False
        return self.ids is None or (record.load.load_id, record.ordinal) in self.ids


def quarantined(zone: RawZone, chosen: Chosen, *, newest_first: bool = False) -> Iterator[Quarantined]:
    """The chosen records: load after load in the order they were recorded (or the newest first), in their order."""
    settled = zone.state.settled()
    loads = zone.state.loads()
    for load in reversed(loads) if newest_first else loads:
        if not chosen.wants_load(load):
            continue
        for ordinal, row in enumerate(_rows(zone, load), 1):
            record = Quarantined(load, ordinal, **row, settled=settled.get((load.load_id, ordinal)))
            if chosen.wants(record):
                yield record


def _rows(zone: RawZone, load: LoadRecord) -> Iterator[dict[str, Any]]:
    with pq.ParquetFile(zone.path(load) / QUARANTINE) as file:
        for batch in file.iter_batches(columns=QUARANTINE_SCHEMA.names):
            yield from batch.to_pylist()


def read_ids(words: Iterable[str]) -> frozenset[tuple[str, int]]:
    """Load and ordinal of ids such as L00000012:3; raises `UsageError` for what is none."""
    found: set[tuple[str, int]] = set()
    for word in words:
        match = _ID.fullmatch(word)
        if match is None:
            raise UsageError(
                f"'{word}' is not the id of a record in quarantine",
                cure="an id looks like L00000012:3; tenure quarantine show SOURCE prints them",
            )
        found.add((match[1], int(match[2])))
    return frozenset(found)


def expect_rule(zone: RawZone, source: str, rule: str | None) -> None:
    """Raises `UsageError` for a rule that no record in the quarantine of the source ever broke."""
    if rule is None:
        return
    known = sorted({record.rule for record in quarantined(zone, Chosen(source, open_only=False))})
    if rule not in known:
        broken = f"the rules broken there are {', '.join(known)}" if known else "no record of it is in quarantine"
        raise UsageError(f"no record of {source} broke a rule {rule}", cure=broken)
