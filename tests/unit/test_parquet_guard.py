"""The Parquet guard gives what the file holds, exactly, and refuses what does not fit or is not whole."""

from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tenure.contracts.checks import compile_checks
from tenure.contracts.model import Contract
from tenure.core.errors import SourceRefused
from tenure.engine.duckdb import DuckDBEngine
from tenure.sources.json_guard import json_blocks
from tenure.sources.parquet_guard import parquet_blocks, parquet_notes
from tests.guarded_file import Read, contract, read_through


def terms(**columns: str | dict[str, object]) -> Contract:
    return contract("parquet", **columns)


def written(tmp_path: Path, table: pa.Table, **options: Any) -> bytes:
    path = tmp_path / "written.parquet"
    pq.write_table(table, path, **options)
    return path.read_bytes()


def read(tmp_path: Path, table: pa.Table, given: Contract, block_bytes: int = 16 << 20, **options: Any) -> Read:
    if "customer_id" not in table.column_names:
        table = table.append_column("customer_id", pa.array([f"k{row}" for row in range(table.num_rows)], pa.string()))
    return read_through(parquet_blocks, written(tmp_path, table, **options), given, block_bytes)


def values(tmp_path: Path, given: pa.Array, column: str | dict[str, object]) -> list[object]:
    """What a contract's column makes of these cells."""
    result = read(tmp_path, pa.table({"value": given}), terms(value=column))
    assert result.rejects == []
    return result.column("value")


