"""Takes records out of the quarantine: read again under the contract as it is now, or as they were edited.

What is taken in becomes a load of its own, recorded now. Its rows bear the load and the row at which they were
delivered, and take effect when the rest of that delivery did: the tables are as if the contract had always been what
it is, and what was delivered later goes on replacing what was delivered before. A record that still breaks the
contract stays where it is, and so does one that contradicts a loaded record of its own delivery.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.parquet as pq

from tenure.contracts.model import Contract
from tenure.core.errors import SourceRefused
from tenure.engine.protocol import Engine
from tenure.raw.manifest import LoadManifest
from tenure.raw.quarantine import Quarantined
from tenure.raw.settled import Settled
from tenure.raw.state import LoadRecord
from tenure.raw.zone import DATA, QUARANTINE, RawZone, Ticket
from tenure.sources.delivered import Account, Delivery, RunContext, origin_of, read_delivery
from tenure.sources.records import Block
from tenure.sources.replay_conflicts import clashes_with_its_delivery
from tenure.sources.reread import Verbatim, reread
from tenure.sources.schema_policy import new_in_records
from tenure.sources.snapshots import Snapshot, data_with_markers, find_deletes
from tenure.sources.stored import quarantine_schema
from tenure.sources.verbatim_text import in_utf8

_TAKEN = "taken.parquet"


@dataclass(frozen=True)
class Attempt:
    """A record in quarantine, and the text in UTF-8 to read for it: its own or an edited one.

    `header`: the columns of an edited CSV record, if not those of its file.
    """

    record: Quarantined
    text: bytes
    header: tuple[str, ...] | None = None


@dataclass(frozen=True)
class StillBroken:
    """A record that stays in quarantine, and why."""

    id: str
    row: int
    column: str | None
    rule: str
    reason: str


@dataclass(frozen=True)
class Replay:
    """What became of the records of one load that were tried.

    `load` is the new load; None when none of them could be taken. `refused`: why they could not even be read.
    """

    origin: LoadRecord
    tried: int
    load: LoadRecord | None
    still_broken: tuple[StillBroken, ...] = ()
    refused: str | None = None


@dataclass(frozen=True)
class Reason:
    """Why records are replayed, and who does it."""

    text: str
    who: str


@dataclass(frozen=True)
class _Replaying:
    """One load's records on their way out of the quarantine: the contract to load them by, and to read them by."""

    contract: Contract
    read: Contract
    origin: LoadRecord
    manifest: LoadManifest
    attempts: Sequence[Attempt]
    header: tuple[str, ...] | None
    zone: RawZone
    engine: Engine
    run: RunContext

    @property
    def name(self) -> str:
        return f"quarantine of {self.origin.load_id}"


def as_delivered(contract: Contract, record: Quarantined) -> Attempt:
    """The attempt to read a record again just as it was delivered."""
    return Attempt(record, in_utf8(record.record, contract.encoding))


def replay(
    contract: Contract, attempts: Iterable[Attempt], reason: Reason, zone: RawZone, engine: Engine, run: RunContext
) -> list[Replay]:
    """Load those of the records, all of them open, that keep the contract: one load for each that they came with.

    Each load is committed together with the fate of the records that it takes in. What cannot be read again of one
    load does not stop the others.
    """
    groups: dict[tuple[str, tuple[str, ...] | None], list[Attempt]] = {}
    for attempt in attempts:
        groups.setdefault((attempt.record.load.load_id, attempt.header), []).append(attempt)
    done: list[Replay] = []
    for group in groups.values():
        try:
            done.append(_replay(contract, group, reason, zone, engine, run))
        except SourceRefused as error:
            done.append(Replay(group[0].record.load, len(group), None, refused=str(error)))
    return done


def _replay(
    contract: Contract, attempts: Sequence[Attempt], reason: Reason, zone: RawZone, engine: Engine, run: RunContext
) -> Replay:
    origin = attempts[0].record.load
    if origin.entity != contract.entity:
        raise SourceRefused(
            f"was loaded as {origin.entity}, but the contract of {contract.source} now says {contract.entity}",
            where=f"load {origin.load_id}",
            cure="deliver the records again under the new contract, and dismiss these",
        )
    manifest = zone.manifest(origin)
    in_order = sorted(attempts, key=lambda attempt: attempt.record.row)
    header = attempts[0].header or manifest.header
    read = contract.with_columns(new_in_records(contract, header, (attempt.text for attempt in in_order)))
    loaded = read if contract.schema_policy == "evolve" else contract
    work = _Replaying(loaded, read, origin, manifest, in_order, header, zone, engine, run)
    ticket = zone.begin(contract.source)
    try:
        _expect_kept(work)
        return _replayed(work, reason, ticket)
    except SourceRefused as error:
        zone.discard(ticket)
        where = f"{work.name} ({origin.delivery})"
        raise SourceRefused(error.what, where=error.where or where, cure=error.cure) from error
    except BaseException:
        zone.discard(ticket)
        raise


def _expect_kept(work: _Replaying) -> None:
    """Of a table and of a Parquet file only the columns were kept that the contract named: others are not known."""
    contract, then = work.contract, work.manifest.contract
    if contract.kind not in {"mariadb", "parquet"} or then is None:
        return
    named = {str(column.get("from", name)) for name, column in then["columns"].items()}
    texts = {attempt.record.id for attempt in work.attempts if attempt.text == attempt.record.record}
    missing = sorted(set(contract.source_columns().values()) - named)
    if missing and texts:
        raise SourceRefused(
            f"its records were kept without {', '.join(missing)}, which the contract did not name then",
            cure="read it again from its source; or export the records, add the column and replay them with --edited",
        )


