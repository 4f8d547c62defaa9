"""A source of snapshots: the keys that a delivery lacks are deleted, unless nobody can be sure of it."""

from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tenure.cli.demo import make_project
from tenure.core.settings import Project, open_project
from tenure.pipeline import raw_zone, run_ingest
from tenure.raw.audit import audit_loads
from tenure.sources.ingest import Outcome
from tests.command import Command

DAY = date(2025, 10, 2)
JUNE, JULY, AUGUST = date(2025, 6, 30), date(2025, 7, 31), date(2025, 8, 31)
CONTRACT = """\
source: customers
entity: customers
kind: csv
path: landing/customers*.csv
key: [customer_id]
mode: snapshot
effective: {file_name: "customers_{yyyy-mm}.csv"}
columns:
  customer_id: {type: integer, required: true}
  age: {type: integer}
  geography: {type: string}
"""
ACCOUNTS = """\
source: accounts
entity: accounts
kind: ndjson
path: landing/accounts*.json
key: [account_id, customer_id]
mode: snapshot
columns:
  account_id: {type: string, from: konto}
  customer_id: {type: integer}
  role: {type: string, allowed: [owner, joint]}
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    make_project(tmp_path / "bank", "bank")
    for path in (tmp_path / "bank" / "sources").glob("*.yml"):
        path.unlink()
    opened = open_project(tmp_path / "bank")
    (opened.sources / "customers.yml").write_text(CONTRACT)
    return opened


def edit(project: Project, before: str, after: str) -> None:
    path = project.sources / "customers.yml"
    assert before in path.read_text()
    path.write_text(path.read_text().replace(before, after))


def deliver(project: Project, name: str, content: str | bytes, day: date = DAY) -> Outcome:
    """Land a file, ingest, and give its outcome."""
    path = project.root / "landing" / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return next(outcome for outcome in run_ingest(project, day).outcomes if outcome.file == f"landing/{name}")


def customers(project: Project, month: str, *records: str) -> Outcome:
    """Deliver a month's snapshot; a record is the text of its line."""
    return deliver(project, f"customers_2025-{month}.csv", "\n".join(["customer_id,age,geography", *records, ""]))


def many(first: int, last: int) -> list[str]:
    return [f"{number},30,Egypt" for number in range(first, last + 1)]


def markers(project: Project, source: str = "customers") -> list[dict[str, object]]:
    """All delete markers, load by load."""
    zone = raw_zone(project)
    found: list[dict[str, object]] = []
    for load in zone.state.loads(source):
        rows = pq.read_table(zone.path(load) / "data.parquet").to_pylist()
        found += [row for row in rows if row["_deleted"]]
        assert len(rows) == load.loaded + load.deleted
    assert [finding for finding in audit_loads(zone) if finding.problem] == []
    return found


def deleted(project: Project) -> list[tuple[object, object, object]]:
    return [(row["_load_id"], row["customer_id"], row["_effective"]) for row in markers(project)]


def test_a_key_that_the_next_snapshot_lacks_is_deleted_on_its_day(project: Project) -> None:
    first = customers(project, "06", *many(1, 3))
    assert (first.loaded, first.deleted) == (3, 0)
    second = customers(project, "07", "1,30,Egypt", "4,31,Oman", "3,30,Egypt")
    assert (second.records_in, second.loaded, second.deleted) == (3, 3, 1)
    (marker,) = markers(project)
    assert marker == {
        "customer_id": 2,
        "age": None,
        "geography": None,
        "_source": "customers",
        "_load_id": "L00000002",
        "_row": 5,
        "_effective": JULY,
        "_business_date": DAY,
        "_recorded_at": raw_zone(project).state.loads()[1].recorded_at,
        "_deleted": True,
    }


def test_an_upsert_source_says_nothing_by_absence(project: Project) -> None:
    edit(project, "mode: snapshot\n", "")
    customers(project, "06", *many(1, 3))
    assert customers(project, "07", "1,30,Egypt").deleted == 0
    assert deleted(project) == []


def test_a_key_that_stays_away_is_deleted_once_and_may_return(project: Project) -> None:
    customers(project, "06", *many(1, 3))
    customers(project, "07", *many(1, 2))
    assert customers(project, "08", *many(1, 2)).deleted == 0
    customers(project, "09", *many(1, 3))
    assert customers(project, "10", *many(1, 2)).deleted == 1
    assert deleted(project) == [("L00000002", 3, JULY), ("L00000005", 3, date(2025, 10, 31))]


def test_a_late_snapshot_deletes_only_what_was_there_before_its_day(project: Project) -> None:
    customers(project, "05", *many(1, 3))
    customers(project, "07", *many(1, 4))
    customers(project, "06", *many(2, 3))
    assert deleted(project) == [("L00000003", 1, JUNE)]


