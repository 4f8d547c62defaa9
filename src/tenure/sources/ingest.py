"""Reads every new delivery of the sources into the raw zone; one that fails never stops the others."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import Any

from tenure.contracts.model import Contract
from tenure.contracts.reading_rules import INCREMENTAL
from tenure.core.errors import SourceRefused, TenureError, UsageError
from tenure.core.settings import Project
from tenure.engine.protocol import Engine
from tenure.raw.state import LoadRecord, SeenDelivery
from tenure.raw.zone import RawZone
from tenure.sources.delivered import Delivery, RunContext
from tenure.sources.files import delivery_name, expect_name_is_text, file_delivery, find_files, stamp_of
from tenure.sources.incremental import plan_increment, says_the_same
from tenure.sources.joined import joined_delivery, joined_last
from tenure.sources.loader import NothingNew, load_delivery
from tenure.sources.mariadb import table_reading
from tenure.sources.server_columns import evolved_note, new_server_columns


@dataclass(frozen=True)
class Outcome:
    """What became of one file or table: the account of invariant 1, or why it was refused.

    `records_in = loaded + quarantined + duplicates + unchanged + filtered`. `deleted` counts the keys that a
    snapshot showed to be gone: they are no records of it. `seconds`: how long it took.
    `passing`: it was refused for a reason that does not lie in it, such as a full disk, and that may pass.
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
    seconds: float = field(default=0.0, compare=False)
    passing: bool = False


def ingest(
    project: Project, contracts: list[Contract], zone: RawZone, engine: Engine, run: RunContext, *, again: bool = False
) -> list[Outcome]:
    """Load what is new, source by source and file by file in the order of their names.

    A source that is a SELECT over others comes after those. `again`: what was loaded before is loaded once more, in
    the order in which it first was; raises `UsageError` for a source without keys, whose records that would double.
    """
    work = _Work(project, zone, engine, run, again)
    for contract in contracts if again else ():
        if contract.keyless:
            raise UsageError(
                f"source {contract.source} has no key: to load its files again would double their records",
                cure="name a key in its contract, or replay what broke it: tenure quarantine replay",
            )
    outcomes: list[Outcome] = []
    for contract in joined_last(project.root, contracts):
        began = perf_counter()
        for outcome in _source(work, contract):
            ended = perf_counter()
            outcomes.append(replace(outcome, seconds=round(ended - began, 3)))
            began = ended
    return outcomes


def ingest_file(
    project: Project, contract: Contract, path: Path, zone: RawZone, engine: Engine, run: RunContext
) -> Outcome:
    """Load one file of a source, if it is not what was last loaded under its name."""
    work = _Work(project, zone, engine, run)
    name = delivery_name(project.root, path)
    return _attempt(work, contract, name, lambda: file_delivery(project.root, path, contract))


@dataclass(frozen=True)
class _Work:
    project: Project
    zone: RawZone
    engine: Engine
    run: RunContext
    again: bool = False


def _source(work: _Work, contract: Contract) -> Iterator[Outcome]:
    if contract.kind == "mariadb":
        yield _table(work, contract)
        return
    if contract.kind == "sql":
        yield from (_joined(work, contract, path) for path in find_files(work.project.root, contract))
        return
    root, state = work.project.root, work.zone.state
    found = [(path, name, state.seen(contract.source, name)) for path, name in _files(root, contract)]
    if work.again:
        found.sort(key=lambda entry: (entry[2] is None, entry[2].load_id if entry[2] else "", entry[1]))
    for path, name, seen in found:
        if seen and not work.again and path.is_file() and seen.stamp == stamp_of(path):
            yield _unchanged(work, contract, name, seen)
        else:
            yield _attempt(work, contract, name, lambda path=path: file_delivery(root, path, contract))


def _files(root: Path, contract: Contract) -> list[tuple[Path, str]]:
    return [(path, delivery_name(root, path)) for path in find_files(root, contract)]