@pytest.mark.parametrize("kind", ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"])
def test_every_kind_of_whole_number_is_an_integer(tmp_path: Path, kind: str) -> None:
    least = 0 if kind.startswith("u") else -(2 ** (int(kind[3:]) - 1))
    most = min(2**63 - 1, 2 ** int(kind.lstrip("uint")) - 1 if kind.startswith("u") else -least - 1)
    given = pa.array([least, most, None], getattr(pa, kind)())
    assert values(tmp_path, given, "integer") == [least, most, None]
    assert values(tmp_path, given, "string") == [str(least), str(most), None]
    assert values(tmp_path, given, "decimal(22,2)") == [Decimal(least), Decimal(most), None]


def test_a_whole_number_that_no_integer_holds_is_left_to_the_checks(tmp_path: Path) -> None:
    assert values(tmp_path, pa.array([1, 2**64 - 1], pa.uint64()), "integer") == ["1", "18446744073709551615"]


def test_decimals_keep_every_digit(tmp_path: Path) -> None:
    given = pa.array([Decimal("1234567890.120"), Decimal("-0.050"), None], pa.decimal128(20, 3))
    assert values(tmp_path, given, "decimal(12,2)") == [Decimal("1234567890.12"), Decimal("-0.05"), None]
    assert values(tmp_path, given, "string") == ["1234567890.120", "-0.050", None]
    assert values(tmp_path, given, "decimal(12,1)") == ["1234567890.120", "-0.050", None]
    wide = pa.array([Decimal("9" * 50)], pa.decimal256(60, 0))
    assert values(tmp_path, wide, "string") == ["9" * 50]
    assert values(tmp_path, wide, "decimal(38,0)") == ["9" * 50]
    assert values(tmp_path, pa.array([Decimal("0.0000000001")]), "string") == ["0.0000000001"]
    assert values(tmp_path, pa.array(["12.50", None]), "decimal(12,2)") == ["12.50", None]


def test_floating_point_becomes_money_only_digit_by_digit(tmp_path: Path) -> None:
    given = pa.array([1.1, 1e20, 2.0, 1e-7, None])
    assert values(tmp_path, given, "decimal(30,10)") == ["1.1", "1e+20", "2", "0.0000001", None]
    assert values(tmp_path, given, "number") == [1.1, 1e20, 2.0, 1e-7, None]
    assert values(tmp_path, pa.array([0.1], pa.float32()), "number") == [0.10000000149011612]
    assert values(tmp_path, pa.array([1.0, float("nan")]), "number") == ["1", "nan"]
    assert values(tmp_path, pa.array([float("inf")]), "string") == ["inf"]


def test_whole_numbers_that_were_written_in_floating_point_are_integers_as_far_as_it_is_exact(tmp_path: Path) -> None:
    assert values(tmp_path, pa.array([1.0, -3.0, None]), "integer") == [1, -3, None]
    assert values(tmp_path, pa.array([1.5]), "integer") == ["1.5"]
    assert values(tmp_path, pa.array([2.0**55]), "integer") == ["3.602879701896397e+16"]


def test_truth_values(tmp_path: Path) -> None:
    assert values(tmp_path, pa.array([True, None, False]), "boolean") == [True, None, False]
    assert values(tmp_path, pa.array([True, None]), "string") == ["true", None]
    assert values(tmp_path, pa.array([1, 0, None]), "boolean") == [True, False, None]
    assert values(tmp_path, pa.array([1, 2]), "boolean") == ["1", "2"]


def test_dates_and_times(tmp_path: Path) -> None:
    day, moment = date(2025, 1, 31), datetime(2025, 1, 31, 12, 30, 0, 123456)
    assert values(tmp_path, pa.array([day, None]), "date") == [day, None]
    assert values(tmp_path, pa.array([day], pa.date64()), "date") == [day]
    assert values(tmp_path, pa.array([day]), "timestamp") == [datetime(2025, 1, 31)]
    assert values(tmp_path, pa.array([day]), "string") == ["2025-01-31"]
    assert values(tmp_path, pa.array([moment]), "timestamp") == [moment]
    assert values(tmp_path, pa.array([moment]), "date") == ["2025-01-31 12:30:00.123456"]
    assert values(tmp_path, pa.array([datetime(2025, 1, 31)]), "date") == [day]
    assert values(tmp_path, pa.array([time(23, 59, 58)]), "string") == ["23:59:58.000000"]


def test_moments_with_a_time_zone_are_those_of_utc(tmp_path: Path) -> None:
    moment = datetime(2025, 7, 1, 0, 30, tzinfo=timezone(timedelta(hours=2)))
    given = pa.array([moment], pa.timestamp("ms", "Europe/Vienna"))
    assert values(tmp_path, given, "timestamp") == [datetime(2025, 6, 30, 22, 30)]
    assert values(tmp_path, given, "date") == ["2025-06-30 22:30:00.000"]


def test_what_is_finer_than_a_microsecond_is_not_cut(tmp_path: Path) -> None:
    given = pa.array([1_577_836_800_000_000_001, 1_577_836_800_000_001_000], pa.timestamp("ns"))
    assert values(tmp_path, given, "timestamp") == ["2020-01-01 00:00:00.000000001", "2020-01-01 00:00:00.000001"]
    assert values(tmp_path, given[1:], "timestamp") == [datetime(2020, 1, 1, 0, 0, 0, 1)]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_one_wrong_value_leaves_the_others_of_its_block_good(tmp_path: Path, unit: str) -> None:
    engine = DuckDBEngine(tmp_path / "engine", threads=1)
    moments = pa.array([0, 86_400, 1, None], pa.timestamp("s")).cast(pa.timestamp(unit))
    cases: list[tuple[pa.Array, str, list[object]]] = [
        (moments, "date", [date(1970, 1, 1), date(1970, 1, 2), "wrong", None]),
        (pa.array([1.0, 1.5, 2.0**60, None]), "integer", [1, "wrong", "wrong", None]),
        (pa.array([1.25, 1.255, 3.0]), "decimal(9,2)", [Decimal("1.25"), "wrong", Decimal(3)]),
        (pa.array([1, 2, 0]), "boolean", [True, "wrong", False]),
        (pa.array([2**63, 5], pa.uint64()), "integer", ["wrong", 5]),
        (pa.array([Decimal("1.500"), Decimal("1.505")]), "decimal(9,2)", [Decimal("1.50"), "wrong"]),
        (pa.array([0.5, float("nan")]), "number", [0.5, "wrong"]),
    ]
    if unit == "ns":
        nanos = pa.array([1000, 1, 0], pa.timestamp("ns"))
        cases.append((nanos, "timestamp", [datetime(1970, 1, 1, 0, 0, 0, 1), "wrong", datetime(1970, 1, 1)]))
    for given, kind, expected in cases:
        described = terms(value=kind)
        path = tmp_path / "written.parquet"
        written(tmp_path, pa.table({"value": given, "customer_id": ["k"] * len(given)}))
        table = next(iter(parquet_blocks(path, described))).table
        text = {name for name in described.columns if table.schema.field(name).type == pa.string()}
        checked = engine.query(compile_checks(described, text).sql, block=table).sort_by("_row").to_pylist()
        assert ["wrong" if row["_broken"] is not None else row["value"] for row in checked] == expected, kind
    engine.close()


def test_a_row_that_was_set_apart_can_be_read_again_from_its_text(tmp_path: Path) -> None:
    moments = pa.array([0, 86_400_000_001_000, None], pa.timestamp("ns", "UTC"))
    columns: dict[str, tuple[pa.Array, str]] = {
        "whole": (pa.array([1.0, 2.5, None]), "integer"),
        "ratio": (pa.array([1e-7, float("nan"), 2.0]), "number"),
        "money": (pa.array([Decimal("1.500"), Decimal("-0.050"), None]), "decimal(9,2)"),
        "at": (moments, "timestamp"),
        "text": (moments, "string"),
        "flag": (pa.array([1, 2, 0]), "boolean"),
        "bits": (pa.array([b"\xff", b"", None]), "string"),
        "big": (pa.array([2**64 - 1, 1, None], pa.uint64()), "string"),
        "uuid": (pa.array([b"0123456789abcdef", None, None], pa.uuid()), "string"),
    }
    described = terms(**{name: kind for name, (_, kind) in columns.items()})
    table = pa.table({"customer_id": ["a", "b", "c"], **{name: given for name, (given, _) in columns.items()}})
    path, lines = tmp_path / "written.parquet", tmp_path / "lines"
    written(tmp_path, table)
    block = next(iter(parquet_blocks(path, described)))
    lines.write_bytes(b"\n".join(block.verbatim(row) for row in (1, 2, 3)))
    engine = DuckDBEngine(tmp_path / "engine", threads=1)
    outcomes: list[list[dict[str, object]]] = []
    for found in ([block], list(json_blocks(lines, described))):
        assert not [reject for block in found for reject in block.rejects]
        rows: list[dict[str, object]] = []
        for some in found:
            text = {name for name in described.columns if some.table.schema.field(name).type == pa.string()}
            checks = compile_checks(described, text)
            for row in engine.query(checks.sql, block=some.table).to_pylist():
                broken = row.pop("_broken")
                rows.append({**row, "broken": None if broken is None else str(checks.rules[broken].column)})
        outcomes.append(sorted(rows, key=lambda row: str(row["_row"])))
    engine.close()
    assert repr(outcomes[0]) == repr(outcomes[1])
    assert [row["broken"] for row in outcomes[0]] == [None, "whole", None]


def test_moments_outside_of_the_calendar_are_left_to_the_checks(tmp_path: Path) -> None:
    result = values(tmp_path, pa.array([2**62, 0], pa.timestamp("us")), "timestamp")
    assert all(isinstance(cell, str) for cell in result)


def test_int96_of_old_writers_reaches_far_years(tmp_path: Path) -> None:
    moments = [datetime(1066, 10, 14, 9), datetime(9999, 12, 31)]
    table = pa.table({"value": pa.array(moments, pa.timestamp("us"))})
    result = read(tmp_path, table, terms(value="timestamp"), use_deprecated_int96_timestamps=True)
    assert result.column("value") == moments


def test_milliseconds_since_1970_as_sqoop_writes_them_need_a_format(tmp_path: Path) -> None:
    given = pa.array([1_582_934_400_000])
    with pytest.raises(SourceRefused, match="epoch_ms"):
        values(tmp_path, given, "timestamp")
    column: dict[str, object] = {"type": "date", "format": "epoch_ms", "time_zone": "Europe/Vienna"}
    described = terms(value=column).as_read()
    result = read(tmp_path, pa.table({"value": given}), described)
    assert result.column("value") == ["1582934400000"]


def test_bytes_are_hexadecimal_digits_and_uuids_are_text(tmp_path: Path) -> None:
    assert values(tmp_path, pa.array([b"\x00\xff\x10", b"", None]), "string") == ["00FF10", "", None]
    assert values(tmp_path, pa.array([b"\x01\x02"], pa.binary(2)), "string") == ["0102"]
    uuid = UUID("12345678-1234-5678-1234-567812345678")
    assert values(tmp_path, pa.array([uuid.bytes, None], pa.uuid()), "string") == [str(uuid), None]


def test_text_in_every_kind_of_storage(tmp_path: Path) -> None:
    for kind in (pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())):
        assert values(tmp_path, pa.array(["é", "", None]).cast(kind), "string") == ["é", "", None]


