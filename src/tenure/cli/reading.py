"""Verbs that read a release: report, sql, customer and serve."""

from typing import TYPE_CHECKING, Annotated

import typer

from tenure.cli.options import DebugOption, Format, FormatOption, JsonOption, ProjectOption, project_of
from tenure.cli.output import print_json, print_rows, print_table, say
from tenure.core.errors import TenureError, UsageError

if TYPE_CHECKING:
    from tenure.warehouse.releases import OpenRelease

ReleaseOption = Annotated[
    str | None, typer.Option("--release", metavar="ID", help="An older release, as it was [default: the one in force].")
]


def report(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Which report; lists them all when left out.")
    ] = None,
    form: FormatOption = Format.table,
    release: ReleaseOption = None,
    project: ProjectOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Print an analysis and its finding, or list the analyses there are.

    \b
      tenure report
      tenure report churn_by_geography_age --format csv
    """
    from tenure.warehouse.releases import open_release
    from tenure.warehouse.reports import read_report, report_names, run_report

    form = Format.json if json else form
    if name is None:
        rows = [(report, read_report(report)[0].description.strip()) for report in report_names()]
        print_rows(("report", "description"), rows, form)
        return
    read_report(name)
    with open_release(project_of(project), release) as opened:
        result = run_report(opened, name)
    names = [column.name for column in result.columns]
    if form is Format.json:
        document = {"report": name, "release": result.release, "finding": result.finding, "columns": names}
        print_json({**document, "rows": [dict(zip(names, row, strict=True)) for row in result.rows]})
        return
    print_rows(names, result.rows, form)
    if form is Format.table:
        say()
        say(result.finding)


def sql(
    query: Annotated[str, typer.Argument(metavar="QUERY", help="One SELECT, or SHOW TABLES, DESCRIBE TABLE, EXPLAIN.")],
    form: FormatOption = Format.table,
    release: ReleaseOption = None,
    project: ProjectOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Ask the release in force a question in SQL (DuckDB's); nothing can be changed.

    \b
      tenure sql "SHOW TABLES"
      tenure sql "SELECT geography, COUNT(*) FROM dim_customer GROUP BY geography" --format csv
    """
    from tenure.warehouse.releases import open_release

    with open_release(project_of(project), release) as opened:
        result = opened.engine.ask(query)
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
        print_json({part: table.to_pylist() for part, table in found.items()})
        return
    for part, table in found.items():
        filled = [name for name in table.column_names if table[name].null_count < table.num_rows]
        say(f"{part} ({table.num_rows})")
        print_table(filled, [tuple(row.values()) for row in table.select(filled).to_pylist()])
        say()


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
