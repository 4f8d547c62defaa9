"""Whatever arrives in whatever order: building step by step equals building at once, cell for cell.

The seed of the sequences changes with the day; a failure prints it. TENURE_SEED=N repeats a day.
"""

import os
import tempfile
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, seed, settings

from tenure.warehouse import increment
from tests.property.increment_cases import CASES, cases_of
from tests.property.increments import SEQUENCES, Step, differences

SEED = int(os.environ.get("TENURE_SEED", date.today().toordinal()))
IN_EVERY_RUN = 110
IN_THE_LONG_RUN = 1200


def increments_equal_building_at_once(
    monkeypatch: pytest.MonkeyPatch, share: int, sequences: int, drawn: set[str]
) -> None:
    """Draw sequences and hold each to the law; small parts are merged early, so that this is tried as well."""
    monkeypatch.setattr(increment, "MOST_PARTS", 2)

    @seed(SEED * 10 + share)
    @settings(max_examples=sequences, derandomize=False, database=None, suppress_health_check=list(HealthCheck))
    @given(steps=SEQUENCES)
    def hold(steps: tuple[Step, ...]) -> None:
        drawn.update(cases_of(steps))
        with tempfile.TemporaryDirectory() as folder:
            assert differences(steps, Path(folder) / "bank") == [], f"TENURE_SEED={SEED}"

    hold()


def test_building_step_by_step_equals_building_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: set[str] = set()
    increments_equal_building_at_once(monkeypatch, 0, IN_EVERY_RUN, drawn)
    assert drawn == CASES


@pytest.mark.full
def test_building_step_by_step_equals_building_at_once_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: set[str] = set()
    increments_equal_building_at_once(monkeypatch, 1, IN_THE_LONG_RUN, drawn)
    assert drawn == CASES
