"""The verb that tells where a table, a column or a row comes from."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tenure.cli.options import DebugOption, JsonOption, ProjectOption, project_of
from tenure.cli.output import print_json, print_mapping, print_table, say
from tenure.core.errors import UsageError

if TYPE_CHECKING:
    from tenure.core.settings import Project
    from tenure.warehouse.lineage import Lineage, Node, TableLineage
    from tenure.warehouse.lineage_rows import Record, RowLineage
    from tenure.warehouse.lineage_sql import Use


def lineage(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TABLE|TABLE.COLUMN|TABLE KEY...]",
            help="A table, or a column of one; with --row a table and the key of a row.",
        ),
    ] = None,
    row: Annotated[
        bool, typer.Option("--row", help="Which delivered records the row with this key depends on, by file and line.")
    ] = False,
    values: Annotated[
        bool, typer.Option("--values", help="With --row: print the records as well. They may be personal data.")
    ] = False,
    limit: Annotated[
        int, typer.Option("--limit", min=1, metavar="N", help="With --row: print at most so many records.")
    ] = 100,
    openlineage: Annotated[
        bool, typer.Option("--openlineage", help="Print the release's lineage as OpenLineage events, one a line.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="With --openlineage: write them there instead.")
    ] = None,
    release: Annotated[
        str | None,
        typer.Option(
            "--release",
            metavar="ID",
            help="With --row or --openlineage: an older release [default: the one in force].",
        ),
    ] = None,
    project: ProjectOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Where a table, a column or a row comes from, down to the sources.

    \b
      tenure lineage fact_customer_metrics
      tenure lineage fact_customer_metrics.clv
      tenure lineage --row dim_usage 1 Savings 2025-09-01
      tenure lineage --openlineage --output events.ndjson
    """
    words = words or []
    _expect_sense(words, row=row, openlineage=openlineage, values=values, output=output, release=release)
    opened = project_of(project)
    if openlineage:
        _print_events(opened, release, output)
    elif row:
        _print_row(opened, words, release, values=values, limit=limit, json=json)
    else:
        _print_names(opened, words[0], json=json)


def _expect_sense(
    words: Sequence[str], *, row: bool, openlineage: bool, values: bool, output: Path | None, release: str | None
) -> None:
    """Raises `UsageError` for words and options that do not go together."""
    usage = "tenure lineage TABLE[.COLUMN], tenure lineage --row TABLE KEY…, or tenure lineage --openlineage"
    if row and openlineage:
        raise UsageError("--row and --openlineage do not go together", cure=usage)
    if openlineage and words:
        raise UsageError("--openlineage is about the whole release and takes no table", cure=usage)
    if row and len(words) < 2:
        raise UsageError("--row needs a table and the key of a row", cure="tenure lineage --row dim_customer 1")
    if not row and not openlineage and len(words) != 1:
        raise UsageError("name one table or column", cure=usage)
    for option, given, fits in (("--values", values, row), ("--output", output, openlineage)):
        if given and not fits:
            raise UsageError(f"{option} does not go with this", cure=usage)
    if release and not row and not openlineage:
        raise UsageError("--release goes with --row or --openlineage only: columns are read from the models of now")


def _print_names(project: "Project", name: str, *, json: bool) -> None:
    from dataclasses import asdict

    from tenure.pipeline import raw_zone
    from tenure.warehouse.lineage import column_tree, fed_by, lineage_of, table_lineage

    known = lineage_of(project, raw_zone(project))
    table, _, column = name.partition(".")
    about = table_lineage(known, table)
    if not column:
        if json:
            print_json(asdict(about))
        else:
            _say_table(known, about)
        return
    tree = column_tree(known, table, column)
    used_by = fed_by(known, table, column)
    if json:
        print_json({**asdict(tree), "rows": [asdict(use) for use in about.rows], "used_by": used_by})
        return
    for line in _tree_lines(known, tree):
        say(line)
    _say_rows(table, about.rows)
    if used_by:
        say()
        say(f"used for: {', '.join(used_by)}")


def _say_table(known: "Lineage", about: "TableLineage") -> None:
    from tenure.warehouse.lineage import description_of

    say(f"{about.name}: {about.description}")
    for title, near, far in (("made of", about.reads, about.above), ("makes", about.read_by, about.below)):
        say()
        say(f"{title} (* directly)" if far else f"{title} nothing else")
        width = max((len(name) for name in far), default=0)
        for name in far:
            say(f"  {'*' if name in near else ' '} {name:<{width}}  {description_of(known, name)}")
    for title, names in (("sources", about.sources), ("reports", about.reports)):
        if names:
            say()
            say(f"{title}: {', '.join(names)}")
    _say_rows(about.name, about.rows)


def _say_rows(table: str, rows: "Sequence[Use]") -> None:
    """What decides rows, by how it does."""
    if not rows:
        return
    found: dict[str, list[str]] = {}
    for use in rows:
        found.setdefault(use.how, []).append(_name(use.table, use.column))
    say()
    say(f"decide which rows go into {table}, or into one of its values (indirect):")
    for how, names in found.items():
        say(f"  {how:<6}  {', '.join(names)}")


