"""Conditions on a metric: what may be written, and that a value can never be more than a value."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tenure.core.errors import UsageError
from tenure.engine.dialect import parse
from tenure.engine.duckdb import DuckDBEngine
from tenure.metrics.answer import answer, read_question
from tenure.metrics.catalogue import built_in
from tenure.metrics.conditions import Condition, literal, read_conditions
from tenure.metrics.sql import compile_metric
from tenure.warehouse.report_filters import read_filters
from tests.unit.star_schema import busy_bank, described_schema

CATALOGUE = built_in()
SCHEMA = described_schema()


def conditions(*texts: str) -> list[tuple[str, str, str]]:
    return [(found.name, found.operator, found.value) for found in read_conditions(texts)]


def test_conditions_stand_apart_in_options_or_after_commas() -> None:
    both = [("geography", "=", "UAE"), ("age", ">=", "30")]
    assert conditions("geography=UAE", "age>=30") == both
    assert conditions("geography = UAE , age>= 30") == both


def test_commas_separate_values_and_conditions() -> None:
    assert conditions("geography=Egypt,UAE") == [("geography", "=", "Egypt"), ("geography", "=", "UAE")]
    assert conditions("geography != Egypt , UAE") == [("geography", "!=", "Egypt"), ("geography", "!=", "UAE")]
    assert conditions("Geography=Saudi Arabia,UAE,age<30") == [
        ("geography", "=", "Saudi Arabia"),
        ("geography", "=", "UAE"),
        ("age", "<", "30"),
    ]


def test_a_value_in_quotes_is_taken_as_it_stands() -> None:
    assert conditions('geography="Cairo, Egypt",UAE') == [("geography", "=", "Cairo, Egypt"), ("geography", "=", "UAE")]
    assert conditions('geography="a, b=c",age!=3') == [("geography", "=", "a, b=c"), ("age", "!=", "3")]
    assert conditions('geography=UAE,"age<3"') == [("geography", "=", "UAE"), ("geography", "=", "age<3")]
    assert conditions('geography="says ""no"""') == [("geography", "=", 'says "no"')]
    assert conditions('geography=""') == [("geography", "=", "")]


@given(st.lists(st.text(), min_size=1, max_size=3, unique=True))
@example(["a\n"])
def test_reports_read_every_value_as_metrics_do(values: list[str]) -> None:
    text = "geography=" + ",".join('"' + value.replace('"', '""') + '"' for value in values)
    assert conditions(text, "gender=Male") == [
        *(("geography", "=", value) for value in values),
        ("gender", "=", "Male"),
    ]
    assert [(found.column, found.values) for found in read_filters([text, "gender=Male"])] == [
        ("geography", tuple(values)),
        ("gender", ("Male",)),
    ]


@given(st.text('aB =,"<>!\n1', max_size=12))
def test_what_one_of_them_refuses_the_other_refuses_too(text: str) -> None:
    """But for comparisons, which only metrics take."""
    try:
        found = read_conditions([text])
    except ValueError:
        with pytest.raises(UsageError, match="geography=Egypt"):
            read_filters([text])
        return
    if any(condition.operator != "=" for condition in found):
        with pytest.raises(UsageError, match="with = alone"):
            read_filters([text])
        return
    kept = [(entry.column, value) for entry in read_filters([text]) for value in entry.values]
    assert set(kept) == {(condition.name, condition.value) for condition in found}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "geography",
        "=UAE",
        "geography=",
        "Geo graphy=x",
        "geography==",
        "age>=,age<3",
        "geography=UAE,",
        "geography=,UAE",
        'geography="open',
        "age>=30,40",
    ],
)
def test_what_is_no_condition_is_refused(text: str) -> None:
    if text == "geography==":
        assert conditions(text) == [("geography", "=", "=")], "an equals sign may be a value"
        return
    with pytest.raises(UsageError, match="--where"):
        read_question(CATALOGUE, "customers", where=(text,))


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("thirty", "INTEGER"),
        ("30.5", "BIGINT"),
        ("9223372036854775808", "BIGINT"),
        ("1e999999999", "BIGINT"),
        ("1e999999999", "DECIMAL(18,2)"),
        ("1e400", "DOUBLE"),
        ("nan", "DOUBLE"),
        ("inf", "DECIMAL(18,2)"),
        ("1_000", "BIGINT"),
        ("٣", "BIGINT"),
        ("1 OR 1=1", "BIGINT"),
        ("123456789012345678901", "DECIMAL(18,2)"),
        ("yes", "BOOLEAN"),
        ("TRUE OR TRUE", "BOOLEAN"),
        ("2025-02-30", "DATE"),
        ("2025-01-01'", "DATE"),
        ("2025-01-01T00:00:00+02:00", "TIMESTAMP"),
        ("a\\b", "STRING"),
        ("a\nb", "STRING"),
        ("a\x00b", "STRING"),
    ],
)
def test_a_value_that_is_not_of_the_columns_type_is_refused(value: str, kind: str) -> None:
    with pytest.raises(ValueError, match=r"is not|has|is too"):
        literal(value, kind)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> DuckDBEngine:
    engine = DuckDBEngine(tmp_path_factory.mktemp("spill"), memory="1GB", threads=1)
    for name, rows in busy_bank().items():
        engine.register(name, rows)
    return engine


