"""ARCHITECTURE.md says what each folder is for, and is in step with the tree."""

import re
from pathlib import Path

import pytest

from tests.project.repository import files, text

LABELS = ("Job", "Keep out", "Change here")


def _sections() -> dict[str, str]:
    """Folder → what ARCHITECTURE.md says under its heading: ### `folder/`."""
    parts = re.split(r"^### `([^`]+)/`.*$", text("ARCHITECTURE.md"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], (re.split(r"^#", body, flags=re.MULTILINE)[0] for body in parts[2::2]), strict=True))


def _folders() -> set[Path]:
    """Every folder under src/tenure and tests that holds a file."""
    return {folder for path in files() for folder in path.parents if _within(folder)}


def _within(folder: Path) -> bool:
    return folder.parts[:2] == ("src", "tenure") or folder.parts[:1] == ("tests",)


def _rooms() -> set[str]:
    """The folders that must have a section: one level under src/tenure and under tests."""
    return {str(folder) for folder in _folders() if folder.parent in (Path("src/tenure"), Path("tests"))}


def test_every_room_has_a_section_and_every_section_a_room() -> None:
    described = {folder for folder in _sections() if folder.startswith(("src/tenure/", "tests/"))}
    assert described == _rooms()


@pytest.mark.parametrize("label", LABELS)
def test_every_section_says_its_job_what_to_keep_out_and_where_to_change_what(label: str) -> None:
    lacking = [folder for folder, body in _sections().items() if not re.search(rf"^- \*\*{label}:\*\* \S", body, re.M)]
    assert lacking == []


def test_every_deeper_folder_is_named_in_its_rooms_section() -> None:
    sections = _sections()
    unnamed = [
        str(folder)
        for folder in _folders()
        for room in sections
        # Each set of test data has a README of its own (test_assets.py).
        if room != "tests/data"
        and folder.is_relative_to(room)
        and folder != Path(room)
        and f"{folder.name}/" not in sections[room]
    ]
    assert unnamed == []


def test_every_file_that_a_section_names_exists() -> None:
    wrong = [
        f"{folder}/{name}"
        for folder, body in _sections().items()
        for name in re.findall(r"`([\w/.*-]+\.(?:py|sql|yml|md|html|css|js|toml|sh))`", body)
        if not any(path.match(f"{folder}/{name}") or path.match(name) for path in files())
    ]
    assert wrong == []
