"""A downloaded report opens in a spreadsheet and runs nothing there."""

import csv
import io
from datetime import date
from decimal import Decimal

import pytest

from tenure.serve.csv_file import report_csv, safe_cell
from tenure.warehouse.reports import ReportColumn, ReportResult


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠"])
def test_text_that_a_spreadsheet_would_run_is_made_text(first: str) -> None:
    assert safe_cell(f"{first}HYPERLINK(A1)") == f"'{first}HYPERLINK(A1)"
    assert safe_cell(f"  {first}1") == f"'  {first}1"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-5, "-5"),
        (-2.5, "-2.5"),
        (Decimal("-56000.00"), "-56000.00"),
        (None, ""),
        (True, "true"),
        (date(2025, 10, 2), "2025-10-02"),
        ("Cashback - gold", "Cashback - gold"),
        ("", ""),
    ],
)
def test_everything_else_stays_as_it_is(value: object, text: str) -> None:
    assert safe_cell(value) == text


def test_a_report_comes_back_cell_for_cell() -> None:
    columns = tuple(ReportColumn(name, name, None, None, "") for name in ("customer", "balance"))
    rows = (('Zoë "Z", Ltd\nBranch', Decimal("-1.50")), ("=1+1", None))
    content = report_csv(ReportResult("r", "R", "", columns, rows, "", "", "000001-ab"))
    assert content.startswith(b"\xef\xbb\xbf")
    read = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    assert read == [["customer", "balance"], ['Zoë "Z", Ltd\nBranch', "-1.50"], ["'=1+1", ""]]