def test_a_key_known_only_from_a_late_snapshot_ends_with_the_next_one(project: Project) -> None:
    customers(project, "05", *many(1, 3))
    customers(project, "07", *many(1, 3))
    assert customers(project, "06", *many(1, 4)).deleted == 1
    assert deleted(project) == [("L00000002", 4, JULY)]


def test_a_corrected_delivery_of_the_same_month_takes_the_place_of_the_first(project: Project) -> None:
    customers(project, "06", *many(1, 4))
    customers(project, "06", *many(1, 3))
    assert deleted(project) == [("L00000002", 4, JUNE)]
    assert customers(project, "07", *many(1, 3)).deleted == 0


def test_the_same_delivery_twice_changes_nothing_and_a_return_to_it_is_news(project: Project) -> None:
    edit(project, 'effective: {file_name: "customers_{yyyy-mm}.csv"}\n', "")
    a, b = ("\n".join(["customer_id,age,geography", *many(1, last), ""]) for last in (3, 2))
    deliver(project, "customers.csv", a, date(2025, 10, 1))
    again = deliver(project, "customers.csv", a, date(2025, 10, 2))
    assert (again.unchanged, again.loaded, again.deleted) == (3, 0, 0)
    deliver(project, "customers.csv", b, date(2025, 10, 3))
    deliver(project, "customers.csv", a, date(2025, 10, 4))
    deliver(project, "customers.csv", b, date(2025, 10, 5))
    assert deleted(project) == [("L00000002", 3, date(2025, 10, 3)), ("L00000004", 3, date(2025, 10, 5))]


@pytest.mark.parametrize(
    ("record", "rule"),
    [
        (b"2,old,Egypt", "age: type"),
        (b"2,30,\xff", "encoding"),
        (b'"2",30,a\0b', "encoding"),
        (b"2,30,Egypt\n2,31,Egypt", "customer_id: unique"),
    ],
)
def test_the_key_of_a_quarantined_record_is_not_absent(project: Project, record: bytes, rule: str) -> None:
    customers(project, "06", *many(1, 4))
    text = b"customer_id,age,geography\n1,30,Egypt\n" + record + b"\n4,30,Egypt\n"
    outcome = deliver(project, "customers_2025-07.csv", text)
    assert (outcome.status, outcome.notes) == ("loaded", ())
    zone = raw_zone(project)
    assert list(zone.manifest(zone.state.loads()[1]).quarantined_by_rule) == [rule]
    assert deleted(project) == [("L00000002", 3, JULY)]


@pytest.mark.parametrize("record", ["x,30,Egypt", ",30,Egypt", "2,30", "2,30,Egypt,more", '"2,30,Egypt'])
def test_nobody_is_deleted_while_the_key_of_a_quarantined_record_is_unknown(project: Project, record: str) -> None:
    customers(project, "06", *many(1, 4))
    outcome = customers(project, "07", "1,30,Egypt", record, "4,30,Egypt")
    assert (outcome.loaded, outcome.quarantined, outcome.deleted) == (2, 1, 0)
    assert "the key of 1 quarantined record cannot be read (first at row 3)" in outcome.notes[0]
    assert customers(project, "08", "1,30,Egypt", "4,30,Egypt").deleted == 2


def test_a_later_snapshot_does_not_end_a_key_that_it_had_in_quarantine(project: Project) -> None:
    customers(project, "05", *many(1, 3))
    customers(project, "07", *many(1, 3), "4,old,Egypt")
    customers(project, "08", *many(1, 3))
    customers(project, "06", *many(1, 4))
    assert deleted(project) == [("L00000003", 4, AUGUST)]


def test_an_empty_snapshot_is_refused_unless_it_may_be_empty(project: Project) -> None:
    customers(project, "06", *many(1, 4))
    refused = customers(project, "07")
    assert (refused.status, refused.deleted) == ("refused", 0)
    assert "is a snapshot without any record" in str(refused.reason)
    assert "allow_empty: true in sources/customers.yml" in str(refused.reason)
    edit(project, "mode: snapshot\n", "mode: snapshot\nallow_empty: true\n")
    assert customers(project, "07").deleted == 4
    assert customers(project, "08", *many(1, 4)).deleted == 0


def test_a_snapshot_that_lacks_too_many_is_refused(project: Project) -> None:
    customers(project, "06", *many(1, 4))
    refused = customers(project, "07", "1,30,Egypt")
    assert refused.status == "refused"
    assert "lacks 3 of the 4 keys that the source had before" in str(refused.reason)
    assert "allows a share of 0.5 (max_deleted_share)" in str(refused.reason)
    assert sorted(path.name for path in (project.raw / "customers").iterdir()) == ["L00000001"]
    edit(project, "mode: snapshot\n", "mode: snapshot\nmax_deleted_share: 0.75\n")
    assert customers(project, "07", "1,30,Egypt").deleted == 3


