"""A project's own models are built, tested, kept and released like Tenure's."""

import re
import shutil
from pathlib import Path

import pytest

from tenure.core.settings import Project, open_project
from tenure.pipeline import run_all
from tenure.warehouse.inputs import INPUTS
from tenure.warehouse.store import ReleaseStore
from tests.command import Command, Ran
from tests.reference_case import BUSINESS_DATE, make_reference_project

PLACES = """
SELECT c.geography, COUNT(*) AS customers, CAST(SUM(o.offers) AS BIGINT) AS offers
FROM dim_customer AS c
LEFT JOIN (SELECT customer_id, COUNT(*) AS offers FROM dim_offer GROUP BY customer_id) AS o
  ON o.customer_id = c.customer_id
GROUP BY c.geography
"""
PLACES_YML = """\
description: Customers and offers of each place
grain: one place
kind: full
key: [geography]
columns:
  geography: {type: STRING, description: Where they live}
  customers: {type: BIGINT, description: How many}
  offers: {type: BIGINT, description: Offers made to them}
tests:
  - {name: no place has more than a thousand customers, sql: SELECT * FROM places WHERE customers > 1000}
"""
BIG = "SELECT geography FROM places WHERE customers >= 4"
BIG_YML = """\
description: Places with many customers
grain: one place
kind: full
key: [geography]
columns:
  geography: {type: STRING, description: The place}
"""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reference case with two models of its own, built once."""
    project = make_reference_project(tmp_path_factory.mktemp("prepared") / "bank")
    put(project.root, "finance/places", PLACES, PLACES_YML)
    put(project.root, "big_places", BIG, BIG_YML)
    run_all(project, BUSINESS_DATE)
    return project.root


@pytest.fixture
def bank(prepared: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(prepared, tmp_path / "bank", symlinks=True))


def put(root: Path, name: str, sql: str, yml: str) -> None:
    file = root / "models" / f"{name}.sql"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(sql)
    file.with_suffix(".yml").write_text(yml)


def edit(root: Path, name: str, before: str, after: str) -> None:
    file = root / "models" / name
    assert before in file.read_text()
    file.write_text(file.read_text().replace(before, after))


def add_offer(root: Path, number: int = 2021) -> None:
    file = root / "landing" / f"offers_{number}.csv"
    file.write_text(f"offer_id,customer_id,offer_type,accepted,date_offered\n{number},1,Cashback,1,2025-09-01\n")


def build(tenure: Command, bank: Path, *words: object) -> Ran:
    return tenure("build", "--date", BUSINESS_DATE, "--project", bank, *words)


def plan(tenure: Command, bank: Path, *words: object) -> dict[str, tuple[str, str]]:
    rows = build(tenure, bank, "--dry-run", "--json", *words).document
    return {row["model"]: (row["action"], row["why"]) for row in rows}


def ask(tenure: Command, bank: Path, query: str) -> list[dict[str, object]]:
    return tenure("sql", query, "--project", bank, "--json").document


def store(bank: Path) -> ReleaseStore:
    return ReleaseStore(open_project(bank).warehouse)


def current(bank: Path) -> str:
    pointer = store(bank).pointer()
    assert pointer is not None
    return pointer.current


def hashes(bank: Path) -> dict[str, str]:
    return {table.name: table.content_hash for table in store(bank).manifest(current(bank)).tables}


def test_the_tables_are_in_the_release_and_answer_questions(tenure: Command, bank: Path) -> None:
    places = ask(tenure, bank, "SELECT * FROM places ORDER BY customers DESC, geography LIMIT 2")
    assert places[0] == {"geography": "Egypt", "customers": 7, "offers": 7}
    assert [row["geography"] for row in ask(tenure, bank, "SELECT * FROM big_places ORDER BY 1")] == ["Egypt", "UAE"]
    manifest = store(bank).manifest(current(bank))
    table = manifest.table("places")
    assert table is not None
    assert table.layer == "project"
    assert "places: no place has more than a thousand customers" in manifest.checks
    shown = tenure("releases", "show", "--project", bank, "--json").document
    assert {"big_places", "places"} <= {entry["name"] for entry in shown["tables"]}


def test_nothing_new_leaves_everything_unchanged(tenure: Command, bank: Path) -> None:
    assert set(plan(tenure, bank).values()) == {("unchanged", "nothing that it reads changed")}
    assert "nothing changed" in build(tenure, bank).out


def test_new_rows_reach_a_model_of_the_project_and_equal_a_full_build(tenure: Command, bank: Path) -> None:
    add_offer(bank)
    ran = tenure("run", "--date", BUSINESS_DATE, "--project", bank, "--json").document
    assert "places" in ran["build"]["computed"]
    assert ask(tenure, bank, "SELECT SUM(offers) AS n FROM places") == [{"n": 21}]
    step_by_step = hashes(bank)
    assert build(tenure, bank, "--full").code == 0
    assert hashes(bank) == step_by_step


def test_changed_sql_rebuilds_the_model_and_what_reads_it_and_nothing_else(tenure: Command, bank: Path) -> None:
    edit(bank, "finance/places.sql", "COUNT(*) AS customers", "COUNT(*) + 0 AS customers")
    changed = {name: entry for name, entry in plan(tenure, bank).items() if entry[0] != "unchanged"}
    assert changed["places"] == ("full", "its SQL or its yml changed")
    assert changed.keys() == {"places", "big_places"}
    built = build(tenure, bank, "--json").document
    assert built["published"]
    assert built["computed"][-1] == "places"


def test_changed_words_of_a_description_rebuild_nothing(tenure: Command, bank: Path) -> None:
    edit(bank, "finance/places.yml", "description: How many", "description: How many there are")
    assert {action for action, _ in plan(tenure, bank).values()} == {"unchanged"}


def test_a_selection_is_computed_anew_with_all_that_depends_on_it(tenure: Command, bank: Path) -> None:
    chosen = plan(tenure, bank, "--select", "places")
    assert {name for name, (action, _) in chosen.items() if action == "full"} == {"places", "big_places"}
    chosen = plan(tenure, bank, "--select", "big_places,dim_date")
    assert {name for name, (action, _) in chosen.items() if action == "full"} == {"big_places", "dim_date"}
    assert plan(tenure, bank, "--select", "places+") == plan(tenure, bank, "--select", "places")
    upwards = plan(tenure, bank, "--select", "+dim_offer")
    computed = {name for name, (action, _) in upwards.items() if action == "full"}
    assert {"stg_offers", "dim_offer", "fact_customer_activity", "places", "big_places"} <= computed
    assert "stg_tickets" not in computed
    for words in ("place", "+place"):
        ran = build(tenure, bank, "--dry-run", "--select", words)
        assert ran.code == 2
        assert "there is no model place\n  cure: did you mean places?" in ran.err
    assert build(tenure, bank, "--select", "places,").code == 2


def test_a_dry_run_says_in_words_how_much_there_is_to_do(tenure: Command, bank: Path) -> None:
    total = len(plan(tenure, bank))
    assert f"{total} models: {total} unchanged" in build(tenure, bank, "--dry-run").out
    add_offer(bank)
    tenure("ingest", "offers", "--date", BUSINESS_DATE, "--project", bank)
    before = current(bank)
    out = build(tenure, bank, "--dry-run").out
    assert "places" in out
    assert "a model is left unchanged after all when what it reads turns out the same" in out
    assert current(bank) == before


def test_a_failing_test_of_the_project_publishes_nothing_and_is_named(tenure: Command, bank: Path) -> None:
    before = current(bank)
    edit(bank, "finance/places.yml", "customers > 1000", "customers > 6")
    ran = build(tenure, bank)
    assert ran.code == 1
    assert "places: no place has more than a thousand customers: 1 row breaks it" in ran.err
    assert "models/finance/places.sql" in ran.err
    assert "cure: mend the data or the model and run again; the release before stays in force" in ran.err
    assert current(bank) == before
    assert ask(tenure, bank, "SELECT COUNT(*) AS n FROM places") == [{"n": 6}]
    edit(bank, "finance/places.yml", "customers > 6", "customers > 7")
    assert build(tenure, bank).code == 0
    assert current(bank) != before


def test_a_failing_test_quotes_no_personal_data(tenure: Command, bank: Path) -> None:
    yml = PLACES_YML.split("key:", maxsplit=1)[0] + (
        "key: [customer_id]\ncolumns:\n  customer_id: {type: id, description: Who}\n"
        "  first_name: {type: STRING, description: Name, personal: name}\n"
        'tests:\n  - {name: nobody is left, sql: "SELECT customer_id, first_name, first_name AS other FROM named"}\n'
    )
    put(bank, "named", "SELECT customer_id, first_name FROM dim_customer", yml)
    names = {str(row["first_name"]) for row in ask(tenure, bank, "SELECT first_name FROM dim_customer")}
    ran = build(tenure, bank)
    assert ran.code == 1
    assert "nobody is left: 20 rows break it: customer_id=" in ran.err
    assert [name for name in names if name in ran.err] == []


def test_a_model_that_is_taken_away_leaves_the_release(tenure: Command, bank: Path) -> None:
    (bank / "models" / "big_places.sql").unlink()
    (bank / "models" / "big_places.yml").unlink()
    assert build(tenure, bank, "--json").document["published"]
    assert "big_places" not in hashes(bank)
    assert ask(tenure, bank, "SELECT COUNT(*) AS n FROM places") == [{"n": 6}]


def test_a_view_of_the_project_can_be_asked_and_read_by_models(tenure: Command, bank: Path) -> None:
    yml = BIG_YML.replace("kind: full", "kind: view")
    put(bank, "small_places", BIG.replace(">= 4", "< 4"), yml)
    put(bank, "smallest", "SELECT MIN(geography) AS geography FROM small_places", BIG_YML)
    assert build(tenure, bank).code == 0
    assert len(ask(tenure, bank, "SELECT * FROM small_places")) == 4
    assert ask(tenure, bank, "SELECT * FROM smallest") == [{"geography": "Bahrain"}]


STEPWISE = "SELECT customer_id, COUNT(*) AS offers FROM dim_offer GROUP BY customer_id"
STEPWISE_YML = """\
description: Offers of each customer
grain: one customer
kind: partitioned
follows: {dim_offer: customer_id}
key: [customer_id]
columns:
  customer_id: {type: id, description: Who}
  offers: {type: BIGINT, description: How many}
