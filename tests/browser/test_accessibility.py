"""axe-core finds no fault on any page, in either colour scheme, on a screen or a phone, folded or not."""

from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Visit

pytestmark = pytest.mark.needs("chromium")

AXE = (Path(__file__).parents[1] / "data" / "axe" / "axe.min.js").read_text(encoding="utf-8")


def _faults(page: Page) -> list[str]:
    page.evaluate(AXE)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    assert found["passes"], "axe looked at something"
    return [f"{fault['id']}: {node['html'][:160]}" for fault in found["violations"] for node in fault["nodes"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("path", ["/", "/reports/churn_by_geography_age", "/reports/none"])
def test_a_page_has_no_fault(visit: Visit, address: str, path: str, width: int, scheme: str) -> None:
    page = visit(f"{address}{path}", width=width, scheme=scheme, status=404 if path.endswith("none") else 200)
    assert _faults(page) == []
    page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
    assert _faults(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_small_and_missing_figures_have_no_fault(visit: Visit, reference_address: str, scheme: str) -> None:
    assert _faults(visit(f"{reference_address}/", scheme=scheme)) == []


def test_a_project_without_a_release_has_no_fault(visit: Visit, empty_address: str) -> None:
    assert _faults(visit(f"{empty_address}/", status=503)) == []


def test_axe_would_find_one(visit: Visit, address: str) -> None:
    page = visit(f"{address}/")
    page.evaluate("document.querySelector('[role=img]').removeAttribute('aria-label')")
    assert any(fault.startswith("role-img-alt") for fault in _faults(page))
