"""What both engines do alike: one suite over two implementations of the protocol."""

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from itertools import count
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tenure.core.errors import TenureError
from tenure.engine.protocol import Column, Engine

_NUMBERS = count()

TYPED = pa.table(
    {
        "whole": pa.array([1, None], pa.int32()),
        "large": pa.array([9007199254740993, None], pa.int64()),
        "money": pa.array([Decimal("-9999999999999999.99"), None], pa.decimal128(18, 2)),
        "wide": pa.array([Decimal("1234567890123456789012345678.1234567890"), None], pa.decimal128(38, 10)),
        "ratio": pa.array([0.1, None], pa.float64()),
        "text": pa.array(["Zoë \U0001f642 'quoted'", None], pa.string()),
        "flag": pa.array([True, None], pa.bool_()),
        "day": pa.array([date(1, 1, 1), None], pa.date32()),
        "moment": pa.array([datetime(1969, 12, 31, 23, 59, 59, 999999), None], pa.timestamp("us")),
    }
)


@pytest.fixture
def name() -> Iterator[str]:
    """A relation name that no other test uses: the engines are shared."""
    return (f"relation_{number}" for number in _NUMBERS).__next__()


def rows(engine: Engine, sql: str) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in engine.query(sql).to_pylist()]


def test_a_table_comes_back_exactly_as_it_was_registered(engine: Engine, name: str) -> None:
    engine.register(name, TYPED)
    answer = engine.query(f"SELECT * FROM {name} ORDER BY whole NULLS LAST")
    assert answer.equals(TYPED)


def test_columns_have_the_common_type_names(engine: Engine, name: str) -> None:
    engine.register(name, TYPED)
    assert engine.columns(name) == [
        Column("whole", "INTEGER"),
        Column("large", "BIGINT"),
        Column("money", "DECIMAL(18,2)"),
        Column("wide", "DECIMAL(38,10)"),
        Column("ratio", "DOUBLE"),
        Column("text", "STRING"),
        Column("flag", "BOOLEAN"),
        Column("day", "DATE"),
        Column("moment", "TIMESTAMP"),
    ]


def test_a_written_file_keeps_values_and_types(engine: Engine, name: str, tmp_path: Path) -> None:
    engine.register(name, TYPED)
    target = tmp_path / "part-0.parquet"
    assert engine.write(f"SELECT * FROM {name} ORDER BY whole NULLS LAST", target) == 2
    written = pq.read_table(target)
    assert written.to_pylist() == TYPED.to_pylist()
    assert written.schema.types == TYPED.schema.types
    assert [file.name for file in tmp_path.iterdir()] == ["part-0.parquet"]


def test_a_file_of_one_engine_is_read_alike_by_the_other(
    duckdb_engine: Engine, engine: Engine, name: str, tmp_path: Path
) -> None:
    target = tmp_path / "part.parquet"
    engine.register(name, TYPED)
    engine.write(f"SELECT * FROM {name}", target)
    duckdb_engine.view_of_files(f"{name}_read", [target])
    answer = duckdb_engine.query(f"SELECT * FROM {name}_read ORDER BY whole NULLS LAST")
    assert answer.to_pylist() == TYPED.to_pylist()
    assert answer.schema.types == TYPED.schema.types


def test_an_empty_result_is_written_with_its_schema(engine: Engine, name: str, tmp_path: Path) -> None:
    engine.register(name, TYPED)
    target = tmp_path / "empty.parquet"
    assert engine.write(f"SELECT * FROM {name} WHERE whole > 5", target) == 0
    assert pq.read_table(target).schema.types == TYPED.schema.types
    engine.view_of_files(f"{name}_empty", [target])
    assert engine.query(f"SELECT COUNT(*) AS n FROM {name}_empty").to_pylist() == [{"n": 0}]


def test_an_empty_table_keeps_its_columns(engine: Engine, name: str) -> None:
    engine.register(name, TYPED.slice(0, 0))
    answer = engine.query(f"SELECT * FROM {name}")
    assert answer.num_rows == 0
    assert answer.schema.types == TYPED.schema.types


