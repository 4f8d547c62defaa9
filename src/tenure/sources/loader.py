"""Turns the blocks of one delivery into one load: typed records, quarantine and an account that balances."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tenure.contracts.checks import CompiledChecks, compile_checks
from tenure.contracts.model import Contract
from tenure.core.errors import SourceRefused, TenureError
from tenure.engine.protocol import Engine
from tenure.raw.manifest import LoadManifest
from tenure.raw.state import LoadRecord
from tenure.raw.zone import DATA, QUARANTINE, QUARANTINE_SCHEMA, RawZone, Ticket
from tenure.sources.conflicts import settle_keys
from tenure.sources.records import Block, Reject, row_numbers

ARROW_TYPES: dict[str, pa.DataType] = {
    "BIGINT": pa.int64(),
    "BOOLEAN": pa.bool_(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("us"),
    "STRING": pa.string(),
    "DOUBLE": pa.float64(),
}
_CANDIDATE = "candidate.parquet"


@dataclass(frozen=True)
class Delivery:
    """One arrival: a file, or one reading of a table.

    `sha256` is of the file's bytes; a table has none, so its content is hashed once it is read. `stamp`
    tells cheaply whether a file may have changed; `effective` is the date in its name, if it has one.
    """

    name: str
    sha256: str | None
    stamp: str
    blocks: Callable[[], Iterator[Block]]
    effective: date | None = None
    still_the_same: Callable[[], bool] = lambda: True
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class RunContext:
    """What is the same for all loads of one run."""

    run_id: str
    business_date: date
    progress: Callable[[str, int], None] = lambda name, records: None


@dataclass
class _Account:
    records_in: int = 0
    loaded: int = 0
    quarantined: int = 0
    rules: dict[str, int] = field(default_factory=dict[str, int])
    first: str = ""

    def reject(self, reject: Reject) -> None:
        self.quarantined += 1
        name = f"{reject.column}: {reject.rule}" if reject.column else reject.rule
        self.rules[name] = self.rules.get(name, 0) + 1
        if not self.first:
            self.first = f"row {reject.row}"


def load_schema(contract: Contract) -> pa.Schema:
    """The schema of a load's data: the contract's columns, then where and when each record came from."""
    columns: list[tuple[str, pa.DataType]] = [
        (name, pa.decimal128(*column.decimal) if column.decimal else ARROW_TYPES[column.sql_type])
        for name, column in contract.columns.items()
    ]
    return pa.schema(
        [
            *columns,
            ("_source", pa.string()),
            ("_load_id", pa.string()),
            ("_row", pa.int64()),
            ("_effective", pa.date32()),
            ("_business_date", pa.date32()),
            ("_recorded_at", pa.timestamp("us")),
        ]
    )


def load_delivery(
    contract: Contract, delivery: Delivery, zone: RawZone, engine: Engine, run: RunContext
) -> LoadRecord | None:
    """Load one delivery and commit it; None when a table turns out to hold what was loaded last.

    Raises `SourceRefused`, with nothing loaded, when the delivery must not be taken.
    """
    ticket = zone.begin(contract.source)
    try:
        account, duplicates = _write(contract, delivery, ticket, engine, run)
        _refuse_if_wrong(contract, delivery, account)
        sha256 = delivery.sha256 or _content_hash(contract, ticket, engine)
        if delivery.sha256 is None:
            seen = zone.state.seen(contract.source, delivery.name)
            if seen and seen.sha256 == sha256:
                zone.discard(ticket)
                return None
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
            duplicates=duplicates,
            manifest_sha256="",
        )
        manifest = LoadManifest(
            load=record,
            columns={name: column.type for name, column in contract.columns.items()},
            key=contract.key,
            keyless=contract.keyless,
            quarantined_by_rule=account.rules,
            files={},
        )
        return zone.commit(ticket, manifest, delivery.stamp)
    except BaseException:
        zone.discard(ticket)
        raise


def _refuse_if_wrong(contract: Contract, delivery: Delivery, account: _Account) -> None:
    if not delivery.still_the_same():
        raise SourceRefused(
            "changed while it was being read; nothing was loaded",
            where=delivery.name,
            cure="run again once it is complete",
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
    names = ", ".join(f'"{name}"' for name in contract.columns)
    engine.view_of_files("delivered_file", [ticket.folder / DATA])
    engine.view("delivered", f"SELECT {names} FROM delivered_file")
    engine.view_of_files("quarantined_file", [ticket.folder / QUARANTINE])
    return f"{engine.content_hash('delivered')}{engine.content_hash('quarantined_file')}"


def _write(
    contract: Contract, delivery: Delivery, ticket: Ticket, engine: Engine, run: RunContext
) -> tuple[_Account, int]:
    """Write data and quarantine of a load; returns the account and the number of duplicates."""
    schema = load_schema(contract)
    candidate = ticket.folder / _CANDIDATE
    account = _Account()
    with pq.ParquetWriter(ticket.folder / QUARANTINE, QUARANTINE_SCHEMA, compression="zstd") as quarantine:
        with pq.ParquetWriter(candidate, schema, compression="zstd") as data:
            for good, rejects, records in _checked_blocks(contract, delivery, engine):
                data.write_table(_with_origin(good, schema, contract, delivery, ticket, run))
                account.records_in += records
                account.loaded += good.num_rows
                _set_apart(rejects, quarantine, account)
                run.progress(delivery.name, account.records_in)
        settled = settle_keys(contract, candidate, engine)
        if settled.conflicting:
            _set_apart(_conflict_rejects(delivery, settled.conflicting), quarantine, account)
    if settled.changes:
        gone = sorted(settled.dropped | settled.conflicting.keys())
        account.loaded -= len(gone)
        engine.register("gone", pa.table({"_row": pa.array(gone, pa.int64())}))
        engine.write("SELECT c.* FROM candidate AS c ANTI JOIN gone USING (_row) ORDER BY _row", ticket.folder / DATA)
        candidate.unlink()
    else:
        candidate.rename(ticket.folder / DATA)
    return account, len(settled.dropped)


def _checked_blocks(
    contract: Contract, delivery: Delivery, engine: Engine
) -> Iterator[tuple[pa.Table, list[Reject], int]]:
    """For each block: the good records in their exact types, the rejects, and the number of records."""
    compiled: dict[frozenset[str], CompiledChecks] = {}
    for block in delivery.blocks():
        if block.records != block.table.num_rows + len(block.rejects):
            raise TenureError(
                f"{block.records} records were counted but {block.table.num_rows + len(block.rejects)} were read",
                where=delivery.name,
                cure="nothing was loaded; this is a fault in Tenure's reader: please report it with the file",
            )
        text = frozenset(name for name in contract.columns if block.table.schema.field(name).type == pa.string())
        checks = compiled.setdefault(text, compile_checks(contract, text))
        checked = engine.query(checks.sql, block=block.table).sort_by("_row")
        broken = checked.filter(pc.is_valid(checked["_broken"]))
        indices = [int(index) for index in broken["_broken"].to_pylist() if index is not None]
        rejects = block.rejects + [
            _broken_rule(checks, index, row, block) for index, row in zip(indices, row_numbers(broken), strict=True)
        ]
        good = checked.filter(pc.is_null(checked["_broken"])).drop_columns(["_broken"])
        yield good, sorted(rejects, key=lambda reject: reject.row), block.records


def _broken_rule(checks: CompiledChecks, index: int, row: int, block: Block) -> Reject:
    rule = checks.rules[index]
    return Reject(row, rule.column, rule.rule, f"{rule.column} {rule.reason}", block.verbatim(row))


def _quarantine_table(rejects: list[Reject]) -> pa.Table:
    columns: dict[str, pa.Array[Any]] = {
        "row": pa.array([reject.row for reject in rejects], pa.int64()),
        "column": pa.array([reject.column for reject in rejects], pa.string()),
        "rule": pa.array([reject.rule for reject in rejects], pa.string()),
        "reason": pa.array([reject.reason for reject in rejects], pa.string()),
        "record": pa.array([reject.record for reject in rejects], pa.binary()),
    }
    return pa.table(columns, schema=QUARANTINE_SCHEMA)


def _set_apart(rejects: list[Reject], quarantine: pq.ParquetWriter, account: _Account) -> None:
    if rejects:
        quarantine.write_table(_quarantine_table(rejects))
    for reject in rejects:
        account.reject(reject)


def _conflict_rejects(delivery: Delivery, conflicting: dict[int, str]) -> list[Reject]:
    """Rejects of contradicting records; the delivery is read a second time for their text."""
    rejects: list[Reject] = []
    wanted = pa.array(sorted(conflicting), pa.int64())
    for block in delivery.blocks():
        involved = block.table.filter(pc.is_in(block.table["_row"], value_set=wanted))
        for row in row_numbers(involved):
            reason = f"{conflicting[row]} occurs more than once in this delivery, with different content"
            rejects.append(Reject(row, conflicting[row], "unique", reason, block.verbatim(row)))
    if len(rejects) != len(conflicting):
        raise SourceRefused(
            "changed between two readings; nothing was loaded",
            where=delivery.name,
            cure="run again once it is complete",
        )
    return rejects


def _with_origin(
    good: pa.Table, schema: pa.Schema, contract: Contract, delivery: Delivery, ticket: Ticket, run: RunContext
) -> pa.Table:
    """Add where and when each record came from."""
    assumed = delivery.effective or run.business_date
    constants: dict[str, pa.Array[Any]] = {
        "_source": pa.array([contract.source], pa.string()),
        "_load_id": pa.array([ticket.load_id], pa.string()),
        "_effective": pa.array([assumed], pa.date32()),
        "_business_date": pa.array([run.business_date], pa.date32()),
        "_recorded_at": pa.array([ticket.recorded_at], pa.timestamp("us")),
    }
    first = pa.array([0] * good.num_rows, pa.int32())
    for name, constant in constants.items():
        good = good.append_column(name, constant.take(first))
    if contract.effective and contract.effective.column:
        own = good[contract.effective.column].cast(pa.date32(), safe=False)
        position = good.column_names.index("_effective")
        good = good.set_column(position, "_effective", own.fill_null(pa.scalar(assumed, pa.date32())))
    return good.select(schema.names).cast(schema)
