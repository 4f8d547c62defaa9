"""What records in quarantine are worth: their amounts, where these can be read exactly out of what was delivered."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow.compute as pc
from pydantic import ValidationError

from tenure.contracts.checks import compile_checks
from tenure.contracts.columns import ColumnContract
from tenure.contracts.model import Contract
from tenure.core.errors import TenureError
from tenure.engine.protocol import Engine
from tenure.raw.quarantine import Quarantined
from tenure.raw.state import LoadRecord
from tenure.raw.zone import RawZone
from tenure.sources.records import row_numbers
from tenure.sources.reread import Verbatim, reread
from tenure.sources.schema_policy import new_in_records
from tenure.sources.verbatim_text import in_utf8

AMOUNT_COLUMNS: Mapping[str, str] = {"transactions": "amount", "usage": "monthly_balance", "offers": "cost"}
"""Of an entity, the column that says how much money a record is about."""
_CURRENCY = "currency"

Amount = tuple[str | None, Decimal]
"""A currency (None: the project's own) and an amount in it."""


def amounts_of(
    records: Iterable[Quarantined], zone: RawZone, engine: Engine, scratch: Path
) -> dict[tuple[str, int], Amount | None]:
    """Load and ordinal → amount, of records whose entity has one; None where it cannot be read exactly.

    Each record is read by the contract under which it was set apart. `scratch`: a folder for a temporary file.
    """
    found: dict[tuple[str, int], Amount | None] = {}
    scratch.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=scratch) as folder:
        for load, group in groupby(records, key=lambda record: record.load):
            if load.entity in AMOUNT_COLUMNS:
                own = list(group)
                amounts = _of_load(load, own, zone, engine, Path(folder))
                found.update({(load.load_id, record.ordinal): amounts.get(record.row) for record in own})
    return found


def _of_load(
    load: LoadRecord, records: Sequence[Quarantined], zone: RawZone, engine: Engine, folder: Path
) -> dict[int, Amount]:
    manifest = zone.manifest(load)
    name = AMOUNT_COLUMNS[load.entity]
    contract = _lenient(manifest.contract, name)
    if contract is None:
        return {}
    found: dict[int, Amount] = {}
    texts = [Verbatim(record.row, in_utf8(record.record, contract.encoding)) for record in records]
    try:
        new = new_in_records(contract, manifest.header, (each.text for each in texts))
        for block in reread(contract.with_columns(new), manifest.header, texts, folder):
            if not block.table.num_rows:
                continue
            wanted = [column for column in (name, _CURRENCY) if column in contract.columns]
            only = contract.model_copy(update={"columns": {name: contract.columns[name]}, "key": ()})
            is_text = {name} if block.table.schema.field(name).type == "string" else set[str]()
            table = block.table.select([*wanted, "_row"])
            checked = engine.query(compile_checks(only, is_text).sql, block=table)
            sound = checked.filter(pc.and_(pc.is_null(checked["_broken"]), pc.is_valid(checked[name])))
            currencies = table[_CURRENCY].to_pylist() if _CURRENCY in wanted else [None] * table.num_rows
            currency = dict(zip(row_numbers(table), currencies, strict=True))
            for row, amount in zip(row_numbers(sound), sound[name].to_pylist(), strict=True):
                code = currency[row]
                found[row] = (str(code).strip() or None if code is not None else None, Decimal(str(amount)))
    except TenureError:
        return {}
    return found


def _lenient(written: Mapping[str, object] | None, name: str) -> Contract | None:
    """The contract without any promise: every column is text, but for the amount; None where it has none."""
    try:
        contract = Contract.model_validate(written)
    except ValidationError:
        return None
    amount = contract.columns.get(name)
    if amount is None or name not in contract.source_columns():
        return None
    columns = {
        column: ColumnContract.model_validate({"type": "string", "from": contract.columns[column].source_name})
        for column in contract.source_columns()
    }
    columns[name] = amount.model_copy(update={"required": False, "unique": False, "range": None})
    return contract.model_copy(update={"columns": columns})
