"""Values as people read them."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from tenure.serve import formats
from tenure.serve.formats import MINUS, MISSING, NARROW
from tenure.serve.tables import cell, table
from tenure.warehouse.reports import ReportColumn, ReportResult


@pytest.mark.parametrize(
    ("value", "decimals", "printed"),
    [
        (1234567, 0, "1,234,567"),
        (-12.345, 1, f"{MINUS}12.3"),
        (Decimal("98765432109876543.21"), 2, "98,765,432,109,876,543.21"),
        (-0.001, 1, "0.0"),
        (0, 0, "0"),
        (None, 0, MISSING),
        (float("nan"), 2, MISSING),
        (Decimal("Infinity"), 2, MISSING),
        (True, 0, MISSING),
        ("12", 0, MISSING),
    ],
)
def test_a_number_is_printed_exactly_or_as_missing(value: object, decimals: int, printed: str) -> None:
    assert formats.number(value, decimals) == printed


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        (9_999, "9,999"),
        (9_999.7, f"10.0{NARROW}k"),
        (123_400, f"123.4{NARROW}k"),
        (999_949, f"999.9{NARROW}k"),
        (999_951, f"1.0{NARROW}M"),
        (214_300_000, f"214.3{NARROW}M"),
        (999_960_000, f"1.0{NARROW}bn"),
        (Decimal("-2500000.00"), f"{MINUS}2.5{NARROW}M"),
        (7.2e12, f"7.2{NARROW}tn"),
        (None, MISSING),
    ],
)
def test_a_large_number_is_shortened_to_the_scale_it_rounds_into(value: object, printed: str) -> None:
    assert formats.short_number(value) == printed


def test_money_names_its_currency_unless_it_is_missing() -> None:
    assert formats.short_money(Decimal("14000.00"), "KWD") == f"KWD{NARROW}14.0{NARROW}k"
    assert formats.short_money(None, "KWD") == MISSING


@pytest.mark.parametrize(
    ("span", "printed"),
    [
        (timedelta(seconds=-90), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=3, seconds=30), "3 min ago"),
        (timedelta(hours=5), "5 h ago"),
        (timedelta(hours=47), "47 h ago"),
        (timedelta(days=12), "12 days ago"),
    ],
)
def test_an_age_is_told_in_the_unit_that_fits(span: timedelta, printed: str) -> None:
    assert formats.age(span) == printed


def test_a_month_has_a_name_and_a_month_before_it() -> None:
    assert formats.month_name("2025-09") == "Sep 2025"
    assert formats.month_before("2025-01") == "2024-12"
    assert formats.month_name("all") == "all"
    assert formats.month_before("all") is None


@pytest.mark.parametrize(
    ("name", "value", "decimals", "printed"),
    [
        ("avg_balance", 14000.5, 2, "14,000.50"),
        ("total_balance", Decimal("56000.00"), None, "56,000.00"),
        ("customer_id", 1234567, None, "1234567"),
        ("customers", 1234567, None, "1,234,567"),
        ("accepted", True, None, "yes"),
        ("opened", date(2025, 10, 2), None, "2 Oct 2025"),
        ("last_load_at", datetime(2025, 10, 2, 8, 5), None, "2 Oct 2025 08:05"),
        ("geography", None, None, MISSING),
        ("geography", "UAE", None, "UAE"),
    ],
)
def test_a_cell_of_a_table(name: str, value: object, decimals: int | None, printed: str) -> None:
    assert cell(value, ReportColumn(name, name, None, decimals, "")) == printed


def test_a_table_knows_numbers_from_short_texts_and_long_ones() -> None:
    columns = ("month", "customer_id", "avg_clv", "geography", "accepted", "opened", "empty")
    row = ("2025-09", 7, 1.5, "UAE", True, date(2025, 9, 1), None)
    result = ReportResult("r", "R", "", tuple(_column(name) for name in columns), (row,), "", "", "000001-ab")
    made = table(result)
    assert [heading.kind for heading in made.headings] == ["short", "short", "number", "text", "text", "short", "text"]
    assert [heading.title for heading in made.headings[:3]] == ["Month", "Customer ID", "Avg CLV"]


def test_a_long_report_is_cut_on_the_page_and_says_how_much_is_left_out() -> None:
    result = ReportResult("r", "R", "", (_column("n"),), tuple((number,) for number in range(7)), "", "", "000001-ab")
    assert (len(table(result, 5).rows), table(result, 5).left_out) == (5, 2)
    assert table(result).left_out == 0


def _column(name: str) -> ReportColumn:
    return ReportColumn(name, name.replace("_", " "), None, None, "")
