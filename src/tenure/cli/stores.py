"""Verbs about what is kept: releases and quarantine."""

from typing import Annotated

import typer

from tenure.cli.options import DebugOption, Format, FormatOption, JsonOption, ProjectOption, project_of
from tenure.cli.output import print_json, print_mapping, print_rows, print_table, say

releases = typer.Typer(
    help="The releases that are kept: list, show, roll back.", no_args_is_help=True, rich_markup_mode=None
)
quarantine = typer.Typer(
    help="The rows that broke their contract: list, show.", no_args_is_help=True, rich_markup_mode=None
)


@releases.command("list")
def list_releases(
    form: FormatOption = Format.table,
    project: ProjectOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """List the releases that are kept, oldest first."""
    from tenure.warehouse.store import ReleaseStore

    store = ReleaseStore(project_of(project).warehouse)
    pointer = store.pointer()
    rows: list[tuple[object, ...]] = []
    for name in store.names():
        manifest = store.manifest(name)
        in_force = bool(pointer and pointer.current == name)
        total = sum(table.rows for table in manifest.tables)
        rows.append((name, in_force, manifest.business_date, manifest.created_at, len(manifest.loads), total))
    print_rows(
        ("release", "in_force", "business_date", "created_at", "loads", "rows"), rows, Format.json if json else form
    )


@releases.command("show")
def show_release(
    release: Annotated[
        str | None, typer.Argument(metavar="[RELEASE]", help="Which release [default: the one in force].")
    ] = None,
    project: ProjectOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Show a release: what it was built from and its tables."""
    from dataclasses import asdict

    from tenure.warehouse.store import ReleaseStore

    store = ReleaseStore(project_of(project).warehouse)
    with store.reading(release) as name:
        manifest = store.manifest(name)
    if json:
        print_json({"release": name, **asdict(manifest)})
        return
    about = {
        "release": name,
        "run": manifest.run_id,
        "created at (UTC)": manifest.created_at,
        "business date": manifest.business_date,
    }
    print_mapping(
        {**about, "engine": manifest.engine, "loads": len(manifest.loads), "checks passed": len(manifest.checks)}
    )
    rows = [
        (table.name, table.layer, table.rows, len(table.parts), table.content_hash[:12]) for table in manifest.tables
    ]
    print_table(("table", "layer", "rows", "parts", "content"), rows)


@releases.command("rollback")
def rollback(
    release: Annotated[str, typer.Argument(metavar="RELEASE", help="The release to put in force.")],
    project: ProjectOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Put an older release in force; the next build makes a new one from it."""
    from tenure.core.lock import writer_lock
    from tenure.warehouse.store import ReleaseStore

    opened = project_of(project)
    with writer_lock(opened):
        ReleaseStore(opened.warehouse).rollback(release)
    if json:
        print_json({"in_force": release})
    else:
        say(f"release {release} is in force")


@quarantine.command("list")
def list_quarantine(
    form: FormatOption = Format.table,
    project: ProjectOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Count the rows in quarantine by source, column and rule."""
    from tenure.pipeline import raw_zone
    from tenure.raw.quarantine import count_by_rule

    rows = count_by_rule(raw_zone(project_of(project)))
    print_rows(("source", "column", "rule", "rows", "newest_file"), rows, Format.json if json else form)


@quarantine.command("show")
def show_quarantine(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="Whose rows.")],
    rule: Annotated[str | None, typer.Option("--rule", help="Only rows that broke this rule.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="N", help="At most so many rows.")] = 50,
    form: FormatOption = Format.table,
    project: ProjectOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Print rows in quarantine as they were delivered: file, line, column, rule, reason, text."""
    from tenure.pipeline import chosen_contracts, raw_zone
    from tenure.raw.quarantine import rows_of

    opened = project_of(project)
    zone = raw_zone(opened)
    if not zone.state.loads(source):
        chosen_contracts(opened, (source,))
    rows = rows_of(zone, source, rule, limit)
    print_rows(("file", "line", "column", "rule", "reason", "text"), rows, Format.json if json else form)
