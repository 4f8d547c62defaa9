"""A finding is stated with its n, and never rests on a small group without saying so."""

from decimal import Decimal

import pytest

from tenure.warehouse.reports import Finding, ReportColumn, rounded, state_finding

COLUMNS = tuple(
    ReportColumn(name, name, unit, decimals, name)
    for name, unit, decimals in (
        ("month", None, None),
        ("group", None, None),
        ("n", "customers", None),
        ("rate", "%", 2),
        ("balance", "EUR", 2),
    )
)
NAMES = tuple(column.name for column in COLUMNS)
FINDING = Finding(
    measure="rate", best="highest", size="n", sentence="{group} leads with {rate} % (n = {n}, {balance})."
)


def _state(*rows: tuple[object, ...], finding: Finding = FINDING) -> str:
    return state_finding(finding, NAMES, rows, 30, "EUR", COLUMNS)  # pyright: ignore[reportArgumentType]


def test_a_small_group_does_not_make_the_headline_while_a_larger_one_is_there() -> None:
    said = _state(("2025-01", "tiny", 2, 100.0, Decimal("1.00")), ("2025-01", "large", 1500, 12.5, Decimal("1234.50")))
    assert said == "large leads with 12.50 % (n = 1,500, 1,234.50 EUR)."


def test_where_all_groups_are_small_the_sentence_says_so() -> None:
    said = _state(("2025-01", "a", 2, 100.0, None), ("2025-01", "b", 29, 100.0, None))
    assert said.startswith("b leads with 100.00 % (n = 29, None).")
    assert said.endswith("No group reaches 30, so read this as a hint, not as a finding.")


def test_only_the_newest_month_counts_where_that_is_asked() -> None:
    latest = Finding(measure="rate", best="lowest", size="n", latest="month", sentence="{group}")
    rows = (("2025-01", "old", 50, 1.0, None), ("2025-02", "new", 50, 9.0, None), ("2025-02", "newer", 50, 8.0, None))
    assert _state(*rows, finding=latest) == "newer"


def test_without_rows_the_sentence_says_that_nothing_is_there() -> None:
    assert "no rows yet" in _state()
    assert "no rows yet" in _state(("2025-01", "a", 50, None, None))


def test_a_newest_month_without_the_measure_does_not_hide_the_one_before() -> None:
    latest = Finding(measure="rate", best="highest", size="n", latest="month", sentence="{month}")
    assert _state(("2025-01", "a", 50, 1.0, None), ("2025-02", "a", 50, None, None), finding=latest) == "2025-01"


def test_only_rows_with_the_values_asked_for_make_the_headline() -> None:
    only = Finding(
        measure="rate", best="highest", size="n", only={"group": ("b", "c")}, sentence="{group}", otherwise="Neither."
    )
    rows = (("2025-01", "a", 50, 9.0, None), ("2025-01", "b", 50, 1.0, None), ("2025-01", "c", 50, 2.0, None))
    assert _state(*rows, finding=only) == "c"
    assert _state(rows[0], finding=only) == "Neither."
    assert _state(("2025-01", "b", 50, None, None), finding=only) == "Neither."
    assert "no rows yet" in _state(finding=only)


@pytest.mark.parametrize(
    ("value", "decimals", "expected"),
    [(1.005, 2, 1.01), (2.675, 2, 2.68), (-1.005, 2, -1.01), (Decimal("0.125"), 2, Decimal("0.13")), (1 / 3, 2, 0.33)],
)
def test_numbers_are_rounded_half_up_as_they_are_written(value: float, decimals: int, expected: float) -> None:
    assert rounded(value, decimals) == expected


def test_what_is_not_a_number_is_not_rounded() -> None:
    assert [rounded(value, 2) for value in (None, "x", True)] == [None, "x", True]
