"""Options that many verbs share, so that each means the same everywhere."""

import os
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tenure.core.errors import UsageError

if TYPE_CHECKING:
    from tenure.core.settings import Project

ProjectOption = Annotated[
    Path | None,
    typer.Option(
        "--project", metavar="DIR", help="The project's folder [default: the nearest one upwards with tenure.toml]."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
DebugOption = Annotated[bool, typer.Option("--debug", help="Print a traceback when something fails.")]
StrictOption = Annotated[bool, typer.Option("--strict", help="End with exit code 3 when rows were quarantined.")]
DateOption = Annotated[
    str | None,
    typer.Option(
        "--date", metavar="YYYY-MM-DD", help="The business date: what day the business is at [default: today]."
    ),
]
TlsOption = Annotated[
    str | None,
    typer.Option(
        "--tls",
        metavar="required|verify|FILE",
        help="Encrypt; with verify or a file of certificates the server must also prove who it is [default: neither].",
    ),
]


class Format(StrEnum):
    """How results are printed."""

    table = "table"
    csv = "csv"
    json = "json"


FormatOption = Annotated[Format, typer.Option("--format", help="How to print the result.")]


def project_of(folder: Path | None) -> "Project":
    """The project an option names, or the nearest one upwards from here."""
    from tenure.core.settings import find_project, open_project

    return open_project(folder) if folder else find_project(Path.cwd())


def business_date(text: str | None) -> date:
    """The date of a --date option, today without one."""
    if text is None:
        return date.today()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"--date {text} is not a date", cure="write it as YYYY-MM-DD, for instance 2025-10-02"
        ) from None


def words(given: list[str] | None, option: str) -> tuple[str, ...]:
    """The names that an option lists: it may be repeated, and each time be a list with commas."""
    names = tuple(word.strip() for entry in given or () for word in entry.split(","))
    if not all(names):
        raise UsageError(f"{option} has an empty name", cure=f"name one or several, such as {option} a,b")
    return names


def with_password(variable: str, of: str = "") -> Mapping[str, str]:
    """The environment; where it says nothing of the password in `variable`, a person at a terminal is asked for it."""
    if variable in os.environ or f"{variable}_FILE" in os.environ or not sys.stdin.isatty():
        return os.environ
    asked: str = typer.prompt(
        f"Password{of and f' of {of}'}", hide_input=True, default="", show_default=False, err=True
    )
    return {**os.environ, variable: asked}


def ask_for_passwords(project: "Project", sources: Sequence[str] = ()) -> None:
    """Before servers are read: ask a person at a terminal for the passwords that are not known, once for each."""
    if not sys.stdin.isatty():
        return
    from tenure.contracts.files import read_contracts
    from tenure.sources.mariadb_address import password_variable

    for contract in read_contracts(project.sources):
        if contract.kind == "mariadb" and (not sources or contract.source in sources):
            # For this process alone; the reader that it starts is given none of its variables.
            os.environ.update(with_password(password_variable(contract), contract.url or contract.source))
