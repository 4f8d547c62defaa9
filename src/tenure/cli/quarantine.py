"""Verbs about the records that broke their contract: list, show, export, replay, dismiss."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tenure.cli.options import (
    DateOption,
    DebugOption,
    Format,
    FormatOption,
    JsonOption,
    ProjectOption,
    StrictOption,
    business_date,
    project_of,
    words,
)
from tenure.cli.output import Failed, print_json, print_rows, print_table, say
from tenure.core.wording import counted

if TYPE_CHECKING:
    from tenure.contracts.file_format import FileFormat
    from tenure.core.settings import Project
    from tenure.raw.quarantine import Chosen
    from tenure.raw.zone import RawZone
    from tenure.sources.replay import Replay

quarantine = typer.Typer(
    help="The records that broke their contract: list, show, export, replay, dismiss.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

SourceArgument = Annotated[str, typer.Argument(metavar="SOURCE", help="Whose records.")]
RuleOption = Annotated[str | None, typer.Option("--rule", metavar="RULE", help="Only records that broke this rule.")]
LoadOption = Annotated[
    str | None, typer.Option("--load", metavar="LOAD", help="Only records of this load, such as L00000012.")
]
IdOption = Annotated[
    list[str] | None,
    typer.Option(
        "--id", metavar="ID", help="Only this record, such as L00000012:3; may be repeated, or a list with commas."
    ),
]
_SHOWN, _NAMED = 20, 12


@quarantine.command("list")
def list_(
    form: FormatOption = Format.table,
    project: ProjectOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Count the records in quarantine by source, column and rule, and say what is missing for it.

    `open` are those that still wait, `replayed` and `dismissed` what became of others. `amount` adds up the money
    of the open ones where it can be read exactly out of what was delivered; `unknown_amount` counts the others.
    """
    from tenure.pipeline import quarantine_summary

    opened = project_of(project)
    summary = quarantine_summary(opened)
    form = Format.json if json else form
    names = ("source", "column", "rule", "open", "replayed", "dismissed", "amount", "unknown_amount", "newest_file")
    rows: list[tuple[object, ...]] = []
    for line in summary.lines:
        money = line.money(opened.settings.project.currency)
        unknown = line.unknown_amount if line.about_money else None
        rows.append((line.source, line.column, line.rule, *line.fates.values(), money, unknown, line.newest_file))
    if form is Format.json:
        documents: list[dict[str, object]] = [dict(zip(names, row, strict=True)) for row in rows]
        for document, line in zip(documents, summary.lines, strict=True):
            lacking = summary.missing.get(line.source) if line.fates["open"] else None
            document["missing_from_tables"] = list(lacking.tables) if lacking else []
            document["missing_from_metrics"] = list(lacking.metrics) if lacking else []
        print_json(documents)
        return
    print_rows(names, rows, form)
    if form is Format.table:
        for source, lacking in summary.missing.items():
            say()
            if lacking.tables:
                say(f"The open records of {source} are missing from {_some(lacking.tables)}, and what is made of them;")
                say(f"metrics read there: {_some(lacking.metrics)}")
            else:
                places = f"raw_{source}, and from each source of kind sql that reads it"
                say(f"The open records of {source} are missing from {places}")


