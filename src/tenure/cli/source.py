"""The verbs about sources: `tenure source …`."""

from typing import TYPE_CHECKING, Annotated

import typer

from tenure.cli import source_add
from tenure.cli.options import DateOption, DebugOption, Format, JsonOption, ProjectOption, business_date, project_of
from tenure.cli.output import Failed, print_json, print_rows, print_table, say
from tenure.core.errors import UsageError

if TYPE_CHECKING:
    from tenure.contracts.model import Contract
    from tenure.core.settings import Project
    from tenure.sources.contract_check import SourceCheck
    from tenure.warehouse.mapping import SourceMap

source = typer.Typer(help="Add sources, and look at what is known of them.", no_args_is_help=True)
source.command("add")(source_add.add)

_SHOWN = 60
SourceArgument = Annotated[str, typer.Argument(metavar="NAME", help="Which source.")]


@source.command("list")
def list_(
    date: DateOption = None,
    project: ProjectOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """List the sources: what each feeds, what it has delivered, and whether it is late.

    A source is late when its newest load is older than freshness: in its contract says, on the business date.

    \b
      tenure source list
      tenure source list --date 2025-10-02
    """
    from dataclasses import asdict

    from tenure.contracts.files import read_contracts
    from tenure.pipeline import raw_zone
    from tenure.sources.overview import source_states

    opened = project_of(project)
    states = source_states(read_contracts(opened.sources), raw_zone(opened), business_date(date))
    if json:
        print_json([asdict(state) for state in states])
        return
    names = ("source", "entity", "kind", "place", "mode", "loads", "last load", "records", "quarantined", "freshness")
    rows = [
        (
            state.source,
            state.entity,
            state.kind,
            state.place,
            state.mode,
            state.loads,
            state.last_load_at and f"{state.last_load_at:%Y-%m-%d %H:%M}",
            state.records,
            state.quarantined,
            state.freshness,
        )
        for state in states
    ]
    print_rows(names, rows, Format.table)
    for state in states:
        if state.changed:
            say(f"note: {state.source}: its contract has changed since the last load: {', '.join(state.changed)}")


@source.command("map")
def map_(
    name: SourceArgument,
    project: ProjectOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Show how a source becomes its entity, and which tables, reports and metrics take values from it.

    "without" names what those also take and what no source of the project gives: they work, but what is made
    of it stays empty.

    \b
      tenure source map customers
    """
    from dataclasses import asdict

    from tenure.metrics.catalogue import read_catalogue
    from tenure.pipeline import raw_zone
    from tenure.warehouse.lineage import lineage_of
    from tenure.warehouse.mapping import source_map

    opened = project_of(project)
    contract = _contract(opened, name)
    lineage = lineage_of(opened, raw_zone(opened))
    found = source_map(lineage, contract, read_catalogue(opened.root / "metrics"))
    if json:
        print_json(asdict(found))
    else:
        _say_map(found)


def _say_map(found: "SourceMap") -> None:
    say(f"{found.source} ({found.place}) feeds {_fed(found)}")
    say()
    rows = [(column.column, _short(column.made_of), column.type, column.role) for column in found.columns]
    print_table(("column", "from", "type", "role"), rows)
    if found.not_given:
        say(f"not given: {', '.join(found.not_given)}")
    if found.possible:
        say()
        say("takes values from it:")
        print_table(
            ("what", "name", "uses", "without"),
            [
                (entry.kind, entry.name, ", ".join(entry.uses), ", ".join(entry.without) or None)
                for entry in found.possible
            ],
        )
    elif found.entity == "none":
        say(
            f"no table of Tenure reads it; SQL files in sources/ can (kind: sql), and models can, as raw_{found.source}"
        )
    if found.impossible:
        say()
        say("needs other sources:")
        lacking: dict[str, list[str]] = {}
        for entry in found.impossible:
            lacking.setdefault(", ".join(entry.without), []).append(entry.name)
        print_table(("sources of", "for"), [(what, ", ".join(names)) for what, names in lacking.items()])


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def _fed(found: "SourceMap") -> str:
    return "no entity: a table of its own" if found.entity == "none" else f"{found.entity}: {found.grain}"


@source.command("check")
def check(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Which source; all when left out.")] = None,
    records: Annotated[
        int, typer.Option("--records", metavar="N", min=1, help="Look at so many records of each file or table.")
    ] = 100_000,
    date: DateOption = None,
    project: ProjectOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Compare contracts with the data that is there, without loading any.

    Reads the newest file of each source, or its table, and says what would be refused or quarantined. Ends with
    exit code 1 when something would be refused, and says where a source is late or its contract has changed.

    \b
      tenure source check
      tenure source check customers --records 1000
    """
    from dataclasses import asdict

    from tenure.contracts.files import read_contracts
    from tenure.pipeline import edge_engine, raw_zone
    from tenure.sources.contract_check import Checking, check_source

    opened = project_of(project)
    contracts = [_contract(opened, name)] if name else read_contracts(opened.sources)
    with edge_engine(opened) as engine:
        at = Checking(opened, raw_zone(opened), engine, records, business_date(date))
        checks = [check_source(contract, at) for contract in contracts]
    if json:
        print_json([asdict(entry) for entry in checks])
    else:
        _say_checks(checks)
    if any(entry.refused for entry in checks):
        raise Failed(1)


def _say_checks(checks: "list[SourceCheck]") -> None:
    names = ("source", "looked at", "records", "good", "would be quarantined", "state")
    rows = [(entry.source, entry.file, entry.records, entry.good, entry.quarantined, _state(entry)) for entry in checks]
    print_table(names, rows)
    for entry in checks:
        if entry.refused:
            typer.echo(f"would be refused: {entry.refused}", err=True)
        for rule, count, example in entry.rules:
            say(f"{entry.source}: {rule} × {count}, first at row {example}")
        for note in entry.notes:
            say(f"note: {entry.source}: {note}")


def _state(entry: "SourceCheck") -> str:
    if entry.refused:
        return "refused"
    return "nothing there" if entry.file is None else "ok" if not entry.quarantined else "see below"


@source.command("show")
def show(
    name: SourceArgument,
    odcs: Annotated[
        bool, typer.Option("--odcs", help="As a document of the Open Data Contract Standard, version 3.")
    ] = False,
    project: ProjectOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Print the contract of a source as YAML, in Tenure's words or in those of the Open Data Contract Standard.

    \b
      tenure source show customers
      tenure source show customers --odcs > customers.odcs.yml
    """
    import yaml

    contract = _contract(project_of(project), name)
    if odcs:
        from tenure.contracts.odcs import as_odcs

        document = as_odcs(contract)
    else:
        document = contract.as_written()
    if json:
        print_json(document)
    else:
        say(yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100).rstrip())


def _contract(project: "Project", name: str) -> "Contract":
    from tenure.contracts.files import read_contracts

    contracts = {contract.source: contract for contract in read_contracts(project.sources)}
    if name not in contracts:
        raise UsageError(f"there is no source {name}", cure=f"the sources are {', '.join(contracts)}")
    return contracts[name]
