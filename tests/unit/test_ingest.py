"""Every record that arrives is loaded, quarantined or counted as a duplicate, once."""

import os
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tenure.cli.demo import make_project
from tenure.core.errors import UsageError
from tenure.core.settings import Project, open_project
from tenure.pipeline import RunResult, raw_zone, run_all, run_build, run_ingest
from tenure.raw.quarantine import Chosen, quarantined
from tenure.sources.ingest import Outcome
from tenure.warehouse.releases import open_release
from tenure.warehouse.runner import BuildRequest
from tests.command import Command

DAY = date(2025, 10, 2)
HEADER = "offer_id,customer_id,offer_type,accepted,date_offered\n"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    make_project(tmp_path / "bank", "bank")
    return open_project(tmp_path / "bank")


def land(project: Project, name: str, content: str | bytes) -> Path:
    path = project.root / "landing" / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def only(result: RunResult) -> Outcome:
    assert len(result.outcomes) == 1
    outcome = result.outcomes[0]
    assert outcome.records_in == outcome.loaded + outcome.quarantined + outcome.duplicates + outcome.unchanged
    return outcome


def loaded_rows(project: Project, source: str) -> list[dict[str, object]]:
    zone = raw_zone(project)
    rows: list[dict[str, object]] = []
    for load in zone.state.loads(source):
        rows += pq.read_table(zone.path(load) / "data.parquet").to_pylist()
    return rows


def test_a_file_is_loaded_exactly_with_its_origin(project: Project) -> None:
    land(project, "offers.csv", HEADER + '1,7,Cashback,1,2025-01-31\n2,8,"Savings, plus",,\n')
    outcome = only(run_ingest(project, DAY))
    assert (outcome.status, outcome.loaded) == ("loaded", 2)
    first, second = loaded_rows(project, "offers")
    assert (first["offer_id"], first["accepted"], first["date_offered"]) == (1, True, date(2025, 1, 31))
    assert (second["offer_type"], second["accepted"], second["date_offered"]) == ("Savings, plus", None, None)
    assert (second["_source"], second["_load_id"], second["_row"]) == ("offers", "L00000001", 3)
    assert second["_business_date"] == DAY


def test_a_bad_row_is_quarantined_verbatim_and_the_others_are_loaded(project: Project) -> None:
    good = "".join(f"{number},1,Cashback,1,2025-01-01\n" for number in range(10, 20))
    land(
        project,
        "offers.csv",
        HEADER + good + "x,1,Cashback,1,2025-01-01\n3,,Cashback,1,\n4,1,Cashback,1,2025-02-30\n5,1\n",
    )
    outcome = only(run_ingest(project, DAY))
    assert (outcome.loaded, outcome.quarantined) == (10, 4)
    apart = list(quarantined(raw_zone(project), Chosen("offers")))
    assert [(record.row, record.column, record.rule, record.reason, record.record) for record in apart] == [
        (12, "offer_id", "type", "offer_id is not an integer", b"x,1,Cashback,1,2025-01-01"),
        (13, "customer_id", "required", "customer_id is missing", b"3,,Cashback,1,"),
        (14, "date_offered", "type", "date_offered is not a date", b"4,1,Cashback,1,2025-02-30"),
        (15, None, "fields", "has 2 fields instead of 5", b"5,1"),
    ]
    assert {(record.load.delivery, record.fate) for record in apart} == {("landing/offers.csv", "open")}


def test_the_same_delivery_twice_is_loaded_once(project: Project) -> None:
    path = land(project, "offers.csv", HEADER + "1,7,Cashback,1,2025-01-31\n")
    run_ingest(project, DAY)
    again = only(run_ingest(project, DAY))
    assert (again.loaded, again.unchanged) == (0, 1)
    os.utime(path, (1, 1))
    touched = only(run_ingest(project, DAY))
    assert (touched.loaded, touched.unchanged) == (0, 1)
    assert len(raw_zone(project).state.loads()) == 1


def test_a_file_that_returns_to_an_earlier_state_is_a_new_delivery(project: Project) -> None:
    a, b = (HEADER + f"1,7,Cashback,{answer},2025-01-31\n" for answer in (1, 0))
    for content in (a, b, a):
        land(project, "offers.csv", content)
        run_ingest(project, DAY)
    assert len(raw_zone(project).state.loads()) == 3
    run_build(project, BuildRequest("run", DAY))
    with open_release(project) as release:
        assert release.query("SELECT accepted FROM dim_offer").to_pylist() == [{"accepted": True}]


