"""What `tenure doctor` looks at: this machine's parts, and how to get the ones it lacks."""

import os
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tenure.core.errors import TenureError

OK = "ok"
NEEDED = "missing (needed)"
OPTIONAL = "missing (optional)"

_NEEDED = ("duckdb", "pyarrow", "sqlglot", "pydantic", "connectorx", "PyMySQL", "fastapi", "uvicorn")
_PROGRAMS = (
    ("java", "the Spark engine", "apt-get install default-jre-headless"),
    ("mariadbd", "testing against a real MariaDB server", "apt-get install mariadb-server-core"),
    ("chromium", "testing the dashboard in a browser", "apt-get install chromium"),
)


def examine_machine(folder: Path | None) -> list[tuple[str, str, str]]:
    """(what, state, cure) for each part that Tenure uses, then for the project if there is one."""
    rows = [_python()]
    rows += [_package(name, NEEDED, "pip install --force-reinstall tenure") for name in _NEEDED]
    rows.append(_package("pyspark", OPTIONAL, "pip install 'tenure[spark]' (only for the Spark engine)"))
    for program, purpose, cure in _PROGRAMS:
        found = shutil.which(program)
        rows.append((f"{program}, for {purpose}", OK if found else OPTIONAL, "" if found else cure))
    return rows + _project(folder)


def _python() -> tuple[str, str, str]:
    enough = sys.version_info >= (3, 11)
    return (
        f"Python {sys.version.split()[0]}",
        OK if enough else NEEDED,
        "" if enough else "install Python 3.11 or newer",
    )


def _package(name: str, state: str, cure: str) -> tuple[str, str, str]:
    try:
        return (f"{name} {version(name)}", OK, "")
    except PackageNotFoundError:
        return (name, state, cure)


def _project(folder: Path | None) -> list[tuple[str, str, str]]:
    from tenure.cli.options import project_of

    try:
        project = project_of(folder)
    except TenureError as error:
        return [("project", "none here" if folder is None else NEEDED, error.cure or "")]
    writable = os.access(project.root, os.W_OK)
    free = shutil.disk_usage(project.root).free / 1e9
    return [
        (
            f"project {project.settings.project.name}",
            OK if writable else NEEDED,
            "" if writable else "make its folder writable",
        ),
        (f"disk: {free:.0f} GB free", OK if free > 1 else NEEDED, "" if free > 1 else "free some space"),
    ]
