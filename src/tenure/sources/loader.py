"""Turns one delivery into one load: typed records, delete markers, quarantine and an account that balances."""

from dataclasses import dataclass

import pyarrow as pa

from tenure.contracts.model import Contract
from tenure.contracts.reading_rules import INCREMENTAL
from tenure.core.errors import SourceRefused
from tenure.engine.protocol import Engine
from tenure.raw.manifest import LoadManifest
from tenure.raw.state import LoadRecord
from tenure.raw.zone import DATA, QUARANTINE, QUARANTINE_SCHEMA, RawZone, Ticket
from tenure.sources.delivered import CANDIDATE, Account, Delivery, RunContext, origin_of, read_delivery
from tenure.sources.snapshots import Deletes, Snapshot, data_with_markers, find_deletes
from tenure.sources.unchanged import PRESENT, leave_out_unchanged


@dataclass(frozen=True)
class Loaded:
    """A committed load, and what a person should know of how it was read."""

    record: LoadRecord
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class NothingNew:
    """What became of the records of a reading that no load was made of: all of them were known."""

    account: Account
    stamp: str
    notes: tuple[str, ...]


def load_delivery(
    contract: Contract, delivery: Delivery, zone: RawZone, engine: Engine, run: RunContext
) -> Loaded | NothingNew | None:
    """Load one delivery and commit it; None when a table turns out to hold what was loaded last.

    Raises `SourceRefused`, with nothing loaded, when the delivery must not be taken.
    """
    written = contract.as_written()
    contract = contract.with_columns(delivery.new_columns)
    ticket = zone.begin(contract.source)
    try:
        account = read_delivery(contract, delivery, ticket, engine, run)
        keyless = account.keyless
        if contract.mode in INCREMENTAL:
            leave_out_unchanged(contract, account, zone, engine, ticket.folder)
        _refuse_if_wrong(contract, delivery, account)
        sha256 = delivery.sha256 or _content_hash(contract, ticket, engine)
        if delivery.sha256 is None and contract.mode not in INCREMENTAL:
            seen = zone.state.seen(contract.source, delivery.name)
            if seen and seen.sha256 == sha256:
                zone.discard(ticket)
                return None
        is_snapshot = contract.mode == "snapshot" or delivery.reconciles
        effective = delivery.effective or run.business_date
        infers = is_snapshot and keyless is None
        deletes = Deletes()
        # A comparison that could say nothing of deletes is made again in the next run.
        stamp = delivery.stamp if infers or not delivery.reconciles else ""
        if is_snapshot:
            snapshot = Snapshot(
                contract,
                delivery.name,
                effective,
                infers,
                account.records_in,
                ticket.folder,
                ticket.load_id,
                PRESENT if delivery.reconciles else "delivered",
            )
            deletes = find_deletes(snapshot, zone, engine)
        if contract.mode in INCREMENTAL and not account.loaded + account.quarantined + deletes.count:
            zone.discard(ticket)
            return NothingNew(account, stamp, _notes(contract, delivery, account, run))
        _write_data(contract, deletes, account, ticket, engine, run)
        record = LoadRecord(
            sequence=ticket.sequence,
            load_id=ticket.load_id,
            source=contract.source,
            entity=contract.entity,
            delivery=delivery.name,
            sha256=sha256,
            contract_version=contract.version,
            business_date=run.business_date,
            recorded_at=ticket.recorded_at,
            run_id=run.run_id,
            records_in=account.records_in,
            loaded=account.loaded,
            quarantined=account.quarantined,
            duplicates=account.duplicates,
            manifest_sha256="",
            filtered=account.filtered,
            deleted=deletes.count,
            unchanged=account.unchanged,
            watermark=delivery.watermark() if delivery.watermark else None,
        )
        manifest = LoadManifest(
            load=record,
            columns={name: column.type for name, column in contract.columns.items()},
            key=contract.key,
            keyless=contract.keyless,
            quarantined_by_rule=account.rules,
            files={},
            mode=contract.mode,
            effective=effective,
            infers_deletes=infers and not delivery.reconciles,
            protected=account.keyed,
            contract=written,
            header=delivery.header,
        )
        return Loaded(zone.commit(ticket, manifest, stamp), _notes(contract, delivery, account, run))
    except BaseException:
        zone.discard(ticket)
        raise


