"""`tenure source add`: proposes contracts from tables, files and what older tools left, and writes them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tenure.cli.options import DebugOption, JsonOption, ProjectOption, TlsOption, project_of, with_password
from tenure.cli.output import Failed, print_json, print_table, say
from tenure.core.errors import UsageError

if TYPE_CHECKING:
    from tenure.core.settings import Project
    from tenure.sources.proposal import Proposal
    from tenure.sources.propose_tables import ServerTable

_DATABASE = "mariadb://"


def add(
    what: Annotated[
        str | None,
        typer.Argument(
            metavar="[URL|FILE|FOLDER|GLOB]",
            help="mariadb://USER@HOST:PORT/DATABASE, or files of one kind: CSV, JSON, Parquet, or a folder that Sqoop "
            "wrote.",
        ),
    ] = None,
    table: Annotated[
        list[str] | None, typer.Option("--table", metavar="TABLE", help="Add this table or view; may be given again.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Add all tables of the database.")] = False,
    exclude: Annotated[
        list[str] | None,
        typer.Option("--exclude", metavar="TABLE", help="With --all, not this one, or those like 'tmp_*'; repeatable."),
    ] = None,
    views: Annotated[bool, typer.Option("--views", help="With --all, the views too.")] = False,
    tls: TlsOption = None,
    name: Annotated[
        str | None,
        typer.Option("--name", help="The source's name; of several sources, what their names begin with."),
    ] = None,
    sqoop: Annotated[
        Path | None,
        typer.Option(
            "--from-sqoop-job", metavar="FILE", help="Saved jobs of Sqoop: its metastore.db.script, or the folder."
        ),
    ] = None,
    job: Annotated[
        list[str] | None, typer.Option("--job", metavar="JOB", help="Of Sqoop's jobs only this one; repeatable.")
    ] = None,
    nifi: Annotated[
        Path | None,
        typer.Option("--from-nifi-flow", metavar="FILE", help="A flow of NiFi that reads a folder, as JSON or XML."),
    ] = None,
    time_zone: Annotated[
        str | None,
        typer.Option(
            "--time-zone",
            metavar="ZONE",
            help="Of a folder that Sqoop wrote: the time zone of the machine it ran on, such as Europe/Vienna.",
        ),
    ] = None,
    rows: Annotated[
        int, typer.Option("--rows", min=1, metavar="N", help="Look at no more than N records of files.")
    ] = 1_000_000,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the contracts, write nothing.")] = False,
    project: ProjectOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Propose a contract for a table or for files and write it to sources/NAME.yml.

    A database is listed unless --table or --all says what to add. Look at what was guessed before you load:
    names tell much, but not everything. A contract that is there already is never overwritten.

    \b
      tenure source add mariadb://reader@db.example:3306/bank
      tenure source add mariadb://reader@db.example:3306/bank --all --exclude 'tmp_*'
      tenure source add landing/customers.csv
      tenure source add --from-sqoop-job ~/.sqoop/metastore.db.script
    """
    opened = project_of(project)
    # A flow may come with a file to see the columns from.
    given = [word for word in (None if nifi else what, sqoop, nifi) if word is not None]
    if len(given) != 1:
        raise UsageError(
            "name one thing to add" if not given else "only one thing can be added at a time",
            cure="a url mariadb://…, a file, a folder, --from-sqoop-job FILE or --from-nifi-flow FILE",
        )
    is_database = nifi is None and what is not None and what.startswith(_DATABASE)
    _expect_together(
        "--table, --all, --exclude, --views, --tls", bool(table or every or exclude or views or tls), is_database
    )
    _expect_together("--job", bool(job), sqoop is not None)
    _expect_together("--time-zone", time_zone is not None, what is not None and not is_database)
    if is_database:
        proposals = _from_database(opened, str(what), table or [], every, exclude or [], views, tls, name, json)
        if proposals is None:
            return
        skipped: list[str] = []
    elif sqoop:
        proposals, skipped = _from_sqoop(opened, sqoop, job or [], name)
    elif nifi:
        proposals, skipped = _from_nifi(opened, nifi, what, name, rows)
    else:
        proposals, skipped = _from_files(opened, str(what), name, time_zone, rows), []
    if name is None:
        proposals, known = _without_known(opened, proposals)
        skipped += known
    _finish(opened, proposals, skipped, dry_run, json)


def _without_known(project: "Project", proposals: "list[Proposal]") -> "tuple[list[Proposal], list[str]]":
    """Those for what no source reads yet, and of the others which one does."""
    from tenure.sources.proposal import already_read

    known = already_read(project.sources, proposals)
    reasons = [
        f"{proposal.found} is read by the source {known[proposal.source]} already; --name adds it a second time"
        for proposal in proposals
        if proposal.source in known
    ]
    return [proposal for proposal in proposals if proposal.source not in known], reasons


def _expect_together(options: str, given: bool, fits: bool) -> None:
    if given and not fits:
        raise UsageError(f"{options} do not belong to this", cure="see: tenure source add --help")


