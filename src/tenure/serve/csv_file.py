"""A report as a CSV file that a spreadsheet can open without running anything."""

import csv
import io
from collections.abc import Iterable

from tenure.core.spreadsheet import GUARD, is_formula
from tenure.warehouse.reports import ReportResult

_BYTE_ORDER_MARK = "\ufeff"  # without it, spreadsheets do not read UTF-8 as such


def safe_cell(value: object) -> str:
    """A cell's text: empty for NULL, numbers and dates as they are, an apostrophe before what looks like a formula."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    if isinstance(value, str) and is_formula(text):
        return GUARD + text
    return text


def report_csv(result: ReportResult) -> bytes:
    """The whole report, header first, as UTF-8 with CRLF line ends (RFC 4180)."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow([safe_cell(column.name) for column in result.columns])
    writer.writerows(_cells(row) for row in result.rows)
    return (_BYTE_ORDER_MARK + buffer.getvalue()).encode()


def _cells(row: Iterable[object]) -> list[str]:
    return [safe_cell(value) for value in row]
