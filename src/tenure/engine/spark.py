"""Spark in local mode: the engine for what one machine's DuckDB cannot hold, and the second opinion in tests."""

import shutil
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import pyarrow as pa
import pyarrow.parquet as pq

from tenure.core.errors import BuildError, TenureError
from tenure.engine.protocol import Column, content_hash_of, month_label
from tenure.engine.spark_session import SparkSession, start

# spark_session has asked for pyspark in a friendlier way than these would.
from py4j.protocol import Py4JError, Py4JJavaError  # pyright: ignore[reportMissingTypeStubs]  # isort: skip
from pyspark.errors import AnalysisException, PySparkException  # isort: skip
from pyspark.sql import DataFrame  # isort: skip
from pyspark.sql.functions import expr  # isort: skip

_COMMON = {"int": "INTEGER", "timestamp_ntz": "TIMESTAMP", "timestamp": "TIMESTAMP WITH TIME ZONE"}
_SPARK_TYPES: dict[pa.DataType, str] = {
    pa.int32(): "INT",
    pa.int64(): "BIGINT",
    pa.float64(): "DOUBLE",
    pa.string(): "STRING",
    pa.bool_(): "BOOLEAN",
    pa.date32(): "DATE",
    pa.timestamp("us"): "TIMESTAMP_NTZ",
}


class SparkEngine:
    """See `Engine`. One per process at a time; all its files are in a folder under `scratch`, which `close` removes."""

    name = "spark"

    def __init__(self, scratch: Path, *, memory: str = "4GB", threads: int | None = None) -> None:
        scratch.mkdir(parents=True, exist_ok=True)
        self._folder = tempfile.TemporaryDirectory(prefix="spark-", dir=scratch)
        self._registered: dict[str, Path] = {}
        self._numbers = count()
        try:
            self._spark = start(Path(self._folder.name).resolve(), memory=memory, threads=threads)
        except BaseException:
            self._folder.cleanup()
            raise

    def query(self, sql: str, **tables: pa.Table) -> pa.Table:
        """See `Engine.query`."""
        for name, table in tables.items():
            self.register(name, table)
        try:
            with _explained():
                answer = self._session.sql(sql).toArrow()
        finally:
            for name in tables:
                self._forget(name)
        nullable = zip(answer.schema.names, answer.schema.types, strict=True)  # Spark says which columns hold no NULL
        return answer.cast(pa.schema(list(nullable)))

    def register(self, name: str, table: pa.Table) -> None:
        """See `Engine.register`. The table goes through a Parquet file: exact, and read in parallel."""
        file = Path(self._folder.name) / f"registered-{next(self._numbers)}.parquet"
        pq.write_table(table, file, coerce_timestamps="us")
        self._forget(name)
        self.view_of_files(name, [file])
        self._registered[name] = file

    def view_of_files(self, name: str, files: Sequence[Path]) -> None:
        """See `Engine.view_of_files`."""
        with _explained():
            self._read(files).createOrReplaceTempView(name)

    def view(self, name: str, sql: str) -> None:
        """See `Engine.view`."""
        self._sql(f"CREATE OR REPLACE TEMPORARY VIEW {name} AS {sql}")

    def write(self, sql: str, target: Path) -> int:
        """See `Engine.write`. Spark writes a folder; its one part becomes the file, whole or not at all."""
        folder = target.with_name(f".{target.name}.spark")
        try:
            with _explained():
                # coalesce, not repartition: it keeps the order of an ORDER BY.
                self._session.sql(sql).coalesce(1).write.mode("overwrite").parquet(str(folder))
            part = next(folder.glob("part-*.parquet"))
            part.replace(target)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return pq.read_metadata(target).num_rows

    def columns(self, relation: str) -> list[Column]:
        """See `Engine.columns`."""
        schema = self._sql(f"SELECT * FROM {relation}").schema
        return [Column(field.name, _common_type(field.dataType.simpleString())) for field in schema.fields]

    def write_months(self, sql: str, column: str, folder: Path) -> list[tuple[str, Path]]:
        """See `Engine.write_months`."""
        month = f"CAST(trunc(CAST(\"{column}\" AS DATE), 'MM') AS STRING) AS _month"
        with _explained():
            frame = self._session.sql(f"SELECT *, {month} FROM ({sql}) AS rows_by_month")
            frame.repartition("_month").write.partitionBy("_month").mode("error").parquet(str(folder))
        return [(month_label(file.parent.name), file) for file in sorted(folder.glob("_month=*/*.parquet"))]

    def checksums(self, files: Sequence[Path]) -> list[tuple[int, int]]:
        """See `Engine.checksums`: the sum of Spark's row hashes."""
        if not files:
            return []
        with _explained():
            frame = self._read(files)
            sums = frame.groupBy(expr("_metadata.file_path")).agg(
                expr("COUNT(*)"), expr(f"SUM({_row_hash(frame.columns)})")
            )
            found = {_local(row[0]): (int(row[1]), int(row[2])) for row in sums.collect()}
        return [found.get(str(file.resolve()), (0, 0)) for file in files]

    def row_sums(self, relation: str, label: str) -> dict[str, tuple[int, int]]:
        """See `Engine.row_sums`."""
        hashed = _row_hash([column.name for column in self.columns(relation)])
        with _explained():
            labelled = f"SELECT {label} AS _label, COUNT(*), SUM({hashed}) FROM {relation} AS p GROUP BY 1"
            rows = self._session.sql(labelled).collect()
        return {str(row[0]): (int(row[1]), int(row[2])) for row in rows}

    def files_where(self, files: Sequence[Path], condition: str) -> list[Path]:
        """See `Engine.files_where`."""
        if not files:
            return []
        with _explained():
            frame = self._read(files)
            frame.selectExpr("*", "_metadata.file_path AS _file").createOrReplaceTempView("_files_searched")
            rows = self._session.sql(f"SELECT DISTINCT p._file FROM _files_searched AS p WHERE {condition}").collect()
        found = {_local(row[0]) for row in rows}
        return [file for file in files if str(file.resolve()) in found]

    def distinct(self, relation: str, column: str) -> int:
        """See `Engine.distinct`."""
        with _explained():
            return int(self._session.sql(f"SELECT COUNT(DISTINCT `{column}`) FROM {relation}").collect()[0][0])

    def content_hash(self, relation: str) -> str:
        """See `Engine.content_hash`: the sum of Spark's row hashes, with the row count and the schema."""
        columns = self.columns(relation)
        hashed = _row_hash([column.name for column in columns])
        with _explained():
            row = self._session.sql(f"SELECT COUNT(*), COALESCE(SUM({hashed}), 0) FROM {relation}").collect()[0]
        return content_hash_of(columns, int(row[0]), int(row[1]))

    def close(self) -> None:
        """See `Engine.close`. The Java process ends, too."""
        try:
            self._spark.stop()
        finally:
            self._folder.cleanup()

    @property
    def _session(self) -> SparkSession:
        return self._spark.session

    def _read(self, files: Sequence[Path]) -> DataFrame:
        """Parquet files as one table. Left to find out the columns by itself, Spark would run a job for it."""
        schema = _schema(files[0])
        reader = self._session.read if schema is None else self._session.read.schema(schema)
        return reader.parquet(*(_unglobbed(file) for file in files))

    def _sql(self, sql: str) -> DataFrame:
        with _explained():
            return self._session.sql(sql)

    def _forget(self, name: str) -> None:
        file = self._registered.pop(name, None)
        if file is not None:
            self._session.catalog.dropTempView(name)
            file.unlink()


