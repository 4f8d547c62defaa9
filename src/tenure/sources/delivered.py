"""Reads one delivery: sound records to a file of candidates, the others to the quarantine, all of them counted."""

from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tenure.contracts.checks import CompiledChecks, compile_checks
from tenure.contracts.columns import ColumnContract
from tenure.contracts.computed import expect_computable
from tenure.contracts.model import Contract
from tenure.core.errors import BuildError, SourceRefused, TenureError
from tenure.engine.protocol import Engine
from tenure.raw.zone import QUARANTINE, Ticket
from tenure.sources.conflicts import AscendingKey, settle_keys
from tenure.sources.data_file import data_file
from tenure.sources.quarantined import KeyTexts, quarantine_table, with_keys
from tenure.sources.records import Block, Reject, in_row_order, row_numbers
from tenure.sources.stored import load_schema, quarantine_schema

CANDIDATE = "candidate.parquet"
"""Of the file of candidates in a load's folder."""


@dataclass(frozen=True)
class Delivery:
    """One arrival: a file, or one reading of a table.

    `sha256` is of the file's bytes; a table has none, so its content is hashed once it is read. `stamp`
    tells cheaply whether a file may have changed; `effective` is the date in its name, if it has one;
    `key_texts` reads the key of a record that its guard set apart. `watermark` tells, once the blocks are read, up
    to where an incremental source was read; `reconciles`: its keys are all that the source has. `header`: the
    columns, in their order, of records that do not name them. `new_columns`: those that the contract does not name
    and lets in.
    """

    name: str
    sha256: str | None
    stamp: str
    blocks: Callable[[], Iterator[Block]]
    effective: date | None = None
    still_the_same: Callable[[], bool] = lambda: True
    notes: tuple[str, ...] = ()
    key_texts: KeyTexts = lambda reject: None
    watermark: Callable[[], str | None] | None = None
    reconciles: bool = False
    header: tuple[str, ...] | None = None
    new_columns: Mapping[str, ColumnContract] = field(default_factory=dict[str, ColumnContract])


@dataclass(frozen=True)
class RunContext:
    """What is the same for all loads of one run."""

    run_id: str
    business_date: date
    progress: Callable[[str, int], None] = lambda name, records: None


@dataclass
class Account:
    """What became of the records so far.

    `last_row` is the greatest row number that any of them has. `settled`: some were left out because others have
    their key. Of the quarantined ones, `keyed` are those whose key is known, and `keyless` is the row of the first
    other one.
    """

    records_in: int = 0
    loaded: int = 0
    quarantined: int = 0
    duplicates: int = 0
    filtered: int = 0
    unchanged: int = 0
    rules: dict[str, int] = field(default_factory=dict[str, int])
    first: str = ""
    last_row: int = 0
    settled: bool = False
    keyed: int = 0
    keyless: int | None = None

    def reject(self, reject: Reject) -> None:
        """Count a record that was set apart."""
        self.quarantined += 1
        self.last_row = max(self.last_row, reject.row)
        self._count_rule(reject.column, reject.rule)
        if not self.first:
            self.first = f"row {reject.row}"
        if reject.key is not None:
            self.keyed += 1
        elif self.keyless is None:
            self.keyless = reject.row

    def _count_rule(self, column: str | None, rule: str) -> None:
        name = f"{column}: {rule}" if column else rule
        self.rules[name] = self.rules.get(name, 0) + 1

    def recount(self, quarantine: pa.Table, keys: Sequence[str]) -> None:
        """Count the quarantined records anew; `keys` are the columns that hold their keys."""
        self.quarantined = quarantine.num_rows
        self.rules = {}
        for column, rule in zip(quarantine["column"].to_pylist(), quarantine["rule"].to_pylist(), strict=True):
            self._count_rule(column, str(rule))
        self.keyed = min((len(quarantine) - quarantine[name].null_count for name in keys), default=0)


