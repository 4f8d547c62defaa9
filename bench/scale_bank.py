"""Raw loads of a bank of any size, made without text files: what ingesting such a bank would have left behind.

The shape, for 1M customers: 50M events over 24 months. Everything grows with the number of customers.

- customers: one load with all of them at the end of the first month, then one a month with those who changed:
  about 0.8 % leave, 0.7 % move and 0.6 % have their tenure told anew. One month (`late_month`) is held back: it
  is what `scale_deliveries.py` delivers afterwards.
- usage: one record a month for the first product, and one for the second of those who hold two (22 % at the
  start, half at the end); 30M. transactions: 0.8 a month; 18M. tickets and offers: 1M each.
- Whoever has left has no more events. Ids rise with time, records lie in the order of their days, one load a
  month and source. Everything follows from `seed`.

The values are made in DuckDB and written by the same writer, in the same schema and the same blocks as the loader
uses, and committed through the raw zone, so that `tenure verify` and every later command take the project as ingested.
"""

import sys
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import duckdb  # noqa: E402 - the path comes first
import numpy as np  # noqa: E402
import pyarrow as pa  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402
from bench.child import cost_of, tenure  # noqa: E402

from tenure.contracts.files import read_contracts  # noqa: E402
from tenure.contracts.model import Contract  # noqa: E402
from tenure.core.clock import new_run_id  # noqa: E402
from tenure.core.durable import sha256_file  # noqa: E402
from tenure.core.lock import writer_lock  # noqa: E402
from tenure.core.settings import Project, open_project  # noqa: E402
from tenure.pipeline import raw_zone  # noqa: E402
from tenure.raw.manifest import LoadManifest  # noqa: E402
from tenure.raw.state import LoadRecord  # noqa: E402
from tenure.raw.zone import DATA, QUARANTINE, QUARANTINE_SCHEMA, RawZone  # noqa: E402
from tenure.sources.stored import load_schema  # noqa: E402

EVENTS = ("usage", "transactions", "tickets", "offers")
_BLOCK_ROWS = 131_072


