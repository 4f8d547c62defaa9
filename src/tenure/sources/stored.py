"""The columns of the files that a load stores: its records, and those set apart."""

import pyarrow as pa

from tenure.contracts.columns import ColumnContract
from tenure.contracts.model import Contract
from tenure.contracts.reading_rules import INCREMENTAL
from tenure.raw.zone import QUARANTINE_SCHEMA

ARROW_TYPES: dict[str, pa.DataType] = {
    "BIGINT": pa.int64(),
    "BOOLEAN": pa.bool_(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("us"),
    "STRING": pa.string(),
    "DOUBLE": pa.float64(),
}
KEY_PREFIX = "key_"
"""Before the name of a key column in the quarantine of a source that compares keys."""
COMPARES_KEYS = frozenset({"snapshot", *INCREMENTAL})
"""Modes in which a key is looked up in earlier loads, so that those of quarantined records must be known too."""


def arrow_type(column: ColumnContract) -> pa.DataType:
    """The exact type in which a column's values are stored."""
    return pa.decimal128(*column.decimal) if column.decimal else ARROW_TYPES[column.sql_type]


def load_schema(contract: Contract) -> pa.Schema:
    """The schema of a load's data: the contract's columns, then where and when each record came from.

    `_deleted` is FALSE for a record. A row where it is TRUE is a delete marker: the source no longer holds its key
    from `_effective` on. It bears the load of the snapshot that lacks the key, and has no other values. Its `_row` goes
    on counting after the delivery's last record, far beyond where a load that came later had to say it.
    """
    columns = [(name, arrow_type(column)) for name, column in contract.columns.items()]
    return pa.schema(
        [
            *columns,
            ("_source", pa.string()),
            ("_load_id", pa.string()),
            ("_row", pa.int64()),
            ("_effective", pa.date32()),
            ("_business_date", pa.date32()),
            ("_recorded_at", pa.timestamp("us")),
            ("_deleted", pa.bool_()),
        ]
    )


def quarantine_schema(contract: Contract) -> pa.Schema:
    """The schema of a load's quarantine; where keys are compared it has the records' too, null where unreadable."""
    if contract.mode not in COMPARES_KEYS:
        return QUARANTINE_SCHEMA
    schema = QUARANTINE_SCHEMA
    for name in contract.key:
        schema = schema.append(pa.field(f"{KEY_PREFIX}{name}", arrow_type(contract.columns[name])))
    return schema
