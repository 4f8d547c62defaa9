"""A table of a release as a CSV or Parquet file: exact, whole, and harmless in a spreadsheet."""

import csv
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.core.spreadsheet import is_formula
from tenure.exports.files import guarded
from tenure.pipeline import run_all
from tests.command import Command
from tests.reference_case import BUSINESS_DATE, make_reference_project

ODD = """SELECT * FROM (VALUES
  (1, '=1+1', -0.10, DATE '2025-01-02', true, 170141183460469231731687303715884105727::HUGEINT // 10, 0.1::DOUBLE),
  (2, 'a "b",' || chr(10) || 'c', 1234567890123456.78, NULL, false, -1, 1e300::DOUBLE),
  (3, '', NULL, DATE '0001-01-01', NULL, NULL, NULL),
  (4, NULL, 0.00, NULL, NULL, 0, 5e-324::DOUBLE)) AS v(id, text, money, day, yes, huge, ratio) ORDER BY id"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = make_reference_project(tmp_path_factory.mktemp("files") / "mybank")
    run_all(project, BUSINESS_DATE)
    return project.root


def test_a_csv_file_holds_every_cell_exactly_and_no_formula(tenure: Command, built: Path, tmp_path: Path) -> None:
    file = tmp_path / "odd.csv"

    ran = tenure("export", "csv", "--sql", ODD, file, "--project", built)

    assert (ran.code, ran.out) == (0, f"{file}: 4 rows exported\n"), ran.err
    assert file.read_text(encoding="utf-8").splitlines()[0] == '"id","text","money","day","yes","huge","ratio"'
    with file.open(newline="", encoding="utf-8") as handle:
        rows = list(csv.reader(handle))[1:]
    assert rows == [
        ["1", "'=1+1", "-0.10", "2025-01-02", "true", "17014118346046923173168730371588410572", "0.1"],
        ["2", 'a "b",\nc', "1234567890123456.78", "", "false", "-1", "1e+300"],
        ["3", "", "", "0001-01-01", "", "", ""],
        ["4", "", "0.00", "", "", "0", "5e-324"],
    ]
    assert '3,"",' in file.read_text(encoding="utf-8") and "4,,0.00" in file.read_text(encoding="utf-8")


def test_text_may_be_left_as_it_is(tenure: Command, built: Path, tmp_path: Path) -> None:
    tenure("export", "csv", "--sql", "SELECT '=1+1' AS a", tmp_path / "x.csv", "--as-is", "--project", built)

    assert (tmp_path / "x.csv").read_text() == '"a"\n"=1+1"\n'


@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
    | st.sampled_from(["=", " =", "＝1", " ＠", "\0x", "-1"])
)
def test_text_is_guarded_exactly_where_a_spreadsheet_would_run_it(text: str) -> None:
    assert guarded(pa.array([text])).to_pylist() == ["'" + text if is_formula(text) else text]


def test_a_parquet_file_holds_exact_types(tenure: Command, built: Path, tmp_path: Path) -> None:
    ran = tenure("export", "parquet", "--sql", ODD, tmp_path / "odd.parquet", "--json", "--project", built)

    assert ran.document == {"file": str(tmp_path / "odd.parquet"), "rows": 4}
    table = pq.read_table(tmp_path / "odd.parquet")
    types = {field.name: str(field.type) for field in table.schema}
    assert (types["money"], types["huge"], types["day"]) == ("decimal128(18, 2)", "decimal128(38, 0)", "date32[day]")
    huge = sorted(filter(None, table["huge"].to_pylist()))
    assert huge == [Decimal(-1), Decimal((2**127 - 1) // 10)]


def test_a_table_of_the_release_is_exported_with_the_columns_chosen(
    tenure: Command, built: Path, tmp_path: Path
) -> None:
    words = ("dim_customer", tmp_path / "x.csv", "--columns", "last_name,customer_id", "--project", built)
    assert tenure("export", "csv", *words).code == 0

    with (tmp_path / "x.csv").open(newline="") as handle:
        rows = list(csv.reader(handle))
    assert rows[0] == ["last_name", "customer_id"]
    assert len(rows) == 21


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_failed_export_leaves_the_file_before_it_and_nothing_else(
    tenure: Command, built: Path, tmp_path: Path, kind: str
) -> None:
    file = tmp_path / "x"
    file.write_text("before")

    ran = tenure(
        "export",
        kind,
        "--sql",
        "SELECT CAST('x' || customer_id AS INTEGER) AS a FROM dim_customer",
        file,
        "--project",
        built,
    )

    assert ran.code == 1
    assert file.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_what_cannot_be_exported_is_told(tenure: Command, built: Path, tmp_path: Path) -> None:
    project = ("--project", built)
    for words, said in (
        (("csv", "nowhere", tmp_path / "x"), "has no table nowhere"),
        (("csv", tmp_path / "x"), "name a table"),
        (("csv", "dim_customer", tmp_path / "x", "more"), "3 words are too many"),
        (("csv", "dim_customer", tmp_path), "is a folder"),
        (("csv", "dim_customer", tmp_path / "no" / "x"), "its folder does not exist"),
        (("csv", "dim_customer", tmp_path / "x", "--columns", "nope"), "no column nope"),
        (("csv", "dim_customer", tmp_path / "x", "--columns", "a,,b"), "--columns has an empty name"),
        (("csv", "--sql", "SELECT [1] AS a", tmp_path / "x"), "which a CSV cell cannot hold"),
        (("csv", "--sql", "SELECT INTERVAL 1 DAY AS a", tmp_path / "x"), "which a CSV cell cannot hold"),
        (("csv", "--sql", "SELECT uuid() AS a", tmp_path / "x"), "which a CSV cell cannot hold"),
        (("parquet", "--sql", "DROP TABLE dim_customer", tmp_path / "x"), "cannot be read"),
    ):
        ran = tenure("export", *words, *project)
        assert (ran.code, ran.out) == (2, ""), words
        assert said in ran.err and "cure: " in ran.err
    assert list(tmp_path.iterdir()) == []
