"""Finds the files of a source, tells which of them are new, and opens them through their guard."""

import os
import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

from tenure.contracts.model import Contract
from tenure.core.durable import sha256_file
from tenure.core.errors import SourceRefused
from tenure.sources.csv_guard import csv_blocks
from tenure.sources.csv_header import read_header
from tenure.sources.delivered import Delivery
from tenure.sources.json_document import document_blocks
from tenure.sources.json_guard import json_blocks
from tenure.sources.parquet_guard import parquet_blocks, parquet_notes
from tenure.sources.records import Block
from tenure.sources.schema_policy import new_columns, policy_notes
from tenure.sources.verbatim_keys import csv_key_texts, json_key_texts

_GUARDS: dict[str, Callable[[Path, Contract], Iterator[Block]]] = {
    "csv": csv_blocks,
    "json": document_blocks,
    "ndjson": json_blocks,
    "parquet": parquet_blocks,
}


_UNFINISHED = (".part", ".partial", ".filepart", ".crdownload", ".tmp", ".temp")


def is_unfinished(name: str) -> bool:
    """Whether a file's name says that its writer will rename it once it is complete."""
    return name.startswith(".") or name.lower().endswith(_UNFINISHED)


def find_files(root: Path, contract: Contract) -> list[Path]:
    """The files that the contract's path names, by name; folders included, so that they can be refused.

    One whose name says that it is not complete is none of them, unless the path asks for such names.
    """
    return sorted({path for pattern in contract.paths for path in _matching(root, pattern)})


def _matching(root: Path, pattern: str) -> Iterator[Path]:
    """The files that one path names; of a folder those in it, but for the marks of Hadoop's programs (_SUCCESS)."""
    base = Path("/") if pattern.startswith("/") else root
    itself = base / pattern.strip("/")
    is_itself = itself.exists()  # a name may hold characters of a glob
    for path in [itself] if is_itself else base.glob(pattern.strip("/")):
        if path.is_dir() and is_itself:
            yield from (file for file in path.iterdir() if file.name[0] not in "._" and not is_unfinished(file.name))
        elif path.is_dir() and "**" in pattern:
            continue  # its files are named too
        elif not is_unfinished(path.name) or is_unfinished(Path(pattern).name):
            yield path


def delivery_name(root: Path, path: Path) -> str:
    r"""What a file is called in the state database and in messages: its place in the project, if it is there.

    Bytes of it that are not UTF-8 are written as \xff: what is printed or stored must be text.
    """
    return _bytes_of_name(root, path).decode("utf-8", "backslashreplace")


def _bytes_of_name(root: Path, path: Path) -> bytes:
    return os.fsencode(path.relative_to(root) if path.is_relative_to(root) else path)


def expect_name_is_text(root: Path, path: Path) -> None:
    """Raises `SourceRefused` for a file whose name, or a folder's on the way to it, is not UTF-8."""
    try:
        _bytes_of_name(root, path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise SourceRefused(
            "its name is not UTF-8", where=delivery_name(root, path), cure="rename it; then it is loaded"
        ) from error


def stamp_of(path: Path) -> str:
    """Changes whenever the file's bytes may have: size, inode and the two times of last change."""
    stat = path.stat()
    return f"{stat.st_size}.{stat.st_ino}.{stat.st_mtime_ns}.{stat.st_ctime_ns}"


def file_delivery(root: Path, path: Path, contract: Contract) -> Delivery:
    """A file as a delivery; raises `SourceRefused` when it is not a readable file."""
    expect_name_is_text(root, path)
    name = delivery_name(root, path)
    if path.is_dir():
        raise SourceRefused(
            "is a folder where a file should be",
            where=name,
            cure=f"move it, or change path in sources/{contract.source}.yml",
        )
    if path.exists() and not path.is_file():
        raise SourceRefused("is not a file: a pipe or a device", where=name, cure="move it away")
    try:
        stamp = stamp_of(path)
        sha256 = sha256_file(path)
    except OSError as error:
        raise SourceRefused(
            f"cannot be read: {error.strerror}", where=name, cure="check that it exists and that you may read it"
        ) from error
    new = new_columns(path, contract)
    read = contract.with_columns(new).as_read()
    return Delivery(
        name=name,
        sha256=sha256,
        stamp=stamp,
        blocks=lambda: _GUARDS[contract.kind](path, read),
        effective=date_in_name(path.name, contract),
        still_the_same=lambda: stamp_of(path) == stamp,
        notes=(*_notes(path, read, contract), *policy_notes(contract, new)),
        key_texts=csv_key_texts(path, read) if contract.kind == "csv" else json_key_texts(read),
        header=_columns_of(path, read) if contract.kind == "csv" else None,
        new_columns=new if contract.schema_policy == "evolve" else {},
    )


def _columns_of(path: Path, contract: Contract) -> tuple[str, ...]:
    """The columns of a CSV file in its order, by their names in the source."""
    names = contract.source_columns()
    return tuple(names[column] for column in read_header(path, contract).columns)


def _notes(path: Path, read: Contract, contract: Contract) -> tuple[str, ...]:
    if contract.kind == "parquet":
        return parquet_notes(path, read)
    return _header_notes(path, read, contract) if contract.kind == "csv" else ()


def _header_notes(path: Path, read: Contract, contract: Contract) -> tuple[str, ...]:
    """What a person should know of a header that fits but is not the contract's, word for word."""
    header = read_header(path, read)
    notes: list[str] = []
    own = [name for name in header.columns if name in contract.columns]
    if own != [name for name in contract.columns if name in own]:
        notes.append("its columns stand in another order than the contract's; they were matched by name")
    if header.missing:
        notes.append(f"it has no {', '.join(header.missing)}; left empty")
    return tuple(notes)


def date_in_name(name: str, contract: Contract) -> date | None:
    """The date that the contract's `effective.file_name` finds in a file's name; a month means its last day.

    Raises `SourceRefused` for a name that fits the pattern with a date that does not exist.
    """
    if contract.effective is None or contract.effective.file_name is None:
        return None
    pattern = re.escape(contract.effective.file_name)
    for word, digits in ((r"\{yyyy\-mm\-dd\}", r"(\d{4})-(\d{2})-(\d{2})"), (r"\{yyyy\-mm\}", r"(\d{4})-(\d{2})")):
        pattern = pattern.replace(word, digits)
    found = re.fullmatch(pattern.replace(r"\*", ".*") + r"(\.gz|\.zst)?", name)
    if found is None:
        return None
    parts = [int(part) for part in found.groups()[:-1]]
    try:
        if len(parts) == 3:
            return date(*parts)
        year, month = parts
        return date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
    except ValueError as error:
        raise SourceRefused(
            f"its name holds a date that does not exist ({error})", where=name, cure="rename the file"
        ) from error
