"""Metrics of a project: what a definition may say, and errors that name file and line."""

import re
from pathlib import Path

import pytest

from tenure.core.errors import SettingsError, TenureError
from tenure.engine.dialect import parse
from tenure.engine.duckdb import DuckDBEngine
from tenure.metrics.answer import answer, read_question
from tenure.metrics.catalogue import built_in, read_catalogue
from tenure.metrics.columns import Schema
from tenure.metrics.sql import compile_metric
from tests.unit.star_schema import busy_bank, described_schema

SCHEMA: Schema = described_schema()
ABOUT = "    description: Something.\n    unit: events\n    decimals: 0\n"
COUNT = "    table: x\n    aggregator: count\n"
RATIO = "    aggregator: ratio\n"


def written(folder: Path, text: str, name: str = "own.yml") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_a_project_without_metrics_has_tenures_own(tmp_path: Path) -> None:
    assert read_catalogue(tmp_path / "metrics") == built_in()


def test_a_projects_metric_stands_beside_tenures_own(tmp_path: Path) -> None:
    text = f"""\
metrics:
  large_transactions:
    table: fact_customer_activity
    aggregator: count
    filter: [activity_type = transaction, amount >= 2.50]
    dimensions: {{opened: customer.date_opened}}
{ABOUT}
  large_share:
    aggregator: ratio
    numerator: large_transactions
    denominator: transactions
    description: Large ones.
    unit: "%"
    decimals: 1
"""
    catalogue = read_catalogue(written(tmp_path / "metrics", text))
    assert catalogue.dimensions(catalogue.metric("large_transactions"))[-1] == "opened"
    assert "opened" not in catalogue.dimensions(catalogue.metric("large_share")), "transactions have no such dimension"
    engine = DuckDBEngine(tmp_path, memory="1GB", threads=1)
    for name, rows in busy_bank().items():
        engine.register(name, rows)
    question = read_question(catalogue, "large_share", ("geography",))
    parse(compile_metric(catalogue, SCHEMA, question).sql, "a project's metric")
    assert answer(catalogue, SCHEMA, question, engine.query).rows == (("Egypt", 100.0), ("unknown", 0.0))
    engine.close()


def test_a_metric_may_use_any_table_and_describe_it(tmp_path: Path) -> None:
    text = f"""\
tables:
  branch_visits:
    time: visited_on
    joins: {{customer: visitor}}
    dimensions: {{branch: branch, geography: customer.geography}}
metrics:
  visits:
    table: branch_visits
    aggregator: count
{ABOUT}
  longest_visit:
    table: branch_visits
    aggregator: quantile
    quantile: 0.5
    column: minutes
{ABOUT}
"""
    schema = {
        **SCHEMA,
        "branch_visits": {"visitor": "BIGINT", "visited_on": "DATE", "branch": "STRING", "minutes": "DOUBLE"},
    }
    catalogue = read_catalogue(written(tmp_path / "metrics", text))
    for name in ("visits", "longest_visit"):
        assert catalogue.dimensions(catalogue.metric(name)) == ("month", "branch", "geography")
        sql = compile_metric(catalogue, schema, read_question(catalogue, name, ("month", "branch", "geography"))).sql
        assert 'customer.customer_id = f."visitor"' in sql
        parse(sql, name)


def test_a_table_that_nobody_described_leads_to_its_customers(tmp_path: Path) -> None:
    definition = "    table: visit\n    aggregator: count\n    dimensions: {country: customer.geography}\n"
    text = f"metrics:\n  visits:\n{definition}{ABOUT}"
    catalogue = read_catalogue(written(tmp_path / "metrics", text))
    sql = compile_metric(
        catalogue, {**SCHEMA, "visit": {"customer_id": "BIGINT"}}, read_question(catalogue, "visits", ("country",))
    ).sql
    assert "LEFT JOIN dim_customer" in sql


