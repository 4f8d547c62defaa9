"""Every case of JSONTestSuite that fits on one line is taken, or set apart, as RFC 8259 has it."""

import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tenure.sources.json_guard import json_blocks
from tenure.sources.json_record import Fault, asked_of, read_record
from tests.guarded_file import contract, read_through

ARCHIVE = Path(__file__).parents[1] / "data" / "jsontestsuite" / "jsontestsuite.tar.gz"
TERMS = contract("ndjson", note="string")
# Valid JSON all the same, but no record: a key twice, an object or array where a value should be, a NUL in a text.
NO_RECORD = {"type", "encoding"}


def _cases() -> Iterator[tuple[str, bytes]]:
    with tarfile.open(ARCHIVE) as archive:
        for member in archive.getmembers():
            file = archive.extractfile(member) if "/test_parsing/" in member.name else None
            line = file.read().rstrip(b"\r\n") if file else b"\n"
            if b"\n" not in line:
                yield Path(member.name).stem, line


CASES = dict(_cases())


def test_the_suite_is_there() -> None:
    counts = {letter: sum(name.startswith(letter) for name in CASES) for letter in "yni"}
    assert counts == {"y": 93, "n": 185, "i": 35}


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("n_")])
def test_invalid_json_is_never_loaded(name: str) -> None:
    alone = read_through(json_blocks, CASES[name] + b"\n", TERMS)
    assert alone.cells == {}
    as_value = read_through(json_blocks, b'{"note":' + CASES[name] + b"}\n", TERMS)
    assert [reject.rule for reject in as_value.rejects] in (["json"], ["encoding"])


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("y_")])
def test_valid_json_is_never_called_invalid(name: str) -> None:
    line = CASES[name]
    fault = read_record(b'{"note":' + line + b"}", asked_of(TERMS))
    if isinstance(fault, Fault) and "duplicated_key" not in name:
        assert fault.rule in NO_RECORD
    result = read_through(json_blocks, b'{"note":' + line + b"}\n", TERMS)
    assert [reject.rule for reject in result.rejects] == ([fault.rule] if isinstance(fault, Fault) else [])


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("i_")])
def test_where_the_standard_leaves_a_choice_the_account_balances(name: str) -> None:
    result = read_through(json_blocks, b'{"note":"a"}\n{"note":' + CASES[name] + b'}\n{"note":"b"}\n', TERMS)
    assert result.records == 3
    assert {result.cells[1]["note"], result.cells[3]["note"]} == {"a", "b"}
