"""A model that promises more locality than its SQL keeps is found before its increments can go wrong."""

from pathlib import Path

import pytest

from tenure.contracts.entities import ENTITIES
from tenure.core.errors import BuildError
from tenure.engine.protocol import Column
from tenure.warehouse.graph import references
from tenure.warehouse.locality import expect_promises, refuted
from tenure.warehouse.models import Model, ProjectTypes, read_models
from tenure.warehouse.project_models import read_project_models
from tenure.warehouse.sketch import empty_inputs

NO_ATTRIBUTES: dict[str, tuple[Column, ...]] = dict.fromkeys(ENTITIES, ())
TYPES = ProjectTypes({}, NO_ATTRIBUTES)
OWN = read_models(TYPES)

YML = """\
description: Something of each customer
grain: one customer and month
kind: partitioned
follows: {{{follows}}}
key: [{key}]
columns:
  customer_id: {{type: id, description: Who}}
  n: {{type: BIGINT, description: A number}}
"""


def put(root: Path, sql: str, follows: str, key: str = "customer_id, n") -> Model:
    """A model of this SQL with a promise."""
    (root / "models").mkdir(exist_ok=True)
    (root / "models" / "promised.sql").write_text(sql)
    (root / "models" / "promised.yml").write_text(YML.format(follows=follows, key=key))
    return read_project_models(root, TYPES)[0]


KEPT = {
    "a count of each": "SELECT customer_id, COUNT(*) AS n FROM dim_offer GROUP BY customer_id",
    "a rank within each": """
        SELECT customer_id, CAST(ROW_NUMBER() OVER (w) AS BIGINT) AS n
        FROM dim_offer
        WINDOW w AS (PARTITION BY customer_id ORDER BY offer_id ASC NULLS FIRST)
    """,
    "a join by the column": """
        SELECT o.customer_id, COUNT(*) AS n
        FROM dim_offer AS o
        INNER JOIN dim_offer AS p ON p.customer_id = o.customer_id AND p.offer_type = o.offer_type
        GROUP BY o.customer_id
    """,
    "a filter": "SELECT customer_id, CAST(offer_id AS BIGINT) AS n FROM dim_offer WHERE offer_type = 'Cashback'",
}
BROKEN = {
    "a rank among all": """
        SELECT customer_id, CAST(RANK() OVER (ORDER BY offer_id ASC NULLS FIRST) AS BIGINT) AS n FROM dim_offer
    """,
    "a count of all": """
        SELECT o.customer_id, a.n FROM dim_offer AS o CROSS JOIN (SELECT COUNT(*) AS n FROM dim_offer) AS a
    """,
    "a comparison with the others": """
        SELECT customer_id, CAST(1 AS BIGINT) AS n FROM dim_offer
        WHERE offer_id > (SELECT MAX(offer_id) FROM dim_offer WHERE accepted)
    """,
    "a join by another column": """
        SELECT o.customer_id, COUNT(*) AS n
        FROM dim_offer AS o
        INNER JOIN dim_offer AS p ON p.offer_type = o.offer_type
        GROUP BY o.customer_id
    """,
    "a neighbour": """
        SELECT customer_id, LAG(customer_id) OVER (ORDER BY offer_id ASC NULLS FIRST) AS n FROM dim_offer
    """,
    "the first of all": """
        SELECT customer_id, CAST(1 AS BIGINT) AS n FROM dim_offer ORDER BY offer_id ASC NULLS FIRST LIMIT 7
    """,
    "another column under its name": "SELECT offer_id AS customer_id, COUNT(*) AS n FROM dim_offer GROUP BY offer_id",
}


@pytest.mark.parametrize("case", KEPT)
def test_a_promise_that_is_kept_is_believed(tmp_path: Path, case: str) -> None:
    model = put(tmp_path, KEPT[case], "dim_offer: customer_id")
    expect_promises(tmp_path, [model], [*OWN, model], TYPES)


@pytest.mark.parametrize("case", BROKEN)
def test_a_promise_that_is_broken_is_named_with_its_line(tmp_path: Path, case: str) -> None:
    model = put(tmp_path, BROKEN[case], "dim_offer: customer_id")
    with pytest.raises(BuildError) as caught:
        expect_promises(tmp_path, [model], [*OWN, model], TYPES)
    assert caught.value.where == "models/promised.yml:4"
    assert "follows dim_offer by customer_id does not hold" in caught.value.what
    assert "or make the model full" in str(caught.value.cure)


@pytest.mark.parametrize("window", ["MAX(period) OVER (PARTITION BY customer_id)", "MIN(period) OVER (w)"])
def test_a_look_ahead_breaks_the_promise_to_look_back_only(tmp_path: Path, window: str) -> None:
    sql = f"""
        SELECT customer_id, period, CAST(days_between(period, {window}) AS BIGINT) AS n
        FROM dim_usage
        WINDOW w AS (PARTITION BY customer_id)
    """
    yml = YML.format(follows="dim_usage: customer_id", key="customer_id, period, n") + (
        "  period: {type: DATE, description: Month}\npartition: period\nonwards: {dim_usage: period}\n"
    )
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "promised.sql").write_text(sql)
    (tmp_path / "models" / "promised.yml").write_text(yml)
    model = read_project_models(tmp_path, TYPES)[0]
    if window.startswith("MIN"):
        expect_promises(tmp_path, [model], [*OWN, model], TYPES)
        return
    with pytest.raises(BuildError, match="onwards dim_usage by period does not hold") as caught:
        expect_promises(tmp_path, [model], [*OWN, model], TYPES)
    assert caught.value.where == "models/promised.yml:11"


@pytest.mark.parametrize("model", [model for model in OWN if model.description.follows], ids=lambda model: model.name)
def test_no_promise_of_tenures_own_models_is_refuted(model: Model) -> None:
    known = {entry.name: entry for entry in OWN}
    reads = references(model)
    with empty_inputs(TYPES) as sketch:
        for name in reads & known.keys():
            sketch.add(name, known[name].columns)
        keys = {name: known[name].description.key for name in reads & known.keys()}
        keys |= {name: () for name in reads if name.startswith("raw_")}
        assert refuted(sketch.engine, model, keys) is None