"""


def test_a_model_that_follows_its_input_costs_what_changed(tenure: Command, bank: Path) -> None:
    put(bank, "offered", STEPWISE, STEPWISE_YML)
    assert build(tenure, bank).code == 0
    add_offer(bank)
    tenure("ingest", "offers", "--date", BUSINESS_DATE, "--project", bank)
    assert plan(tenure, bank)["offered"] == ("increment", "rows of dim_offer changed")
    assert build(tenure, bank).code == 0
    mine = ask(tenure, bank, "SELECT offers FROM offered WHERE customer_id = 1")
    assert mine == ask(tenure, bank, "SELECT COUNT(*) AS offers FROM dim_offer WHERE customer_id = 1")
    step_by_step = hashes(bank)
    assert build(tenure, bank, "--full").code == 0
    assert hashes(bank) == step_by_step


def test_a_promise_that_the_sql_does_not_keep_stops_the_build(tenure: Command, bank: Path) -> None:
    before = current(bank)
    ranked = (
        "SELECT customer_id, CAST(RANK() OVER (ORDER BY offer_id ASC NULLS FIRST) AS BIGINT) AS offers FROM dim_offer"
    )
    put(bank, "offered", ranked, STEPWISE_YML)
    ran = build(tenure, bank)
    assert ran.code == 1
    assert "models/offered.yml:4: follows dim_offer by customer_id does not hold" in ran.err
    assert current(bank) == before


def test_the_example_of_the_documentation_builds_as_it_stands(tenure: Command, bank: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "your-own-models.md").read_text(encoding="utf-8")
    sql, yml = (re.findall(rf"```{kind}\n(.*?)```", page, flags=re.DOTALL)[0] for kind in ("sql", "yaml"))
    put(bank, "finance/branch_month", sql, yml)
    assert build(tenure, bank).code == 0
    assert ask(tenure, bank, "SELECT COUNT(DISTINCT geography) AS n FROM branch_month") == [{"n": 6}]
    (bank / "models" / "finance" / "branch_month.yml").unlink()
    told = build(tenure, bank, "--dry-run").err
    for column in ("geography: {type: STRING", "month: {type: DATE", "customers: {type: BIGINT", "balance: {type: "):
        assert column in told
        assert column in yml
    assert "key: [geography, month]" in yml
    assert [name for name in INPUTS if not name.startswith("raw_") and f"`{name}`" not in page] == []


CUSTOMER_HEADER = "customer_id,first_name,last_name,age,gender,geography,is_active,tenure_months,date_opened"


def with_branch(bank: Path, kind: str, values: dict[int, str], name: str) -> Project:
    """A contract with one more column, and a file that has it."""
    contract = bank / "sources" / "customers.yml"
    text = contract.read_text()
    if "  branch:" in text:
        text = text[: text.index("  branch:")]
    contract.write_text(f"{text.rstrip()}\n  branch: {{type: {kind}}}\n")
    lines = [f"{number},A,B,30,Male,Egypt,1,5,2025-01-01,{value}" for number, value in values.items()]
    (bank / "landing" / name).write_text("\n".join([f"{CUSTOMER_HEADER},branch", *lines]) + "\n")
    return open_project(bank)


BRANCH = "SELECT branch, COUNT(*) AS customers FROM dim_customer WHERE branch IS NOT NULL GROUP BY branch"
BRANCH_YML = """\
description: Customers of each branch
grain: one branch
kind: full
key: [branch]
columns:
  branch: {type: BIGINT, description: The branch}
  customers: {type: BIGINT, description: How many}
