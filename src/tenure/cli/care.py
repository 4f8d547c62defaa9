"""Verbs that look after a project: verify and doctor."""

from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from tenure.cli.options import DebugOption, JsonOption, ProjectOption, project_of
from tenure.cli.output import Failed, print_json, print_table, say

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tenure.raw.audit import Finding


def verify(
    repair: Annotated[
        bool,
        typer.Option("--repair", help="Repair damaged releases first, from copies, other releases or the raw zone."),
    ] = False,
    everything: Annotated[bool, typer.Option("--all", help="List every load that is sound, too.")] = False,
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
        for what, problem in _told(findings, everything):
            say(f"{'WRONG' if problem else 'ok   '}  {what}")
            if problem:
                typer.echo(f"       {problem}", err=True)
    if problems:
        raise Failed(1)


def _told(findings: "Sequence[Finding]", everything: bool) -> "Iterator[tuple[str, str | None]]":
    """What to print of each finding; the sound loads of a source together, unless `everything` is wanted."""
    sound = Counter(finding.source for finding in findings if finding.source and not finding.problem)
    for finding in findings:
        if everything or finding.problem or not finding.source:
            yield finding.what, finding.problem
        elif number := sound.pop(finding.source, 0):
            yield f"{number} load{'' if number == 1 else 's'} of {finding.source}", None


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
