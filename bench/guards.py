"""What it costs to read CSV and NDJSON through the guards, against DuckDB's own readers without a guard.

Both end in Arrow tables, in the same process, turn by turn; the least CPU time of each counts. DuckDB gets the columns
and sniffs nothing. The files are made here: bookings, one broken in a thousand or none. Prints one JSON object a claim.
"""

import argparse
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))


class _NoPandas(MetaPathFinder):
    """pyarrow loads pandas wherever it finds it; Tenure does not need it, and a plain installation has none."""

    def find_spec(self, fullname: str, *_: object) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError(name=fullname)


sys.meta_path.insert(0, _NoPandas())

import duckdb  # noqa: E402 - the path and the finder come first
from bench.child import claim  # noqa: E402

from tenure.contracts.model import Contract  # noqa: E402
from tenure.sources.csv_guard import csv_blocks  # noqa: E402
from tenure.sources.json_guard import json_blocks  # noqa: E402
from tenure.sources.records import Block  # noqa: E402

COLUMNS = {
    "transaction_id": "integer",
    "customer_id": "integer",
    "transaction_at": "timestamp",
    "amount": "decimal(18,2)",
    "product_type": "string",
    "kind": "string",
    "channel": "string",
    "currency": "string",
    "num_products": "integer",
    "note": "string",
}
DUCKDB_TYPES = {"integer": "BIGINT", "decimal(18,2)": "DECIMAL(18,2)"}
PRODUCTS = ("Savings", "Current", "Credit Card", "Personal Loan", "Fixed Deposit")
BAD_SHARE = 0.001
Guard = Callable[[Path, Contract], Iterator[Block]]


@dataclass(frozen=True)
class Case:
    """A kind of file: how a booking is written, how it is broken, and what reads it."""

    name: str
    suffix: str
    header: str
    write: Callable[[tuple[object, ...]], str]
    breaks: tuple[Callable[[str], str], ...]
    guard: Guard
    plain: str
    targets: tuple[float, float]


def _csv_type(column: str) -> str:
    return f"'{column}': 'VARCHAR'"


def _json_type(column: str) -> str:
    return f"'{column}': '{DUCKDB_TYPES.get(COLUMNS[column], 'VARCHAR')}'"


READ_CSV = (
    "SELECT * FROM read_csv('{path}', header = true, auto_detect = false, delim = ',', quote = '\"', escape = '\"', "
    f"columns = {{{{{', '.join(map(_csv_type, COLUMNS))}}}}})"
)
READ_JSON = (
    "SELECT * FROM read_json('{path}', format = 'newline_delimited', "
    f"columns = {{{{{', '.join(map(_json_type, COLUMNS))}}}}})"
)
BREAK_CSV = (
    lambda line: line + ",9",
    lambda line: line[:20],
    lambda line: line.replace(",20", ',"20', 1),
    lambda line: line.replace("e", '"e', 1),
)
BREAK_JSON = (
    lambda line: line[:-1],
    lambda line: line[:40],
    lambda line: line.replace('"amount": ', '"amount": x'),
    lambda line: line.replace('"amount": ', '"amount": "n/a", "unknown": '),
    lambda line: line.replace('"num_products": ', '"num_products": 1.'),
)


def _as_json(booking: tuple[object, ...]) -> str:
    fields = (
        f'"{name}": {value}' if kind in DUCKDB_TYPES else f'"{name}": "{value}"'
        for (name, kind), value in zip(COLUMNS.items(), booking, strict=True)
    )
    return "{" + ", ".join(fields) + "}"


def _quoted_csv(booking: tuple[object, ...]) -> str:
    *front, product, kind, channel, currency, number, note = booking
    return ",".join(map(str, front)) + f',"{product}",{kind},{channel},{currency},{number},"{note}, etc."'


HEADER = ",".join(COLUMNS) + "\n"
CASES = (
    Case(
        "CSV", "csv", HEADER, lambda booking: ",".join(map(str, booking)), BREAK_CSV, csv_blocks, READ_CSV, (1.2, 1.2)
    ),
    Case("CSV with quotes", "csv", HEADER, _quoted_csv, BREAK_CSV, csv_blocks, READ_CSV, (1.2, 1.2)),
    Case("NDJSON", "json", "", _as_json, BREAK_JSON, json_blocks, READ_JSON, (2.0, 3.0)),
)


