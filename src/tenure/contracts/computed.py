"""Whether the engine can compute what a contract asks of it, and gives the type that the column says."""

from tenure.contracts.columns import ColumnContract
from tenure.contracts.model import Contract
from tenure.core.errors import BuildError, SettingsError
from tenure.engine.protocol import Engine

_WHOLE = {"BIGINT", "INTEGER"}
_FITS = {
    "integer": {*_WHOLE, "DECIMAL"},
    "decimal": {*_WHOLE, "DECIMAL"},
    "number": {*_WHOLE, "DECIMAL", "DOUBLE"},
    "boolean": {"BOOLEAN"},
    "date": {"DATE"},
    "timestamp": {"DATE", "TIMESTAMP"},
    "string": {"STRING"},
}
"""A column's type → the types of SQL whose values can be such values exactly."""


def expect_computable(contract: Contract, engine: Engine) -> None:
    """Raises `SettingsError` naming a computed column that the engine refuses, or whose type is another one."""
    given = ", ".join(
        f'CAST(NULL AS {column.sql_type}) AS "{name}"' for name, column in contract.columns.items() if not column.sql
    )
    for name, column in contract.columns.items():
        if column.sql is None:
            continue
        where = f"sources/{contract.source}.yml, columns.{name}.sql"
        try:
            engine.view("computed_column", f"SELECT (\n{column.sql}\n) AS computed FROM (SELECT {given}) AS records")
            found = engine.columns("computed_column")[0].type
        except BuildError as error:
            raise SettingsError(error.what, where=where, cure="correct the SQL") from error
        if found.partition("(")[0] not in _FITS[column.type.partition("(")[0]]:
            raise SettingsError(
                f"gives {found}, and the column is {column.type}", where=where, cure=_cure(column, found)
            )


def _cure(column: ColumnContract, found: str) -> str:
    if found == "DOUBLE":
        return "binary floating point is not exact: reckon with decimals, or say type: number"
    return f"CAST(… AS {column.sql_type}), or say another type"
