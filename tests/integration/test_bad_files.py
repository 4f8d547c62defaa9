"""Public suites of bad CSV files: each is loaded exactly, set apart or refused, and the account of each balances."""

import tarfile
from collections import Counter
from pathlib import Path

import pytest
from bench.bad_files import READERS, fate_with

from tests.bad_files import Fate, Result, duckdb_csv_files, ingested, pollock_files
from tests.shared_data import shared


@pytest.fixture(scope="module")
def pollock(tmp_path_factory: pytest.TempPathFactory) -> list[Result]:
    """Pollock's 200 files, ingested."""
    folder = unpacked("data/pollock/polluted_200.tar.gz", tmp_path_factory.mktemp("pollock"))
    return ingested(pollock_files(folder / "polluted_files"), tmp_path_factory.mktemp("project") / "pollock")


def unpacked(archive: str, folder: Path) -> Path:
    with tarfile.open(shared(archive)) as suite:
        suite.extractall(folder, filter="data")
    return folder


def test_of_pollock_every_record_is_accounted_for(pollock: list[Result]) -> None:
    assert len(pollock) == 200
    assert [result.file.name for result in pollock if not result.balances] == []


def test_of_pollock_nothing_is_silently_wrong_and_little_is_refused(pollock: list[Result]) -> None:
    assert [result.file.name for result in pollock if result.fate is Fate.WRONG] == []
    refused = [result.file.name for result in pollock if result.fate is Fate.REFUSED]
    assert all("_row0_" in name or "_quote0_" in name for name in refused)  # there the header is polluted
    # Elsewhere a polluted line costs itself and no other.
    assert all(result.entry["quarantined"] <= 1 for result in pollock)


def test_of_pollock_more_is_loaded_exactly_than_other_readers_do(pollock: list[Result]) -> None:
    exact = sum(result.fate is Fate.EXACT for result in pollock)
    for name, read in READERS.items():
        fates = Counter(fate_with(read, result.file) for result in pollock)
        assert exact >= fates[Fate.EXACT] > 0, name


def test_of_duckdbs_own_cases_every_record_is_accounted_for(tmp_path: Path) -> None:
    folder = unpacked("data/duckdb_csv_json/duckdb_csv_json.tar.gz", tmp_path)
    results = ingested(duckdb_csv_files(folder / "duckdb_csv_json/data/csv"), tmp_path / "project")
    assert len(results) > 800
    assert [result.file.name for result in results if not result.balances] == []
    fates = Counter(result.fate for result in results)
    assert fates[Fate.REFUSED] < 0.3 * len(results)
