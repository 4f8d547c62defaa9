"""Types that are proposed for texts hold every one of them: what was seen would not be quarantined."""

from collections.abc import Iterator

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.contracts.checks import compile_checks
from tenure.contracts.model import Contract
from tenure.engine.duckdb import DuckDBEngine
from tenure.sources.propose_types import ColumnProfile, Guess

DIGITS = st.integers(-(10**25), 10**25).map(str)
DECIMALS = st.decimals(-(10**15), 10**15, places=3).map(lambda value: f"{value:f}")
DATES = st.dates().map(str)
GERMAN_DATES = st.dates().map(lambda day: f"{day:%d.%m.}{day.year:04}")
TIMES = st.datetimes().map(lambda moment: moment.isoformat(sep=" "))
GERMAN = st.decimals(-(10**9), 10**9, places=2).map(
    lambda value: f"{value:,f}".replace(",", "_").replace(".", ",").replace("_", ".")
)
FLOATS = st.floats(allow_nan=False, allow_infinity=False).map(repr)
WORDS = st.sampled_from(["J", "N", "yes", "true", "0", "1", "NULL", "", " ", "n/a", "007", "1.5", "a", "2020-01-01"])
COLUMNS = st.one_of(
    *(
        st.lists(kind, min_size=1, max_size=12)
        for kind in (DIGITS, DECIMALS, DATES, GERMAN_DATES, TIMES, GERMAN, FLOATS)
    ),
    st.lists(WORDS, min_size=1, max_size=6),
    st.lists(st.one_of(DIGITS, DECIMALS, WORDS, st.text(max_size=5)), min_size=1, max_size=6),
)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDBEngine]:
    engine = DuckDBEngine(tmp_path_factory.mktemp("scratch"), threads=1)
    yield engine
    engine.close()


def guess(name: str, texts: list[str]) -> Guess:
    column = ColumnProfile(name)
    column.add(pa.array(texts, pa.string()))
    column.end_delivery()
    return column.guess()


@given(texts=COLUMNS, name=st.sampled_from(["value", "birth_date"]))
def test_no_value_that_was_seen_breaks_the_types_that_are_proposed(
    engine: DuckDBEngine, texts: list[str], name: str
) -> None:
    found = guess(name, texts)

    for type_ in found.types:
        column = {"type": type_, **found.words.get(type_, {})}
        contract = Contract.model_validate(
            {"source": "s", "entity": "none", "kind": "csv", "path": "x", "keyless": True, "columns": {"v": column}}
        )
        values = [None if text in found.nulls else text for text in texts]
        block = pa.table({"v": pa.array(values, pa.string()), "_row": range(len(values))})
        checked = engine.query(compile_checks(contract, {"v"}).sql, block=block)
        assert checked["_broken"].null_count == len(values), (type_, column)


@pytest.mark.parametrize(
    ("texts", "first"),
    [
        (["1", "-2"], "integer"),
        (["9223372036854775807"], "integer"),
        (["9223372036854775808"], "decimal(19,0)"),
        (["1.5"], "decimal(18,2)"),
        (["1.12345"], "decimal(18,5)"),
        (["1e5"], "number"),
        (["0.1234567890123456789012345"], "number"),
        (["007"], "string"),
        (["2020-02-30x"], "string"),
        (["true", "FALSE"], "boolean"),
        (["2020-01-01"], "date"),
        (["2020-01-01 10:00:00.123456"], "timestamp"),
        (["1.234"], "decimal(18,3)"),
        (["1.234,5", "1.234"], "decimal(18,2)"),
        (["a", "NULL"], "string"),
        (["NULL"], "string"),
        ([""], "string"),
    ],
)
def test_the_first_type_is_the_narrowest_that_is_sure(texts: list[str], first: str) -> None:
    assert guess("v", texts).types[0] == first


def test_a_key_is_unique_over_batches_of_one_delivery_and_not_over_deliveries() -> None:
    column = ColumnProfile("id")
    for delivery in (["1", "2"], ["1", "3"]):
        column.add(pa.array(delivery, pa.string()))
        column.end_delivery()
    assert column.unique

    column = ColumnProfile("id")
    for batch in (["1", "2"], ["3", "1"]):
        column.add(pa.array(batch, pa.string()))
    column.end_delivery()
    assert not column.unique
