"""Columns that a table of a server has and its contract does not name, for sources with `schema_policy: evolve`."""

from collections.abc import Mapping
from pathlib import Path

from tenure.contracts.columns import ColumnContract
from tenure.contracts.model import Contract
from tenure.sources.mariadb_address import address_of
from tenure.sources.mariadb_catalogue import session_of
from tenure.sources.propose_tables import find_table, query_columns
from tenure.sources.schema_policy import named


def new_server_columns(contract: Contract, environment: Mapping[str, str], root: Path) -> dict[str, ColumnContract]:
    """What the table or query has beyond its contract, in the server's exact types; nothing unless it may evolve.

    Raises `SettingsError` or `SourceRefused` where the server cannot be asked.
    """
    if contract.schema_policy != "evolve":
        return {}
    with session_of(address_of(contract, environment, root), contract) as cursor:
        table = None if contract.query else find_table(cursor, str(contract.table))
        seen = table.columns if table else query_columns(cursor, str(contract.query))
    known = {name.lower() for name in contract.source_columns().values()}
    new = {column.name: column.types[0] for column in seen if column.name.lower() not in known}
    return {
        name: ColumnContract.model_validate({"type": new[str(column.source_name)], "from": column.source_name})
        for name, column in named(contract, dict.fromkeys(new, False)).items()
    }


def evolved_note(contract: Contract, new: Mapping[str, ColumnContract]) -> tuple[str, ...]:
    """What a person should know of columns that came along."""
    if not new:
        return ()
    listed = ", ".join(f"{name} ({column.type})" for name, column in new.items())
    return (f"it has columns that sources/{contract.source}.yml does not name, which were loaded too: {listed}",)
