"""What is known of each source: what it feeds, what it has delivered, and whether it is late."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast

from tenure.contracts.model import Contract
from tenure.raw.state import LoadRecord
from tenure.raw.zone import RawZone


@dataclass(frozen=True)
class SourceState:
    """A source of the project.

    `place` is where its files or its table are; `records` is the number loaded so far. `freshness`: `fresh`, `late`,
    or None where the contract says nothing or nothing was loaded; `age_days` is the age of the newest load.
    `changed`: what the contract says otherwise than when the newest load was made; None where that is not known.
    """

    source: str
    entity: str
    kind: str
    place: str
    mode: str
    loads: int
    last_load_at: datetime | None
    last_business_date: date | None
    records: int
    quarantined: int
    age_days: int | None
    freshness: str | None
    changed: tuple[str, ...] | None


def source_states(contracts: Sequence[Contract], zone: RawZone, business_date: date) -> list[SourceState]:
    """The state of each source on a business date, in the order of the contracts."""
    loads: dict[str, list[LoadRecord]] = {}
    for load in zone.state.loads():
        loads.setdefault(load.source, []).append(load)
    return [_state(contract, loads.get(contract.source, []), zone, business_date) for contract in contracts]


def _state(contract: Contract, loads: Sequence[LoadRecord], zone: RawZone, business_date: date) -> SourceState:
    last = loads[-1] if loads else None
    newest = max((load.business_date for load in loads), default=None)
    age = (business_date - newest).days if newest else None
    return SourceState(
        source=contract.source,
        entity=contract.entity,
        kind=contract.kind,
        place=contract.place,
        mode=contract.mode,
        loads=len(loads),
        last_load_at=last.recorded_at if last else None,
        last_business_date=newest,
        records=sum(load.loaded for load in loads),
        quarantined=sum(load.quarantined for load in loads),
        age_days=age,
        freshness=_freshness(contract, age),
        changed=_changed(contract, last, zone) if last else None,
    )


def _freshness(contract: Contract, age: int | None) -> str | None:
    if contract.fresh_days is None or age is None:
        return None
    return "late" if age > contract.fresh_days else "fresh"


def _changed(contract: Contract, last: LoadRecord, zone: RawZone) -> tuple[str, ...] | None:
    if last.contract_version == contract.version:
        return ()
    before = zone.manifest(last).contract
    return None if before is None else tuple(_differences(before, contract.as_written(), ""))


def _differences(before: dict[str, Any], now: dict[str, Any], path: str) -> list[str]:
    """Which words of a contract were added, taken away or changed, as paths such as `columns.age.range`."""
    found: list[str] = []
    for word in dict.fromkeys((*before, *now)):
        place = f"{path}{word}"
        if word not in before or word not in now:
            found.append(f"{place} {'added' if word in now else 'removed'}")
        elif isinstance(before[word], dict) and isinstance(now[word], dict):
            found += _differences(cast("dict[str, Any]", before[word]), cast("dict[str, Any]", now[word]), f"{place}.")
        elif before[word] != now[word]:
            found.append(f"{place} changed")
    return found
