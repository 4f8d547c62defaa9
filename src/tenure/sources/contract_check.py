"""Compares a contract with the data that is there, without loading any of it."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date

from tenure.contracts.computed import expect_computable
from tenure.contracts.model import Contract
from tenure.core.errors import TenureError
from tenure.core.settings import Project
from tenure.engine.protocol import Engine
from tenure.raw.zone import RawZone
from tenure.sources.delivered import Delivery, checked_blocks
from tenure.sources.files import delivery_name, file_delivery, find_files
from tenure.sources.joined import joined_delivery
from tenure.sources.mariadb import table_reading
from tenure.sources.mariadb_columns import quoted
from tenure.sources.overview import source_states


@dataclass(frozen=True)
class SourceCheck:
    """What the check of one source found.

    `file`: the newest file, or the table; None where there is nothing yet. Of `records` looked at, `good` keep the
    contract; `rules` are those that others break: rule, how many, row of the first. `refused`: why nothing could be
    loaded. `is_whole`: all records were looked at.
    """

    source: str
    file: str | None
    records: int = 0
    good: int = 0
    quarantined: int = 0
    rules: tuple[tuple[str, int, int], ...] = ()
    refused: str | None = None
    is_whole: bool = True
    notes: tuple[str, ...] = ()


@dataclass
class _Found:
    records: int = 0
    good: int = 0
    rules: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])


@dataclass(frozen=True)
class Checking:
    """Where sources are checked: at most `records` of each are looked at, on a business date."""

    project: Project
    zone: RawZone
    engine: Engine
    records: int
    business_date: date


def check_source(contract: Contract, at: Checking) -> SourceCheck:
    """Look at the newest file of a source, at its table, or at what its SELECT gives now."""
    notes = _state_notes(contract, at)
    name = None
    try:
        expect_computable(contract, at.engine)
        with _delivery(contract, at) as (name, delivery):
            if delivery is None:
                return SourceCheck(contract.source, None, notes=(f"nothing is there yet: {contract.place}", *notes))
            read = contract.with_columns(delivery.new_columns)
            found, is_whole = _look(read, delivery, at)
            notes = (*delivery.notes, *notes)
    except TenureError as error:
        return SourceCheck(contract.source, name or contract.place, refused=str(error), notes=notes)
    if not is_whole:
        notes = (f"only the first {found.records} records were looked at (--records)", *notes)
    return SourceCheck(
        source=contract.source,
        file=name,
        records=found.records,
        good=found.good,
        quarantined=found.records - found.good,
        rules=tuple((rule, *counted) for rule, counted in found.rules.items()),
        refused=_too_many(contract, found),
        is_whole=is_whole,
        notes=notes,
    )


def _too_many(contract: Contract, found: _Found) -> str | None:
    bad = found.records - found.good
    if bad <= contract.max_bad_share * found.records:
        return None
    return (
        f"{bad} of {found.records} records break the contract, more than the share of {contract.max_bad_share}"
        f" that it allows\n  cure: mend sources/{contract.source}.yml or the data (max_bad_share)"
    )


@contextmanager
def _delivery(contract: Contract, at: Checking) -> Generator[tuple[str, Delivery | None]]:
    """What would be read now, and its name; None where there is nothing."""
    if contract.kind == "mariadb":
        few = contract
        if contract.table and not contract.where:
            few = contract.model_copy(
                update={"table": None, "query": f"SELECT * FROM {quoted(contract.table)} LIMIT {at.records}"}
            )
        scratch, root = at.project.scratch, at.project.root
        with table_reading(few, environment=os.environ, scratch=scratch, root=root) as blocks:
            yield contract.place, Delivery(contract.place, None, "", blocks)
        return
    root = at.project.root
    files = find_files(root, contract)
    if not files:
        yield contract.place, None
        return
    newest = max(files, key=lambda path: (path.stat().st_mtime_ns, path.name))
    name = delivery_name(root, newest)
    if contract.kind == "sql":
        yield name, joined_delivery(contract, newest, name, at.zone, at.engine, at.project.scratch)
    else:
        yield name, file_delivery(root, newest, contract)


def _look(contract: Contract, delivery: Delivery, at: Checking) -> tuple[_Found, bool]:
    """What becomes of the first records, and whether these are all."""
    found = _Found()
    for good, rejects, records in checked_blocks(contract, delivery, at.engine):
        if found.records >= at.records:
            return found, False
        found.records += records
        found.good += good.num_rows
        for reject in rejects:
            rule = f"{reject.column}: {reject.rule}" if reject.column else reject.rule
            count, first = found.rules.get(rule, (0, reject.row))
            found.rules[rule] = (count + 1, min(first, reject.row))
    return found, True


def _state_notes(contract: Contract, at: Checking) -> tuple[str, ...]:
    [state] = source_states([contract], at.zone, at.business_date)
    notes: list[str] = []
    if state.freshness == "late":
        days = "1 day" if state.age_days == 1 else f"{state.age_days} days"
        notes.append(f"is late: its newest load is {days} old, and its contract says freshness: {contract.freshness}")
    if state.changed:
        notes.append(f"its contract has changed since the last load: {', '.join(state.changed)}")
    return tuple(notes)
