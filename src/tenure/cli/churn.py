"""Verbs about what counts as churn: the definition in force, and all definitions side by side."""

from typing import Annotated

import typer

from tenure.cli.options import DebugOption, Format, FormatOption, JsonOption, ProjectOption, project_of
from tenure.cli.output import print_json, print_mapping, print_rows, print_table, say

churn = typer.Typer(
    help="What counts as churn: the definition in force; compare it with the others.",
    invoke_without_command=True,
    rich_markup_mode=None,
)


@churn.callback()
def show(
    context: typer.Context,
    project: ProjectOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Show the churn definition in force and what it says of the newest month.

    \b
      tenure churn
    """
    if context.invoked_subcommand:
        return
    from tenure.warehouse.churn import meaning, settings_of
    from tenure.warehouse.releases import open_release

    opened = project_of(project)
    with open_release(opened) as release:
        in_force = settings_of(release)
        newest = release.query(
            "SELECT MAX(month) AS month, COUNT(*) AS customers, COUNT(CASE WHEN is_churned THEN 1 END) AS churned"
            " FROM fact_customer_metrics WHERE is_current"
        ).to_pylist()[0]
        about = {
            "definition": in_force.definition,
            "meaning": meaning(in_force, release.manifest.currency),
            "release": release.id,
            "month": f"{release.business_date:%Y-%m}",
            "customers": newest["customers"],
            "churned": newest["churned"],
        }
    wanted = opened.settings.churn
    if json:
        settings = in_force.model_dump(mode="json")
        print_json({**about, "settings": settings, "tenure.toml": wanted.model_dump(mode="json")})
        return
    print_mapping(about)
    if wanted != in_force:
        said = meaning(wanted, opened.settings.project.currency)
        say(f"tenure.toml says {wanted.definition} ({said}): tenure build puts it in force")


@churn.command("compare")
def compare_definitions(
    month: Annotated[
        str | None, typer.Option("--month", metavar="YYYY-MM", help="Which month [default: the release's newest].")
    ] = None,
    customers: Annotated[
        bool, typer.Option("--customers", help="List the customers on whom the definitions do not agree.")
    ] = False,
    form: FormatOption = Format.table,
    project: ProjectOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Compare the churn definitions on the release in force: rates, overlap and who changes sides.

    The limits are those that the release was built with. As CSV, each two definitions make one row;
    with --customers each customer does.

    \b
      tenure churn compare
      tenure churn compare --month 2025-06 --customers
    """
    from dataclasses import asdict

    from tenure.warehouse.churn import changing_sides, compare, month_of
    from tenure.warehouse.releases import open_release
    from tenure.warehouse.reports import rounded

    form = Format.json if json else form
    with open_release(project_of(project)) as release:
        chosen = month_of(release, month)
        found = compare(release, chosen)
        listed = changing_sides(release, chosen) if customers else None
    sides = [tuple(row.values()) for row in listed.to_pylist()] if listed is not None else []
    names = listed.column_names if listed is not None else []
    pairs = [tuple(asdict(overlap).values()) for overlap in found.overlaps]
    heads = ("definition", "other", "both", "only_definition", "only_other", "jaccard")
    if form is Format.json:
        print_json(
            {
                "release": found.release,
                "month": f"{found.month:%Y-%m}",
                "definitions": [asdict(outcome) for outcome in found.outcomes],
                "pairs": [dict(zip(heads, pair, strict=True)) for pair in pairs],
                "changing_sides": found.changing_sides,
                **({"customers": [dict(zip(names, row, strict=True)) for row in sides]} if customers else {}),
            }
        )
        return
    if form is Format.csv:
        print_rows(names if customers else heads, sides if customers else pairs, form)
        return
    say(f"{found.month:%Y-%m}, release {found.release}; * marks the definition in force")
    say()
    print_table(
        ("", "definition", "customers", "churned", "share %", "active at start", "left", "churn rate %"),
        [
            (
                "*" if outcome.in_force else "",
                outcome.definition,
                outcome.customers,
                outcome.churned,
                rounded(_percent(outcome.churned_share), 2),
                outcome.active_at_start,
                outcome.left_in_month,
                rounded(_percent(outcome.churn_rate), 2),
            )
            for outcome in found.outcomes
        ],
    )
    say()
    print_table(heads, [(*pair[:-1], rounded(pair[-1], 2)) for pair in pairs])
    say()
    say(f"{found.changing_sides} of {found.outcomes[0].customers} customers change sides between the definitions.")
    if customers:
        say()
        print_table(names, sides)


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share
