"""The verb eval: a question to a source's own server."""

import os
from typing import TYPE_CHECKING, Annotated

import typer

from tenure.cli.options import (
    DebugOption,
    Format,
    FormatOption,
    JsonOption,
    ProjectOption,
    TlsOption,
    project_of,
    with_password,
)
from tenure.cli.output import print_rows
from tenure.core.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from tenure.sources.mariadb_address import Address


def evaluate(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE_OR_URL", help="A source that reads a server, or mariadb://user@host/db.")
    ],
    statement: Annotated[str, typer.Argument(metavar="SQL", help="One SELECT, SHOW, DESCRIBE or EXPLAIN.")],
    form: FormatOption = Format.table,
    tls: TlsOption = None,
    project: ProjectOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Ask a source's server a question in its own SQL; nothing there can be changed.

    For a url the password is read from TENURE_EVAL_PASSWORD or the file that TENURE_EVAL_PASSWORD_FILE names; on a
    terminal it is asked for else.

    \b
      tenure eval customers "SELECT COUNT(*) FROM customers"
      tenure eval mariadb://reader@db.example/SIC "SHOW TABLES"
    """
    from tenure.sources.mariadb_eval import ask_server

    found = ask_server(_address(source, tls, project), statement)
    print_rows(found.names, found.rows, Format.json if json else form)


def _address(source: str, tls: str | None, folder: "Path | None") -> "Address":
    """The address of a url, or of the source's contract in the project."""
    from tenure.contracts.files import read_contracts
    from tenure.sources.mariadb_address import typed_address
    from tenure.sources.mariadb_eval import PASSWORD_VARIABLE, source_address

    if "://" in source:
        return typed_address(source, PASSWORD_VARIABLE, tls, with_password(PASSWORD_VARIABLE))
    if tls:
        raise UsageError("--tls is for a url", cure="a source says tls: in its contract")
    project = project_of(folder)
    return source_address(source, read_contracts(project.sources), os.environ, project.root)
