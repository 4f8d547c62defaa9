"""A column that nobody announced: refused, left out and said, or taken along as text."""

import json
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tenure.cli.demo import make_project
from tenure.contracts.model import Contract
from tenure.core.settings import Project, open_project
from tenure.pipeline import raw_zone, run_build, run_ingest
from tenure.raw.zone import DATA
from tenure.sources.ingest import Outcome
from tenure.warehouse.releases import open_release
from tenure.warehouse.runner import BuildRequest
from tests.command import Command

DAY = date(2025, 10, 2)
COLUMNS = """\
  customer_id: {type: integer, required: true, from: nr}
  city: {type: string, required: true}
  segment: {type: string, from: level}
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    make_project(tmp_path / "bank", "bank")
    for path in (tmp_path / "bank" / "sources").glob("*.yml"):
        path.unlink()
    return open_project(tmp_path / "bank")


@pytest.fixture
def tenure(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(monkeypatch, capsys)


def deliver(project: Project, policy: str, kind: str, name: str, content: bytes, columns: str = COLUMNS) -> Outcome:
    """Load one more file of the customers under a policy; the outcome of that file."""
    text = f"source: people\nentity: customers\nkind: {kind}\npath: landing/*\nkey: [customer_id]\n"
    (project.sources / "people.yml").write_text(f"{text}schema_policy: {policy}\ncolumns:\n{columns}")
    (project.root / "landing" / name).write_bytes(content)
    return next(outcome for outcome in run_ingest(project, DAY).outcomes if outcome.file == f"landing/{name}")


def people(project: Project) -> list[dict[str, object]]:
    """The records of all loads as they are stored, in their order."""
    zone = raw_zone(project)
    tables = [pq.read_table(zone.path(load) / DATA) for load in zone.state.loads()]
    return [row for table in tables for row in table.sort_by("_row").to_pylist()]


def customers(project: Project) -> list[dict[str, object]]:
    """The customers of a release made of all loads."""
    run_build(project, BuildRequest("run", DAY))
    with open_release(project) as release:
        return release.ask("SELECT * FROM dim_customer ORDER BY customer_id").to_pylist()


CSV = b"note,nr,level,city,Opened By\nfirst,1,Low,Graz,Anna\n"
NDJSON = b'{"nr": 1, "city": "Graz", "level": "Low", "note": "first", "by": {"name": "Anna"}}\n'


def parquet_bytes(folder: Path) -> bytes:
    path = folder / "made.parquet"
    rows = {"nr": [1], "city": ["Graz"], "level": ["Low"], "note": ["first"], "by": [{"name": "Anna"}]}
    pq.write_table(pa.table(rows), path)
    return path.read_bytes()


def test_by_default_the_file_is_refused(project: Project) -> None:
    outcome = deliver(project, "fail", "csv", "a.csv", CSV)
    assert outcome.status == "refused"
    assert "does not know the column 'note', 'Opened By'" in str(outcome.reason)


@pytest.mark.parametrize("kind", ["csv", "ndjson", "json", "parquet"])
def test_frozen_columns_stay_those_of_the_contract(project: Project, tmp_path: Path, kind: str) -> None:
    content = {"csv": CSV, "ndjson": NDJSON, "json": NDJSON, "parquet": parquet_bytes(tmp_path)}[kind]
    outcome = deliver(project, "freeze", kind, f"a.{kind}", content)
    assert (outcome.status, outcome.loaded, outcome.quarantined) == ("loaded", 1, 0), outcome.reason
    assert "which were not loaded: note, " in outcome.notes[-1]
    [person] = people(project)
    assert person["segment"] == "Low"
    assert "note" not in person


@pytest.mark.parametrize("kind", ["csv", "ndjson", "json", "parquet"])
def test_new_columns_come_along_as_text(project: Project, tmp_path: Path, kind: str) -> None:
    content = {"csv": CSV, "ndjson": NDJSON, "json": NDJSON, "parquet": parquet_bytes(tmp_path)}[kind]
    outcome = deliver(project, "evolve", kind, f"a.{kind}", content)
    assert (outcome.status, outcome.loaded, outcome.quarantined) == ("loaded", 1, 0), outcome.reason
    by = "opened_by" if kind == "csv" else "by"
    assert f"(as note, {by})" in outcome.notes[-1]
    [person] = people(project)
    assert (person["segment"], person["note"]) == ("Low", "first")
    assert person[by] == ("Anna" if kind == "csv" else '{"name":"Anna"}')


def test_loads_before_and_after_a_new_column_stand_in_one_table(project: Project) -> None:
    deliver(project, "evolve", "csv", "a.csv", b"nr,level,city\n1,Low,Graz\n")
    deliver(project, "evolve", "csv", "b.csv", b"nr,level,city,note\n2,Low,Graz,second\n")
    deliver(project, "evolve", "csv", "c.csv", b"nr,city,Note\n3,Graz,third\n")
    assert [(row["customer_id"], row["segment"], row["note"]) for row in customers(project)] == [
        (1, "Low", None),
        (2, "Low", "second"),
        (3, None, "third"),
    ]


def test_a_new_column_never_takes_the_name_of_one_that_the_warehouse_knows(project: Project) -> None:
    content = b"nr,city,level,segment,date_opened,age\n1,Graz,Low,9,noon,x\n"
    outcome = deliver(project, "evolve", "csv", "a.csv", content)
    assert outcome.status == "loaded", outcome.reason
    [person] = customers(project)
    assert (person["segment"], person["source_segment"], person["source_date_opened"]) == ("Low", "9", "noon")


@pytest.mark.parametrize("policy", ["freeze", "evolve"])
def test_a_required_column_that_is_missing_still_refuses_the_file(project: Project, policy: str) -> None:
    outcome = deliver(project, policy, "csv", "a.csv", b"nr,kunde,level\n1,7,Low\n")
    assert outcome.status == "refused"
    assert "the required column 'city' is missing" in str(outcome.reason)


@pytest.mark.parametrize("policy", ["freeze", "evolve"])
def test_a_line_without_any_known_name_is_still_no_header(project: Project, policy: str) -> None:
    outcome = deliver(project, policy, "csv", "a.csv", b"1,7,Low\n2,8,Low\n")
    assert outcome.status == "refused"
    assert "so it is no header" in str(outcome.reason)


def test_keys_of_single_records_anywhere_in_a_file_are_found(project: Project) -> None:
    lines = [{"nr": number, "city": "Graz"} for number in range(20_000)]
    lines[3]["first"], lines[19_999]["last.word"] = "a", True  # type: ignore[assignment]
    outcome = deliver(project, "evolve", "ndjson", "a.json", "\n".join(map(json.dumps, lines)).encode())
    assert (outcome.loaded, outcome.quarantined) == (20_000, 0), outcome
    rows = people(project)
    assert (rows[3]["first"], rows[19_999]["last_word"], rows[5]["first"]) == ("a", "true", None)


def test_a_key_that_holds_an_object_once_is_json_text_throughout(project: Project) -> None:
    lines = [{"nr": 1, "city": "Graz", "by": "Anna"}, {"nr": 2, "city": "Graz", "by": {"name": "Anna"}}]
    outcome = deliver(project, "evolve", "ndjson", "a.json", "\n".join(map(json.dumps, lines)).encode())
    assert (outcome.loaded, outcome.quarantined) == (2, 0), outcome
    assert [row["by"] for row in people(project)] == ['"Anna"', '{"name":"Anna"}']


def test_more_new_keys_than_make_sense_are_data(project: Project) -> None:
    lines = [{"nr": number, "city": "Graz", f"key{number}": 1} for number in range(600)]
    outcome = deliver(project, "evolve", "ndjson", "a.json", "\n".join(map(json.dumps, lines)).encode())
    assert outcome.status == "refused"
    assert "more than 500 keys" in str(outcome.reason)


def test_the_contract_that_is_kept_with_a_load_is_that_of_its_file(project: Project) -> None:
    deliver(project, "evolve", "csv", "a.csv", CSV)
    zone = raw_zone(project)
    [load] = zone.state.loads()
    manifest = zone.manifest(load)
    assert set(manifest.columns) == {"customer_id", "city", "segment", "note", "opened_by"}
    kept = Contract.model_validate(manifest.contract)
    assert (set(kept.columns), kept.version) == ({"customer_id", "city", "segment"}, load.contract_version)


def test_attributes_of_two_types_are_text(project: Project) -> None:
    deliver(project, "evolve", "csv", "a.csv", b"nr,city,level,score\n1,Graz,Low,05\n")
    typed = f"{COLUMNS}  score: {{type: integer}}\n"
    deliver(project, "evolve", "csv", "b.csv", b"nr,city,level,score\n2,Graz,Low,6\n", typed)
    assert [row["score"] for row in customers(project)] == ["05", "6"]


@pytest.mark.parametrize("kind", ["csv", "ndjson"])
@pytest.mark.parametrize(("policy", "note"), [("evolve", "first"), ("freeze", None)])
def test_records_with_new_columns_leave_the_quarantine_as_they_would_have_been_loaded(
    project: Project, tenure: Command, kind: str, policy: str, note: str | None
) -> None:
    good, bad = {"nr": 1, "city": "Graz", "level": "Low"}, {"nr": 2, "city": "", "level": "Low", "note": "first"}
    content = {
        "csv": b"nr,city,level,note\n1,Graz,Low,\n2,,Low,first\n",
        "ndjson": f"{json.dumps(good)}\n{json.dumps(bad)}\n".encode(),
    }[kind]
    outcome = deliver(project, policy, kind, f"a.{kind}", content)
    assert (outcome.loaded, outcome.quarantined) == (1, 1), outcome
    contract = (project.sources / "people.yml").read_text()
    (project.sources / "people.yml").write_text(
        contract.replace("city: {type: string, required: true}", "city: {type: string}")
    )
    ran = tenure("quarantine", "replay", "people", "--project", project.root)
    assert ran.code == 0, ran.err
    [_, replayed] = people(project)
    assert (replayed["customer_id"], replayed.get("note")) == (2, note)
