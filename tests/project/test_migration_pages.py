"""The pages for users of Sqoop and NiFi name only words and options that exist, and leave out nothing of theirs."""

import re
from typing import Any

import pytest
import typer

from tenure.cli.main import app
from tenure.contracts.columns import ColumnContract
from tenure.contracts.file_format import WatchedFiles
from tenure.contracts.model import Contract
from tenure.contracts.server_reading import Watermark
from tests.project.repository import text

PAGES = ("docs/how-to/from-sqoop.md", "docs/how-to/from-nifi.md")
SQOOP = """
--connect --username --password --password-file -P --table --columns --where --query --split-by --num-mappers -m
--boundary-query --fetch-size --incremental --check-column --last-value --merge-key --append --null-string
--null-non-string --validate --as-parquetfile --as-textfile --compress --compression-codec --fields-terminated-by
--enclosed-by --escaped-by --lines-terminated-by --target-dir --delete-target-dir --hive-import --exclude-tables
--connection-param-file --relaxed-isolation --direct --map-column-java --export-dir --update-key --update-mode
--staging-table --clear-staging-table --batch --call --input-null-string --input-null-non-string
--input-fields-terminated-by import-all-tables eval job codegen merge metastore list-tables list-databases
"""
NIFI = (
    "Input Directory, File Filter, Keep Source File, Recurse Subdirectories, Ignore Hidden Files, Polling Interval, "
    "Minimum File Age, Batch Size, JsonTreeReader, CSVReader, ParquetReader, Schema Text, Value Separator, "
    "Treat First Line as Header, Quote Character, Escape Character, Comment Marker, Null String, Character Set, "
    "Date Format, ParquetRecordSetWriter, Directory, Conflict Resolution Strategy, Compression codec, "
    "Maximum-value Columns, Fetch Size, Custom Query"
)
NESTED: dict[str, Any] = {"watermark": Watermark, "watch": WatchedFiles}
FREE = {"sources/NAME.yml", "**", "landing/**/*.csv", "decimal(20,0)", "$CONDITIONS"}


def _rows(page: str) -> list[tuple[str, str]]:
    """(theirs, ours) of every row of every table of a page."""
    found = re.findall(r"^\| (.+?) \| (.+?) \|$", text(page), flags=re.MULTILINE)
    return [row for row in found if row[1] not in {"Tenure", "---"}]


def _words(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


ROWS = [(page, theirs, ours) for page in PAGES for theirs, ours in _rows(page)]


def _command(words: list[str]) -> tuple[Any, list[str]]:
    """The command that these words call, and the words after it."""
    command: Any = typer.main.get_command(app)
    rest = words
    while rest and rest[0] in getattr(command, "commands", {}):
        command, rest = command.commands[rest[0]], rest[1:]
    return command, rest


def _wrong(word: str, command: Any) -> bool:
    """Whether a word of the second column is neither a contract's word nor a command with its options."""
    if word in FREE or re.fullmatch(r"TENURE_[A-Z_]+", word):
        return False
    if word.startswith("tenure "):
        called, rest = _command(word.removeprefix("tenure ").split())
        return called.name in {None, "tenure"} or any(not _has(called, part) for part in rest if part.startswith("--"))
    if word.startswith("--"):
        return command is None or not _has(command, word)
    name, colon, value = word.partition(":")
    if name in NESTED and value:
        return value.strip(" {}").split(":")[0] not in NESTED[name].model_fields
    known = Contract.model_fields | ColumnContract.model_fields
    if not colon or name not in known:
        return True
    return name in {"kind", "mode"} and bool(value) and value.strip() not in str(known[name].annotation)


def _has(command: Any, option: str) -> bool:
    return any(option in parameter.opts for parameter in command.params)


@pytest.mark.parametrize(("page", "theirs", "ours"), ROWS, ids=[f"{theirs}"[:60] for _, theirs, _ in ROWS])
def test_what_a_row_names_on_our_side_exists(page: str, theirs: str, ours: str) -> None:
    command: Any = None
    for word in _words(ours):
        assert not _wrong(word, command), f"{page}: {theirs}: {word}"
        if word.startswith("tenure "):
            command = _command(word.removeprefix("tenure ").split())[0]
    assert _words(ours) or re.match(r"(not needed|always|none|HDFS)", ours), f"{page}: {theirs}"


def test_every_option_of_sqoop_has_a_row() -> None:
    named = {part for theirs, _ in _rows(PAGES[0]) for word in _words(theirs) for part in word.split()}
    assert len(named) > 60
    assert [option for option in SQOOP.split() if option not in named] == []


def test_every_property_of_nifi_has_a_row() -> None:
    named = {part.strip() for theirs, _ in _rows(PAGES[1]) for part in theirs.split(",")}
    assert [name for name in NIFI.split(", ") if name not in named] == []


def test_a_word_that_does_not_exist_is_noticed() -> None:
    export = _command(["export", "mariadb"])[0]
    for word in ("wher:", "where", "watermark: columm", "mode: sideways", "tenure exprot", "tenure ingest --nope"):
        assert _wrong(word, None), word
    assert _wrong("--nope", export) and _wrong("--sql", None)
