"""--as-of: exactly what was known then, built beside the releases."""

import sqlite3
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from tenure.cli.as_of import instant
from tenure.core.errors import TenureError, UsageError
from tenure.core.lock import writer_lock
from tenure.core.settings import Project, open_project
from tenure.pipeline import raw_zone, release_as_of
from tenure.warehouse.store import ReleaseStore
from tests.command import Command
from tests.reference_case import make_reference_project
from tests.unit.release_cases import add_offer, copied, current, flip_bit, hashes, parts, run, store_of

DAYS = (date(2025, 10, 2), date(2025, 10, 20), date(2025, 11, 3))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three deliveries, the last with corrections of both before, and only the newest release kept."""
    project = make_reference_project(tmp_path_factory.mktemp("made") / "bank")
    settings = project.root / "tenure.toml"
    settings.write_text(settings.read_text() + "\n[warehouse]\nkeep_releases = 3\n")
    project = open_project(project.root)
    run(project, DAYS[0])
    add_offer(project, 2021)
    run(project, DAYS[1])
    (project.root / "landing" / "offers_third.csv").write_text(
        "offer_id,customer_id,offer_type,accepted,date_offered\n2021,1,Cashback,0,2025-09-01\n2001,1,Insurance,1,2025-08-01\n"
    )
    run(project, DAYS[2])
    return project.root


@pytest.fixture
def project(made: Path, tmp_path: Path) -> Project:
    return copied(made, tmp_path / "bank")


def _recorded(project: Project) -> list[datetime]:
    """When the last load of each delivery was recorded."""
    last = {load.run_id: load.recorded_at for load in raw_zone(project).state.loads()}
    return list(last.values())


def _hashes_as_of(project: Project, when: datetime, day: date | None = None) -> dict[str, str]:
    with release_as_of(project, when, day) as release:
        return {table.name: table.content_hash for table in release.manifest.tables}


def _built(project: Project) -> list[str]:
    """What is kept beside the releases."""
    return ReleaseStore(project.warehouse / "as-of").names()


def _forget_all_but_the_newest(project: Project) -> list[dict[str, str]]:
    """Delete old releases, so that they cannot be taken for the answer; gives what each table held in them."""
    known = [hashes(project, name) for name in store_of(project).names()]
    store_of(project).prune(1)
    return known


def test_every_table_is_what_it_was_after_each_delivery(project: Project) -> None:
    times = _recorded(project)
    in_force = (project.warehouse / "CURRENT").read_bytes()
    known = _forget_all_but_the_newest(project)
    assert known[0]["dim_offer"] != known[1]["dim_offer"] != known[2]["dim_offer"]
    assert [_hashes_as_of(project, when) for when in times] == known
    assert len(_built(project)) == 2, "the third is in force: it is not built again"
    assert (project.warehouse / "CURRENT").read_bytes() == in_force


def test_a_load_counts_from_the_very_moment_it_was_recorded(project: Project) -> None:
    known = _forget_all_but_the_newest(project)
    second = _recorded(project)[1]
    assert _hashes_as_of(project, second) == known[1]
    assert _hashes_as_of(project, second - timedelta(microseconds=1)) == known[0]
    assert _hashes_as_of(project, second + timedelta(microseconds=1)) == known[1]
    assert len(_built(project)) == 2


def test_a_business_date_of_ones_own(project: Project) -> None:
    times = _recorded(project)
    with release_as_of(project, times[0]) as then, release_as_of(project, times[0], date(2025, 12, 31)) as later:
        assert then.business_date == DAYS[0]
        assert later.business_date == date(2025, 12, 31)
        assert then.manifest.loads == later.manifest.loads


def test_what_was_built_is_used_again_and_the_newest_three_are_kept(project: Project) -> None:
    first = _recorded(project)[0]
    days = [date(2025, 11, day) for day in (1, 2, 3, 4)]
    for day in days:
        _hashes_as_of(project, first, day)
    built = _built(project)
    assert len(built) == 3
    _hashes_as_of(project, first, days[-1])
    assert _built(project) == built
    _hashes_as_of(project, first, days[0])
    assert _built(project) == [*built[1:], _built(project)[-1]]


def test_other_settings_or_damage_make_it_anew(project: Project) -> None:
    _forget_all_but_the_newest(project)
    first = _recorded(project)[0]
    before = _hashes_as_of(project, first)
    settings = project.root / "tenure.toml"
    settings.write_text(settings.read_text() + "\n[engagement]\nbalance_unit = 100\n")
    changed = open_project(project.root)
    assert _hashes_as_of(changed, first) != before
    assert len(_built(project)) == 2
    settings.write_text(settings.read_text().replace('currency = "USD"', 'currency = "EGP"'))
    with release_as_of(open_project(project.root), first) as release:
        assert release.manifest.currency == "EGP"
    apart = ReleaseStore(project.warehouse / "as-of")
    for name in apart.names():
        for file in (apart.folder / name / "dim_customer").glob("*.parquet"):
            flip_bit(file)
    _forget_openings(project)
    apart.prune(1)
    assert _hashes_as_of(project, first) == before
    assert len(_built(project)) == 2


def _forget_openings(project: Project) -> None:
    """As on a machine that never opened these releases."""
    for marker in project.state.glob("verified/*"):
        marker.unlink()


def test_damage_of_a_release_does_not_hide_what_was_known(project: Project) -> None:
    second = store_of(project).names()[1]
    flip_bit(parts(project, "dim_geography", second)[0])
    expected = hashes(project, second)
    _forget_openings(project)
    assert _hashes_as_of(project, _recorded(project)[1]) == expected
    assert len(_built(project)) == 1


def test_verify_looks_at_what_is_kept_and_repair_and_prune_delete_it(project: Project, tenure: Command) -> None:
    place = ("--project", project.root)
    first = _recorded(project)[0]
    for day in (date(2025, 12, 30), date(2025, 12, 31)):
        _hashes_as_of(project, first, day)
    damaged, whole = _built(project)
    flip_bit(next((project.warehouse / "as-of" / "releases" / damaged / "dim_customer").glob("*.parquet")))
    ran = tenure("verify", *place)
    assert ran.code == 1
    assert f"WRONG  release {damaged} of an earlier time" in ran.out
    ran = tenure("verify", "--repair", *place)
    assert ran.code == 0
    assert f"repaired  release {damaged} of an earlier time: deleted" in ran.out
    assert _built(project) == [whole]
    kept = store_of(project).names()
    assert whole in {entry["release"] for entry in tenure("releases", "prune", "--json", *place).document["removed"]}
    assert _built(project) == []
    assert store_of(project).names() == kept
    _hashes_as_of(project, first, date(2025, 12, 31))
    assert len(_built(project)) == 1


def test_it_is_a_reader_and_waits_for_no_writer(project: Project) -> None:
    with writer_lock(project):
        _hashes_as_of(project, _recorded(project)[0], date(2025, 12, 31))
    assert len(_built(project)) == 1


def test_before_the_first_load_there_is_nothing_and_the_first_is_named(project: Project) -> None:
    first = raw_zone(project).state.loads()[0].recorded_at
    with pytest.raises(TenureError, match="nothing had been recorded by 2020-01-01 23:59:59 UTC") as caught:
        release_as_of(project, instant("2020-01-01"))
    assert f"{first:%Y-%m-%d %H:%M:%S.%f}" in str(caught.value.cure)
    release_as_of(project, first).close()


def test_without_any_load_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(TenureError, match="nothing has been loaded yet"):
        release_as_of(make_reference_project(tmp_path / "bank"), datetime(2030, 1, 1))


def test_a_date_means_its_end_and_a_timestamp_is_utc() -> None:
    assert instant("2025-10-02") == datetime(2025, 10, 2, 23, 59, 59, 999999)
    assert instant("2025-10-02T08:30") == datetime(2025, 10, 2, 8, 30)
    assert instant("2025-10-02T08:30:00Z") == datetime(2025, 10, 2, 8, 30)
    assert instant("2025-10-02T08:30:00+02:00") == datetime(2025, 10, 2, 6, 30)
    assert instant("2025-10-02 08:30:00.5").microsecond == 500000
    with pytest.raises(UsageError, match="--as-of yesterday is not a time"):
        instant("yesterday")


def _move_first_delivery_to(project: Project, day: date) -> None:
    """Let the loads of the first delivery have been recorded on that day."""
    first = raw_zone(project).state.loads()[0].run_id
    with sqlite3.connect(project.state / "state.sqlite") as connection:
        connection.execute(
            "UPDATE load SET recorded_at = ? || substr(recorded_at, 11) WHERE run_id = ?", (day.isoformat(), first)
        )


def test_report_sql_and_build_as_of(project: Project, tenure: Command) -> None:
    _move_first_delivery_to(project, date(2025, 10, 2))
    place = ("--project", project.root)
    in_force = current(project)
    count = "SELECT COUNT(*) AS n FROM dim_offer"
    assert tenure("sql", count, "--json", *place).document == [{"n": 21}]
    assert tenure("sql", count, "--as-of", "2025-10-02", "--json", *place).document == [{"n": 20}]
    report = tenure("report", "churn_overall", "--as-of", "2025-10-02", "--json", *place).document
    assert report["release"] == store_of(project).names()[0], "the release of that day is still kept"
    assert [row["month"] for row in report["rows"]] == ["2025-10"]
    built = tenure("build", "--as-of", "2025-10-02", "--json", *place).document
    assert (built["business_date"], built["loads"], built["release"]) == ("2025-10-02", 4, report["release"])
    told = tenure("build", "--as-of", "2025-10-02", "--date", "2025-10-31", *place).out
    assert "4 loads, business date 2025-10-31" in told
    assert len(_built(project)) == 1
    assert current(project) == in_force


def test_options_that_contradict_are_refused(project: Project, tenure: Command) -> None:
    place = ("--project", project.root)
    for words in (("build", "--full"), ("build", "--dry-run"), ("sql", "SELECT 1", "--release", current(project))):
        ran = tenure(*words, "--as-of", datetime.now(UTC).date(), *place)
        assert ran.code == 2
        assert "cure:" in ran.err
