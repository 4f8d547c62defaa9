"""`tenure verify --repair`: damaged releases are whole again, with the same rows, or it is said why they cannot be."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tenure.core.durable import sha256_file
from tenure.core.settings import Project
from tenure.pipeline import raw_zone, repair, verify
from tenure.warehouse.repair import Repair
from tests.command import Command
from tests.unit.release_cases import (
    copied,
    current,
    flip_bit,
    hashes,
    make_releases,
    manifest_of,
    offers,
    own_part,
    parts,
    store_of,
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_releases(tmp_path_factory.mktemp("made") / "bank", 2)


@pytest.fixture
def project(made: Path, tmp_path: Path) -> Project:
    return copied(made, tmp_path / "bank")


def _wrong(project: Project) -> list[str]:
    return [f"{finding.what}: {finding.problem}" for finding in verify(project) if finding.problem]


def _done(repairs: list[Repair]) -> set[bool]:
    return {entry.done for entry in repairs}


def _sequence_hashes(project: Project) -> dict[int, dict[str, str]]:
    return {manifest_of(project, name).sequence: hashes(project, name) for name in store_of(project).names()}


def test_without_damage_nothing_is_repaired(project: Project) -> None:
    names = store_of(project).names()
    assert repair(project) == []
    assert store_of(project).names() == names


def test_a_part_that_only_one_release_has_is_rebuilt_from_raw(project: Project) -> None:
    before = _sequence_hashes(project)
    flip_bit(own_part(project, "dim_offer"))
    assert len(_wrong(project)) == 1
    (told,) = repair(project)
    assert told.done
    assert "dim_offer" in told.what
    assert "taken from the raw zone: computed again, with the same rows" in told.how
    assert _wrong(project) == []
    assert _sequence_hashes(project) == before
    assert offers(project) == 21


def test_a_part_that_two_releases_share_is_repaired_for_both(project: Project) -> None:
    older, newer = store_of(project).names()
    flip_bit(parts(project, "dim_customer")[0])
    assert len(_wrong(project)) == 2
    repairs = repair(project)
    assert len(repairs) == 2
    assert _done(repairs) == {True}
    assert _wrong(project) == []
    assert parts(project, "dim_customer", store_of(project).names()[0])[0].stat().st_nlink == 2
    assert [offers(project, name) for name in store_of(project).names()] == [20, 21]
    assert {manifest_of(project, name).sequence for name in store_of(project).names()} == {1, 2}
    assert {older[:6], newer[:6]} == {"000001", "000002"}


def test_only_the_damaged_month_is_replaced_and_all_are_shared_as_before(project: Project) -> None:
    months = parts(project, "fact_customer_activity")
    shared = [path for path in months if path.stat().st_nlink == 2]
    assert 2 <= len(shared) < len(months)
    flip_bit(shared[0])
    repairs = repair(project)
    month = shared[0].name.split(".")[0]
    assert len(repairs) == 2
    assert all(f"fact_customer_activity {month}" in entry.what.replace("/", " ") for entry in repairs)
    assert _wrong(project) == []
    after = parts(project, "fact_customer_activity")
    assert len([path for path in after if path.stat().st_nlink == 2]) == len(shared)
    assert {path.name for path in shared[1:]} <= {path.name for path in after}


def test_every_part_of_every_release_may_be_lost(project: Project) -> None:
    before = _sequence_hashes(project)
    for name in store_of(project).names():
        for table in manifest_of(project, name).tables:
            shutil.rmtree(store_of(project).folder / name / table.name)
    assert len(_wrong(project)) == 2
    assert _done(repair(project)) == {True}
    assert _wrong(project) == []
    assert _sequence_hashes(project) == before
    assert [path.name for path in project.scratch.glob("repair-*")] == []


def test_a_part_with_a_whole_copy_elsewhere_gets_its_bytes_back_under_its_old_name(project: Project) -> None:
    older, newer = store_of(project).names()
    part = parts(project, "dim_customer")[0]
    copy = part.read_bytes()
    part.unlink()
    part.write_bytes(copy)
    flip_bit(part)
    (told,) = repair(project)
    assert told == Repair(f"release {newer}: dim_customer/{part.name}", True, f"release {older} has the same bytes")
    assert store_of(project).names() == [older, newer]
    assert part.stat().st_ino == parts(project, "dim_customer", older)[0].stat().st_ino
    assert _wrong(project) == []


def _write_otherwise(project: Project, table: str) -> str:
    """Let a release have been published with parts that no rebuild will write again: other compression."""
    store = store_of(project)
    name = current(project)
    manifest = manifest_of(project)
    path = own_part(project, table)
    content = pq.read_table(path)
    path.unlink()
    pq.write_table(content, path, compression="gzip")
    found = manifest.table(table)
    assert found is not None
    changed = tuple(
        replace(part, sha256=sha256_file(path), size=path.stat().st_size) if path.match(part.file) else part
        for part in found.parts
    )
    tables = tuple(replace(entry, parts=changed) if entry is found else entry for entry in manifest.tables)
    folder = store.begin()
    shutil.copytree(store.folder / name, folder, dirs_exist_ok=True, copy_function=os.link)
    (folder / "manifest.json").unlink()
    return store.replace(name, folder, replace(manifest, tables=tables))


def test_a_release_whose_part_comes_out_with_other_bytes_gets_another_name_and_stays_in_force(project: Project) -> None:
    old = _write_otherwise(project, "dim_offer")
    before = hashes(project)
    assert _wrong(project) == []
    flip_bit(own_part(project, "dim_offer"))
    (told,) = repair(project)
    new = current(project)
    assert new != old
    assert told.how.endswith(f"; the release is now {new}")
    assert not (store_of(project).folder / old).exists()
    assert (project.warehouse / "current").resolve().name == new
    assert hashes(project) == before
    assert manifest_of(project).sequence == 2
    assert _wrong(project) == []


def test_a_damaged_pointer_is_made_to_name_the_newest_whole_release(project: Project) -> None:
    newest = current(project)
    (project.warehouse / "CURRENT").write_bytes(b"\xff\x00")
    (told,) = repair(project)
    assert told == Repair("CURRENT", True, f"the newest release that is whole is in force: {newest}")
    assert _wrong(project) == []


def test_a_damaged_manifest_cannot_be_repaired_and_the_others_can(project: Project) -> None:
    older, newer = store_of(project).names()
    flip_bit(store_of(project).folder / newer / "manifest.json")
    flip_bit(parts(project, "dim_customer", older)[0])
    repairs = repair(project)
    assert [(entry.what.split(":")[0], entry.done) for entry in repairs] == [
        (f"release {newer}", False),
        (f"release {older}", True),
    ]
    assert "tenure build --full" in repairs[0].how
    assert len(_wrong(project)) == 1


def test_damaged_raw_data_is_named_and_nothing_is_rebuilt_from_it(project: Project, tenure: Command) -> None:
    (load,) = [load for load in raw_zone(project).state.loads("customers") if load.sequence]
    flip_bit(raw_zone(project).path(load) / "data.parquet")
    flip_bit(own_part(project, "dim_offer"))
    names = store_of(project).names()
    ran = tenure("verify", "--repair", "--project", project.root)
    assert ran.code == 1
    assert f"NOT repaired  release {names[1]}: " in ran.out
    assert "data.parquet: its bytes have changed; restore the file from a backup" in ran.out
    assert f"WRONG  load {load.load_id} of customers" in ran.out
    assert store_of(project).names() == names


def test_changed_sql_cannot_repair_and_is_named(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    from tenure.warehouse import runner

    original = runner.read_models

    def edited(*arguments: object) -> object:
        models = original(*arguments)  # pyright: ignore[reportArgumentType]
        return [
            replace(model, sql=f"SELECT * FROM ({model.sql}) AS less WHERE offer_id <> 2021")
            if model.name == "dim_offer"
            else model
            for model in models
        ]

    monkeypatch.setattr(runner, "read_models", edited)
    names = store_of(project).names()
    flip_bit(own_part(project, "dim_offer"))
    (told,) = repair(project)
    assert not told.done
    assert "dim_offer 2025-09 comes out with other rows today" in told.how
    assert "the SQL or yml of dim_offer has changed" in told.how
    assert "tenure build --full" in told.how
    assert store_of(project).names() == names


def test_verify_says_what_it_repaired_and_ends_well(project: Project, tenure: Command) -> None:
    own_part(project, "dim_offer").unlink()
    broken = tenure("verify", "--project", project.root)
    assert broken.code == 1
    assert "tenure verify --repair" in broken.err
    ran = tenure("verify", "--repair", "--json", "--project", project.root)
    assert ran.code == 0
    assert ran.document["ok"]
    assert [entry["done"] for entry in ran.document["repairs"]] == [True]
    assert json.dumps(tenure("verify", "--json", "--project", project.root).document).count('"problem": null') >= 5


DYING = """
import os, sys
from pathlib import Path
from tenure.core.settings import open_project
from tenure.pipeline import repair

