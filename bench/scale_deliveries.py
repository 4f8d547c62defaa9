"""What arrives at the bank of `scale_bank.py` after its first build: few events, or one late month of customers."""

import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.scale_bank import EVENTS, Arrival, ScaleBank, Teller, customer_load, event_sql  # noqa: E402 - the path comes first

from tenure.core.lock import writer_lock  # noqa: E402
from tenure.core.settings import Project  # noqa: E402
from tenure.raw.zone import DATA  # noqa: E402

INCREMENT = {"usage": 6_000, "transactions": 3_600, "tickets": 200, "offers": 200}
"""10,000 events in about the proportions of the bank."""
CORRECTIONS = {"usage": 60, "transactions": 36, "tickets": 2, "offers": 2}
"""How many of them are of ids that were delivered before."""


def add_events(project: Project, bank: ScaleBank, months: list[int], name: str) -> int:
    """Deliver 10,000 events, one load a source; returns their number.

    9,900 are new and lie in the `months`, evenly; 100 correct events of the last quarter that were delivered before.
    """
    delivered = 0
    with writer_lock(project):
        teller = Teller(project, bank)
        salt = 1_000_000 + 1_000_000 * len(months)
        for source in EVENTS:
            key = teller.contracts[source].key[0]
            new = INCREMENT[source] - CORRECTIONS[source]
            picked = f"ORDER BY hash(customer_id, {salt}) LIMIT"
            some = " UNION ALL ".join(
                f"(SELECT * FROM ({event_sql(bank, source, month, salt)}) {picked} {share})"
                for month, share in _shares(months, new)
            )
            first = teller.next_id[source]
            names = [column for column in teller.contracts[source].columns if column != key]
            fresh = f"SELECT {first} + row_number() OVER () - 1 AS {key}, {', '.join(names)} FROM ({some})"
            corrected = _corrected(teller, source, key, names, CORRECTIONS[source])
            sql = f"{fresh} UNION ALL {corrected}"
            delivered += teller.take(Arrival(source, f"{source}_{name}.csv", bank.end, sql)).loaded
        teller.close()
    return delivered


def _shares(months: list[int], rows: int) -> Iterator[tuple[int, int]]:
    for place, month in enumerate(months):
        yield month, rows * (place + 1) // len(months) - rows * place // len(months)


def add_recent(project: Project, bank: ScaleBank) -> int:
    """10,000 events of the two newest months, 100 of them corrections."""
    return add_events(project, bank, [bank.months - 2, bank.months - 1], "recent")


def add_spread(project: Project, bank: ScaleBank) -> int:
    """The worst case: as many events over all months."""
    return add_events(project, bank, list(range(bank.months)), "spread")


def late_customers(project: Project, bank: ScaleBank) -> int:
    """The customers of the month that was held back."""
    with writer_lock(project):
        teller = Teller(project, bank)
        load = customer_load(teller, bank.late_month)
        teller.close()
    return load.loaded


_CHANGED = {
    "usage": "monthly_balance + 1 AS monthly_balance",
    "transactions": "amount + 1 AS amount",
    "tickets": "CAST(COALESCE(resolution_time_hrs, 0) + 1 AS DECIMAL(10,2)) AS resolution_time_hrs",
    "offers": "NOT accepted AS accepted",
}


def _corrected(teller: Teller, source: str, key: str, names: list[str], rows: int) -> str:
    """Events of the last quarter with another value under the same id."""
    bank = teller.bank
    since = bank.first_day(bank.months - 3)
    files = [
        f"'{teller.zone.path(load) / DATA}'"
        for load in teller.zone.state.loads(source)
        if load.business_date >= since and "_20" in load.delivery  # a month of the bank, not a later delivery
    ]
    before = f"SELECT * REPLACE ({_CHANGED[source]}) FROM read_parquet([{', '.join(files)}])"
    return f"(SELECT {key}, {', '.join(names)} FROM ({before}) ORDER BY hash({key}) LIMIT {rows})"


DELIVERIES = {"recent": add_recent, "spread": add_spread, "late": late_customers}