"""


def test_a_model_may_use_a_column_that_only_this_project_has(tenure: Command, bank: Path) -> None:
    put(bank, "branches", BRANCH, BRANCH_YML)
    ran = build(tenure, bank)
    assert ran.code == 1
    assert "models/branches.sql:1: " in ran.err
    assert "branch" in ran.err
    with_branch(bank, "integer", {1: "7", 2: "7", 3: "9"}, "customers_2025-09-30.csv")
    assert tenure("run", "--date", BUSINESS_DATE, "--project", bank).code == 0
    assert ask(tenure, bank, "SELECT * FROM branches ORDER BY branch") == [
        {"branch": 7, "customers": 2},
        {"branch": 9, "customers": 1},
    ]


def test_a_column_that_becomes_text_is_named_and_the_old_release_stays(tenure: Command, bank: Path) -> None:
    put(bank, "branches", BRANCH, BRANCH_YML)
    with_branch(bank, "integer", {1: "7", 2: "9"}, "customers_2025-09-29.csv")
    assert tenure("run", "--date", BUSINESS_DATE, "--project", bank).code == 0
    before = current(bank)
    with_branch(bank, "string", {3: "B7"}, "customers_2025-09-30.csv")
    ran = tenure("run", "--date", BUSINESS_DATE, "--project", bank)
    assert ran.code == 1
    assert "models/branches.yml:6: branch is STRING, its yml says BIGINT" in ran.err
    assert "under columns of models/branches.yml write:\n  branch: {type: STRING" in ran.err
    assert current(bank) == before
    assert ask(tenure, bank, "SELECT COUNT(*) AS n FROM branches") == [{"n": 2}]
    edit(bank, "branches.yml", "branch: {type: BIGINT", "branch: {type: STRING")
    assert tenure("run", "--date", BUSINESS_DATE, "--project", bank).code == 0
    found = ask(tenure, bank, "SELECT branch FROM branches ORDER BY branch")
    assert [row["branch"] for row in found] == ["7", "9", "B7"]
