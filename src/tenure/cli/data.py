"""Verbs that move data: ingest, build and run."""

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from tenure.cli.as_of import AsOfOption, build_as_of
from tenure.cli.options import (
    DateOption,
    DebugOption,
    Format,
    JsonOption,
    ProjectOption,
    StrictOption,
    ask_for_passwords,
    business_date,
    project_of,
    words,
)
from tenure.cli.output import Failed, print_json, print_rows, print_table, progress, say
from tenure.core.errors import UsageError

if TYPE_CHECKING:
    from tenure.core.settings import Project
    from tenure.pipeline import RunResult
    from tenure.warehouse.runner import BuildPlan, BuildResult


def ingest(
    sources: Annotated[
        list[str] | None, typer.Argument(metavar="[SOURCE]...", help="Which sources; all when none is named.")
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Load what was loaded before once more, by the contracts as they are now.")
    ] = False,
    date: DateOption = None,
    strict: StrictOption = False,
    project: ProjectOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Load new files and tables into the raw zone; bad rows go to quarantine.

    A file that was loaded before is not loaded again, not even when its contract has changed, unless --full is
    given. A file that cannot be taken is refused with the reason, and the others are loaded all the same.

    \b
      tenure ingest
      tenure ingest customers usage --date 2025-10-02
      tenure ingest customers --full
    """
    from tenure.pipeline import run_ingest

    opened = project_of(project)
    ask_for_passwords(opened, sources or ())
    with progress(json) as listener:
        result = run_ingest(opened, business_date(date), tuple(sources or ()), listener, again=full)
    _tell(opened, result, json)
    if not json and not result.refused:
        say("next: tenure build")
    _end(result, strict)


def build(
    full: Annotated[bool, typer.Option("--full", help="Compute every model anew from the raw zone.")] = False,
    select: Annotated[
        list[str] | None,
        typer.Option(
            "--select",
            metavar="MODEL",
            help="Compute this model anew, and what depends on it; with a + before it, what it depends on as well. "
            "May be repeated, or a list with commas.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would become of each model, in order, and why; do nothing.")
    ] = False,
    as_of: AsOfOption = None,
    date: DateOption = None,
    project: ProjectOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Build the star schema from the raw zone, check it and publish it as a release.

    Models are Tenure's own and those of the project's folder models/. What did not change is taken over from
    the release before. When a check fails, nothing is published and the release before stays in force. With
    --as-of the tables are built beside the releases, from what had been recorded by then; the release in
    force stays.

    \b
      tenure build --dry-run
      tenure build --select dim_customer,+fact_customer_metrics
      tenure build --as-of 2025-10-02
    """
    from tenure.core.clock import new_run_id
    from tenure.pipeline import plan_build, run_build
    from tenure.warehouse.runner import BuildRequest

    opened = project_of(project)
    if as_of:
        if full or select or dry_run:
            raise UsageError("--as-of always builds everything", cure="leave out --full, --select and --dry-run")
        build_as_of(opened, as_of, business_date(date) if date else None, json)
        return
    day, chosen = business_date(date), words(select, "--select")
    if dry_run:
        _tell_plan(plan_build(opened, BuildRequest(new_run_id(), day, full, chosen)), full, json)
        return
    with progress(json) as listener:
        result = run_build(opened, BuildRequest(new_run_id(), day, full, chosen, progress=listener.models))
    if json:
        print_json(_build_json(result.release, result.published, result.computed))
    else:
        say(_build_line(result))


def run(
    date: DateOption = None,
    strict: StrictOption = False,
    project: ProjectOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Do all of it: ingest what is new, build, check and publish.

    \b
      tenure run
      tenure run --date 2025-10-02 --strict
    """
    from tenure.pipeline import run_all

    opened = project_of(project)
    ask_for_passwords(opened)
    with progress(json) as listener:
        result = run_all(opened, business_date(date), listener)
    _tell(opened, result, json)
    if result.build and not json:
        say(_build_line(result.build))
        say("next: tenure report, tenure serve")
    _end(result, strict)


def _tell_plan(plan: "BuildPlan", full: bool, json: bool) -> None:
    """Each model in order, what would become of it and why; `full` was asked for by --full."""
    actions = {"keep": "unchanged", "increment": "increment", "full": "full"}
    rows = [
        (model.name, model.layer, actions[decision.action], "asked for" if full else decision.why)
        for model in plan.order
        for decision in [plan.decisions[model.name]]
    ]
    print_rows(("model", "layer", "action", "why"), rows, Format.json if json else Format.table)
    if not json:
        counted = Counter(action for _, _, action, _ in rows)
        say()
        say(f"{len(rows)} models: {', '.join(f'{number} {action}' for action, number in counted.items())}")
        if plan.before and counted.keys() != {"unchanged"}:
            say("a model is left unchanged after all when what it reads turns out the same")


def _build_json(release: str, published: bool, computed: tuple[str, ...]) -> dict[str, object]:
    return {"release": release, "published": published, "computed": list(computed)}


def _build_line(result: "BuildResult") -> str:
    if not result.published:
        return f"nothing changed: release {result.release} stays in force"
    computed = f"{len(result.computed)} model{'' if len(result.computed) == 1 else 's'} computed"
    line = f"release {result.release} is in force ({computed}, all checks passed)"
    before, day = result.business_date_before, result.manifest.business_date
    return line if before in (None, day) else f"{line}\nthe business date went from {before} to {day} (--date sets it)"


def _tell(project: "Project", result: "RunResult", json: bool) -> None:
    from tenure.contracts.files import read_contracts
    from tenure.pipeline import raw_zone, without_files

    if json:
        built = result.build
        document: dict[str, object] = {
            "run_id": result.run_id,
            "loads": [asdict(outcome) for outcome in result.outcomes],
        }
        if built:
            document["build"] = _build_json(built.release, built.published, built.computed)
        print_json(document)
        return
    print_summary(result)
    loaded = {load.source for load in raw_zone(project).state.loads()}
    for contract in without_files(project, read_contracts(project.sources)):
        fate = "what was loaded before stays" if contract.source in loaded else "what it feeds stays empty"
        say(f"note: no file matches {' or '.join(contract.paths)} (source {contract.source}); {fate}")
    for outcome in result.outcomes:
        for note in outcome.notes:
            say(f"note: {outcome.file}: {note}")


def print_summary(result: "RunResult") -> None:
    """One line a source: what came in and what became of it; then each refusal with its cure."""
    rare = tuple(name for name in ("filtered", "deleted") if any(getattr(outcome, name) for outcome in result.outcomes))
    counts = ("loaded", "quarantined", "duplicates", "unchanged", *rare)
    names = ("source", "files", "in", *counts, "refused", "seconds")
    rows: list[tuple[object, ...]] = []
    for source in dict.fromkeys(outcome.source for outcome in result.outcomes):
        own = [outcome for outcome in result.outcomes if outcome.source == source]
        totals = [sum(getattr(outcome, name) for outcome in own) for name in ("records_in", *counts)]
        refused = sum(outcome.status == "refused" for outcome in own)
        rows.append((source, len(own), *totals, refused, round(sum(outcome.seconds for outcome in own), 1)))
    if rows:
        print_table(names, rows)
    for outcome in result.refused:
        typer.echo(f"refused: {outcome.reason}", err=True)
    if result.quarantined:
        apart = "1 row is" if result.quarantined == 1 else f"{result.quarantined:,} rows are"
        say(f"{apart} in quarantine; look at them with: tenure quarantine list")


def _end(result: "RunResult", strict: bool) -> None:
    """Exit code 1 when a delivery was refused, 3 when rows were quarantined and that was to be strict."""
    if result.refused:
        raise Failed(1)
    if strict and result.quarantined:
        raise Failed(3)