def read_delivery(contract: Contract, delivery: Delivery, ticket: Ticket, engine: Engine, run: RunContext) -> Account:
    """Write the quarantine of a load, and make the records that are to be loaded visible as `delivered`."""
    expect_computable(contract, engine)
    schema = load_schema(contract)
    candidate = ticket.folder / CANDIDATE
    account = Account()
    ascending = AscendingKey(contract)
    with pq.ParquetWriter(ticket.folder / QUARANTINE, quarantine_schema(contract), compression="zstd") as quarantine:
        with data_file(candidate, schema) as data:
            for good, rejects, records in checked_blocks(contract, delivery, engine):
                with _refused_where_not_computable("filter", contract, delivery):
                    wanted = _wanted(contract, good, engine)
                ascending.see(wanted)
                data.write(_with_origin(wanted, schema, contract, delivery, ticket, run))
                account.records_in += records
                account.loaded += wanted.num_rows
                account.filtered += good.num_rows - wanted.num_rows
                if good.num_rows:
                    account.last_row = max(account.last_row, row_numbers(good.slice(good.num_rows - 1))[0])
                _set_apart(contract, rejects, quarantine, account)
                run.progress(delivery.name, account.records_in)
        settled = settle_keys(contract, candidate, engine, unique=ascending.holds)
        if settled.conflicting:
            rejects = _conflict_rejects(contract, delivery, settled.conflicting, engine)
            _set_apart(contract, rejects, quarantine, account)
    gone = sorted(settled.dropped | settled.conflicting.keys())
    account.loaded -= len(gone)
    account.duplicates = len(settled.dropped)
    account.settled = settled.changes
    if gone:
        engine.register("gone", pa.table({"_row": pa.array(gone, pa.int64())}))
    show_delivered(engine, ["gone"] if gone else [])
    return account


def show_delivered(engine: Engine, left_out: Sequence[str]) -> None:
    """Make `delivered` the candidates but those whose row numbers stand in the relations named."""
    without = "".join(f" ANTI JOIN {relation} USING (_row)" for relation in left_out)
    engine.view("delivered", f"SELECT c.* FROM candidate AS c{without}")


def _wanted(contract: Contract, good: pa.Table, engine: Engine) -> pa.Table:
    """The records for which the source's filter is true, in their order; without a filter, all of them."""
    if contract.filter is None:
        return good
    kept = engine.query(f"SELECT * FROM good WHERE (\n{contract.filter}\n)", good=good)
    return in_row_order(kept)


