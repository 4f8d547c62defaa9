"""A project on which things are broken, and what must be true before, while and after they are."""

import shutil
from pathlib import Path

from tenure.core.settings import open_project
from tenure.pipeline import raw_zone, run_all, verify
from tenure.warehouse.store import ReleaseStore
from tests.command import Command, Ran
from tests.reference_case import BUSINESS_DATE, make_reference_project

LOADS = 4
"""Loads of the reference case."""


def add_offer(bank: Path, number: int = 2021) -> None:
    """One more offer in the landing folder."""
    file = bank / "landing" / f"offers_{number}.csv"
    file.write_text(f"offer_id,customer_id,offer_type,accepted,date_offered\n{number},1,Cashback,1,2025-09-01\n")


def run(tenure: Command, bank: Path, verb: str = "run", *words: object) -> Ran:
    """A command for the business date of the reference case."""
    return tenure(verb, "--date", BUSINESS_DATE, "--project", bank, *words)


def store(bank: Path) -> ReleaseStore:
    return ReleaseStore(open_project(bank).warehouse)


def current(bank: Path) -> str:
    pointer = store(bank).pointer()
    assert pointer is not None
    return pointer.current


def hashes(bank: Path) -> dict[str, str]:
    """Content of every table of the release in force that does not tell when something was recorded."""
    tables = store(bank).manifest(current(bank)).tables
    return {table.name: table.content_hash for table in tables if table.name != "data_quality"}


def part_of(bank: Path, table: str) -> Path:
    """The first file of a table of the release in force."""
    found = store(bank).manifest(current(bank)).table(table)
    assert found is not None
    return store(bank).folder / current(bank) / found.parts[0].file


def load_of(bank: Path, source: str) -> Path:
    return next((bank / ".tenure" / "raw" / source).iterdir())


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def explains(ran: Ran, *parts: str) -> None:
    """The command failed with a message of these parts and a cure, without a traceback."""
    assert ran.code == 1, ran
    for part in (*parts, "cure: "):
        assert part in ran.err, ran.err
    assert "Traceback" not in ran.err


def still_answers(tenure: Command, bank: Path, release: str) -> None:
    """The release is in force and reports read it."""
    assert current(bank) == release
    document = tenure("report", "churn_overall", "--project", bank, "--json").document
    assert document["release"] == release
    assert document["rows"][0]["total_customers"] == 20


def is_healed_by_a_run(tenure: Command, bank: Path, wanted: dict[str, str], *damaged: str) -> None:
    """The next run makes what an undisturbed one makes, from loads none of which is lost or doubled.

    Nothing is wrong any more, but for the releases `damaged`, which are kept as long as any other.
    """
    ran = run(tenure, bank)
    assert ran.code == 0, ran.err
    assert hashes(bank) == wanted
    assert len(raw_zone(open_project(bank)).state.loads()) == LOADS + 1
    wrong = {finding.what for finding in verify(open_project(bank)) if finding.problem}
    assert wrong <= {f"release {name}" for name in damaged}
    assert not (store(bank).folder / ".building").exists()


def built(folder: Path) -> Path:
    """The reference case with its first release."""
    project = make_reference_project(folder)
    run_all(project, BUSINESS_DATE)
    return project.root


def with_news(prepared: Path, folder: Path) -> Path:
    """A copy of a built project, with one more offer in its landing folder."""
    bank = Path(shutil.copytree(prepared, folder, symlinks=True))
    add_offer(bank)
    return bank


def undisturbed(prepared: Path, folder: Path) -> dict[str, str]:
    """What a run makes of it when nothing is broken."""
    bank = with_news(prepared, folder)
    run_all(open_project(bank), BUSINESS_DATE)
    return hashes(bank)