def test_writing_replaces_an_older_file(engine: Engine, tmp_path: Path) -> None:
    target = tmp_path / "part.parquet"
    engine.write("SELECT 1 AS x UNION ALL SELECT 2", target)
    assert engine.write("SELECT 'new' AS y", target) == 1
    assert pq.read_table(target).to_pylist() == [{"y": "new"}]


def test_writing_many_rows_in_order_makes_one_file_in_that_order(engine: Engine, name: str, tmp_path: Path) -> None:
    engine.register(name, pa.table({"x": list(range(50_000))}))
    target = tmp_path / "part.parquet"
    assert engine.write(f"SELECT x FROM {name} ORDER BY x DESC NULLS LAST", target) == 50_000
    assert pq.read_table(target).column("x").to_pylist() == list(range(49_999, -1, -1))


def test_a_failed_write_leaves_no_new_file(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(TenureError):
        engine.write("SELECT CAST('x' || CAST(1 AS STRING) AS DATE) AS d", tmp_path / "part.parquet")
    left = [file.name for file in tmp_path.iterdir() if file.stat().st_size]
    assert left == []


def test_tables_of_a_query_are_seen_by_that_query_only(engine: Engine, name: str) -> None:
    answer = engine.query(f"SELECT SUM(x) AS s FROM {name}", **{name: pa.table({"x": [1, 2]})})
    assert answer.to_pylist() == [{"s": 3}]
    with pytest.raises(TenureError):
        engine.query(f"SELECT * FROM {name}")


def test_registering_a_name_again_replaces_the_table(engine: Engine, name: str) -> None:
    engine.register(name, pa.table({"x": [1]}))
    engine.register(name, pa.table({"y": ["two"]}))
    assert engine.query(f"SELECT * FROM {name}").to_pylist() == [{"y": "two"}]


def test_a_view_is_evaluated_when_it_is_read(engine: Engine, name: str) -> None:
    engine.register(name, pa.table({"x": [1]}))
    engine.view(f"{name}_view", f"SELECT x + 1 AS y FROM {name}")
    engine.register(name, pa.table({"x": [10]}))
    assert rows(engine, f"SELECT y FROM {name}_view") == [(11,)]


def test_a_view_takes_the_place_of_a_registered_table(engine: Engine, name: str, tmp_path: Path) -> None:
    engine.register(name, pa.table({"x": [1]}))
    engine.view(name, "SELECT 2 AS y")
    assert rows(engine, f"SELECT y FROM {name}") == [(2,)]
    engine.register(name, pa.table({"x": [3]}))
    pq.write_table(pa.table({"z": [4]}), tmp_path / "part.parquet")
    engine.view_of_files(name, [tmp_path / "part.parquet"])
    assert rows(engine, f"SELECT z FROM {name}") == [(4,)]
    engine.register(name, pa.table({"x": [5]}))
    assert rows(engine, f"SELECT x FROM {name}") == [(5,)]


def test_views_stand_on_views_and_can_be_replaced(engine: Engine, name: str) -> None:
    engine.view(name, "SELECT 1 AS x")
    engine.view(f"{name}_upper", f"SELECT x * 2 AS y FROM {name}")
    engine.view(name, "SELECT 5 AS x")
    assert rows(engine, f"SELECT y FROM {name}_upper") == [(10,)]


def test_several_files_are_one_table(engine: Engine, name: str, tmp_path: Path) -> None:
    files = [tmp_path / f"part-{number}.parquet" for number in range(3)]
    for number, file in enumerate(files):
        pq.write_table(pa.table({"x": [number, number + 10]}), file)
    engine.view_of_files(name, files)
    assert rows(engine, f"SELECT x FROM {name} ORDER BY x NULLS LAST") == [(0,), (1,), (2,), (10,), (11,), (12,)]


def test_files_may_lie_under_any_name_and_folders_add_no_columns(engine: Engine, name: str, tmp_path: Path) -> None:
    folder = tmp_path / ".hidden" / "month=2025-01" / "it's [a] {b} 50% ü"
    folder.mkdir(parents=True)
    file = folder / "part 0*.parquet"
    pq.write_table(pa.table({"x": [1]}), file)
    pq.write_table(pa.table({"x": [2]}), folder / "part 0b.parquet")
    engine.view_of_files(name, [file])
    assert engine.columns(name) == [Column("x", "BIGINT")]
    assert rows(engine, f"SELECT x FROM {name}") == [(1,)]


def test_quoted_names_keep_their_letters(engine: Engine, name: str) -> None:
    engine.register(name, pa.table({"Größe in €": [1]}))
    assert engine.query(f'SELECT "Größe in €" AS "Ärger" FROM {name}').to_pylist() == [{"Ärger": 1}]


def test_the_hash_of_a_table_depends_on_neither_order_nor_files(engine: Engine, name: str, tmp_path: Path) -> None:
    pq.write_table(TYPED.slice(0, 1), tmp_path / "a.parquet")
    pq.write_table(TYPED.slice(1, 1), tmp_path / "b.parquet")
    engine.register(name, TYPED)
    engine.view_of_files(f"{name}_files", [tmp_path / "b.parquet", tmp_path / "a.parquet"])
    assert engine.content_hash(name) == engine.content_hash(f"{name}_files")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"x": [1, 2]}, {"x": [1, 3]}),
        ({"x": [1, 1]}, {"x": [1]}),
        ({"x": [1, 1, 2]}, {"x": [1, 2, 2]}),
        ({"x": [1, None], "y": [None, 1]}, {"x": [None, 1], "y": [None, 1]}),
        ({"x": [1], "y": [None]}, {"x": [None], "y": [1]}),
        ({"x": [1, 2], "y": [3, 4]}, {"x": [1, 2], "y": [4, 3]}),
        ({"x": ["", "a"]}, {"x": [None, "a"]}),
        ({"x": [1]}, {"y": [1]}),
        ({"x": [1]}, {"x": [1.0]}),
        ({"x": [Decimal("1.00")]}, {"x": [Decimal("1.01")]}),
        ({"x": [True]}, {"x": [False]}),
        ({"x": [datetime(2024, 1, 1)]}, {"x": [datetime(2024, 1, 1, 0, 0, 0, 1)]}),
    ],
)
def test_the_hash_of_a_table_tells_different_tables_apart(
    engine: Engine, name: str, one: dict[str, list[object]], other: dict[str, list[object]]
) -> None:
    engine.register(f"{name}_one", pa.table(one))
    engine.register(f"{name}_other", pa.table(other))
    assert engine.content_hash(f"{name}_one") != engine.content_hash(f"{name}_other")


