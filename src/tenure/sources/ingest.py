"""Reads every new delivery of the sources into the raw zone; one that fails never stops the others."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tenure.contracts.model import Contract
from tenure.core.errors import TenureError
from tenure.core.settings import Project
from tenure.engine.protocol import Engine
from tenure.raw.state import LoadRecord, SeenDelivery
from tenure.raw.zone import RawZone
from tenure.sources.delivered import Delivery, RunContext
from tenure.sources.files import file_delivery, find_files, stamp_of
from tenure.sources.loader import load_delivery
from tenure.sources.mariadb import table_reading


@dataclass(frozen=True)
class Outcome:
    """What became of one file or table: the account of invariant 1, or why it was refused.

    `records_in = loaded + quarantined + duplicates + unchanged + filtered`. `deleted` counts the keys that a
    snapshot showed to be gone: they are no records of it.
    """

    source: str
    file: str
    status: str
    records_in: int = 0
    loaded: int = 0
    quarantined: int = 0
    duplicates: int = 0
    unchanged: int = 0
    filtered: int = 0
    deleted: int = 0
    reason: str | None = None
    load_id: str | None = None
    notes: tuple[str, ...] = ()


def ingest(
    project: Project, contracts: list[Contract], zone: RawZone, engine: Engine, run: RunContext
) -> list[Outcome]:
    """Load what is new, source by source and file by file in the order of their names."""
    work = _Work(project, zone, engine, run)
    return [outcome for contract in contracts for outcome in _source(work, contract)]


@dataclass(frozen=True)
class _Work:
    project: Project
    zone: RawZone
    engine: Engine
    run: RunContext


def _source(work: _Work, contract: Contract) -> Iterator[Outcome]:
    if contract.kind == "mariadb":
        name = str(contract.table)
        with table_reading(contract, environment=os.environ, scratch=work.project.scratch) as blocks:
            yield _attempt(work, contract, name, lambda: Delivery(name, None, "", blocks))
        return
    root = work.project.root
    for path in find_files(root, contract):
        name = str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
        seen = work.zone.state.seen(contract.source, name)
        if seen and path.is_file() and seen.stamp == stamp_of(path):
            yield _unchanged(contract, name, seen)
        else:
            yield _attempt(work, contract, name, lambda path=path: file_delivery(root, path, contract))


def _attempt(work: _Work, contract: Contract, name: str, arrive: Callable[[], Delivery]) -> Outcome:
    """Load one delivery; what is wrong with it becomes its outcome, so that the others go on."""
    state = work.zone.state
    try:
        delivery = arrive()
        seen = state.seen(contract.source, name)
        if seen and seen.sha256 == delivery.sha256:
            state.restamp(contract.source, name, delivery.stamp)
            return _unchanged(contract, name, seen)
        loaded = load_delivery(contract, delivery, work.zone, work.engine, work.run)
    except TenureError as error:
        return Outcome(contract.source, name, "refused", reason=str(error))
    if loaded is None and seen:
        return _unchanged(contract, name, seen)
    return _loaded(loaded.record, loaded.notes) if loaded else Outcome(contract.source, name, "loaded")


def _loaded(load: LoadRecord, notes: tuple[str, ...]) -> Outcome:
    return Outcome(
        load.source,
        load.delivery,
        "loaded",
        records_in=load.records_in,
        loaded=load.loaded,
        quarantined=load.quarantined,
        duplicates=load.duplicates,
        unchanged=load.unchanged,
        filtered=load.filtered,
        deleted=load.deleted,
        load_id=load.load_id,
        notes=notes,
    )


def _unchanged(contract: Contract, name: str, seen: SeenDelivery) -> Outcome:
    """A delivery that was loaded before: all its records are unchanged re-reads."""
    records = seen.records_in
    return Outcome(contract.source, name, "loaded", records_in=records, unchanged=records, load_id=seen.load_id)
