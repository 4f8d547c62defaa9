"""Records in quarantine as a file that a person can mend, and that file read again.

Each record is tied to its id. CSV: the lines as they were delivered, below the header of their file, with two columns
before them. A line may have broken quotes, so where a record begins is told by the id at the start of a line alone.
NDJSON: one object a record; what was delivered is its member `record`, as JSON or, where it is none, as text.
"""

import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from tenure.contracts.file_format import FileFormat
from tenure.contracts.model import Contract
from tenure.core.errors import UsageError
from tenure.raw.quarantine import Chosen, Quarantined, quarantined, read_ids
from tenure.raw.zone import RawZone
from tenure.sources.csv_dialect import dialect_of
from tenure.sources.json_record import Number
from tenure.sources.replay import Attempt
from tenure.sources.text_file import UTF_8
from tenure.sources.text_stream import as_it_was
from tenure.sources.verbatim_text import csv_line, in_utf8

ID_COLUMN, REASON_COLUMN = "quarantine_id", "quarantine_reason"
_BOM = b"\xef\xbb\xbf"
_LINE_END = re.compile(r"[\r\n]+")


@dataclass(frozen=True)
class Edited:
    """A record of an edited file, by load and ordinal, in UTF-8; `header` names the columns of a CSV record."""

    id: tuple[str, int]
    text: bytes
    header: tuple[str, ...] | None


def write_export(
    path: Path,
    records: Sequence[Quarantined],
    header: Callable[[Quarantined], tuple[str, ...] | None],
    terms: FileFormat,
) -> None:
    """Write records to a new file that only its owner can read, in the format that its name says.

    `header` gives the columns of a record that does not name them. Raises `UsageError` where the format cannot hold
    them, or the file exists.
    """
    if path.suffix == ".csv":
        lines = _csv_lines(path, records, header, terms)
    elif path.suffix == ".ndjson":
        lines = [_object_line(record, terms, named=header(record) is None) for record in records]
    else:
        raise UsageError(f"{path.name} says no format", cure="end its name in .csv or .ndjson")
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        raise UsageError(f"{path} exists already", cure="take another name, or remove it first") from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.writelines(as_it_was(line, _encoding(path, terms)) for line in lines)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _encoding(path: Path, terms: FileFormat) -> str:
    """That of the source's files, if plain marks are written in it as ever; JSON is in UTF-8."""
    plain = path.suffix == ".csv" and "L0:".encode(terms.encoding) == b"L0:"
    return terms.encoding if plain else UTF_8


def _csv_lines(
    path: Path,
    records: Sequence[Quarantined],
    header: Callable[[Quarantined], tuple[str, ...] | None],
    terms: FileFormat,
) -> list[bytes]:
    headers = {header(record) for record in records}
    if None in headers or len(headers) > 1:
        why = "their files have different columns" if len(headers) > 1 else "they are no lines of a CSV file"
        raise UsageError(
            f"these records cannot stand in one CSV file: {why}",
            cure=f"write {path.with_suffix('.ndjson').name}, or choose the records of one load with --load",
        )
    columns = next(iter(headers)) or ()
    first = csv_line([ID_COLUMN, REASON_COLUMN, *columns], terms)
    return [first, *(_csv_record(record, terms) for record in records)]


def _csv_record(record: Quarantined, terms: FileFormat) -> bytes:
    delimiter, text = terms.delimiter, in_utf8(record.record, terms.encoding)
    reason = _LINE_END.sub(" ", record.reason).replace('"', '""')
    return f'{record.id}{delimiter}"{reason}"{delimiter}'.encode() + text + b"\n"


def _object_line(record: Quarantined, terms: FileFormat, *, named: bool) -> bytes:
    delivered = in_utf8(record.record, terms.encoding)
    about = {ID_COLUMN: record.id, "column": record.column, "rule": record.rule, "reason": record.reason}
    written = json.dumps(about, ensure_ascii=False)
    exact = _exact_json(delivered) if named else None
    text = exact or json.dumps(delivered.decode("utf-8", "surrogateescape"))
    return f'{written[:-1]}, "record": {text}}}\n'.encode()


def _exact_json(record: bytes) -> str | None:
    """A JSON object on one line, every number as it is written; None when the record is none."""
    try:
        value: object = _DECODER.decode(record.decode())
        return _dumped(value) if isinstance(value, _Pairs) and not value.repeats_a_name else None
    except (ValueError, RecursionError):
        return None


