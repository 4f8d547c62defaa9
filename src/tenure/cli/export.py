"""Verbs that write a release's tables elsewhere: export mariadb, csv and parquet."""

from contextlib import contextmanager
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tenure.cli.as_of import AsOfOption, chosen_release
from tenure.cli.options import DebugOption, JsonOption, ProjectOption, TlsOption, project_of, with_password, words
from tenure.cli.output import print_json, say, steps
from tenure.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Generator

    from tenure.core.settings import Project
    from tenure.exports.selection import Selection

export = typer.Typer(help="Write a table or a SELECT of a release to a MariaDB table or a file.", no_args_is_help=True)

TableArgument = Annotated[
    str | None, typer.Argument(metavar="[TABLE]", help="Which table of the release; or give --sql.")
]
SqlOption = Annotated[
    str | None, typer.Option("--sql", metavar="SELECT", help="Export what this SELECT over the release gives.")
]
ColumnsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--columns", metavar="COLUMN", help="Only these columns, in this order [default: all]; a list with commas."
    ),
]
ReleaseOption = Annotated[
    str | None, typer.Option("--release", metavar="ID", help="An older release, as it was [default: the one in force].")
]


class Mode(StrEnum):
    """What becomes of rows whose key the target has already, and of those whose key it has not."""

    insert = "insert"
    update = "update"
    upsert = "upsert"


@contextmanager
def _selection(
    project: "Project",
    table: str | None,
    sql: str | None,
    columns: list[str] | None,
    release: str | None,
    as_of: str | None,
) -> "Generator[Selection]":
    from tenure.exports.selection import select

    with chosen_release(project, release, as_of) as opened:
        yield select(opened, table, sql, words(columns, "--columns"))


@export.command("mariadb")
def mariadb(
    table: TableArgument = None,
    to: Annotated[
        str, typer.Option("--to", metavar="URL", help="The database: mariadb://user@host:port/database.")
    ] = "",
    target: Annotated[
        str | None,
        typer.Option("--table", metavar="NAME", help="The table there [default: the name of the exported one]."),
    ] = None,
    sql: SqlOption = None,
    mode: Annotated[
        Mode,
        typer.Option(
            "--mode",
            help="insert adds rows, update changes those whose key is there, upsert does both.",
        ),
    ] = Mode.insert,
    key: Annotated[
        list[str] | None,
        typer.Option(
            "--key",
            metavar="COLUMN",
            help="By which columns rows are matched [default: the table's primary key]; a list with commas.",
        ),
    ] = None,
    columns: ColumnsOption = None,
    staging: Annotated[
        bool,
        typer.Option(
            "--staging",
            help="Write a copy of the table that takes its place at once: for engines without transactions.",
        ),
    ] = False,
    create: Annotated[
        bool, typer.Option("--create", help="Make the table, with exact types, where it does not exist yet.")
    ] = False,
    tls: TlsOption = None,
    release: ReleaseOption = None,
    as_of: AsOfOption = None,
    project: ProjectOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Write rows to a MariaDB table: all of them, exactly, or none.

    Columns are matched by name. A value that the table would round, cut or replace refuses the whole export before
    a row is written. The password is read from TENURE_EXPORT_PASSWORD or the file that TENURE_EXPORT_PASSWORD_FILE
    names; on a terminal it is asked for else.

    \b
      tenure export mariadb dim_customer --to mariadb://tenure@db.example/crm --mode upsert
      tenure export mariadb --sql "SELECT customer_id, clv FROM dim_customer" --to … --table scores --create
    """
    from tenure.exports.mariadb import Order, export_mariadb
    from tenure.exports.mariadb_session import PASSWORD_VARIABLE
    from tenure.sources.mariadb_address import typed_address

    if not to:
        raise UsageError("--to is missing", cure="name the database: --to mariadb://user@host:port/database")
    if target is None and table is None:
        raise UsageError("--table is missing", cure="with --sql, name the table to write: --table NAME")
    opened = project_of(project)
    address = typed_address(to, PASSWORD_VARIABLE, tls, with_password(PASSWORD_VARIABLE))
    order = Order(target or str(table), mode.value, words(key, "--key"), staging, create)
    with _selection(opened, table, sql, columns, release, as_of) as selection, steps(json, "sending") as told:
        done = export_mariadb(selection, address, order, opened.scratch, told)
    if json:
        print_json({"table": done.table, "created": done.created, **asdict(done.counts)})
        return
    counts = done.counts
    say(f"{done.table}{' (made)' if done.created else ''}: {_counted(counts.rows)} exported")
    absent = f", {counts.absent:,} not in the table" if mode is Mode.update else ""
    say(f"{counts.inserted:,} inserted, {counts.updated:,} updated, {counts.unchanged:,} unchanged{absent}")


@export.command("csv")
def csv(
    words_: Annotated[
        list[str], typer.Argument(metavar="[TABLE] FILE", help="Which table of the release (or --sql), and the file.")
    ],
    sql: SqlOption = None,
    columns: ColumnsOption = None,
    as_is: Annotated[
        bool,
        typer.Option(
            "--as-is",
            help="Leave text as it is that a spreadsheet would run as a formula; else it gets a ' before it.",
        ),
    ] = False,
    release: ReleaseOption = None,
    as_of: AsOfOption = None,
    project: ProjectOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Write rows to a CSV file, which appears whole or not at all.

    UTF-8 with a header; text stands in quotes, NULL is an empty cell.

    \b
      tenure export csv dim_customer customers.csv
    """
    from tenure.exports.files import export_csv

    table, file = _table_and_file(words_)
    with _selection(project_of(project), table, sql, columns, release, as_of) as selection:
        rows = export_csv(selection, file, as_is=as_is)
    _tell_file(file, rows, json)


@export.command("parquet")
def parquet(
    words_: Annotated[
        list[str], typer.Argument(metavar="[TABLE] FILE", help="Which table of the release (or --sql), and the file.")
    ],
    sql: SqlOption = None,
    columns: ColumnsOption = None,
    release: ReleaseOption = None,
    as_of: AsOfOption = None,
    project: ProjectOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Write rows to a Parquet file, which appears whole or not at all.

    \b
      tenure export parquet --sql "SELECT * FROM dim_customer WHERE is_active" active.parquet
    """
    from tenure.exports.files import export_parquet

    table, file = _table_and_file(words_)
    with _selection(project_of(project), table, sql, columns, release, as_of) as selection:
        rows = export_parquet(selection, file)
    _tell_file(file, rows, json)


def _table_and_file(given: list[str]) -> tuple[str | None, Path]:
    if len(given) > 2:
        raise UsageError(f"{len(given)} words are too many", cure="name a table and a file, or --sql and a file")
    return (given[0] if len(given) == 2 else None), Path(given[-1])


def _tell_file(file: Path, rows: int, json: bool) -> None:
    if json:
        print_json({"file": str(file), "rows": rows})
    else:
        say(f"{file}: {_counted(rows)} exported")


def _counted(rows: int) -> str:
    return f"{rows:,} row{'' if rows == 1 else 's'}"
