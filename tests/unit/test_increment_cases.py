"""Cases in which an increment went, or could go, another way than building at once: each a small bank of its own."""

from pathlib import Path

import pytest

from tenure.core.errors import CheckFailed
from tenure.pipeline import run_build
from tenure.warehouse.runner import BuildRequest
from tenure.warehouse.store import ReleaseStore
from tests.property.increments import Bank, Bookings, Later, Offers, Snapshot, Step, Tickets, Usage, new_bank

FEES = Bookings(((1, "-5.00", "fee", "2025-06-15"), (1, "3.50", "purchase", "2025-05-01")))
LOGS = Usage(((1, 1, "Savings", "1.10", "2025-06-15"), (2, 1, "Card", "250.25", "2025-04-30")))


def with_model(folder: Path, name: str, yml: str, sql: str, *others: tuple[str, str, str]) -> Bank:
    """A bank with models of its own."""
    bank = new_bank(folder)
    for model, description, text in ((name, yml, sql), *others):
        (bank.project.root / "models" / f"{model}.yml").write_text(f"description: Some.\ngrain: one row\n{description}")
        (bank.project.root / "models" / f"{model}.sql").write_text(text)
    return bank


def wrong(bank: Bank, *steps: Step) -> list[str]:
    """The tables in which taking the steps one by one differs from building all at once."""
    for step in steps:
        bank.take(step)
    by_steps, at_once = bank.content(), bank.content_at_once()
    return sorted(name for name in at_once if by_steps[name] != at_once[name])


def test_rows_without_a_value_to_follow_by_are_worked_in_too(tmp_path: Path) -> None:
    yml = """kind: partitioned
follows: {fact_customer_activity: product_type}
key: [fact_id]
columns:
  fact_id: {type: BIGINT, description: The event}
  product_type: {type: STRING, description: The product}
"""
    bank = with_model(tmp_path, "products", yml, "SELECT fact_id, product_type FROM fact_customer_activity")
    again = Usage(((1, 1, "Savings", "7.00", None), (3, 1, "Card", "7.00", None)))
    assert wrong(bank, LOGS, FEES, Offers(((1, 1, "1", None),)), again, FEES) == []


def test_a_test_by_a_column_that_an_input_has_as_well(tmp_path: Path) -> None:
    yml = """kind: partitioned
partition: month
follows: {int_customer_month: month}
key: [month]
columns:
  month: {type: DATE, description: The month}
  customers: {type: BIGINT, description: How many}
tests:
  - name: no month is later than this one
    by: month
    sql: SELECT m.month FROM monthly AS m CROSS JOIN this_month AS t WHERE m.month > t.month
  - name: months are months
    by: month
    sql: SELECT m.month FROM monthly AS m LEFT JOIN calendar AS c ON c.date = m.month WHERE c.month IS NULL
"""
    sql = "SELECT month, COUNT(*) AS customers FROM int_customer_month GROUP BY month"
    bank = with_model(tmp_path, "monthly", yml, sql)
    assert wrong(bank, Snapshot(4, ((1, "UAE", 1, 3), (2, "UAE", 1, 3))), Snapshot(5, ((1, "UAE", 1, 3),))) == []


def test_an_input_that_never_changes_may_be_followed(tmp_path: Path) -> None:
    yml = """kind: partitioned
follows: {int_customer_month: month, calendar: month}
key: [month]
columns:
  month: {type: DATE, description: The month}
  days: {type: BIGINT, description: How many days}
"""
    sql = """SELECT m.month, COUNT(*) AS days
FROM (SELECT DISTINCT month FROM int_customer_month) AS m INNER JOIN calendar AS c ON c.month = m.month
GROUP BY m.month"""
    bank = with_model(tmp_path, "days", yml, sql)
    assert wrong(bank, Snapshot(4, ((1, "UAE", 1, 3), (2, "UAE", 1, 3))), Snapshot(5, ((1, "UAE", 1, 3),))) == []


def test_a_view_that_is_read_as_a_whole_is_not_restricted_from_below(tmp_path: Path) -> None:
    yml = """kind: partitioned
follows: {stg_offers: offer_id}
key: [offer_id]
columns:
  offer_id: {type: id, description: The offer}
  repeated: {type: BIGINT, description: How many offers came more than once}
"""
    view = """kind: view
key: [repeated]
columns:
  repeated: {type: BIGINT, description: How many offers came more than once}
"""
    bank = with_model(
        tmp_path,
        "offers_seen",
        yml,
        "SELECT o.offer_id, r.repeated FROM stg_offers AS o CROSS JOIN offers_repeated AS r",
        ("offers_repeated", view, "SELECT COUNT(*) AS repeated FROM int_offers_repeated"),
    )
    first = Offers(((1, 1, "1", "2025-06-15"), (2, 1, "1", "2025-06-15")))
    assert wrong(bank, first, Offers(((1, 1, "0", "2025-06-15"),)), Offers(((3, 1, "0", "2025-06-15"),))) == []