def test_a_column_of_nulls_is_whatever_the_contract_says(tmp_path: Path) -> None:
    for kind in ("integer", "date", "decimal(9,2)", "boolean", "string"):
        assert values(tmp_path, pa.nulls(2), kind) == [None, None]
        assert values(tmp_path, pa.array([None, None], pa.int64()), kind if kind != "date" else "string") == [
            None,
            None,
        ]


NESTED = pa.table(
    {
        "address": pa.array([{"city": "Wien", "zip": {"code": 1010}}, {"city": None, "zip": None}, None]),
        "tags": pa.array([["a", "b"], [], None], pa.list_(pa.string())),
        "points": pa.array([[{"x": 1}], None, [{"x": None}, {"x": 2}]]),
    }
)


@pytest.mark.parametrize("block_bytes", [1, 16 << 20])
def test_nested_values_by_path_and_as_a_whole(tmp_path: Path, block_bytes: int) -> None:
    described = terms(
        city={"type": "string", "from": "address.city"},
        code={"type": "integer", "from": "address.zip.code"},
        second={"type": "string", "from": "tags[1]"},
        x={"type": "integer", "from": "points[0].x"},
        points={"type": "string", "format": "json"},
    )
    result = read(tmp_path, NESTED, described, block_bytes)
    assert result.column("city") == ["Wien", None, None]
    assert result.column("code") == [1010, None, None]
    assert result.column("second") == ["b", None, None]
    assert result.column("x") == [1, None, None]
    assert result.column("points") == ['[{"x":1}]', None, '[{"x":null},{"x":2}]']
    assert result.verbatim[1] == (
        b'{"address":{"city":"Wien","zip":{"code":1010}},"tags":["a","b"],"points":[{"x":1}],"customer_id":"k0"}'
    )


