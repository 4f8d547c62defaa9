"""Whatever is asked of a metric: the SQL stays in the common subset, groups are distinct, and sums add up."""

from collections.abc import Generator
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.core.errors import UsageError
from tenure.engine.dialect import parse
from tenure.engine.duckdb import DuckDBEngine
from tenure.metrics.answer import answer
from tenure.metrics.catalogue import built_in
from tenure.metrics.conditions import Condition
from tenure.metrics.model import MONTH
from tenure.metrics.rows import Question
from tests.unit.star_schema import busy_bank, described_schema

CATALOGUE = built_in()
SCHEMA = described_schema()
METRICS = [metric for metric in CATALOGUE.metrics.values() if not CATALOGUE.needs(metric)]
VALUES = {MONTH: ("2025-09", "2025-10", "2024-01"), "age": ("20", "-3", "unknown"), "churned": ("true", "unknown")}
TEXTS = ("Egypt", "unknown", "ticket", "Savings", "Login", "O'Neil", "", "ÿ", "%")


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Generator[DuckDBEngine]:
    engine = DuckDBEngine(tmp_path_factory.mktemp("spill"), memory="1GB", threads=1)
    for name, rows in busy_bank().items():
        engine.register(name, rows)
    yield engine
    engine.close()


@st.composite
def questions(draw: st.DrawFn) -> Question:
    """A metric by some of its dimensions, under some conditions."""
    metric = draw(st.sampled_from(METRICS))
    names = CATALOGUE.dimensions(metric)
    by = draw(st.lists(st.sampled_from(names), unique=True, max_size=3))
    where: list[Condition] = []
    for name in draw(st.lists(st.sampled_from(names), max_size=3)):
        value = draw(st.sampled_from(VALUES.get(name, TEXTS)))
        equal_only = name == "churned" or (value == "unknown" and name in VALUES)
        operator = draw(st.sampled_from(("=", "!=") if equal_only else ("=", "!=", "<", "<=", ">", ">=")))
        where.append(Condition(name, operator, value))
    return Question(metric, tuple(by), tuple(where))


@given(questions())
def test_any_question_has_one_row_a_group_and_its_sums_add_up(engine: DuckDBEngine, question: Question) -> None:
    if mixes_months(question):
        with pytest.raises(UsageError, match="several months cannot be taken together"):
            answer(CATALOGUE, SCHEMA, question, engine.query)
        return
    found = answer(CATALOGUE, SCHEMA, question, engine.query)
    parse(found.sql, "a question")
    groups = [row[:-1] for row in found.rows]
    assert len(set(groups)) == len(groups)
    assert len(groups) == 1 or question.by
    if CATALOGUE.adds_up(question.metric) == "no" or MONTH in question.by:
        return
    whole = answer(CATALOGUE, SCHEMA, Question(question.metric, (), question.where), engine.query).rows[0][0]
    values = [row[-1] for row in found.rows if row[-1] is not None]
    assert sum(Decimal(str(value)) for value in values) == Decimal(str(whole or 0))


def mixes_months(question: Question) -> bool:
    """Whether a state is asked for over more than one month."""
    one = [condition.operator for condition in question.months] == ["="]
    asked = bool(question.months) and not one and MONTH not in question.by
    return asked and CATALOGUE.is_state(question.metric)
