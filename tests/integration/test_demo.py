"""The demo from end to end: what was soiled on purpose is exactly what ends in quarantine."""

import csv
from datetime import date
from pathlib import Path

import pytest

from tenure.core.settings import open_project
from tenure.pipeline import raw_zone, verify
from tenure.raw.quarantine import Chosen, quarantined
from tenure.warehouse.releases import open_release
from tests.command import Command

END = date(2025, 9, 30)


@pytest.fixture
def tenure(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(monkeypatch, capsys)


def test_the_demo_prints_the_headlines_and_quarantines_what_was_soiled(tenure: Command, tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    ran = tenure("demo", folder, "--customers", 1500, "--no-serve", "--end", END)
    assert ran.code == 0, ran.err
    assert "customers have left" in ran.out
    assert "n = 1,500" in ran.out
    project = open_project(folder)
    with (folder / "truth" / "dirty.csv").open(newline="", encoding="utf-8") as handle:
        dirty = {(row["file"], int(row["line"])): row["breaks_contract"] == "true" for row in csv.DictReader(handle)}
    zone = raw_zone(project)
    loads = zone.state.loads()
    apart = {(Path(record.load.delivery).name, record.row) for record in quarantined(zone, Chosen())}
    assert len(apart) == sum(load.quarantined for load in loads) > 100
    assert apart - dirty.keys() == set()
    assert {place for place, breaks in dirty.items() if breaks} - apart == set()
    assert [finding for finding in verify(project) if finding.problem] == []
    with open_release(project) as release:
        months = release.query("SELECT COUNT(DISTINCT month) AS n FROM fact_customer_metrics")["n"][0].as_py()
        customers = release.query("SELECT COUNT(*) AS n FROM dim_customer")["n"][0].as_py()
    assert (months, customers) == (24, 1500)


def test_the_demo_goes_on_with_what_is_there(tenure: Command, tmp_path: Path) -> None:
    words = ("demo", tmp_path / "demo", "--customers", 200, "--no-serve", "--end", END)
    assert tenure(*words).code == 0
    again = tenure(*words)
    assert again.code == 0
    assert "has files already; going on with them" in again.out
