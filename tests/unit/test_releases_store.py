"""The store alone: what leads to the release in force, what is deleted, and what a death at any step leaves."""

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pyarrow.parquet as pq
import pytest

from tenure.core.errors import DamagedRelease, TenureError
from tenure.warehouse.store import ReleaseStore
from tests.unit.release_store_cases import TABLES, numbers, publish, replaced

KILLED = 9


@pytest.fixture
def store(tmp_path: Path) -> ReleaseStore:
    store = ReleaseStore(tmp_path)
    for _ in range(3):
        publish(store)
    return store


def test_the_link_current_leads_a_plain_reader_to_the_release_in_force(tmp_path: Path) -> None:
    store = ReleaseStore(tmp_path)
    for number in range(1, 9):
        publish(store)
        store.prune(2)
        assert numbers(tmp_path / "current") == {number}
        older = store.names()[0]
        store.rollback(older)
        assert (tmp_path / "current").resolve() == (store.folder / older).resolve()
        assert pq.read_table(tmp_path / "current" / "left")["number"][0].as_py() == store.manifest(older).sequence
        store.rollback(store.names()[-1])
        assert numbers(tmp_path / "current") == {number}


def test_a_release_may_be_named_by_its_number(store: ReleaseStore) -> None:
    first, second, third = store.names()
    assert [store.named(text) for text in ("1", "000002", third)] == [first, second, third]
    for wrong in ("4", "0", "", "000001-0000000000000000", "newest"):
        with pytest.raises(TenureError, match="there is no release"):
            store.named(wrong)


def test_pruning_says_what_went_and_frees_what_it_says(store: ReleaseStore) -> None:
    oldest, middle, _ = store.names()
    part = next((store.folder / oldest / "left").iterdir())
    shared = store.folder / middle / "left" / "again.parquet"
    shared.hardlink_to(part)
    assert store.size(oldest).shared == part.stat().st_size
    expected = sum(
        file.stat().st_size for file in (store.folder / oldest).rglob("*") if file.is_file() and file != part
    )
    before = _used(store.folder)
    (gone,) = store.prune(2)
    assert (gone.release, gone.freed) == (oldest, expected)
    assert before - _used(store.folder) == expected
    assert pq.read_table(shared).num_rows == 100


def test_pruning_leaves_the_release_in_force_and_one_that_is_being_read(store: ReleaseStore) -> None:
    first, second, third = store.names()
    store.rollback(first)
    fourth = publish(store)
    store.rollback(first)
    with store.reading(second):
        assert [gone.release for gone in store.prune(1)] == [third]
        assert numbers(store.folder / second) == {2}
    assert store.names() == [first, second, fourth]
    assert [gone.release for gone in store.prune(1)] == [second]


