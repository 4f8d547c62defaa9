"""Verbs that begin something: init, demo and synth."""

from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tenure.cli.options import DebugOption, JsonOption
from tenure.cli.output import print_json, print_mapping, progress, say
from tenure.core.errors import UsageError

if TYPE_CHECKING:
    from tenure.core.settings import Project

TEMPLATES = ("bank", "empty")

CustomersOption = Annotated[
    int, typer.Option("--customers", min=10, metavar="N", help="How many customers the bank has.")
]
SeedOption = Annotated[int, typer.Option("--seed", min=0, metavar="N", help="The same seed gives the same bytes.")]
MonthsOption = Annotated[int, typer.Option("--months", min=24, max=60, metavar="N", help="How many months of history.")]
EndOption = Annotated[
    str | None,
    typer.Option("--end", metavar="YYYY-MM-DD", help="The bank's last day, a month's end [default: last month's]."),
]


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The folder to make; it may exist but hold no project.")
    ],
    template: Annotated[
        str, typer.Option("--template", metavar="NAME", help=f"Which sources to begin with: {', '.join(TEMPLATES)}.")
    ] = "bank",
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Make a project: settings, contracts of its sources, and a landing folder to put files in.

    \b
      tenure init mybank --template bank
    """
    make_project(folder, template)
    if json:
        print_json({"project": str(folder.resolve()), "template": template})
        return
    say(f"{folder} is a project now")
    say("  tenure.toml     its settings")
    say("  sources/*.yml   the contract of each source: where its files are, what their columns promise")
    say("  landing/        put your files here")
    say(f"next: put files into {folder}/landing, then: tenure run --project {folder}")


def make_project(folder: Path, template: str) -> None:
    """Write a template into a folder; raises `UsageError` when there is a project already."""
    from importlib.resources import as_file, files
    from shutil import copytree

    from tenure.core.settings import SETTINGS_FILE

    if template not in TEMPLATES:
        raise UsageError(f"there is no template {template}", cure=f"the templates are {', '.join(TEMPLATES)}")
    if (folder / SETTINGS_FILE).exists():
        raise UsageError(f"{folder} is a project already", cure="choose another folder, or use the project as it is")
    with as_file(files("tenure.contracts") / "templates" / template) as source:
        copytree(source, folder, dirs_exist_ok=True)
    for name in ("sources", "landing"):
        (folder / name).mkdir(exist_ok=True)
    (folder / ".gitignore").write_text(".tenure/\nlanding/\n", encoding="utf-8")


def synth(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write: DIR/landing and DIR/truth.")],
    customers: CustomersOption = 20_000,
    months: MonthsOption = 24,
    seed: SeedOption = 1,
    end: EndOption = None,
    dirty: Annotated[
        float, typer.Option("--dirty", min=0, max=0.2, metavar="SHARE", help="Share of dirty rows.")
    ] = 0.002,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the files of an earlier bank.")] = False,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Write the files of a synthetic bank whose truth is known, dirty rows and their list included.

    \b
      tenure synth bank --customers 1000 --seed 7
    """
    from dataclasses import asdict

    from tenure.synth.bank import BankPlan, write_bank

    plan = BankPlan(customers, months, _last_day(end), seed, dirty)
    written = write_bank(plan, folder / "landing", folder / "truth", overwrite=overwrite)
    if json:
        print_json(asdict(written))
    else:
        print_mapping(asdict(written))


def demo(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="The project to make or to go on with.")] = Path(
        "tenure-demo"
    ),
    customers: CustomersOption = 20_000,
    seed: SeedOption = 1,
    end: EndOption = None,
    no_serve: Annotated[bool, typer.Option("--no-serve", help="End after the numbers.")] = False,
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port of the dashboard.")] = 8080,
    debug: DebugOption = False,
) -> None:
    """See it work: generate a bank, ingest it, build, print the headline numbers, serve the dashboard.

    \b
      tenure demo
      tenure demo /tmp/demo --customers 2000 --no-serve
    """
    from tenure.cli.data import print_summary
    from tenure.core.settings import SETTINGS_FILE, open_project
    from tenure.pipeline import run_all
    from tenure.synth.bank import BankPlan, is_unfinished, write_bank

    last_day = _last_day(end)
    if not (folder / SETTINGS_FILE).exists():
        make_project(folder, "bank")
    project = open_project(folder)
    landing = folder / "landing"
    if any(landing.iterdir()) and not is_unfinished(landing):
        say(f"1/3 {folder} has files already; going on with them")
    else:
        say(f"1/3 generating a bank of {customers:,} customers in {folder}")
        with progress(False) as listener:
            write_bank(
                BankPlan(customers=customers, end=last_day, seed=seed),
                landing,
                folder / "truth",
                listener.models,
            )
    say("2/3 ingesting, building and checking")
    with progress(False) as listener:
        result = run_all(project, last_day, listener)
    print_summary(result)
    say("3/3 the headline numbers")
    _headlines(project)
    if no_serve:
        say(f"next: tenure serve --project {folder}, tenure report --project {folder}")
        return
    from tenure.serve.server import serve

    serve(project, "127.0.0.1", port, say)


def _headlines(project: "Project") -> None:
    from tenure.warehouse.releases import open_release
    from tenure.warehouse.reports import run_report

    with open_release(project) as release:
        say(f"release {release.id}, business date {release.business_date}")
        for name in (
            "key_figures",
            "churn_by_geography_age",
            "support_impact",
            "offers_by_acceptance",
            "slowest_issues",
        ):
            say(f"  {run_report(release, name).finding}")


def _last_day(text: str | None) -> date:
    """The bank's last day: a month's end, by default that of the month before this one."""
    if text is None:
        return date.today().replace(day=1) - timedelta(days=1)
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--end {text} is not a date", cure="write it as YYYY-MM-DD") from None
