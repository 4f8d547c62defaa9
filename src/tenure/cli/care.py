"""Verbs that look after a project: verify and doctor."""

import typer

from tenure.cli.options import DebugOption, JsonOption, ProjectOption, project_of
from tenure.cli.output import Failed, print_json, print_table, say


def verify(project: ProjectOption = None, json: JsonOption = False, debug: DebugOption = False) -> None:
    """Read every stored byte again: hashes of raw loads and releases, the account of every load.

    Ends with exit code 1 when something is wrong, and names it.
    """
    from tenure.pipeline import verify as verify_project

    findings = verify_project(project_of(project))
    problems = [finding for finding in findings if finding.problem]
    if json:
        print_json({"ok": not problems, "checks": [{"what": f.what, "problem": f.problem} for f in findings]})
    else:
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
