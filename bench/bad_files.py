"""The account of public suites of bad files: how many are loaded exactly, set apart in part, refused, silently wrong.

The same for DuckDB's and pandas' readers, which get the same words about each file. The suites lie in folders that are
given, or in the folder shared/data beside the repository. Prints one JSON object a suite and reader.
"""

import argparse
import json
import sys
import tarfile
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import duckdb  # noqa: E402 - the path comes first
import pandas as pd  # noqa: E402

from tests.bad_files import (  # noqa: E402
    BadFile,
    Fate,
    Rows,
    as_texts,
    duckdb_csv_files,
    fate_of,
    ingested,
    pollock_files,
)

SHARED = ROOT.parent / "shared" / "data"
Reader = Callable[[BadFile], Rows]


def read_with_duckdb(file: BadFile, **more: object) -> Rows:
    """With DuckDB's reader, which is told all that the contract says."""
    said = file.contract
    columns = dict.fromkeys(said["columns"], "VARCHAR")
    quote = "" if said["quote"] == "none" else said["quote"]
    escape = {"doubled": quote, "none": ""}.get(said["escape"], said["escape"])
    options: dict[str, Any] = {
        "auto_detect": False,
        "delim": said["delimiter"],
        "quote": quote,
        "escape": escape,
        "header": bool(said["header"]),
        "skip": said["skip_lines"] + max(0, int(said["header"]) - 1),
        "columns": columns,
        **more,
    }
    connection = duckdb.connect()
    words = ", ".join(f"{name} = {_literal(value)}" for name, value in options.items())
    return as_texts(connection.execute(f"FROM read_csv(?, {words})", [str(file.path)]).fetchall())


def _literal(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"'{name}': '{kind}'" for name, kind in value.items()) + "}"
    return str(value) if isinstance(value, bool | int) else "'" + str(value).replace("'", "''") + "'"


def read_with_duckdb_leniently(file: BadFile) -> Rows:
    """With DuckDB's reader, told to leave out what it cannot read."""
    return read_with_duckdb(file, strict_mode=False, ignore_errors=True)


def read_with_pandas(file: BadFile) -> Rows:
    """With pandas' reader, which is told all that the contract says; it skips lines that are too long."""
    said = file.contract
    header = int(said["header"])
    frame = pd.read_csv(
        file.path,
        sep=said["delimiter"],
        quotechar='"' if said["quote"] == "none" else said["quote"],
        quoting=3 if said["quote"] == "none" else 0,
        doublequote=said["escape"] == "doubled",
        escapechar=said["escape"] if len(said["escape"]) == 1 else None,
        header=list(range(header)) if header > 1 else (0 if header else None),
        skiprows=said["skip_lines"],
        encoding=said["encoding"],
        dtype=str,
        keep_default_na=False,
        index_col=False,
        on_bad_lines="skip",
        engine="python" if len(said["delimiter"]) > 1 else "c",
    )
    return as_texts(frame.fillna("").itertuples(index=False))


READERS: dict[str, Reader] = {
    "DuckDB": read_with_duckdb,
    "DuckDB, leaving out errors": read_with_duckdb_leniently,
    "pandas": read_with_pandas,
}


def fate_with(read: Reader, file: BadFile) -> Fate:
    """What becomes of a file with another reader; rows that it leaves out it leaves out without a word."""
    try:
        rows = read(file)
    except Exception:  # noqa: BLE001 - whatever a reader raises, it has refused the file
        return Fate.REFUSED
    return fate_of(rows, file.clean or [], whole=False)


def told(suite: str, reader: str, fates: Iterator[Fate]) -> None:
    """Print an account."""
    counted = Counter(fates)
    account = {fate.value: counted[fate] for fate in Fate if counted[fate]}
    print(json.dumps({"suite": suite, "reader": reader, "files": counted.total(), **account}), flush=True)


@contextmanager
def unpacked(archive: Path) -> Iterator[Path]:
    """The content of a suite's archive."""
    with tempfile.TemporaryDirectory() as folder, tarfile.open(archive) as suite:
        suite.extractall(folder, filter="data")
        yield Path(folder)


def main() -> None:
    """Tell every suite's account."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pollock", type=Path, default=SHARED / "pollock/polluted_200.tar.gz", help="archive")
    parser.add_argument("--duckdb", type=Path, default=SHARED / "duckdb_csv_json/duckdb_csv_json.tar.gz")
    parser.add_argument("--list", action="store_true", help="each file that is not loaded exactly, too")
    given = parser.parse_args()
    suites = (
        ("Pollock", given.pollock, "polluted_files", pollock_files),
        ("DuckDB's CSV cases", given.duckdb, "duckdb_csv_json/data/csv", duckdb_csv_files),
    )
    for suite, archive, place, files_of in suites:
        with unpacked(archive) as folder, tempfile.TemporaryDirectory() as project:
            files = files_of(folder / place)
            results = ingested(files, Path(project) / "suite")
            unbalanced = [result.file.name for result in results if not result.balances]
            if unbalanced:
                raise SystemExit(f"{suite}: the account does not balance for {', '.join(unbalanced)}")
            told(suite, "Tenure", (result.fate for result in results))
            if given.list:
                for result in results:
                    if result.fate is not Fate.EXACT:
                        reason = result.entry["reason"]
                        print(json.dumps({"file": result.file.name, "fate": result.fate, "reason": reason}))
            if files[0].clean is not None:
                for reader, read in READERS.items():
                    told(suite, reader, (fate_with(read, file) for file in files))


if __name__ == "__main__":
    main()
