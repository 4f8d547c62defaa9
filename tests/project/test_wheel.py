"""The wheel is the product: built here, installed into a fresh environment, run from another folder."""

import os
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.project.repository import ROOT, files_under, text

# Nothing of the repository may reach the installed command by way of the environment.
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}


def _run(command: Sequence[str | Path], folder: Path) -> str:
    result = subprocess.run(command, cwd=folder, env=CLEAN, capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"
    return result.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("dist")
    _run([sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", target], ROOT)
    (built,) = target.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `tenure` command of a fresh environment that holds the wheel and what the lock names, nothing else."""
    environment = tmp_path_factory.mktemp("fresh") / "env"
    _run([sys.executable, "-m", "venv", environment], ROOT)
    pip = [
        environment / "bin" / "python",
        "-m",
        "pip",
        "--disable-pip-version-check",
        "install",
        "--no-deps",
        "--quiet",
    ]
    _run([*pip, "--require-hashes", "--only-binary=:all:", "-r", ROOT / "requirements" / "run.txt"], environment)
    _run([*pip, wheel], environment)
    return environment / "bin" / "tenure"


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(wheel: Path) -> None:
    expected = {str(path.relative_to("src")) for path in files_under("src")}
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert held == expected


def test_the_wheel_carries_its_licence_and_those_of_what_it_ships(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        licences = {name.split("/licenses/", 1)[1]: name for name in archive.namelist() if "/licenses/" in name}
        assert archive.read(licences["LICENSE"]).decode() == text("LICENSE")
    vendored = {str(path) for path in files_under("src") if "vendor" in path.parts and path.name.startswith("LICENSE")}
    assert vendored <= licences.keys()


def test_nothing_that_the_wheel_asks_for_is_missing_from_the_lock(installed: Path) -> None:
    assert "No broken requirements" in _run([installed.with_name("python"), "-m", "pip", "check"], installed.parent)


def test_the_installed_demo_generates_builds_and_prints_its_numbers(installed: Path, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    said = _run([installed, "demo", "bank", "--no-serve", "--customers", "500"], folder)
    assert "500" in said
    report = _run([installed, "report", "churn_overall", "--format", "csv", "--project", folder / "bank"], folder)
    header, row = report.splitlines()[:2]
    numbers = dict(zip(header.split(","), row.split(","), strict=True))
    # Customers join and leave over the months; the reported share is that of the reported counts.
    assert int(numbers["total_customers"]) > 0
    share = 100 * int(numbers["churned_customers"]) / int(numbers["total_customers"])
    assert float(numbers["churn_rate_percentage"]) == pytest.approx(share, abs=0.005)