left = int(sys.argv[2])
for name in ("rename", "replace", "link", "unlink", "rmdir", "symlink"):
    def counted(*args, _call=getattr(os, name), **options):
        global left
        if left == 0:
            os._exit(9)
        left -= 1
        return _call(*args, **options)
    setattr(os, name, counted)
repair(open_project(Path(sys.argv[1])))
print(int(sys.argv[2]) - left)
"""


@pytest.mark.full
def test_a_repair_killed_at_any_step_is_carried_on_by_the_next(made: Path, tmp_path: Path) -> None:
    """Parts that both releases share and parts of only one, some of which come out with other bytes."""

    def damaged() -> Project:
        shutil.rmtree(tmp_path / "bank", ignore_errors=True)
        project = copied(made, tmp_path / "bank")
        _write_otherwise(project, "dim_offer")
        flip_bit(own_part(project, "dim_offer"))
        flip_bit(parts(project, "dim_customer")[0])
        return project

    def killed_at(step: int) -> subprocess.CompletedProcess[str]:
        words = [sys.executable, "-c", DYING, str(tmp_path / "bank"), str(step)]
        return subprocess.run(words, capture_output=True, text=True)

    expected = _sequence_hashes(damaged())
    steps = int(killed_at(10**6).stdout)
    assert steps > 20
    for step in range(0, steps, max(1, steps // 25)):
        project = damaged()
        assert killed_at(step).returncode == 9
        repair(project)
        assert _wrong(project) == []
        assert _sequence_hashes(project) == expected
        assert sorted(path.name for path in store_of(project).folder.iterdir()) == store_of(project).names()
        assert [path.name for path in project.scratch.glob("repair-*")] == []
        assert offers(project) == 21
