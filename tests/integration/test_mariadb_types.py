"""Every type of the server at its extremes: exact, or set apart with its text; never changed in silence."""

import json
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tenure.cli.demo import make_project
from tenure.contracts.model import Contract
from tenure.core.errors import SourceRefused
from tenure.core.settings import open_project
from tenure.pipeline import raw_zone, run_ingest
from tenure.sources.mariadb import table_blocks
from tenure.sources.records import Block
from tests.integration.mariadb_server import MariaDBServer

pytestmark = pytest.mark.needs("mariadb")


class Case(NamedTuple):
    """A column: its type, the values written into it as SQL, and the text that each of them must become."""

    type: str
    written: tuple[str, ...]
    text: tuple[str, ...]


SIXTY_FIVE = "12345678901234567890123456789012345.123456789012345678901234567890"
LONGEST = "9" * 65

CASES = {
    "tiny": Case("TINYINT", ("-128", "127", "0"), ("-128", "127", "0")),
    "tiny_unsigned": Case("TINYINT UNSIGNED", ("255",), ("255",)),
    "tiny_one": Case("TINYINT(1)", ("1", "0", "2", "-128"), ("1", "0", "2", "-128")),
    "small": Case("SMALLINT", ("-32768", "32767"), ("-32768", "32767")),
    "small_unsigned": Case("SMALLINT UNSIGNED", ("65535",), ("65535",)),
    "medium": Case("MEDIUMINT", ("-8388608", "8388607"), ("-8388608", "8388607")),
    "medium_unsigned": Case("MEDIUMINT UNSIGNED", ("16777215",), ("16777215",)),
    "whole": Case("INT", ("-2147483648", "2147483647"), ("-2147483648", "2147483647")),
    "whole_unsigned": Case("INT UNSIGNED", ("4294967295",), ("4294967295",)),
    "padded": Case("INT(8) ZEROFILL", ("42",), ("00000042",)),
    "big": Case(
        "BIGINT", ("-9223372036854775808", "9223372036854775807"), ("-9223372036854775808", "9223372036854775807")
    ),
    "big_unsigned": Case("BIGINT UNSIGNED", ("18446744073709551615", "0"), ("18446744073709551615", "0")),
    "bit_one": Case("BIT(1)", ("b'1'", "b'0'"), ("1", "0")),
    "bit_many": Case("BIT(64)", ("18446744073709551615", "b'101'"), ("18446744073709551615", "5")),
    "money": Case("DECIMAL(18,2)", ("-0.01", "9999999999999999.99", "1.1"), ("-0.01", "9999999999999999.99", "1.10")),
    "fine": Case("DECIMAL(38,20)", ("0.00000000000000000001",), ("0.00000000000000000001",)),
    "finest": Case(
        "DECIMAL(65,30)", (f"-{SIXTY_FIVE}", SIXTY_FIVE, "0"), (f"-{SIXTY_FIVE}", SIXTY_FIVE, "0." + "0" * 30)
    ),
    "longest": Case("DECIMAL(65,0)", (LONGEST, f"-{LONGEST}"), (LONGEST, f"-{LONGEST}")),
    "single": Case(
        "FLOAT", ("0.1", "16777217", "-3.4028235e38"), ("0.10000000149011612", "16777216", "-3.4028234663852886e38")
    ),
    "double_": Case(
        "DOUBLE",
        ("0.1e0 + 0.2e0", "-1.7976931348623157e308", "5e-324", "9007199254740993"),
        ("0.30000000000000004", "-1.7976931348623157e308", "5e-324", "9.007199254740992e15"),
    ),
    "year_": Case("YEAR", ("1901", "2155", "0"), ("1901", "2155", "0000")),
    "day": Case(
        "DATE",
        ("'1000-01-01'", "'9999-12-31'", "'0000-00-00'", "'2025-00-00'", "'2024-02-29'"),
        ("1000-01-01", "9999-12-31", "0000-00-00", "2025-00-00", "2024-02-29"),
    ),
    "moment": Case(
        "DATETIME", ("'0000-00-00 00:00:00'", "'2025-01-31 23:59:59'"), ("0000-00-00 00:00:00", "2025-01-31 23:59:59")
    ),
    "fine_moment": Case(
        "DATETIME(6)",
        ("'9999-12-31 23:59:59.999999'", "'1000-01-01 00:00:00.000001'"),
        ("9999-12-31 23:59:59.999999", "1000-01-01 00:00:00.000001"),
    ),
    "stamp": Case(
        "TIMESTAMP(6) NULL",
        ("'1970-01-01 00:00:01'", "'2038-01-19 03:14:07.999999'", "0"),
        ("1970-01-01 00:00:01.000000", "2038-01-19 03:14:07.999999", "0000-00-00 00:00:00.000000"),
    ),
    "clock": Case("TIME(6)", ("'-838:59:59.5'", "'838:59:59'"), ("-838:59:59.500000", "838:59:59.000000")),
    "fixed": Case("CHAR(6)", ("'ab '", "''", "'😀'"), ("ab", "", "😀")),
    "various": Case("VARCHAR(20)", ("'ab '", "'a\\0b'", "'Zoë\\n\\\"q\\\"'"), ("ab ", "a\0b", 'Zoë\n"q"')),
    "latin": Case("VARCHAR(20) CHARACTER SET latin1 COLLATE latin1_bin", ("'é€'",), ("é€",)),
    "two_bytes": Case("CHAR(4) CHARACTER SET ucs2", ("'é'",), ("é",)),
    "exact_case": Case("TEXT COLLATE utf8mb4_bin", ("'Ü'",), ("Ü",)),
    "long_text": Case("LONGTEXT", ("REPEAT('😀', 20000)",), ("😀" * 20000,)),
    "choice": Case("ENUM('gold', 'ü ber')", ("'ü ber'", "'no such'"), ("ü ber", "")),
    "choices": Case("SET('a', 'b', 'ç')", ("'a,ç'", "''"), ("a,ç", "")),
    "document": Case("JSON", ('\'{"a": 1.10, "b": [9007199254740993]}\'',), ('{"a": 1.10, "b": [9007199254740993]}',)),
    "some_bytes": Case("VARBINARY(8)", ("x'00ff'", "x''"), ("00FF", "")),
    "fixed_bytes": Case("BINARY(3)", ("x'61'",), ("610000",)),
    "blob_": Case("LONGBLOB", ("x'c3a9ff'",), ("C3A9FF",)),
    "place": Case("POINT", ("ST_GeomFromText('POINT(1 2)')",), ("0101000000000000000000F03F0000000000000040",)),
    "shape": Case(
        "GEOMETRY",
        ("ST_GeomFromText('LINESTRING(0 0,1 2)')",),
        ("010200000002000000" + "00" * 16 + "000000000000F03F0000000000000040",),
    ),
    "clock_whole": Case("TIME", ("'-00:00:01'", "'25:00:00'"), ("-00:00:01", "25:00:00")),
    "some_words": Case("MEDIUMTEXT CHARACTER SET utf8mb3", ("'ğ'", "''"), ("ğ", "")),
    "net4": Case("INET4", ("'192.0.2.255'",), ("192.0.2.255",)),
    "id_": Case("UUID", ("'123E4567-e89b-12d3-a456-426655440000'",), ("123e4567-e89b-12d3-a456-426655440000",)),
    "net": Case("INET6", ("'::1'",), ("::1",)),
}
DEPTH = max(len(case.written) for case in CASES.values())


