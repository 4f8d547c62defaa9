"""Without hints from the system, looking at the folders alone finds everything that lands."""

import threading
from pathlib import Path

import pytest

from tenure.pipeline import Pace, Watching, run_all, watch
from tenure.sources import watch_hints
from tests.integration.watcher_process import offer_ids, offers, put
from tests.reference_case import BUSINESS_DATE, make_reference_project


def test_a_system_without_hints_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_hints, "_system", lambda: None)
    project = make_reference_project(tmp_path / "bank")
    run_all(project, BUSINESS_DATE)
    published = threading.Event()
    events: list[str] = []

    def tell(event: str, _: dict[str, object]) -> None:
        events.append(event)
        if event == "watching":
            threading.Timer(0.5, lambda: put(project.root / "landing" / "offers_a.csv", offers(3001, 2))).start()
        if event == "release":
            published.set()

    failed = watch(project, Watching(Pace(0.5, None, False), tell, published.is_set, business_date=BUSINESS_DATE))
    assert (failed, events) == (0, ["watching", "loaded", "release"])
    assert offer_ids(project) == [3001, 3002]
