"""The overview as a person meets it: charts, colours, phone, keyboard, paper, and without scripts."""

import csv
import io
import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit
from tests.browser.small_bank import GEOGRAPHIES, HOSTILE, MONTHS

pytestmark = pytest.mark.needs("chromium")

CHARTS = ("#churn-by-month", "#balance-by-geography")


def _sideways(page: Page) -> bool:
    """Whether the page is wider than the screen."""
    return page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")


def _open_all(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")


def test_every_chart_is_drawn_and_its_table_folded_behind_it(visit: Visit, address: str) -> None:
    page = visit(f"{address}/")
    for panel in CHARTS:
        chart = page.locator(f"{panel} [role=img]")
        expect(chart.locator("svg path").first).to_be_attached()
        box = chart.bounding_box()
        assert box is not None
        assert box["width"] > 300
        assert box["height"] > 80
        expect(page.locator(f"{panel} details").first).not_to_have_attribute("open", "")
    label = page.locator(f"{CHARTS[0]} [role=img]").get_attribute("aria-label")
    assert label is not None
    assert label.startswith("Churn rate by month, Mar 2025 to Sep 2025: lowest ")


def test_eight_key_figures_have_a_value_a_change_and_a_course(visit: Visit, address: str) -> None:
    page = visit(f"{address}/")
    cards = page.locator(".card")
    expect(cards).to_have_count(8)
    expect(page.locator("#card-total_customers .value")).to_have_text("600")
    expect(page.locator(".card .change")).to_have_count(8)
    expect(page.locator(".card .spark")).to_have_count(8)
    expect(page.locator("#card-avg_clv")).to_contain_text("formula, not fitted")


def test_the_map_has_a_cell_a_group_and_marks_the_small_ones(visit: Visit, address: str) -> None:
    page = visit(f"{address}/")
    rows = page.locator("#churn-map tbody tr")
    expect(page.locator("#churn-map .matrix tbody tr")).to_have_count(len(GEOGRAPHIES))
    expect(page.locator("#churn-map .matrix td.heat")).to_have_count(12)
    expect(page.locator("#churn-map .matrix td.small")).to_have_count(4)
    expect(rows.filter(has_text=HOSTILE).first).to_be_visible()
    expect(page.locator("#churn-map")).to_contain_text("4 groups have fewer than 30 customers")


def test_a_name_from_the_data_is_text_in_page_chart_and_tooltip(visit: Visit, address: str) -> None:
    page = visit(f"{address}/")
    chart = page.locator("#balance-by-geography [role=img]")
    for at in range(len(GEOGRAPHIES)):
        box = chart.bounding_box()
        assert box is not None
        chart.hover(position={"x": 160, "y": box["height"] * (at + 0.5) / len(GEOGRAPHIES)})
        expect(chart.get_by_text("in total")).to_be_visible()
    expect(page.locator("b")).to_have_count(0)


def test_hovering_over_a_month_tells_its_figures(visit: Visit, address: str) -> None:
    page = visit(f"{address}/")
    chart = page.locator("#churn-by-month [role=img]")
    box = chart.bounding_box()
    assert box is not None
    chart.hover(position={"x": box["width"] - 30, "y": 60})
    expect(chart.get_by_text("Sep 2025").last).to_be_visible()
    expect(chart.get_by_text("Churn rate 1.")).to_be_visible()


def test_dark_colours_follow_the_system_charts_included(visit: Visit, address: str) -> None:
    page = visit(f"{address}/", scheme="dark")
    background, line = "getComputedStyle(document.body).backgroundColor", '#churn-by-month svg path[stroke="#6cb2f0"]'
    assert page.evaluate(background) == "rgb(15, 20, 26)"
    expect(page.locator(line).first).to_be_attached()
    page.emulate_media(color_scheme="light")
    expect(page.locator('#churn-by-month svg path[stroke="#0b5fa5"]').first).to_be_attached()
    expect(page.locator(line)).to_have_count(0)
    assert page.evaluate(background) == "rgb(245, 247, 249)"


def test_on_paper_the_dark_page_is_light(visit: Visit, address: str) -> None:
    page = visit(f"{address}/", scheme="dark")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    expect(page.locator('#churn-by-month svg path[stroke="#0b5fa5"]').first).to_be_attached()
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    expect(page.locator('#churn-by-month svg path[stroke="#6cb2f0"]').first).to_be_attached()


@pytest.mark.parametrize("width", [320, 390, 768])
@pytest.mark.parametrize("path", ["/", "/reports/key_figures", "/reports/churn_by_geography_age", "/reports/none"])
def test_no_screen_scrolls_sideways(visit: Visit, address: str, width: int, path: str) -> None:
    page = visit(f"{address}{path}", width=width, status=404 if path.endswith("none") else 200)
    assert not _sideways(page)
    _open_all(page)
    assert not _sideways(page)


def test_a_chart_follows_the_width_of_the_window(visit: Visit, address: str) -> None:
    page = visit(f"{address}/")
    page.set_viewport_size({"width": 390, "height": 800})
    expect(page.locator("#churn-by-month [role=img] svg")).to_have_attribute("width", re.compile(r"3[0-5]\d"))
    assert not _sideways(page)


def test_everything_is_reached_by_keyboard(visit: Visit, address: str) -> None:
    page = visit(f"{address}/")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    expect(page.locator(".skip")).to_be_in_viewport()
    page.keyboard.press("Enter")
    table = page.locator("#churn-by-month details").first
    for _ in range(30):
        page.keyboard.press("Tab")
        if table.locator("summary").evaluate("node => node === document.activeElement"):
            break
    expect(table.locator("summary")).to_be_focused()
    page.keyboard.press("Enter")
    expect(table.locator("td").first).to_be_visible()
    page.keyboard.press("Space")
    expect(table.locator("td").first).not_to_be_visible()


def test_a_report_is_downloaded_as_csv(visit: Visit, address: str) -> None:
    page = visit(f"{address}/")
    with page.expect_download() as waiting:
        page.locator("#churn-map").get_by_role("link", name="CSV of Churned share").click()
    file = waiting.value
    assert file.suggested_filename.startswith("churn_by_geography_age-")
    rows = list(csv.DictReader(io.StringIO(file.path().read_text(encoding="utf-8-sig"))))
    assert {row["month"] for row in rows} <= set(MONTHS)
    assert {row["geography"] for row in rows} == set(GEOGRAPHIES)


def test_how_a_figure_is_computed_is_one_click_away(visit: Visit, address: str) -> None:
    page = visit(f"{address}/")
    page.locator("#churn-map summary", has_text="How is this computed").click()
    shown = page.locator("#churn-map .how")
    expect(shown).to_contain_text("SELECT")
    expect(shown).to_contain_text("tenure report churn_by_geography_age")
    release = page.locator(".release code").inner_text()
    expect(shown).to_contain_text(release)


def test_a_report_page_leads_back(visit: Visit, address: str) -> None:
    page = visit(f"{address}/")
    page.locator("#balance-by-geography").get_by_role("link", name="Report").click()
    expect(page.locator("h1")).to_have_text("Balance by geography")
    expect(page.locator("tbody tr")).to_have_count(len(GEOGRAPHIES))
    page.get_by_role("link", name="Overview").first.click()
    expect(page.locator("h1")).to_have_text("Overview")


def test_without_scripts_every_number_is_in_a_table(visit: Visit, address: str) -> None:
    page = visit(f"{address}/", javascript=False)
    for panel in CHARTS:
        expect(page.locator(f"{panel} [role=img]")).not_to_be_visible()
        expect(page.locator(f"{panel} table td").first).to_be_visible()
        expect(page.get_by_text("The chart needs JavaScript").first).to_be_visible()
    expect(page.locator("#churn-map .matrix td").first).to_be_visible()


def test_when_the_chart_library_does_not_arrive_the_tables_stand_open(chromium, address: str) -> None:  # noqa: ANN001
    context = chromium.new_context()
    page = context.new_page()
    page.route("**/echarts*.js*", lambda route: route.abort())
    page.goto(f"{address}/")
    for panel in CHARTS:
        expect(page.locator(f"{panel} table td").first).to_be_visible()
        expect(page.locator(f"{panel} [role=img]")).not_to_be_visible()
    context.close()


def test_the_first_load_is_light(visit: Visit, address: str) -> None:
    page = visit(f"{address}/")
    page.wait_for_load_state("networkidle")
    sent = page.evaluate(
        "[...performance.getEntriesByType('resource'), ...performance.getEntriesByType('navigation')]"
        ".reduce((sum, entry) => sum + entry.transferSize, 0)"
    )
    assert 50_000 < sent < 500_000


def test_the_quality_strip_tells_what_is_in_quarantine(visit: Visit, address: str) -> None:
    page = visit(f"{address}/")
    strip = page.locator("#data-quality")
    expect(strip.locator(".finding")).to_contain_text("1 of ")
    expect(strip.locator("li", has_text="usage")).to_contain_text("1 in quarantine")
    expect(strip).to_contain_text("tenure quarantine list")


def test_twenty_customers_of_one_month_are_shown_as_cases(visit: Visit, reference_address: str) -> None:
    page = visit(f"{reference_address}/")
    expect(page.locator("#card-churned_share_percentage .value")).to_have_text("35.0\u202f%")
    expect(page.locator("#card-churn_rate_percentage .value")).to_have_text("–")
    expect(page.locator(".change, .spark")).to_have_count(0)
    expect(page.locator("#churn-by-month [role=img]")).to_have_count(0)
    expect(page.locator("#churn-by-month td").first).to_be_visible()
    expect(page.locator("#churn-map .heat")).to_have_count(0)
    expect(page.locator("#churn-map")).to_contain_text("Every group has fewer than 30 customers")


def test_a_project_without_a_release_shows_what_to_do(visit: Visit, empty_address: str) -> None:
    page = visit(f"{empty_address}/", status=503)
    expect(page.locator("main")).to_contain_text("There is no release yet")
    expect(page.locator(".cure")).to_contain_text("tenure run")
