"""What really happened: latent states, hazards and parameters, kept where no feature can read them."""

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tenure.core.durable import fsync_file, replace_file
from tenure.synth.columns import Ints
from tenure.synth.files import DirtyLine
from tenure.synth.history import Cast, MonthOfBank
from tenure.synth.parameters import GEOGRAPHIES, PRODUCTS, Parameters
from tenure.synth.plan import BankPlan, month_of

CUSTOMER_MONTHS = "customer_month.parquet"
CUSTOMERS = "customers.parquet"
PARAMETERS = "parameters.json"
MANIFEST = "dirty.csv"
TRUTH_FILES = (CUSTOMER_MONTHS, CUSTOMERS, PARAMETERS, MANIFEST)

_CAMPAIGNS = pa.array(["none", "random", "targeted"])


def month_table(bank: MonthOfBank, closed: Ints) -> pa.Table:
    """One row for each customer there in the month: state at its end, hazard in it, whether the customer left.

    `margin` is 0 for those who left; `closed_on` is null for those who stayed.
    """
    outcome, state = bank.outcome, bank.outcome.state
    size = len(bank.members)
    end = np.full(size, bank.month.end)
    return pa.table(
        {
            "customer_id": bank.members + 1,
            "month_end": end.astype("datetime64[D]"),
            "disengagement": state.disengagement,
            "pressure": state.pressure,
            "goodwill": state.goodwill,
            "habit": state.habit,
            "transaction_rate": outcome.rate,
            "campaign": _CAMPAIGNS.take(pa.array(outcome.offers.campaign)),
            "hazard": outcome.hazard,
            "churned": outcome.leaves,
            "closed_on": pa.array(closed[bank.members].astype("datetime64[D]"), mask=~outcome.leaves),
            "margin": np.where(outcome.leaves, 0.0, outcome.margin),
        }
    )


def write_months(path: Path, tables: Iterable[pa.Table]) -> None:
    """One row group a month, under a temporary name until all are written."""
    temporary = path.with_name(f".{path.name}.tmp")
    writer: pq.ParquetWriter | None = None
    for table in tables:
        writer = writer or pq.ParquetWriter(temporary, table.schema, compression="zstd")
        writer.write_table(table)
    assert writer is not None
    writer.close()
    fsync_file(temporary)
    temporary.replace(path)
