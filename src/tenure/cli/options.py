"""Options that many verbs share, so that each means the same everywhere."""

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