def _replayed(work: _Replaying, reason: Reason, ticket: Ticket) -> Replay:
    account, taken, broken = _read(work, ticket)
    tried = len(work.attempts)
    stays = {entry.row for entry in broken}
    leaves = [attempt for attempt in work.attempts if attempt.record.row not in stays]
    if not leaves:
        work.zone.discard(ticket)
        return Replay(work.origin, tried, None, broken)
    deleted = _write(work, account, ticket)
    record = _load_record(work, leaves, account, taken, deleted, ticket)
    manifest = replace(
        work.manifest,
        load=record,
        columns={name: column.type for name, column in work.contract.columns.items()},
        key=work.contract.key,
        keyless=work.contract.keyless,
        quarantined_by_rule={},
        files={},
        mode=work.contract.mode,
        infers_deletes=False,
        protected=0,
        contract=work.contract.as_written(),
        header=work.header,
        replays=work.origin.load_id,
    )
    settled = [
        Settled(
            work.origin.load_id,
            attempt.record.ordinal,
            "replayed",
            ticket.load_id,
            reason.text,
            ticket.recorded_at,
            reason.who,
        )
        for attempt in leaves
    ]
    return Replay(work.origin, tried, work.zone.commit(ticket, manifest, "", settled), broken)


def _read(work: _Replaying, ticket: Ticket) -> tuple[Account, int, tuple[StillBroken, ...]]:
    """Read the records as a delivery is read; the relation `delivered` then has those that are to be loaded.

    Returns the account, how many are to be loaded, and what stays in quarantine.
    """
    as_delivered = replace(ticket, load_id=work.origin.load_id)
    then = replace(work.run, business_date=work.origin.business_date)
    delivery = Delivery(
        name=work.name,
        sha256=None,
        stamp="",
        blocks=_blocks(work, ticket),
        effective=work.manifest.effective or work.origin.business_date,
    )
    account = read_delivery(work.contract, delivery, as_delivered, work.engine, then)
    broken = _still_broken(work, ticket)
    clashes = clashes_with_its_delivery(work.contract, work.origin, work.zone, work.engine)
    ids = {attempt.record.row: attempt.record.id for attempt in work.attempts}
    broken += [StillBroken(ids[row], row, column, "unique", why) for row, (column, why) in clashes.rejected.items()]
    account.duplicates += len(clashes.copies)
    gone = sorted(clashes.rejected.keys() | clashes.copies)
    work.engine.register("clashing", pa.table({"_row": pa.array(gone, pa.int64())}))
    taken = work.engine.write(
        "SELECT * FROM delivered ANTI JOIN clashing USING (_row) ORDER BY _row", ticket.folder / _TAKEN
    )
    work.engine.view_of_files("delivered", [ticket.folder / _TAKEN])
    return account, taken, tuple(sorted(broken, key=lambda entry: entry.row))


def _blocks(work: _Replaying, ticket: Ticket) -> Callable[[], Iterator[Block]]:
    records = [Verbatim(attempt.record.row, attempt.text) for attempt in work.attempts]
    return lambda: reread(work.read, work.header, records, ticket.folder)


def _still_broken(work: _Replaying, ticket: Ticket) -> list[StillBroken]:
    """What was set apart again; the file of it is emptied, because these records are in quarantine already."""
    path = ticket.folder / QUARANTINE
    ids = {attempt.record.row: attempt.record.id for attempt in work.attempts}
    table = pq.read_table(path, columns=["row", "column", "rule", "reason"])
    pq.write_table(quarantine_schema(work.contract).empty_table(), path, compression="zstd")
    return [StillBroken(ids[entry["row"]], **entry) for entry in table.to_pylist()]


def _write(work: _Replaying, account: Account, ticket: Ticket) -> int:
    """Write the data of the load; returns how many of its rows are delete markers.

    Where a later snapshot lacks a key that is known only now, nobody has said yet that it is gone.
    """
    contract, engine, data = work.contract, work.engine, ticket.folder / DATA
    effective = work.manifest.effective or work.origin.business_date
    deleted = 0
    if contract.key:
        snapshot = Snapshot(
            contract, work.name, effective, False, account.records_in, ticket.folder, work.origin.load_id
        )
        deletes = find_deletes(snapshot, work.zone, engine)
        deleted = deletes.count
        if deleted:
            engine.view_of_files("markers", deletes.files)
            one = pa.array([0], pa.int32())
            constants = origin_of(contract, ticket, work.run)
            engine.register("origin", pa.table({name: value.take(one) for name, value in constants.items()}))
            engine.write(data_with_markers(contract, account.last_row, ticket.sequence), data)
    if not deleted:
        (ticket.folder / _TAKEN).rename(data)
    for scratch in set(ticket.folder.iterdir()) - {data, ticket.folder / QUARANTINE}:
        scratch.unlink()
    return deleted


def _load_record(
    work: _Replaying, leaves: Sequence[Attempt], account: Account, taken: int, deleted: int, ticket: Ticket
) -> LoadRecord:
    texts = hashlib.sha256()
    for attempt in leaves:
        texts.update(f"{attempt.record.id} {len(attempt.text)}\n".encode() + attempt.text)
    return replace(
        work.origin,
        sequence=ticket.sequence,
        load_id=ticket.load_id,
        delivery=work.name,
        sha256=texts.hexdigest(),
        contract_version=work.contract.version,
        business_date=work.run.business_date,
        recorded_at=ticket.recorded_at,
        run_id=work.run.run_id,
        records_in=len(leaves),
        loaded=taken,
        quarantined=0,
        duplicates=account.duplicates,
        manifest_sha256="",
        filtered=account.filtered,
        deleted=deleted,
        unchanged=account.unchanged,
        watermark=None,  # nothing was read from the source
    )