def test_the_examples_of_the_how_to_page_can_be_used_as_they_stand(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "metrics.md").read_text(encoding="utf-8")
    examples = re.findall(r"^```yaml\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    assert len(examples) == 2
    for number, example in enumerate(examples):
        written(tmp_path / "metrics", example, f"{number}.yml")
    catalogue = read_catalogue(tmp_path / "metrics")
    visits = {"visitor_id": "BIGINT", "visited_on": "DATE", "branch_name": "STRING"}
    for name in set(catalogue.metrics) - set(built_in().metrics):
        dimensions = catalogue.dimensions(catalogue.metric(name))
        question = read_question(catalogue, name, dimensions)
        parse(compile_metric(catalogue, {**SCHEMA, "branch_visits": visits}, question).sql, name)


WRONG = {
    "not a mapping": ("- a\n", 1, "is a mapping with metrics:"),
    "no YAML": ("metrics:\n  a: [\n", 3, "not valid YAML"),
    "an unknown word": (f"metrics:\n  a:\n{COUNT}    tabel: y\n{ABOUT}", 5, "tabel"),
    "an unknown aggregator": (f"metrics:\n  a:\n    table: x\n    aggregator: mean\n{ABOUT}", 4, "aggregator"),
    "no table": (
        f"metrics:\n  b:\n{COUNT}{ABOUT}  a:\n    aggregator: count\n{ABOUT}",
        8,
        "needs a table",
    ),
    "no column": (f"metrics:\n  a:\n    table: x\n    aggregator: sum\n{ABOUT}", 2, "sum needs a column"),
    "a column to count": (
        f"metrics:\n  a:\n{COUNT}    column: y\n{ABOUT}",
        2,
        "count has no column",
    ),
    "no quantile": (
        f"metrics:\n  a:\n    table: x\n    aggregator: quantile\n    column: y\n{ABOUT}",
        2,
        "needs a quantile",
    ),
    "too large a quantile": (
        f"metrics:\n  a:\n    table: x\n    aggregator: quantile\n    column: y\n    quantile: 90\n{ABOUT}",
        6,
        "less than 1",
    ),
    "a bad filter": (
        f"metrics:\n  a:\n{COUNT}    filter:\n      - b = 1\n      - c like d\n{ABOUT}",
        7,
        "filter: 'c like d'",
    ),
    "two conditions in one": (
        f"metrics:\n  a:\n{COUNT}    filter: ['b = 1, c = 2']\n{ABOUT}",
        5,
        "more than one condition",
    ),
    "no such numerator": (
        f"metrics:\n  a:\n{RATIO}    numerator: nobody\n    denominator: customers\n{ABOUT}",
        4,
        "there is no metric nobody",
    ),
    "a ratio of ratios": (
        f"metrics:\n  a:\n{RATIO}    numerator: customers\n    denominator: churn_rate\n{ABOUT}",
        5,
        "cannot be made of churn_rate",
    ),
    "a ratio with a table": (
        f"metrics:\n  a:\n{RATIO}    table: x\n    numerator: customers\n    denominator: tickets\n{ABOUT}",
        2,
        "a ratio takes table",
    ),
    "half a ratio": (
        f"metrics:\n  a:\n{RATIO}    numerator: customers\n{ABOUT}",
        2,
        "has numerator and denominator",
    ),
    "a built-in name": (
        f"metrics:\n  own:\n{COUNT}{ABOUT}  customers:\n{COUNT}{ABOUT}",
        8,
        "there is a metric customers already",
    ),
    "a name twice": (
        f"metrics:\n  a:\n{COUNT}{ABOUT}  a:\n    table: y\n    aggregator: count\n{ABOUT}",
        8,
        "'a' stands here twice",
    ),
    "a built-in table": ("tables:\n  dim_usage: {time: period}\n", 2, "table dim_usage is described already"),
    "a join that is not there": (
        f"metrics:\n  a:\n{COUNT.replace('x', 'dim_usage')}    dimensions:\n      b: ticket.severity\n{ABOUT}",
        6,
        "lead to no ticket",
    ),
    "a join of a table that is not there": (
        "tables:\n  x:\n    joins: {}\n    dimensions:\n      b: customer.geography\n",
        5,
        "lead to no customer",
    ),
    "a dimension called month": (
        f"metrics:\n  a:\n{COUNT}    dimensions: {{month: y}}\n{ABOUT}",
        5,
        "comes from the time column",
    ),
    "a metric called as its dimension": (
        f"metrics:\n  severity:\n{COUNT}    dimensions: {{severity: y}}\n{ABOUT}",
        2,
        "also the name of one of its dimensions",
    ),
    "SQL for a column": (
        f"metrics:\n  a:\n    table: x\n    aggregator: sum\n    column: y; DROP TABLE z\n{ABOUT}",
        5,
        "column",
    ),
    "an alias of itself": ("metrics: &a\n  a: *a\n", 2, "metrics.a"),
    "a number for a name": (f"metrics:\n  7:\n{COUNT}{ABOUT}", 2, "7"),
    "a list of metrics": ("metrics:\n  - a\n", 1, "metrics"),
    "a bad name": (f"metrics:\n  A-b:\n{COUNT}{ABOUT}", 2, "A-b"),
}


@pytest.mark.parametrize("case", WRONG)
def test_an_error_in_a_definition_names_file_and_line(tmp_path: Path, case: str) -> None:
    text, line, reason = WRONG[case]
    folder = written(tmp_path / "metrics", text)
    with pytest.raises(SettingsError) as raised:
        read_catalogue(folder)
    assert raised.value.where == f"{folder / 'own.yml'}:{line}"
    assert reason in raised.value.what
    assert raised.value.cure


def test_two_files_may_not_define_one_metric(tmp_path: Path) -> None:
    text = f"metrics:\n  a:\n    table: x\n    aggregator: count\n{ABOUT}"
    written(tmp_path / "metrics", text, "first.yml")
    with pytest.raises(SettingsError, match=r"second\.yml:2: there is a metric a already"):
        read_catalogue(written(tmp_path / "metrics", text, "second.yml"))


def test_a_file_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    (tmp_path / "own.yml").write_bytes(b"metrics: {caf\xe9: 1}")
    with pytest.raises(SettingsError, match=r"own\.yml.*is not UTF-8"):
        read_catalogue(tmp_path)


@pytest.mark.parametrize(
    ("table", "aggregator", "more", "line", "reason"),
    [
        ("nowhere", "count", "", 2, "needs nowhere, which this release does not have"),
        ("fact_customer_activity", "sum", "column: nothing", 2, "needs fact_customer_activity.nothing"),
        (
            "fact_customer_activity",
            "sum",
            "column: activity_type",
            5,
            "sum cannot take activity_type, which is of type STRING",
        ),
        ("fact_customer_metrics", "avg", "column: churn_probability", 5, "avg cannot take churn_probability"),
        ("fact_customer_metrics", "days_since", "column: clv", 5, "days_since cannot take clv"),
        ("fact_customer_activity", "count", "filter: [amount > many]", 5, "filter: many is not a number"),
        ("fact_customer_activity", "count", "filter: [accepted > true]", 5, "can only be compared with"),
        ("fact_customer_activity", "count", "filter: [customer.colour = red]", 2, "needs dim_customer.colour"),
    ],
)
def test_a_definition_that_does_not_fit_the_tables_names_file_and_line(
    tmp_path: Path, table: str, aggregator: str, more: str, line: int, reason: str
) -> None:
    definition = f"    table: {table}\n    aggregator: {aggregator}\n    {more}\n"
    folder = written(tmp_path / "metrics", f"metrics:\n  a:\n{definition}{ABOUT}")
    catalogue = read_catalogue(folder)
    with pytest.raises(TenureError) as raised:
        compile_metric(catalogue, SCHEMA, read_question(catalogue, "a"))
    assert raised.value.where == f"{folder / 'own.yml'}:{line}"
    assert reason in raised.value.what


def test_a_dimension_of_other_types_in_two_tables_is_refused(tmp_path: Path) -> None:
    text = f"""\
metrics:
  a:
    table: fact_customer_activity
    aggregator: count
    dimensions: {{group: num_products}}
{ABOUT}
  b:
    table: dim_usage
    aggregator: count
    dimensions: {{group: product_type}}
{ABOUT}
  c:
    aggregator: ratio
    numerator: a
    denominator: b
{ABOUT}
"""
    catalogue = read_catalogue(written(tmp_path / "metrics", text))
    with pytest.raises(SettingsError, match="has other types in the two tables: INTEGER and STRING"):
        compile_metric(catalogue, SCHEMA, read_question(catalogue, "c", ("group",)))


def test_a_dimension_of_doubles_is_not_offered(tmp_path: Path) -> None:
    definition = "    table: fact_customer_metrics\n    aggregator: count\n    dimensions: {risk: churn_probability}\n"
    text = f"metrics:\n  a:\n{definition}{ABOUT}"
    catalogue = read_catalogue(written(tmp_path / "metrics", text))
    with pytest.raises(TenureError, match="no dimension risk in this release"):
        compile_metric(catalogue, SCHEMA, read_question(catalogue, "a", ("risk",)))