def test_a_reader_overtaken_by_pruning_after_it_read_the_pointer_takes_the_new_release(
    store: ReleaseStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = store.pointer()
    newest = publish(store)
    store.prune(1)
    said = [before]
    real = store.pointer
    monkeypatch.setattr(store, "pointer", lambda: said.pop() if said else real())
    with store.reading() as found:
        assert found == newest
    assert said == []


def test_a_reader_overtaken_by_pruning_after_it_opened_the_manifest_takes_the_new_release(
    store: ReleaseStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The moment between the renaming of the pruned release and its deletion lasts here for ever.
    monkeypatch.setattr("tenure.warehouse.store.shutil.rmtree", lambda *_, **__: None)
    real = fcntl.flock
    published: list[str] = []

    def overtaken(handle: IO[bytes], operation: int) -> None:
        if operation == fcntl.LOCK_SH and not published:
            published.append(publish(store))
            assert len(store.prune(1)) == 3
        real(handle, operation)

    monkeypatch.setattr("tenure.warehouse.store.fcntl.flock", overtaken)
    with store.reading() as found:
        assert [found] == published


def test_a_pruned_release_is_not_called_damaged(store: ReleaseStore) -> None:
    first = store.names()[0]
    store.prune(1)
    with pytest.raises(TenureError, match=f"there is no release {first}") as caught, store.reading(first):
        pass
    assert not isinstance(caught.value, DamagedRelease)


def test_a_release_without_manifest_can_be_pruned(store: ReleaseStore) -> None:
    (store.folder / store.names()[0] / "manifest.json").unlink()
    assert len(store.prune(2)) == 1
    assert len(store.names()) == 2


def test_a_lost_pointer_loses_no_release(store: ReleaseStore) -> None:
    names = store.names()
    (store.folder.parent / "CURRENT").unlink()
    store.heal()
    assert store.names() == names
    assert (store.folder.parent / "current").resolve().name == names[-1]


def test_a_manifest_of_another_version_is_called_that(store: ReleaseStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(content: bytes) -> None:
        raise ValueError(f"{len(content)} bytes without a field")

    monkeypatch.setattr("tenure.warehouse.store.from_json", refuse)
    with pytest.raises(DamagedRelease, match="was written by a Tenure of another version") as caught:
        store.manifest(store.names()[0])
    assert "tenure build --full" in str(caught.value.cure)


def test_a_repaired_release_takes_the_place_of_the_damaged_one(store: ReleaseStore) -> None:
    first, second, third = store.names()
    store.rollback(first)
    repaired = {old: replaced(store, old) for old in (first, second, third)}
    assert store.names() == list(repaired.values())
    assert not set(repaired) & set(repaired.values())
    pointer = store.pointer()
    assert pointer is not None
    assert (pointer.current, pointer.newest) == (repaired[first], repaired[third])
    assert numbers(store.folder.parent / "current") == {1}
    assert store.next_sequence() == 4


def test_a_damaged_release_that_is_being_read_goes_when_it_is_let_go(store: ReleaseStore) -> None:
    third = store.names()[-1]
    with store.reading() as held:
        new = replaced(store, third)
        assert held == third
        store.heal()
        assert numbers(store.folder / third) == {3}
        assert store.names()[-1] == new
        with store.reading() as found:
            assert found == new
    store.heal()
    assert not (store.folder / third).exists()
    assert not (store.folder / new / "replaces").exists()


def _roll_back(store: ReleaseStore) -> None:
    store.rollback(store.names()[0])


def _prune(store: ReleaseStore) -> None:
    store.prune(1)


def _replace_newest(store: ReleaseStore) -> None:
    replaced(store, store.names()[-1])


def _replace_oldest(store: ReleaseStore) -> None:
    replaced(store, store.names()[0])


def _replace_rolled_back(store: ReleaseStore) -> None:
    store.rollback(store.names()[0])
    replaced(store, store.names()[0])


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    "work",
    [publish, _prune, _roll_back, _replace_newest, _replace_oldest, _replace_rolled_back],
    ids=lambda work: work.__name__.strip("_"),
)
def test_death_at_any_step_leaves_whole_releases_and_is_healed(
    work: Callable[[ReleaseStore], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A process that dies loses nothing that it has written; only a machine that fails needs fsync, which is slow.
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    copy = ReleaseStore(tmp_path / "copy")
    steps = 0
    while True:
        shutil.rmtree(tmp_path / "copy", ignore_errors=True)
        shutil.copytree(tmp_path, tmp_path / "copy", symlinks=True, ignore=lambda *_: {"copy"})
        died = _die_at(steps, lambda: work(copy))
        _expect_a_whole_release(copy)
        copy.heal()
        _expect_a_whole_release(copy)
        _expect_tidy(copy)
        copy.heal()
        publish(copy)
        _expect_tidy(copy)
        if not died:
            break
        steps += 1
    assert steps >= 3


def _die_at(step: int, work: Callable[[], object]) -> bool:
    """Run in a process that dies, with no clean-up, at so many-th change of the file system; says whether it did."""
    child = os.fork()
    if child == 0:
        left = step
        try:
            for name in ("rename", "replace", "unlink", "symlink", "mkdir", "rmdir", "fsync"):
                call = getattr(os, name)

                def counted(*args: object, _call: Callable[..., object] = call, **options: object) -> object:
                    nonlocal left
                    if left == 0:
                        os._exit(KILLED)
                    left -= 1
                    return _call(*args, **options)

                setattr(os, name, counted)
            work()
            os._exit(0)
        finally:
            os._exit(1)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, KILLED)
    return code == KILLED


def _expect_a_whole_release(store: ReleaseStore) -> None:
    """What readers find, by the pointer and by the link: one release, no mixture."""
    with store.reading() as release:
        assert numbers(store.folder / release) == {store.manifest(release).sequence}
        assert store.damaged(release) == []
    assert len(numbers(store.folder.parent / "current")) == 1


def _expect_tidy(store: ReleaseStore) -> None:
    """No leftovers, every sequence once, and the link where the pointer is."""
    names = store.names()
    assert sorted(path.name for path in store.folder.iterdir()) == names
    sequences = [store.manifest(name).sequence for name in names]
    assert len(set(sequences)) == len(sequences)
    pointer = store.pointer()
    assert pointer is not None
    assert pointer.newest == names[-1]
    assert (store.folder.parent / "current").readlink() == Path("releases") / pointer.current
    for name in names:
        assert {path.name for path in (store.folder / name).iterdir()} == {*TABLES, "manifest.json"}


def _used(folder: Path) -> int:
    return sum({file.stat().st_ino: file.stat().st_size for file in folder.rglob("*") if file.is_file()}.values())
