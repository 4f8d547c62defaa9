"""Text becomes an exact value or breaks a rule; it is never rounded, cut or guessed."""

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.contracts.checks import compile_checks
from tenure.contracts.columns import ColumnContract
from tenure.contracts.model import Contract
from tenure.engine.duckdb import DuckDBEngine

Verdict = tuple[object, str | None]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDBEngine]:
    engine = DuckDBEngine(tmp_path_factory.mktemp("scratch"), threads=1)
    yield engine
    engine.close()


def _contract(column: ColumnContract, name: str = "extra") -> Contract:
    return Contract(
        source="tickets",
        entity="tickets",
        kind="csv",
        path="landing/x.csv",
        key=("ticket_id",),
        columns={
            "ticket_id": ColumnContract(type="integer"),
            "customer_id": ColumnContract(type="integer", required=True),
            name: column,
        },
    )


def judge(engine: DuckDBEngine, column: ColumnContract, values: list[str | None]) -> list[Verdict]:
    """For each text: (its exact value, None) or (None, the rule it breaks)."""
    contract = _contract(column)
    ids = [str(number) for number in range(len(values))]
    block = pa.table(
        {
            "ticket_id": pa.array(ids, pa.string()),
            "customer_id": pa.array(ids, pa.string()),
            "extra": pa.array(values, pa.string()),
            "_row": pa.array(range(len(values)), pa.int64()),
        }
    )
    checks = compile_checks(contract, {"ticket_id", "customer_id", "extra"})
    rows = engine.query(checks.sql, block=block).sort_by("_row").to_pylist()
    return [
        (row["extra"], None) if row["_broken"] is None else (None, checks.rules[row["_broken"]].rule) for row in rows
    ]


@pytest.mark.parametrize(
    ("text", "verdict"), [("1e400", (None, "type")), ("-1e309", (None, "type")), ("1e308", (1e308, None))]
)
def test_a_number_is_finite(engine: DuckDBEngine, text: str, verdict: Verdict) -> None:
    assert judge(engine, ColumnContract(type="number"), [text]) == [verdict]


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("integer", "42", 42),
        ("integer", " 42 ", 42),
        ("integer", "+42", 42),
        ("integer", "007", 7),
        ("integer", "-0", 0),
        ("integer", "9223372036854775807", 9223372036854775807),
        ("integer", "-9223372036854775808", -9223372036854775808),
        ("decimal(18,2)", "5200", Decimal("5200.00")),
        ("decimal(18,2)", "5200.5", Decimal("5200.50")),
        ("decimal(18,2)", "-0.01", Decimal("-0.01")),
        ("decimal(18,2)", ".5", Decimal("0.50")),
        ("decimal(18,2)", "1.500", Decimal("1.50")),
        ("decimal(18,2)", "1234567890123456.78", Decimal("1234567890123456.78")),
        ("decimal(38,0)", "99999999999999999999999999999999999999", Decimal("99999999999999999999999999999999999999")),
        ("decimal(2,2)", "0.99", Decimal("0.99")),
        ("boolean", "1", True),
        ("boolean", "FALSE", False),
        ("date", "2024-02-29", date(2024, 2, 29)),
        ("timestamp", "2025-01-02 03:04:05", datetime(2025, 1, 2, 3, 4, 5)),
        ("timestamp", "2025-01-02T03:04:05.123456Z", datetime(2025, 1, 2, 3, 4, 5, 123456)),
        ("timestamp", "2025-01-02", datetime(2025, 1, 2)),
        ("timestamp", "2025-01-02 03:04", datetime(2025, 1, 2, 3, 4)),
        ("number", "1e3", 1000.0),
        ("string", " as is ", " as is "),
        ("string", "", ""),
    ],
)
def test_text_that_says_a_value_becomes_exactly_that_value(
    engine: DuckDBEngine, kind: str, text: str, value: object
) -> None:
    assert judge(engine, ColumnContract(type=kind), [text]) == [(value, None)]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("integer", "1.5"),
        ("integer", "1.0"),
        ("integer", "1e3"),
        ("integer", "12abc"),
        ("integer", "0x1F"),
        ("integer", "1_000"),
        ("integer", "1,000"),
        ("integer", "9223372036854775808"),
        ("integer", "٤٢"),
        ("decimal(18,2)", "1.005"),
        ("decimal(18,2)", "1e3"),
        ("decimal(18,2)", "12345678901234567.00"),
        ("decimal(18,2)", "NaN"),
        ("decimal(18,2)", "1.2.3"),
        ("decimal(18,2)", "."),
        ("decimal(18,2)", "-"),
        ("boolean", "maybe"),
        ("boolean", "2"),
        ("date", "2025-02-30"),
        ("date", "30/02/2025"),
        ("date", "2025-1-5"),
        ("date", "2025-01-02 03:04:05"),
        ("date", "infinity"),
        ("date", "0000-05-01"),
        ("date", " 0000-05-01"),
        ("timestamp", "0000-05-01 00:00:00"),
        ("date", "epoch"),
        ("timestamp", "2025-13-01 00:00:00"),
        ("timestamp", "2025-01-02 25:00:00"),
        ("timestamp", "2025-01-02 03:04:05.1234567"),
        ("timestamp", "infinity"),
        ("number", "inf"),
        ("number", "abc"),
    ],
)
def test_text_that_says_no_such_value_breaks_the_type(engine: DuckDBEngine, kind: str, text: str) -> None:
    assert judge(engine, ColumnContract(type=kind), [text]) == [(None, "type")]


