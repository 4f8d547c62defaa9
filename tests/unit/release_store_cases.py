"""Small releases straight through the store: two tables that hold the release's own number."""

from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tenure.core.durable import sha256_file
from tenure.warehouse.manifest import Part, ReleaseManifest, Table
from tenure.warehouse.store import ReleaseStore

TABLES = ("left", "right")


def write_table(folder: Path, name: str, number: int, compression: str = "zstd") -> Table:
    """One table of one part, whose rows all are `number`."""
    file = f"{name}/all.{number:06d}.parquet"
    path = folder / file
    path.parent.mkdir(exist_ok=True)
    pq.write_table(pa.table({"number": [number] * 100}), path, compression=compression)
    part = Part(file, sha256_file(path), path.stat().st_size, "all", 100, str(number))
    return Table(name, "marts", "full", "definition", 100, f"{name} {number}", (), (part,))


def manifest_with(number: int, tables: tuple[Table, ...]) -> ReleaseManifest:
    return ReleaseManifest(
        sequence=number,
        run_id=f"run {number}",
        created_at=datetime(2025, 10, 2),
        business_date=date(2025, 10, 2),
        engine="duckdb",
        tenure_version="0",
        currency="USD",
        settings={},
        loads={},
        inputs={},
        checks=(),
        tables=tables,
        views=(),
    )


def publish(store: ReleaseStore) -> str:
    """The next release."""
    number = store.next_sequence()
    folder = store.begin()
    tables = tuple(write_table(folder, name, number) for name in TABLES)
    return store.publish(folder, manifest_with(number, tables))


def replaced(store: ReleaseStore, damaged: str) -> str:
    """A repair of a release whose parts come out with other bytes."""
    manifest = store.manifest(damaged)
    folder = store.begin()
    tables = tuple(write_table(folder, name, manifest.sequence, "none") for name in TABLES)
    return store.replace(damaged, folder, manifest_with(manifest.sequence, tables))


def numbers(folder: Path) -> set[int]:
    """Every number that the tables of a release hold: one, or the release is a mixture."""
    files = [file for name in TABLES for file in (folder / name).glob("*.parquet")]
    assert len(files) == len(TABLES)
    return {value for file in files for value in pq.read_table(file)["number"].to_pylist()}
