"""What really happened: latent states, hazards and parameters, kept where no feature can read them."""

import csv
import io
import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tenure.core.durable import fsync_file, replace_file
from tenure.synth.columns import Ints
from tenure.synth.files import DirtyLine
from tenure.synth.history import Cast, MonthOfBank
from tenure.synth.parameters import GEOGRAPHIES, OFFER_TYPES, PRODUCTS, SEVERITIES, Parameters
from tenure.synth.plan import BankPlan, month_of
from tenure.synth.records import STILL_OPEN

CUSTOMER_MONTHS = "customer_month.parquet"
CUSTOMERS = "customers.parquet"
PARAMETERS = "parameters.json"
MANIFEST = "dirty.csv"
TRUTH_FILES = (CUSTOMER_MONTHS, CUSTOMERS, PARAMETERS, MANIFEST)

_CAMPAIGNS = pa.array(["none", "random", "targeted"])


MONTH_SCHEMA = pa.schema(
    [
        ("customer_id", pa.int64()),
        ("month_end", pa.date32()),
        ("disengagement", pa.float64()),
        ("pressure", pa.float64()),
        ("goodwill", pa.float64()),
        ("habit", pa.float64()),
        ("transaction_rate", pa.float64()),
        ("campaign", pa.string()),
        ("hazard", pa.float64()),
        ("churned", pa.bool_()),
        ("closed_on", pa.date32()),
        ("margin", pa.float64()),
    ]
)
"""One row for each customer there in a month: state at its end, hazard in it, whether the customer left.

`margin` is 0 for those who left; `closed_on` is null for those who stayed.
"""


def month_table(bank: MonthOfBank, closed: Ints) -> pa.Table:
    """The truth about one month."""
    outcome, state = bank.outcome, bank.outcome.state
    month_end = np.full(len(bank.members), bank.month.end).astype("datetime64[D]")
    return pa.table(
        [
            pa.array(bank.members + 1),
            pa.array(month_end),
            pa.array(state.disengagement),
            pa.array(state.pressure),
            pa.array(state.goodwill),
            pa.array(state.habit),
            pa.array(outcome.rate),
            _CAMPAIGNS.take(outcome.offers.campaign),
            pa.array(outcome.hazard),
            pa.array(outcome.leaves),
            pa.array(closed[bank.members].astype("datetime64[D]"), mask=~outcome.leaves),
            pa.array(np.where(outcome.leaves, 0.0, outcome.margin)),
        ],
        schema=MONTH_SCHEMA,
    )


@contextmanager
def months_file(path: Path, schema: pa.Schema) -> Generator[Callable[[pa.Table], None]]:
    """Adds one row group a month; the file gets its name when all are written."""
    temporary = path.with_name(f".{path.name}.tmp")
    with pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        yield writer.write_table
    fsync_file(temporary)
    temporary.replace(path)


def write_customers(path: Path, cast: Cast, closed: Ints) -> None:
    """One row a customer: the traits that never change, and the day of closing (null: still there)."""
    traits, size = cast.traits, cast.traits.size
    table = pa.table(
        {
            "customer_id": pa.array(np.arange(1, size + 1)),
            "born": pa.array(traits.born.astype("datetime64[D]")),
            "opened": pa.array(traits.opened.astype("datetime64[D]")),
            "closed_on": pa.array(closed.astype("datetime64[D]"), mask=closed == STILL_OPEN),
            "there_at_start": pa.array(np.arange(size) < cast.founders),
            "geography": pa.array(GEOGRAPHIES).take(traits.geography),
            "saver": pa.array(traits.saver),
            "persistence": pa.array(traits.persistence),
            "setpoint": pa.array(traits.setpoint),
            "wealth": pa.array(traits.wealth),
            "activity": pa.array(traits.activity),
            "proneness": pa.array(traits.proneness),
        }
    )
    temporary = path.with_name(f".{path.name}.tmp")
    pq.write_table(table, temporary, compression="zstd")
    fsync_file(temporary)
    temporary.replace(path)


def write_parameters(path: Path, plan: BankPlan, parameters: Parameters) -> None:
    """The plan and every true parameter."""
    content = {
        "plan": {**asdict(plan), "end": plan.end.isoformat()},
        "first_month": month_of(plan, 0).label,
        "market_changes_in": month_of(plan, plan.regime_month).label,
        "products": PRODUCTS,
        "geographies": GEOGRAPHIES,
        "offer_types": OFFER_TYPES,
        "severities": SEVERITIES,
        "parameters": asdict(parameters),
    }
    replace_file(path, (json.dumps(content, indent=1) + "\n").encode())


def write_manifest(path: Path, dirty: list[DirtyLine]) -> None:
    """One row for each dirty line; `column` is empty where the whole record is dirty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(field.name for field in fields(DirtyLine))
    for entry in dirty:
        flags = (str(entry.breaks_contract).lower(), str(entry.in_place).lower())
        writer.writerow((entry.file, entry.line, entry.kind, entry.column or "", *flags))
    replace_file(path, text.getvalue().encode())
