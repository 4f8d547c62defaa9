"""The verb that reads the metric catalogue: metric."""

from typing import TYPE_CHECKING, Annotated

import typer

from tenure.cli.as_of import AsOfOption, chosen_release
from tenure.cli.options import DebugOption, Format, FormatOption, JsonOption, ProjectOption, project_of
from tenure.cli.output import hint_of_values, print_json, print_rows, say
from tenure.cli.reading import ReleaseOption

if TYPE_CHECKING:
    from tenure.core.settings import Project
    from tenure.metrics.answer import Answer, Value
    from tenure.metrics.catalogue import Catalogue, Metric
    from tenure.metrics.columns import Schema
    from tenure.warehouse.releases import OpenRelease


def metric(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Which metric; lists them all when left out.")
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option("--by", metavar="DIMENSION,…", help="Split it by these dimensions; a row for each group."),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            "--where",
            metavar="CONDITION",
            help="Only what fits, such as geography=Egypt,UAE or age>=30; with =, !=, <, <=, > or >=; may be given"
            " again.",
        ),
    ] = None,
    month: Annotated[
        str | None, typer.Option("--month", metavar="YYYY-MM", help="Of this month; the same as --where month=YYYY-MM.")
    ] = None,
    form: FormatOption = Format.table,
    release: ReleaseOption = None,
    as_of: AsOfOption = None,
    project: ProjectOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Print a metric by dimensions, or list the metrics there are with unit, dimensions and meaning.

    \b
      tenure metric
      tenure metric churned_share --by geography,month --where age_group=18-29
      tenure metric tickets --by severity --where "month>=2025-01,month<2025-07"
    """
    from tenure.metrics.answer import answer, read_question, unmatched
    from tenure.metrics.catalogue import read_catalogue
    from tenure.warehouse.store import ReleaseStore

    form = Format.json if json else form
    opened = project_of(project)
    catalogue = read_catalogue(opened.root / "metrics")
    if name is None and ReleaseStore(opened.warehouse).pointer() is None:
        _list(opened, catalogue, None, form)
        return
    question = read_question(catalogue, name, by or (), where or (), month) if name is not None else None
    with chosen_release(opened, release, as_of) as source:
        if question is None:
            _list(opened, catalogue, source, form)
            return
        found = answer(catalogue, _schema(source), question, source.query)
        _print(question.metric, found, source, form)
        if not any(row[-1] for row in found.rows):
            for name, (asked, known) in unmatched(catalogue, _schema(source), question, source.query).items():
                hint_of_values(name, asked, known)


def _schema(release: "OpenRelease") -> "Schema":
    """Every table of the release, those included that are not stored, with the types of their columns."""
    made = (*release.manifest.tables, *release.manifest.views)
    return {table.name: {column.name: column.type for column in table.columns} for table in made}


def _print(metric: "Metric", found: "Answer", release: "OpenRelease", form: Format) -> None:
    from tenure.warehouse.reports import rounded

    about = metric.description
    unit = release.manifest.currency if about.unit == "currency" else about.unit
    rows = [(*row[:-1], rounded(row[-1], about.decimals)) for row in found.rows]
    if form is Format.json:
        document = {"metric": metric.name, "title": metric.title, "description": about.description, "unit": unit}
        document |= {"decimals": about.decimals, "good": about.good, "release": release.id, "sql": found.sql}
        print_json({**document, "rows": [dict(zip(found.columns, row, strict=True)) for row in rows]})
        return
    print_rows(found.columns, [_shown(row) for row in rows], form)
    if form is Format.table:
        say()
        say(f"{metric.title} ({unit}): {about.description}")


def _shown(row: "tuple[Value, ...]") -> "tuple[Value, ...]":
    """A row for people: a group without a value of its dimension is the unknown one, whatever the type."""
    return (*("unknown" if value is None else value for value in row[:-1]), row[-1])


def _list(project: "Project", catalogue: "Catalogue", release: "OpenRelease | None", form: Format) -> None:
    currency = project.settings.project.currency
    rows: list[tuple[object, ...]] = []
    for metric in catalogue.metrics.values():
        about = metric.description
        state, dimensions = _state(catalogue, metric, release)
        unit = currency if about.unit == "currency" else about.unit
        listed = list(dimensions) if form is Format.json else ", ".join(dimensions)
        rows.append((metric.name, unit, about.good, catalogue.adds_up(metric), state, listed, about.description))
    print_rows(("metric", "unit", "good", "adds_up", "state", "dimensions", "description"), rows, form)


def _state(catalogue: "Catalogue", metric: "Metric", release: "OpenRelease | None") -> tuple[str, tuple[str, ...]]:
    """Whether the release can answer a metric, and by which dimensions."""
    from tenure.metrics.answer import state_of
    from tenure.metrics.columns import usable_dimensions

    if release is None:
        return "no release yet", catalogue.dimensions(metric)
    schema = _schema(release)
    return state_of(catalogue, schema, metric, release.query), usable_dimensions(catalogue, schema, metric)
