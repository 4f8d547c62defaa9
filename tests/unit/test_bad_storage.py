"""Stored files that are damaged or gone: named with their cure, nothing else is lost, and a run heals the rest."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.command import Command
from tests.reference_case import BUSINESS_DATE
from tests.unit.broken_bank import (
    LOADS,
    built,
    current,
    explains,
    flip_a_bit,
    is_healed_by_a_run,
    load_of,
    part_of,
    run,
    still_answers,
    store,
    undisturbed,
    with_news,
)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("prepared") / "bank")


@pytest.fixture(scope="module")
def wanted(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return undisturbed(prepared, tmp_path_factory.mktemp("undisturbed") / "bank")


@pytest.fixture
def bank(prepared: Path, tmp_path: Path) -> Path:
    return with_news(prepared, tmp_path / "bank")


# --- the release in force


def removed(path: Path) -> None:
    path.unlink()


def emptied(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [flip_a_bit, emptied, removed])
def test_a_damaged_part_of_the_release_in_force_is_named_and_can_be_rebuilt(
    tenure: Command, bank: Path, wanted: dict[str, str], damage: Callable[[Path], None]
) -> None:
    damage(part_of(bank, "dim_customer"))
    explains(tenure("report", "churn_overall", "--project", bank), "dim_customer/", "tenure verify --repair")
    ran = tenure("verify", "--repair", "--project", bank)
    assert ran.code == 0, ran
    assert "repaired" in ran.out
    assert tenure("report", "churn_overall", "--project", bank).code == 0
    is_healed_by_a_run(tenure, bank, wanted)


@pytest.mark.parametrize("damage", [flip_a_bit, emptied, removed])
def test_a_build_on_a_damaged_part_ends_in_a_cure_or_a_whole_release(
    tenure: Command, bank: Path, wanted: dict[str, str], damage: Callable[[Path], None]
) -> None:
    before = current(bank)
    damage(part_of(bank, "dim_support_ticket"))
    ran = run(tenure, bank)
    if ran.code:
        explains(ran, "dim_support_ticket/", "tenure verify --repair")
    shared = current(bank)
    assert tenure("verify", "--project", bank).code == 1
    assert run(tenure, bank, "build", "--full").code == 0
    is_healed_by_a_run(tenure, bank, wanted, before, shared)


@pytest.mark.parametrize("damage", [flip_a_bit, emptied, removed])
def test_a_damaged_manifest_is_named_and_a_full_build_goes_on_without_it(
    tenure: Command, bank: Path, wanted: dict[str, str], damage: Callable[[Path], None]
) -> None:
    before = current(bank)
    damage(store(bank).folder / before / "manifest.json")
    explains(run(tenure, bank), "manifest.json", "tenure build --full")
    explains(tenure("report", "churn_overall", "--project", bank), "tenure build --full")
    assert run(tenure, bank, "build", "--full").code == 0
    is_healed_by_a_run(tenure, bank, wanted, before)


def names_no_release(path: Path) -> None:
    path.write_text("000009-0123456789abcdef\n000009-0123456789abcdef\n")


def one_bit_of_the_release_in_force(path: Path) -> None:
    path.write_text(path.read_text().replace("000001-", "000000-", 1))


def one_bit_of_the_newest_release(path: Path) -> None:
    first, second = path.read_text().splitlines()
    path.write_text(f"{first}\n{second.replace('000001-', '000000-')}\n")


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    "damage", [emptied, names_no_release, one_bit_of_the_release_in_force, one_bit_of_the_newest_release]
)
def test_a_damaged_pointer_is_named_and_a_full_build_goes_on_without_it(
    tenure: Command, bank: Path, wanted: dict[str, str], damage: Callable[[Path], None]
) -> None:
    before = current(bank)
    damage(bank / ".tenure" / "warehouse" / "CURRENT")
    explains(run(tenure, bank), "CURRENT", "tenure build --full")
    read = tenure("report", "churn_overall", "--project", bank)
    if read.code:
        explains(read, "tenure build --full")
    assert (store(bank).folder / before / "manifest.json").is_file()
    assert run(tenure, bank, "build", "--full").code == 0
    is_healed_by_a_run(tenure, bank, wanted)


def test_a_folder_in_place_of_the_pointer_is_named(tenure: Command, bank: Path) -> None:
    a_folder(bank / ".tenure" / "warehouse" / "CURRENT")
    explains(run(tenure, bank), "CURRENT")
    explains(tenure("report", "churn_overall", "--project", bank), "CURRENT")


# --- the raw zone


@pytest.mark.parametrize("file", ["", "manifest.json", "data.parquet"])
def test_a_load_that_is_gone_stops_the_build_until_it_is_back(
    tenure: Command, bank: Path, wanted: dict[str, str], file: str, tmp_path: Path
) -> None:
    before = current(bank)
    assert tenure("ingest", "--date", BUSINESS_DATE, "--project", bank).code == 0
    lost = load_of(bank, "offers") / file
    shutil.move(lost, tmp_path / "backup")
    for words in ((), ("--full",)):
        explains(run(tenure, bank, "build", *words), "raw/offers/L0000000", "restore the file from a backup")
    checked = tenure("verify", "--project", bank)
    assert checked.code == 1
    assert "raw/offers/L0000000" in checked.err
    still_answers(tenure, bank, before)
    shutil.move(tmp_path / "backup", lost)
    is_healed_by_a_run(tenure, bank, wanted)


def another_value(path: Path) -> None:
    """A valid Parquet file in which one offer was accepted that was not."""
    table = pq.read_table(path)
    answers = table["accepted"].to_pylist()
    changed = pa.array([not answers[0], *answers[1:]])
    pq.write_table(table.set_column(table.column_names.index("accepted"), "accepted", changed), path)


@pytest.mark.parametrize("damage", [flip_a_bit, emptied, another_value])
def test_a_load_whose_bytes_have_changed_stops_a_full_build_until_it_is_back(
    tenure: Command, bank: Path, wanted: dict[str, str], damage: Callable[[Path], None]
) -> None:
    before = current(bank)
    assert tenure("ingest", "--date", BUSINESS_DATE, "--project", bank).code == 0
    data = load_of(bank, "offers") / "data.parquet"
    content = data.read_bytes()
    damage(data)
    assert tenure("verify", "--project", bank).code == 1
    explains(run(tenure, bank, "build", "--full"), "data.parquet", "restore the file from a backup")
    still_answers(tenure, bank, before)
    data.write_bytes(content)
    is_healed_by_a_run(tenure, bank, wanted)


@pytest.mark.parametrize("damage", [removed, emptied])
def test_a_lost_state_database_never_costs_a_load(
    tenure: Command, bank: Path, wanted: dict[str, str], damage: Callable[[Path], None]
) -> None:
    before = current(bank)
    state = bank / ".tenure" / "state.sqlite"
    content = state.read_bytes()
    damage(state)
    for verb in ("build", "run"):
        explains(run(tenure, bank, verb), "state.sqlite")
    assert len(list((bank / ".tenure" / "raw").glob("*/L*/manifest.json"))) == LOADS
    still_answers(tenure, bank, before)
    state.write_bytes(content)
    is_healed_by_a_run(tenure, bank, wanted)


def test_a_state_database_of_garbage_is_named_and_nothing_is_touched(
    tenure: Command, bank: Path, wanted: dict[str, str]
) -> None:
    before = current(bank)
    state = bank / ".tenure" / "state.sqlite"
    content = state.read_bytes()
    state.write_bytes(b"garbage " * 200)
    explains(run(tenure, bank), "state.sqlite: the state database failed")
    still_answers(tenure, bank, before)
    state.write_bytes(content)
    is_healed_by_a_run(tenure, bank, wanted)