@dataclass(frozen=True)
class ScaleBank:
    """How large the bank is, and when its last month ends."""

    customers: int
    end: date = date(2025, 9, 30)
    months: int = 24
    seed: int = 7

    @property
    def late_month(self) -> int:
        """The month whose customers arrive last."""
        return self.months - 4

    def first_day(self, month: int) -> date:
        """Month 0 is the oldest."""
        number = self.end.year * 12 + self.end.month - self.months + month
        return date(number // 12, number % 12 + 1, 1)

    def last_day(self, month: int) -> date:
        """The last day of a month."""
        return self.first_day(month + 1) - timedelta(days=1)


@dataclass(frozen=True)
class Arrival:
    """One load to be made: its contract columns as SQL over `customer`, in the order of its records."""

    source: str
    name: str
    day: date
    sql: str
    first_id: int | None = None


# `draw(n, k)` is the k-th chance of customer n, one of a million equally likely whole numbers.
_DRAW = "CREATE MACRO draw(n, k) AS CAST(hash(n, k, {seed}) % 1000000 AS BIGINT)"
_CUSTOMER = """
CREATE TABLE customer AS
SELECT
  CAST(n AS BIGINT) AS n,
  CAST(100001 + n AS BIGINT) AS customer_id,
  CAST(1 + floor(ln((draw(n, 1) + 1) / 1000001.0) / ln(0.992)) AS INTEGER) AS left_in,
  CAST(1 + floor(ln((draw(n, 2) + 1) / 1000001.0) / ln(0.993)) AS INTEGER) AS moved_in,
  CAST(1 + draw(n, 3) % 160 AS INTEGER) AS told_in,
  CASE WHEN draw(n, 4) < 220000 THEN 0 ELSE CAST(draw(n, 5) % 62 AS INTEGER) END AS second_from,
  CAST(draw(n, 6) % 5 AS INTEGER) AS product,
  CAST(draw(n, 7) % 6 AS INTEGER) AS geography,
  CAST(18 + draw(n, 8) % 68 AS BIGINT) AS age,
  CAST(draw(n, 9) % 240 AS BIGINT) AS tenure_months,
  CAST(300 + draw(n, 10) * draw(n, 11) // 20000000 AS BIGINT) AS wealth
FROM range({customers}) AS t(n)
"""
_PRODUCTS = "['Savings', 'Current', 'Credit Card', 'Personal Loan', 'Fixed Deposit']"
_PLACES = "['Egypt', 'Saudi Arabia', 'UAE', 'Kuwait', 'Qatar', 'Bahrain']"

_CUSTOMERS = """
SELECT customer_id, 'First' || CAST(n % 5000 AS VARCHAR) AS first_name,
  'Last' || CAST(n % 70000 AS VARCHAR) AS last_name, age,
  CASE WHEN draw(n, 12) < 470000 THEN 'Female' ELSE 'Male' END AS gender,
  {places}[1 + (geography + CASE WHEN moved_in <= {month} THEN 1 ELSE 0 END) % 6] AS geography,
  left_in > {month} AS is_active, tenure_months + {month} AS tenure_months,
  DATE '2023-10-01' - CAST(30 * tenure_months AS INTEGER) AS date_opened
FROM customer WHERE {month} = 0 OR {month} IN (left_in, moved_in, told_in) ORDER BY customer_id
"""
_DAY = "CAST(DATE '{first}' + CAST(draw(n, {salt} + slot) % {days} AS INTEGER) AS DATE)"
_EVENT_SQL = {
    "usage": """
SELECT customer_id, {products}[1 + (product + slot) % 5] AS product_type,
  CAST((wealth * (80 + draw(n, 500 + {month} + slot * 40) % 41) + draw(n, 600 + {month}) % 100) / 100 AS DECIMAL(18,2))
    AS monthly_balance,
  CAST(CASE WHEN second_from <= {month} THEN 2 ELSE 1 END AS BIGINT) AS num_products,
  {day} AS usage_date
FROM customer, (VALUES (0), (1)) AS p(slot)
WHERE left_in > {month} AND (slot = 0 OR second_from <= {month}) ORDER BY usage_date, hash(n, slot)
""",
    "transactions": """
SELECT customer_id, CAST({day} AS TIMESTAMP) + to_seconds(CAST(draw(n, {salt} + 9 + slot) % 86400 AS BIGINT))
    AS transaction_at,
  CAST(CAST(100 + draw(n, {salt} + 19 + slot) % 90000 AS DECIMAL(18,0)) * 0.01 AS DECIMAL(18,2)) AS amount,
  ['purchase', 'purchase', 'purchase', 'transfer', 'refund', 'fee', 'interest'][1 + draw(n, {salt} + 29 + slot) % 7]
    AS kind,
  ['branch', 'web', 'app', 'atm'][1 + draw(n, {salt} + 39 + slot) % 4] AS channel,
  {products}[1 + product] AS product_type
FROM customer, (VALUES (0), (1), (2)) AS p(slot)
WHERE left_in > {month} AND draw(n, {salt} + 49) < [505000, 225000, 92000][1 + slot]
ORDER BY transaction_at, hash(n, slot)
""",
    "tickets": """
SELECT customer_id, ['Billing', 'Card', 'Login', 'Loan', 'Fees'][1 + draw(n, {salt} + 9) % 5] AS issue_type,
  ['Low', 'Low', 'Medium', 'High'][1 + draw(n, {salt} + 19) % 4] AS severity,
  CASE WHEN draw(n, {salt} + 29) < 850000
    THEN CAST(CAST(50 + draw(n, {salt} + 39) % 9000 AS DECIMAL(18,0)) * 0.01 AS DECIMAL(10,2)) END
    AS resolution_time_hrs,
  CAST({day} AS TIMESTAMP) + to_seconds(CAST(draw(n, {salt} + 49) % 86400 AS BIGINT)) AS opened_at
FROM customer, (VALUES (0)) AS p(slot) WHERE left_in > {month} AND draw(n, {salt} + 59) < 46000
ORDER BY opened_at, hash(n)
""",
    "offers": """
SELECT customer_id,
  ['Cashback', 'Credit Card', 'Savings Account', 'Insurance', 'Personal Loan'][1 + draw(n, {salt} + 9) % 5]
    AS offer_type,
  draw(n, {salt} + 19) < 300000 AS accepted, {day} AS date_offered
FROM customer, (VALUES (0)) AS p(slot) WHERE left_in > {month} AND draw(n, {salt} + 29) < 46000
ORDER BY date_offered, hash(n)
""",
}


class Teller:
    """Makes loads of one project: the bank's customers in DuckDB, the contracts, the raw zone."""

    def __init__(self, project: Project, bank: ScaleBank) -> None:
        self.project = project
        self.bank = bank
        self.contracts: dict[str, Contract] = {c.source: c for c in read_contracts(project.sources)}
        self.zone: RawZone = raw_zone(project)
        self.run_id = new_run_id()
        self.next_id: dict[str, int] = dict.fromkeys(EVENTS, 1)
        for load in self.zone.state.loads():
            if load.source in EVENTS:
                self.next_id[load.source] += load.loaded
        self.duck = duckdb.connect()
        self.duck.execute("SET memory_limit = '2GB'")
        self.duck.execute(f"SET temp_directory = '{project.scratch / 'bank'}'")
        self.duck.execute(_DRAW.format(seed=bank.seed))
        self.duck.execute(_CUSTOMER.format(customers=bank.customers))

    def close(self) -> None:
        """Give the memory back."""
        self.duck.close()

    def take(self, arrival: Arrival) -> LoadRecord:
        """Write and commit one load."""
        contract = self.contracts[arrival.source]
        schema = load_schema(contract)
        ticket = self.zone.begin(contract.source)
        origin: dict[str, object] = {
            "_source": contract.source,
            "_load_id": ticket.load_id,
            "_effective": arrival.day,
            "_business_date": arrival.day,
            "_recorded_at": ticket.recorded_at,
            "_deleted": False,
        }
        with pq.ParquetWriter(ticket.folder / QUARANTINE, QUARANTINE_SCHEMA, compression="zstd"):
            pass
        rows = 0
        with pq.ParquetWriter(ticket.folder / DATA, schema, compression="zstd") as data:
            for batch in self.duck.sql(arrival.sql).to_arrow_reader(_BLOCK_ROWS):
                columns: dict[str, pa.Array[Any]] = dict(zip(batch.schema.names, batch.columns, strict=True))
                columns["_row"] = pa.array(np.arange(rows + 1, rows + 1 + len(batch), dtype=np.int64))
                if arrival.first_id is not None:
                    first = arrival.first_id + rows
                    columns[contract.key[0]] = pa.array(np.arange(first, first + len(batch), dtype=np.int64))
                data.write_table(_filled(columns, origin, schema, len(batch)))
                rows += len(batch)
        record = LoadRecord(
            sequence=ticket.sequence,
            load_id=ticket.load_id,
            source=contract.source,
            entity=contract.entity,
            delivery=f"landing/{arrival.name}",
            sha256=sha256_file(ticket.folder / DATA),
            contract_version=contract.version,
            business_date=arrival.day,
            recorded_at=ticket.recorded_at,
            run_id=self.run_id,
            records_in=rows,
            loaded=rows,
            quarantined=0,
            duplicates=0,
            manifest_sha256="",
        )
        types = {name: column.type for name, column in contract.columns.items()}
        manifest = LoadManifest(record, types, contract.key, contract.keyless, {}, {})
        return self.zone.commit(ticket, manifest, arrival.name)

    def take_new(self, source: str, name: str, day: date, sql: str) -> LoadRecord:
        """A load whose records get the next ids of their source."""
        load = self.take(Arrival(source, name, day, sql, self.next_id[source]))
        self.next_id[source] += load.loaded
        return load


def _filled(columns: dict[str, Any], origin: dict[str, object], schema: pa.Schema, rows: int) -> pa.Table:
    """The columns of a load, those that say where its records came from included."""
    for name in schema.names:
        if name not in columns:
            constant = pa.array([origin[name]], schema.field(name).type)
            columns[name] = constant.take(pa.array([0] * rows, pa.int32()))
    return pa.table({name: columns[name] for name in schema.names}).cast(schema)


def event_sql(bank: ScaleBank, source: str, month: int, salt: int = 0) -> str:
    """All events of one source in one month; another `salt` draws other ones."""
    first = bank.first_day(month)
    salt += 10_000 * (1 + EVENTS.index(source)) + 100 * month
    day = _DAY.format(first=first, days=bank.last_day(month).day, salt=salt)
    return _EVENT_SQL[source].format(products=_PRODUCTS, month=month, day=day, salt=salt)


def customer_load(teller: Teller, month: int) -> LoadRecord:
    """The customers who changed in a month, all of them in the first."""
    sql = _CUSTOMERS.format(places=_PLACES, month=month)
    first = teller.bank.first_day(month)
    return teller.take(Arrival("customers", f"customers_{first:%Y-%m}.csv", teller.bank.last_day(month), sql))


def make_bank(root: Path, bank: ScaleBank) -> Project:
    """A project with all its loads, but nothing built."""
    cost_of(tenure("init", root))
    project = open_project(root)
    with writer_lock(project):
        teller = Teller(project, bank)
        for month in range(bank.months):
            if month != bank.late_month:
                customer_load(teller, month)
            for source in EVENTS:
                name = f"{source}_{bank.first_day(month):%Y-%m}.csv"
                teller.take_new(source, name, bank.last_day(month), event_sql(bank, source, month))
        teller.close()
    return project
