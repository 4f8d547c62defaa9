"""`tenure source add FILE`: a contract from the data, which then loads that data without a person's help."""

import gzip
import json
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from tenure.cli.demo import make_project
from tenure.contracts.files import read_contract
from tenure.contracts.model import Contract
from tenure.core.settings import Project, open_project
from tenure.pipeline import run_all, run_ingest
from tenure.warehouse.releases import open_release
from tests.command import Command

DAY = date(2025, 10, 2)
GERMAN = """\
KUNDEN_NR;Vorname;Nachname;Geburtsdatum;Kontostand;Aktiv;Notiz
1;Jörg;Müller;01.02.1970;1.234,56;J;"a;b"
2;Änne;Groß;31.12.1999;-5,00;N;
3;Zoé;Öz;15.06.1985;0,10;J;"sagt ""ja"" dazu"
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    make_project(tmp_path / "shop", "bank")
    for path in (tmp_path / "shop" / "sources").glob("*.yml"):
        path.unlink()
    return open_project(tmp_path / "shop")


def land(project: Project, name: str, content: str | bytes) -> Path:
    path = project.root / "landing" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def added(project: Project, tenure: Command, *words: object) -> Contract:
    """The contract that the command writes."""
    ran = tenure("source", "add", *words, "--project", project.root, "--json")
    assert ran.code == 0, ran.err
    assert len(ran.document["sources"]) == 1
    return read_contract(project.root / ran.document["sources"][0]["file"])


def loaded(project: Project, table: str, columns: str = "*") -> list[dict[str, object]]:
    """The records of the raw table after everything is ingested, of which none may be set apart."""
    result = run_all(project, DAY)
    assert [outcome.reason for outcome in result.refused] == []
    assert result.quarantined == 0
    with open_release(project) as release:
        return release.query(f"SELECT {columns} FROM {table} ORDER BY _load_id, _row").to_pylist()


def test_a_german_export_becomes_customers_with_exact_types(project: Project, tenure: Command) -> None:
    file = land(project, "Kundenstamm_2025-09.csv", GERMAN.encode("cp1252"))
    contract = added(project, tenure, file)

    assert (contract.source, contract.entity, contract.kind) == ("kundenstamm", "customers", "csv")
    assert (contract.delimiter, contract.encoding, contract.key) == (";", "cp1252", ("customer_id",))
    assert contract.path == "landing/Kundenstamm_2025-09.csv"
    assert contract.effective and contract.effective.file_name == "Kundenstamm_{yyyy-mm}.csv"
    assert contract.columns["last_name"].personal == "name"
    columns = "customer_id, last_name, birth_date, is_active, kontostand, notiz, _effective"
    rows = loaded(project, "raw_customers", columns)
    assert rows[0] == {
        "customer_id": 1,
        "last_name": "Müller",
        "birth_date": date(1970, 2, 1),
        "is_active": True,
        "kontostand": Decimal("1234.56"),
        "notiz": "a;b",
        "_effective": date(2025, 9, 30),
    }
    assert [row["kontostand"] for row in rows] == [Decimal("1234.56"), Decimal("-5.00"), Decimal("0.10")]
    assert rows[2]["notiz"] == 'sagt "ja" dazu'


def test_words_for_missing_values_are_found_where_the_column_is_no_text(project: Project, tenure: Command) -> None:
    file = land(project, "levels.csv.gz", gzip.compress(b"id,level,word\n1,0.5,?\n2,NULL,b\n3,2,c\n"))
    contract = added(project, tenure, file)

    assert contract.nulls == ("NULL",)
    rows = loaded(project, "raw_levels", "id, level, word")
    assert [row["level"] for row in rows] == [Decimal("0.50"), None, Decimal("2.00")]
    assert [row["word"] for row in rows] == ["?", "b", "c"]


def test_a_word_that_means_nothing_is_no_value_in_a_column_that_must_have_one(
    project: Project, tenure: Command
) -> None:
    rows = "".join(f"{n},{'?' if n == 7 else n},{'?' if n == 9 else 'a'},{n}\n" for n in range(120))
    contract = added(project, tenure, land(project, "long.csv", f"id,level,word,full\n{rows}"))

    assert contract.nulls == ("?",)
    required = {name: column.required for name, column in contract.columns.items()}
    assert required == {"id": True, "level": False, "word": False, "full": True}
    assert len(loaded(project, "raw_long")) == 120


def test_codes_keep_their_zeros_and_long_numbers_their_digits(project: Project, tenure: Command) -> None:
    text = "code,big,longest\n007,9223372036854775807,12345678901234567890123\n042,-1,1\n"
    added(project, tenure, land(project, "codes.csv", text))

    assert loaded(project, "raw_codes", "code, big, longest") == [
        {"code": "007", "big": 2**63 - 1, "longest": Decimal("12345678901234567890123")},
        {"code": "042", "big": -1, "longest": Decimal(1)},
    ]


def test_dates_whose_day_and_month_cannot_be_told_apart_stay_text_and_that_is_said(
    project: Project, tenure: Command
) -> None:
    file = land(project, "d.csv", "id,seen,sure\n1,01/02/2020,13/02/2020\n2,03/04/2021,01/03/2021\n")
    ran = tenure("source", "add", file, "--project", project.root)
    contract = read_contract(project.root / "sources" / "d.yml")

    assert contract.columns["seen"].type == "string"
    assert "seen has dates in which day and month cannot be told apart" in ran.out
    assert (contract.columns["sure"].type, contract.columns["sure"].format) == ("date", "dd/mm/yyyy")


def test_nested_json_is_flattened_by_paths(project: Project, tenure: Command) -> None:
    record = '{"id": %d, "who": {"name": "Zoé", "home.town": "Wien"}, "tags": ["a"], "net": 12345678901234567.89}\n'
    text = record % 1 + record % 2
    added(project, tenure, land(project, "events.ndjson", text))

    rows = loaded(project, "raw_events")
    assert (rows[0]["who_name"], rows[0]["who_home_town"]) == ("Zoé", "Wien")
    assert rows[0]["net"] == Decimal("12345678901234567.89")
    assert json.loads(str(rows[0]["tags"])) == ["a"]


@pytest.mark.parametrize(
    ("document", "records"),
    [
        ([{"id": 1, "at": "2020-01-01T10:00:00Z"}, {"id": 2, "at": None}], None),
        ({"data": {"items": [{"id": 1, "at": "2020-01-01T10:00:00Z"}, {"id": 2, "at": None}]}, "n": 2}, "data.items"),
    ],
)
def test_the_array_of_a_document_is_found(
    project: Project, tenure: Command, document: object, records: str | None
) -> None:
    contract = added(project, tenure, land(project, "page.json", json.dumps(document, indent=2)))

    assert (contract.kind, contract.records) == ("json", records)
    assert loaded(project, "raw_page", 'id, "at"') == [
        {"id": 1, "at": datetime(2020, 1, 1, 10)},
        {"id": 2, "at": None},
    ]


def test_parquet_has_its_own_types(project: Project, tenure: Command) -> None:
    table = pa.table(
        {
            "ticket_id": pa.array([1, 2], pa.int32()),
            "customer_id": pa.array([7, 8], pa.int64()),
            "priority": ["high", "low"],
            "cost": pa.array([Decimal("1.500"), None], pa.decimal128(9, 3)),
            "opened_at": pa.array([datetime(2020, 1, 1), None], pa.timestamp("us")),
        }
    )
    file = project.root / "landing" / "tickets.parquet"
    pq.write_table(table, file)
    contract = added(project, tenure, file)

    assert (contract.kind, contract.entity, contract.key) == ("parquet", "tickets", ("ticket_id",))
    assert contract.columns["cost"].type == "decimal(9,3)"
    assert loaded(project, "raw_tickets", "ticket_id, severity, cost, opened_at") == [
        {"ticket_id": 1, "severity": "high", "cost": Decimal("1.500"), "opened_at": datetime(2020, 1, 1)},
        {"ticket_id": 2, "severity": "low", "cost": None, "opened_at": None},
    ]


def test_a_folder_is_one_source_and_keys_are_unique_within_a_file(project: Project, tenure: Command) -> None:
    land(project, "daily/a.csv", "id,n\n1,5\n2,6\n")
    land(project, "daily/b.csv", "id,n\n1,7\n3,8\n")
    contract = added(project, tenure, project.root / "landing" / "daily")

    assert (contract.source, contract.path, contract.key) == ("daily", "landing/daily", ("id",))
    assert len(loaded(project, "raw_daily")) == 4


def test_a_pattern_is_kept_as_it_is(project: Project, tenure: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    land(project, "x_2025-01.csv", "id,n\n1,5\n")
    land(project, "y.csv", "other\n1\n")
    monkeypatch.chdir(project.root / "landing")

    assert added(project, tenure, "x_*.csv").path == "landing/x_*.csv"


def test_without_a_header_columns_are_numbered_and_that_is_said(project: Project, tenure: Command) -> None:
    contract = added(project, tenure, land(project, "bare.csv", "1,a,2020-01-01\n2,b,2020-01-02\n"))

    assert contract.header is False
    assert [column.type for column in contract.columns.values()] == ["integer", "string", "date"]
    assert len(loaded(project, "raw_bare")) == 2


def test_records_that_do_not_fit_are_counted_and_said(project: Project, tenure: Command) -> None:
    land(project, "ragged.csv", "id,n\n1,5\n2\n3,7,9\n4,8\n")
    ran = tenure("source", "add", project.root / "landing" / "ragged.csv", "--project", project.root)
    outcome = run_ingest(project, DAY).outcomes[0]

    assert "2 of 4 records do not fit the others" in ran.out
    assert (outcome.loaded, outcome.quarantined) == (2, 2)


def test_only_so_many_records_are_looked_at_and_that_is_said(project: Project, tenure: Command) -> None:
    land(project, "long.csv", "id,n\n" + "".join(f"{n},{n}\n" for n in range(50)) + "51,text\n")
    words = ("source", "add", project.root / "landing" / "long.csv", "--project", project.root, "--dry-run")

    assert "Only the first 40 records were looked at" in tenure(*words, "--rows", 40).out
    assert "Only the first" not in tenure(*words).out


def test_a_contract_that_is_there_is_never_overwritten(project: Project, tenure: Command) -> None:
    file = land(project, "x.csv", "id\n1\n")
    (project.sources / "x.yml").write_text("source: x\n# mine\n")
    by_name = tenure("source", "add", file, "--name", "x", "--project", project.root)

    assert by_name.code in {1, 2}
    assert (project.sources / "x.yml").read_text() == "source: x\n# mine\n"


def test_the_same_file_is_added_a_second_time_only_under_a_name(project: Project, tenure: Command) -> None:
    file = land(project, "x.csv", "id\n1\n")
    words = ("source", "add", file, "--project", project.root)

    assert added(project, tenure, file).source == "x"
    again = tenure(*words)
    assert (again.code, "x.csv is read by the source x already" in again.out) == (1, True)
    taken = tenure(*words, "--name", "x")
    assert (taken.code, "never overwritten" in taken.err) == (2, True)
    assert added(project, tenure, file, "--name", "y").source == "y"
    assert sorted(path.name for path in project.sources.iterdir()) == ["x.yml", "y.yml"]


def test_a_name_that_another_file_has_is_left_to_it(project: Project, tenure: Command) -> None:
    added(project, tenure, land(project, "a/x.csv", "id\n1\n"))

    assert added(project, tenure, land(project, "b/x.csv", "id\n1\n")).source == "x_2"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("picture.bin", b"\x89PNG\0\0\0", "has no columns that can be told"),
        ("empty.csv", b"", "has no columns that can be told"),
        ("blank.csv", b" \n\n", "has no columns that can be told"),
        ("half.json", b'{"\\udfaa": 1}', "has no columns that can be told"),
        ("book.xlsx", b"PK\x03\x04rest", "is a zip archive or workbook"),
        ("part.avro", b"Obj\x01rest", "is an Avro file"),
        ("cut.parquet", b"PAR1rest", "is not a whole Parquet file"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_cure(
    project: Project, tenure: Command, name: str, content: bytes, said: str
) -> None:
    ran = tenure("source", "add", land(project, name, content), "--project", project.root)

    assert ran.code == 1
    assert said in ran.err
    assert "cure:" in ran.err
    assert list(project.sources.glob("*")) == []


def test_names_that_no_comment_can_hold_are_written_all_the_same(project: Project, tenure: Command) -> None:
    contract = added(project, tenure, land(project, "odd.csv", "a\x10b,wert: #1\n1,x\n2,y\n"))

    assert [column.source_name for column in contract.columns.values()] == ["a\x10b", "wert: #1"]
    assert len(loaded(project, "raw_odd")) == 2


def test_a_dry_run_prints_the_contract_and_writes_nothing(project: Project, tenure: Command) -> None:
    file = land(project, "x.csv", "id\n1\n")
    ran = tenure("source", "add", file, "--project", project.root, "--dry-run")

    assert yaml.safe_load("\n".join(ran.out.splitlines()[1:]))["source"] == "x"
    assert list(project.sources.glob("*")) == []


@pytest.mark.parametrize(
    "words", [(), ("a.csv", "--table", "t"), ("a.csv", "--job", "j"), ("--time-zone", "UTC"), ("missing.csv",)]
)
def test_options_that_do_not_belong_together_are_refused(
    project: Project, tenure: Command, words: tuple[str, ...]
) -> None:
    ran = tenure("source", "add", *words, "--project", project.root)

    assert ran.code == 2
    assert "cure:" in ran.err


BANK = """\
RowNumber,CustomerId,Surname,Gender,IsActiveMember,Exited
1,15634602,A,Female,1,1
2,15647311,B,Female,1,0
3,15619304,C,Female,0,0
4,15701354,D,Female,0,0
"""


def test_who_has_left_makes_the_churn_rate_not_who_is_an_active_member(project: Project, tenure: Command) -> None:
    contract = added(project, tenure, land(project, "Churn_Modelling.csv", BANK))

    assert contract.columns["is_active"].source_name == "Exited"
    assert contract.columns["is_active_member"].source_name == "IsActiveMember"
    rows = loaded(project, "raw_customers", "customer_id, is_active, is_active_member")
    assert [row["is_active"] for row in rows] == [False, True, True, True]
    assert [row["is_active_member"] for row in rows] == [1, 1, 0, 0]
    text = (project.root / "sources" / f"{contract.source}.yml").read_text()
    assert "# Taken as the churn flag, because its name says who has left: Exited (1 → not active)" in text
    assert "# Looks like a churn flag too, but stays an attribute: IsActiveMember" in text


def churned(kind: str, number: int) -> object:
    left = number == 2
    return {"truth": left, "whole": int(left), "floating": float(left), "word": "Yes" if left else "No"}[kind]


@pytest.mark.parametrize("kind", ["truth", "whole", "floating", "word"])
@pytest.mark.parametrize("ending", ["parquet", "ndjson", "json", "csv"])
def test_a_churn_flag_is_read_however_it_is_written(project: Project, tenure: Command, kind: str, ending: str) -> None:
    records = [{"customerID": f"c{n}", "gender": "Female", "Churn": churned(kind, n)} for n in range(1, 5)]
    path = project.root / "landing" / f"telco.{ending}"
    path.parent.mkdir(exist_ok=True)
    if ending == "parquet":
        pq.write_table(pa.Table.from_pylist(records), path)
    elif ending == "csv":
        lines = [",".join(map(str, record.values())) for record in records]
        path.write_text("\n".join(["customerID,gender,Churn", *lines, ""]))
    else:
        path.write_text(json.dumps(records) if ending == "json" else "".join(f"{json.dumps(r)}\n" for r in records))

    contract = added(project, tenure, path)

    assert contract.entity == "customers"
    rows = loaded(project, "raw_customers", "customer_id, is_active")
    assert {row["customer_id"]: row["is_active"] for row in rows} == {f"c{n}": n != 2 for n in range(1, 5)}


def test_what_the_entity_needs_is_proposed_to_be_required(project: Project, tenure: Command) -> None:
    text = "transaction_id,customer_id,transaction_date,amount,kind\n1,7,2025-01-02,1.50,a\n2,7,2025-01-03,2.50,\n"
    contract = added(project, tenure, land(project, "transactions.csv", text))

    required = [name for name, column in contract.columns.items() if column.required]
    assert (contract.entity, required) == (
        "transactions",
        ["transaction_id", "customer_id", "transaction_at", "amount"],
    )
