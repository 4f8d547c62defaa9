"""Verbs about the releases that are kept."""

from typing import Annotated

import typer

from tenure.cli.options import DebugOption, Format, FormatOption, JsonOption, ProjectOption, project_of
from tenure.cli.output import print_json, print_mapping, print_rows, print_table, say
from tenure.core.wording import counted

releases = typer.Typer(
    help="The releases that are kept: list, show, compare, roll back, prune.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@releases.command("list")
def list_releases(
    form: FormatOption = Format.table,
    project: ProjectOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """List the releases that are kept, oldest first.

    `bytes_own` is the room that a release takes alone, `bytes_shared` what it has in common with others.
    """
    from tenure.core.errors import DamagedRelease
    from tenure.warehouse.store import ReleaseStore

    store = ReleaseStore(project_of(project).warehouse)
    pointer = store.pointer()
    rows: list[tuple[object, ...]] = []
    for name in store.names():
        in_force, size = bool(pointer and pointer.current == name), store.size(name)
        try:
            said = store.manifest(name)
        except DamagedRelease as error:
            typer.echo(f"damaged: {error}", err=True)
            rows.append((name, in_force, None, None, None, None, size.own, size.shared))
            continue
        total = sum(table.rows for table in said.tables)
        rows.append(
            (name, in_force, said.business_date, said.created_at, len(said.loads), total, size.own, size.shared)
        )
    names = ("release", "in_force", "business_date", "created_at", "loads", "rows", "bytes_own", "bytes_shared")
    print_rows(names, rows, Format.json if json else form)


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
    with store.reading(store.named(release) if release else None) as name:
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
    store = ReleaseStore(opened.warehouse)
    with writer_lock(opened):
        store.heal()
        name = store.named(release)
        store.rollback(name)
    if json:
        print_json({"in_force": name})
    else:
        say(f"release {name} is in force")


@releases.command("diff")
def diff(
    before: Annotated[
        str | None, typer.Argument(metavar="[A]", help="The earlier release [default: the one before B].")
    ] = None,
    after: Annotated[
        str | None, typer.Argument(metavar="[B]", help="The later release [default: the one in force].")
    ] = None,
    form: FormatOption = Format.table,
    project: ProjectOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Say what changed between two releases, and why: loads, settings, definitions, tables, headline figures.

    A release may be named by its number alone. CSV has one row a table.

    \b
      tenure releases diff
      tenure releases diff 3 7 --json
    """
    from dataclasses import asdict

    from tenure.cli.release_diff import TABLE_COLUMNS, print_diff, table_rows
    from tenure.warehouse.diff import diff_releases, release_pair
    from tenure.warehouse.store import ReleaseStore

    opened = project_of(project)
    found = diff_releases(opened, *release_pair(ReleaseStore(opened.warehouse), before, after))
    if json or form is Format.json:
        print_json(asdict(found))
    elif form is Format.csv:
        print_rows(TABLE_COLUMNS, table_rows(found), form)
    else:
        print_diff(found)


@releases.command("prune")
def prune(
    keep: Annotated[
        int | None,
        typer.Option("--keep", min=1, metavar="N", help="How many to keep [default: keep_releases of tenure.toml]."),
    ] = None,
    project: ProjectOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Delete old releases, and say what went and how much room that freed.

    The one in force stays, and so does one that is being read at the moment. What was built for --as-of goes
    as well: it is built again when it is asked for.

    \b
      tenure releases prune --keep 2
    """
    from dataclasses import asdict

    from tenure.core.lock import writer_lock
    from tenure.warehouse.as_of import discard_as_of
    from tenure.warehouse.store import ReleaseStore

    opened = project_of(project)
    store = ReleaseStore(opened.warehouse)
    wanted = keep or opened.settings.warehouse.keep_releases
    with writer_lock(opened):
        store.heal()
        gone = [*store.prune(wanted), *discard_as_of(opened)]
        left = store.names()
        pointer = store.pointer()
    held = [name for name in left[:-wanted] if pointer and name != pointer.current]
    if json:
        print_json({"removed": [asdict(entry) for entry in gone], "kept": left, "in_use": held})
        return
    for entry in gone:
        say(f"removed {entry.release} ({entry.freed:,} bytes)")
    for name in held:
        say(f"kept {name}: it is being read")
    kept = "1 release is" if len(left) == 1 else f"{len(left)} releases are"
    say(f"{kept} kept, {counted(sum(entry.freed for entry in gone), 'byte')} freed")
