"""SQL files in a project's `models/` become tables like Tenure's own; whatever is wrong names file, line and cure."""

from pathlib import Path

import pytest

from tenure.contracts.entities import ENTITIES
from tenure.core.errors import BuildError
from tenure.engine.protocol import Column
from tenure.warehouse.inputs import INPUTS
from tenure.warehouse.models import Model, ProjectTypes
from tenure.warehouse.project_models import read_project_models

ATTRIBUTES: dict[str, tuple[Column, ...]] = dict.fromkeys(ENTITIES, ())
ATTRIBUTES |= {"customers": (Column("branch", "STRING"), Column("score", "BIGINT"))}
TYPES = ProjectTypes({"customer_id": "BIGINT"}, ATTRIBUTES)

SQL = """
-- Customers of each place.
SELECT geography, COUNT(*) AS customers
FROM dim_customer
GROUP BY geography
"""
YML = """\
description: Customers of each place
grain: one place
kind: full
key: [geography]
columns:
  geography: {type: STRING, description: Where they live}
  customers: {type: BIGINT, description: How many}
"""
ABOUT = "".join(YML.splitlines(keepends=True)[:3])


def put(root: Path, name: str, sql: str = SQL, yml: str | None = YML) -> None:
    file = root / "models" / f"{name}.sql"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(sql, encoding="utf-8")
    if yml is not None:
        file.with_suffix(".yml").write_text(yml, encoding="utf-8")


def read(root: Path) -> dict[str, Model]:
    return {model.name: model for model in read_project_models(root, TYPES)}


def refused(root: Path, where: str, *parts: str) -> BuildError:
    """Reading fails at this place with a message of these parts and a cure."""
    with pytest.raises(BuildError) as caught:
        read(root)
    assert caught.value.where == where, caught.value
    for part in parts:
        assert part in str(caught.value), caught.value
    assert caught.value.cure
    return caught.value


def test_a_project_without_models_has_none(tmp_path: Path) -> None:
    assert read(tmp_path) == {}
    (tmp_path / "models").mkdir()
    assert read(tmp_path) == {}


def test_a_model_is_named_after_its_file_in_whatever_folder(tmp_path: Path) -> None:
    put(tmp_path, "places")
    put(tmp_path, "finance/by_month/balances")
    models = read(tmp_path)
    assert list(models) == ["balances", "places"]
    assert models["balances"].where == "models/finance/by_month/balances.sql"
    assert models["balances"].layer == "project"
    assert models["balances"].columns == (Column("geography", "STRING"), Column("customers", "BIGINT"))


def test_comments_and_semicolons_at_the_end_are_no_part_of_the_query(tmp_path: Path) -> None:
    put(tmp_path, "places", SQL + ";  -- ö done\n;\n/* really */")
    assert read(tmp_path)["places"].sql == SQL.rstrip()


def test_files_of_windows_are_read_like_others(tmp_path: Path) -> None:
    put(tmp_path, "places")
    for name in ("places.sql", "places.yml"):
        path = tmp_path / "models" / name
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert read(tmp_path)["places"].sql == SQL.rstrip()


def test_hidden_files_and_other_files_are_not_looked_at(tmp_path: Path) -> None:
    put(tmp_path, "places")
    put(tmp_path, ".drafts/nonsense", "SELEC", None)
    put(tmp_path, ".#places", "SELEC", None)
    (tmp_path / "models" / "README.md").write_text("notes")
    assert list(read(tmp_path)) == ["places"]


def test_a_folder_that_links_to_itself_is_read_once(tmp_path: Path) -> None:
    put(tmp_path, "finance/places")
    (tmp_path / "models" / "finance" / "again").symlink_to(tmp_path / "models")
    assert list(read(tmp_path)) == ["places"]


@pytest.mark.parametrize("table", [*INPUTS, "stg_offers", "int_customer_month", "fact_customer_metrics"])
def test_a_model_may_read_every_model_and_every_input(tmp_path: Path, table: str) -> None:
    put(
        tmp_path,
        "counted",
        f"SELECT COUNT(*) AS n FROM {table}",
        YML.replace("[geography]", "[n]").split("  geo")[0] + "  n: {type: BIGINT, description: Rows}\n",
    )
    assert list(read(tmp_path)) == ["counted"]


def test_a_model_may_read_another_of_the_project(tmp_path: Path) -> None:
    put(tmp_path, "b_places")
    put(tmp_path, "a_places", SQL.replace("COUNT(*)", "MAX(customers)").replace("dim_customer", "b_places"))
    assert list(read(tmp_path)) == ["a_places", "b_places"]


