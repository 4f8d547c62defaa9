"""Lineage of the models as a whole: every column ends in inputs, and the command says so to people and machines."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tenure.cli.demo import make_project
from tenure.contracts.entities import ENTITIES
from tenure.contracts.files import read_contracts
from tenure.core.errors import UsageError
from tenure.core.settings import Project, open_project
from tenure.pipeline import raw_zone
from tenure.warehouse.inputs import INPUTS
from tenure.warehouse.lineage import (
    Lineage,
    Node,
    column_tree,
    declared_types,
    description_of,
    ends_of,
    fed_by,
    lineage_of,
    table_lineage,
)
from tenure.warehouse.lineage_sql import ROWS, How
from tests.command import Command
from tests.unit.lineage_bank import make_bank

CONSTANT = {
    ("fact_customer_activity", "activity_type"),
    ("fact_customer_metrics", "churn_probability"),
    ("score_customer", "score"),
    ("score_customer", "predictor_id"),
    ("score_customer", "reasons"),
}
"""Columns that no input reaches: words of the SELECT, and one that waits for predictions."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return make_bank(tmp_path_factory.mktemp("lineage") / "project")


@pytest.fixture(scope="module")
def lineage(project: Project) -> Lineage:
    return lineage_of(project, raw_zone(project))


@pytest.fixture
def tenure(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., object]:
    monkeypatch.chdir(project.root)
    return Command(monkeypatch, capsys)


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    for part in node.parts:
        yield from _nodes(part)


def test_every_column_of_every_model_ends_in_inputs_and_only_there(lineage: Lineage) -> None:
    walked = 0
    for model in lineage.models.values():
        for column in model.columns:
            ends = ends_of(lineage, model.name, column.name)
            assert {table for table, _ in ends} <= set(INPUTS)
            assert bool(ends) != ((model.name, column.name) in CONSTANT), f"{model.name}.{column.name}"
            walked += 1
    assert walked > 250


def test_every_tree_is_whole_each_column_is_followed_once_and_leaves_are_inputs(lineage: Lineage) -> None:
    for model in lineage.models.values():
        for column in model.columns:
            nodes = list(_nodes(column_tree(lineage, model.name, column.name)))
            followed = [
                (node.table, node.column) for node in nodes if node.table in lineage.models and not node.repeated
            ]
            assert len(followed) == len(set(followed))
            leaves = {(node.table, node.column) for node in nodes if node.table in INPUTS}
            assert leaves == ends_of(lineage, model.name, column.name)


def test_clv_comes_from_balances_fees_churn_and_settings(lineage: Lineage) -> None:
    ends = ends_of(lineage, "fact_customer_metrics", "clv")
    wanted = {
        ("raw_usage", "monthly_balance"),
        ("raw_transactions", "amount"),
        ("raw_customers", "is_active"),
        ("setting", "net_interest_margin"),
        ("setting", "horizon_months"),
    }
    assert wanted <= ends
    assert not {("raw_offers", "accepted"), ("raw_tickets", "severity"), ("raw_customers", "first_name")} & ends


def test_what_makes_a_value_and_what_only_decides_it_are_told_apart(lineage: Lineage) -> None:
    tree = column_tree(lineage, "dim_customer", "age_group")
    assert {part.how for part in tree.parts} == {(How.CONDITION,)}
    first_name = column_tree(lineage, "dim_customer_history", "first_name")
    assert [(part.table, part.how) for part in first_name.parts] == [("stg_customer_version", (How.IDENTITY,))]


def test_a_raw_column_names_the_sources_and_their_own_names_for_it(lineage: Lineage) -> None:
    node = next(node for node in _nodes(column_tree(lineage, "dim_usage", "num_products")) if node.table == "raw_usage")
    assert [(feed.source, feed.column, feed.place) for feed in node.feeds] == [
        ("usage", "num_products", "landing/usage*.json")
    ]


