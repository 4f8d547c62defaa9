"""Modules stay small, are named after what they do, and import downwards only."""

import ast
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from tests.project.repository import ROOT, files, files_under, text

MOST_LINES = 400
DRAWERS = {"common", "util", "utils", "helper", "helpers", "misc"}


def test_no_module_is_over_400_lines() -> None:
    modules = files_under("src", "tests", "bench", "tools", suffix=".py")
    assert modules
    sizes = {str(path): len(text(path).splitlines()) for path in modules}
    assert {path: lines for path, lines in sizes.items() if lines > MOST_LINES} == {}


def test_no_folder_or_module_is_a_drawer_of_leftovers() -> None:
    ours = (path for path in files() if "vendor" not in path.parts and "data" not in path.parts)
    assert [str(path) for path in ours if DRAWERS & {part.split(".")[0] for part in path.parts}] == []


def test_only_the_command_line_prints() -> None:
    modules = [path for path in files_under("src", suffix=".py") if path.parts[:3] != ("src", "tenure", "cli")]
    printing = [f"{path}:{node.lineno}" for path in modules for node in ast.walk(_tree(path)) if _is_print(node)]
    assert printing == []


def _tree(path: Path) -> ast.Module:
    return ast.parse(text(path), str(path))


def _is_print(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"


def test_imports_run_downwards_and_only_the_engine_room_knows_the_engines() -> None:
    program = shutil.which("lint-imports", path=str(Path(sys.executable).parent))
    assert program, "import-linter is a development dependency"
    result = subprocess.run([program, "--no-logo", "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "2 kept, 0 broken" in result.stdout


def test_every_package_says_what_it_is_for() -> None:
    packages = files_under("src", suffix="__init__.py")
    assert [str(path) for path in packages if not ast.get_docstring(_tree(path))] == []


def test_every_folder_of_tests_is_run() -> None:
    settings = tomllib.loads(text(Path("pyproject.toml")))["tool"]["pytest"]["ini_options"]
    folders = {str(path.parent) for path in files_under("tests", suffix=".py") if path.name.startswith("test_")}
    assert set(settings["testpaths"]) == folders
