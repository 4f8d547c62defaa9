"""What bank can be asked for, and how its months are counted."""

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from tenure.core.errors import UsageError
from tenure.synth.bank import BankPlan
from tenure.synth.plan import Stream, generator, month_of
from tenure.synth.population import months_since


def day(text: str) -> int:
    return (date.fromisoformat(text) - date(1970, 1, 1)).days


@pytest.mark.parametrize(
    "wrong",
    [
        {"customers": 10},
        {"months": 12},
        {"months": 61},
        {"end": date(2025, 9, 29)},
        {"seed": -1},
        {"dirty_share": 0.5},
        {"dirty_share": -0.1},
        {"dirty_share": float("nan")},
    ],
)
def test_a_bank_that_cannot_be_made_is_refused_with_a_cure(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as refusal:
        BankPlan(**wrong)
    assert refusal.value.cure


def test_the_window_ends_with_the_month_of_the_business_date() -> None:
    plan = BankPlan(months=24, end=date(2024, 2, 29))
    months = [month_of(plan, index) for index in range(24)]
    assert [months[0].label, months[22].label, months[23].label] == ["2022-03", "2024-01", "2024-02"]
    assert months[23].end == day("2024-02-29")
    assert all(earlier.end + 1 == later.start for earlier, later in pairwise(months))


def test_the_market_changes_once_three_quarters_into_the_window() -> None:
    plan = BankPlan(months=24)
    assert [month_of(plan, index).changed_market for index in (-5, 0, 17, 18, 23, 40)] == [
        False,
        False,
        False,
        True,
        True,
        True,
    ]


def test_tenure_counts_completed_months() -> None:
    opened = np.array([day("2024-01-15"), day("2024-01-31"), day("2024-02-29"), day("2024-01-01")])
    assert months_since(opened, day("2024-02-14")).tolist() == [0, 0, 0, 1]
    assert months_since(opened, day("2024-02-15")).tolist() == [1, 0, 0, 1]
    assert months_since(opened, day("2024-02-29")).tolist() == [1, 1, 0, 1]
    assert months_since(opened, day("2025-01-31")).tolist() == [12, 12, 11, 12]


def test_tenure_never_falls_from_one_day_to_the_next() -> None:
    opened = np.arange(day("2023-12-25"), day("2024-03-05"))
    first = date(2024, 3, 10)
    counted = [months_since(opened, day((first + timedelta(days=ahead)).isoformat())) for ahead in range(120)]
    assert all((later >= earlier).all() for earlier, later in pairwise(counted))


def test_streams_months_and_parts_draw_different_numbers() -> None:
    drawn = {
        generator(seed, stream, month, part).integers(2**62)
        for seed in (1, 2)
        for stream in Stream
        for month in (-1, 0, 1)
        for part in (0, 1)
    }
    assert len(drawn) == 2 * len(Stream) * 3 * 2