def test_renamed_and_keyless_columns_and_attributes_of_a_contract_are_followed(tmp_path: Path) -> None:
    """Before anything is loaded, with a source whose column has another name, an attribute and no key."""
    make_project(tmp_path / "new", "bank")
    path = tmp_path / "new" / "sources" / "usage.yml"
    text = path.read_text().replace("key: [usage_log_id]", "keyless: true")
    text = text.replace("  usage_log_id: {type: integer, required: true}\n", "")
    path.write_text(
        text.replace("monthly_balance: {", "monthly_balance: {from: SALDO, ") + "  logins: {type: integer}\n"
    )
    project = open_project(tmp_path / "new")
    lineage = lineage_of(project, raw_zone(project))
    assert [feed.column for feed in lineage.feeds["raw_usage", "monthly_balance"]] == ["SALDO"]
    assert [feed.column for feed in lineage.feeds["raw_usage", "usage_log_id"]] == ["numbered by load and row"]
    assert ends_of(lineage, "stg_usage", "logins") == {("raw_usage", "logins")}
    assert description_of(lineage, "stg_usage", "logins").startswith("An attribute")


def test_types_as_declared_are_those_that_loads_would_give(project: Project, lineage: Lineage) -> None:
    types = declared_types(read_contracts(project.sources))
    assert types.ids["customer_id"] == "BIGINT"
    assert types.attributes == dict.fromkeys(ENTITIES, ())
    empty = {model.name: model.columns for model in lineage.models.values()}
    assert empty["fact_customer_activity"][0].type == "BIGINT"


def test_a_table_names_all_above_and_below_it_its_sources_and_reports(lineage: Lineage) -> None:
    about = table_lineage(lineage, "fact_customer_activity")
    assert {"stg_usage", "stg_transactions", "stg_offers", "stg_tickets"} <= set(about.reads)
    assert {"raw_usage", "raw_tickets"} <= set(about.above)
    assert "raw_customers" not in about.above
    assert "fact_customer_metrics" in about.below
    assert about.sources == ("offers", "tickets", "transactions", "usage")
    assert "churn_overall" in about.reports
    raw = table_lineage(lineage, "raw_customers")
    assert raw.reads == raw.above == raw.rows == ()
    assert "dim_customer" in raw.below


def test_what_decides_the_rows_of_a_table_is_named(lineage: Lineage) -> None:
    rows = {(use.table, use.column, use.how) for use in table_lineage(lineage, "fact_customer_metrics").rows}
    assert ("int_churn_hazard", "month", How.JOIN) in rows
    deleted = {use.column for use in table_lineage(lineage, "stg_offers").rows if use.how is How.FILTER}
    assert "_deleted" in deleted


def test_the_way_back_names_every_column_that_a_column_is_used_for(lineage: Lineage) -> None:
    used = fed_by(lineage, "raw_customers", "geography")
    assert {"stg_customer_version.geography", "dim_customer.geography", "dim_geography.geography"} <= set(used)
    assert "dim_customer.first_name" not in used
    for name in used:
        assert ("raw_customers", "geography") in ends_of(lineage, *name.split("."))


def test_every_input_and_every_column_of_its_origin_has_a_meaning(lineage: Lineage) -> None:
    assert all(description_of(lineage, name) for name in INPUTS)
    unnamed = [
        (name, column.name)
        for name in INPUTS
        for column in lineage.columns(name)
        if column.name.startswith("_") and not description_of(lineage, name, column.name)
    ]
    assert unnamed == []


def test_a_model_of_the_project_joins_the_lineage(project: Project) -> None:
    models = project.root / "models"
    models.mkdir()
    try:
        (models / "big_balances.sql").write_text(
            "SELECT customer_id, total_balance FROM fact_customer_metrics WHERE is_current AND total_balance > 100"
        )
        (models / "big_balances.yml").write_text(
            "description: Customers with much money\ngrain: one customer\nkind: full\nkey: [customer_id]\ncolumns:\n"
            "  customer_id: {type: id, description: The customer}\n"
            '  total_balance: {type: "DECIMAL(18,2)", description: Their balance}\n'
        )
        lineage = lineage_of(project, raw_zone(project))
        assert ("raw_usage", "monthly_balance") in ends_of(lineage, "big_balances", "total_balance")
        assert "big_balances" in table_lineage(lineage, "raw_usage").below
    finally:
        for path in models.iterdir():
            path.unlink()
        models.rmdir()