def test_models_whose_names_sound_like_tables_in_the_making(tmp_path: Path) -> None:
    yml = """kind: partitioned
follows: {fact_customer_activity: customer_id}
key: [customer_id]
columns:
  customer_id: {type: id, description: The customer}
  events: {type: BIGINT, description: How many}
"""
    small = """kind: full
key: [currency]
columns:
  currency: {type: STRING, description: The currency}
"""
    reads = """kind: full
key: [currency, events]
columns:
  currency: {type: STRING, description: The currency}
  events: {type: BIGINT, description: How many}
"""
    bank = with_model(
        tmp_path,
        "deals",
        yml,
        "SELECT customer_id, COUNT(*) AS events FROM fact_customer_activity GROUP BY customer_id",
        ("stale_deals", small, "SELECT currency FROM project"),
        ("fresh_deals", small, "SELECT currency FROM project"),
        (
            "total",
            reads,
            """SELECT s.currency, CAST(SUM(d.events) AS BIGINT) AS events
FROM deals AS d CROSS JOIN stale_deals AS s INNER JOIN fresh_deals AS f ON f.currency = s.currency
GROUP BY s.currency""",
        ),
    )
    assert wrong(bank, LOGS, FEES, LOGS, FEES) == []


def test_rows_without_a_month_stay_where_only_later_months_are_made_anew(tmp_path: Path) -> None:
    yml = """kind: partitioned
partition: last_paid
follows: {fact_customer_activity: customer_id}
onwards: {fact_customer_activity: activity_date}
key: [customer_id, activity_type]
columns:
  customer_id: {type: id, description: The customer}
  activity_type: {type: STRING, description: The kind of event}
  last_paid: {type: DATE, description: The day of the newest booking}
"""
    sql = """SELECT customer_id, activity_type, MIN(CASE WHEN amount IS NOT NULL THEN activity_date END) AS last_paid
FROM fact_customer_activity GROUP BY customer_id, activity_type"""
    bank = with_model(tmp_path, "paid", yml, sql)
    assert wrong(bank, LOGS, FEES, Usage(((9, 1, "Card", "1.00", "2025-06-20"),))) == []


def test_a_build_after_a_rollback_takes_in_what_the_release_in_force_has_not_seen(tmp_path: Path) -> None:
    bank = new_bank(tmp_path)
    store = ReleaseStore(bank.project.warehouse)
    bank.take(LOGS)
    pointer = store.pointer()
    assert pointer
    bank.take(FEES)
    bank.take(Usage(((1, 1, "Card", "7.00", "2025-07-02"),)))
    store.rollback(pointer.current)
    assert wrong(bank, Snapshot(4, ((1, "UAE", 1, 3), (2, "UAE", 1, 3))), Later(1)) == []


def test_a_business_date_that_goes_back(tmp_path: Path) -> None:
    bank = new_bank(tmp_path)
    steps = (
        Snapshot(7, ((1, "UAE", 0, 3), (2, "UAE", 1, 3))),
        Later(40),
        LOGS,
        Later(-40),
        FEES,
        Later(-60),
        Later(62),
    )
    assert wrong(bank, *steps) == []


@pytest.mark.parametrize("days", [-1, -3])
def test_a_business_date_that_goes_back_within_the_month(tmp_path: Path, days: int) -> None:
    bank = new_bank(tmp_path)
    assert wrong(bank, LOGS, Snapshot(6, ((2, "UAE", 1, 3),)), Later(days), Tickets(((1, 1, "", None),))) == []


