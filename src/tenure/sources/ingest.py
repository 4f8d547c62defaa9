"""Reads every new delivery of the sources into the raw zone; one that fails never stops the others."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tenure.contracts.model import Contract
from tenure.core.errors import TenureError
from tenure.core.settings import Project
from tenure.engine.protocol import Engine
from tenure.raw.state import LoadRecord
from tenure.raw.zone import RawZone
from tenure.sources.files import file_delivery, find_files, stamp_of
from tenure.sources.loader import Delivery, RunContext, load_delivery
from tenure.sources.mariadb import table_blocks


@dataclass(frozen=True)
class Outcome:
    """What became of one file or table: the account of invariant 1, or why it was refused.

    `records_in = loaded + quarantined + duplicates + unchanged + filtered`.
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
    reason: str | None = None
    load_id: str | None = None
    notes: tuple[str, ...] = ()


def ingest(
    project: Project,
    contracts: list[Contract],
    zone: RawZone,
    engine: Engine,
    run: RunContext,
) -> list[Outcome]:
    """Load what is new, source by source and file by file in the order of their names."""
    return [outcome for contract in contracts for outcome in _source(project, contract, zone, engine, run)]


def _source(project: Project, contract: Contract, zone: RawZone, engine: Engine, run: RunContext) -> Iterator[Outcome]:
    if contract.kind == "mariadb":
        blocks = lambda: table_blocks(contract, environment=os.environ)  # noqa: E731
        yield _attempt(
            contract, str(contract.table), lambda: Delivery(str(contract.table), None, "", blocks), zone, engine, run
        )
        return
    for path in find_files(project.root, contract):
        name = str(path.relative_to(project.root)) if path.is_relative_to(project.root) else str(path)
        seen = zone.state.seen(contract.source, name)
        if seen and path.is_file() and seen.stamp == stamp_of(path):
            yield _unchanged(contract, name, zone, seen.load_id)
        else:
            yield _attempt(
                contract, name, lambda path=path: file_delivery(project.root, path, contract), zone, engine, run
            )


def _attempt(
    contract: Contract,
    name: str,
    arrive: Callable[[], Delivery],
    zone: RawZone,
    engine: Engine,
    run: RunContext,
) -> Outcome:
    try:
        delivery = arrive()
        seen = zone.state.seen(contract.source, name)
        if seen and seen.sha256 == delivery.sha256:
            zone.state.restamp(contract.source, name, delivery.stamp)
            return _unchanged(contract, name, zone, seen.load_id)
        load = load_delivery(contract, delivery, zone, engine, run)
    except TenureError as error:
        return Outcome(contract.source, name, "refused", reason=str(error))
    if load is None:
        seen = zone.state.seen(contract.source, name)
        return _unchanged(contract, name, zone, seen.load_id if seen else "")
    return _loaded(load, delivery.notes)


def _loaded(load: LoadRecord, notes: tuple[str, ...]) -> Outcome:
    return Outcome(
        load.source,
        load.delivery,
        "loaded",
        records_in=load.records_in,
        loaded=load.loaded,
        quarantined=load.quarantined,
        duplicates=load.duplicates,
        load_id=load.load_id,
        notes=notes,
    )


def _unchanged(contract: Contract, name: str, zone: RawZone, load_id: str) -> Outcome:
    """A delivery that was loaded before: all its records are unchanged re-reads."""
    records = next((load.records_in for load in zone.state.loads(contract.source) if load.load_id == load_id), 0)
    return Outcome(contract.source, name, "loaded", records_in=records, unchanged=records, load_id=load_id)
