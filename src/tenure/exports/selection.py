"""What is exported: a table of a release or the answer to a SELECT, with exact types."""

from collections.abc import Sequence
from dataclasses import dataclass

from tenure.core.errors import TenureError, UsageError
from tenure.engine.protocol import Column
from tenure.warehouse.releases import OpenRelease


@dataclass(frozen=True)
class Selection:
    """A SELECT over an open release, and the columns that it gives, in order."""

    release: OpenRelease
    sql: str
    columns: tuple[Column, ...]


def select(release: OpenRelease, table: str | None, sql: str | None, columns: Sequence[str]) -> Selection:
    """The rows of a table of the release, or of one SELECT over it; `columns` chooses among them, in its order.

    Exactly one of `table` and `sql` is given. Raises `UsageError` for a table or column that is not there and
    for anything but one SELECT.
    """
    if (table is None) == (sql is None):
        raise UsageError(
            "name a table, or give one SELECT with --sql", cure='for instance: … dim_customer, or … --sql "SELECT …"'
        )
    asked = f"SELECT * FROM {named(_known(release, table))}" if table else _one_select(release, str(sql))
    # Asking for no rows makes the views of the release visible where the SELECT reads one.
    release.query(f"SELECT * FROM ({asked}\n) AS asked LIMIT 0")
    given = release.engine.columns(f"({asked}\n) AS asked")
    chosen = _chosen(given, columns)
    listed = ", ".join(named(column.name) for column in chosen)
    return Selection(release, f"SELECT {listed} FROM ({asked}\n) AS asked", tuple(chosen))


def named(name: str) -> str:
    """A name as SQL of the engines writes it."""
    return '"' + name.replace('"', '""') + '"'


def _known(release: OpenRelease, table: str) -> str:
    names = [entry.name for entry in (*release.manifest.tables, *release.manifest.views)]
    if table not in names:
        raise UsageError(
            f"release {release.id} has no table {table}", cure='tenure sql "SHOW TABLES" lists the tables there are'
        )
    return table


def _one_select(release: OpenRelease, sql: str) -> str:
    """The text of a SELECT that can stand in brackets; what is none is refused."""
    stripped = sql.strip().removesuffix(";")
    release.ask(f"SELECT * FROM ({stripped}\n) AS asked LIMIT 0")
    return stripped


def _chosen(given: Sequence[Column], names: Sequence[str]) -> list[Column]:
    by_name = {column.name.lower(): column for column in given}
    unknown = [name for name in names if name.lower() not in by_name]
    if unknown:
        raise UsageError(
            f"there is no column {', '.join(unknown)} to export",
            cure=f"the columns are {', '.join(column.name for column in given)}",
        )
    chosen = [by_name[name.lower()] for name in dict.fromkeys(names)] if names else list(given)
    if not chosen:
        raise TenureError("there are no columns to export", cure="name a table or a SELECT that has some")
    return chosen
