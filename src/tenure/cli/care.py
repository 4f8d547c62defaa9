"""Verbs that look after a project: verify and doctor."""

from typing import Annotated

import typer

from tenure.cli.options import DebugOption, JsonOption, ProjectOption, project_of
from tenure.cli.output import Failed, print_json, print_table, say


def verify(
    repair: Annotated[
        bool,
        typer.Option("--repair", help="Repair damaged releases first, from copies, other releases or the raw zone."),
    ] = False,
    project: ProjectOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Read every stored byte again: hashes of raw loads and releases, the account of every load.

    Ends with exit code 1 when something is (still) wrong, and names it. Raw loads cannot be repaired: they
    are what everything else is rebuilt from.

    \b
      tenure verify --repair
    """
    from dataclasses import asdict

    from tenure.pipeline import repair as repair_project
    from tenure.pipeline import verify as verify_project

    opened = project_of(project)
    repairs = repair_project(opened) if repair else []
    findings = verify_project(opened)
    problems = [finding for finding in findings if finding.problem]
    if json:
        document: dict[str, object] = {"ok": not problems, "checks": [asdict(finding) for finding in findings]}
        print_json({**document, "repairs": [asdict(entry) for entry in repairs]} if repair else document)
    else:
        for entry in repairs:
            say(f"{'repaired' if entry.done else 'NOT repaired'}  {entry.what}: {entry.how}")
        for finding in findings:
            say(f"{'WRONG' if finding.problem else 'ok   '}  {finding.what}")
            if finding.problem:
                typer.echo(f"       {finding.problem}", err=True)
    if problems:
        raise Failed(1)


def doctor(project: ProjectOption = None, json: JsonOption = False, debug: DebugOption = False) -> None:
    """Say what is installed, what is missing and how to get it."""
    from tenure.cli.machine import examine_machine

    rows = examine_machine(project)
    if json:
        print_json([dict(zip(("what", "state", "cure"), row, strict=True)) for row in rows])
    else:
        print_table(("what", "state", "cure"), rows)
    if any(state == "missing (needed)" for _, state, _ in rows):
        raise Failed(1)
