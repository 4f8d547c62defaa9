"""The metric catalogue: it is complete, stays inside the common SQL, and no join multiplies a number."""

from collections.abc import Generator
from decimal import Decimal
from pathlib import Path

import pytest

from tenure.core.errors import TenureError, UsageError
from tenure.engine.dialect import parse
from tenure.engine.duckdb import DuckDBEngine
from tenure.metrics.answer import Answer, answer, read_question, state_of
from tenure.metrics.catalogue import built_in
from tenure.metrics.columns import usable_dimensions
from tenure.metrics.rows import Question
from tenure.metrics.sql import compile_metric
from tests.unit.star_schema import busy_bank, described_schema

PROMISED = [
    "customers",
    "churned_share",
    "churn_rate",
    "at_risk_share",
    "expected_loss",
    "clv_total",
    "clv_average",
    "clv_median",
    "balance_total",
    "balance_average",
    "products_per_customer",
    "active_share",
    "transactions",
    "transaction_amount",
    "tickets",
    "resolution_time_average",
    "resolution_time_median",
    "resolution_time_p90",
    "offers_made",
    "offers_accepted",
    "offer_acceptance_rate",
    "engagement",
    "freshness",
    "quarantined_share",
]
CATALOGUE = built_in()
SCHEMA = described_schema()


@pytest.fixture
def engine(tmp_path: Path) -> Generator[DuckDBEngine]:
    engine = DuckDBEngine(tmp_path, memory="1GB", threads=1)
    for name, rows in busy_bank().items():
        engine.register(name, rows)
    yield engine
    engine.close()


def ask(engine: DuckDBEngine, name: str, by: str = "", *where: str, month: str | None = None) -> Answer:
    question = read_question(CATALOGUE, name, (by,), where, month)
    return answer(CATALOGUE, SCHEMA, question, engine.query)


def value(engine: DuckDBEngine, name: str, *where: str, month: str | None = None) -> object:
    rows = ask(engine, name, "", *where, month=month).rows
    assert len(rows) == 1
    return rows[0][0]


def split(engine: DuckDBEngine, name: str, by: str, *where: str) -> dict[object, object]:
    return {row[0] if len(row) == 2 else row[:-1]: row[-1] for row in ask(engine, name, by, *where).rows}


def test_the_catalogue_has_every_promised_metric() -> None:
    assert set(PROMISED) - set(CATALOGUE.metrics) == set()


@pytest.mark.parametrize("name", CATALOGUE.metrics)
def test_every_metric_says_what_it_is(name: str) -> None:
    metric = CATALOGUE.metric(name)
    assert metric.description.description.endswith(".")
    assert len(metric.description.description) > 8
    assert metric.title[0].isupper()
    assert usable_dimensions(CATALOGUE, SCHEMA, metric) == CATALOGUE.dimensions(metric) != ()
    if metric.description.unit == "%":
        assert metric.description.aggregator == "ratio"


@pytest.mark.parametrize("name", CATALOGUE.metrics)
def test_every_metric_by_every_dimension_stays_in_the_common_sql(name: str) -> None:
    metric = CATALOGUE.metric(name)
    dimensions = CATALOGUE.dimensions(metric)
    for by in ((), *((dimension,) for dimension in dimensions), dimensions):
        sql = compile_metric(CATALOGUE, SCHEMA, Question(metric, by)).sql
        parse(sql, f"{name} by {by}")


@pytest.mark.parametrize("name", CATALOGUE.metrics)
def test_every_condition_stays_in_the_common_sql(name: str) -> None:
    for dimension in CATALOGUE.dimensions(CATALOGUE.metric(name)):
        example = {"month": "2025-09", "age": "30", "churned": "true"}.get(dimension, "O'Neil")
        operators = ("=", "!=") if dimension == "churned" else ("=", "!=", "<", "<=", ">", ">=")
        by = ("month",) if dimension == "month" else ()
        for operator in operators:
            question = read_question(CATALOGUE, name, by, (f"{dimension}{operator}{example}", f"{dimension}=unknown"))
            parse(compile_metric(CATALOGUE, SCHEMA, question).sql, f"{name} where {dimension} {operator}")