def _schema(file: Path) -> str | None:
    """The columns of a Parquet file in Spark's words; None when they are not all of the common types."""
    try:
        schema = pq.read_schema(file)
    except (OSError, pa.ArrowInvalid):
        return None  # Spark says what is wrong with the file
    kinds = [(name, _spark_type(kind)) for name, kind in zip(schema.names, schema.types, strict=True)]
    if not kinds or any(kind is None for _, kind in kinds):
        return None
    return ", ".join(f"`{name.replace('`', '``')}` {kind}" for name, kind in kinds)


def _spark_type(kind: pa.DataType) -> str | None:
    if pa.types.is_decimal128(kind):
        return f"DECIMAL({kind.precision},{kind.scale})"
    return _SPARK_TYPES.get(kind)


def _row_hash(columns: Sequence[str]) -> str:
    # xxhash64 skips a NULL, so that each column brings along whether it is one.
    parts = ", ".join(f'"{column}", "{column}" IS NULL' for column in columns)
    return f"CAST(xxhash64({parts}) AS DECIMAL(38,0))"


def _local(address: str) -> str:
    """The path in a file's address as Spark gives it."""
    return unquote(urlparse(address).path)


def _common_type(name: str) -> str:
    return _COMMON.get(name, name.upper())


def _unglobbed(file: Path) -> str:
    """A path with the characters that Hadoop reads as patterns taken literally."""
    return "".join(f"\\{letter}" if letter in "\\*?[]{}" else letter for letter in str(file.resolve()))


@contextmanager
def _explained() -> Generator[None]:
    """Turn Spark's errors into ours. Spark's own text of a run-time error quotes cell values: it is left out."""
    try:
        yield
    except AnalysisException as error:
        raise BuildError(f"Spark refused the SQL: {_first_line(error)}") from error
    except PySparkException as error:
        condition = error.getCondition() or type(error).__name__
        if "OutOfMemory" in str(error):
            cure = "raise [warehouse] memory in tenure.toml"
            raise BuildError("Spark ran out of memory", cure=cure) from error
        raise BuildError(f"Spark stopped with {condition}{_place(error)}") from error
    except Py4JJavaError as error:
        cure = "check that the disk has room and that the files are there and readable, then run again"
        raise TenureError(f"Spark stopped with {_root_cause(error)}", cure=cure) from error
    except (Py4JError, ConnectionError) as error:
        raise TenureError("the Java process of Spark is gone", cure="run the command again") from error


def _first_line(error: PySparkException) -> str:
    return str(error).strip().split("\n", 1)[0]


def _root_cause(error: Py4JJavaError) -> str:
    """The name of the Java exception behind all others."""
    cause: Any = error.java_exception
    while cause.getCause() is not None:
        cause = cause.getCause()
    return str(cause.getClass().getSimpleName())


def _place(error: PySparkException) -> str:
    fragments = [context.fragment() for context in error.getQueryContext()]
    return f" at {fragments[0]}" if fragments and fragments[0] else ""
