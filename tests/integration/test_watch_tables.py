"""`tenure watch --every`: tables of a server are read again and again, beside the folders."""

from pathlib import Path

import pytest

from tenure.core.settings import Project
from tenure.pipeline import raw_zone, run_all
from tenure.warehouse.releases import open_release
from tests.integration.mariadb_server import MariaDBServer
from tests.integration.watcher_process import expect_whole, offer_ids, offers, put, watcher
from tests.reference_case import BUSINESS_DATE, make_reference_project

pytestmark = pytest.mark.needs("mariadb")

CONTRACT = """\
source: served
entity: offers
kind: mariadb
url: {url}
table: watched_offers
key: [offer_id]
columns:
  offer_id: {{type: integer, required: true}}
  customer_id: {{type: integer, required: true}}
  offer_type: {{type: string, required: true}}
  date_offered: {{type: date}}
"""


@pytest.fixture
def project(mariadb: MariaDBServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("TENURE_SERVED_PASSWORD", mariadb.password)
    made = make_reference_project(tmp_path / "bank")
    run_all(made, BUSINESS_DATE)
    (made.sources / "served.yml").write_text(CONTRACT.format(url=mariadb.url))
    mariadb.script(
        b"USE bank; DROP TABLE IF EXISTS watched_offers;"
        b"CREATE TABLE watched_offers (offer_id INT PRIMARY KEY, customer_id INT, offer_type TEXT, date_offered DATE);"
        b"INSERT INTO watched_offers VALUES (5001, 1, 'Cashback', '2025-09-01');"
    )
    return made


def test_a_table_is_read_at_its_pace_and_what_is_new_in_it_is_published(
    project: Project, mariadb: MariaDBServer
) -> None:
    with watcher(project, "--every", "2s") as watching:
        watching.until("loaded", lambda event: event["source"] == "served" and event["loaded"] == 1)
        watching.until("release")
        assert offer_ids(project) == [5001]
        mariadb.script(b"INSERT INTO bank.watched_offers VALUES (5002, 2, 'Cashback', '2025-09-02');")
        watching.until("loaded", lambda event: event["source"] == "served" and event["loaded"] > 0)
        watching.until("release")
        put(project.root / "landing" / "offers_a.csv", offers(3001, 1))
        watching.until("loaded", lambda event: event["source"] == "offers")
        watching.until("release")
        assert watching.end() == 0
    assert offer_ids(project) == [3001, 5001, 5002]
    expect_whole(project)


def test_a_table_that_cannot_be_read_does_not_stop_the_files_and_is_tried_again(
    project: Project, mariadb: MariaDBServer
) -> None:
    mariadb.script(b"RENAME TABLE bank.watched_offers TO bank.away;")
    with watcher(project, "--every", "2s") as watching:
        refused = watching.until("refused")
        assert refused["source"] == "served"
        assert mariadb.password not in refused["reason"]
        put(project.root / "landing" / "offers_a.csv", offers(3001, 1))
        watching.until("loaded", lambda event: event["source"] == "offers")
        watching.until("release")
        mariadb.script(b"RENAME TABLE bank.away TO bank.watched_offers;")
        watching.until("loaded", lambda event: event["source"] == "served")
        watching.until("release")
        assert watching.end() == 0
    assert offer_ids(project) == [3001, 5001]
    mariadb.script(b"DROP TABLE IF EXISTS bank.away;")


def test_without_a_pace_a_table_is_not_read(project: Project) -> None:
    with watcher(project) as watching:
        assert "served" in watching.until("note")["reason"]
        put(project.root / "landing" / "offers_a.csv", offers(3001, 1))
        watching.until("release")
    assert {load.source for load in raw_zone(project).state.loads()}.isdisjoint({"served"})
    with open_release(project) as release:
        assert release.manifest.business_date == BUSINESS_DATE
