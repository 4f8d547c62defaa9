"""Looks into files of one kind: how they are written, their columns and types. For proposals, never for loading."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from io import BufferedReader, RawIOBase, TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast

import pyarrow as pa

from tenure.core.errors import SourceRefused
from tenure.sources.propose_csv import CsvLook, look, records
from tenure.sources.propose_json import Cell, JsonLook, document_records, line_records, look_json
from tenure.sources.propose_parquet import parquet_columns, parquet_rows
from tenure.sources.propose_types import ColumnProfile, Guess
from tenure.sources.sqoop_files import is_sqoop_text, restored, sql_types
from tenure.sources.text_stream import PACKED, Packing, unpacked

_Record = TypeVar("_Record")
_SAMPLE = 1 << 18
_BATCH = 20_000
_OTHERS = {b"Obj\x01": "an Avro file", b"SEQ": "a Hadoop sequence file", b"PK\x03\x04": "a zip archive or workbook"}


@dataclass
class Looked:
    """What was found in the files: columns by their names in the source, in order, and how many records there are.

    `odd` counts records that do not fit the others (another number of fields, no JSON object); `ended` tells whether
    everything was looked at.
    """

    words: dict[str, Any]
    columns: dict[str, ColumnProfile] = field(default_factory=dict[str, ColumnProfile])
    given: dict[str, Guess] = field(default_factory=dict[str, Guess])
    count: int = 0
    odd: int = 0
    ended: bool = True
    notes: list[str] = field(default_factory=list[str])

    def column(self, name: str) -> ColumnProfile:
        """The profile of a column; of one that comes late, earlier records had none."""
        if name not in self.columns:
            self.columns[name] = ColumnProfile(name, empty=self.count, seen=self.count, unique=not self.count)
        return self.columns[name]

    def guesses(self) -> dict[str, Guess]:
        """The types of each column: those that the file itself states, else those that its values allow."""
        return {name: self.given.get(name) or profile.guess() for name, profile in self.columns.items()}


def look_at(
    files: Sequence[Path], rows: int, time_zone: str | None = None, csv: Callable[[CsvLook], CsvLook] | None = None
) -> Looked:
    """What is in the files, up to so many records; the first one says how they are written.

    `time_zone`: of the dates that Sqoop wrote. `csv`: what is known of how CSV is written, over what it looks like.
    Raises `SourceRefused` for files of which no columns can be told.
    """
    looked: Looked | None = None
    for file in files:
        if looked is None:
            looked = _kind_of(file, csv)
        if looked.count >= rows:
            looked.ended = False
            break
        _read(file, looked, rows, time_zone, csv)
        for column in looked.columns.values():
            column.end_delivery()
    if looked is None or not looked.columns:
        raise _no_columns(files[0])
    return looked


def _no_columns(file: Path) -> SourceRefused:
    return SourceRefused(
        "has no columns that can be told",
        where=file.name,
        cure="it must be CSV, JSON or Parquet with at least one record; else write the contract by hand",
    )


def _kind_of(file: Path, csv: Callable[[CsvLook], CsvLook] | None) -> Looked:
    with _content(file) as read:
        sample = read(_SAMPLE)
    if sample.startswith(b"PAR1"):
        return Looked({"kind": "parquet"})
    found = look_json(sample.decode("utf-8", "replace"))
    if found:
        return Looked({"kind": found.kind, **({"records": found.records} if found.records else {})})
    return Looked({"kind": "csv", **_csv_look(file, sample, csv).words()})


def _csv_look(file: Path, sample: bytes, known: Callable[[CsvLook], CsvLook] | None) -> CsvLook:
    for mark, kind in _OTHERS.items():
        if sample.startswith(mark):
            raise SourceRefused(
                f"is {kind}, which is not read", where=file.name, cure="write it again as CSV, JSON or Parquet"
            )
    found = look(sample, whole=len(sample) < _SAMPLE)
    if found is None:
        raise _no_columns(file)
    if is_sqoop_text(file):
        # Sqoop writes no header and, unless it was told otherwise, no quotes.
        return replace(found, header=None, quote=None, escape=None)
    return known(found) if known else found


def _read(
    file: Path, looked: Looked, rows: int, time_zone: str | None, known: Callable[[CsvLook], CsvLook] | None
) -> None:
    kind = looked.words["kind"]
    if kind == "parquet":
        _take_types(file, looked, time_zone)
        _take(parquet_rows(file), looked, rows)
        return
    if kind == "csv":
        with _content(file) as read:
            csv = _csv_look(file, read(_SAMPLE), known)
        if {"kind": "csv", **csv.words()} != looked.words:
            looked.notes.append(f"{file.name} is written in another way than the first file: it will be refused")
            return
        with _text(file, csv.encoding) as text:
            _take_csv(records(lambda _: text, csv), csv, looked, rows)
        return
    with _text(file, "utf-8") as text:
        if kind == "ndjson":
            _take(line_records(text), looked, rows)
        else:
            _take(document_records(text.read, JsonLook(kind, looked.words.get("records"))), looked, rows)


def _take_types(file: Path, looked: Looked, time_zone: str | None) -> None:
    given, noted = parquet_columns(file), sql_types(file)
    if noted:
        given, notes = restored(noted, given, time_zone, file.name)
        looked.notes += [note for note in notes if note not in looked.notes]
    looked.given = looked.given or given


def _take_csv(found: Iterator[list[str]], csv: CsvLook, looked: Looked, rows: int) -> None:
    """Profile the records of a CSV file; those with another number of fields than the others are odd."""
    names = csv.header or tuple(f"column_{number}" for number in range(1, csv.width + 1))
    known = tuple(looked.columns)
    if known and known != names:
        looked.notes.append(f"Another file has other columns: {', '.join(names)}")
    for batch in _batches(found, looked, rows):
        sound = [record for record in batch if len(record) == len(names)]
        columns: dict[str, Sequence[str | None]] = dict(zip(names, zip(*sound, strict=True), strict=False))
        for name in names:
            looked.column(name)
        for name, column in looked.columns.items():
            column.add(pa.array(columns.get(name, [None] * len(sound)), pa.string()))
        looked.odd += len(batch) - len(sound)
        looked.count += len(batch)


def _take(found: Iterator[dict[str, Cell] | None], looked: Looked, rows: int) -> None:
    """Profile records that name their values; those that could not be read are odd."""
    for batch in _batches(found, looked, rows):
        sound = [record for record in batch if record is not None]
        for name in dict.fromkeys(name for record in sound for name in record):
            looked.column(name)
        for name, column in looked.columns.items():
            cells = [record.get(name) for record in sound]
            column.is_json = column.is_json or any(cell.nested for cell in cells if cell)
            column.add(pa.array([cell.text if cell else None for cell in cells], pa.string()))
        looked.odd += len(batch) - len(sound)
        looked.count += len(batch)


def _batches(found: Iterator[_Record], looked: Looked, rows: int) -> Iterator[list[_Record]]:
    """The records, many at a time, until `rows` have been looked at in all files."""
    while looked.count < rows:
        batch = list(islice(found, min(_BATCH, rows - looked.count)))
        if not batch:
            return
        yield batch
    looked.ended = looked.ended and not list(islice(found, 1))


class _Unpacked(RawIOBase):
    """What comes out of a compressed file, as a file."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read

    def readable(self) -> bool:
        """It is for reading."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer as far as it goes."""
        data = self._read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


@contextmanager
def _opened(file: Path) -> Generator[BinaryIO]:
    try:
        with file.open("rb") as raw:
            start = raw.read(4)
            raw.seek(0)
            packing: Packing | None = next((kind for mark, kind in PACKED.items() if start.startswith(mark)), None)
            yield BufferedReader(_Unpacked(unpacked(raw, packing, file))) if packing else raw
    except OSError as error:
        raise SourceRefused(
            f"cannot be read: {error.strerror}", where=file.name, cure="check that you may read it"
        ) from error


@contextmanager
def _content(file: Path) -> Generator[Callable[[int], bytes]]:
    with _opened(file) as opened:
        yield opened.read


@contextmanager
def _text(file: Path, encoding: str) -> Generator[TextIOWrapper]:
    with _opened(file) as opened:
        yield TextIOWrapper(cast(Any, opened), encoding=encoding, errors="replace", newline="")
