"""Compares the header of a CSV file with the contract, before any record is read."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tenure.contracts.model import Contract
from tenure.core.errors import SourceRefused
from tenure.sources.csv_dialect import Dialect, dialect_of
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
    file's order is not the contract's, which does no harm. Records begin at byte `body`, line `line`, of the text.
    `names`: the fields of the header's first line, word for word; none where the file has no header.
    """

    columns: tuple[str, ...]
    missing: tuple[str, ...]
    reordered: bool
    body: int
    line: int
    names: tuple[str | None, ...] = ()


@dataclass
class _Head:
    """The beginning of a file, read line by line. `final`: it ends with `data`; `began`: line of the last record."""

    data: bytes
    final: bool
    dialect: Dialect
    path: Path
    at: int = 0
    line: int = 1
    began: int = 1

    def skip(self, lines: int) -> None:
        """Go over lines, whatever is in them."""
        for _ in range(lines):
            ending = LINE_END.search(self.data, self.at)
            if ending is None:
                raise _refused(f"has no {lines} lines to skip", self.path, self.line, "see skip_lines in its contract")
            self.at, self.line = ending.end(), self.line + 1

    def record(self) -> tuple[str | None, ...]:
        """The fields of the next line that is neither blank nor a comment."""
        self._skip_what_is_no_record()
        self.began = self.line
        if self.at >= len(self.data):
            if not self.final:
                raise _refused("begins with a MiB of blank lines", self.path, 1, "check that it is the right file")
            cure = "deliver it again; a file without records has a header, or says header: false in its contract"
            raise _refused("is empty: not even a header", self.path, 1, cure)
        record = read_record(self.data, self.at, self.dialect, None, final=self.final)
        if record is None:
            raise _refused("has no line end in its first MiB", self.path, self.line, "check that it is a CSV file")
        if record.fault:
            raise _refused(f"the header {record.fault}", self.path, self.line, "mend the header line")
        text = self.data[self.at : record.end]
        try:
            text.decode()
        except UnicodeDecodeError as error:
            what = "the header is not text in the encoding of its contract (UTF-8, if it says none)"
            raise _refused(what, self.path, self.line, "save the file as UTF-8, or say encoding: in it") from error
        self.line += sum(1 for _ in LINE_END.finditer(self.data, self.at, record.behind))
        self.at = record.behind
        return tuple(self.dialect.fields(text))

    def _skip_what_is_no_record(self) -> None:
        comment = self.dialect.comment
        while self.at < len(self.data):
            ending = LINE_END.search(self.data, self.at)
            is_comment = comment and self.data.startswith(comment, self.at)
            if ending is None or (ending.start() > self.at and not is_comment):
                return
            self.at, self.line = ending.end(), self.line + 1


def header_names(path: Path, contract: Contract) -> tuple[str, ...]:
    """The names of a file's columns as it has them, whatever the contract says of them; none without a header."""
    if contract.header is False:
        return ()
    return _read_names(path, contract).names


@dataclass(frozen=True)
class _Names:
    """The names of all columns, the fields of the header's first line, its line, and where the records begin."""

    names: tuple[str, ...]
    first: tuple[str | None, ...]
    line: int
    body: int
    body_line: int


def _read_names(path: Path, contract: Contract) -> _Names:
    head, first, size = _begun(path, contract)
    lines = 1 if isinstance(contract.header, bool | str) else contract.header
    parts = [head.record()]
    line = head.began
    parts += [head.record() for _ in range(lines - 1)]
    wide = max(len(part) for part in parts)
    texts = [[(name or "").strip() for name in part] + [""] * (wide - len(part)) for part in parts]
    names = tuple(" ".join(filter(None, column)) for column in zip(*texts, strict=True))
    return _Names(names, parts[0], line, first + min(head.at, size), head.line)


def _begun(path: Path, contract: Contract) -> tuple[_Head, int, int]:
    """The beginning of a file behind the lines to skip, the place of its first byte, and how many bytes were read."""
    with open_text(path, contract.encoding) as file:
        first = file.tell()
        data = file.read(_LONGEST_HEADER + 1)
        final = not file.read(1)
    size = len(data)
    if final and data and data[-1:] not in {b"\n", b"\r"}:
        data += b"\n"
    head = _Head(data, final, replace(dialect_of(contract), nulls=("",)), path)
    head.skip(contract.skip_lines)
    return head, first, size


def read_header(path: Path, contract: Contract) -> CsvHeader:
    """The header of `path`: as many lines as the contract says, from the first one on that is not blank.

    Raises `SourceRefused` when there is none, or when it does not fit: a column the contract does not
    know, one it needs, a name that occurs twice.
    """
    if contract.header is False:
        head, first, size = _begun(path, contract)
        return CsvHeader(tuple(contract.columns), (), reordered=False, body=first + min(head.at, size), line=head.line)
    read = _read_names(path, contract)
    columns = _columns(read.names, contract, path, read.line)
    present = set(columns)
    return CsvHeader(
        columns=columns,
        missing=tuple(name for name in contract.columns if name not in present),
        reordered=list(columns) != [name for name in contract.columns if name in present],
        body=read.body,
        line=read.body_line,
        names=read.first,
    )


def _columns(names: Sequence[str], contract: Contract, path: Path, line: int) -> tuple[str, ...]:
    """The contract's name of every column of the file, or a refusal that lists all that is wrong."""
    known = {source: name for name, source in contract.source_columns().items()}
    unknown = [name for name in names if name not in known]
    if len(unknown) == len(names):
        raise _no_header(names, contract, path, line)
    twice = sorted({name for name in names if names.count(name) > 1})
    present = {known[name] for name in names if name in known}
    lacking = [source for source, name in known.items() if name not in present and contract.requires(name)]
    file = f"sources/{contract.source}.yml"
    problems: list[str] = []
    cures: list[str] = []
    if twice:
        problems.append(f"the header has {_listed(twice)} more than once")
        cures.append("give each column its own name")
    if unknown:
        problems.append(f"the contract does not know the column {_listed(unknown)}")
        policy = "schema_policy: freeze leaves out what is not named, evolve takes it along"
        cures.append(f"add it under columns: in {file} (it will flow on as an attribute), or write {policy}")
    if lacking:
        problems.append(f"the required column {_listed(lacking)} is missing")
        cures.append(f"deliver it, or, if it has a new name, say so with from: in {file}")
    if problems:
        raise _refused("; ".join(problems), path, line, "; ".join(cures))
    return tuple(known[name] for name in names)


def _no_header(names: Sequence[str], contract: Contract, path: Path, line: int) -> SourceRefused:
    """Not one known column. The line may well be a record: none of its text goes into the message."""
    only = names[0] if len(names) == 1 else ""
    other = next((mark for mark in _OTHER_DELIMITERS if mark not in contract.delimiter and mark in only), None)
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
        "a header line is needed above the records; if the file has none, say header: false in "
        f"sources/{contract.source}.yml, and if its columns have other names, say so with from:",
    )


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:_NAMED_AT_MOST])
    return f"{shown} and {len(names) - _NAMED_AT_MOST} more" if len(names) > _NAMED_AT_MOST else shown


def _refused(what: str, path: Path, line: int, cure: str) -> SourceRefused:
    return SourceRefused(what, where=f"{path}:{line}", cure=cure)