def test_json_text_keeps_digits_moments_and_bytes(tmp_path: Path) -> None:
    inner = {"d": Decimal("1.50"), "t": datetime(2025, 1, 1, 1), "b": b"\xff", "n": 2**63, "f": 0.1, "m": {"k": True}}
    kinds = pa.struct(
        [
            ("d", pa.decimal128(9, 2)),
            ("t", pa.timestamp("ns")),
            ("b", pa.binary()),
            ("n", pa.uint64()),
            ("f", pa.float64()),
            ("m", pa.struct([("k", pa.bool_())])),
        ]
    )
    assert values(tmp_path, pa.array([inner], kinds), {"type": "string", "format": "json"}) == [
        '{"d":1.50,"t":"2025-01-01 01:00:00.000000000","b":"FF","n":9223372036854775808,"f":0.1,"m":{"k":true}}'
    ]


@pytest.mark.parametrize(
    ("given", "column"),
    [
        (pa.array([[1]]), "integer"),
        (pa.array([{"a": 1}]), "string"),
        (pa.array([True]), "integer"),
        (pa.array([date(2025, 1, 1)]), "integer"),
        (pa.array([1]), "date"),
        (pa.array([1.5]), "boolean"),
        (pa.array([b"1"]), "integer"),
        (pa.array([time(1)]), "timestamp"),
        (pa.array([timedelta(1)]), "string"),
    ],
)
def test_a_type_that_can_never_be_the_contracts_refuses_the_file(tmp_path: Path, given: pa.Array, column: str) -> None:
    with pytest.raises(SourceRefused, match="the contract says") as refused:
        values(tmp_path, given, column)
    assert refused.value.cure


