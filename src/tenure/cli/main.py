"""The `tenure` command: its verbs, and the one place where errors become exit codes."""

import sys
import traceback

import typer

from tenure import __version__
from tenure.cli import (
    care,
    churn,
    cluster,
    data,
    demo,
    evaluate,
    export,
    lineage,
    metrics,
    quarantine,
    reading,
    source,
    stores,
    watch,
)
from tenure.cli.output import Failed
from tenure.core.errors import TenureError

EVERYDAY = "Every day"
LOOKING = "Look at the results"

app = typer.Typer(
    name="tenure",
    help="The customer lakehouse: source files and tables in; star schema, analyses, dashboard and SQL out.",
    epilog="Rarer verbs (releases, quarantine, verify, doctor, synth) are listed by: tenure help --all. "
    "Exit codes: 0 ok, 1 failed, 2 wrong usage, 3 finished but rows were quarantined and --strict was given.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tenure {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: bool = typer.Option(
        False, "--version", help="Print the version and exit.", callback=_version, is_eager=True
    ),
) -> None:
    """Options of the command itself."""


app.command("demo")(demo.demo)
app.command("init")(demo.init)
app.command("run")(data.run)
app.command("ingest")(data.ingest)
app.command("build")(data.build)
app.command("watch")(watch.watch)
app.command("report")(reading.report)
app.command("metric")(metrics.metric)
app.command("sql")(reading.sql)
app.command("customer")(reading.customer)
app.command("lineage", hidden=True)(lineage.lineage)
app.command("serve")(reading.serve)
app.command("synth", hidden=True)(demo.synth)
app.command("verify", hidden=True)(care.verify)
app.command("doctor", hidden=True)(care.doctor)
app.command("eval", hidden=True)(evaluate.evaluate)
app.add_typer(churn.churn, name="churn", hidden=True)
app.add_typer(cluster.cluster, name="cluster", hidden=True)
app.add_typer(export.export, name="export", hidden=True)
app.add_typer(source.source, name="source", hidden=True)
app.add_typer(stores.releases, name="releases", hidden=True)
app.add_typer(quarantine.quarantine, name="quarantine", hidden=True)


@app.command("help")
def help_(
    every: bool = typer.Option(False, "--all", help="List the rarer verbs as well."),
) -> None:
    """List the verbs, one line each."""
    commands = typer.main.get_command(app)
    verbs = getattr(commands, "commands", {})
    for name, command in sorted(verbs.items()):
        if every or not command.hidden:
            typer.echo(f"  {name:<12} {command.get_short_help_str(limit=100)}")
    if not every:
        typer.echo("Rarer verbs: tenure help --all")


def main() -> None:
    """Run the command; expected errors print what, where and the cure, and never a traceback without --debug."""
    debug = "--debug" in sys.argv
    try:
        app()
    except Failed as failed:
        sys.exit(failed.code)
    except TenureError as error:
        _explain(f"error: {error}", debug)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        _explain("stopped; the last release stays in force", debug)
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        cure = "check disk space and permissions, then run again: nothing that was published is touched"
        _explain(f"error: {place}{error.strerror or error}\n  cure: {cure}", debug)
        sys.exit(1)


def _explain(message: str, debug: bool) -> None:
    if debug:
        traceback.print_exc()
    typer.echo(message, err=True)