def bookings() -> Iterator[tuple[object, ...]]:
    """Bookings without end, the same ones every time."""
    chance = random.Random(7)  # noqa: S311 - bookings, not secrets
    number = 1_000_000
    while True:
        number += 1
        day, second = chance.randrange(336), chance.randrange(86_400)
        yield (
            number,
            chance.randrange(1, 200_000),
            f"2025-{day // 28 + 1:02}-{day % 28 + 1:02}T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}",
            f"{chance.randrange(1, 10_000_000) / 100:.2f}",
            chance.choice(PRODUCTS),
            chance.choice(("purchase", "refund", "fee", "transfer")),
            chance.choice(("branch", "web", "app", "atm")),
            chance.choice(("EUR", "USD")),
            chance.randrange(10),
            "lorem ipsum dolor"[: chance.randrange(3, 17)],
        )


def write_files(case: Case, folder: Path, size: int) -> tuple[Path, Path, int]:
    """A sound file of about `size` bytes, the same with broken records, and the number of records in each."""
    clean, broken = folder / f"clean.{case.suffix}", folder / f"broken.{case.suffix}"
    chance = random.Random(11)  # noqa: S311 - damage, not secrets
    written = records = 0
    with clean.open("w", newline="") as sound, broken.open("w", newline="") as damaged:
        sound.write(case.header)
        damaged.write(case.header)
        for booking in bookings():
            line = case.write(booking)
            sound.write(f"{line}\n")
            damaged.write(f"{chance.choice(case.breaks)(line) if chance.random() < BAD_SHARE else line}\n")
            written += len(line) + 1
            records += 1
            if written >= size:
                return clean, broken, records
    raise SystemExit("bookings never end")


def guarded(case: Case, path: Path, records: int) -> float:
    """CPU seconds to read a file through its guard, block after block; the account must balance."""
    contract = Contract.model_validate(
        {
            "source": "bench",
            "entity": "transactions",
            "kind": "csv" if case.suffix == "csv" else "ndjson",
            "path": "bookings",
            "key": ["transaction_id"],
            "columns": {name: {"type": kind} for name, kind in COLUMNS.items()},
        }
    )
    started = time.process_time()
    counted = sum(block.table.num_rows + len(block.rejects) for block in case.guard(path, contract))
    used = time.process_time() - started
    if counted != records:
        raise SystemExit(f"{case.name}: {records} records were written and {counted} accounted for")
    return used


def unguarded(case: Case, path: Path, connection: duckdb.DuckDBPyConnection) -> float:
    """CPU seconds of DuckDB's own reader."""
    started = time.process_time()
    connection.sql(case.plain.format(path=path)).to_arrow_table()
    return time.process_time() - started


def main() -> None:
    """Measure every case; the guards come first, so that the peak of memory is theirs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=200, help="size of each file")
    parser.add_argument("--turns", type=int, default=3)
    given = parser.parse_args()
    connection = duckdb.connect()
    with tempfile.TemporaryDirectory() as name:
        for number, case in enumerate(CASES):
            clean, broken, records = write_files(case, Path(name), given.megabytes << 20)
            for path in (clean, broken):  # the first turn warms up
                guarded(case, path, records)
            if number == 0:
                peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
                claim(f"{case.name} guard: peak memory", peak, "MB", 400)
            turns = [
                (unguarded(case, clean, connection), guarded(case, clean, records), guarded(case, broken, records))
                for _ in range(given.turns)
            ]
            plain, sound, damaged = (min(turn[place] for turn in turns) for place in range(3))
            claim(f"{case.name} guard: CPU against DuckDB's reader", sound / plain, "x", case.targets[0])
            claim(
                f"{case.name} guard with 0.1 % bad: CPU against DuckDB's reader", damaged / plain, "x", case.targets[1]
            )
            claim(f"{case.name} guard: CPU a 100 MB", sound / given.megabytes * 100, "s")


if __name__ == "__main__":
    main()