def test_an_exact_copy_is_a_duplicate_and_a_contradiction_is_quarantined(project: Project) -> None:
    land(
        project,
        "offers.csv",
        HEADER
        + "1,7,Cashback,1,2025-01-31\n1,7,Cashback,1,2025-01-31\n"
        + "2,7,Cashback,1,2025-01-31\n2,7,Cashback,0,2025-01-31\n2,7,Cashback,1,2025-01-31\n"
        + "".join(f"{number},1,Cashback,1,2025-01-01\n" for number in range(10, 20)),
    )
    outcome = only(run_ingest(project, DAY))
    assert (outcome.records_in, outcome.loaded, outcome.duplicates, outcome.quarantined) == (15, 11, 2, 2)
    assert [row["_row"] for row in loaded_rows(project, "offers")][:2] == [2, 7]
    conflicts = quarantined(raw_zone(project), Chosen("offers", rule="unique"))
    assert [(record.row, record.record) for record in conflicts] == [
        (4, b"2,7,Cashback,1,2025-01-31"),
        (5, b"2,7,Cashback,0,2025-01-31"),
    ]


def _edit(project: Project, source: str, before: str, after: str) -> None:
    path = project.sources / f"{source}.yml"
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def test_the_newest_by_order_by_wins_and_a_tie_is_a_contradiction(project: Project) -> None:
    _edit(project, "offers", "key: [offer_id]", "key: [offer_id]\norder_by: date_offered")
    land(
        project,
        "offers.csv",
        HEADER
        + "1,7,Old,1,2025-01-01\n1,7,New,1,2025-01-02\n"
        + "2,7,This,1,2025-01-02\n2,7,That,1,2025-01-02\n2,7,Old,1,2025-01-01\n"
        + "".join(f"{number},1,Cashback,1,2025-01-01\n" for number in range(10, 20)),
    )
    outcome = only(run_ingest(project, DAY))
    assert (outcome.loaded, outcome.duplicates, outcome.quarantined) == (11, 2, 2)
    assert loaded_rows(project, "offers")[0]["offer_type"] == "New"


def test_equal_records_of_a_keyless_source_stay_two(project: Project) -> None:
    _edit(project, "transactions", "key: [transaction_id]", "keyless: true")
    _edit(project, "transactions", "  transaction_id: {type: integer, required: true}\n", "")
    header = "customer_id,transaction_at,amount,kind,channel,product_type\n"
    land(project, "transactions.csv", header + "1,2025-01-01 10:00:00,-20.00,purchase,ATM,Current\n" * 2)
    outcome = only(run_ingest(project, DAY))
    assert (outcome.loaded, outcome.duplicates) == (2, 0)
    run_build(project, BuildRequest("run", DAY))
    with open_release(project) as release:
        total = release.query("SELECT COUNT(DISTINCT transaction_id) AS n, SUM(amount) AS s FROM stg_transactions")
    assert total.to_pylist() == [{"n": 2, "s": Decimal("-40.00")}]


def test_a_file_above_max_bad_share_is_refused_whole(project: Project) -> None:
    land(project, "offers.csv", HEADER + "x,7,A,1,\ny,7,A,1,\n3,7,A,1,\n")
    outcome = only(run_ingest(project, DAY))
    assert outcome.status == "refused"
    assert outcome.reason is not None
    assert "2 of 3 records break the contract (offer_id: type × 2)" in outcome.reason
    assert "max_bad_share" in outcome.reason
    assert raw_zone(project).state.loads() == []
    assert list((project.raw / "offers").iterdir()) == []


def test_a_refused_file_does_not_stop_the_others(project: Project) -> None:
    land(project, "offers_a.csv", "")
    land(project, "offers_b.csv", HEADER + "1,7,Cashback,1,2025-01-31\n")
    first, second = run_ingest(project, DAY).outcomes
    assert (first.status, second.status) == ("refused", "loaded")


def test_columns_in_another_order_are_matched_by_name_and_noted(project: Project) -> None:
    land(project, "offers.csv", "customer_id,offer_id,accepted,offer_type,date_offered\n7,1,0,Cashback,2025-01-31\n")
    outcome = only(run_ingest(project, DAY))
    assert any("another order" in note for note in outcome.notes)
    row = loaded_rows(project, "offers")[0]
    assert (row["offer_id"], row["customer_id"], row["accepted"]) == (1, 7, False)


