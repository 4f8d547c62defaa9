"""Verbs that read a release: report, sql, customer and serve."""

from typing import TYPE_CHECKING, Annotated

import typer

from tenure.cli.as_of import AsOfOption, chosen_release
from tenure.cli.options import DebugOption, Format, FormatOption, JsonOption, ProjectOption, project_of
from tenure.cli.output import hint_of_values, print_json, print_rows, print_table, say
from tenure.core.errors import TenureError, UsageError

if TYPE_CHECKING:
    from pyarrow import Table

    from tenure.core.settings import Project
    from tenure.warehouse.releases import OpenRelease
    from tenure.warehouse.report_filters import Filter
    from tenure.warehouse.reports import ReportResult

ReleaseOption = Annotated[
    str | None, typer.Option("--release", metavar="ID", help="An older release, as it was [default: the one in force].")
]


def report(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Which report; lists them all when left out.")
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            "--where",
            metavar="FILTER",
            help="Only what fits, such as geography=Egypt or geography=Egypt,UAE; may be given again.",
        ),
    ] = None,
    how: Annotated[
        bool, typer.Option("--how", help="Also print how it is computed: what each column means, the SQL, the release.")
    ] = False,
    form: FormatOption = Format.table,
    release: ReleaseOption = None,
    as_of: AsOfOption = None,
    project: ProjectOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Print an analysis and its finding, or list the analyses there are.

    \b
      tenure report
      tenure report churn_by_geography_age --format csv
      tenure report churn_by_geography_age --where geography=Egypt,UAE --where month=2025-09
      tenure report retention_curve --how
      tenure report churn_overall --as-of 2025-10-02
    """
    from tenure.warehouse import change_report
    from tenure.warehouse.report_filters import check_filters, read_filters
    from tenure.warehouse.reports import read_report, report_names, run_report, unmatched

    form = Format.json if json else form
    filters = read_filters(where or ())
    if how and form is Format.csv:
        raise UsageError(
            "--how is not for CSV", cure="leave out --format csv, or take --format json, which tells it all"
        )
    if name is None:
        if filters or how:
            raise UsageError("--where and --how belong to one report", cure="name it: tenure report lists them all")
        described = {report: read_report(report)[0].description.strip() for report in report_names()}
        described = dict(sorted({**described, change_report.NAME: change_report.DESCRIPTION}.items()))
        if form is Format.table:
            described = {report: text.partition(". ")[0].removesuffix(".") for report, text in described.items()}
        print_rows(("report", "description"), list(described.items()), form)
        return
    lacking: dict[Filter, tuple[str, ...]] = {}
    if name == change_report.NAME:
        if filters or as_of:
            raise UsageError(f"{name} has no --where and no --as-of", cure="tenure releases diff A B compares any two")
        result = _changes(project_of(project), release)
    else:
        check_filters(filters, read_report(name)[0].filters, name)
        with chosen_release(project_of(project), release, as_of) as opened:
            result = run_report(opened, name, filters)
            lacking = {} if result.rows else unmatched(opened, name, filters)
    _print(result, form, how=how)
    for entry, known in lacking.items():
        hint_of_values(entry.column, entry.values, known)


def _print(result: "ReportResult", form: Format, *, how: bool) -> None:
    if form is Format.json:
        print_json(_document(result))
        return
    print_rows([column.name for column in result.columns], result.rows, form)
    if form is Format.table:
        say()
        say(result.finding)
    if how:
        _say_how(result)


def _changes(project: "Project", release: str | None) -> "ReportResult":
    """What changed from the release before to this one."""
    from tenure.warehouse.change_report import report_changes
    from tenure.warehouse.diff import diff_releases, release_pair
    from tenure.warehouse.store import ReleaseStore

    return report_changes(diff_releases(project, *release_pair(ReleaseStore(project.warehouse), after=release)))


def _document(result: "ReportResult") -> dict[str, object]:
    """All there is to say of a report, for machines."""
    names = [column.name for column in result.columns]
    return {
        "report": result.name,
        "title": result.title,
        "description": result.description,
        "release": result.release,
        "filters": {entry.column: entry.values for entry in result.filters},
        "finding": result.finding,
        "columns": [
            {"name": column.name, "unit": column.unit, "decimals": column.decimals, "description": column.description}
            for column in result.columns
        ],
        "rows": [dict(zip(names, row, strict=True)) for row in result.rows],
        "sql": result.sql,
    }


def _say_how(result: "ReportResult") -> None:
    say()
    say(f"{result.title}: {' '.join(result.description.split())}")
    say(f"Release: {result.release}")
    for entry in result.filters:
        say(f"Filter: {entry}")
    say()
    print_table(
        ("column", "unit", "meaning"),
        [(column.name, column.unit or "", column.description) for column in result.columns],
    )
    say()
    say(result.sql.strip())


def sql(
    query: Annotated[str, typer.Argument(metavar="QUERY", help="One SELECT, or SHOW TABLES, DESCRIBE TABLE, EXPLAIN.")],
    form: FormatOption = Format.table,
    release: ReleaseOption = None,
    as_of: AsOfOption = None,
    project: ProjectOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Ask the release in force a question in SQL (DuckDB's); nothing can be changed.

    \b
      tenure sql "SHOW TABLES"
      tenure sql "SELECT geography, COUNT(*) FROM dim_customer GROUP BY geography" --format csv
    """
    with chosen_release(project_of(project), release, as_of) as opened:
        result = opened.ask(query)
    rows = [tuple(row.values()) for row in result.to_pylist()]
    print_rows(result.column_names, rows, Format.json if json else form)