def _joined(work: _Work, contract: Contract, path: Path) -> Outcome:
    """Run the SELECT of a source if it, its contract or what it reads has changed since it was loaded last."""
    name = delivery_name(work.project.root, path)
    state = work.zone.state
    try:
        expect_name_is_text(work.project.root, path)
        delivery = joined_delivery(contract, path, name, work.zone, work.engine, work.project.scratch)
    except TenureError as error:
        return Outcome(contract.source, name, "refused", reason=str(error))
    seen = state.seen(contract.source, name)
    if seen and seen.stamp == delivery.stamp:
        return _unchanged(work, contract, name, seen)
    outcome = _attempt(work, contract, name, lambda: delivery)
    if outcome.status == "loaded" and seen:
        state.restamp(contract.source, name, delivery.stamp)
    return outcome


def _table(work: _Work, contract: Contract) -> Outcome:
    """Read a table or a query of a server, from where it was read to before if its contract says so."""
    name = contract.table or "query"
    place: dict[str, Any] = {"environment": os.environ, "scratch": work.project.scratch, "root": work.project.root}
    try:
        new = new_server_columns(contract, os.environ, work.project.root)
    except TenureError as error:
        return Outcome(contract.source, name, "refused", reason=str(error))
    whole, notes = contract.with_columns(new), evolved_note(contract, new)
    if contract.mode not in INCREMENTAL:
        with table_reading(whole, **place) as blocks:
            delivery = Delivery(name, None, "", blocks, notes=notes, new_columns=new)
            return _attempt(work, contract, name, lambda: delivery)
    increment = plan_increment(whole, work.zone, name, again=work.again)
    with table_reading(whole, since=increment.since, **place) as blocks:
        delivery = Delivery(
            name,
            None,
            increment.stamp,
            lambda: increment.watched(blocks),
            notes=(*increment.notes, *notes),
            watermark=increment.watermark,
            reconciles=increment.reconciles,
            new_columns=new,
        )
        return _attempt(work, contract, name, lambda: delivery)


def _attempt(work: _Work, contract: Contract, name: str, arrive: Callable[[], Delivery]) -> Outcome:
    """Load one delivery; what is wrong with it becomes its outcome, so that the others go on."""
    state = work.zone.state
    try:
        delivery = arrive()
        seen = state.seen(contract.source, name)
        if seen and not work.again and seen.sha256 == delivery.sha256:
            state.restamp(contract.source, name, delivery.stamp)
            return _unchanged(work, contract, name, seen)
        loaded = load_delivery(contract, delivery, work.zone, work.engine, work.run)
    except TenureError as error:
        passing = not isinstance(error, SourceRefused)
        return Outcome(contract.source, name, "refused", reason=str(error), passing=passing)
    if loaded is None and seen:
        return _unchanged(work, contract, name, seen)
    if isinstance(loaded, NothingNew):
        state.restamp(contract.source, name, loaded.stamp)
        return _nothing_new(contract, name, loaded, seen)
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


def _nothing_new(contract: Contract, name: str, found: NothingNew, seen: SeenDelivery | None) -> Outcome:
    account = found.account
    return Outcome(
        contract.source,
        name,
        "loaded",
        records_in=account.records_in,
        duplicates=account.duplicates,
        unchanged=account.unchanged,
        filtered=account.filtered,
        load_id=seen.load_id if seen else None,
        notes=(*found.notes, "nothing is new in it since it was last read, so there is no new load"),
    )


def _unchanged(work: _Work, contract: Contract, name: str, seen: SeenDelivery) -> Outcome:
    """A delivery that was loaded before: all its records are unchanged re-reads."""
    records = seen.records_in
    notes: tuple[str, ...] = ()
    if seen.contract_version != contract.version and _means_others(work, contract, seen):
        cure = f"to load it again: tenure ingest {contract.source} --full"
        notes = (f"it was loaded before its contract changed, and was not read again; {cure}",)
    return Outcome(
        contract.source, name, "loaded", records_in=records, unchanged=records, load_id=seen.load_id, notes=notes
    )


def _means_others(work: _Work, contract: Contract, seen: SeenDelivery) -> bool:
    """Whether the contract now says otherwise what the records of a delivery are."""
    load = next(load for load in work.zone.state.loads(contract.source) if load.load_id == seen.load_id)
    return contract.kind != "mariadb" and not says_the_same(contract, load, work.zone)