def test_a_month_in_the_file_name_is_when_a_snapshot_holds(project: Project) -> None:
    header = "customer_id,first_name,last_name,age,gender,geography,is_active,tenure_months,date_opened\n"
    land(project, "customers_2025-08.csv", header + "1,A,B,30,Male,Egypt,1,5,2025-03-01\n")
    land(project, "customers_2025-09.csv", header + "1,A,B,30,Male,Egypt,0,6,2025-03-01\n")
    run_all(project, date(2025, 9, 30))
    with open_release(project) as release:
        history = release.query("SELECT valid_from, valid_to, is_active FROM dim_customer_history ORDER BY valid_from")
        months = release.query("SELECT month, is_churned, churned_in_month FROM fact_customer_metrics ORDER BY month")
    assert [tuple(row.values()) for row in history.to_pylist()] == [
        (date(2025, 8, 31), date(2025, 9, 29), True),
        (date(2025, 9, 30), date(9999, 12, 31), False),
    ]
    assert [tuple(row.values()) for row in months.to_pylist()] == [
        (date(2025, 8, 1), False, False),
        (date(2025, 9, 1), True, True),
    ]


def test_a_late_snapshot_falls_into_its_place(project: Project) -> None:
    header = "customer_id,first_name,last_name,age,gender,geography,is_active,tenure_months,date_opened\n"
    land(project, "customers_2025-07.csv", header + "1,A,B,30,Male,Egypt,1,4,2025-03-01\n")
    land(project, "customers_2025-09.csv", header + "1,A,B,30,Male,Egypt,1,6,2025-03-01\n")
    run_all(project, date(2025, 9, 30))
    land(project, "customers_2025-08.csv", header + "1,A,B,30,Male,Egypt,0,5,2025-03-01\n")
    run_all(project, date(2025, 9, 30))
    with open_release(project) as release:
        months = release.query("SELECT is_churned FROM fact_customer_metrics ORDER BY month").to_pylist()
    assert [row["is_churned"] for row in months] == [False, True, False]


def test_attributes_beyond_the_entity_flow_on_to_the_dimension(project: Project) -> None:
    _edit(
        project, "customers", "  date_opened: {type: date}\n", "  date_opened: {type: date}\n  branch: {type: string}\n"
    )
    header = "customer_id,first_name,last_name,age,gender,geography,is_active,tenure_months,date_opened,branch\n"
    land(project, "customers.csv", header + "1,A,B,30,Male,Egypt,1,5,2025-03-01,Cairo\n")
    run_all(project, DAY)
    with open_release(project) as release:
        assert release.query("SELECT branch FROM dim_customer").to_pylist() == [{"branch": "Cairo"}]
        assert release.query("SELECT branch FROM dim_customer_history").to_pylist() == [{"branch": "Cairo"}]


def test_customer_ids_may_be_text_throughout(project: Project) -> None:
    for source in ("customers", "offers"):
        _edit(project, source, "customer_id: {type: integer", "customer_id: {type: string")
    header = "customer_id,first_name,last_name,age,gender,geography,is_active,tenure_months,date_opened\n"
    land(project, "customers.csv", header + "K-1,A,B,30,Male,Egypt,1,5,2025-03-01\n")
    land(project, "offers.csv", HEADER + "1,K-1,Cashback,1,2025-01-31\n")
    land(
        project,
        "usage.json",
        '{"usage_log_id": 1, "customer_id": 5, "product_type": "Savings", "monthly_balance": 10.5}\n',
    )
    run_all(project, DAY)
    with open_release(project) as release:
        row = release.query("SELECT customer_id, offers_made FROM fact_customer_metrics").to_pylist()
        usage = release.query("SELECT customer_id FROM dim_usage").to_pylist()
    assert row == [{"customer_id": "K-1", "offers_made": 1}]
    assert usage == [{"customer_id": "5"}]


