"""What others wrote is shipped unchanged, with its licence, its version and where it came from."""

from pathlib import Path

import pytest

from tests.project.repository import files, text

VENDORED = sorted(
    {path.parents[len(path.parents) - path.parts.index("vendor") - 3] for path in files() if "vendor" in path.parts}
)
DATA = sorted(
    {Path(*path.parts[:3]) for path in files() if path.parts[:2] == ("tests", "data") and len(path.parts) > 3}
)


def test_there_is_something_to_check() -> None:
    assert VENDORED
    assert DATA


@pytest.mark.parametrize("folder", VENDORED, ids=str)
@pytest.mark.parametrize("name", ["LICENSE", "VERSION"])
def test_vendored_code_has(folder: Path, name: str) -> None:
    assert folder / name in files()
    assert text(folder / name).strip()


@pytest.mark.parametrize("folder", DATA, ids=str)
def test_test_data_says_where_it_comes_from_and_what_its_licence_is(folder: Path) -> None:
    readme = folder / "README.md"
    assert readme in files()
    assert "licen" in text(readme).lower()
