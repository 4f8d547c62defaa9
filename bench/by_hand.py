"""Writes what a person would type: a script that runs the models' SQL in DuckDB over a project's loads."""

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
from tenure.warehouse.graph import ordered, references  # noqa: E402
from tenure.warehouse.inputs import INPUTS, project_types, raw_loads, register_inputs  # noqa: E402
from tenure.warehouse.models import read_models  # noqa: E402

_SCRIPT = """
import json, pathlib, duckdb
connection = duckdb.connect()
connection.execute("SET memory_limit = '4GB'")
connection.execute("SET preserve_insertion_order = false")
for statement in json.loads(pathlib.Path({statements!r}).read_text()):
    connection.execute(statement).fetchall()
"""


class _Typist:
    """Stands where an engine stands and writes down the statements instead of running them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.statements: list[str] = []

    def register(self, name: str, table: pa.Table) -> None:
        pq.write_table(table, self.folder / f"{name}.input.parquet")
        self.view_of_files(name, [self.folder / f"{name}.input.parquet"])

    def view_of_files(self, name: str, files: Sequence[Path]) -> None:
        paths = ", ".join(f"'{file}'" for file in files)
        self.view(name, f"SELECT * FROM read_parquet([{paths}])")

    def view(self, name: str, sql: str) -> None:
        self.statements.append(f"CREATE VIEW {name} AS {sql}")


def write_script(project: Project, business_date: date, folder: Path) -> Path:
    """A Python script that needs duckdb and nothing else, and leaves one Parquet file a model in `folder`."""
    folder.mkdir()
    typist: Any = _Typist(folder)
    loads = raw_loads(raw_zone(project))
    types = project_types(loads)
    register_inputs(typist, loads, types, project.settings, business_date)
    models = read_models(types)
    for model in ordered(models, {model.name: references(model) for model in models}, INPUTS):
        target = folder / f"{model.name}.parquet"
        typist.statements.append(f"COPY ({model.sql}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)")
        typist.view_of_files(model.name, [target])
    statements = folder / "statements.json"
    statements.write_text(json.dumps([*DUCKDB_SHIMS, *typist.statements]))
    script = folder / "by_hand.py"
    script.write_text(_SCRIPT.format(statements=str(statements)))
    return script
