"""Data files hold exactly what was written into them, for Arrow and for DuckDB, whatever suits their columns."""

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tenure.sources.data_file import data_file, parquet_options

SCHEMA = pa.schema(
    [
        ("whole", pa.int64()),
        ("money", pa.decimal128(18, 2)),
        ("small", pa.decimal128(9, 9)),
        ("wide", pa.decimal128(38, 10)),
        ("day", pa.date32()),
        ("moment", pa.timestamp("us")),
        ("text", pa.string()),
        ("ratio", pa.float64()),
        ("truth", pa.bool_()),
    ]
)


def cents(digits: int, scale: int) -> st.SearchStrategy[Decimal]:
    most = 10**digits - 1
    return st.integers(-most, most).map(lambda number: Decimal(f"{number}E-{scale}"))


ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "whole": st.none() | st.integers(-(2**63), 2**63 - 1),
            "money": st.none() | cents(18, 2),
            "small": st.none() | cents(9, 9),
            "wide": st.none() | cents(38, 10),
            "day": st.none() | st.dates(date(1, 1, 1)),
            "moment": st.none() | st.datetimes(datetime(1, 1, 1)),
            "text": st.none() | st.sampled_from(["often", ""]) | st.text(),
            "ratio": st.none() | st.floats(allow_nan=False),
            "truth": st.none() | st.booleans(),
        }
    ),
    max_size=40,
)


@given(first=ROWS, second=ROWS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_what_was_written_is_read(
    first: list[dict[str, object]], second: list[dict[str, object]], tmp_path: Path
) -> None:
    path = tmp_path / "data.parquet"
    with data_file(path, SCHEMA) as file:
        file.write(pa.Table.from_pylist(first, SCHEMA))
        file.write(pa.Table.from_pylist(second, SCHEMA))

    wanted = pa.Table.from_pylist([*first, *second], SCHEMA)
    assert pq.read_table(path).equals(wanted)
    with duckdb.connect() as connection:
        found = connection.sql(f"SELECT * FROM read_parquet('{path}')").to_arrow_table()
    assert found.to_pylist() == wanted.to_pylist()
    assert found.schema.types == SCHEMA.types


def test_a_file_of_no_rows_is_a_file(tmp_path: Path) -> None:
    with data_file(tmp_path / "data.parquet", SCHEMA):
        pass

    assert pq.read_table(tmp_path / "data.parquet").schema == SCHEMA


def test_a_text_is_kept_by_its_number_only_if_it_comes_often() -> None:
    table = pa.table({"often": ["a", "b"] * 500, "seldom": [str(number) for number in range(1000)]})

    assert parquet_options(table)["use_dictionary"] == ["often"]