def test_attributes_come_by_name_or_all_at_once(tmp_path: Path) -> None:
    one = "SELECT customer_id, branch FROM dim_customer"
    each = "SELECT customer_id{{ attributes }} FROM stg_customers"
    yml = ABOUT + "key: [customer_id]\ncolumns:\n  customer_id: {type: id, description: Who}\n"
    put(tmp_path, "one_attribute", one, yml + "  branch: {type: STRING, description: Branch}\n")
    put(tmp_path, "each_attribute", each, "attributes: customers\n" + yml)
    models = read(tmp_path)
    assert [column.name for column in models["each_attribute"].columns] == ["customer_id", "branch", "score"]
    assert models["one_attribute"].columns[1] == Column("branch", "STRING")


def test_the_type_of_a_key_can_be_filled_in(tmp_path: Path) -> None:
    put(
        tmp_path,
        "nobody",
        "SELECT CAST(NULL AS {{ type customer_id }}) AS customer_id FROM today WHERE 1 = 0",
        ABOUT + "key: [customer_id]\ncolumns:\n  customer_id: {type: id, description: Who}\n",
    )
    assert read(tmp_path)["nobody"].columns == (Column("customer_id", "BIGINT"),)


def test_a_model_without_a_yml_is_given_one_to_paste(tmp_path: Path) -> None:
    sql = """
SELECT c.customer_id, c.first_name, CAST(SUM(u.monthly_balance) AS DECIMAL(18,2)) AS balance
FROM dim_customer AS c
INNER JOIN dim_usage AS u ON u.customer_id = c.customer_id
GROUP BY c.customer_id, c.first_name
"""
    put(tmp_path, "rich", sql, None)
    error = refused(tmp_path, "models/rich.sql", "has no yml beside it", "describe the table in models/rich.yml:")
    skeleton = str(error.cure).partition(":\n")[2]
    assert "customer_id: {type: id, description: " in skeleton
    assert "first_name: {type: STRING, description: Given name, personal: name}" in skeleton
    assert 'balance: {type: "DECIMAL(18,2)"' in skeleton
    put(tmp_path, "rich", sql, skeleton)
    assert read(tmp_path)["rich"].description.key == ("customer_id", "first_name")


def test_of_two_models_without_yml_the_one_that_can_be_described_comes_first(tmp_path: Path) -> None:
    put(tmp_path, "a_reads_b", "SELECT geography FROM b", None)
    put(tmp_path, "b", SQL, None)
    refused(tmp_path, "models/b.sql", "has no yml beside it", "customers: {type: BIGINT")


def test_an_empty_yml_is_no_yml(tmp_path: Path) -> None:
    put(tmp_path, "places", yml="\n")
    refused(tmp_path, "models/places.sql", "has no yml beside it")


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("Places", "is not a name for a table"),
        ("places-2", "is not a name for a table"),
        ("2_places", "is not a name for a table"),
        ("plätze", "is not a name for a table"),
        ("places__all", "is not a name for a table"),
        ("p" * 64, "is not a name for a table"),
        ("raw_places", "the name raw_places is reserved"),
        ("stg_places", "the name stg_places is reserved"),
        ("raw_offers", "it is an input of all models"),
        ("today", "it is an input of all models"),
        ("order", "it is a word of SQL"),
        ("left", "it is a word of SQL"),
        ("dim_customer", "it is Tenure's own model warehouse/sql/marts/dim_customer.sql"),
        ("stg_customers", "it is Tenure's own model"),
    ],
)
def test_a_name_that_cannot_be_or_is_taken_is_refused(tmp_path: Path, name: str, part: str) -> None:
    put(tmp_path, name)
    refused(tmp_path, f"models/{name}.sql", part)


def test_two_models_of_one_name_are_both_named(tmp_path: Path) -> None:
    put(tmp_path, "finance/places")
    put(tmp_path, "sales/places")
    refused(tmp_path, "models/sales/places.sql", "it is the model models/finance/places.sql")