@pytest.fixture(scope="module")
def extremes(mariadb: MariaDBServer) -> str:
    """A table with every case; where a case has no more values, and in a last row, there is NULL."""
    columns = ", ".join(f"{name} {case.type}" for name, case in CASES.items())
    with mariadb.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SET sql_mode = '', time_zone = '+00:00'")
        cursor.execute(
            f"CREATE TABLE extremes (customer_id INT PRIMARY KEY, {columns},"
            " made DECIMAL(21,4) GENERATED ALWAYS AS (money * 2) STORED,"
            " reckoned DECIMAL(21,4) GENERATED ALWAYS AS (money + 1) VIRTUAL, hidden INT INVISIBLE DEFAULT 7,"
            " parting VARCHAR(9) INVISIBLE DEFAULT 'a\x1fb')"
        )
        for row in range(DEPTH + 1):
            cells = ", ".join(case.written[row] if row < len(case.written) else "NULL" for case in CASES.values())
            cursor.execute(f"INSERT INTO extremes (customer_id, {', '.join(CASES)}) VALUES ({row}, {cells})")
    return "extremes"


def read(contract: Contract, environment: dict[str, str]) -> pa.Table:
    """The one block of a small table."""
    (block,) = table_blocks(contract, environment=environment)
    return block.table


FORMS = {"a row is one text": {}, "cell by cell": {"parting": "string"}}
"""How rows come over: with a column that holds the separator of cells, each cell comes by itself."""


@pytest.fixture(scope="module", params=FORMS)
def as_strings(
    request: pytest.FixtureRequest, extremes: str, contract_for: Callable[..., Contract], environment: dict[str, str]
) -> Block:
    """Every column read as a string, in one go."""
    contract = contract_for(extremes, **dict.fromkeys(CASES, "string"), **FORMS[request.param])
    (block,) = table_blocks(contract, environment=environment)
    return block