_TEXTS = st.text(st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="\\"), max_size=20)
_PIECES = st.lists(
    st.sampled_from(["'", "''", '"', "--", "/*", "*/", ";", " OR 1=1", "x", "$$", "Egypt", "\u2019", "%"])
)


@given(_TEXTS | _PIECES.map("".join))
def test_a_text_comes_out_of_the_engine_as_it_went_in(engine: DuckDBEngine, text: str) -> None:
    sql = f"SELECT {literal(text, 'STRING')} AS value"
    parse(sql, "a literal")
    assert engine.query(sql).to_pylist() == [{"value": text}]


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**12), max_value=10**12))
def test_a_number_comes_out_of_the_engine_as_it_went_in(engine: DuckDBEngine, number: object) -> None:
    found = engine.query(f"SELECT {literal(str(number), 'DECIMAL(18,4)')} AS value").to_pylist()
    assert found == [{"value": number}]


INJECTIONS = [
    "x' OR '1'='1",
    "x'; DROP TABLE dim_customer; --",
    "' UNION ALL SELECT 1 --",
    "x') OR (1=1",
    "x'/*",
    "x’ OR 1=1",
    'x" OR "1"="1',
]


@pytest.mark.parametrize("value", INJECTIONS)
@pytest.mark.parametrize("operator", ["=", "!=", "<", "<=", ">", ">="])
def test_a_hostile_value_finds_only_what_is_called_so(engine: DuckDBEngine, value: str, operator: str) -> None:
    question = read_question(CATALOGUE, "customers", where=())
    asked = type(question)(question.metric, (), (Condition("geography", operator, value),))
    statement = compile_metric(CATALOGUE, SCHEMA, asked)
    parse(statement.sql, "hostile")
    found = answer(CATALOGUE, SCHEMA, asked, engine.query).rows[0][0]
    names = ("Egypt", "unknown")
    expected = {
        "=": 0,
        "!=": 2,
        "<": sum(name < value for name in names),
        "<=": sum(name <= value for name in names),
        ">": sum(name > value for name in names),
        ">=": sum(name >= value for name in names),
    }
    assert found == expected[operator]


@pytest.mark.parametrize("name", ["month", "geography", "age", "churned"])
def test_a_hostile_name_or_value_is_told_what_is_allowed(name: str) -> None:
    for text in ("1=1", f"{name})=1", f"f.{name}=x", "customer.first_name=x", "first_name=Ann"):
        with pytest.raises(UsageError) as raised:
            compile_metric(CATALOGUE, SCHEMA, read_question(CATALOGUE, "customers", where=(text,)))
        assert "geography" in str(raised.value)
    for by in ("geography; DROP TABLE x", "customer.geography", "1", "last_name"):
        with pytest.raises(UsageError, match="its dimensions are month, geography"):
            compile_metric(CATALOGUE, SCHEMA, read_question(CATALOGUE, "customers", (by,)))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("age=old", "age = old: the value is not a whole number"),
        ("churned=maybe", "is not true or false"),
        ("churned>true", "can only be compared with = and !="),
        ("month=2025-13", "is not a month such as 2025-09"),
        ("month=2025-09-02", "is not a month such as 2025-09"),
        ("month=2025-09' OR 1=1", "is not a month such as 2025-09"),
        ("month>unknown", "is not a month such as 2025-09"),
        ("geography=a\\", "has a backslash"),
    ],
)
def test_a_value_of_the_wrong_type_is_named(text: str, reason: str) -> None:
    question = read_question(CATALOGUE, "customers", ("month",), (text,))
    with pytest.raises(UsageError, match=reason.replace("(", r"\(")):
        compile_metric(CATALOGUE, SCHEMA, question)


def test_several_equals_of_one_dimension_mean_any_of_them_and_all_else_holds_together(engine: DuckDBEngine) -> None:
    def value(*where: str) -> object:
        question = read_question(CATALOGUE, "events", where=where)
        return answer(CATALOGUE, SCHEMA, question, engine.query).rows[0][0]

    assert value("activity_type=offer") == 4
    assert value("activity_type=offer,activity_type=ticket") == value("activity_type=offer,ticket") == 15
    assert value("activity_type=offer", "activity_type=ticket", "geography=Egypt") == 14
    assert value("activity_type!=offer", "activity_type!=ticket") == value("activity_type!=offer,ticket") == 3
    assert value("age>=20", "age<=20") == 16
    assert value("age>20") == 0
    assert value("month=2025-10-01") == 18
    assert value("month<=2025-09") == 0
    assert value("month<=2025-10") == value("month>=2025-10") == value("month=2025-10") == 18
    assert value("month<2025-10") == value("month>2025-10") == 0
    assert value("month<2025-11") == value("month>2025-09") == 18
    assert value("month=unknown") == 0
    assert value("month!=unknown") == 18
    assert value("month!=2025-09") == 18
    assert value("churned=false") == 16
    assert value("churned!=false") == 2, "events of unknown customers differ from any value"


def test_a_dimension_is_named_once() -> None:
    with pytest.raises(UsageError, match="geography is named twice"):
        compile_metric(CATALOGUE, SCHEMA, read_question(CATALOGUE, "customers", ("geography,month", "geography")))


def test_an_unknown_metric_is_told_which_there_are() -> None:
    with pytest.raises(UsageError, match="there is no metric customer") as raised:
        read_question(CATALOGUE, "customer")
    assert "churned_share" in str(raised.value)