def test_nothing_multiplies_when_a_customer_has_two_events_of_each_kind(project: Project) -> None:
    header = "customer_id,first_name,last_name,age,gender,geography,is_active,tenure_months,date_opened\n"
    land(project, "customers.csv", header + "1,A,B,30,Male,Egypt,1,5,2025-03-01\n")
    land(project, "offers.csv", HEADER + "1,1,Cashback,1,2025-01-31\n2,1,Cashback,0,2025-02-28\n")
    tickets = "ticket_id,customer_id,issue_type,severity,resolution_time_hrs\n"
    land(project, "customer_support_tickets.csv", tickets + "1,1,Login,Low,5\n2,1,Login,High,7.25\n")
    usage = (
        '{{"usage_log_id": {0}, "customer_id": 1, "product_type": "{1}", "monthly_balance": {2}, "num_products": 2}}\n'
    )
    land(project, "usage.json", usage.format(1, "Savings", "0.10") + usage.format(2, "Current", "0.20"))
    run_all(project, DAY)
    with open_release(project) as release:
        facts = release.query(
            "SELECT activity_type, COUNT(*) AS n FROM fact_customer_activity GROUP BY ALL"
        ).to_pylist()
        card = release.query(
            "SELECT total_balance, num_products, offers_made, offers_accepted, contacts, avg_resolution_time_hrs"
            " FROM fact_customer_metrics"
        ).to_pylist()
    assert {row["activity_type"]: row["n"] for row in facts} == {"usage": 2, "offer": 2, "ticket": 2}
    assert [tuple(row.values()) for row in card] == [(Decimal("0.30"), 2, 2, 1, 2, 6.125)]


def test_an_event_of_an_unknown_customer_is_kept_and_joins_when_the_customer_arrives(project: Project) -> None:
    land(project, "offers.csv", HEADER + "1,9,Cashback,1,2025-01-31\n")
    run_all(project, DAY)
    with open_release(project) as release:
        assert release.query("SELECT COUNT(*) AS n FROM fact_customer_activity")["n"][0].as_py() == 1
        assert release.query("SELECT COUNT(*) AS n FROM fact_customer_metrics")["n"][0].as_py() == 0
    header = "customer_id,first_name,last_name,age,gender,geography,is_active,tenure_months,date_opened\n"
    land(project, "customers.csv", header + "9,A,B,30,Male,Egypt,1,5,2025-03-01\n")
    run_all(project, DAY)
    with open_release(project) as release:
        assert release.query("SELECT offers_made FROM fact_customer_metrics").to_pylist() == [{"offers_made": 1}]


@pytest.fixture
def leftovers(project: Project) -> Path:
    folder = project.raw / "offers" / ".writing-L00000001"
    folder.mkdir(parents=True)
    (folder / "data.parquet").write_bytes(b"half a file")
    return folder


def test_what_a_dead_run_left_behind_is_removed_by_the_next(project: Project, leftovers: Path) -> None:
    land(project, "offers.csv", HEADER + "1,7,Cashback,1,2025-01-31\n")
    run_ingest(project, DAY)
    assert not leftovers.exists()
    assert [path.name for path in (project.raw / "offers").iterdir()] == ["L00000001"]


def test_a_pipe_is_no_file(project: Project) -> None:
    os.mkfifo(project.root / "landing" / "offers_pipe.csv")
    outcome = only(run_ingest(project, DAY))
    assert outcome.status == "refused"
    assert "a pipe or a device" in str(outcome.reason)


def change_contract(project: Project, before: str, after: str) -> None:
    path = project.sources / "offers.yml"
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def test_a_file_is_loaded_again_by_a_changed_contract_when_that_is_asked_for(project: Project) -> None:
    land(project, "offers.csv", HEADER + "1,7,Cashback,1,2025-01-31\n")
    run_ingest(project, DAY)
    change_contract(project, "offer_type: {type: string, ", "offer_type: {type: string, allowed: [Loan], ")
    left = only(run_ingest(project, DAY))
    assert (left.loaded, left.unchanged) == (0, 1)
    assert "tenure ingest offers --full" in left.notes[0]
    change_contract(project, "allowed: [Loan]", "allowed: [Cashback]")
    again = only(run_ingest(project, DAY, again=True))
    assert (again.loaded, again.notes) == (1, ())
    assert only(run_ingest(project, DAY)).notes == ()


def test_a_description_is_no_reason_to_load_again(project: Project) -> None:
    land(project, "offers.csv", HEADER + "1,7,Cashback,1,2025-01-31\n")
    run_ingest(project, DAY)
    change_contract(project, "owner: Marketing", "owner: Sales")
    assert only(run_ingest(project, DAY)).notes == ()


