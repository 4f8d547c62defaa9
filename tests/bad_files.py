"""Public suites of badly written files, read through `tenure ingest`: what became of each, and whether that is right.

A suite makes a contract of each file by a rule, from what the suite itself says of it; no file is treated by hand.
`bench/bad_files.py` prints the accounts; the tests ask that they balance, and that nothing is silently wrong.
"""

import csv
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import yaml

Rows = list[tuple[str, ...]]


class Fate(StrEnum):
    """What became of a file. WRONG: a record was loaded that the clean file does not have."""

    EXACT = "exact"
    QUARANTINED = "quarantined"
    REFUSED = "refused"
    WRONG = "silently wrong"
    UNKNOWN = "loaded, nothing to compare with"


@dataclass(frozen=True)
class BadFile:
    """A file of a suite, the contract that its suite makes of it, and its clean records where they are known."""

    name: str
    path: Path
    contract: Mapping[str, Any]
    clean: Rows | None = None


@dataclass(frozen=True)
class Result:
    """`entry`: its part of `tenure ingest --json`; `rows`: what was loaded, null as the empty text."""

    file: BadFile
    entry: Mapping[str, Any]
    rows: Rows

    @property
    def balances(self) -> bool:
        """Whether every record is accounted for, and a refused file loaded nothing."""
        fates = ("loaded", "quarantined", "duplicates", "unchanged", "filtered")
        if self.entry["status"] == "refused":
            return bool(self.entry["reason"]) and not any(self.entry[fate] for fate in fates) and not self.rows
        return self.entry["records_in"] == sum(self.entry[fate] for fate in fates) and (
            len(self.rows) == self.entry["loaded"]
        )

    @property
    def fate(self) -> Fate:
        """What became of the file."""
        if self.entry["status"] == "refused":
            return Fate.REFUSED
        if self.file.clean is None:
            return Fate.QUARANTINED if self.entry["quarantined"] else Fate.UNKNOWN
        return fate_of(self.rows, self.file.clean, whole=not self.entry["quarantined"])


def fate_of(rows: Rows, clean: Rows, *, whole: bool) -> Fate:
    """What rows are in the light of the clean ones; `whole`: the reader said of none that it left it out."""
    if rows == clean:
        return Fate.EXACT
    return Fate.WRONG if whole or Counter(rows) - Counter(clean) else Fate.QUARANTINED


def contract_of(columns: Sequence[str | None], **words: object) -> dict[str, Any]:
    """A contract for a table of its own, all of it text, with these names in the file (None: its file has none)."""
    named = {
        f"c{number}": {"type": "string", **({} if name is None else {"from": name})}
        for number, name in enumerate(columns, start=1)
    }
    return {"entity": "none", "kind": "csv", "keyless": True, **words, "columns": named}


def pollock_files(folder: Path) -> list[BadFile]:
    """Pollock's files (folder `polluted_files`), with contracts from its parameters."""
    return [_pollock_file(folder, path) for path in sorted((folder / "csv").iterdir())]


def _pollock_file(folder: Path, path: Path) -> BadFile:
    said = json.loads((folder / "parameters" / f"{path.name}_parameters.json").read_text())
    with (folder / "clean" / path.name).open(newline="", encoding="utf-8") as file:
        clean = [tuple(row) for row in csv.reader(file)]
    words: dict[str, object] = {
        "encoding": said["encoding"],
        "delimiter": said["delimiter"] or ",",
        "quote": said["quotechar"] or "none",
        "escape": "doubled" if said["escapechar"] == said["quotechar"] else said["escapechar"] or "none",
        "header": said["header_lines"] if said["header_lines"] > 1 else bool(said["header_lines"]),
        "skip_lines": said["preamble_lines"],
        "skip_last_lines": said["footnote_lines"],
    }
    columns = said["column_names"] or [None] * max(1, said["n_columns"])
    return BadFile(path.name, path, contract_of(columns, **words), clean[1:] if said["header_lines"] else clean)


def duckdb_csv_files(folder: Path) -> list[BadFile]:
    """DuckDB's own CSV cases (folder `data/csv`), each content once, with contracts from what its sniffer says."""
    seen: set[bytes] = set()
    files: list[BadFile] = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        if content not in seen:
            seen.add(content)
            files.append(BadFile(str(path.relative_to(folder)), path, _sniffed(path)))
    return files


def _sniffed(path: Path) -> dict[str, Any]:
    connection = duckdb.connect()
    for encoding in ("utf-8", "utf-16", "latin-1"):
        options = f"all_varchar = true, ignore_errors = true, encoding = '{encoding}'"
        try:
            found = connection.sql(f"FROM sniff_csv(?, {options})", params=[str(path)])
            said = dict(zip(found.columns, found.fetchall()[0], strict=True))
        except duckdb.Error:
            continue
        quote, escape, comment = (_mark(said[name]) for name in ("Quote", "Escape", "Comment"))
        words: dict[str, object] = {
            "encoding": encoding if encoding != "utf-16" else "utf-16-le",
            "delimiter": _mark(said["Delimiter"]) or ",",
            "quote": quote or "none",
            "escape": "doubled" if not escape or escape == quote else escape,
            "header": said["HasHeader"],
            "skip_lines": said["SkipRows"],
            **({"comment": comment} if comment else {}),
        }
        columns = [column["name"] if said["HasHeader"] else None for column in said["Columns"]]
        return contract_of(columns, **words)
    first = path.read_bytes().splitlines()[:1]
    return contract_of([None] * (first[0].count(b",") + 1 if first else 1), header=False)


def _mark(said: str | None) -> str | None:
    return None if said in {None, "", "(empty)", "\0", "\\0"} else said


def ingested(files: Sequence[BadFile], folder: Path) -> list[Result]:
    """Each file through `tenure ingest --json`, all of them in one project in `folder`."""
    command = [sys.executable, "-m", "tenure"]
    subprocess.run([*command, "init", folder], check=True, capture_output=True)
    for example in (folder / "sources").glob("*.yml"):
        example.unlink()
    for number, file in enumerate(files):
        contract = {"source": f"s{number:04}", "path": str(file.path), **file.contract}
        written = yaml.safe_dump(contract, allow_unicode=True, sort_keys=False)
        (folder / "sources" / f"s{number:04}.yml").write_text(written)
    ran = subprocess.run([*command, "ingest", "--json", "--project", folder], capture_output=True, text=True)
    if ran.returncode not in {0, 1} or not ran.stdout:
        raise AssertionError(f"tenure ingest ended with {ran.returncode}: {ran.stderr[-2000:]}")
    entries = {entry["source"]: entry for entry in json.loads(ran.stdout)["loads"]}
    return [
        Result(file, entries[f"s{number:04}"], _loaded(folder / ".tenure" / "raw" / f"s{number:04}", file))
        for number, file in enumerate(files)
    ]


def _loaded(folder: Path, file: BadFile) -> Rows:
    rows: Rows = []
    for data in sorted(folder.glob("*/data.parquet")):
        table = pq.read_table(data, columns=[*file.contract["columns"], "_row"]).sort_by("_row").drop_columns("_row")
        rows += as_texts(row.values() for row in table.to_pylist())
    return rows


def as_texts(rows: Iterable[Iterable[object]]) -> Rows:
    """Rows as texts, null and the empty one alike: the clean files do not tell them apart."""
    return [tuple("" if cell is None else str(cell) for cell in row) for row in rows]