@pytest.mark.parametrize(
    ("sql", "line", "parts"),
    [
        (SQL.replace("COUNT(*)", "AVG(age)"), 3, ("AVG is not in the common SQL", "CAST(SUM(x) AS DOUBLE)")),
        (SQL.replace("COUNT(*)", "CAST(1.5 AS INTEGER)"), 3, ("rounds in DuckDB and cuts in Spark", "FLOOR")),
        (SQL.replace("dim_customer", "dim_custmer"), 4, ("reads dim_custmer", "did you mean dim_customer?")),
        (SQL.replace("GROUP BY geography", "GROUP BY geografy"), 5, ("geografy",)),
        (SQL.replace("FROM dim", "FROM main.dim"), 4, ("schema in FROM",)),
        (SQL.replace("FROM dim_customer", "FROM 'x.parquet'"), 4, ("file or schema in FROM",)),
        (SQL.replace("dim_customer", "{{ ref('dim_customer') }}"), 4, ("template that Tenure does not have",)),
        ("{% set x = 1 %}\n" + SQL, 1, ("template that Tenure does not have", "plain name")),
        (SQL.replace("FROM", "{{ attributes }} FROM"), 4, ("whose attributes are meant", "attributes: customers")),
        (SQL + "; SELECT 2", None, ("2 statements where one is expected",)),
        ("CREATE TABLE x AS SELECT 1 AS one", 1, ("a model is one SELECT, not CREATE",)),
        ("", None, ("is empty: it holds no SELECT",)),
        ("-- later\n;", None, ("is empty: it holds no SELECT",)),
        (SQL.replace("SELECT", "SELECT ("), None, ("not SQL", "in line")),
        (SQL + "/* no end", None, ("",)),
        (SQL.replace(" AS customers", ""), None, ("gives a column the name", "by AS")),
        (SQL.replace("COUNT(*) AS customers", "geography"), None, ("gives two columns the name geography",)),
        ("WITH today AS (SELECT 1 AS n) SELECT n FROM today", None, ("WITH today hides the table of that name",)),
    ],
)
def test_sql_that_cannot_be_used_is_named_with_its_line(
    tmp_path: Path, sql: str, line: int | None, parts: tuple[str, ...]
) -> None:
    put(tmp_path, "places", sql)
    refused(tmp_path, f"models/places.sql:{line}" if line else "models/places.sql", *parts)


def test_a_circle_is_named_with_the_line_that_closes_it(tmp_path: Path) -> None:
    put(tmp_path, "a", SQL.replace("dim_customer", "b"))
    put(tmp_path, "b", SQL.replace("dim_customer", "a"))
    with pytest.raises(BuildError, match="in a circle: (a → b → a|b → a → b)") as caught:
        read(tmp_path)
    assert caught.value.where in {"models/a.sql:4", "models/b.sql:4"}


@pytest.mark.parametrize("name", ["places.sql", "places.yml"])
@pytest.mark.parametrize("bad", [b"-- Caf\xe9\n", b"# nul \0\n"])
def test_a_file_that_is_not_utf_8_is_named_with_its_line(tmp_path: Path, name: str, bad: bytes) -> None:
    put(tmp_path, "places")
    path = tmp_path / "models" / name
    path.write_bytes(b"\n" + bad + path.read_bytes())
    refused(tmp_path, f"models/{name}:2", "is not UTF-8 text", "iconv")


def test_files_that_miss_the_other_one_are_named(tmp_path: Path) -> None:
    put(tmp_path, "places")
    (tmp_path / "models" / "places.sql").unlink()
    refused(tmp_path, "models/places.yml", "has no SQL beside it", "places.sql")
    put(tmp_path, "places", yml=None)
    (tmp_path / "models" / "places.yml").rename(tmp_path / "models" / "places.yaml")
    refused(tmp_path, "models/places.sql", "ends in .yaml", "places.yml")


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("SELECT 1")
    refused(tmp_path, "models", "is a file where a folder is needed")


@pytest.mark.parametrize(
    ("before", "after", "line", "parts"),
    [
        ("  customers: {", "  custmers: {", 7, ("custmers is in the yml", "customers BIGINT is in the SQL")),
        ("  customers: {type: BIGINT, description: How many}\n", "", None, ("customers BIGINT is in the SQL",)),
        ("type: BIGINT", "type: INTEGER", 7, ("customers is BIGINT, its yml says INTEGER", "type: BIGINT, desc")),
        ("type: BIGINT", "type: VARCHAR(3)", 7, ("column customers: VARCHAR(3) is not a type",)),
        ("  customers:", "  Customers:", 7, ("'Customers' is not a name for a column",)),
        ("kind: full", "kind: table", 3, ("kind: Input should be",)),
        ("kind: full", "kinds: full", None, ("kind: Field required",)),
        ("grain: one place", "grain: one place\nowner: me", 3, ("owner: Extra inputs",)),
        ("[geography]", "[place]", None, ("place",)),
        ("grain: one place", "grain: one place\n  more: [", 3, ("not valid YAML",)),
        ("key:", "attributes: customer\nkey:", 4, ("there is no entity customer", "did you mean customers?")),
        ("key:", "attributes: customers\nkey:", 4, ("attributes are promised, the SQL has none",)),
        ("description: How many", "unit: people", 7, ("columns.customers.description: Field required",)),
    ],
)
def test_a_yml_that_does_not_fit_is_named_with_its_line(
    tmp_path: Path, before: str, after: str, line: int | None, parts: tuple[str, ...]
) -> None:
    assert before in YML
    put(tmp_path, "places", yml=YML.replace(before, after, 1))
    missing = "models/places.sql" if "is in the SQL" in parts[0] else "models/places.yml"
    refused(tmp_path, f"models/places.yml:{line}" if line else missing, *parts)


