"""The order of the models comes from their SQL; what cannot be ordered is named."""

import pytest

from tenure.core.errors import BuildError
from tenure.engine.dialect import parse
from tenure.engine.protocol import Column
from tenure.warehouse.graph import ordered, references, tables_of
from tenure.warehouse.models import Model, ModelColumn, ModelDescription, ProjectTypes, read_models


def _model(name: str, sql: str) -> Model:
    description = ModelDescription(
        description="d",
        grain="g",
        kind="full",
        key=("id",),
        columns={"id": ModelColumn(type="BIGINT", description="d")},
    )
    return Model(name, "marts", f"models/{name}.sql", sql, description, (Column("id", "BIGINT"),))


def _order(*models: Model) -> list[str]:
    return [model.name for model in ordered(models, {model.name: references(model) for model in models}, {"raw"})]


def test_a_model_comes_after_all_that_it_reads() -> None:
    order = _order(
        _model("c", "SELECT a.id FROM a INNER JOIN b ON a.id = b.id"),
        _model("b", "WITH a2 AS (SELECT id FROM a) SELECT id FROM a2"),
        _model("a", "SELECT id FROM raw"),
    )
    assert order == ["a", "b", "c"]


def test_an_unknown_table_is_named_with_who_reads_it() -> None:
    with pytest.raises(BuildError) as caught:
        _order(_model("a", "SELECT id FROM rwa"))
    assert "reads rwa, which is neither a model nor an input" in str(caught.value)
    assert caught.value.where == "models/a.sql:1"


def test_a_circle_is_named_model_by_model() -> None:
    with pytest.raises(BuildError, match="in a circle: ") as caught:
        _order(_model("a", "SELECT id FROM b"), _model("b", "SELECT id FROM c"), _model("c", "SELECT id FROM a"))
    assert {"a", "b", "c"} <= set(caught.value.what.split(": ")[1].split(" → "))


def test_a_model_that_reads_itself_is_a_circle() -> None:
    with pytest.raises(BuildError, match="in a circle"):
        _order(_model("a", "SELECT id FROM a"))


@pytest.mark.parametrize(
    "sql",
    ["SELECT 1; SELECT 2", "DELETE FROM a", "CREATE TABLE x AS SELECT 1", "INSERT INTO a SELECT 1", "SELEC 1 FROM"],
)
def test_a_model_is_one_select(sql: str) -> None:
    with pytest.raises(BuildError):
        parse(sql, "models/a.sql")


def test_functions_outside_the_common_subset_are_refused() -> None:
    with pytest.raises(BuildError, match="models/a.sql"):
        references(_model("a", "SELECT CAST(quantile_cont(id, 0.5) AS BIGINT) AS id FROM raw"))


def test_names_defined_by_with_are_not_tables() -> None:
    assert tables_of(parse("WITH x AS (SELECT id FROM raw) SELECT id FROM x", "w")) == {"raw"}


def test_every_model_of_tenure_is_in_the_subset_and_described() -> None:
    models = read_models(ProjectTypes({}, {}))
    assert len(models) >= 20
    for model in models:
        references(model)
        assert model.description.description
        assert all(column.description for column in model.description.columns.values()), model.name
