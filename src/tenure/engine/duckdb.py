"""DuckDB in memory: the embedded engine. It reads and writes Parquet and keeps no file of its own."""

import re
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import pyarrow as pa

from tenure.core.errors import BuildError, TenureError, UsageError
from tenure.engine.protocol import Column, content_hash_of, month_label
from tenure.engine.shims import DUCKDB_SHIMS

Result = TypeVar("Result")
_QUESTIONS = {duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN}
_COMMON = {"VARCHAR": "STRING"}
# A column of a source may be called `filename`; no column begins with an underscore but those of Tenure.
_NAMED = "filename = '_file'"
_BITS_A_VALUE = 64
_MOST_BITS = 1 << 30
# Snappy is read at half the cost of zstd; dictionaries of more than 2,000 values cost more than they save
# (decision 0010).
_WRITTEN = "FORMAT parquet, COMPRESSION snappy, DICTIONARY_SIZE_LIMIT 2000"


class DuckDBEngine:
    """See `Engine`. Spills to a folder of its own under `scratch`, which `close` removes."""

    name = "duckdb"

    def __init__(self, scratch: Path, *, memory: str = "4GB", threads: int | None = None) -> None:
        self._spill = _spill_folder(scratch)
        self._registered: set[str] = set()
        self._connection = duckdb.connect(":memory:")
        self._run(f"SET memory_limit = '{_buffers(memory)}'")
        self._run(f"SET temp_directory = {quoted(self._spill.name)}")
        self._run("SET TimeZone = 'UTC'")
        self._run("SET preserve_insertion_order = false")
        # Writing by month costs a third less CPU than with the default of 524,288 rows.
        self._run("SET partitioned_write_flush_threshold = 50000")
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
        self._registered.add(name)

    def view_of_files(self, name: str, files: Sequence[Path]) -> None:
        """See `Engine.view_of_files`."""
        self.view(name, f"SELECT * FROM {_parquet(files)}")

    def view(self, name: str, sql: str) -> None:
        """See `Engine.view`."""
        if name in self._registered:  # it would hide the view
            self._connection.unregister(name)
            self._registered.remove(name)
        self._run(f"CREATE OR REPLACE VIEW {name} AS {sql}")

    def write(self, sql: str, target: Path) -> int:
        """See `Engine.write`."""
        copied = self._rows(f"COPY ({sql}) TO {quoted(str(target))} ({_WRITTEN})")
        return int(copied[0][0])

    def write_months(self, sql: str, column: str, folder: Path) -> list[tuple[str, Path]]:
        """See `Engine.write_months`."""
        month = f"CAST(date_trunc('month', CAST(\"{column}\" AS DATE)) AS DATE) AS _month"
        self._run(
            f"COPY (SELECT *, {month} FROM ({sql}) AS rows_by_month) TO {quoted(str(folder))} "
            f"({_WRITTEN}, PARTITION_BY (_month))"
        )
        return [(month_label(file.parent.name), file) for file in sorted(folder.glob("_month=*/*.parquet"))]

    def checksums(self, files: Sequence[Path]) -> list[tuple[int, int]]:
        """See `Engine.checksums`: DuckDB's row hashes."""
        if not files:
            return []
        names = ", ".join(f'"{column.name}"' for column in self._columns_of(_parquet(files[:1])))
        counted = f"SELECT _file, COUNT(*), SUM(CAST(hash({names}) AS HUGEINT))"
        rows = self._rows(f"{counted} FROM {_parquet(files, _NAMED)} GROUP BY _file")
        found = {str(name): (int(count), int(checksum)) for name, count, checksum in rows}
        return [found.get(str(file), (0, 0)) for file in files]

    def row_sums(self, relation: str, label: str) -> dict[str, tuple[int, int]]:
        """See `Engine.row_sums`."""
        names = ", ".join(f'"{column.name}"' for column in self.columns(relation))
        summed = f"COUNT(*), SUM(CAST(hash({names}) AS HUGEINT))"
        rows = self._rows(f"SELECT {label} AS _label, {summed} FROM {relation} AS p GROUP BY _label")
        return {str(value): (int(count), int(checksum)) for value, count, checksum in rows}

    def files_where(self, files: Sequence[Path], condition: str) -> list[Path]:
        """See `Engine.files_where`."""
        if not files:
            return []
        rows = self._rows(f"SELECT DISTINCT p._file FROM {_parquet(files, _NAMED)} AS p WHERE {condition}")
        found = {str(row[0]) for row in rows}
        return [file for file in files if str(file) in found]

    def distinct(self, relation: str, column: str) -> int:
        """See `Engine.distinct`. Whole numbers that lie close together are marked in a map of bits."""
        name = f'"{column}"'
        kind = next(entry.type for entry in self.columns(relation) if entry.name == column)
        if kind in {"BIGINT", "INTEGER"}:
            least, most, rows = self._rows(f"SELECT MIN({name}), MAX({name}), COUNT({name}) FROM {relation}")[0]
            if rows and most - least < min(_BITS_A_VALUE * rows, _MOST_BITS):
                marked = f"BIT_COUNT(BITSTRING_AGG({name}, {least}, {most}))"
                return int(self._rows(f"SELECT {marked} FROM {relation} WHERE {name} IS NOT NULL")[0][0])
        return int(self._rows(f"SELECT COUNT(DISTINCT {name}) FROM {relation}")[0][0])

    def columns(self, relation: str) -> list[Column]:
        """See `Engine.columns`."""
        return self._columns_of(relation)

    def content_hash(self, relation: str) -> str:
        """See `Engine.content_hash`."""
        columns = self.columns(relation)
        names = ", ".join(f'"{column.name}"' for column in columns)
        rows = self._rows(f"SELECT COUNT(*), COALESCE(SUM(CAST(hash({names}) AS HUGEINT)), 0) FROM {relation}")
        return content_hash_of(columns, int(rows[0][0]), int(rows[0][1]))

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

    def _columns_of(self, relation: str) -> list[Column]:
        described = self._rows(f"DESCRIBE SELECT * FROM {relation}")
        return [Column(str(row[0]), _COMMON.get(row[1], str(row[1]))) for row in described]

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


def _buffers(memory: str) -> str:
    """What DuckDB may use for its buffers, of all that this process may use: the rest it does not count."""
    parts = re.fullmatch(r"([0-9]+)(MB|GB)", memory)
    if parts is None:
        return memory
    megabytes = int(parts[1]) * (1000 if parts[2] == "GB" else 1)
    return f"{max(megabytes * 4 // 5, 1)}MB"


def _parquet(files: Sequence[Path], options: str = "filename = false") -> str:
    paths = ", ".join(quoted(str(file)) for file in files)
    return f"read_parquet([{paths}], hive_partitioning = false, {options})"


def quoted(text: str) -> str:
    """A SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def _first_line(error: duckdb.Error) -> str:
    return re.sub(r"\s+", " ", str(error).split("\n", 1)[0]).strip()