def _notes(contract: Contract, delivery: Delivery, account: Account, run: RunContext) -> tuple[str, ...]:
    notes = delivery.notes
    if contract.entity == "customers" and delivery.effective and delivery.effective > run.business_date:
        later = f"its records take effect on {delivery.effective}, after the business date {run.business_date}"
        notes = (*notes, f"{later}; they count from then")
    if not (contract.mode == "snapshot" or delivery.reconciles) or account.keyless is None:
        return notes
    unknown = max(account.quarantined - account.keyed, 1)  # it may be one that was set apart before
    records = "1 quarantined record" if unknown == 1 else f"{unknown} quarantined records"
    note = (
        f"no key counts as deleted by it: the key of {records} cannot be read (first at row {account.keyless})"
        " and may be any of those that it lacks; mend it and deliver it again"
    )
    return (*notes, note)


def _refuse_if_wrong(contract: Contract, delivery: Delivery, account: Account) -> None:
    if not delivery.still_the_same():
        raise SourceRefused(
            "changed while it was being read; nothing was loaded",
            where=delivery.name,
            cure="run again once it is complete",
        )
    if contract.mode == "snapshot" and not account.records_in and not contract.allow_empty:
        raise SourceRefused(
            "is a snapshot without any record, which would delete every key; nothing was loaded",
            where=delivery.name,
            cure=f"deliver it again; if it may be empty, write allow_empty: true in sources/{contract.source}.yml",
        )
    if account.quarantined > contract.max_bad_share * account.records_in:
        worst = ", ".join(f"{rule} × {count}" for rule, count in account.rules.items())
        raise SourceRefused(
            f"{account.quarantined} of {account.records_in} records break the contract ({worst}), "
            f"first at {account.first}; nothing was loaded",
            where=delivery.name,
            cure=f"mend the file or the contract; sources/{contract.source}.yml allows a share of "
            f"{contract.max_bad_share} (max_bad_share)",
        )


def _content_hash(contract: Contract, ticket: Ticket, engine: Engine) -> str:
    """A fingerprint of the records of a table, set apart or not; delete markers are none of them."""
    names = ", ".join(f'"{name}"' for name in contract.columns)
    engine.view("content", f"SELECT {names} FROM delivered")
    engine.view_of_files("quarantined_file", [ticket.folder / QUARANTINE])
    apart = ", ".join(f'"{name}"' for name in QUARANTINE_SCHEMA.names)
    engine.view("quarantined_content", f"SELECT {apart} FROM quarantined_file")
    return f"{engine.content_hash('content')}{engine.content_hash('quarantined_content')}"


def _write_data(
    contract: Contract, deletes: Deletes, account: Account, ticket: Ticket, engine: Engine, run: RunContext
) -> None:
    """Write the data of a load: the delivered records, then the delete markers."""
    candidate, data = ticket.folder / CANDIDATE, ticket.folder / DATA
    if deletes.count:
        engine.view_of_files("markers", deletes.files)
        one = pa.array([0], pa.int32())
        constants = origin_of(contract, ticket, run)
        engine.register("origin", pa.table({name: value.take(one) for name, value in constants.items()}))
        engine.write(data_with_markers(contract, account.last_row, ticket.sequence), data)
    elif account.settled:
        engine.write("SELECT * FROM delivered ORDER BY _row", data)
    else:
        candidate.rename(data)
    for scratch in set(ticket.folder.iterdir()) - {data, ticket.folder / QUARANTINE}:
        scratch.unlink()
