"""A source that feeds no entity: its records are loaded exactly and read as a raw table of their own."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import ValidationError

from tenure.cli.demo import make_project
from tenure.contracts.model import Contract
from tenure.core.settings import Project, open_project
from tenure.pipeline import run_all
from tenure.warehouse.releases import open_release
from tests.command import Command

DAY = date(2025, 10, 2)
FILMS = """\
source: film
entity: none
kind: csv
path: landing/film*.csv
key: [film_id]
columns:
  film_id: {type: integer, required: true}
  title: {type: string}
  rate: {type: "decimal(6,2)"}
"""
MODEL_YML = """\
description: Films by rate
grain: one rate
kind: full
key: [rate]
columns:
  rate: {type: "DECIMAL(6,2)", description: The rate}
  films: {type: BIGINT, description: How many there are}
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    make_project(tmp_path / "shop", "bank")
    for path in (tmp_path / "shop" / "sources").glob("*.yml"):
        path.unlink()
    (tmp_path / "shop" / "sources" / "film.yml").write_text(FILMS)
    (tmp_path / "shop" / "landing" / "film.csv").write_text("film_id,title,rate\n1,Alien,1.50\n2,Brazil,\n")
    return open_project(tmp_path / "shop")


def test_its_records_are_a_raw_table_that_sql_reads(project: Project) -> None:
    run_all(project, DAY)

    with open_release(project) as release:
        rows = release.query("SELECT film_id, title, rate, _source, _row FROM raw_film ORDER BY film_id").to_pylist()
        quality = release.query("SELECT source, entity, loaded FROM data_quality").to_pylist()
    assert rows == [
        {"film_id": 1, "title": "Alien", "rate": Decimal("1.50"), "_source": "film", "_row": 2},
        {"film_id": 2, "title": "Brazil", "rate": None, "_source": "film", "_row": 3},
    ]
    assert quality == [{"source": "film", "entity": "none", "loaded": 2}]


def test_a_later_load_is_published_and_its_records_stand_beside_the_earlier_ones(project: Project) -> None:
    run_all(project, DAY)
    (project.root / "landing" / "film_2.csv").write_text("film_id,title,rate\n1,Alien,2.50\n")
    run_all(project, DAY)

    with open_release(project) as release:
        rates = release.query("SELECT rate FROM raw_film WHERE film_id = 1 ORDER BY _load_id")["rate"].to_pylist()
    assert rates == [Decimal("1.50"), Decimal("2.50")]


def test_a_model_of_the_project_reads_it_and_follows_its_lineage(project: Project, tenure: Command) -> None:
    models = project.root / "models"
    models.mkdir()
    (models / "film_rates.sql").write_text(
        "SELECT rate, COUNT(*) AS films FROM raw_film WHERE rate IS NOT NULL GROUP BY rate\n"
    )
    (models / "film_rates.yml").write_text(MODEL_YML)
    run_all(project, DAY)
    (project.root / "landing" / "film_2.csv").write_text("film_id,title,rate\n3,Cube,1.50\n")
    run_all(project, DAY)

    with open_release(project) as release:
        assert release.query("SELECT * FROM film_rates").to_pylist() == [{"rate": Decimal("1.50"), "films": 2}]
    shown = tenure("lineage", "film_rates.films", "--project", project.root)
    assert "raw_film" in shown.out
    assert "film_rates" in tenure("lineage", "raw_film", "--project", project.root).out


def test_it_may_not_take_the_raw_table_of_an_entity() -> None:
    with pytest.raises(ValidationError, match="raw_customers belongs to the entity customers"):
        Contract.model_validate(
            {
                "source": "customers",
                "entity": "none",
                "kind": "csv",
                "path": "x.csv",
                "keyless": True,
                "columns": {"a": {"type": "string"}},
            }
        )


def test_a_snapshot_of_it_is_by_any_key() -> None:
    content = {
        "source": "film_actor",
        "entity": "none",
        "kind": "csv",
        "path": "x.csv",
        "key": ["film_id", "actor_id"],
        "mode": "snapshot",
        "columns": {"film_id": {"type": "integer"}, "actor_id": {"type": "integer"}},
    }

    assert Contract.model_validate(content).key == ("film_id", "actor_id")