@pytest.mark.parametrize(
    ("test", "parts"),
    [
        ("not_null: custmers", ("tests column custmers, which it does not have", "did you mean customers?")),
        ("{accepted: geography}", ("accepted needs values",)),
        ("{relationship: geography, to: dim_geography}", ("to: dim_geography is not a column of a table",)),
        (
            "{relationship: geography, to: dim_geografy.geography}",
            ("reads dim_geografy", "did you mean dim_geography?"),
        ),
        ("{relationship: geography, to: dim_geography.nothing}", ("nothing",)),
        ("{name: big, sql: SELECT geography FROM places WHERE AVG(customers) > 1}", ("AVG is not in the common SQL",)),
        ("{name: big, sql: SELECT geography FROM place}", ("reads place,", "did you mean places?")),
        ("{name: big, sql: SELECT nothing FROM places}", ("the test 'big'", "nothing")),
        ("{name: big, sql: SELECT geography FROM places; SELECT 1}", ("2 statements",)),
    ],
)
def test_a_test_that_cannot_run_is_named_before_anything_is_built(
    tmp_path: Path, test: str, parts: tuple[str, ...]
) -> None:
    put(tmp_path, "places", yml=f"{YML}tests:\n  - {test}\n")
    with pytest.raises(BuildError) as caught:
        read(tmp_path)
    assert str(caught.value.where).startswith("models/places.yml:")
    for part in parts:
        assert part in str(caught.value)


def test_tests_of_every_kind_are_taken(tmp_path: Path) -> None:
    tests = """tests:
  - not_null: customers
  - unique: geography
  - {accepted: geography, values: [Egypt, It's]}
  - {relationship: geography, to: dim_geography.geography}
  - {name: none is empty, sql: "SELECT * FROM places WHERE customers = 0; -- end"}
"""
    put(tmp_path, "places", yml=YML + tests)
    assert len(read(tmp_path)["places"].description.tests) == 5


def test_personal_data_stays_personal(tmp_path: Path) -> None:
    sql = "SELECT customer_id, first_name FROM dim_customer"
    yml = ABOUT + (
        "key: [customer_id]\ncolumns:\n  customer_id: {type: id, description: Who}\n"
        "  first_name: {type: STRING, description: Name}\n"
    )
    put(tmp_path, "named", sql, yml)
    refused(tmp_path, "models/named.yml:7", "first_name is personal data in dim_customer", "add personal: name")
    put(tmp_path, "named", sql, yml.replace("description: Name", "description: Name, personal: name"))
    assert list(read(tmp_path)) == ["named"]


STEPWISE = """\
description: Balances
grain: one customer and product
kind: partitioned
follows: {dim_usage: customer_id}
key: [customer_id, product_type]
columns:
  customer_id: {type: id, description: Whose}
  product_type: {type: STRING, description: Product}
"""


@pytest.mark.parametrize(
    ("before", "after", "parts"),
    [
        ("{dim_usage:", "{dim_usag:", ("follows dim_usag, which its SQL does not read", "did you mean dim_usage?")),
        (
            "dim_usage: customer_id",
            "dim_usage: last_balance",
            ("column last_balance is used but not described under columns",),
        ),
        ("follows: {dim_usage: customer_id}\n", "", ("partitioned and history need follows",)),
    ],
)
def test_what_an_incremental_model_follows_must_be_there(
    tmp_path: Path, before: str, after: str, parts: tuple[str, ...]
) -> None:
    sql = "SELECT DISTINCT customer_id, product_type FROM dim_usage"
    put(tmp_path, "held", sql, STEPWISE)
    assert read(tmp_path)["held"].description.kind == "partitioned"
    put(tmp_path, "held", sql, STEPWISE.replace(before, after))
    with pytest.raises(BuildError) as caught:
        read(tmp_path)
    assert str(caught.value.where).startswith("models/held.yml")
    for part in parts:
        assert part in str(caught.value)