def test_a_view_read_as_a_whole_sees_all_of_what_the_model_follows(tmp_path: Path) -> None:
    yml = """kind: partitioned
follows: {fact_customer_activity: customer_id, dim_usage: customer_id}
key: [customer_id]
columns:
  customer_id: {type: id, description: The customer}
  events: {type: BIGINT, description: How many}
  balances: {type: BIGINT, description: How many balances there are of all customers}
"""
    view = """kind: view
key: [balances]
columns:
  balances: {type: BIGINT, description: How many}
"""
    bank = with_model(
        tmp_path,
        "busy",
        yml,
        """SELECT a.customer_id, COUNT(*) AS events, MAX(v.balances) AS balances
FROM fact_customer_activity AS a CROSS JOIN all_balances AS v
LEFT JOIN (SELECT DISTINCT customer_id FROM dim_usage) AS u ON u.customer_id = a.customer_id
GROUP BY a.customer_id""",
        ("all_balances", view, "SELECT COUNT(*) AS balances FROM dim_usage"),
    )
    two = Usage(((1, 1, "Card", "1.10", "2025-06-15"), (2, 2, "Card", "1.10", "2025-06-15")))
    assert wrong(bank, two, FEES, FEES) == []


def test_a_test_reads_a_whole_view_whatever_changed(tmp_path: Path) -> None:
    yml = """kind: partitioned
follows: {fact_customer_activity: customer_id}
key: [customer_id]
columns:
  customer_id: {type: id, description: The customer}
  events: {type: BIGINT, description: How many}
tests:
  - name: there are two balances as well
    by: customer_id
    sql: >
      SELECT b.customer_id FROM busy AS b CROSS JOIN all_balances AS v
      LEFT JOIN dim_usage AS u ON u.customer_id = b.customer_id
      WHERE v.balances <> 2
"""
    view = """kind: view
key: [balances]
columns:
  balances: {type: BIGINT, description: How many}
"""
    sql = "SELECT customer_id, COUNT(*) AS events FROM fact_customer_activity GROUP BY customer_id"
    whole = "SELECT COUNT(*) AS balances FROM dim_usage"
    bank = with_model(tmp_path, "busy", yml, sql, ("all_balances", view, whole))
    two = Usage(((1, 1, "Card", "1.10", "2025-06-15"), (2, 2, "Card", "1.10", "2025-06-15")))
    assert wrong(bank, two, FEES, FEES) == []


def test_a_test_by_a_column_looks_at_rows_that_have_none(tmp_path: Path) -> None:
    yml = """kind: partitioned
follows: {fact_customer_activity: fact_id}
key: [fact_id]
columns:
  fact_id: {type: BIGINT, description: The event}
  product_type: {type: STRING, description: The product}
  amount: {type: "DECIMAL(18,2)", description: The amount}
tests:
  - name: nothing is dear
    by: product_type
    sql: SELECT fact_id FROM events WHERE amount > 3
"""
    sql = "SELECT fact_id, product_type, amount FROM fact_customer_activity"
    bank = with_model(tmp_path, "events", yml, sql)
    bank.take(LOGS)
    bank.take(Bookings(((1, "-5.00", "fee", "2025-06-15"),)))
    with pytest.raises(CheckFailed, match="nothing is dear"):
        bank.take(FEES)


def test_ids_that_turn_from_numbers_to_text(tmp_path: Path) -> None:
    bank = new_bank(tmp_path)
    for step in (Offers(((1, 1, "1", "2025-06-15"), (2, 1, "0", None))), LOGS):
        bank.take(step)
    source = bank.project.sources / "offers.yml"
    source.write_text(source.read_text().replace("offer_id: {type: integer", "offer_id: {type: string"))
    assert wrong(bank, Offers(((2, 1, "1", None),)), Offers(((3, 1, "1", None),)), FEES) == []


def test_an_attribute_that_turns_from_numbers_to_text(tmp_path: Path) -> None:
    yml = """kind: partitioned
follows: {raw_offers: offer_id}
key: [offer_id, _load_id]
columns:
  offer_id: {type: id, description: The offer}
  _load_id: {type: STRING, description: The load}
  is_early: {type: BOOLEAN, description: Whether the wave is one of the first}
"""
    bank = with_model(tmp_path, "waves", yml, "SELECT offer_id, _load_id, wave < '10' AS is_early FROM raw_offers")
    source = bank.project.sources / "offers.yml"
    bare = source.read_text()
    landing = bank.project.root / "landing"
    for number, kind in enumerate(("integer", "string")):
        source.write_text(f"{bare.rstrip()}\n  wave: {{type: {kind}}}\n")
        (landing / f"offers_{number}.csv").write_text(
            f"offer_id,customer_id,accepted,date_offered,offer_type,wave\n{number},1,1,2025-06-15,Card,9\n"
        )
        bank.run()
    assert wrong(bank) == []


