"""`tenure watch` as a process: what lands is loaded once and published, whole files only, and each goes its way."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tenure.core.lock import writer_lock
from tenure.core.settings import Project
from tenure.pipeline import raw_zone, run_all
from tenure.warehouse.store import ReleaseStore
from tests.integration.watcher_process import (
    Event,
    expect_whole,
    offer_ids,
    offer_lines,
    offers,
    put,
    told_to,
    watcher,
)
from tests.reference_case import BUSINESS_DATE, make_reference_project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = make_reference_project(tmp_path / "bank")
    run_all(made, BUSINESS_DATE)
    return made


def of(name: str) -> Callable[[Event], bool]:
    """Whether an event is about this file."""
    return lambda event: event.get("file") == f"landing/{name}"


def loads_of(project: Project, name: str) -> list[int]:
    """Records of each load that a file has made."""
    return [load.records_in for load in raw_zone(project).state.loads() if load.delivery == f"landing/{name}"]


def test_what_lands_is_in_a_published_release_and_the_watcher_ends_when_asked(project: Project) -> None:
    with watcher(project) as watching:
        put(project.root / "landing" / "offers_a.csv", offers(3001, 3))
        loaded = watching.until("loaded", of("offers_a.csv"))
        assert (loaded["source"], loaded["records_in"], loaded["loaded"]) == ("offers", 3, 3)
        release = watching.until("release")
        assert release["release"] == ReleaseStore(project.warehouse).names()[-1]
        assert offer_ids(project) == [3001, 3002, 3003]
        assert watching.end() == 0
        assert watching.rest()[-1]["event"] == "stopped"
    assert (project.root / "landing" / "offers_a.csv").is_file()
    expect_whole(project)


def test_a_file_that_is_open_for_writing_is_waited_for_however_long_it_stands_still(project: Project) -> None:
    path = project.root / "landing" / "offers_slow.csv"
    with watcher(project, "--settle", "0.2") as watching, path.open("w") as writing:
        writing.write(offers(3001, 1))
        writing.flush()
        for number in range(2):  # several looks at the half of it, each with another file that comes through
            put(project.root / "landing" / f"offers_b{number}.csv", offers(4001 + number, 1))
            watching.until("release")
            time.sleep(0.5)
        assert offer_ids(project) == [4001, 4002]
        writing.write(offer_lines(3002, 4))
        writing.close()
        assert watching.until("loaded", of("offers_slow.csv"))["records_in"] == 5
        watching.until("release")
    assert offer_ids(project) == [3001, 3002, 3003, 3004, 3005, 4001, 4002]
    assert loads_of(project, "offers_slow.csv") == [5]


def test_a_file_that_grows_by_one_write_after_the_other_is_taken_once_it_stands_still(project: Project) -> None:
    path = project.root / "landing" / "offers_grows.csv"
    with watcher(project, "--settle", "2") as watching:
        path.write_text(offers(3001, 1))
        for number in range(5):
            time.sleep(0.3)
            with path.open("a") as writing:
                writing.write(offer_lines(3002 + number, 1))
        assert watching.until("loaded", of("offers_grows.csv"))["records_in"] == 6
        watching.until("release")
    assert loads_of(project, "offers_grows.csv") == [6]
    assert offer_ids(project) == [3001, 3002, 3003, 3004, 3005, 3006]


@pytest.mark.parametrize("name", ["offers_x.csv.part", ".offers_x.csv", "offers_x.csv.filepart", "offers_x.csv.tmp"])
def test_a_name_that_says_unfinished_is_waited_for(project: Project, name: str) -> None:
    unfinished = project.root / "landing" / name
    contract = project.sources / "offers.yml"
    contract.write_text(contract.read_text().replace("landing/offers*.csv", "landing/*offers*"))
    unfinished.write_text(offers(3001, 2))
    with watcher(project, "--settle", "0") as watching:
        put(project.root / "landing" / "offers_y.csv", offers(4001, 1))
        watching.until("release")
        assert offer_ids(project) == [4001]
        unfinished.rename(project.root / "landing" / "offers_x.csv")
        watching.until("loaded", of("offers_x.csv"))
        watching.until("release")
    assert offer_ids(project) == [3001, 3002, 4001]


def test_a_burst_of_two_hundred_files_is_loaded_once_each_in_few_releases(project: Project) -> None:
    landing = project.root / "landing"
    told_to(project, "offers", "watch: {archive: archive}")
    before = len(raw_zone(project).state.loads())
    with watcher(project) as watching:
        for number in range(200):
            put(landing / f"offers_{number:03}.csv", offers(3000 + 2 * number, 2))
        loaded: set[str] = set()
        while len(loaded) < 200:
            loaded.add(watching.until("loaded", lambda event: event["loaded"] == 2)["file"])
        watching.until("release")
        watching.until("archived", lambda _: len(list((project.root / "archive").glob("offers_*.csv"))) == 200)
        assert watching.end() == 0
    assert offer_ids(project) == list(range(3000, 3400))
    assert len(raw_zone(project).state.loads()) == before + 200
    releases = [event for event in watching.rest() if event["event"] == "release"]
    assert len(releases) <= 100
    assert not list(landing.glob("*offers_*"))
    expect_whole(project)


def test_archived_files_keep_their_content_and_a_second_one_of_that_name_is_kept_too(project: Project) -> None:
    landing, archive = project.root / "landing", project.root / "old" / "offers"
    told_to(project, "offers", "watch: {archive: old/offers}")
    with watcher(project) as watching:
        for number in (1, 2):
            put(landing / "offers_daily.csv", offers(3000 + number, 1))
            watching.until("loaded", of("offers_daily.csv"))
            watching.until("archived", of("offers_daily.csv"))
    assert (archive / "offers_daily.csv").read_text() == offers(3001, 1)
    assert (archive / "offers_daily.1.csv").read_text() == offers(3002, 1)
    assert (archive / "offers.csv").is_file(), "what an earlier command loaded is moved as well"
    assert loads_of(project, "offers_daily.csv") == [1, 1]
    assert offer_ids(project) == [3001, 3002]
    assert sorted(path.name for path in landing.iterdir()) == [
        "customer_support_tickets.csv",
        "customers.csv",
        "usage.json",
    ]


def test_a_file_left_in_place_is_loaded_again_only_with_new_content(project: Project) -> None:
    path = project.root / "landing" / "offers_left.csv"
    with watcher(project) as watching:
        put(path, offers(3001, 1))
        watching.until("release")
        os.utime(path)
        assert watching.until("loaded", of(path.name))["unchanged"] == 1
        put(path, offers(3001, 2))
        assert watching.until("loaded", of(path.name))["records_in"] == 2
        watching.until("release")
    assert loads_of(project, path.name) == [1, 2]
    assert offer_ids(project) == [3001, 3002]


def test_a_refused_file_says_why_once_and_is_tried_again_when_it_or_its_contract_changes(project: Project) -> None:
    path = project.root / "landing" / "offers_bad.csv"
    with watcher(project) as watching:
        put(path, "who,knows\n1,2\n")
        refused = watching.until("refused", of(path.name))
        assert "cure:" in refused["reason"]
        put(project.root / "landing" / "offers_good.csv", offers(4001, 1))
        watching.until("release")
        time.sleep(2.5)
        assert watching.end() == 0
        assert [event["event"] for event in watching.rest()].count("refused") == 1
    with watcher(project) as watching:
        put(path, "who,knows,more\n1,2,3\n")
        watching.until("refused", of(path.name))
        put(path, offers(3001, 1))
        watching.until("loaded", of(path.name))
        put(path, "offer_id,customer_id,kind_of_offer,accepted,date_offered\n3002,1,Cashback,1,2025-09-01\n")
        watching.until("refused", of(path.name))
        contract = project.sources / "offers.yml"
        contract.write_text(contract.read_text().replace("offer_type: {", "offer_type: {from: kind_of_offer, "))
        assert watching.until("loaded", of(path.name))["loaded"] == 1
        watching.until("release")
    assert offer_ids(project) == [3001, 3002, 4001]


def test_a_restarted_watcher_does_not_try_a_refused_file_again(project: Project) -> None:
    (project.root / "landing" / "offers_bad.csv").write_text("who,knows\n1,2\n")
    words = [sys.executable, "-m", "tenure", "watch", "--once", "--json", "--settle", "0"]
    command = [*words, "--date", str(BUSINESS_DATE), "--project", str(project.root)]
    first = subprocess.run(command, capture_output=True, text=True)
    assert first.returncode == 1
    assert "refused" in first.stdout
    again = subprocess.run(command, capture_output=True, text=True)
    assert again.returncode == 0
    assert "refused" not in again.stdout


def test_a_refused_file_is_set_aside_with_its_reason_beside_it(project: Project) -> None:
    told_to(project, "offers", "watch: {archive: archive, refused: refused}")
    path = project.root / "landing" / "offers_bad.csv"
    with watcher(project) as watching:
        put(path, "who,knows\n1,2\n")
        reason = watching.until("refused", of(path.name))["reason"]
        watching.until("set aside", of(path.name))
    assert (project.root / "refused" / "offers_bad.csv").read_text() == "who,knows\n1,2\n"
    assert (project.root / "refused" / "offers_bad.csv.reason").read_text() == f"{reason}\n"
    assert not path.exists()


def test_the_watcher_waits_while_another_command_writes_and_goes_on_after_it(project: Project) -> None:
    with watcher(project) as watching:
        put(project.root / "landing" / "offers_a.csv", offers(3001, 1))
        watching.until("release")
        with writer_lock(project):
            put(project.root / "landing" / "offers_b.csv", offers(3002, 1))
            assert f"process {os.getpid()}" in watching.until("busy")["reason"]
            assert offer_ids(project) == [3001]
        watching.until("loaded", of("offers_b.csv"))
        watching.until("release")
        assert [event["event"] for event in watching.events].count("busy") == 1
    assert offer_ids(project) == [3001, 3002]


def test_a_second_watcher_says_who_watches(project: Project) -> None:
    with watcher(project) as watching:
        words = [sys.executable, "-m", "tenure", "watch", "--project", str(project.root)]
        second = subprocess.run(words, capture_output=True, text=True)
        assert second.returncode == 1
        assert f"another command is watching this project (process {watching.process.pid})" in second.stderr
        put(project.root / "landing" / "offers_a.csv", offers(3001, 1))
        watching.until("release")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_watcher_stopped_in_the_midst_of_its_work_leaves_cleanly_and_the_next_ends_it(
    project: Project, number: signal.Signals
) -> None:
    with watcher(project) as watching:
        for place in range(20):
            put(project.root / "landing" / f"offers_{place:02}.csv", offers(3000 + place, 1))
        watching.until("loaded")
        assert watching.end(number) == 0
        assert watching.rest()[-1]["event"] == "stopped"
    command = [sys.executable, "-m", "tenure", "watch", "--once", "--settle", "0", "--project", str(project.root)]
    assert subprocess.run([*command, "--date", str(BUSINESS_DATE)], stdout=subprocess.DEVNULL).returncode == 0
    assert offer_ids(project) == list(range(3000, 3020))
    expect_whole(project)


def test_once_takes_what_has_landed_and_ends(project: Project) -> None:
    put(project.root / "landing" / "offers_a.csv", offers(3001, 2))
    (project.root / "landing" / "offers_b.csv.part").write_text(offers(4001, 2))
    command = [sys.executable, "-m", "tenure", "watch", "--once", "--json", "--date", str(BUSINESS_DATE)]
    done = subprocess.run([*command, "--project", str(project.root)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    events = [json.loads(line)["event"] for line in done.stdout.splitlines()]
    assert events == ["watching", "loaded", "release"]
    assert offer_ids(project) == [3001, 3002]


def test_a_failing_build_keeps_the_release_and_is_tried_again(project: Project) -> None:
    broken = project.root / "models"
    broken.mkdir()
    with watcher(project) as watching:
        (broken / "mart_x.sql").write_text("SELECT nothing_of_the_kind FROM dim_offer")
        (broken / "mart_x.yml").write_text("description: x\n")
        put(project.root / "landing" / "offers_a.csv", offers(3001, 1))
        assert watching.until("failed")["reason"]
        assert offer_ids(project) == []
        for path in broken.iterdir():
            path.unlink()
        watching.until("release")
        assert watching.end() == 0
    assert offer_ids(project) == [3001]
