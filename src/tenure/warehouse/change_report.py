"""The report "what changed since the last release", for whatever prints reports."""

from tenure.warehouse.diff import Figure, ReleaseDiff
from tenure.warehouse.reports import ReportColumn, ReportResult, Value

NAME = "changes_since_release"
TITLE = "What changed since the last release"
DESCRIPTION = "Every table whose rows or columns are not what they were in the release before, and why."
_MEANINGS: dict[str, tuple[str | None, str]] = {
    "table": (None, "Table"),
    "status": (None, "Whether it is changed, added or removed"),
    "rows_before": ("rows", "Rows in the release before"),
    "rows_after": ("rows", "Rows in this release"),
    "added": ("rows", "Rows that came: keys that the table did not have"),
    "removed": ("rows", "Rows that went"),
    "changed": ("rows", "Rows that stayed, with other values"),
    "values": (None, "The columns with other values, most often changed first"),
    "why": (None, "What the table is made from that is not as it was"),
}
_MOST_FIGURES = 3


def report_changes(diff: ReleaseDiff) -> ReportResult:
    """The changed tables, and a sentence that says what arrived, how far it reached and what it moved."""
    columns = tuple(
        ReportColumn(name, name.replace("_", " "), unit, None, meaning) for name, (unit, meaning) in _MEANINGS.items()
    )
    rows: list[tuple[Value, ...]] = [
        (
            *(table.name, table.status, table.rows_before, table.rows_after),
            *(table.rows.added, table.rows.removed, table.rows.changed),
            ", ".join(name for name, _ in table.rows.columns),
            ", ".join(table.why),
        )
        for table in diff.changed
    ]
    how = f"-- Compared row by row, by key: tenure releases diff {diff.before.release} {diff.after.release}"
    return ReportResult(NAME, TITLE, DESCRIPTION, columns, tuple(rows), _finding(diff), how, release=diff.after.release)


def _finding(diff: ReleaseDiff) -> str:
    came = sum(load.rows for load in diff.loads_added)
    reasons = [f"{_counted(len(diff.loads_added), 'load')} brought {_counted(came, 'record')}"]
    if diff.loads_removed:
        reasons.append(f"{_counted(len(diff.loads_removed), 'load')} went out of it")
    if diff.settings:
        reasons.append(f"settings changed ({', '.join(change.name for change in diff.settings)})")
    if diff.before.business_date != diff.after.business_date:
        reasons.append(f"the business date moved from {diff.before.business_date} to {diff.after.business_date}")
    moved = [figure for figure in diff.figures if figure.before != figure.after and figure.unit]
    shown = "; ".join(_moved(figure) for figure in moved[:_MOST_FIGURES])
    rest = f" and {len(moved) - _MOST_FIGURES} figures more" if len(moved) > _MOST_FIGURES else ""
    headline = f"Of the headline figures moved: {shown}{rest}." if moved else "No headline figure moved."
    extent = f"{len(diff.changed)} of {len(diff.tables)} tables differ"
    return f"Since release {diff.before.release}, {', '.join(reasons)}; {extent}. {headline}"


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _moved(figure: Figure) -> str:
    before, after = ("none" if value is None else f"{value:,}" for value in (figure.before, figure.after))
    return f"{figure.title} {before} → {after} {figure.unit}"
