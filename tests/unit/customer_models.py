"""Runs models over raw records written by hand, on DuckDB, without loads or a release."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from graphlib import TopologicalSorter
from typing import Any

import pyarrow as pa

from tenure.contracts.entities import ENTITIES
from tenure.core.settings import ChurnSettings, Settings
from tenure.engine.protocol import Engine
from tenure.warehouse.graph import references
from tenure.warehouse.inputs import register_inputs
from tenure.warehouse.models import Model, ProjectTypes, read_models

Row = Mapping[str, Any]
Rows = dict[str, list[dict[str, Any]]]

_TYPES: dict[str, pa.DataType] = {
    "id": pa.int64(),
    "STRING": pa.string(),
    "BOOLEAN": pa.bool_(),
    "INTEGER": pa.int32(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("us"),
    "DECIMAL(18,2)": pa.decimal128(18, 2),
    "DECIMAL(18,8)": pa.decimal128(18, 8),
    "DECIMAL(10,2)": pa.decimal128(10, 2),
}
_ORIGIN = [
    ("_effective", pa.date32()),
    ("_source", pa.string()),
    ("_load_id", pa.string()),
    ("_row", pa.int64()),
    ("_recorded_at", pa.timestamp("us")),
    ("_deleted", pa.bool_()),
]
_STATUS = ChurnSettings()
_TYPELESS = ProjectTypes({}, dict.fromkeys(ENTITIES, ()))


@cache
def models() -> dict[str, Model]:
    """Tenure's models for a project whose ids are integers and that has no attributes."""
    return {model.name: model for model in read_models(_TYPELESS)}


def day(text: str) -> date:
    """A date; `2025-03` means its first day."""
    return date.fromisoformat(text if len(text) > 7 else f"{text}-01")


@dataclass
class RawBank:
    """Raw records by entity, in the order in which they were loaded; each record is a load of its own."""

    records: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {name: [] for name in ENTITIES})
    loads: int = 0

    def add(self, entity: str, effective: str = "2025-01-01", *, deleted: bool = False, **values: object) -> None:
        """One record, newer than all before it; a deleted one has its key and nothing else."""
        self.loads += 1
        origin = {
            "_effective": day(effective),
            "_source": entity,
            "_load_id": f"{self.loads:06d}",
            "_row": 1,
            "_recorded_at": datetime(2025, 1, 1) + timedelta(seconds=self.loads),
            "_deleted": deleted,
        }
        self.records[entity].append({**values, **origin})

    def customer(self, number: int, effective: str, *, deleted: bool = False, **values: object) -> None:
        """One state of a customer, or the mark that the source deleted it."""
        content = "|".join(f"{name}={value}" for name, value in sorted(values.items()))
        self.add("customers", effective, deleted=deleted, customer_id=number, _content=content, **values)

    def usage(self, number: int, on: str, balance: str | None, product: str = "Savings") -> None:
        """A usage log: the balance of one product."""
        self.add(
            "usage",
            usage_log_id=self.loads,
            customer_id=number,
            product_type=product,
            monthly_balance=None if balance is None else Decimal(balance),
            usage_date=day(on),
        )

    def transaction(self, number: int, on: str) -> None:
        """A booking."""
        moment = datetime.combine(day(on), datetime.min.time())
        self.add(
            "transactions",
            transaction_id=self.loads,
            customer_id=number,
            transaction_at=moment,
            amount=Decimal("1.00"),
        )

    def tables(self) -> dict[str, pa.Table]:
        """The raw inputs as a build would see them."""
        return {f"raw_{name}": _table(name, rows) for name, rows in self.records.items()}


def _table(entity: str, rows: Iterable[Row]) -> pa.Table:
    columns = [(column.name, _TYPES[column.type]) for column in ENTITIES[entity].columns]
    content = [("_content", pa.string())] if entity == "customers" else []
    return pa.Table.from_pylist(list(rows), schema=pa.schema([*columns, *_ORIGIN, *content]))


def compute(
    engine: Engine,
    bank: RawBank,
    wanted: Sequence[str],
    business_date: str = "2025-06-15",
    churn: ChurnSettings = _STATUS,
    given: Mapping[str, pa.Table] | None = None,
) -> dict[str, pa.Table]:
    """The `wanted` models and all that they read, computed from the raw records.

    A model that is `given` is taken as it is.
    """
    known = models()
    taken = given or {}
    reads = {name: references(model) & known.keys() for name, model in known.items()}
    needed: set[str] = set()
    waiting = list(wanted)
    while waiting:
        name = waiting.pop()
        if name not in needed and name not in taken:
            needed.add(name)
            waiting.extend(reads[name])
    register_inputs(engine, [], _TYPELESS, Settings(churn=churn), day(business_date))
    for name, table in {**bank.tables(), **taken}.items():
        engine.register(name, table)
    made: dict[str, pa.Table] = {}
    for name in TopologicalSorter({name: sorted(reads[name] & needed) for name in sorted(needed)}).static_order():
        made[name] = engine.query(known[name].sql)
        engine.register(name, made[name])
        expected = [(column.name, column.type) for column in known[name].columns]
        assert [(column.name, column.type) for column in engine.columns(name)] == expected
    return made


def run(
    engine: Engine,
    bank: RawBank,
    wanted: Sequence[str],
    business_date: str = "2025-06-15",
    churn: ChurnSettings = _STATUS,
) -> Rows:
    """The rows of the `wanted` models and all that they read, computed from the raw records."""
    made = compute(engine, bank, wanted, business_date, churn)
    return {name: table.to_pylist() for name, table in made.items()}
