"""Columns that a source writes in its own way, and columns that it does not have: exact, or set apart."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tenure.contracts.checks import compile_checks
from tenure.contracts.computed import expect_computable
from tenure.contracts.model import Contract
from tenure.core.errors import SettingsError
from tenure.engine.duckdb import DuckDBEngine

Verdict = tuple[object, str | None]
Words = dict[str, object]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDBEngine]:
    engine = DuckDBEngine(tmp_path_factory.mktemp("scratch"), threads=1)
    yield engine
    engine.close()


def contract_of(**columns: Words) -> Contract:
    """A contract of tickets with these columns beside its own."""
    own: dict[str, Words] = {"ticket_id": {"type": "integer"}, "customer_id": {"type": "integer", "required": True}}
    return Contract.model_validate(
        {
            "source": "tickets",
            "entity": "tickets",
            "kind": "csv",
            "path": "landing/x.csv",
            "key": ["ticket_id"],
            "columns": {**own, **columns},
        }
    )


def judged(engine: DuckDBEngine, contract: Contract, **values: list[str | None]) -> list[dict[str, object]]:
    """The checked records, with the name of the rule that each breaks as `rule`."""
    count = len(next(iter(values.values())))
    ids = pa.array([str(number) for number in range(count)], pa.string())
    texts = {name: pa.array(column, pa.string()) for name, column in values.items()}
    block = pa.table({"ticket_id": ids, "customer_id": ids, **texts, "_row": pa.array(range(count), pa.int64())})
    checks = compile_checks(contract, {"ticket_id", "customer_id", *values})
    rows = engine.query(checks.sql, block=block).sort_by("_row").to_pylist()
    return [{**row, "rule": None if row["_broken"] is None else checks.rules[row["_broken"]].rule} for row in rows]


def judge(engine: DuckDBEngine, column: Words, texts: list[str | None]) -> list[Verdict]:
    """For each text of one column: (its exact value, None) or (None, the rule it breaks)."""
    rows = judged(engine, contract_of(extra=column), extra=texts)
    return [(None if row["rule"] else row["extra"], row["rule"]) for row in rows]  # type: ignore[misc]


def one(engine: DuckDBEngine, column: Words, text: str) -> Verdict:
    return judge(engine, column, [text])[0]


def test_a_value_map_gives_each_word_its_plain_form_and_sets_others_apart(engine: DuckDBEngine) -> None:
    gender: Words = {"type": "string", "values": {"M": "Male", "F": "Female", "?": None}}
    assert judge(engine, gender, ["M", " F ", "?", "", None, "m", "Male"]) == [
        ("Male", None),
        ("Female", None),
        (None, None),
        (None, None),
        (None, None),
        (None, "values"),
        (None, "values"),
    ]


def test_else_takes_every_word_that_the_map_lacks_but_no_missing_one(engine: DuckDBEngine) -> None:
    column: Words = {"type": "string", "values": {"M": "Male"}, "else": "other"}
    assert judge(engine, column, ["M", "X", "", None]) == [("Male", None), ("other", None), (None, None), (None, None)]


def test_a_map_may_say_what_a_missing_value_is(engine: DuckDBEngine) -> None:
    column: Words = {"type": "boolean", "values": {"J": "true", "N": "false", "": "false"}}
    assert judge(engine, column, ["J", "N", "", " ", None]) == [(True, None), *[(False, None)] * 4]


def test_mapped_values_are_exact_in_the_columns_type_and_keep_its_promises(engine: DuckDBEngine) -> None:
    column: Words = {"type": "decimal(5,2)", "required": True, "range": [0, 10], "values": {"low": "1.50", "no": None}}
    assert judge(engine, column, ["low", "no"]) == [(Decimal("1.50"), None), (None, "required")]


def test_quotes_in_a_map_are_text(engine: DuckDBEngine) -> None:
    assert one(engine, {"type": "string", "values": {"it's": "o'clock"}}, "it's") == ("o'clock", None)


@pytest.mark.parametrize(
    ("form", "text", "expected"),
    [
        ("dd.mm.yyyy", "30.09.2025", date(2025, 9, 30)),
        ("dd.mm.yyyy", " 30.09.2025 ", date(2025, 9, 30)),
        ("d.m.yyyy", "3.9.2025", date(2025, 9, 3)),
        ("d.m.yyyy", "03.12.2025", date(2025, 12, 3)),
        ("mm/dd/yyyy", "09/30/2025", date(2025, 9, 30)),
        ("yyyymmdd", "20250930", date(2025, 9, 30)),
        ("dd-mon-yyyy", "30-SEP-2025", date(2025, 9, 30)),
        ("dd.mm.yyyy hh:mi:ss", "30.09.2025 00:00:00", date(2025, 9, 30)),
    ],
)
def test_a_date_is_read_as_its_format_says(engine: DuckDBEngine, form: str, text: str, expected: date) -> None:
    assert one(engine, {"type": "date", "format": form}, text) == (expected, None)


@pytest.mark.parametrize(
    ("form", "text", "rule"),
    [
        ("dd.mm.yyyy", "2025-09-30", "format"),
        ("dd.mm.yyyy", "30.9.2025", "format"),
        ("dd.mm.yyyy", "31.09.2025", "type"),
        ("dd.mm.yyyy", "09.30.2025", "type"),
        ("dd.mm.yyyy", "30.09.0000", "type"),
        ("dd.mm.yyyy", "30x09x2025", "format"),
        ("dd-mon-yyyy", "30-OKT-2025", "type"),
        ("dd.mm.yyyy hh:mi:ss", "30.09.2025 12:00:00", "format"),
        ("epoch_s", "1.5", "format"),
        ("epoch_s", "3600", "type"),
        ("epoch_ms", "999999999999999", "format"),
    ],
)
def test_a_date_that_is_written_otherwise_is_set_apart(engine: DuckDBEngine, form: str, text: str, rule: str) -> None:
    assert one(engine, {"type": "date", "format": form}, text) == (None, rule)


@pytest.mark.parametrize(
    ("form", "text", "expected"),
    [
        ("dd.mm.yyyy hh:mi:ss", "30.09.2025 14:05:09", datetime(2025, 9, 30, 14, 5, 9)),
        ("dd.mm.yyyy hh:mi", "30.09.2025 14:05", datetime(2025, 9, 30, 14, 5)),
        ("dd.mm.yyyy", "30.09.2025", datetime(2025, 9, 30)),
        ("yyyymmddhhmiss", "20250930140509", datetime(2025, 9, 30, 14, 5, 9)),
        ("yyyy-mm-ddThh:mi:ss.fffZ", "2025-09-30T14:05:09.12Z", datetime(2025, 9, 30, 14, 5, 9, 120000)),
        ("m/d/yyyy h:mi:ss am", "9/3/2025 2:05:09 PM", datetime(2025, 9, 3, 14, 5, 9)),
        ("m/d/yyyy h:mi am", "9/3/2025 12:05 AM", datetime(2025, 9, 3, 0, 5)),
        ("m/d/yyyy h:mi am", "9/3/2025 12:05 pm", datetime(2025, 9, 3, 12, 5)),
        ("epoch_s", "-1", datetime(1969, 12, 31, 23, 59, 59)),
        ("epoch_ms", "1577833200123", datetime(2019, 12, 31, 23, 0, 0, 123000)),
        ("epoch_us", "1577833200123456", datetime(2019, 12, 31, 23, 0, 0, 123456)),
    ],
)
def test_a_timestamp_is_read_as_its_format_says(engine: DuckDBEngine, form: str, text: str, expected: datetime) -> None:
    assert one(engine, {"type": "timestamp", "format": form}, text) == (expected, None)


@pytest.mark.parametrize("text", ["9/3/2025 13:05 PM", "9/3/2025 0:05 AM", "9/3/2025 2:61 PM"])
def test_a_time_that_no_clock_shows_is_set_apart(engine: DuckDBEngine, text: str) -> None:
    assert one(engine, {"type": "timestamp", "format": "m/d/yyyy h:mi am"}, text) == (None, "type")


def test_years_of_two_digits_are_those_from_the_first_year_on(engine: DuckDBEngine) -> None:
    birth: Words = {"type": "date", "format": "yymmdd", "first_year": 1930}
    assert judge(engine, birth, ["300101", "991231", "000229", "291231", "010229"]) == [
        (date(1930, 1, 1), None),
        (date(1999, 12, 31), None),
        (date(2000, 2, 29), None),
        (date(2029, 12, 31), None),
        (None, "type"),
    ]


def test_instants_of_a_writer_in_another_zone_show_its_wall_clock(engine: DuckDBEngine) -> None:
    prague = {"format": "epoch_ms", "time_zone": "Europe/Prague"}
    assert one(engine, {"type": "date", **prague}, "1577833200000") == (date(2020, 1, 1), None)
    assert one(engine, {"type": "date", "format": "epoch_ms"}, "1577833200000") == (None, "type")
    assert one(engine, {"type": "timestamp", **prague}, "1593554400000") == (datetime(2020, 7, 1), None)


@pytest.mark.parametrize(
    ("form", "text", "expected"),
    [
        ("1.234,56", "1.234.567,89", (Decimal("1234567.89"), None)),
        ("1.234,56", "-1234,5", (Decimal("-1234.50"), None)),
        ("1.234,56", "0,1", (Decimal("0.10"), None)),
        ("1.234,56", "1.23", (None, "format")),
        ("1.234,56", "1.23,4", (None, "format")),
        ("1.234,56", "1,234.56", (None, "format")),
        ("1.234,56", "1,005", (None, "type")),
        ("1.234,56", "12.345.678.901.234.567,89", (None, "type")),
        ("1 234,56", "12 345,6", (Decimal("12345.60"), None)),
        ("1\u00a0234,56", "12\u00a0345,6", (Decimal("12345.60"), None)),
        ("1'234.56", "1'234.5", (Decimal("1234.50"), None)),
        ("1234,56", "1234,56", (Decimal("1234.56"), None)),
        ("1234,56", "1234.56", (None, "format")),
        ("1,234", "1,234", (Decimal("1234.00"), None)),
        ("1.234", "1.234", (Decimal("1234.00"), None)),
    ],
)
def test_a_number_is_read_with_its_marks_or_set_apart(
    engine: DuckDBEngine, form: str, text: str, expected: Verdict
) -> None:
    assert one(engine, {"type": "decimal(18,2)", "format": form}, text) == expected


def test_a_whole_number_may_have_marks_too(engine: DuckDBEngine) -> None:
    column: Words = {"type": "integer", "format": "1.234"}
    assert judge(engine, column, ["9.007.199.254.740.993", "1.5", "7"]) == [
        (9007199254740993, None),
        (None, "format"),
        (7, None),
    ]


@given(moment=st.datetimes(datetime(1, 1, 1), datetime(5000, 1, 1)), form=st.sampled_from(("s", "ms", "us")))
def test_every_instant_comes_back_exactly(engine: DuckDBEngine, moment: datetime, form: str) -> None:
    unit = {"s": timedelta(seconds=1), "ms": timedelta(milliseconds=1), "us": timedelta(microseconds=1)}[form]
    count = (moment - datetime(1970, 1, 1)) // unit
    found = one(engine, {"type": "timestamp", "format": f"epoch_{form}"}, str(count))
    assert found == (datetime(1970, 1, 1) + count * unit, None)


@given(moment=st.datetimes(datetime(1900, 1, 1), datetime(2099, 1, 1)), zone=st.sampled_from(("Asia/Kolkata", "UTC")))
def test_every_wall_clock_comes_back_in_its_zone(engine: DuckDBEngine, moment: datetime, zone: str) -> None:
    shown = moment.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    count = (moment - datetime(1970, 1, 1)) // timedelta(microseconds=1)
    if moment.year >= 1946:  # before, the zones' own histories are told differently
        column: Words = {"type": "timestamp", "format": "epoch_us", "time_zone": zone}
        assert one(engine, column, str(count)) == (shown, None)


@given(
    day=st.dates(date(1, 1, 1)),
    form=st.sampled_from(
        (
            ("dd.mm.yyyy", "%d.%m.{}"),
            ("mm/dd/yyyy", "%m/%d/{}"),
            ("yyyy_dd_mm", "{}_%d_%m"),
            ("d. m. yyyy", "%d. %m. {}"),
        )
    ),
)
def test_every_day_comes_back_exactly(engine: DuckDBEngine, day: date, form: tuple[str, str]) -> None:
    text = day.strftime(form[1]).format(f"{day.year:04}")
    assert one(engine, {"type": "date", "format": form[0]}, text) == (day, None)


@given(amount=st.decimals(Decimal(-(10**15)), Decimal(10**15), places=2))
def test_every_amount_comes_back_exactly(engine: DuckDBEngine, amount: Decimal) -> None:
    text = f"{amount:,}".translate(str.maketrans(",.", ".,"))
    assert one(engine, {"type": "decimal(18,2)", "format": "1.234,56"}, text) == (amount, None)


def test_a_constant_is_the_same_for_all(engine: DuckDBEngine) -> None:
    contract = contract_of(
        currency={"type": "string", "constant": "CZK"}, since={"type": "date", "constant": "1998-12-31"}
    )
    rows = judged(engine, contract, customer_id=["1", "x"])
    assert [(row["currency"], row["since"], row["rule"]) for row in rows] == [
        ("CZK", date(1998, 12, 31), None),
        ("CZK", date(1998, 12, 31), "type"),
    ]


def test_a_column_may_be_computed_from_exact_values(engine: DuckDBEngine) -> None:
    contract = contract_of(
        fee={"type": "decimal(18,2)", "sql": "amount * rate"},
        amount={"type": "decimal(18,2)", "format": "1234,56"},
        rate={"type": "decimal(3,2)"},
    )
    rows = judged(engine, contract, amount=["10,00", "0,01", None, "x"], rate=["0.50", "0.50", "0.50", "0.50"])
    assert [(row["fee"], row["rule"]) for row in rows] == [
        (Decimal("5.00"), None),
        (rows[1]["fee"], "sql"),
        (None, None),
        (None, "format"),
    ], "half a cent is no amount in cents, and is not rounded to one"


def test_what_cannot_be_computed_sets_its_record_apart_and_no_other(engine: DuckDBEngine) -> None:
    contract = contract_of(
        more={"type": "integer", "sql": "big + 1"},
        day={"type": "date", "sql": "CAST('20' || text AS DATE)"},
        big={"type": "integer"},
        text={"type": "string"},
    )
    rows = judged(
        engine,
        contract,
        big=["9223372036854775807", "1", None, "1"],
        text=["25-01-01", "25-01-02", None, "25-02-30"],
    )
    assert [(row["more"], row["day"], row["rule"]) for row in rows] == [
        (None, date(2025, 1, 1), "sql"),
        (2, date(2025, 1, 2), None),
        (None, None, None),
        (2, None, "sql"),
    ]


def test_promises_hold_for_computed_columns_too(engine: DuckDBEngine) -> None:
    contract = contract_of(
        gender={"type": "string", "required": True, "allowed": ["F"], "sql": "CASE WHEN code > '50' THEN 'F' END"},
        code={"type": "string"},
    )
    rows = judged(engine, contract, code=["51", "49"])
    assert [(row["gender"], row["rule"]) for row in rows] == [("F", None), (None, "required")]


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ({"type": "integer", "sql": "amount"}, None),
        ({"type": "decimal(18,2)", "sql": "CAST(amount AS DOUBLE) / 3"}, "gives DOUBLE, and the column is decimal"),
        ({"type": "string", "sql": "amount"}, "gives DECIMAL(18,2), and the column is string"),
        ({"type": "date", "sql": "note"}, "gives STRING, and the column is date"),
        ({"type": "string", "sql": "SUBSTR(amount, 1, 1)"}, "DuckDB refused the SQL"),
    ],
)
def test_the_engine_tells_what_a_computed_column_gives(
    engine: DuckDBEngine, column: Words, message: str | None
) -> None:
    contract = contract_of(amount={"type": "decimal(18,2)"}, note={"type": "string"}, made=column)
    if message is None:
        expect_computable(contract, engine)
        return
    with pytest.raises(SettingsError, match="columns.made.sql") as caught:
        expect_computable(contract, engine)
    assert message in caught.value.what


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ({"type": "date", "format": "yymmdd"}, "write first_year"),
        ({"type": "date", "format": "DD.MM.YYYY"}, "did you mean 'dd.mm.yyyy'"),
        ({"type": "date", "format": "mm.yyyy"}, "needs a year, a month and a day"),
        ({"type": "timestamp", "format": "dd.mm.yyyy hh:mm"}, "minutes are mi"),
        ({"type": "timestamp", "format": "dd.mm.yyyy mi"}, "has mi but no hh"),
        ({"type": "date", "format": "dmyyyy"}, "something must stand between"),
        ({"type": "date", "format": "dd.mm.yyyy", "first_year": 1950}, "year of two digits"),
        ({"type": "date", "format": "dd.mm.yyyy", "time_zone": "UTC"}, "time_zone is for"),
        ({"type": "date", "format": "epoch_ms", "time_zone": "Vienna"}, "time_zone 'Vienna' is not known"),
        ({"type": "date", "time_zone": "UTC"}, "belong to a format"),
        ({"type": "boolean", "format": "J/N"}, "for a boolean write values"),
        ({"type": "integer", "format": "1.234,56"}, "has decimals"),
        ({"type": "decimal(18,2)", "format": "#,##0.00"}, "write the number 1234.56 as the source does"),
        ({"type": "string", "else": "x"}, "write values as well"),
        ({"type": "integer", "values": {"a": "1.5"}}, "'1.5' is not exactly integer"),
        ({"type": "date", "values": {"a": "2025-02-30"}}, "is not exactly date"),
        ({"type": "date", "format": "dd.mm.yyyy", "values": {"a": "2025-02-03"}}, "leave format out"),
        ({"type": "decimal(5,2)", "constant": "1000.00"}, "is not exactly decimal(5,2)"),
        ({"type": "integer", "constant": "9223372036854775808"}, "is not exactly integer"),
        ({"type": "string", "constant": "x", "from": "y"}, "leave from out"),
        ({"type": "string", "constant": "x", "sql": "y"}, "leave sql out"),
        ({"type": "string", "sql": "missing"}, "missing is not one of the columns"),
        ({"type": "string", "sql": "MAX(ticket_id)"}, "looks at one record at a time"),
        ({"type": "string", "sql": "read_text('x')"}, "is not in the common SQL"),
    ],
)
def test_a_column_that_makes_no_sense_is_refused(column: Words, message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        contract_of(extra=column)
    assert message in str(caught.value)


def test_readers_see_only_what_the_source_has() -> None:
    contract = contract_of(
        kind={"type": "string", "constant": "x"},
        made={"type": "integer", "sql": "ticket_id + 1"},
        opened={"type": "date", "format": "dd.mm.yyyy", "from": "OPENED", "required": True},
    )
    read = contract.as_read()
    assert list(read.columns) == ["ticket_id", "customer_id", "opened"]
    assert contract.source_columns() == {"ticket_id": "ticket_id", "customer_id": "customer_id", "opened": "OPENED"}
    assert (read.columns["opened"].type, read.columns["opened"].required) == ("string", True)
    plain = contract_of(note={"type": "string"})
    assert plain.as_read() is plain