@pytest.mark.parametrize("name", CASES)
def test_read_as_a_string_it_is_the_text_that_the_server_holds(name: str, as_strings: Block) -> None:
    text = CASES[name].text
    assert as_strings.table[name].type == pa.string()
    assert as_strings.table[name].to_pylist() == [*text, *[None] * (DEPTH + 1 - len(text))]


def test_verbatim_a_null_is_a_null_and_every_other_cell_its_text(as_strings: Block) -> None:
    first = json.loads(as_strings.verbatim(1))
    last = json.loads(as_strings.verbatim(DEPTH + 1))
    assert first.pop("parting", "a\x1fb") == last.pop("parting", "a\x1fb") == "a\x1fb"

    assert first == {"customer_id": "0", **{name: case.text[0] for name, case in CASES.items()}}
    assert last == {"customer_id": str(DEPTH), **dict.fromkeys(CASES)}


def test_generated_and_invisible_columns_are_read_by_name(
    extremes: str, contract_for: Callable[..., Contract], environment: dict[str, str]
) -> None:
    columns = {"made": "decimal(21,4)", "reckoned": "decimal(21,4)", "hidden": "integer"}
    table = read(contract_for(extremes, **columns), environment)

    assert table["reckoned"][1].as_py() == Decimal("10000000000000000.9900")
    assert table["made"][1].as_py() == Decimal("19999999999999999.9800")
    assert table["hidden"].to_pylist() == [7] * (DEPTH + 1)


HELD: list[tuple[str, str, list[Any]]] = [
    ("tiny", "integer", [-128, 127, 0]),
    ("tiny_unsigned", "integer", [255]),
    ("tiny_one", "integer", [1, 0, 2, -128]),
    ("small", "integer", [-32768, 32767]),
    ("small_unsigned", "integer", [65535]),
    ("medium", "integer", [-8388608, 8388607]),
    ("medium_unsigned", "integer", [16777215]),
    ("whole", "integer", [-2147483648, 2147483647]),
    ("whole_unsigned", "integer", [4294967295]),
    ("padded", "integer", [42]),
    ("big", "integer", [-9223372036854775808, 9223372036854775807]),
    ("year_", "integer", [1901, 2155, 0]),
    ("bit_one", "integer", [1, 0]),
    ("bit_one", "boolean", [True, False]),
    ("money", "decimal(18,2)", [Decimal("-0.01"), Decimal("9999999999999999.99"), Decimal("1.10")]),
    ("money", "decimal(38,2)", [Decimal("-0.01"), Decimal("9999999999999999.99"), Decimal("1.10")]),
    ("fine", "decimal(38,20)", [Decimal("0.00000000000000000001")]),
    ("big", "decimal(19,0)", [Decimal(-9223372036854775808), Decimal(9223372036854775807)]),
    ("big_unsigned", "decimal(20,0)", [Decimal(18446744073709551615), Decimal(0)]),
    ("single", "number", [0.10000000149011612, 16777216.0, -3.4028234663852886e38]),
    ("double_", "number", [0.1 + 0.2, -1.7976931348623157e308, 5e-324, 9007199254740992.0]),
    ("fine_moment", "timestamp", [datetime(9999, 12, 31, 23, 59, 59, 999999), datetime(1000, 1, 1, 0, 0, 0, 1)]),
]
"""Columns whose values all fit a type of the contract."""

NOT_HELD: list[tuple[str, str]] = [
    ("big_unsigned", "integer"),
    ("bit_many", "integer"),
    ("tiny_one", "boolean"),
    ("finest", "decimal(38,2)"),
    ("longest", "decimal(38,0)"),
    ("longest", "integer"),
    ("fine", "decimal(38,2)"),
    ("money", "decimal(9,2)"),
    ("money", "integer"),
    ("day", "date"),
    ("moment", "timestamp"),
    ("moment", "date"),
    ("stamp", "timestamp"),
    ("clock", "timestamp"),
    ("clock_whole", "timestamp"),
    ("single", "decimal(9,2)"),
    ("document", "integer"),
]
"""Columns of which at least one value fits not."""


@pytest.fixture(scope="module", params=FORMS)
def as_typed(
    request: pytest.FixtureRequest, extremes: str, contract_for: Callable[..., Contract], environment: dict[str, str]
) -> dict[tuple[str, str], pa.ChunkedArray]:
    """Each pair of a column and a type, read in as few goes as there are types of one column."""
    wanted = [(name, type_) for name, type_, _ in HELD] + NOT_HELD
    found: dict[tuple[str, str], pa.ChunkedArray] = {}
    while left := [pair for pair in wanted if pair not in found]:
        chosen = dict(reversed(left))
        table = read(contract_for(extremes, **chosen, **FORMS[request.param]), environment)
        found |= {pair: table[pair[0]] for pair in chosen.items()}
    return found