def test_keys_known_from_the_time_before_snapshots_count_and_so_does_a_change_of_type(project: Project) -> None:
    edit(project, "mode: snapshot\n", "")
    customers(project, "05", *many(1, 2))
    customers(project, "06", *many(2, 4))
    edit(project, "key:", "mode: snapshot\nkey:")
    edit(project, "customer_id: {type: integer", "customer_id: {type: string")
    assert customers(project, "07", *many(2, 4)).deleted == 1
    assert [row["customer_id"] for row in markers(project)] == ["1"]


def test_a_load_written_before_there_were_markers_counts_as_it_is(project: Project) -> None:
    customers(project, "06", *many(1, 3))
    zone = raw_zone(project)
    data = zone.path(zone.state.loads()[0]) / "data.parquet"
    pq.write_table(pq.read_table(data).drop_columns(["_deleted"]), data)
    assert customers(project, "07", *many(1, 2)).deleted == 1


def test_a_key_of_two_columns_is_missed_as_a_whole(project: Project) -> None:
    (project.sources / "accounts.yml").write_text(ACCOUNTS)
    both = '{"konto": "A", "customer_id": 1, "role": "owner"}\n{"konto": "A", "customer_id": 2, "role": "joint"}\n'
    deliver(project, "accounts.json", both + '{"konto": "B", "customer_id": 2, "role": "owner"}\n')
    outcome = deliver(project, "accounts.json", both.replace('"customer_id": 2', '"customer_id": 3'), date(2025, 10, 3))
    assert "lacks 2 of the 3 keys" in str(outcome.reason)
    outcome = deliver(project, "accounts.json", both, date(2025, 10, 3))
    assert outcome.deleted == 1
    assert [(row["account_id"], row["customer_id"], row["role"]) for row in markers(project, "accounts")] == [
        ("B", 2, None)
    ]


@pytest.mark.parametrize(
    ("record", "is_read"),
    [
        ('{"konto": "A", "customer_id": 2, "role": "owner", "colour": 1}', True),
        ('{"konto": "A", "customer_id": 2, "role": {}}', True),
        ('{"konto": "A", "customer_id": 2, "role": "owner", "role": "joint"}', True),
        ('{"konto": "A", "customer_id": 2, "role": "lodger"}', True),
        ('{"konto": "A", "customer_id": 2.5, "role": "lodger"}', False),
        ('{"konto": "A", "customer_id": 2, "customer_id": 3}', False),
        ('{"konto": "A", "role": "owner"}', False),
        ('{"konto": "A\\u0000", "customer_id": 2}', False),
        ('{"konto": "A", "customer_id": 2, "role": "owner"', False),
        ('["A", 2]', False),
    ],
)
def test_a_key_is_read_from_json_only_where_it_is_certain(project: Project, record: str, is_read: bool) -> None:
    (project.sources / "accounts.yml").write_text(ACCOUNTS)
    rest = '{"konto": "B", "customer_id": 1, "role": "owner"}\n'
    gone = '{"konto": "C", "customer_id": 1, "role": "owner"}\n'
    deliver(project, "accounts.json", '{"konto": "A", "customer_id": 2, "role": "owner"}\n' + rest + gone)
    outcome = deliver(project, "accounts.json", rest + record + "\n", date(2025, 10, 3))
    assert outcome.quarantined == 1
    assert (outcome.deleted, bool(outcome.notes)) == ((1, False) if is_read else (0, True))


def test_ingest_shows_deleted_keys_when_there_are_any(project: Project, tenure: Command) -> None:
    header = "customer_id,age,geography\n"
    (project.root / "landing" / "customers_2025-06.csv").write_text(header + "1,30,Egypt\n2,30,Egypt\n")
    ran = tenure("ingest", "--project", project.root, "--date", "2025-10-02")
    assert "deleted" not in ran.out
    (project.root / "landing" / "customers_2025-07.csv").write_text(header + "1,30,Egypt\n")
    ran = tenure("ingest", "--project", project.root, "--date", "2025-10-02")
    assert "deleted" in ran.out


def test_records_that_the_filter_leaves_out_are_counted_and_not_part_of_a_snapshot(project: Project) -> None:
    edit(project, "mode: snapshot\n", "mode: snapshot\nfilter: geography <> 'TEST'\n")
    first = customers(project, "06", *many(1, 3), "4,30,TEST", "5,30,", "6,old,TEST")
    assert (first.records_in, first.loaded, first.quarantined, first.filtered) == (6, 3, 1, 2)
    second = customers(project, "07", *many(1, 2), "3,30,TEST")
    assert (second.loaded, second.filtered, second.deleted) == (2, 1, 1)
    assert deleted(project) == [("L00000002", 3, JULY)]
