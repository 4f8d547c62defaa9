"""What it costs to read CSV and NDJSON through the guards, against DuckDB's own readers without a guard.

Both end in Arrow tables, in the same process, turn by turn; the least CPU time of each counts. DuckDB gets the columns
and sniffs nothing. The files are made here: bookings, one broken in a thousand or none. The whole way too, from the
file to a committed load, against DuckDB's COPY of it, typed, into Parquet; each a process of its own, from its start.
Prints one JSON object a claim.
"""

import argparse
import random
import resource
import subprocess
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
import yaml  # noqa: E402
from bench.child import Cost, claim, cost_of, tenure  # noqa: E402

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


SQL_TYPES = {"integer": "BIGINT", "decimal(18,2)": "DECIMAL(18,2)", "timestamp": "TIMESTAMP", "string": "VARCHAR"}
TYPED_CSV = READ_CSV.replace(
    ", ".join(map(_csv_type, COLUMNS)), ", ".join(f"'{name}': '{SQL_TYPES[kind]}'" for name, kind in COLUMNS.items())
)
TO_PARQUET = "COPY ({select}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)"


def whole_way(case: Case, path: Path, folder: Path) -> Cost:
    """From a file to a committed load, by the command, in a project of its own."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        project = Path(name) / "project"
        subprocess.run([sys.executable, "-m", "tenure", "init", project], check=True, capture_output=True)
        for example in (project / "sources").glob("*.yml"):
            example.unlink()
        terms = {**terms_of(case), "path": str(path)}
        (project / "sources" / "bench.yml").write_text(yaml.safe_dump(terms, sort_keys=False))
        return cost_of(tenure("ingest", "--project", project))


def copied(case: Case, path: Path, folder: Path) -> Cost:
    """DuckDB's way from the file to Parquet."""
    select = (TYPED_CSV if case.suffix == "csv" else case.plain).format(path=path)
    words = TO_PARQUET.format(select=select, target=folder / "copy.parquet")
    return cost_of([sys.executable, "-c", f"import duckdb; duckdb.sql({words!r})"])


def terms_of(case: Case) -> dict[str, object]:
    """The contract of the files."""
    return {
        "source": "bench",
        "entity": "transactions",
        "kind": "csv" if case.suffix == "csv" else "ndjson",
        "path": "bookings",
        "key": ["transaction_id"],
        "columns": {name: {"type": kind} for name, kind in COLUMNS.items()},
    }


def guarded(case: Case, path: Path, records: int) -> float:
    """CPU seconds to read a file through its guard, block after block; the account must balance."""
    contract = Contract.model_validate(terms_of(case))
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


def measure_whole_way(case: Case, folder: Path, megabytes: int, turns: int) -> None:
    """The claims from a file to a committed load."""
    clean, broken, _ = write_files(case, folder, megabytes << 20)
    ways = [
        [copied(case, clean, folder), *(whole_way(case, path, folder) for path in (clean, broken))]
        for _ in range(turns)
    ]
    plain, sound, damaged = (min(turn[place].cpu_seconds for turn in ways) for place in range(3))
    targets = (1.8, 1.8) if case.suffix == "csv" else case.targets
    claim(f"{case.name}, file to load: CPU against DuckDB's COPY", sound / plain, "x", targets[0])
    claim(f"{case.name} with 0.1 % bad, file to load: the same", damaged / plain, "x", targets[1])
    most = max(cost.peak_megabytes for turn in ways for cost in turn[1:])
    claim(f"{case.name}, file to load: peak memory", most, "MB", 500)


def measure_guard(case: Case, folder: Path, megabytes: int, turns: int, connection: duckdb.DuckDBPyConnection) -> None:
    """The claims of a guard alone, within this process."""
    clean, broken, records = write_files(case, folder, megabytes << 20)
    for path in (clean, broken):  # the first turn warms up
        guarded(case, path, records)
    if case is CASES[0]:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        claim(f"{case.name} guard: peak memory", peak, "MB", 400)
    measured = [
        (unguarded(case, clean, connection), guarded(case, clean, records), guarded(case, broken, records))
        for _ in range(turns)
    ]
    plain, sound, damaged = (min(turn[place] for turn in measured) for place in range(3))
    claim(f"{case.name} guard: CPU against DuckDB's reader", sound / plain, "x", case.targets[0])
    claim(f"{case.name} guard with 0.1 % bad: CPU against DuckDB's reader", damaged / plain, "x", case.targets[1])
    claim(f"{case.name} guard: CPU a 100 MB", sound / megabytes * 100, "s")


def main() -> None:
    """Measure every case; the whole way first, because a child's peak of memory begins with its parent's."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=200, help="size of each file")
    parser.add_argument("--turns", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        for case in CASES:
            measure_whole_way(case, Path(name), given.megabytes, given.turns)
        connection = duckdb.connect()
        for case in CASES:
            measure_guard(case, Path(name), given.megabytes, given.turns, connection)


if __name__ == "__main__":
    main()
