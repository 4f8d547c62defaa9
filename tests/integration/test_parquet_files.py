"""Parquet files through `tenure ingest`: what Sqoop wrote comes back as it was; folders are read rightly."""

import json
import shutil
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from tests.command import Command
from tests.shared_data import shared

SQOOP_DATE = {"type": "date", "format": "epoch_ms", "time_zone": "UTC"}
SQOOP_MOMENT = {"type": "timestamp", "format": "epoch_ms", "time_zone": "UTC"}


@pytest.fixture
def tenure(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(monkeypatch, capsys)


def ingested(tenure: Command, project: Path, columns: dict[str, Any], **words: Any) -> list[dict[str, Any]]:
    """What `tenure ingest --json` says of a project with this one source; every account balances."""
    contract = {
        "source": "parts",
        "entity": "none",
        "kind": "parquet",
        "path": "landing/parts",
        "columns": columns,
        **words,
    }
    for folder in ("sources", "landing"):
        (project / folder).mkdir(parents=True, exist_ok=True)
    (project / "tenure.toml").touch()
    (project / "sources" / "parts.yml").write_text(yaml.safe_dump(contract))
    loads = tenure("ingest", "--json", "--project", project).document["loads"]
    for load in loads:
        fates = ("loaded", "quarantined", "duplicates", "unchanged", "filtered")
        assert load["records_in"] == sum(load[fate] for fate in fates)
    return loads


def rows(project: Path, columns: dict[str, Any]) -> list[dict[str, Any]]:
    files = sorted((project / ".tenure" / "raw" / "parts").glob("*/data.parquet"))
    return [row for file in files for row in pq.read_table(file, columns=list(columns)).to_pylist()]


def footers(folder: Path) -> int:
    return sum(pq.read_metadata(file).num_rows for file in folder.glob("*.parquet"))


def test_a_table_that_sqoop_imported_is_the_table_that_it_read(tenure: Command, tmp_path: Path) -> None:
    shutil.copytree(shared("legacy/sqoop/imports/parquet20"), tmp_path / "landing" / "parts")
    whole = {name: {"type": "integer"} for name in ("customer_id", "age", "tenure_months")}
    texts = {name: {"type": "string"} for name in ("first_name", "last_name", "gender", "geography")}
    columns = {**whole, **texts, "is_active": {"type": "boolean"}, "date_opened": SQOOP_DATE}
    loads = ingested(tenure, tmp_path, columns, entity="customers", key=["customer_id"])
    assert [(load["status"], load["loaded"]) for load in loads] == [("loaded", footers(tmp_path / "landing" / "parts"))]
    given = pq.read_table(next((tmp_path / "landing" / "parts").glob("*.parquet"))).to_pylist()
    for row, written in zip(rows(tmp_path, columns), given, strict=True):
        opened = written.pop("date_opened")
        assert row.pop("date_opened") == (datetime(1970, 1, 1) + timedelta(milliseconds=opened)).date()
        assert row == written


def test_every_type_that_sqoop_writes_is_restored(tenure: Command, tmp_path: Path) -> None:
    shutil.copytree(shared("legacy/sqoop/imports/edge_pq"), tmp_path / "landing" / "parts")
    kinds = {
        "integer": ("id", "t", "tu", "si", "bi", "bu", "iu", "y"),
        "boolean": ("t1", "b"),
        "string": ("s", "tx", "e", "bl", "tm"),
        "number": ("f", "dbl"),
    }
    columns: dict[str, Any] = {name: {"type": kind} for kind, names in kinds.items() for name in names}
    columns |= {"d": {"type": "decimal(14,2)"}, "dt": SQOOP_DATE, "ts": SQOOP_MOMENT, "dtm": SQOOP_MOMENT}
    loads = ingested(tenure, tmp_path, columns, key=["id"])
    assert [(load["loaded"], load["quarantined"]) for load in loads] == [(3, 0)]
    first, second, third = rows(tmp_path, columns)
    assert (first["bi"], first["iu"], first["bl"], first["tm"]) == (2**63 - 1, 2**32 - 1, "00FF10", "86398000")
    assert (first["d"], third["d"]) == (Decimal("1234567890.12"), Decimal("-0.05"))
    assert (first["dt"], third["dt"]) == (date(2020, 2, 29), date(1969, 12, 31))
    assert (first["ts"], third["dtm"]) == (datetime(2020, 2, 29, 12, 34, 56), datetime(1969, 12, 31, 23, 59, 59))
    assert third["tx"] == 'a,b\nc\\d"e'
    assert {name for name, value in second.items() if value is not None} == {"id"}


def test_in_a_folder_only_data_is_read_and_a_broken_part_costs_itself(tenure: Command, tmp_path: Path) -> None:
    folder = tmp_path / "landing" / "parts"
    (folder / ".metadata").mkdir(parents=True)
    (folder / ".signals").mkdir()
    for name in ("_SUCCESS", ".part-0.parquet.crc", ".metadata/schema.avsc", ".signals/unbounded", "_committed_1"):
        (folder / name).write_text("no data")
    for part in range(3):
        table = pa.table({"id": pa.array(range(part * 10, part * 10 + 10)), "note": [f"n{part}"] * 10})
        pq.write_table(table, folder / f"part-{part}.parquet", row_group_size=3)
    whole = (folder / "part-1.parquet").read_bytes()
    (folder / "part-1.parquet").write_bytes(whole[:-20])
    columns: dict[str, Any] = {"id": {"type": "integer"}, "note": {"type": "string"}}
    loads = ingested(tenure, tmp_path, columns, key=["id"])
    assert [(Path(load["file"]).name, load["status"], load["loaded"]) for load in loads] == [
        ("part-0.parquet", "loaded", 10),
        ("part-1.parquet", "refused", 0),
        ("part-2.parquet", "loaded", 10),
    ]
    assert "broken or incomplete" in loads[1]["reason"]
    (folder / "part-1.parquet").write_bytes(whole)
    again = ingested(tenure, tmp_path, columns, key=["id"])
    assert [(load["loaded"], load["unchanged"]) for load in again] == [(0, 10), (10, 0), (0, 10)]


def test_a_row_that_breaks_the_contract_is_kept_as_json(tenure: Command, tmp_path: Path) -> None:
    folder = tmp_path / "landing" / "parts"
    folder.mkdir(parents=True)
    amounts = pa.array([Decimal("1.50"), Decimal("1.505"), None], pa.decimal128(9, 3))
    pq.write_table(
        pa.table({"id": [1, 2, 3], "amount": amounts, "at": pa.array([0, 1, 2], pa.timestamp("ns", "UTC"))}),
        folder / "a.parquet",
    )
    columns: dict[str, Any] = {
        "id": {"type": "integer"},
        "amount": {"type": "decimal(9,2)"},
        "at": {"type": "timestamp"},
    }
    loads = ingested(tenure, tmp_path, columns, key=["id"], max_bad_share=1.0)
    assert [(load["loaded"], load["quarantined"]) for load in loads] == [(1, 2)]
    quarantine = next((tmp_path / ".tenure" / "raw" / "parts").glob("*/quarantine.parquet"))
    kept = [(row["row"], row["column"], json.loads(row["record"])) for row in pq.read_table(quarantine).to_pylist()]
    assert kept == [
        (2, "amount", {"id": 2, "amount": 1.505, "at": "1970-01-01 00:00:00.000000001Z"}),
        (3, "at", {"id": 3, "amount": None, "at": "1970-01-01 00:00:00.000000002Z"}),
    ]