def test_events_of_a_busy_customer_do_not_multiply_each_other(engine: DuckDBEngine) -> None:
    by_geography = {name: split(engine, name, "geography") for name in ("tickets", "offers_made", "transaction_amount")}
    assert by_geography == {
        "tickets": {"Egypt": 10, "unknown": 1},
        "offers_made": {"Egypt": 4},
        "transaction_amount": {"Egypt": Decimal("5.00"), "unknown": Decimal("0.01")},
    }
    assert split(engine, "customers", "geography") == {"Egypt": 1, "unknown": 1}
    assert split(engine, "balance_total", "geography") == {"Egypt": Decimal("100.00"), "unknown": Decimal("50.00")}
    assert split(engine, "product_balance", "geography") == {"Egypt": Decimal("100.00")}


def test_a_customer_with_many_events_is_one_customer(engine: DuckDBEngine) -> None:
    assert value(engine, "events") == 18
    assert value(engine, "customers_with_events") == 2
    assert split(engine, "customers_with_events", "activity_type") == {"offer": 1, "ticket": 2, "transaction": 2}


def test_the_ratio_of_two_tables_divides_what_each_gives_on_its_own(engine: DuckDBEngine) -> None:
    assert value(engine, "tickets_per_customer") == 11 / 2
    assert split(engine, "tickets_per_customer", "geography") == {"Egypt": 10.0, "unknown": 1.0}
    # October has both events and customers, September only customers.
    assert split(engine, "transactions_per_customer", "month") == {"2025-09": 0.0, "2025-10": 1.5}
    # Nobody of an unknown age is a customer except number 2; the events are those of customer 3.
    assert split(engine, "tickets_per_customer", "age") == {20: 10.0, None: 1.0}
    assert split(engine, "tickets_per_customer", "churned") == {False: 10.0, True: 0.0, None: None}


def test_events_of_unknown_customers_are_shown_as_unknown_and_count_in_totals(engine: DuckDBEngine) -> None:
    assert value(engine, "transactions") == 3
    assert split(engine, "transactions", "geography") == {"Egypt": 2, "unknown": 1}
    assert split(engine, "transactions", "age") == {20: 2, None: 1}
    assert value(engine, "transactions", "age=unknown") == 1
    assert value(engine, "transactions", "age!=unknown") == 2
    assert value(engine, "transactions", "geography=unknown") == 1


def test_a_state_without_a_month_is_the_one_of_now(engine: DuckDBEngine) -> None:
    assert value(engine, "customers") == 2
    assert value(engine, "churned_share") == 50.0
    assert value(engine, "churned_share", month="2025-09") == 0.0
    assert split(engine, "churned_share", "month") == {"2025-09": 0.0, "2025-10": 50.0}
    assert ask(engine, "churned_share", "month", "month>=2025-10").rows == (("2025-10", 50.0),)
    assert value(engine, "customers", month="2024-01") == 0
    assert value(engine, "churned_share", month="2024-01") is None


def test_states_of_several_months_are_not_added_up(engine: DuckDBEngine) -> None:
    for where in (("month>=2025-09",), ("month=2025-09", "month=2025-10"), ("month!=2025-09",)):
        with pytest.raises(UsageError, match="several months cannot be taken together"):
            ask(engine, "customers", "", *where)
    assert value(engine, "churn_rate", "month>=2025-09") == 50.0, "a flow can be"


def test_the_churn_rate_is_the_flow_of_the_month(engine: DuckDBEngine) -> None:
    assert value(engine, "churn_rate") == 50.0
    assert split(engine, "churn_rate", "month") == {"2025-09": None, "2025-10": 50.0}


