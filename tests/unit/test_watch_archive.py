"""Files that are done are moved away whole, and nothing that came meanwhile goes with them."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from tenure.contracts.model import Contract
from tenure.core.durable import sha256_file
from tenure.raw.state import SeenDelivery
from tenure.sources.files import stamp_of
from tenure.sources.watch import Done
from tenure.sources.watch_archive import finish_moves, put_away


@pytest.fixture
def landed(tmp_path: Path) -> Path:
    path = tmp_path / "landing" / "sales.csv.gz"
    path.parent.mkdir()
    path.write_text("first")
    return path


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()} if folder.is_dir() else {}


def done(path: Path, folder: str = "archive", reason: str | None = None) -> Done:
    return Done(path, path.parents[1] / folder, stamp_of(path), reason)


def test_names_that_are_taken_get_a_number_before_their_endings(landed: Path) -> None:
    archive = landed.parents[1] / "archive"
    for content in ("first", "second", "third"):
        landed.write_text(content)
        put_away(done(landed))
    assert contents(archive) == {"sales.csv.gz": "first", "sales.1.csv.gz": "second", "sales.2.csv.gz": "third"}
    assert contents(landed.parent) == {}


@pytest.mark.parametrize("reason", [None, "is no header"])
def test_another_disk_gets_a_copy_and_only_then_the_file_goes(
    landed: Path, monkeypatch: pytest.MonkeyPatch, reason: str | None
) -> None:
    rename = Path.rename

    def across(self: Path, target: Path) -> Path:
        if self.parent != target.parent:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", across)
    os.utime(landed, (1_000_000_000, 1_000_000_000))
    target = put_away(done(landed, reason=reason))
    assert target is not None
    beside = {} if reason is None else {"sales.csv.gz.reason": f"{reason}\n"}
    assert contents(target.parent) == {"sales.csv.gz": "first"} | beside
    assert target.stat().st_mtime == 1_000_000_000
    assert contents(landed.parent) == {}


def test_a_newer_file_under_its_name_is_not_moved(landed: Path) -> None:
    loaded = done(landed)
    landed.unlink()
    landed.write_text("newer")
    assert put_away(loaded) is None
    assert contents(landed.parent) == {landed.name: "newer"}
    assert contents(landed.parents[1] / "archive") == {}
    landed.unlink()
    assert put_away(loaded) is None


def test_a_file_that_is_being_appended_to_stays(landed: Path) -> None:
    loaded = done(landed)
    with landed.open("a"):
        assert put_away(loaded) is None
    assert contents(landed.parent) == {landed.name: "first"}


def test_of_two_newer_files_both_are_kept(landed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = done(landed)
    landed.unlink()
    landed.write_text("newer")
    rename = Path.rename

    def then_another_comes(self: Path, target: Path) -> Path:
        moved = rename(self, target)
        if self == landed:
            landed.write_text("newest")
        return moved

    monkeypatch.setattr(Path, "rename", then_another_comes)
    assert put_away(loaded) is None
    assert contents(landed.parent) == {landed.name: "newest"}
    assert contents(landed.parents[1] / "archive") == {landed.name: "newer"}


def test_what_cannot_be_moved_keeps_its_name(landed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (landed.parents[1] / "archive").write_text("a file where the folder should be")
    with pytest.raises(OSError, match="exists|directory"):
        put_away(done(landed))
    rename = Path.rename

    def full(self: Path, target: Path) -> Path:
        if target.parent.name == "elsewhere":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(OSError, match="No space"):
        put_away(done(landed, "elsewhere"))
    assert contents(landed.parent) == {landed.name: "first"}


def test_a_link_is_archived_as_what_it_leads_to(landed: Path) -> None:
    link = landed.with_name("link.csv")
    link.symlink_to(landed.name)
    target = put_away(done(link))
    assert target is not None
    assert not target.is_symlink()
    assert target.read_text() == "first"
    assert contents(landed.parent) == {landed.name: "first"}


def contract(**watch: Any) -> Contract:
    columns = {name: {"type": "integer"} for name in ("offer_id", "customer_id")}
    content = {"source": "offers", "entity": "offers", "kind": "csv", "path": "landing/*", "key": ["offer_id"]}
    return Contract.model_validate(content | {"columns": columns, "watch": watch})


def test_a_move_that_was_broken_off_is_ended_for_what_was_loaded_and_undone_for_the_rest(landed: Path) -> None:
    root = landed.parents[1]
    taken = landed.rename(landed.with_name(f".{landed.name}.taken"))
    other = landed.with_name(".other.csv.taken")
    other.write_text("not loaded")
    key = ("offers", f"landing/{landed.name}")
    delivered = {key: SeenDelivery(sha256_file(taken), "stamp", "L1", 1)}
    assert list(finish_moves(root, [contract(archive="archive")], lambda *key: delivered.get(key))) == [
        root / "archive" / landed.name
    ]
    assert contents(root / "archive") == {landed.name: "first"}
    assert contents(landed.parent) == {"other.csv": "not loaded"}


def test_a_broken_off_move_of_other_bytes_than_were_loaded_is_undone(landed: Path) -> None:
    landed.rename(landed.with_name(f".{landed.name}.taken"))
    delivered = {("offers", f"landing/{landed.name}"): SeenDelivery("other bytes", "stamp", "L1", 1)}
    assert list(finish_moves(landed.parents[1], [contract(archive="archive")], lambda *key: delivered.get(key))) == []
    assert contents(landed.parent) == {landed.name: "first"}