@pytest.mark.parametrize(("name", "type_", "values"), HELD)
def test_values_that_the_contract_can_hold_arrive_in_its_type(
    name: str, type_: str, values: list[Any], as_typed: dict[tuple[str, str], pa.ChunkedArray]
) -> None:
    column = as_typed[name, type_]

    assert not pa.types.is_string(column.type)
    assert column.to_pylist() == [*values, *[None] * (DEPTH + 1 - len(values))]


@pytest.mark.parametrize(("name", "type_"), NOT_HELD)
def test_a_column_with_a_value_that_the_contract_cannot_hold_stays_text_for_the_checks(
    name: str, type_: str, as_typed: dict[tuple[str, str], pa.ChunkedArray]
) -> None:
    column = as_typed[name, type_]

    assert column.type == pa.string()
    assert column.to_pylist()[: len(CASES[name].text)] == list(CASES[name].text)


@pytest.mark.parametrize("name", ["some_bytes", "fixed_bytes", "blob_", "place"])
def test_bytes_are_refused_where_the_contract_wants_anything_but_text(
    name: str, extremes: str, contract_for: Callable[..., Contract], environment: dict[str, str]
) -> None:
    with pytest.raises(SourceRefused, match=rf"{name}: is .*holds bytes, but the contract says integer") as refused:
        read(contract_for(extremes, **{name: "integer"}), environment)

    assert "type: string in sources/crm.yml" in str(refused.value)


def test_dates_and_times_are_typed_when_every_one_of_them_is_real(
    mariadb: MariaDBServer, contract_for: Callable[..., Contract], environment: dict[str, str]
) -> None:
    mariadb.execute(
        "CREATE TABLE moments (customer_id INT PRIMARY KEY, d DATE, t TIMESTAMP(3) NULL)",
        "SET time_zone = '+00:00'",
    )
    with mariadb.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SET time_zone = '+02:00'")
        cursor.execute("INSERT INTO moments VALUES (1, '2024-02-29', '2025-06-30 14:00:00.125'), (2, NULL, NULL)")

    table = read(contract_for("moments", d="date", t="timestamp"), environment)

    assert table["d"].to_pylist() == [date(2024, 2, 29), None]
    assert table["t"].to_pylist() == [datetime(2025, 6, 30, 12, 0, 0, 125000), None]  # in UTC


def test_loaded_each_row_of_extremes_is_exact_or_set_apart_with_its_reason(
    extremes: str, mariadb: MariaDBServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TENURE_EXTREMES_PASSWORD", mariadb.password)
    make_project(tmp_path / "bank", "bank")
    project = open_project(tmp_path / "bank")
    for path in project.sources.glob("*.yml"):
        path.unlink()
    types = {
        **dict.fromkeys(("whole", "big", "big_unsigned", "year_", "bit_many"), "integer"),
        "money": "decimal(18,2)",
        "finest": "decimal(38,2)",
        "tiny_one": "boolean",
        "double_": "number",
        "day": "date",
        "moment": "timestamp",
        "fine_moment": "timestamp",
        "stamp": "timestamp",
        **dict.fromkeys(("various", "long_text", "choice", "document", "blob_", "shape", "clock"), "string"),
    }
    head = f"source: extremes\nentity: none\nkind: mariadb\nurl: {mariadb.url}\ntable: {extremes}\n"
    columns = "".join(f"  {name}: {{type: '{type_}'}}\n" for name, type_ in {"customer_id": "integer", **types}.items())
    text = f"{head}key: [customer_id]\nmax_bad_share: 1\ncolumns:\n{columns}"
    (project.sources / "extremes.yml").write_text(text, encoding="utf-8")

    (outcome,) = run_ingest(project, date(2025, 10, 1)).outcomes

    assert outcome.status == "loaded", outcome.reason
    assert (outcome.records_in, outcome.loaded + outcome.quarantined) == (DEPTH + 1, DEPTH + 1)
    zone = raw_zone(project)
    (load,) = zone.state.loads()
    apart = pq.read_table(zone.path(load) / "quarantine.parquet").to_pylist()
    # The first promise that a row breaks is told: of each, the value that its column's type cannot hold.
    assert {record["row"] - 1: (record["column"], record["rule"]) for record in apart} == {
        0: ("big_unsigned", "type"),
        1: ("finest", "type"),
        2: ("tiny_one", "type"),
        3: ("tiny_one", "type"),
    }
    for record in apart:
        cells = json.loads(record["record"])
        assert all(
            cells[name] == (CASES[name].text[record["row"] - 1] if record["row"] <= len(CASES[name].text) else None)
            for name in types
        )
    loaded = pq.read_table(zone.path(load) / "data.parquet").to_pylist()
    assert loaded[0]["day"] == date(2024, 2, 29)
    assert all(value is None for name, value in loaded[-1].items() if name in types)