def test_the_ninetieth_percentile_is_the_nearest_rank(engine: DuckDBEngine) -> None:
    """Of 1 … 10 hours and an open ticket: nine of ten are resolved within 9 hours."""
    assert value(engine, "resolution_time_p90") == Decimal("9.00")
    assert value(engine, "resolution_time_median") == 5.5
    assert value(engine, "resolution_time_average") == 5.5
    assert split(engine, "resolution_time_p90", "geography") == {"Egypt": Decimal("9.00"), "unknown": None}


def test_a_share_of_two_filters_counts_only_rows_that_either_means(engine: DuckDBEngine) -> None:
    assert value(engine, "offer_acceptance_rate") == 25.0
    assert split(engine, "offer_acceptance_rate", "offer_type") == {"Cashback": 0.0, "Loan": 50.0}


def test_freshness_is_that_of_the_stalest_source(engine: DuckDBEngine) -> None:
    assert split(engine, "freshness", "source") == {"a": 31, "b": 1}
    assert value(engine, "freshness") == 31
    assert value(engine, "quarantined_share") == 20.0
    assert split(engine, "quarantined_share", "source") == {"a": 25.0, "b": 0.0}


def test_what_needs_a_predictor_says_so_until_there_are_scores(engine: DuckDBEngine) -> None:
    waiting = ("at_risk_share", "expected_loss", "customers_at_risk", "customers_scored")
    for name in waiting:
        assert state_of(CATALOGUE, SCHEMA, CATALOGUE.metric(name), engine.query) == "needs a predictor"
        with pytest.raises(TenureError, match=f"{name} needs a predictor"):
            ask(engine, name)
    scored = busy_bank()["fact_customer_metrics"].to_pylist()
    for row in scored:
        row["churn_probability"] = 0.6 if row["customer_id"] == 1 else 0.9
    engine.register(
        "fact_customer_metrics",
        busy_bank()["fact_customer_metrics"].from_pylist(scored, busy_bank()["fact_customer_metrics"].schema),
    )
    assert state_of(CATALOGUE, SCHEMA, CATALOGUE.metric("at_risk_share"), engine.query) == "ready"
    assert value(engine, "customers_scored") == 1, "who has left is at no risk any more"
    assert value(engine, "at_risk_share") == 100.0
    assert value(engine, "expected_loss") == Decimal("4.35")


def test_all_that_needs_no_predictor_has_an_answer(engine: DuckDBEngine) -> None:
    for metric in CATALOGUE.metrics.values():
        if not CATALOGUE.needs(metric):
            assert state_of(CATALOGUE, SCHEMA, metric, engine.query) == "ready"
            assert value(engine, metric.name) is not None, metric.name


def test_a_release_without_a_column_says_which(engine: DuckDBEngine) -> None:
    older = {name: {k: v for k, v in columns.items() if k != "product_type"} for name, columns in SCHEMA.items()}
    with pytest.raises(UsageError, match="no dimension product_type in this release"):
        compile_metric(CATALOGUE, older, read_question(CATALOGUE, "transactions", ("product_type",)))
    del older["fact_customer_activity"]
    assert state_of(CATALOGUE, older, CATALOGUE.metric("tickets"), engine.query) == "not in this release"
    with pytest.raises(TenureError, match="needs fact_customer_activity, which this release does not have"):
        compile_metric(CATALOGUE, older, read_question(CATALOGUE, "tickets"))


def test_an_empty_bank_has_answers(engine: DuckDBEngine) -> None:
    for name, rows in busy_bank().items():
        engine.register(name, rows.slice(0, 0) if name != "today" else rows)
    assert value(engine, "customers") == 0
    assert value(engine, "churned_share") is None
    assert value(engine, "tickets_per_customer") is None
    assert value(engine, "resolution_time_p90") is None
    assert value(engine, "freshness") is None
    assert ask(engine, "tickets", "geography").rows == ()
