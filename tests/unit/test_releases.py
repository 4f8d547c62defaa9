"""Releases appear whole, share what did not change, and are never half there for anyone."""

from datetime import date
from pathlib import Path

import pytest

from tenure.core.clock import new_run_id
from tenure.core.errors import BuildError, Busy, CheckFailed, DamagedRelease, TenureError, UsageError
from tenure.core.lock import writer_lock
from tenure.core.settings import Project, open_project
from tenure.pipeline import run_all, run_build, verify
from tenure.warehouse.releases import open_release
from tenure.warehouse.runner import BuildRequest
from tests.reference_case import BUSINESS_DATE, make_reference_project
from tests.unit.release_cases import (
    add_offer,
    copied,
    current,
    flip_bit,
    hashes,
    make_releases,
    parts,
    store_of,
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_releases(tmp_path_factory.mktemp("made") / "bank", 1)


@pytest.fixture
def project(made: Path, tmp_path: Path) -> Project:
    return copied(made, tmp_path / "bank")


def _request(**changes: object) -> BuildRequest:
    return BuildRequest(new_run_id(), BUSINESS_DATE, **changes)  # pyright: ignore[reportArgumentType]


def test_the_same_run_twice_publishes_nothing_new(project: Project) -> None:
    before = current(project)
    result = run_all(project, BUSINESS_DATE)
    assert result.build is not None
    assert not result.build.published
    assert result.build.computed == ()
    assert [outcome.unchanged for outcome in result.outcomes] == [20, 20, 20, 20]
    assert current(project) == before
    assert store_of(project).names() == [before]


def test_models_whose_inputs_did_not_change_share_their_parts(project: Project) -> None:
    before = current(project)
    add_offer(project)
    result = run_all(project, BUSINESS_DATE)
    assert result.build is not None
    assert "dim_offer" in result.build.computed
    assert "dim_support_ticket" not in result.build.computed
    folder = project.warehouse / "releases"
    (shared,) = parts(project, "dim_support_ticket")
    assert (folder / before / shared.relative_to(folder / result.build.release)).stat().st_ino == shared.stat().st_ino


def test_an_incremental_build_equals_a_full_one(project: Project) -> None:
    add_offer(project)
    run_all(project, BUSINESS_DATE)
    incremental = hashes(project)
    run_build(project, _request(full=True))
    assert hashes(project) == incremental


def test_the_pointer_the_link_and_the_folder_agree(project: Project) -> None:
    release = current(project)
    assert (project.warehouse / "CURRENT").read_text().splitlines()[0] == release
    assert (project.warehouse / "current").readlink() == Path("releases") / release
    assert len(list((project.warehouse / "current" / "dim_customer").glob("*.parquet"))) == 1


def test_rollback_puts_an_older_release_in_force_and_the_next_build_goes_on_from_there(project: Project) -> None:
    first = current(project)
    add_offer(project)
    run_all(project, BUSINESS_DATE)
    second = current(project)
    with writer_lock(project):
        store_of(project).rollback(first)
    assert current(project) == first
    assert store_of(project).names() == [first, second]
    run_all(project, BUSINESS_DATE)
    third = current(project)
    assert third not in {first, second}
    with open_release(project) as release:
        assert release.query("SELECT COUNT(*) AS n FROM dim_offer")["n"][0].as_py() == 21


def test_rollback_to_a_release_that_does_not_exist_says_which_do(project: Project) -> None:
    with pytest.raises(TenureError, match="there is no release 999999-x"):
        store_of(project).rollback("999999-x")


def test_old_releases_are_pruned_but_not_while_they_are_read(project: Project) -> None:
    settings = project.root / "tenure.toml"
    settings.write_text(settings.read_text() + "\n[warehouse]\nkeep_releases = 1\n")
    project = open_project(project.root)
    first = current(project)
    with open_release(project) as release:
        add_offer(project)
        run_all(project, BUSINESS_DATE)
        assert first in store_of(project).names()
        assert release.id == first
        assert release.query("SELECT COUNT(*) AS n FROM dim_offer")["n"][0].as_py() == 20
    add_offer(project, 2022)
    run_all(project, BUSINESS_DATE)
    assert store_of(project).names() == [current(project)]


def test_a_failing_check_publishes_nothing_and_says_which_rows(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = current(project)
    _break_a_model(
        monkeypatch,
        "dim_offer",
        "FROM stg_offers",
        "FROM stg_offers CROSS JOIN (SELECT 1 AS one UNION ALL SELECT 2) AS twice",
    )
    with pytest.raises(CheckFailed) as caught:
        run_build(project, _request())
    assert 'dim_offer: key ("offer_id") is unique: 20 rows break it: offer_id=' in str(caught.value)
    assert current(project) == before
    assert not (project.warehouse / "releases" / ".building").exists()


def test_a_model_with_other_columns_than_its_yml_is_refused(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    before = current(project)
    _break_a_model(monkeypatch, "dim_offer", "  cost,\n", "")
    with pytest.raises(BuildError, match=r"cost is missing, its yml says DECIMAL\(18,2\)"):
        run_build(project, _request())
    assert current(project) == before


def _break_a_model(monkeypatch: pytest.MonkeyPatch, name: str, before: str, after: str) -> None:
    from dataclasses import replace

    from tenure.warehouse import runner

    original = runner.read_models

    def broken(types: object) -> object:
        models = original(types)  # pyright: ignore[reportArgumentType]
        assert any(before in model.sql for model in models if model.name == name)
        return [replace(m, sql=m.sql.replace(before, after)) if m.name == name else m for m in models]

    monkeypatch.setattr(runner, "read_models", broken)


def test_a_flipped_bit_is_found_when_a_release_is_first_opened_and_by_verify(project: Project) -> None:
    (part,) = parts(project, "dim_customer")
    flip_bit(part)
    with pytest.raises(DamagedRelease, match="dim_customer/.*parquet: its bytes have changed"):
        open_release(project)
    problems = [finding.problem for finding in verify(project) if finding.problem]
    assert len(problems) == 1
    assert "tenure build --full" in problems[0]
    run_build(project, _request(full=True))
    with open_release(project) as release:
        assert release.query("SELECT COUNT(*) AS n FROM dim_customer")["n"][0].as_py() == 20


def test_a_missing_part_is_found_even_by_a_machine_that_opened_the_release_before(project: Project) -> None:
    open_release(project).close()
    parts(project, "dim_offer")[0].unlink()
    with pytest.raises(DamagedRelease, match="dim_offer/.*parquet: is missing"):
        open_release(project)


def test_a_changed_manifest_is_not_believed(project: Project) -> None:
    manifest = project.warehouse / "releases" / current(project) / "manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b'"rows": 20', b'"rows": 21', 1))
    with pytest.raises(DamagedRelease, match="the manifest's bytes have changed"):
        open_release(project)


@pytest.mark.parametrize("damaged", ["CURRENT", "manifest.json"])
def test_a_full_build_cures_a_damaged_pointer_or_manifest(project: Project, damaged: str) -> None:
    release = current(project)
    path = project.warehouse / "CURRENT" if damaged == "CURRENT" else project.warehouse / "releases" / release / damaged
    path.write_bytes(b"\xff\x00garbage")
    with pytest.raises(DamagedRelease):
        open_release(project)
    run_build(project, _request(full=True))
    with open_release(project) as opened:
        assert opened.query("SELECT COUNT(*) AS n FROM dim_customer")["n"][0].as_py() == 20


def test_no_release_yet_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(TenureError, match="there is no release yet") as caught:
        open_release(make_reference_project(tmp_path / "bank"))
    assert caught.value.cure == "make one with: tenure run"


def test_a_second_writer_is_refused_and_the_lock_dies_with_its_holder(project: Project) -> None:
    with writer_lock(project), pytest.raises(Busy, match="another command is writing"):
        run_all(project, BUSINESS_DATE)
    run_all(project, BUSINESS_DATE)


def test_selecting_an_unknown_model_names_the_cure(project: Project) -> None:
    with pytest.raises(UsageError, match="there is no model dim_ofer"):
        run_build(project, _request(select=("dim_ofer",)))


def test_another_business_date_is_another_release(project: Project) -> None:
    before = current(project)
    run_build(project, BuildRequest(new_run_id(), date(2025, 11, 2)))
    assert current(project) != before
    with open_release(project) as release:
        rows = release.query("SELECT COUNT(*) AS n FROM fact_customer_metrics")["n"][0].as_py()
    assert rows == 40


def test_only_questions_may_be_asked(project: Project) -> None:
    with open_release(project) as release:
        assert release.engine.ask("SELECT 1 AS one").to_pylist() == [{"one": 1}]
        assert release.engine.ask("SHOW TABLES").num_rows > 20
        for statement in ("DROP VIEW dim_customer", "SELECT 1; SELECT 2", "COPY dim_customer TO 'x.csv'", "SELEC"):
            with pytest.raises(UsageError):
                release.engine.ask(statement)
