"""What a person would type instead of Tenure: the models' own SQL, run in their order over a project's loads.

`write_script` writes it down for DuckDB, `run_in_spark` has Spark run it. Either way views stay views and each table
becomes one Parquet file, or one a month where Tenure lays it out by month: no hashes, no checks, no release.
"""

import json
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tenure.core.settings import Project  # noqa: E402 - the path comes first
from tenure.engine.shims import DUCKDB_SHIMS  # noqa: E402
from tenure.pipeline import raw_zone  # noqa: E402
from tenure.warehouse.models import Model  # noqa: E402
from tenure.warehouse.runner import BuildRequest, plan  # noqa: E402

_SCRIPT = """
import json, pathlib, duckdb
connection = duckdb.connect()
connection.execute("SET memory_limit = '4GB'")
connection.execute("SET threads = 2")
connection.execute("SET temp_directory = '{spill}'")
connection.execute("SET preserve_insertion_order = false")
for statement in json.loads(pathlib.Path({statements!r}).read_text()):
    connection.execute(statement).fetchall()
"""


class _Typist:
    """Stands where an engine stands and writes down the statements instead of running them."""

    name = "by hand"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.statements: list[str] = []

    def register(self, name: str, table: pa.Table) -> None:
        pq.write_table(table, self.folder / f"{name}.input.parquet")
        self.view_of_files(name, [self.folder / f"{name}.input.parquet"])

    def view_of_files(self, name: str, files: Sequence[Path]) -> None:
        paths = ", ".join(f"'{file}'" for file in files)
        self.view(name, f"SELECT * FROM read_parquet([{paths}], hive_partitioning = false)")

    def view(self, name: str, sql: str) -> None:
        self.statements.append(f"CREATE VIEW {name} AS {sql}")


def write_script(project: Project, business_date: date, folder: Path, *, by_month: bool = False) -> Path:
    """A Python script that needs duckdb and nothing else, and leaves its tables in `folder`.

    One Parquet file a table or, `by_month`, one a month where the model has a partition.
    """
    folder.mkdir()
    typist: Any = _Typist(folder)
    for model in _models(project, typist, business_date):
        if model.kind == "view":
            typist.view(model.name, model.sql)
            continue
        target, files = folder / f"{model.name}.parquet", folder / f"{model.name}.parquet"
        copied, options = model.sql, "FORMAT parquet, COMPRESSION snappy"
        if by_month and model.description.partition:
            month = f"CAST(date_trunc('month', \"{model.description.partition}\") AS DATE) AS _month"
            copied, options = f"SELECT *, {month} FROM ({model.sql}) AS made", f"{options}, PARTITION_BY (_month)"
            files = target / "*" / "*.parquet"
        typist.statements.append(f"COPY ({copied}) TO '{target}' ({options})")
        typist.view_of_files(model.name, [files])
    statements = folder / "statements.json"
    statements.write_text(json.dumps([*DUCKDB_SHIMS, *typist.statements]))
    script = folder / "by_hand.py"
    script.write_text(_SCRIPT.format(statements=str(statements), spill=folder / "spill"))
    return script


def _models(project: Project, engine: Any, business_date: date) -> tuple[Model, ...]:
    """The models in their order; what they read besides each other is made visible to the engine."""
    return plan(project, raw_zone(project), engine, BuildRequest("by hand", business_date, full=True)).order


def run_in_spark(project: Project, business_date: date, folder: Path) -> None:
    """The same SQL in a local Spark with two threads, written by Spark's own parallel writer."""
    from tenure.engine.spark import SparkEngine

    engine = SparkEngine(folder, memory="4GB", threads=2)
    try:
        for model in _models(project, engine, business_date):
            if model.kind == "view":
                engine.view(model.name, model.sql)
                continue
            target = folder / f"{model.name}.parquet"
            session = engine._session  # noqa: SLF001 - its own `write` makes one file, which costs Spark its second core
            session.sql(model.sql).write.parquet(str(target))
            engine.view_of_files(model.name, [target])
    finally:
        engine.close()
