"""The public suites of odd JSON files through `tenure ingest`: sound ones exact, no broken one taken for sound."""

import tarfile
from pathlib import Path

import pytest

from tests.bad_files import Fate, Result, ingested
from tests.bad_json import duckdb_json_files, json_suite_files, understood
from tests.shared_data import shared

SUITE = Path(__file__).parents[1] / "data" / "jsontestsuite" / "jsontestsuite.tar.gz"
# Sound, but no file that lost its content may pass for one without records; and what no reader here takes.
REFUSED_THOUGH_SOUND = {"whitespace_only.json", "empty_no_newline.json"}


def _unpacked(archive: Path, folder: Path) -> Path:
    with tarfile.open(archive) as suite:
        suite.extractall(folder, filter="data")
    return folder


@pytest.fixture(scope="module")
def parsing(tmp_path_factory: pytest.TempPathFactory) -> list[Result]:
    folder = _unpacked(SUITE, tmp_path_factory.mktemp("suite"))
    return understood(ingested(json_suite_files(folder / "jsontestsuite" / "test_parsing"), folder / "project"))


@pytest.fixture(scope="module")
def duckdb(tmp_path_factory: pytest.TempPathFactory) -> list[Result]:
    folder = _unpacked(shared("data/duckdb_csv_json/duckdb_csv_json.tar.gz"), tmp_path_factory.mktemp("suite"))
    return understood(ingested(duckdb_json_files(folder / "duckdb_csv_json" / "data" / "json"), folder / "project"))


def _named(results: list[Result]) -> list[str]:
    return [result.file.name for result in results]


def test_the_account_of_every_file_balances(parsing: list[Result]) -> None:
    assert len(parsing) == 318
    assert _named([result for result in parsing if not result.balances]) == []


def test_every_sound_document_is_loaded_exactly(parsing: list[Result]) -> None:
    sound = [result for result in parsing if result.file.name.startswith("y_")]
    assert len(sound) == 95
    assert _named([result for result in sound if result.fate is not Fate.EXACT]) == []


def test_every_broken_document_is_refused_or_set_apart(parsing: list[Result]) -> None:
    broken = [result for result in parsing if result.file.name.startswith("n_")]
    assert len(broken) == 188
    passed = [result for result in broken if result.fate not in {Fate.REFUSED, Fate.QUARANTINED}]
    assert _named(passed) == []


def test_of_a_broken_document_only_sound_elements_are_taken(parsing: list[Result]) -> None:
    broken = [result for result in parsing if result.file.name.startswith("n_") and result.rows]
    assert [(result.file.name, result.rows) for result in broken] == [("n_object_bad_value.json", [("'x'",)])]


def test_every_case_of_duckdb_is_exact_set_apart_or_refused(duckdb: list[Result]) -> None:
    assert len(duckdb) > 80
    assert _named([result for result in duckdb if not result.balances]) == []
    sound = [result for result in duckdb if result.file.clean is not None]
    assert len(sound) > 60
    assert set(_named([result for result in sound if result.fate is not Fate.EXACT])) <= REFUSED_THOUGH_SOUND
    unsound = [result for result in duckdb if result.file.clean is None]
    assert _named([result for result in unsound if result.fate is Fate.UNKNOWN]) == []
