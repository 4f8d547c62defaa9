"""Which files have landed: settle time, names, renames, open writers, refusals, batches."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.contracts.model import Contract
from tenure.core.errors import SettingsError
from tenure.raw.state import SeenDelivery
from tenure.sources import watch
from tenure.sources.files import stamp_of
from tenure.sources.watch import Landing, Look, Refusal, expect_apart, folders_of, is_being_written
from tenure.sources.watch_hints import FolderHints
from tenure.sources.watch_memory import read_refusals, write_refusals

SETTLE = 10.0


def contract(source: str = "offers", path: str = "landing/*.csv", **more: Any) -> Contract:
    columns = {name: {"type": "integer"} for name in ("offer_id", "customer_id")}
    content = {"source": source, "entity": "offers", "kind": "csv", "path": path, "key": ["offer_id"]}
    return Contract.model_validate(content | {"columns": columns} | more)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "landing").mkdir()
    return tmp_path


def looked(
    landing: Landing,
    at: float,
    *contracts: Contract,
    delivered: Mapping[tuple[str, str], SeenDelivery] | None = None,
    renamed: tuple[Path, ...] = (),
) -> Look:
    loaded = delivered or {}
    return landing.look(contracts or (contract(),), lambda *key: loaded.get(key), renamed, at)


def names(look: Look) -> list[str]:
    return [Path(one.name).name for one in look.landed]


def test_a_file_has_landed_once_it_has_stood_still_for_the_settle_time(root: Path) -> None:
    landing, path = Landing(root, SETTLE), root / "landing" / "a.csv"
    path.write_text("1")
    first = looked(landing, 100)
    assert (names(first), first.waiting, first.next_look) == ([], ("landing/a.csv",), SETTLE)
    assert names(looked(landing, 109)) == []
    path.write_text("12")
    assert names(looked(landing, 111)) == []
    assert names(looked(landing, 120)) == []
    assert names(looked(landing, 121)) == ["a.csv"]


def test_a_change_that_keeps_the_size_and_the_time_of_writing_is_seen(root: Path) -> None:
    landing, path = Landing(root, SETTLE), root / "landing" / "a.csv"
    path.write_text("1")
    looked(landing, 100)
    state = path.stat()
    path.write_text("2")
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert names(looked(landing, 110)) == []


def test_a_file_whose_rename_a_hint_told_has_landed_at_once(root: Path) -> None:
    landing, path = Landing(root, SETTLE), root / "landing" / "a.csv"
    path.write_text("1")
    assert names(looked(landing, 100, renamed=(path,))) == ["a.csv"]


def test_without_hints_a_rename_is_known_by_the_file_that_had_an_unfinished_name(root: Path) -> None:
    landing, path = Landing(root, SETTLE), root / "landing" / "a.csv"
    unfinished = path.with_name("a.csv.part")
    unfinished.write_text("1")
    assert looked(landing, 100).waiting == ()
    unfinished.rename(path)
    assert names(looked(landing, 101)) == ["a.csv"]


def test_a_file_that_is_open_for_writing_has_not_landed(root: Path) -> None:
    landing, path = Landing(root, 0.0), root / "landing" / "a.csv"
    with path.open("w") as writing:
        writing.write("1")
        writing.flush()
        assert is_being_written(path)
        assert names(looked(landing, 100, renamed=(path,))) == []
        assert looked(landing, 100).waiting == ("landing/a.csv",)
    assert not is_being_written(path)
    assert names(looked(landing, 101)) == ["a.csv"]
    with path.open() as reading:
        reading.read()
        assert not is_being_written(path)


def test_what_was_loaded_with_this_stamp_is_no_more_than_a_name(root: Path) -> None:
    landing, path = Landing(root, 0.0), root / "landing" / "a.csv"
    path.write_text("1")
    seen = {("offers", "landing/a.csv"): SeenDelivery("0", stamp_of(path), "L1", 1)}
    assert looked(landing, 100, delivered=seen) == Look((), (), (), None)
    moved = looked(landing, 100, contract(watch={"archive": "old"}), delivered=seen)
    assert [(done.path, done.folder, done.reason) for done in moved.done] == [(path, root / "old", None)]
    path.write_text("2")
    assert names(looked(landing, 101, delivered=seen)) == ["a.csv"]


def test_a_file_of_two_sources_is_moved_only_when_both_have_it(root: Path) -> None:
    landing, path = Landing(root, 0.0), root / "landing" / "a.csv"
    path.write_text("1")
    both = (contract(watch={"archive": "old"}), contract("second"))
    one = {("offers", "landing/a.csv"): SeenDelivery("0", stamp_of(path), "L1", 1)}
    look = looked(landing, 100, *both, delivered=one)
    assert ([landed.contract.source for landed in look.landed], look.done) == (["second"], ())
    two = one | {("second", "landing/a.csv"): SeenDelivery("0", stamp_of(path), "L2", 1)}
    assert len(looked(landing, 100, *both, delivered=two).done) == 1


def test_a_refusal_holds_until_the_file_or_the_contract_changes_and_is_forgotten_with_the_file(root: Path) -> None:
    landing, path = Landing(root, 0.0), root / "landing" / "a.csv"
    path.write_text("1")
    (found,) = looked(landing, 100).landed
    assert landing.refuse(found, "no")
    assert names(looked(landing, 101)) == []
    assert names(looked(landing, 102, contract(owner="another"))) == ["a.csv"]
    path.write_text("2")
    (again,) = looked(landing, 103).landed
    path.write_text("34")
    assert not landing.refuse(again, "it changed since, so this says nothing about it")
    path.unlink()
    looked(landing, 104)
    assert landing.refused == {}


def test_a_folder_where_a_file_should_be_is_offered_once(root: Path) -> None:
    landing = Landing(root, SETTLE)
    (root / "landing" / "a.csv").mkdir()
    watched = contract(watch={"refused": "refused"})
    (found,) = looked(landing, 100, watched).landed
    assert landing.refuse(found, "is a folder")
    (root / "landing" / "a.csv" / "b").write_text("1")
    assert looked(landing, 101, watched) == Look((), (), (), None)


def test_what_is_neither_file_nor_folder_is_passed_over(root: Path) -> None:
    os.mkfifo(root / "landing" / "a.csv")
    (root / "landing" / "b.csv").symlink_to("nowhere")
    assert looked(Landing(root, 0.0), 100) == Look((), (), (), None)


@given(st.lists(st.lists(st.integers(0, 30), max_size=8), min_size=1, max_size=6))
def test_batches_hold_the_oldest_first_and_every_file_comes_in_its_turn(
    tmp_path_factory: pytest.TempPathFactory, arrivals: list[list[int]]
) -> None:
    root = tmp_path_factory.mktemp("root")
    (root / "landing").mkdir()
    landing, taken, first_seen = Landing(root, 0.0), list[str](), dict[str, int]()
    delivered: dict[tuple[str, str], SeenDelivery] = {}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(watch, "MOST_FILES", 3)
        for now in range(100):
            for number in arrivals[now] if now < len(arrivals) else []:
                path = root / "landing" / f"{number:02}.csv"
                if not path.exists():
                    path.write_text(str(now))
                    first_seen[path.name] = now
            look = looked(landing, now, delivered=delivered)
            assert len(look.landed) <= 3
            for one in look.landed:
                delivered[("offers", one.name)] = SeenDelivery("0", one.stamp, "L1", 1)
                taken.append(one.path.name)
    assert taken == sorted(first_seen, key=lambda name: (first_seen[name], name))


def test_a_batch_ends_at_its_size_but_never_is_empty(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "MOST_BYTES", 10)
    for name, size in (("a", 4), ("b", 20), ("c", 1)):
        (root / "landing" / f"{name}.csv").write_text("x" * size)
    landing = Landing(root, 0.0)
    look = looked(landing, 100)
    assert names(look) == ["a.csv", "b.csv"]


def test_folders_are_those_in_which_files_of_the_source_may_land(root: Path) -> None:
    for folder in ("in/x/day", "in/y/day", "in/z/night"):
        (root / folder).mkdir(parents=True)
    assert folders_of(root, contract(path="in/*/day/*.csv")) == [root / "in/x/day", root / "in/y/day"]
    assert folders_of(root, contract(path="landing/a.csv")) == [root / "landing"]
    assert folders_of(root, contract(path=str(root / "landing" / "*.csv"))) == [root / "landing"]
    assert folders_of(root, contract(path="absent/*.csv")) == []
    assert root / "in/x/day" in folders_of(root, contract(path="in/**/*.csv"))


@pytest.mark.parametrize(
    ("path", "archive"),
    [
        ("landing/*.csv", "landing"),
        ("landing/*.csv", "old/../landing"),
        ("*/*.csv", "old"),
        ("landing/**/*.csv", "landing/old"),
        ("landing/*/*.csv", "landing/old"),
        ("landing", "landing/old"),
    ],
)
def test_an_archive_that_would_be_read_again_is_refused(root: Path, path: str, archive: str) -> None:
    for word in ("archive", "refused"):
        with pytest.raises(SettingsError, match="would be taken as new ones of source offers"):
            expect_apart(root, [contract(path=path, watch={word: archive})])
    with pytest.raises(SettingsError, match="of source offers"):
        expect_apart(root, [contract(path=path), contract("other", "elsewhere/*.csv", watch={"archive": archive})])


@pytest.mark.parametrize(
    ("path", "archive"),
    [("landing/*.csv", "archive"), ("landing/*.csv", "landing/old"), ("in/**/*.csv", "old"), ("*/*.csv", "old/csv")],
)
def test_an_archive_of_its_own_is_accepted(root: Path, path: str, archive: str) -> None:
    expect_apart(root, [contract(path=path, watch={"archive": archive})])


def test_refusals_are_remembered_and_a_damaged_memory_is_none(tmp_path: Path) -> None:
    memory = tmp_path / "watch.json"
    refused = {("offers", "landing/ä.csv"): Refusal("1.2.3.4", "v", "is no file")}
    assert read_refusals(memory) == {}
    write_refusals(memory, refused)
    assert read_refusals(memory) == refused
    memory.write_bytes(memory.read_bytes()[:-9])
    assert read_refusals(memory) == {}


def test_hints_tell_renames_and_nothing_else(tmp_path: Path) -> None:
    with FolderHints() as hints:
        hints.listen([tmp_path, tmp_path / "absent"])
        (tmp_path / "written.csv").write_text("1")
        assert hints.wait(30) == set()
        (tmp_path / "written.csv").rename(tmp_path / "renamed ä.csv")
        assert hints.wait(30) == {tmp_path / "renamed ä.csv"}
        assert hints.wait(0) == set()


def test_a_folder_that_was_made_anew_is_listened_in_again(tmp_path: Path) -> None:
    folder = tmp_path / "landing"
    with FolderHints() as hints:
        for _ in range(2):
            folder.mkdir()
            hints.listen([folder])
            (tmp_path / "a").write_text("1")
            (tmp_path / "a").rename(folder / "a.csv")
            assert hints.wait(30) == {folder / "a.csv"}
            (folder / "a.csv").unlink()
            folder.rmdir()
            hints.wait(0)


def test_a_descriptor_that_can_be_read_ends_the_waiting() -> None:
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.write(writer, b"\2")
    with FolderHints(reader) as hints:
        assert hints.wait(3600) == set()
    os.close(reader)
    os.close(writer)