def test_empty_cells_are_missing_not_wrong(engine: DuckDBEngine) -> None:
    for kind in ("integer", "decimal(10,2)", "date", "boolean", "timestamp"):
        assert judge(engine, ColumnContract(type=kind), [None, "", "  "]) == [(None, None)] * 3


def test_a_required_cell_may_not_be_empty(engine: DuckDBEngine) -> None:
    assert judge(engine, ColumnContract(type="integer", required=True), [None, "", "5"]) == [
        (None, "required"),
        (None, "required"),
        (5, None),
    ]
    assert judge(engine, ColumnContract(type="string", required=True), [" ", "x"]) == [(None, "required"), ("x", None)]


def test_range_pattern_and_allowed_values_are_checked(engine: DuckDBEngine) -> None:
    aged = ColumnContract(type="integer", range=(Decimal(0), Decimal(120)))
    assert judge(engine, aged, ["-1", "0", "120", "121", None]) == [
        (None, "range"),
        (0, None),
        (120, None),
        (None, "range"),
        (None, None),
    ]
    coded = ColumnContract(type="string", pattern="[A-Z]{2}")
    assert judge(engine, coded, ["EG", "EGY", None]) == [("EG", None), (None, "pattern"), (None, None)]
    chosen = ColumnContract(type="string", allowed=("Low", "It's high"))
    assert judge(engine, chosen, ["Low", "It's high", "low"]) == [("Low", None), ("It's high", None), (None, "allowed")]


def test_a_whole_number_must_fit_the_entitys_column(engine: DuckDBEngine) -> None:
    contract = Contract(
        source="customers",
        entity="customers",
        kind="csv",
        path="x",
        key=("customer_id",),
        columns={"customer_id": ColumnContract(type="integer"), "age": ColumnContract(type="integer")},
    )
    block = pa.table({"customer_id": ["1", "2"], "age": ["2147483647", "2147483648"], "_row": [1, 2]})
    checks = compile_checks(contract, {"customer_id", "age"})
    rows = engine.query(checks.sql, block=block).sort_by("_row").to_pylist()
    assert [row["_broken"] is None for row in rows] == [True, False]
    assert checks.rules[rows[1]["_broken"]].reason == "does not fit INTEGER"


@given(value=st.decimals(min_value=-(10**15), max_value=10**15, allow_nan=False, allow_infinity=False, places=2))
def test_any_money_survives_to_the_cent(engine: DuckDBEngine, value: Decimal) -> None:
    assert judge(engine, ColumnContract(type="decimal(18,2)"), [str(value)]) == [(value, None)]


@given(text=st.text(alphabet="0123456789.+-eE ,x", max_size=12))
def test_a_decimal_is_taken_only_when_python_reads_the_same_value(engine: DuckDBEngine, text: str) -> None:
    value, rule = judge(engine, ColumnContract(type="decimal(10,2)"), [text])[0]
    if rule is None and value is not None:
        assert isinstance(value, Decimal)
        assert value == Decimal(text.strip())


TRANSACTION = {
    "transaction_id": ColumnContract(type="integer"),
    "customer_id": ColumnContract(type="integer"),
    "transaction_at": ColumnContract(type="timestamp"),
    "amount": ColumnContract(type="decimal(18,2)"),
    "kind": ColumnContract(type="string"),
}


@pytest.mark.parametrize("as_text", [True, False])
@pytest.mark.parametrize("keyless", [False, True])
def test_what_the_entity_needs_is_in_each_record_though_the_contract_does_not_say_so(
    engine: DuckDBEngine, as_text: bool, keyless: bool
) -> None:
    contract = Contract(
        source="transactions",
        entity="transactions",
        kind="csv",
        path="landing/x.csv",
        key=() if keyless else ("transaction_id",),
        keyless=keyless,
        columns=TRANSACTION,
    )
    full = {"transaction_id": "1", "customer_id": "7", "transaction_at": "2025-01-02", "amount": "1.50", "kind": "x"}
    rows = [full, *({**full, name: None} for name in full)]
    types = {"transaction_id": pa.int64(), "customer_id": pa.int64(), "kind": pa.string()}
    types |= {"transaction_at": pa.timestamp("us"), "amount": pa.decimal128(18, 2)}
    block = pa.table({name: pa.array([row[name] for row in rows], pa.string()) for name in full})
    if not as_text:
        block = block.cast(pa.schema([(name, types[name]) for name in full]))
    block = block.append_column("_row", pa.array(range(len(rows)), pa.int64()))

    checks = compile_checks(contract, set(full) if as_text else set())
    broken: list[int | None] = engine.query(checks.sql, block=block).sort_by("_row")["_broken"].to_pylist()

    found = [None if at is None else (checks.rules[at].column, checks.rules[at].rule) for at in broken]
    needed = [(name, "required") for name in ("transaction_id", "customer_id", "transaction_at", "amount")]
    # A source without keys gets them: there it may be empty.
    assert found == [None, None if keyless else needed[0], *needed[1:], None]
