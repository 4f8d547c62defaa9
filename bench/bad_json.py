"""The account of public suites of odd JSON files, as `bench/bad_files.py` gives it for CSV.

Each file is read with one column that takes every record as a whole, as JSON text. DuckDB's and pandas' readers get the
same files. Prints one JSON object a suite and reader; in JSONTestSuite, only what must be read can be exact.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import duckdb  # noqa: E402 - the path comes first
import pandas as pd  # noqa: E402
from bench.bad_files import SHARED, told, unpacked  # noqa: E402

from tests.bad_files import BadFile, Fate, Rows, fate_of, ingested  # noqa: E402
from tests.bad_json import duckdb_json_files, json_suite_files, meaning, understood  # noqa: E402

Reader = Callable[[BadFile], list[str]]


def read_with_duckdb(file: BadFile) -> list[str]:
    """With DuckDB's reader of whole objects."""
    form = "newline_delimited" if file.contract["kind"] == "ndjson" else "auto"
    rows = duckdb.connect().execute(f"SELECT json FROM read_json_objects(?, format = '{form}')", [str(file.path)])
    return [str(row[0]) for row in rows.fetchall()]


def read_with_pandas(file: BadFile) -> list[str]:
    """With pandas' reader, told to guess no types."""
    lines = file.contract["kind"] == "ndjson"
    frame = pd.read_json(file.path, lines=lines, dtype=False, convert_dates=False, convert_axes=False)
    return [json.dumps(record) for record in frame.to_dict("records")]


READERS: dict[str, Reader] = {"DuckDB": read_with_duckdb, "pandas": read_with_pandas}


def fate_with(read: Reader, file: BadFile) -> Fate:
    """What becomes of a file with another reader."""
    try:
        rows: Rows = [(meaning(text),) for text in read(file)]
    except Exception:  # noqa: BLE001 - whatever a reader raises, it has refused the file
        return Fate.REFUSED
    return fate_of(rows, file.clean, whole=True) if file.clean is not None else Fate.UNKNOWN


def main() -> None:
    """Tell every suite's account."""
    parser = argparse.ArgumentParser(description=__doc__)
    suite = ROOT / "tests/data/jsontestsuite/jsontestsuite.tar.gz"
    parser.add_argument("--jsontestsuite", type=Path, default=suite, help="archive")
    parser.add_argument("--duckdb", type=Path, default=SHARED / "duckdb_csv_json/duckdb_csv_json.tar.gz")
    given = parser.parse_args()
    suites = (
        ("JSONTestSuite", given.jsontestsuite, "jsontestsuite/test_parsing", json_suite_files),
        ("DuckDB's JSON cases", given.duckdb, "duckdb_csv_json/data/json", duckdb_json_files),
    )
    for name, archive, place, files_of in suites:
        with unpacked(archive) as folder, tempfile.TemporaryDirectory() as project:
            files = files_of(folder / place)
            results = understood(ingested(files, Path(project) / "suite"))
            unbalanced = [result.file.name for result in results if not result.balances]
            if unbalanced:
                raise SystemExit(f"{name}: the account does not balance for {', '.join(unbalanced)}")
            for part, chosen in (("sound", True), ("others", False)):
                said = f"{name}, {part}"
                told(said, "Tenure", (result.fate for result in results if (result.file.clean is not None) is chosen))
                for reader, read in READERS.items():
                    told(said, reader, (fate_with(read, file) for file in files if (file.clean is not None) is chosen))


if __name__ == "__main__":
    main()
