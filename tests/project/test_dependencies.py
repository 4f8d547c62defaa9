"""Every dependency is declared, used and pinned by hash, and no lock file names a registry."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.project.repository import ROOT, files_under, text

PROJECT = tomllib.loads(text("pyproject.toml"))
LOCKS = {path.stem: text(path.relative_to(ROOT)) for path in sorted((ROOT / "requirements").glob("*.txt"))}
# Imported under a name of its own, but it is what the declared package is made of and hands out.
PARTS_OF = {"starlette", "py4j"}  # of FastAPI, of Spark
# Declared because another declared package needs it to do what we ask; never imported by name.
UNSEEN = {"pandas"}  # Spark hands tables over through it
_PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)(?P<rest>.*(?:\n[ ]+.*)*)", re.MULTILINE)


def _declared(*extras: str) -> dict[str, Requirement]:
    listed = PROJECT["project"]["dependencies"]
    listed = [*listed, *(entry for extra in extras for entry in PROJECT["project"]["optional-dependencies"][extra])]
    return _by_name(listed)


def _by_name(listed: list[str]) -> dict[str, Requirement]:
    return {canonicalize_name(entry.name): entry for entry in map(Requirement, listed)}


def _imported() -> dict[str, str]:
    """Distribution → a module that imports it, for all that src imports and is neither ours nor Python's."""
    distributions = packages_distributions()
    found: dict[str, str] = {}
    for path in files_under("src", suffix=".py"):
        for name in _top_level_imports(path):
            if name != "tenure" and name not in sys.stdlib_module_names:
                for distribution in distributions.get(name, [name]):
                    found[canonicalize_name(distribution)] = str(path)
    return found


def _top_level_imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(text(path))):
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


def _pins(lock: str) -> dict[str, str]:
    return {canonicalize_name(match["name"]): match["version"] for match in _PIN.finditer(LOCKS[lock])}


def test_everything_that_src_imports_is_declared() -> None:
    declared = _declared("spark").keys() | PARTS_OF
    assert {name: path for name, path in _imported().items() if name not in declared} == {}


def test_everything_that_is_declared_is_used() -> None:
    assert _declared("spark").keys() - _imported().keys() - UNSEEN == set()


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_hashes(lock: str) -> None:
    pins = list(_PIN.finditer(LOCKS[lock]))
    assert pins
    assert [match["name"] for match in pins if "--hash=sha256:" not in match["rest"]] == []
    stray = [line for line in LOCKS[lock].splitlines() if line and not line.startswith((" ", "#")) and "==" not in line]
    assert stray == []


@pytest.mark.parametrize("lock", LOCKS)
def test_no_lock_names_a_registry(lock: str) -> None:
    assert re.findall(r"https?://\S*|--(?:extra-)?index-url|--find-links|-i\s", LOCKS[lock]) == []


@pytest.mark.parametrize(
    ("lock", "needed"),
    [
        ("build", _by_name(PROJECT["build-system"]["requires"])),
        ("run", _declared()),
        ("dev", _declared("spark") | _by_name(PROJECT["dependency-groups"]["dev"])),
    ],
)
def test_the_lock_holds_what_is_declared_in_a_version_that_fits(lock: str, needed: dict[str, Requirement]) -> None:
    pins = _pins(lock)
    assert needed.keys() - pins.keys() == set(), "run: make lock"
    assert [f"{name}=={pins[name]}" for name, entry in needed.items() if not entry.specifier.contains(pins[name])] == []


def test_tests_run_with_the_versions_that_users_get() -> None:
    run, dev = _pins("run"), _pins("dev")
    assert {name: (version, dev.get(name)) for name, version in run.items() if dev.get(name) != version} == {}


def test_there_are_three_locks() -> None:
    assert LOCKS.keys() == {"build", "run", "dev"}