def _from_database(
    project: "Project",
    url: str,
    wanted: list[str],
    every: bool,
    exclude: list[str],
    views: bool,
    tls: str | None,
    name: str | None,
    json: bool,
) -> "list[Proposal] | None":
    """Proposals for the chosen tables; None when they were only listed."""
    from tenure.sources.mariadb_address import typed_address
    from tenure.sources.proposal import existing_sources
    from tenure.sources.propose_tables import Server, choose, database_variable, list_tables, propose_tables

    if wanted and every:
        raise UsageError("--table and --all exclude each other", cure="leave one of them out")
    variable = database_variable(url)
    address = typed_address(url, variable, tls, with_password(variable))
    tables = list_tables(address, variable)
    if not wanted and not every:
        _list(tables, url, json)
        return None
    chosen = choose(tables, wanted, exclude, views)
    return propose_tables(chosen, Server(url, variable, tls), existing_sources(project.sources), name)


def _list(tables: "list[ServerTable]", url: str, json: bool) -> None:
    if json:
        print_json(
            [
                {
                    "table": table.name,
                    "view": table.is_view,
                    "rows": table.rows,
                    "rows_exact": table.exact,
                    "entity": table.suggestion.entity,
                    "key": list(table.keys[0]) if table.keys else [],
                    "columns": [{"name": column.name, "type": column.types[0]} for column in table.columns],
                }
                for table in tables
            ]
        )
        return
    rows = [
        (
            table.name,
            "view" if table.is_view else "table",
            None if table.rows is None else f"{'' if table.exact else '≈ '}{table.rows:,}",
            table.suggestion.entity,
            ", ".join(table.keys[0]) if table.keys else None,
        )
        for table in tables
    ]
    print_table(("name", "is", "rows", "looks like", "key"), rows)
    say()
    say(f"next: tenure source add {url} --all, or --table NAME")


def _from_files(project: "Project", what: str, name: str | None, time_zone: str | None, rows: int) -> "list[Proposal]":
    from tenure.sources.proposal import existing_sources
    from tenure.sources.propose_files import find, propose_files
    from tenure.sources.propose_read import look_at

    found = find(project.root, what, Path.cwd())
    looked = look_at(found.files, rows, time_zone)
    return [propose_files(looked, found, existing_sources(project.sources), name)]


def _from_sqoop(
    project: "Project", file: Path, jobs: list[str], name: str | None
) -> "tuple[list[Proposal], list[str]]":
    import os

    from tenure.sources.proposal import existing_sources
    from tenure.sources.sqoop_jobs import propose_jobs
    from tenure.sources.sqoop_metastore import read_jobs

    found = read_jobs(file.expanduser())
    return propose_jobs(found, jobs, existing_sources(project.sources), name, os.environ)


def _from_nifi(
    project: "Project", file: Path, sample: str | None, name: str | None, rows: int
) -> "tuple[list[Proposal], list[str]]":
    from tenure.sources.nifi_flow import read_flow
    from tenure.sources.nifi_sources import propose_flow
    from tenure.sources.proposal import existing_sources
    from tenure.sources.propose_files import find

    looked_at = find(project.root, sample, Path.cwd()).files[0] if sample else None
    flow = read_flow(file.expanduser())
    return propose_flow(flow, project.root, looked_at, existing_sources(project.sources), name, rows)


def _finish(project: "Project", proposals: "list[Proposal]", skipped: list[str], dry_run: bool, json: bool) -> None:
    """Write the contracts, or print them, and say what was guessed and what is missing."""
    from tenure.sources.proposal import write_all

    if not dry_run:
        write_all(project.sources, proposals)
    if json:
        print_json(
            {
                "sources": [
                    {
                        "source": proposal.source,
                        "found": proposal.found,
                        "file": f"sources/{proposal.source}.yml",
                        "entity": proposal.entity,
                        "records": proposal.records,
                        "notes": list(proposal.notes),
                        "contract": proposal.content,
                    }
                    for proposal in proposals
                ],
                "skipped": skipped,
                "written": not dry_run,
            }
        )
    else:
        _say_proposals(proposals, skipped, dry_run)
    if not proposals:
        raise Failed(1)


def _say_proposals(proposals: "list[Proposal]", skipped: list[str], dry_run: bool) -> None:
    from tenure.sources.proposal import text_of

    for proposal in proposals:
        say(f"sources/{proposal.source}.yml ({proposal.found}, entity {proposal.entity})")
        if dry_run:
            say(text_of(proposal))
            continue
        for note in proposal.notes:
            say(f"  {note}")
    for reason in skipped:
        say(f"skipped: {reason}")
    if proposals and not dry_run:
        say()
        _say_next(proposals)


def _say_next(proposals: "list[Proposal]") -> None:
    from tenure.sources.mariadb_address import password_variable

    contracts = [proposal.contract() for proposal in proposals]
    variables = sorted({password_variable(contract) for contract in contracts if contract.kind == "mariadb"})
    if variables:
        say(f"the password comes from {', '.join(variables)} whenever the tables are read")
    say("next: look through the files, then: tenure run")