def edited_attempts(zone: RawZone, chosen: Chosen, contract: Contract, path: Path) -> list[Attempt]:
    """The open records among `chosen` that an edited export has, each with its new text.

    Raises `UsageError` for an id that is none of the source's quarantine.
    """
    edited = {entry.id: entry for entry in read_edited(path, contract)}
    own = Chosen(chosen.source, ids=frozenset(edited), open_only=False)
    found = {(record.load.load_id, record.ordinal): record for record in quarantined(zone, own)}
    unknown = next((f"{load}:{ordinal}" for load, ordinal in edited if (load, ordinal) not in found), None)
    if unknown:
        raise UsageError(
            f"{unknown} is no record in the quarantine of {chosen.source}",
            where=str(path),
            cure="edit the file that tenure quarantine export wrote for this source",
        )
    return [
        Attempt(record, edited[place].text, edited[place].header)
        for place, record in found.items()
        if chosen.wants_load(record.load) and chosen.wants(record)
    ]


def read_edited(path: Path, terms: FileFormat) -> list[Edited]:
    """The records of an export that was edited; raises `UsageError`, naming the line, for what is none."""
    try:
        data = in_utf8(path.read_bytes(), _encoding(path, terms)).removeprefix(_BOM)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", cure="name the file that was exported") from error
    found = list(_edited_lines(path, data, terms) if path.suffix == ".csv" else _edited_objects(path, data))
    seen: set[tuple[str, int]] = set()
    for entry in found:
        if entry.id in seen:
            name = f"{entry.id[0]}:{entry.id[1]}"
            raise UsageError(f"{name} stands in it twice", where=str(path), cure="keep one of the two")
        seen.add(entry.id)
    return found


def _edited_lines(path: Path, data: bytes, terms: FileFormat) -> Iterator[Edited]:
    mark = re.escape(terms.delimiter.encode())
    begins = re.compile(
        rb'^"?(L[0-9]{8,}:[1-9][0-9]*)"?' + mark + rb'(?:"(?:[^"]|"")*"|[^"\r\n' + mark + rb"]*)" + mark, re.MULTILINE
    )
    starts = list(begins.finditer(data))
    first = data[: starts[0].start()] if starts else data
    try:
        header = [name or "" for name in dialect_of(terms).fields(first.rstrip(b"\r\n"))]
    except UnicodeDecodeError:
        header = []
    if header[:2] != [ID_COLUMN, REASON_COLUMN]:
        raise UsageError(
            f"does not begin with the columns {ID_COLUMN} and {REASON_COLUMN}, separated by {terms.delimiter!r}",
            where=f"{path}:1",
            cure="edit the file that tenure quarantine export wrote; a spreadsheet must save it with its delimiter",
        )
    for start, following in zip(starts, [*starts[1:], None], strict=True):
        text = data[start.end() : following.start() if following else len(data)].rstrip(b"\r\n")
        yield Edited(_id(start[1].decode()), text, tuple(name.strip() for name in header[2:]))


def _edited_objects(path: Path, data: bytes) -> Iterator[Edited]:
    for number, line in enumerate(data.split(b"\n"), 1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            pairs: object = _DECODER.decode(line.decode())
        except (ValueError, RecursionError) as error:
            raise UsageError("is not a line of JSON", where=where, cure="mend it; one object a line") from error
        members = dict(pairs) if isinstance(pairs, _Pairs) else {}
        name, record = members.get(ID_COLUMN), members.get("record")
        if not isinstance(name, str) or not isinstance(record, str | _Pairs):
            raise UsageError(
                f"has no {ID_COLUMN}, or no record that is an object or text",
                where=where,
                cure="edit the file that tenure quarantine export wrote, and there only what is in record",
            )
        text = record.encode("utf-8", "surrogateescape") if isinstance(record, str) else _dumped(record).encode()
        yield Edited(_id(name), text, None)


def _id(name: str) -> tuple[str, int]:
    return next(iter(read_ids([name])))


class _Pairs(list[tuple[str, object]]):
    """The members of a JSON object in their order; one name may come twice."""

    @property
    def repeats_a_name(self) -> bool:
        """Whether other programs would drop a member without a word."""
        return len({name for name, _ in self}) < len(self) or any(
            member.repeats_a_name for _, member in self if isinstance(member, _Pairs)
        )


def _no_json(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_Pairs, parse_float=Number, parse_int=Number, parse_constant=_no_json, strict=True
)


def _dumped(value: object) -> str:
    """JSON on one line, every number as it was written."""
    if isinstance(value, _Pairs):
        return "{" + ", ".join(f"{json.dumps(name)}: {_dumped(member)}" for name, member in value) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_dumped, cast("list[object]", value))) + "]"
    return value.text if isinstance(value, Number) else json.dumps(value)