def customer(
    customer_id: Annotated[str, typer.Argument(metavar="ID", help="The customer's id.")],
    events: Annotated[
        int, typer.Option("--events", min=0, metavar="N", help="How many of the newest events to print.")
    ] = 10,
    project: ProjectOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Everything known of one customer: profile, figures, versions and newest events.

    \b
      tenure customer 1
    """
    from tenure.warehouse.releases import open_release

    with open_release(project_of(project)) as opened:
        key = _key(opened, customer_id)
        queries = {
            "profile": f"SELECT * FROM dim_customer WHERE customer_id = {key}",
            "figures": f"SELECT * FROM fact_customer_metrics WHERE customer_id = {key} ORDER BY month DESC LIMIT 12",
            "versions": f"SELECT * FROM dim_customer_history WHERE customer_id = {key} ORDER BY valid_from DESC",
            "events": f"SELECT * FROM fact_customer_activity WHERE customer_id = {key} "
            f"ORDER BY activity_date DESC, fact_id LIMIT {events}",
        }
        found = {part: opened.query(query) for part, query in queries.items()}
    if not found["profile"].num_rows and not found["events"].num_rows:
        raise TenureError(
            f"there is no customer {customer_id} in this release",
            cure='tenure sql "SELECT customer_id FROM dim_customer" lists them',
        )
    if json:
        print_json({part: _rounded(table) for part, table in found.items()})
        return
    for part, table in found.items():
        filled = [name for name in table.column_names if table[name].null_count < table.num_rows]
        if part != "profile":
            filled = [name for name in filled if name != "customer_id"]
        say(f"{part} ({table.num_rows})")
        print_table(filled, [tuple(row[name] for name in filled) for row in _rounded(table)])
        say()


def _rounded(table: "Table") -> list[dict[str, object]]:
    """The rows, numbers in floating point rounded as reports round them: a probability to four decimals, else two."""
    from tenure.warehouse.reports import rounded

    return [
        {
            name: rounded(value, 4 if name.endswith("probability") else 2) if isinstance(value, float) else value
            for name, value in row.items()
        }
        for row in table.to_pylist()
    ]


def _key(release: "OpenRelease", customer_id: str) -> str:
    """The id as a SQL literal of the type that this project's customer ids have."""
    table = release.manifest.table("dim_customer")
    kinds = {column.name: column.type for column in table.columns} if table else {}
    if kinds.get("customer_id") == "STRING":
        return "'" + customer_id.replace("'", "''") + "'"
    try:
        return str(int(customer_id))
    except ValueError:
        raise UsageError(f"customer ids of this project are numbers; '{customer_id}' is not") from None


def serve(
    host: Annotated[
        str, typer.Option("--host", help="Address to listen on; only this machine's own for now.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port to listen on.")] = 8080,
    project: ProjectOption = None,
    debug: DebugOption = False,
) -> None:
    """Serve the dashboard on this machine until Ctrl-C.

    \b
      tenure serve --port 8080
    """
    from tenure.serve.server import serve as listen

    listen(project_of(project), host, port, say)
