"""DuckDB in memory: the embedded engine. It reads and writes Parquet and keeps no file of its own."""

import hashlib
import re
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import pyarrow as pa

from tenure.core.errors import BuildError, TenureError, UsageError
from tenure.engine.protocol import Column
from tenure.engine.shims import DUCKDB_SHIMS

Result = TypeVar("Result")
_QUESTIONS = {duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN}
_COMMON = {"VARCHAR": "STRING"}


class DuckDBEngine:
    """See `Engine`. Spills to a folder of its own under `scratch`, which `close` removes."""

    name = "duckdb"

    def __init__(self, scratch: Path, *, memory: str = "4GB", threads: int | None = None) -> None:
        self._spill = _spill_folder(scratch)
        self._connection = duckdb.connect(":memory:")
        self._run(f"SET memory_limit = '{memory}'")
        self._run(f"SET temp_directory = {quoted(self._spill.name)}")
        self._run("SET TimeZone = 'UTC'")
        self._run("SET preserve_insertion_order = false")
        if threads is not None:
            self._run(f"SET threads = {threads}")
        for statement in DUCKDB_SHIMS:
            self._run(statement)

    def query(self, sql: str, **tables: pa.Table) -> pa.Table:
        """See `Engine.query`."""
        for name, table in tables.items():
            self._connection.register(name, table)
        try:
            return self._guarded(lambda: self._connection.sql(sql).to_arrow_table())
        finally:
            for name in tables:
                self._connection.unregister(name)

    def register(self, name: str, table: pa.Table) -> None:
        """See `Engine.register`."""
        self._connection.register(name, table)

    def view_of_files(self, name: str, files: Sequence[Path]) -> None:
        """See `Engine.view_of_files`."""
        paths = ", ".join(quoted(str(file)) for file in files)
        self._run(f"CREATE OR REPLACE VIEW {name} AS SELECT * FROM read_parquet([{paths}], hive_partitioning = false)")

    def view(self, name: str, sql: str) -> None:
        """See `Engine.view`."""
        self._run(f"CREATE OR REPLACE VIEW {name} AS {sql}")

    def write(self, sql: str, target: Path) -> int:
        """See `Engine.write`."""
        copied = self._rows(f"COPY ({sql}) TO {quoted(str(target))} (FORMAT parquet, COMPRESSION zstd)")
        return int(copied[0][0])

    def columns(self, relation: str) -> list[Column]:
        """See `Engine.columns`."""
        return [Column(str(row[0]), _COMMON.get(row[1], str(row[1]))) for row in self._rows(f"DESCRIBE {relation}")]

    def content_hash(self, relation: str) -> str:
        """See `Engine.content_hash`: the sum of DuckDB's row hashes, with the row count and the schema."""
        columns = self.columns(relation)
        names = ", ".join(f'"{column.name}"' for column in columns)
        rows = self._rows(f"SELECT COUNT(*), SUM(CAST(hash({names}) AS HUGEINT)) FROM {relation}")
        schema = ",".join(f"{column.name} {column.type}" for column in columns)
        return hashlib.sha256(f"{schema}|{rows[0]}".encode()).hexdigest()[:32]

    def ask(self, sql: str) -> pa.Table:
        """The result of one question a person typed; raises `UsageError` for anything that is not a question."""
        try:
            statements = duckdb.extract_statements(sql)
        except duckdb.Error as error:
            raise UsageError(
                f"the SQL cannot be read: {_first_line(error)}", cure="check it; strings stand in '…'"
            ) from error
        if len(statements) != 1 or statements[0].type not in _QUESTIONS:
            raise UsageError(
                "only one SELECT, SHOW, DESCRIBE, SUMMARIZE or EXPLAIN can be asked",
                cure="a release cannot be changed; put tables of your own into the project's sources",
            )
        return self.query(sql)

    def close(self) -> None:
        """See `Engine.close`."""
        self._connection.close()
        self._spill.cleanup()

    def _run(self, sql: str) -> None:
        self._rows(sql)

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        """All rows of a statement: a result left unfetched would block the next one."""
        return self._guarded(lambda: self._connection.execute(sql).fetchall())

    def _guarded(self, action: Callable[[], Result]) -> Result:
        try:
            return action()
        except duckdb.OutOfMemoryException as error:
            raise BuildError(
                f"DuckDB ran out of memory: {_first_line(error)}",
                cure="raise [warehouse] memory in tenure.toml, or free disk space for spilling",
            ) from error
        except duckdb.IOException as error:
            raise TenureError(
                f"DuckDB could not read or write: {_first_line(error)}",
                cure="check that the disk has room and that the files are readable, then run again",
            ) from error
        except (duckdb.ConversionException, duckdb.OutOfRangeException, duckdb.InvalidInputException) as error:
            # The message quotes the value, which may be personal: only the column's name is passed on.
            column = re.search(r"source column (\w+)", str(error))
            raise BuildError(f"a value does not fit its type{f' (column {column[1]})' if column else ''}") from None
        except duckdb.Error as error:
            raise BuildError(f"DuckDB refused the SQL: {_first_line(error)}") from error


def _spill_folder(scratch: Path) -> tempfile.TemporaryDirectory[str]:
    """A folder of our own under `scratch`; the system's, for a reader who may not write to the project."""
    try:
        scratch.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(prefix="duckdb-", dir=scratch)
    except OSError:
        return tempfile.TemporaryDirectory(prefix="tenure-duckdb-")


def quoted(text: str) -> str:
    """A SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def _first_line(error: duckdb.Error) -> str:
    return re.sub(r"\s+", " ", str(error).split("\n", 1)[0]).strip()