def _tree_lines(known: "Lineage", node: "Node", before: str = "", branch: str = "") -> Iterator[str]:
    yield f"{before}{branch}{_label(known, node)}"
    inner = before + {"": "", "├─ ": "│  ", "└─ ": "   "}[branch]
    for part in node.parts:
        yield from _tree_lines(known, part, inner, "└─ " if part is node.parts[-1] else "├─ ")


def _name(table: str, column: str) -> str:
    from tenure.warehouse.lineage_sql import ROWS

    return f"rows of {table}" if column == ROWS else f"{table}.{column}"


def _label(known: "Lineage", node: "Node") -> str:
    name = _name(node.table, node.column)
    how = f" [{', '.join(node.how)}]" if node.how else ""
    text = f": {node.description}" if node.description else ""
    if node.repeated:
        return f"{name}{how} (see above)"
    if node.feeds:
        return f"{name}{how} ← " + "; ".join(f"{feed.source}: {feed.column} ({feed.place})" for feed in node.feeds)
    if node.table.startswith("raw_") and node.type and not node.description:
        return f"{name}{how} ← no source gives it"
    constant = not node.parts and node.table in known.models
    return f"{name}{how}{text}{' (a constant)' if constant else ''}"


def _print_row(
    project: "Project", words: Sequence[str], release: str | None, *, values: bool, limit: int, json: bool
) -> None:
    from dataclasses import asdict

    from tenure.contracts.files import read_contracts
    from tenure.pipeline import raw_zone
    from tenure.warehouse.lineage import lineage_of
    from tenure.warehouse.lineage_rows import row_lineage
    from tenure.warehouse.releases import open_release

    zone = raw_zone(project)
    with open_release(project, release) as opened:
        known = lineage_of(project, zone, opened.manifest.loads)
        contracts = read_contracts(project.sources)
        found = row_lineage(opened, zone, known, contracts, words[0], words[1:], values=values)
    if json:
        document = asdict(found)
        for record in document["records"] if not values else ():
            del record["values"]
        print_json(document)
        return
    _say_row(found, values=values, limit=limit)


def _say_row(found: "RowLineage", *, values: bool, limit: int) -> None:
    key = ", ".join(f"{name} {value}" for name, value in found.key.items())
    count = f"{len(found.records)} record{'' if len(found.records) == 1 else 's'}"
    beside = any(entry.loads for entry in found.whole)
    more = "and of tables that it depends on as a whole" if beside else "and of no others than these"
    say(f"{found.table} with {key}, in release {found.release}: made of {count}, {more}")
    shown = found.records[:limit]
    if shown:
        say()
        heads = ("entity", "record", "state", "place", "load", "recorded_at")
        print_table(heads, [_record_row(record) for record in shown])
    if len(shown) < len(found.records):
        say(f"and {len(found.records) - len(shown)} more: --limit {len(found.records)} prints them all")
    for record in shown if values else ():
        say()
        say(f"{_place(record)}:")
        print_mapping(record.values)
    _say_way(found)


def _record_row(record: "Record") -> tuple[object, ...]:
    key = ", ".join(str(value) for value in record.key.values())
    return (record.entity, key, record.state, _place(record), record.load_id, record.recorded_at)


def _place(record: "Record") -> str:
    if record.in_table:
        key = ", ".join(f"{name} {value}" for name, value in record.key.items())
        return f"table {record.delivery}, {key}"
    return f"{record.delivery}:{record.row}"


def _say_way(found: "RowLineage") -> None:
    """How the records were found, and what stands beside them."""
    if found.steps:
        say()
        say("found by")
    for step in found.steps:
        by = ", ".join(mine if mine == other else f"{mine} = {other}" for mine, other in step.by)
        note = "" if step.declared else " (as the SQL shows)"
        say(f"  {step.table} → {step.input} by {by}: {step.rows} row{'' if step.rows == 1 else 's'}{note}")
    whole = [entry for entry in found.whole if entry.loads or not entry.derived]
    if whole:
        say()
        say("depends as a whole on")
    for entry in whole:
        loads = ", ".join(f"{source} × {count}" for source, count in entry.loads.items())
        say(f"  {entry.input} (for {', '.join(entry.read_by)}){f': loads of {loads}' if loads else ''}")
    if found.outdated:
        say()
        say(f"The SQL of {', '.join(found.outdated)} has changed since this release; tenure build makes a new one.")


def _print_events(project: "Project", release: str | None, output: Path | None) -> None:
    import json

    from tenure.core.durable import replace_file
    from tenure.pipeline import raw_zone
    from tenure.warehouse.lineage import lineage_of
    from tenure.warehouse.openlineage import outdated, run_events
    from tenure.warehouse.store import ReleaseStore

    store = ReleaseStore(project.warehouse)
    with store.reading(release) as name:
        manifest = store.manifest(name)
        known = lineage_of(project, raw_zone(project), manifest.loads)
    lines = [json.dumps(event, ensure_ascii=False) for event in run_events(manifest, known)]
    if output is None:
        for line in lines:
            say(line)
    else:
        replace_file(output, "".join(f"{line}\n" for line in lines).encode())
        say(f"{len(lines)} events of release {name} are in {output}")
    changed = outdated(manifest, known)
    if changed:
        note = f"note: the SQL of {', '.join(changed)} has changed since; their inputs are left out"
        typer.echo(note, err=True)