@quarantine.command("show")
def show(
    source: SourceArgument,
    rule: RuleOption = None,
    load: LoadOption = None,
    ids: IdOption = None,
    every: Annotated[bool, typer.Option("--all", help="Also those that were replayed or dismissed, and why.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="N", help="At most so many records.")] = 50,
    form: FormatOption = Format.table,
    project: ProjectOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Print records in quarantine as they were delivered: id, file, line, column, rule, reason, text.

    \b
      tenure quarantine show usage --rule type
      tenure quarantine show usage --all --json
    """
    from itertools import islice

    from tenure.raw.quarantine import quarantined

    zone, chosen = _chosen(project_of(project), source, rule, load, ids, open_only=not every)
    found = islice(quarantined(zone, chosen, newest_first=True), limit)
    names = ["id", "file", "line", "column", "rule", "reason", "text"]
    fate = ["fate", "by_load", "why", "settled_at", "settled_by"] if every else []
    rows: list[tuple[object, ...]] = []
    for record in found:
        about = (record.id, record.load.delivery, record.row, record.column, record.rule, record.reason, record.record)
        gone = record.settled
        told = (
            (record.fate, gone.by_load, gone.reason, gone.settled_at, gone.settled_by)
            if gone
            else (record.fate, *[None] * 4)
        )
        rows.append((*about, *told) if every else about)
    print_rows([*names, *fate], rows, Format.json if json else form)


@quarantine.command("export")
def export(
    source: SourceArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file; its name ends in .csv or .ndjson.")],
    rule: RuleOption = None,
    load: LoadOption = None,
    ids: IdOption = None,
    project: ProjectOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Write open records to a file as they were delivered, to be mended and replayed with --edited.

    A record is tied to its place by the first column, quarantine_id: leave that as it is. CSV is for sources of
    CSV files; .ndjson is for any. The file may hold personal data: only its owner can read it.

    \b
      tenure quarantine export usage usage_to_mend.csv --rule type
    """
    from tenure.raw.quarantine import quarantined
    from tenure.sources.quarantine_files import write_export

    opened = project_of(project)
    zone, chosen = _chosen(opened, source, rule, load, ids)
    records = list(quarantined(zone, chosen))
    headers = {record.load.load_id: zone.manifest(record.load).header for record in records}
    write_export(file, records, lambda record: headers[record.load.load_id], _terms(opened, source))
    if json:
        print_json({"file": str(file), "records": len(records)})
        return
    say(f"{counted(len(records), 'record')} written to {file}")
    if records:
        say(f"mend what stands behind the id, then: tenure quarantine replay {source} --edited {file}")


@quarantine.command("replay")
def replay(
    source: SourceArgument,
    rule: RuleOption = None,
    load: LoadOption = None,
    ids: IdOption = None,
    edited: Annotated[
        Path | None, typer.Option("--edited", metavar="FILE", help="An export whose records were mended.")
    ] = None,
    date: DateOption = None,
    strict: StrictOption = False,
    project: ProjectOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Load open records that keep the contract as it is now, or that were mended in an exported file.

    They take effect when the rest of their delivery did, and do not replace what was delivered after them. Those
    that still break the contract stay in quarantine.

    \b
      tenure quarantine replay usage
      tenure quarantine replay usage --edited usage_to_mend.csv
    """
    from tenure.pipeline import run_replay
    from tenure.sources.replay import Reason

    opened = project_of(project)
    _, chosen = _chosen(opened, source, rule, load, ids)
    why = "edited" if edited else "read again under the contract as it was then"
    done = run_replay(opened, business_date(date), chosen, edited, Reason(why, _who()))
    if json:
        print_json(_replay_document(source, done))
    else:
        _tell_replay(done)
    if any(entry.refused for entry in done):
        raise Failed(1)
    if strict and any(entry.still_broken for entry in done):
        raise Failed(3)


@quarantine.command("dismiss")
def dismiss(
    source: SourceArgument,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why they are not needed; it is kept.")],
    rule: RuleOption = None,
    load: LoadOption = None,
    ids: IdOption = None,
    project: ProjectOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Say of open records that they are not needed: they stay in the raw zone, but no longer count as open.

    \b
      tenure quarantine dismiss usage --rule fields --reason "test rows of the supplier"
    """
    from tenure.core.clock import now
    from tenure.core.errors import UsageError
    from tenure.core.lock import writer_lock
    from tenure.raw.quarantine import quarantined
    from tenure.raw.settled import Settled

    if not reason.strip():
        raise UsageError("--reason is empty", cure="say in a few words why these records are not needed")
    opened = project_of(project)
    zone, chosen = _chosen(opened, source, rule, load, ids)
    with writer_lock(opened):
        at, who = now(), _who()
        gone = [
            Settled(record.load.load_id, record.ordinal, "dismissed", None, reason.strip(), at, who)
            for record in quarantined(zone, chosen)
        ]
        zone.state.settle(gone)
    if json:
        print_json({"source": source, "dismissed": len(gone)})
    else:
        say(f"{counted(len(gone), 'record')} dismissed; tenure quarantine show {source} --all still shows them")


def _chosen(
    project: "Project",
    source: str,
    rule: str | None,
    load: str | None,
    ids: list[str] | None,
    *,
    open_only: bool = True,
) -> "tuple[RawZone, Chosen]":
    """The raw zone and the records that the options mean; names that are not there are an error."""
    from tenure.core.errors import UsageError
    from tenure.pipeline import declared_contracts, raw_zone
    from tenure.raw.quarantine import Chosen, expect_rule, quarantined, read_ids

    zone = raw_zone(project)
    loads = zone.state.loads(source)
    if not loads:
        declared_contracts(project, (source,))
    if load is not None and load not in {entry.load_id for entry in loads}:
        raise UsageError(f"{source} has no load {load}", cure=f"tenure quarantine show {source} names the loads")
    expect_rule(zone, source, rule)
    wanted = read_ids(words(ids, "--id")) if ids else None
    if wanted:
        there = {
            (entry.load.load_id, entry.ordinal)
            for entry in quarantined(zone, Chosen(source, ids=wanted, open_only=False))
        }
        unknown = sorted(wanted - there)
        if unknown:
            name = f"{unknown[0][0]}:{unknown[0][1]}"
            raise UsageError(
                f"{name} is no record in the quarantine of {source}",
                cure=f"tenure quarantine show {source} prints the ids",
            )
    return zone, Chosen(source, rule, load, wanted, open_only)


def _terms(project: "Project", source: str) -> "FileFormat":
    """How the files of a source are written; as usual where its contract is gone."""
    from tenure.contracts.file_format import FileFormat
    from tenure.contracts.files import read_contracts

    return next((entry for entry in read_contracts(project.sources) if entry.source == source), FileFormat())


def _who() -> str:
    """The account that runs the command."""
    import os
    from getpass import getuser

    try:
        return getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def _some(names: "tuple[str, ...]") -> str:
    listed = ", ".join(names[:_NAMED])
    return f"{listed} and {len(names) - _NAMED} more" if len(names) > _NAMED else listed or "none"


def _replay_document(source: str, done: "list[Replay]") -> dict[str, object]:
    return {
        "source": source,
        "replays": [
            {
                "from": entry.origin.load_id,
                "file": entry.origin.delivery,
                "tried": entry.tried,
                "load": entry.load.load_id if entry.load else None,
                "loaded": entry.load.loaded if entry.load else 0,
                "duplicates": entry.load.duplicates if entry.load else 0,
                "filtered": entry.load.filtered if entry.load else 0,
                "still_broken": [
                    {"id": left.id, "line": left.row, "column": left.column, "rule": left.rule, "reason": left.reason}
                    for left in entry.still_broken
                ],
                "refused": entry.refused,
            }
            for entry in done
        ],
    }


def _tell_replay(done: "list[Replay]") -> None:
    if not done:
        say("no open record was chosen; nothing was done")
        return
    names = ("from", "file", "tried", "load", "loaded", "duplicates", "filtered", "still_broken")
    rows: list[tuple[object, ...]] = []
    for entry in done:
        new = entry.load
        counts = (new.load_id, new.loaded, new.duplicates, new.filtered) if new else (None, 0, 0, 0)
        left = entry.tried if entry.refused else len(entry.still_broken)
        rows.append((entry.origin.load_id, entry.origin.delivery, entry.tried, *counts, left))
    print_table(names, rows)
    broken = [left for entry in done for left in entry.still_broken]
    if broken:
        say()
        print_table(
            ("id", "line", "column", "rule", "why it stays"),
            [(left.id, left.row, left.column, left.rule, left.reason) for left in broken[:_SHOWN]],
        )
        if len(broken) > _SHOWN:
            say(f"and {len(broken) - _SHOWN:,} more; --json lists all of them")
    for entry in done:
        if entry.refused:
            typer.echo(f"refused: {entry.refused}", err=True)
    if any(entry.load for entry in done):
        say("next: tenure run")