def test_events_that_a_source_drops_and_brings_back(tmp_path: Path) -> None:
    bank = new_bank(tmp_path)
    source = bank.project.sources / "offers.yml"
    source.write_text(source.read_text().replace("columns:", "mode: snapshot\nmax_deleted_share: 1.0\ncolumns:"))
    steps = (
        Offers(((1, 1, "1", "2025-06-15"), (2, 1, "0", None), (3, 7, "0", None))),
        Later(3),
        Offers(((1, 1, "1", "2025-06-15"),)),
        Later(3),
        Offers(((2, 1, "0", None), (4, 1, "", "2025-05-01"))),
        Snapshot(5, ((1, "UAE", 1, 3), (7, "UAE", 1, 3))),
        Later(30),
        Offers(((1, 1, "1", None), (4, 1, "1", "2025-05-01"))),
    )
    assert wrong(bank, *steps) == []


def test_a_build_that_fails_leaves_nothing_for_the_next_to_trip_over(tmp_path: Path) -> None:
    yml = """kind: partitioned
partition: activity_date
follows: {fact_customer_activity: fact_id}
key: [fact_id]
columns:
  fact_id: {type: BIGINT, description: The event}
  activity_date: {type: DATE, description: The day}
  amount: {type: "DECIMAL(18,2)", description: The amount}
tests:
  - name: nothing is dear
    by: fact_id
    sql: SELECT fact_id FROM events WHERE amount > 3
"""
    bank = with_model(tmp_path, "events", yml, "SELECT fact_id, activity_date, amount FROM fact_customer_activity")
    bank.take(LOGS)
    releases = sorted(bank.project.warehouse.rglob("*"))
    for step in (FEES, Later(1)):
        with pytest.raises(CheckFailed):
            bank.take(step)
        assert sorted(bank.project.warehouse.rglob("*")) == releases
    description = bank.project.root / "models" / "events.yml"
    description.write_text(description.read_text().partition("tests:")[0])
    assert wrong(bank, Usage(((1, 1, "Card", "7.00", None),)), FEES) == []


def test_models_made_anew_on_request_tell_the_others(tmp_path: Path) -> None:
    bank = new_bank(tmp_path)
    bank.take(LOGS)
    run_build(bank.project, BuildRequest("again", bank.today, select=("dim_customer_history", "dim_usage")))
    assert wrong(bank, FEES, Usage(((2, 1, "Savings", "5.00", "2025-05-01"),))) == []


def test_a_release_of_another_tenure_is_built_upon_by_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bank = new_bank(tmp_path)
    monkeypatch.setattr("tenure.__version__", "another")
    bank.take(Later(1))
    assert "int_usage_repeated" in bank.built


def test_months_that_come_out_the_same_take_no_room_again(tmp_path: Path) -> None:
    bank = new_bank(tmp_path)
    for step in (LOGS, Snapshot(4, ((1, "UAE", 1, 3), (2, "UAE", 1, 3))), Later(5)):
        bank.take(step)
    store = ReleaseStore(bank.project.warehouse)
    pointer = store.pointer()
    assert pointer
    assert {"int_customer_month", "fact_customer_metrics", "dim_customer"} <= set(bank.built)
    own = {
        path.parent.name for path in (store.folder / pointer.current).rglob("*.parquet") if path.stat().st_nlink == 1
    }
    months = {path.stem[:7] for path in (store.folder / pointer.current / "int_customer_month").iterdir()}
    shared = [
        path for path in (store.folder / pointer.current / "int_customer_month").iterdir() if path.stat().st_nlink > 1
    ]
    assert "dim_geography" not in own
    assert len(months) == len(shared) + 1
    assert wrong(bank, FEES) == []


def test_a_test_that_is_new_looks_at_all_rows(tmp_path: Path) -> None:
    yml = """kind: partitioned
partition: activity_date
follows: {fact_customer_activity: fact_id}
key: [fact_id]
columns:
  fact_id: {type: BIGINT, description: The event}
  activity_date: {type: DATE, description: The day}
  amount: {type: "DECIMAL(18,2)", description: The amount}
"""
    bank = with_model(tmp_path, "events", yml, "SELECT fact_id, activity_date, amount FROM fact_customer_activity")
    bank.take(FEES)
    with (bank.project.root / "models" / "events.yml").open("a") as file:
        file.write("tests:\n  - name: dear\n    by: fact_id\n    sql: SELECT fact_id FROM events WHERE amount > 3\n")
    with pytest.raises(CheckFailed, match="dear"):
        bank.take(LOGS)


def test_an_event_of_a_mistyped_year(tmp_path: Path) -> None:
    bank = new_bank(tmp_path)
    assert wrong(bank, LOGS, Usage(((3, 1, "Card", "1.00", "0205-06-01"),)), FEES) == []