def checked_blocks(
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
        schema = block.table.schema
        text = frozenset(name for name, kind in zip(schema.names, schema.types, strict=True) if kind == pa.string())
        checks = compiled.setdefault(text, compile_checks(contract, text))
        with _refused_where_not_computable("pattern, range and sql of its columns", contract, delivery):
            good, broken = _checked(contract, checks, text, block.table, engine)
        indices = [int(index) for index in broken["_broken"].to_pylist() if index is not None]
        rejects = block.rejects + [
            _broken_rule(checks, index, row, block) for index, row in zip(indices, row_numbers(broken), strict=True)
        ]
        rejects = with_keys(contract, rejects, block.table, delivery.key_texts, engine)
        yield good, sorted(rejects, key=lambda reject: reject.row), block.records


@contextmanager
def _refused_where_not_computable(words: str, contract: Contract, delivery: Delivery) -> Generator[None]:
    """What the engine cannot compute of these records today it cannot tomorrow: the delivery is refused for good.

    Lack of memory is another matter: it passes, and its error knows its own cure.
    """
    try:
        yield
    except BuildError as error:
        if error.cure is not None:
            raise
        cure = f"look at {words} in sources/{contract.source}.yml: every record must be comparable with them"
        raise SourceRefused(f"cannot be checked: {error.what}", where=delivery.name, cure=cure) from error


def _checked(
    contract: Contract, checks: CompiledChecks, text: Collection[str], table: pa.Table, engine: Engine
) -> tuple[pa.Table, pa.Table]:
    """The good records in their exact types, and row number and broken rule of each other one."""
    if all(_is_exact(column, name in text) for name, column in contract.columns.items()):
        # Only the broken records, mostly none, have to come back.
        only = f"SELECT _row, _broken FROM ({checks.sql}) AS checked WHERE _broken IS NOT NULL"
        broken = in_row_order(engine.query(only, block=table))
        good = table.select([*contract.columns, "_row"])
        if len(broken):
            good = good.filter(pc.invert(pc.is_in(good["_row"], value_set=broken["_row"].combine_chunks())))
        return good, broken
    # Exact columns need not go through the engine: they join what comes back, row by row.
    exact = {name for name, column in contract.columns.items() if _is_exact(column, name in text)}
    others = "".join(f'"{name}", ' for name in contract.columns if name not in exact)
    rest = in_row_order(engine.query(f"SELECT {others}_row, _broken FROM ({checks.sql}) AS checked", block=table))
    given = in_row_order(table)
    columns = [given[name] if name in exact else rest[name] for name in contract.columns]
    checked = pa.table([*columns, rest["_row"], rest["_broken"]], names=[*contract.columns, "_row", "_broken"])
    broken = checked.filter(pc.is_valid(checked["_broken"]))
    good = checked.filter(pc.is_null(checked["_broken"])) if len(broken) else checked
    return good.drop_columns(["_broken"]), broken


def _is_exact(column: ColumnContract, is_text: bool) -> bool:
    """Whether the values of a block's column are those to be loaded, just as they are."""
    as_given = column.is_read and not column.is_rewritten and column.format is None
    return as_given and (column.type == "string") == is_text


def _broken_rule(checks: CompiledChecks, index: int, row: int, block: Block) -> Reject:
    rule = checks.rules[index]
    return Reject(row, rule.column, rule.rule, f"{rule.column} {rule.reason}", block.verbatim(row))


def _set_apart(contract: Contract, rejects: list[Reject], quarantine: pq.ParquetWriter, account: Account) -> None:
    if rejects:
        quarantine.write_table(quarantine_table(rejects, contract))
    for reject in rejects:
        account.reject(reject)


def _conflict_rejects(
    contract: Contract, delivery: Delivery, conflicting: dict[int, str], engine: Engine
) -> list[Reject]:
    """Rejects of contradicting records; the delivery is read a second time for their text."""
    rejects: list[Reject] = []
    wanted = pa.array(sorted(conflicting), pa.int64())
    for block in delivery.blocks():
        involved = block.table.filter(pc.is_in(block.table["_row"], value_set=wanted))
        found: list[Reject] = []
        for row in row_numbers(involved):
            reason = f"{conflicting[row]} occurs more than once in this delivery, with different content"
            found.append(Reject(row, conflicting[row], "unique", reason, block.verbatim(row)))
        rejects += with_keys(contract, found, involved, delivery.key_texts, engine)
    if len(rejects) != len(conflicting):
        raise SourceRefused(
            "changed between two readings; nothing was loaded",
            where=delivery.name,
            cure="run again once it is complete",
        )
    return rejects


def origin_of(contract: Contract, ticket: Ticket, run: RunContext) -> "dict[str, pa.Array[Any]]":
    """What is the same for all rows of a load, each an array of one value."""
    return {
        "_source": pa.array([contract.source], pa.string()),
        "_load_id": pa.array([ticket.load_id], pa.string()),
        "_business_date": pa.array([run.business_date], pa.date32()),
        "_recorded_at": pa.array([ticket.recorded_at], pa.timestamp("us")),
    }


def _with_origin(
    good: pa.Table, schema: pa.Schema, contract: Contract, delivery: Delivery, ticket: Ticket, run: RunContext
) -> pa.Table:
    """Add where and when each record came from."""
    assumed = delivery.effective or run.business_date
    constants = {
        **origin_of(contract, ticket, run),
        "_effective": pa.array([assumed], pa.date32()),
        "_deleted": pa.array([False], pa.bool_()),
    }
    first = pa.array([0] * good.num_rows, pa.int32())
    for name, constant in constants.items():
        good = good.append_column(name, constant.take(first))
    if contract.effective and contract.effective.column:
        own = good[contract.effective.column].cast(pa.date32(), safe=False)
        position = good.column_names.index("_effective")
        good = good.set_column(position, "_effective", own.fill_null(pa.scalar(assumed, pa.date32())))
    return good.select(schema.names).cast(schema)
