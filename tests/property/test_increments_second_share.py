"""More of the sequences of `test_increments.py`, in a file of their own so that another process takes them."""

import pytest

from tests.property.increment_cases import CASES
from tests.property.test_increments import IN_EVERY_RUN, IN_THE_LONG_RUN, increments_equal_building_at_once


def test_building_step_by_step_equals_building_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: set[str] = set()
    increments_equal_building_at_once(monkeypatch, 2, IN_EVERY_RUN, drawn)
    assert drawn == CASES


@pytest.mark.full
def test_building_step_by_step_equals_building_at_once_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: set[str] = set()
    increments_equal_building_at_once(monkeypatch, 3, IN_THE_LONG_RUN, drawn)
    assert drawn == CASES
