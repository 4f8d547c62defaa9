"""Checks of large tables take shorter ways: by counting, and month by month. They must say the same."""

from pathlib import Path

import pytest

from tenure.core.errors import CheckFailed
from tenure.core.settings import Project
from tenure.pipeline import run_all
from tenure.warehouse import checks
from tests.reference_case import BUSINESS_DATE, make_reference_project

YML = """\
description: Events twice over
grain: {grain}
kind: partitioned
partition: activity_date
follows: {{fact_customer_activity: fact_id}}
key: [{key}]
columns:
  fact_id: {{type: BIGINT, description: The event}}
  activity_date: {{type: DATE, description: Its day}}
"""
TWICE = "SELECT fact_id, activity_date FROM fact_customer_activity UNION ALL "
ELSEWHERE = "SELECT fact_id, add_months_to(activity_date, 1) FROM fact_customer_activity WHERE fact_id % 5 = 0"


@pytest.fixture
def bank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setattr(checks, "_LARGE", 0)
    return make_reference_project(tmp_path / "bank")


def put(project: Project, sql: str, key: str) -> None:
    folder = project.root / "models"
    folder.mkdir(exist_ok=True)
    (folder / "twice.sql").write_text(sql)
    (folder / "twice.yml").write_text(YML.format(grain="one event", key=key))


def test_a_sound_bank_passes(bank: Project) -> None:
    assert run_all(bank, BUSINESS_DATE).build is not None


def test_a_value_that_occurs_in_two_months_is_found(bank: Project) -> None:
    put(bank, TWICE + ELSEWHERE, "fact_id")
    with pytest.raises(CheckFailed, match=r'twice: key \("fact_id"\) is unique: [0-9]+ rows break it'):
        run_all(bank, BUSINESS_DATE)


def test_a_key_with_the_month_is_looked_through_month_by_month(bank: Project) -> None:
    again = "SELECT fact_id, activity_date FROM fact_customer_activity"
    put(bank, TWICE + again, "fact_id, activity_date")
    with pytest.raises(CheckFailed, match=r'twice: key \("fact_id", "activity_date"\) is unique: [0-9]+ rows break it'):
        run_all(bank, BUSINESS_DATE)
