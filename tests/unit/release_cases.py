"""Projects with releases, made once a test file and copied for each test; and ways to damage them."""

import shutil
from datetime import date
from pathlib import Path

from tenure.core.settings import Project, open_project
from tenure.pipeline import RunResult, run_all
from tenure.warehouse.manifest import ReleaseManifest
from tenure.warehouse.releases import open_release
from tenure.warehouse.store import ReleaseStore
from tests.reference_case import BUSINESS_DATE, make_reference_project


def make_releases(folder: Path, count: int) -> Path:
    """The reference case with so many releases: in each after the first, one offer more."""
    project = make_reference_project(folder)
    run_all(project, BUSINESS_DATE)
    for number in range(1, count):
        add_offer(project, 2020 + number)
        run_all(project, BUSINESS_DATE)
    return project.root


def copied(made: Path, folder: Path) -> Project:
    """A project of one's own; parts that releases share are shared in the copy as well."""
    shutil.copytree(made, folder, symlinks=True)
    seen: dict[str, Path] = {}
    for path in sorted((folder / ".tenure" / "warehouse" / "releases").rglob("*.parquet")):
        inode = str((made / path.relative_to(folder)).stat().st_ino)
        if inode in seen:
            path.unlink()
            path.hardlink_to(seen[inode])
        seen.setdefault(inode, path)
    return open_project(folder)


def add_offer(project: Project, number: int = 2021) -> None:
    """A delivery of one offer of customer 1."""
    path = project.root / "landing" / f"offers_{number}.csv"
    path.write_text(f"offer_id,customer_id,offer_type,accepted,date_offered\n{number},1,Cashback,1,2025-09-01\n")


def run(project: Project, day: date = BUSINESS_DATE) -> RunResult:
    """`tenure run`."""
    return run_all(project, day)


def store_of(project: Project) -> ReleaseStore:
    return ReleaseStore(project.warehouse)


def current(project: Project) -> str:
    """The release in force."""
    pointer = store_of(project).pointer()
    assert pointer is not None
    return pointer.current


def manifest_of(project: Project, release: str | None = None) -> ReleaseManifest:
    return store_of(project).manifest(release or current(project))


def hashes(project: Project, release: str | None = None) -> dict[str, str]:
    """The content hash of every table of a release."""
    return {table.name: table.content_hash for table in manifest_of(project, release).tables}


def parts(project: Project, table: str, release: str | None = None) -> list[Path]:
    """The files of a table."""
    name = release or current(project)
    found = manifest_of(project, name).table(table)
    assert found is not None
    return [store_of(project).folder / name / part.file for part in found.parts]


def own_part(project: Project, table: str) -> Path:
    """A file of a table in the release in force that no other release shares."""
    return next(path for path in parts(project, table) if path.stat().st_nlink == 1)


def flip_bit(path: Path) -> None:
    """Damage a file as a failing disk would, in place: every hard link to it is damaged."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    with path.open("r+b") as handle:
        handle.write(content)


def offers(project: Project, release: str | None = None) -> int:
    """How many offers a release holds."""
    with open_release(project, release) as opened:
        return opened.query("SELECT COUNT(*) AS n FROM dim_offer")["n"][0].as_py()