def test_the_schema_is_compared_with_the_contract(tmp_path: Path) -> None:
    described = terms(visits="integer", note="string")
    keys = pa.array(["a"])
    with pytest.raises(SourceRefused, match="does not know the column shoe_size"):
        read(tmp_path, pa.table({"customer_id": keys, "shoe_size": pa.array([1])}), described)
    with pytest.raises(SourceRefused, match="required column customer_id is missing"):
        read_through(parquet_blocks, written(tmp_path, pa.table({"visits": pa.array([1])})), described)
    with pytest.raises(SourceRefused, match=r"does not know the column address\.zip"):
        read(tmp_path, NESTED.select(["address"]), terms(city={"type": "string", "from": "address.city"}))
    path = tmp_path / "written.parquet"
    written(tmp_path, pa.table({"visits": pa.array([1]), "customer_id": keys}))
    assert parquet_notes(path, described) == ("it has no note; left empty",)
    assert [block.table.to_pylist() for block in parquet_blocks(path, described)] == [
        [{"customer_id": "a", "visits": 1, "note": None, "_row": 1}]
    ]


def test_rows_are_numbered_through_all_row_groups_and_blocks(tmp_path: Path) -> None:
    table = pa.table({"visits": pa.array(range(1000))})
    for group in (1, 7, 300, 5000):
        result = read(tmp_path, table, terms(visits="integer"), 500, row_group_size=group)
        assert result.records == 1000
        assert [result.cells[row]["visits"] for row in range(1, 1001)] == list(range(1000))
        assert result.verbatim[1000] == b'{"visits":999,"customer_id":"k999"}'


def test_a_file_without_rows_is_allowed(tmp_path: Path) -> None:
    assert read(tmp_path, pa.table({"visits": pa.array([], pa.int64())}), terms(visits="integer")).records == 0


def test_text_that_is_none_is_set_apart_row_by_row(tmp_path: Path) -> None:
    texts = pa.array([b"good", b"\xff\xfe", b"a\0b", b"fine"]).view(pa.string())
    result = read(tmp_path, pa.table({"note": texts}), terms(note="string"))
    assert result.faults == [(2, "encoding"), (3, "encoding")]
    assert [reject.column for reject in result.rejects] == ["note", "note"]
    assert result.column("note") == ["good", "fine"]
    assert b"\\udcff\\udcfe" in result.rejects[0].record


def test_a_file_cut_short_or_damaged_is_refused_and_never_read_in_part(tmp_path: Path) -> None:
    table = pa.table({"customer_id": [f"k{row}" for row in range(2000)], "visits": range(2000)})
    whole = written(tmp_path, table, row_group_size=500, write_page_checksum=True)
    described = terms(visits="integer")
    for size in [0, 3, 4, 8, len(whole) // 2, len(whole) - 200, len(whole) - 8, len(whole) - 1]:
        with pytest.raises(SourceRefused):
            read_through(parquet_blocks, whole[:size], described)
    for content in (b"customer_id,visits\n1,2\n", whole[4:], whole[:100] + whole[120:], whole + b"x"):
        with pytest.raises(SourceRefused):
            read_through(parquet_blocks, content, described)
    damaged = bytearray(whole)
    damaged[300] ^= 0x10
    with pytest.raises(SourceRefused):
        read_through(parquet_blocks, bytes(damaged), described)


@pytest.mark.parametrize("compression", ["none", "snappy", "gzip", "zstd", "brotli", "lz4"])
@pytest.mark.parametrize("version", ["1.0", "2.6"])
def test_compression_and_versions_of_the_format(tmp_path: Path, compression: str, version: str) -> None:
    table = pa.table({"visits": pa.array([1, None, 3])})
    options: dict[str, Any] = {"compression": compression, "version": version, "data_page_version": version[:1] + ".0"}
    assert read(tmp_path, table, terms(visits="integer"), **options).column("visits") == [1, None, 3]
