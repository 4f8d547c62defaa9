"""Prints what changed between two releases."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tenure.cli.output import print_table, say

if TYPE_CHECKING:
    from tenure.warehouse.diff import ColumnChange, LoadEntry, ReleaseDiff, Value

TABLE_COLUMNS = ("table", "status", "rows_before", "rows_after", "added", "removed", "changed", "why")


def table_rows(diff: "ReleaseDiff") -> list[tuple[object, ...]]:
    """One row a table, those that differ first."""
    ordered = sorted(diff.tables, key=lambda table: table.status == "unchanged")
    return [
        (
            *(table.name, table.status, table.rows_before, table.rows_after),
            *(table.rows.added, table.rows.removed, table.rows.changed),
            ", ".join(table.why),
        )
        for table in ordered
    ]


def print_diff(diff: "ReleaseDiff") -> None:
    """First what went in, then what came out."""
    say(f"{diff.before.release} → {diff.after.release}")
    for name, before, after in _facts(diff):
        say(f"  {name}: {before}" if before == after else f"  {name}: {before} → {after}")
    _section("loads added", _loads(diff.loads_added), ("load", "source", "delivery", "rows"))
    _section("loads removed", _loads(diff.loads_removed), ("load", "source", "delivery", "rows"))
    settings = [(change.name, change.before, change.after) for change in diff.settings]
    _section("settings changed", settings, ("setting", "before", "after"))
    _section("SQL or yml changed", [(name,) for name in diff.definitions], ("table or view",))
    same = len(diff.tables) - len(diff.changed)
    title = f"tables changed ({same} are the same)" if diff.changed else f"tables: all {same} are the same"
    changed = [row for row in table_rows(diff) if row[1] != "unchanged"]
    _section(title, changed, TABLE_COLUMNS, always=True)
    columns = [(table.name, *_column(change)) for table in diff.tables for change in table.columns]
    _section("columns that came, went or have another type", columns, ("table", "column", "before", "after"))
    values = [(table.name, name, rows) for table in diff.changed for name, rows in table.rows.columns]
    _section("values that changed", values, ("table", "column", "rows"))
    figures = [
        (figure.title, figure.unit or "", _shown(figure.before), _shown(figure.after))
        for figure in diff.figures
        if figure.before != figure.after
    ]
    _section("headline figures of the newest month", figures, ("figure", "unit", "before", "after"))


def _facts(diff: "ReleaseDiff") -> list[tuple[str, object, object]]:
    before, after = diff.before, diff.after
    facts: list[tuple[str, object, object]] = [
        ("built (UTC)", f"{before.created_at:%Y-%m-%d %H:%M:%S}", f"{after.created_at:%Y-%m-%d %H:%M:%S}"),
        ("business date", before.business_date, after.business_date),
        ("loads", before.loads, after.loads),
        ("engine", before.engine, after.engine),
        ("Tenure", before.tenure_version, after.tenure_version),
    ]
    return facts[:3] + [fact for fact in facts[3:] if fact[1] != fact[2]]


def _loads(loads: "Sequence[LoadEntry]") -> list[tuple[object, ...]]:
    return [(load.load_id, load.source, load.delivery, load.rows) for load in loads]


def _column(change: "ColumnChange") -> tuple[object, ...]:
    return change.name, change.before or "none", change.after or "none"


def _shown(value: "Value") -> object:
    """A figure as the report rounds it, whole numbers with separators."""
    return f"{value:,}" if isinstance(value, int) else value


def _section(title: str, rows: "Sequence[tuple[object, ...]]", names: tuple[str, ...], *, always: bool = False) -> None:
    if rows or always:
        say()
        say(title)
    if rows:
        print_table(names, rows)