def test_sql_that_cannot_be_run_says_why(engine: Engine) -> None:
    with pytest.raises(TenureError, match="nowhere"):
        engine.query("SELECT 1 FROM nowhere")
    with pytest.raises(TenureError, match=r"(?i)syntax"):
        engine.query("SELECT (1 +")


def test_a_file_that_vanished_is_an_error_of_ours(engine: Engine, name: str, tmp_path: Path) -> None:
    file = tmp_path / "part.parquet"
    pq.write_table(pa.table({"x": [1]}), file)
    engine.view_of_files(name, [file])
    file.unlink()
    with pytest.raises(TenureError) as caught:
        engine.query(f"SELECT x FROM {name}")
    assert "readable" in str(caught.value.cure)


@pytest.mark.parametrize("target", ["INTEGER", "DATE", "DECIMAL(18,2)", "TIMESTAMP", "BOOLEAN"])
def test_an_error_never_quotes_a_value(engine: Engine, name: str, target: str) -> None:
    engine.register(name, pa.table({"secret": ["Mustermann's 4711"]}))
    with pytest.raises(TenureError) as caught:
        engine.query(f"SELECT CAST(secret AS {target}) AS c FROM {name}")
    assert "Mustermann" not in str(caught.value)
    assert "4711" not in str(caught.value)


@pytest.mark.parametrize("overflow", ["CAST(secret AS INTEGER)", "secret * secret", "CAST(secret AS DECIMAL(5,2))"])
def test_an_error_never_quotes_a_number(engine: Engine, name: str, overflow: str) -> None:
    engine.register(name, pa.table({"secret": [4711471147114711]}))
    with pytest.raises(TenureError) as caught:
        engine.query(f"SELECT {overflow} AS c FROM {name}")
    assert "4711" not in str(caught.value)
