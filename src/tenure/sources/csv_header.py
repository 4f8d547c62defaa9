"""Compares the header of a CSV file with the contract, before any record is read."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tenure.contracts.model import Contract
from tenure.core.errors import SourceRefused
from tenure.sources.csv_record import LINE_END, read_record
from tenure.sources.text_file import open_text

_LONGEST_HEADER = 1 << 20
_NAMED_AT_MOST = 10
_OTHER_DELIMITERS = {";": "a semicolon", "\t": "a tab", "|": "a bar", ",": "a comma"}


@dataclass(frozen=True)
class CsvHeader:
    """A header that fits its contract.

    `columns`: the contract's names of the file's columns, in the file's order. `missing`: columns of
    the contract that the file leaves out (none of them required): they load as null. `reordered`: the
    file's order is not the contract's, which does no harm. Records begin at byte `body`, line `line`.
    """

    columns: tuple[str, ...]
    missing: tuple[str, ...]
    reordered: bool
    body: int
    line: int


def delimiter_byte(contract: Contract) -> int:
    """The contract's delimiter as the one byte it is in UTF-8."""
    return contract.delimiter.encode()[0]


def read_header(path: Path, contract: Contract) -> CsvHeader:
    """The header of `path`: its first line that is not blank.

    Raises `SourceRefused` when there is none, or when it does not fit: a column the contract does not
    know, one it needs, a name that occurs twice.
    """
    with open_text(path) as file:
        first = file.tell()
        data = file.read(_LONGEST_HEADER + 1)
        final = not file.read(1)
    start, line = 0, 1
    while blank := LINE_END.match(data, start):
        start, line = blank.end(), line + 1
    if start == len(data):
        if not final:
            raise _refused("begins with a MiB of blank lines", path, 1, "check that it is the right file")
        raise _refused("is empty: not even a header", path, 1, "deliver it again; a file without records has a header")
    if final and data[-1:] not in {b"\n", b"\r"}:
        data += b"\n"
    record = read_record(data, start, delimiter_byte(contract), None, final=final)
    if record is None:
        raise _refused("has no line end in its first MiB", path, line, "check that it is a CSV file")
    if record.fault:
        raise _refused(f"the header {record.fault}", path, line, "mend the header line")
    names = _names(data[start : record.end], contract, path, line)
    columns = _columns(names, contract, path, line)
    lines = sum(1 for _ in LINE_END.finditer(data, start, record.behind))
    present = set(columns)
    return CsvHeader(
        columns=columns,
        missing=tuple(name for name in contract.columns if name not in present),
        reordered=list(columns) != [name for name in contract.columns if name in present],
        body=first + min(record.behind, len(data)),
        line=line + lines,
    )


def _names(header: bytes, contract: Contract, path: Path, line: int) -> list[str]:
    try:
        text = header.decode()
        fields = next(csv.reader(io.StringIO(text, newline=""), delimiter=contract.delimiter, strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise _refused("the header is not CSV in UTF-8", path, line, "save the file as UTF-8") from error
    return [field.strip() for field in fields]


def _columns(names: Sequence[str], contract: Contract, path: Path, line: int) -> tuple[str, ...]:
    """The contract's name of every column of the file, or a refusal that lists all that is wrong."""
    known = {source: name for name, source in contract.source_columns().items()}
    unknown = [name for name in names if name not in known]
    if len(unknown) == len(names):
        raise _no_header(names, contract, path, line)
    twice = sorted({name for name in names if names.count(name) > 1})
    present = {known[name] for name in names if name in known}
    lacking = [
        source
        for source, name in known.items()
        if name not in present and (contract.columns[name].required or name in contract.key)
    ]
    file = f"sources/{contract.source}.yml"
    problems: list[str] = []
    cures: list[str] = []
    if twice:
        problems.append(f"the header has {_listed(twice)} more than once")
        cures.append("give each column its own name")
    if unknown:
        problems.append(f"the contract does not know the column {_listed(unknown)}")
        cures.append(f"add it under columns: in {file} (it will flow on as an attribute), or take it out of the file")
    if lacking:
        problems.append(f"the required column {_listed(lacking)} is missing")
        cures.append(f"deliver it, or, if it has a new name, say so with from: in {file}")
    if problems:
        raise _refused("; ".join(problems), path, line, "; ".join(cures))
    return tuple(known[name] for name in names)


def _no_header(names: Sequence[str], contract: Contract, path: Path, line: int) -> SourceRefused:
    """Not one known column. The line may well be a record: none of its text goes into the message."""
    only = names[0] if len(names) == 1 else ""
    other = next((mark for mark in _OTHER_DELIMITERS if mark != contract.delimiter and mark in only), None)
    if other:
        return _refused(
            f"the header is one single column, and there is {_OTHER_DELIMITERS[other]} in it",
            path,
            line,
            f'say delimiter: "{repr(other)[1:-1]}" in sources/{contract.source}.yml',
        )
    expected = _listed(list(contract.source_columns().values()))
    return _refused(
        f"this line holds none of the contract's columns ({expected}), so it is no header",
        path,
        line,
        "a header line is needed above the records; or name the file's columns with from: in "
        f"sources/{contract.source}.yml",
    )


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:_NAMED_AT_MOST])
    return f"{shown} and {len(names) - _NAMED_AT_MOST} more" if len(names) > _NAMED_AT_MOST else shown


def _refused(what: str, path: Path, line: int, cure: str) -> SourceRefused:
    return SourceRefused(what, where=f"{path}:{line}", cure=cure)
