"""What `tenure source add` is told to look at: odd names of files and folders, patterns, urls with a password."""

import os
from datetime import date
from pathlib import Path

import pytest

from tenure.cli.demo import make_project
from tenure.contracts.files import read_contract
from tenure.contracts.model import Contract
from tenure.core.settings import Project, open_project
from tenure.pipeline import run_ingest
from tests.command import Command


@pytest.fixture
def project(tmp_path: Path) -> Project:
    make_project(tmp_path / "shop", "empty")
    return open_project(tmp_path / "shop")


def land(project: Project, name: str, content: str) -> Path:
    path = project.root / "landing" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def added(project: Project, tenure: Command, what: Path) -> Contract:
    """The contract that the command writes."""
    ran = tenure("source", "add", what, "--project", project.root, "--json")
    assert ran.code == 0, ran.err
    return read_contract(project.root / ran.document["sources"][0]["file"])


SECRET = "secret"


def loaded(project: Project, source: str) -> int:
    """How many records are loaded from what the contract names."""
    return sum(outcome.loaded for outcome in run_ingest(project, date(2025, 10, 2), (source,)).outcomes)


@pytest.mark.parametrize(
    "url",
    [
        f"mysql://u:{SECRET}@h/db",
        "jdbc:mysql://h/db?user=u&password=secret",
        "JDBC:oracle:thin:u/secret@h:1521/db",
        f"MariaDB://u:{SECRET}@h/db",
        f"mariadb://u:{SECRET}@h/db",
        "mariadb://u@h/db?password=secret",
        "mariadb:u:secret@h/db",
        "u:secret@h/db",
        "u:secret*[@h/db",
    ],
)
def test_a_password_in_a_url_is_never_repeated(project: Project, tenure: Command, url: str) -> None:
    for more in ((), ("--json",)):
        ran = tenure("source", "add", url, "--project", project.root, *more)
        assert ran.code in {1, 2}
        assert "secret" not in (ran.out + ran.err).lower()
        assert "mariadb://user@host:port/database" in ran.err.lower()


def test_a_name_with_the_signs_of_a_pattern_is_first_of_all_a_name(project: Project, tenure: Command) -> None:
    contract = added(project, tenure, land(project, "x 7[ä].csv", "id,n\n1,5\n"))
    assert contract.path == "landing/x 7[ä].csv"
    assert loaded(project, contract.source) == 1


def test_a_folder_with_the_signs_of_a_pattern_and_marks_in_it_is_read(project: Project, tenure: Command) -> None:
    file = land(project, "day[1]/x.csv", "id,n\n1,5\n")
    land(project, "day[1]/_SUCCESS", "")
    contract = added(project, tenure, file.parent)
    assert contract.path == "landing/day[[]1]/*.csv"
    assert loaded(project, contract.source) == 1


def test_what_is_no_pattern_is_refused_with_a_cure(project: Project, tenure: Command) -> None:
    ran = tenure("source", "add", "landing/**x/*.csv", "--project", project.root)
    assert (ran.code, "cure:" in ran.err) == (2, True)


def test_a_file_whose_name_is_not_text_is_to_be_renamed(project: Project, tenure: Command) -> None:
    file = land(project, os.fsdecode(b"x\xff.csv"), "id,n\n1,5\n")
    ran = tenure("source", "add", file, "--project", project.root)
    assert (ran.code, "its name is not UTF-8" in ran.err, "cure: rename it" in ran.err) == (2, True, True)
