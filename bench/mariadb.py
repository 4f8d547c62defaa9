"""Reading a table of MariaDB into Parquet, measured against the server's own client in the same run.

Starts a server of its own on loopback. CPU seconds are those of the reading side: all its processes, from their
start to their end. Prints one JSON object for each claim.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.child import Cost, cost_of  # noqa: E402 - the path comes first

from tests.integration.mariadb_server import HOST, MariaDBServer, running_server  # noqa: E402 - the path comes first

CUSTOMERS = {
    "customer_id": "integer",
    "first_name": "string",
    "last_name": "string",
    "age": "integer",
    "gender": "string",
    "geography": "string",
    "is_active": "boolean",
    "tenure_months": "integer",
    "date_opened": "date",
}
WITH_MONEY = {**CUSTOMERS, "balance": "decimal(18,2)", "paid_in": "decimal(18,2)"}
TABLES = {"customers": CUSTOMERS, "customers_with_money": WITH_MONEY, "twenty": CUSTOMERS}

FILL = """
INSERT INTO {table}
SELECT seq, CONCAT('First', seq % 5000), CONCAT('Last', seq % 70000), 18 + seq % 70, IF(seq % 2, 'Male', 'Female'),
  ELT(1 + seq % 6, 'Egypt', 'UAE', 'Saudi Arabia', 'Qatar', 'Kuwait', 'Bahrain'), seq % 3 > 0, seq % 240,
  '2000-01-01' + INTERVAL seq % 9000 DAY{more}
FROM seq_1_to_{rows}
"""


def read_into_parquet(url: str, table: str, target: Path) -> None:
    """What is measured: every block of the table, written as the raw zone writes it."""
    from tenure.contracts.model import Contract
    from tenure.sources.data_file import DataFile
    from tenure.sources.mariadb import table_blocks

    contract = Contract.model_validate(
        {
            "source": "bench",
            "entity": "customers",
            "kind": "mariadb",
            "url": url,
            "table": table,
            "key": ["customer_id"],
            "columns": {name: {"type": type_} for name, type_ in TABLES[table].items()},
        }
    )
    file: DataFile | None = None
    for block in table_blocks(contract, environment=os.environ):
        file = file or DataFile(target, block.table.schema)
        file.write(block.table)
    if file:
        file.close()


def fill(server: MariaDBServer, rows: int) -> None:
    """Make the tables."""
    sizes = {"customers": rows, "customers_with_money": rows, "twenty": 20}
    for table, size in sizes.items():
        money = table == "customers_with_money"
        columns = ", balance DECIMAL(18,2), paid_in DECIMAL(18,2)" if money else ""
        more = ", (seq * 7919 % 100000000) / 100, -seq / 100" if money else ""
        server.execute(
            "CREATE TABLE " + table + " (customer_id INT PRIMARY KEY, first_name VARCHAR(50), last_name VARCHAR(50),"
            " age INT, gender VARCHAR(10), geography VARCHAR(50), is_active TINYINT(1), tenure_months INT,"
            f" date_opened DATE{columns})",
            FILL.format(table=table, more=more, rows=size),
            f"ANALYZE TABLE {table}",
        )


def measure(server: MariaDBServer, folder: Path, repeats: int) -> Iterator[tuple[str, float, str, float]]:
    """Claim, measured value, unit and target, each the best of several runs."""

    def ours(table: str) -> Cost:
        command = [sys.executable, str(Path(__file__)), "--read", server.url, table, str(folder / f"{table}.parquet")]
        runs = [cost_of(command, {"TENURE_BENCH_PASSWORD": server.password}) for _ in range(repeats)]
        return min(runs, key=lambda run: run.cpu_seconds)

    def client(table: str) -> Cost:
        login = [f"--host={HOST}", f"--port={server.port}", f"--user={server.user}"]
        command = ["mariadb", "--no-defaults", "--quick", *login, server.database, f"--execute=SELECT * FROM {table}"]
        runs = [cost_of(command, {"MYSQL_PWD": server.password}) for _ in range(repeats)]
        return min(runs, key=lambda run: run.cpu_seconds)

    for table, target in (("customers", 1.5), ("customers_with_money", 2.0)):
        floor, mine = client(table), ours(table)
        yield f"{table} to Parquet, CPU", mine.cpu_seconds, "s", 0
        yield f"{table} by `mariadb --quick`, CPU", floor.cpu_seconds, "s", 0
        yield (
            f"{table} to Parquet, CPU to that of `mariadb --quick`",
            mine.cpu_seconds / floor.cpu_seconds,
            "ratio",
            target,
        )
        yield f"{table} to Parquet, most memory of one process", mine.peak_megabytes, "MB", 400
    few = ours("twenty")
    yield "twenty rows to Parquet, cold process, CPU", few.cpu_seconds, "s", 0
    yield "twenty rows to Parquet, cold process", few.wall_seconds, "s", 1


def main() -> None:
    """Print the measurements; `--read` is the measured process itself."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=1_000_000, help="rows of the large tables")
    options.add_argument("--repeats", type=int, default=3, help="how often to run each; the best counts")
    options.add_argument("--read", nargs=3, metavar=("URL", "TABLE", "TARGET"), help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.read:
        url, table, target = chosen.read
        read_into_parquet(url, table, Path(target))
        return
    with running_server("--innodb-buffer-pool-size=512M") as server, tempfile.TemporaryDirectory() as folder:
        fill(server, chosen.rows)
        for claim, measured, unit, target in measure(server, Path(folder), chosen.repeats):
            result = {"claim": f"MariaDB, {chosen.rows:,} rows: {claim}", "measured": round(measured, 3), "unit": unit}
            if target:
                result |= {"target": target, "met": measured <= target}
            print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