def test_an_unknown_table_or_column_is_refused_with_near_names(lineage: Lineage) -> None:
    with pytest.raises(UsageError, match="no table fact_custmer_metrics") as caught:
        table_lineage(lineage, "fact_custmer_metrics")
    assert "did you mean fact_customer_metrics" in str(caught.value.cure)
    with pytest.raises(UsageError, match="has no column clvv") as caught:
        column_tree(lineage, "fact_customer_metrics", "clvv")
    assert caught.value.cure == "did you mean clv?"
    with pytest.raises(UsageError) as caught:
        column_tree(lineage, "dim_geography", "zzz")
    assert "DESCRIBE dim_geography" in str(caught.value.cure)


def test_the_command_prints_a_tree_down_to_the_files(tenure: Command) -> None:
    ran = tenure("lineage", "dim_usage.num_products")
    assert ran.code == 0, ran.err
    lines = ran.out.splitlines()
    assert lines[0].startswith("dim_usage.num_products: ")
    assert any(
        "raw_usage.num_products [" in line and "← usage: num_products (landing/usage*.json)" in line for line in lines
    )
    assert any(line.startswith("decide which rows go into dim_usage") for line in lines)
    assert any(line.startswith("used for: ") for line in lines)


def test_the_command_says_constant_no_source_and_see_above(tenure: Command) -> None:
    assert "(a constant)" in tenure("lineage", "fact_customer_activity.activity_type").out
    assert "raw_customers.birth_date [same] ← no source gives it" in tenure("lineage", "dim_customer.age").out
    assert "(see above)" in tenure("lineage", "fact_customer_metrics.clv").out


def test_the_command_gives_machines_the_same_tree(tenure: Command, lineage: Lineage) -> None:
    document = tenure("lineage", "fact_customer_metrics.clv", "--json").document
    assert document["column"] == "clv"
    parts = {(part["table"], part["column"]): part["how"] for part in document["parts"]}
    assert parts["setting", "net_interest_margin"] == ["computed"]
    assert {"table": "int_churn_hazard", "column": "month", "how": "join"} in document["rows"]
    table = tenure("lineage", "dim_customer", "--json").document
    assert table["above"] == list(table_lineage(lineage, "dim_customer").above)


def test_the_command_prints_the_records_of_a_row_and_their_values_only_on_request(tenure: Command) -> None:
    ran = tenure("lineage", "--row", "dim_support_ticket", "1001")
    assert ran.code == 0, ran.err
    assert "made of 1 record, and of no others than these" in ran.out
    assert "landing/customer_support_tickets.csv:2" in ran.out
    assert "Payment" not in ran.out
    assert "Payment" in tenure("lineage", "--row", "dim_support_ticket", "1001", "--values").out
    plain = tenure("lineage", "--row", "dim_support_ticket", "1001", "--json").document
    assert plain["records"][0]["row"] == 2
    assert "values" not in plain["records"][0]
    told = tenure("lineage", "--row", "dim_support_ticket", "1001", "--json", "--values").document
    assert told["records"][0]["values"]["severity"] == "Low"


def test_the_command_prints_no_more_records_than_the_limit(tenure: Command) -> None:
    out = tenure("lineage", "--row", "fact_customer_metrics", "1", "2025-10-01", "--limit", "1").out
    assert "more: --limit " in out


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("dim_usage", "dim_customer"),
        ("--row", "dim_customer"),
        ("--row", "--openlineage"),
        ("--openlineage", "dim_customer"),
        ("dim_customer", "--values"),
        ("dim_customer", "--output", "x"),
        ("dim_customer", "--release", "1"),
        ("nowhere",),
        ("dim_customer.nothing",),
    ],
)
def test_the_command_refuses_what_makes_no_sense_with_exit_code_2(tenure: Command, words: tuple[str, ...]) -> None:
    ran = tenure("lineage", *words)
    assert ran.code == 2
    assert "cure:" in ran.err or "only" in ran.err


def test_rows_that_are_counted_are_lineage_too(lineage: Lineage) -> None:
    tree = column_tree(lineage, "int_unknown_customer", "events")
    assert ("fact_customer_activity", ROWS) in [(part.table, part.column) for part in tree.parts]
