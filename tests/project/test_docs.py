"""The documents are complete, generated where they can be, and every link leads somewhere."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from tenure import __version__
from tenure.cli.main import app
from tests.project.repository import ROOT, files, files_under, text
from tools.reference import render

PAGES = sorted(path for path in files() if path.suffix == ".md" and not path.is_relative_to("tests/data"))
DECISIONS = [path for path in PAGES if path.parent == Path("docs/decisions")]
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def _commands(command: Any, path: str = "tenure") -> Iterator[tuple[str, Any]]:
    yield path, command
    for name, child in getattr(command, "commands", {}).items():
        yield from _commands(child, f"{path} {name}")


COMMANDS = dict(_commands(typer.main.get_command(app)))


@pytest.mark.parametrize(("name", "page"), render().items(), ids=render().keys())
def test_a_generated_page_is_what_the_code_says_now(name: str, page: str) -> None:
    assert text(f"docs/reference/{name}") == page, "run: make docs"


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_explains_itself_and_all_its_options(path: str) -> None:
    command = COMMANDS[path]
    assert command.help, "a command needs a docstring"
    assert [entry.name for entry in command.params if not entry.help] == []


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_and_option_is_in_the_reference(path: str) -> None:
    page = text("docs/reference/cli.md")
    assert f"\n## `{path}`\n" in page
    section = page.split(f"\n## `{path}`\n")[1].split("\n## ")[0]
    options = [option for entry in COMMANDS[path].params for option in (*entry.opts, *entry.secondary_opts)]
    assert [option for option in options if option.startswith("-") and f"`{option}`" not in section] == []


def test_every_link_leads_to_a_file_of_the_repository_and_every_anchor_to_a_heading() -> None:
    broken = [
        f"{page}: {target}" for page in PAGES for target in _LINK.findall(text(page)) if not _resolves(page, target)
    ]
    assert broken == []


def _resolves(page: Path, target: str) -> bool:
    if target.startswith(("https://", "mailto:")):
        return True
    name, _, anchor = target.partition("#")
    found = (ROOT / page.parent / name).resolve().relative_to(ROOT) if name else page
    if found not in files():
        return False
    return not anchor or anchor in _anchors(found)


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", text(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def test_every_page_of_the_documentation_can_be_reached_from_its_index() -> None:
    reached: set[Path] = set()
    waiting = [Path("docs/README.md")]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        targets = (target.partition("#")[0] for target in _LINK.findall(text(page)) if "://" not in target)
        found = {(ROOT / page.parent / target).resolve().relative_to(ROOT) for target in targets if target}
        waiting.extend(target for target in found if target in PAGES)
    assert [str(page) for page in PAGES if page.is_relative_to("docs") and page not in reached] == []


def test_every_page_that_a_message_sends_people_to_exists() -> None:
    sources = [path for path in files_under("src") if path.suffix in {".py", ".yml", ".sql", ".html", ".toml"}]
    named = {(path, name) for path in sources for name in re.findall(r"\bdocs/[\w/.-]+\.md", text(path))}
    assert named
    assert [f"{path}: {name}" for path, name in named if Path(name) not in files()] == []


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = [re.match(r"(\d{4})-[a-z0-9-]+\.md$", path.name) for path in DECISIONS]
    assert DECISIONS
    assert [int(number[1]) if number else None for number in numbers] == list(range(1, len(DECISIONS) + 1))


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
@pytest.mark.parametrize("part", ["Context", "Decision", "Consequences"])
def test_every_decision_states_its(path: Path, part: str) -> None:
    body = re.split(r"^## ", text(path), flags=re.MULTILINE)[1:]
    parts = {section.partition("\n")[0].strip(): section.partition("\n")[2].strip() for section in body}
    assert parts.get(part), f"{path} needs a section: ## {part}"


def test_the_readme_names_every_target_of_the_makefile() -> None:
    targets = re.findall(r"^([a-z-]+):.*## ", text("Makefile"), flags=re.MULTILINE)
    assert targets
    assert [target for target in targets if f"`make {target}`" not in text("README.md")] == []


def test_the_changelog_tells_of_this_version() -> None:
    assert re.search(rf"^## {re.escape(__version__)}\b", text("CHANGELOG.md"), flags=re.MULTILINE)