def test_files_are_loaded_again_in_the_order_in_which_they_came(project: Project) -> None:
    land(project, "offers_b.csv", HEADER + "1,7,Old,1,2025-01-31\n")
    run_ingest(project, DAY)
    land(project, "offers_a.csv", HEADER + "1,7,New,1,2025-01-31\n")
    run_ingest(project, DAY)
    files = [outcome.file for outcome in run_ingest(project, DAY, again=True).outcomes]
    assert files == ["landing/offers_b.csv", "landing/offers_a.csv"]
    run_build(project, BuildRequest("run", DAY))
    with open_release(project) as release:
        assert release.query("SELECT offer_type FROM dim_offer").to_pylist() == [{"offer_type": "New"}]


def test_records_without_a_key_are_not_doubled(project: Project) -> None:
    change_contract(project, "key: [offer_id]", "keyless: true")
    change_contract(project, "  offer_id: {type: integer, required: true}\n", "")
    land(project, "offers.csv", HEADER.removeprefix("offer_id,"))
    with pytest.raises(UsageError, match="double"):
        run_ingest(project, DAY, ("offers",), again=True)


def test_a_file_whose_name_is_not_text_is_refused_and_the_others_are_loaded(project: Project) -> None:
    land(project, "offers-1.csv", HEADER + "1,7,Cashback,1,\n")
    land(project, os.fsdecode(b"offers-\xff.csv"), HEADER + "2,7,Cashback,1,\n")
    land(project, "offers-\u00ff.csv", HEADER + "3,7,Cashback,1,\n")
    for _ in range(2):
        outcomes = {outcome.file: outcome for outcome in run_ingest(project, DAY).outcomes}
        assert set(outcomes) == {"landing/offers-1.csv", r"landing/offers-\xff.csv", "landing/offers-\u00ff.csv"}
        bad = outcomes[r"landing/offers-\xff.csv"]
        assert (bad.status, bad.passing) == ("refused", False)
        assert "its name is not UTF-8" in str(bad.reason)
        assert "cure: rename it" in str(bad.reason)
    assert sorted(str(row["offer_id"]) for row in loaded_rows(project, "offers")) == ["1", "3"]


def test_the_watcher_goes_on_beside_a_file_whose_name_is_not_text(project: Project, tenure: Command) -> None:
    land(project, os.fsdecode(b"offers-\xff.csv"), HEADER + "2,7,Cashback,1,\n")
    land(project, "offers-2.csv", HEADER + "1,7,Cashback,1,\n")
    contract = project.sources / "offers.yml"
    contract.write_text(contract.read_text() + "watch: {refused: refused}\n")
    ran = tenure("watch", "--once", "--settle", 0, "--project", project.root)
    assert "its name is not UTF-8" in ran.out + ran.err
    assert [row["offer_id"] for row in loaded_rows(project, "offers")] == [1]
    assert sorted(os.fsencode(path.name) for path in (project.root / "refused").iterdir()) == [
        b"offers-\xff.csv",
        b"offers-\xff.csv.reason",
    ]


def test_a_rule_that_the_engine_cannot_compute_refuses_the_file_for_good(project: Project) -> None:
    contract = project.sources / "offers.yml"
    contract.write_text(contract.read_text() + "  wide: {type: 'decimal(38,0)', range: [0, null]}\n")
    land(project, "offers.csv", HEADER.replace("\n", ",wide\n") + f"1,7,Cashback,1,,{'9' * 38}\n")
    outcome = only(run_ingest(project, DAY))
    assert (outcome.status, outcome.passing) == ("refused", False)
    assert str(outcome.reason).startswith("landing/offers.csv: cannot be checked")
    assert "cure: look at pattern, range and sql of its columns in sources/offers.yml" in str(outcome.reason)
    assert "999" not in str(outcome.reason)


def test_a_filter_that_the_engine_cannot_compute_refuses_the_file_for_good(project: Project) -> None:
    contract = project.sources / "offers.yml"
    contract.write_text("filter: CAST(offer_type AS BIGINT) > 0\n" + contract.read_text())
    land(project, "offers.csv", HEADER + "1,7,Cashback,1,\n")
    outcome = only(run_ingest(project, DAY))
    assert (outcome.status, outcome.passing) == ("refused", False)
    assert "cure: look at filter in sources/offers.yml" in str(outcome.reason)
    assert "Cashback" not in str(outcome.reason)
