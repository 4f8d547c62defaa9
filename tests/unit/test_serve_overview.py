"""The overview, from reports written by hand: changes, running months, small groups, what is missing."""

from datetime import date, timedelta

import pytest

from tenure.serve.cards import Card
from tenure.serve.formats import MINUS, MISSING, NARROW
from tenure.serve.matrix import STEPS, MatrixCell
from tenure.serve.overview import Overview, overview
from tenure.serve.panels import Panel
from tenure.serve.sparkline import HEIGHT, WIDTH, sparkline
from tests.unit.serve_reports import ENTITIES, NOW, answer, group, month, source


def _card(page: Overview, key: str) -> Card:
    return next(card for card in page.cards if card.key == key)


def _panel(page: Overview, key: str) -> Panel:
    return next(panel for panel in page.panels if panel.key == key)


def _cell(page: Overview, panel: str, place: str, age: str) -> MatrixCell:
    drawn = _panel(page, panel).matrix
    assert drawn is not None
    return dict(drawn.rows)[place][drawn.columns.index(age)]


def test_a_change_is_measured_against_the_month_before() -> None:
    page = overview(
        answer(
            [
                month("2025-08"),
                month("2025-09", total_customers=1012, churn_rate_percentage=1.25, avg_resolution_time_hrs=11.4),
            ]
        ),
        NOW,
    )
    customers, rate = _card(page, "total_customers").change, _card(page, "churn_rate_percentage").change
    hours, share = _card(page, "avg_resolution_time_hrs").change, _card(page, "churned_share_percentage").change
    assert customers and rate and hours and share
    assert (customers.text, customers.verdict, customers.since) == (f"+1.2{NARROW}%", "good", "Aug 2025")
    assert (rate.text, rate.direction, rate.verdict) == (f"+0.25{NARROW}pp", "up", "bad")
    assert (hours.text, hours.direction, hours.verdict) == (f"{MINUS}0.6{NARROW}h", "down", "good")
    assert (share.text, share.direction, share.verdict) == ("no change", "level", "neutral")


def test_one_month_has_neither_change_nor_course() -> None:
    first = month("2025-10", total_customers=20, churned_customers=7, churned_share_percentage=35.0)
    page = overview(answer([first | {"churn_rate_percentage": None}], business_date=date(2025, 10, 2)), NOW)
    assert [card.change for card in page.cards] == [None] * 8
    assert [card.sparkline for card in page.cards] == [None] * 8
    assert _card(page, "churned_share_percentage").value == f"35.0{NARROW}%"
    rate = _card(page, "churn_rate_percentage")
    assert (rate.value, rate.hint) == (MISSING, "a rate needs the customers of the month before")
    churn = _panel(page, "churn-by-month")
    assert churn.chart is None
    assert churn.note and "tenure run --date DAY" in churn.note


def test_a_gap_between_months_is_not_compared_over() -> None:
    page = overview(answer([month("2025-07"), month("2025-09", total_customers=2000)]), NOW)
    assert _card(page, "total_customers").change is None


def test_what_happened_in_a_running_month_is_not_compared_with_a_whole_one() -> None:
    months = [
        month("2025-08"),
        month("2025-09", churn_rate_percentage=1.5),
        month("2025-10", churn_rate_percentage=0.1),
    ]
    page = overview(answer(months, business_date=date(2025, 10, 2)), NOW)
    rate, customers = _card(page, "churn_rate_percentage"), _card(page, "total_customers")
    assert (rate.value, rate.period) == (f"1.50{NARROW}%", "Sep 2025")
    assert rate.change and rate.change.text == f"+0.50{NARROW}pp"
    assert customers.period == "Oct 2025"
    churn = _panel(page, "churn-by-month")
    assert churn.chart and churn.chart.spec["running"] is True
    assert churn.note and churn.note.startswith("Oct 2025 is not over")


@pytest.mark.parametrize(("day", "running"), [(29, True), (30, False)])
def test_a_month_is_over_on_its_last_day(day: int, running: bool) -> None:
    page = overview(answer([month("2025-08"), month("2025-09")], business_date=date(2025, 9, day)), NOW)
    chart = _panel(page, "churn-by-month").chart
    assert chart and chart.spec["running"] is running


def test_the_only_month_is_shown_so_far_when_it_is_running() -> None:
    page = overview(answer([month("2025-10")], business_date=date(2025, 10, 2)), NOW)
    assert _card(page, "churn_rate_percentage").period == "Oct 2025 so far"
    assert _card(page, "total_customers").period == "Oct 2025"


def test_lifetime_value_says_that_it_is_a_formula() -> None:
    assert _card(overview(answer([month("2025-09")]), NOW), "avg_clv").note == "formula, not fitted"


def test_an_entity_that_never_came_leaves_a_dash_and_says_what_to_do() -> None:
    sources = [source("customers")]
    zero = month("2025-09", total_balance=0, avg_balance=0.0, avg_clv=0.0, products_per_customer=0.0)
    empty = zero | {"offer_acceptance_percentage": None, "avg_resolution_time_hrs": None}
    balances = [{"geography": "UAE", "customers": 40, "avg_balance": 0.0, "total_balance": 0}]
    page = overview(answer([empty], sources=sources, balances=balances), NOW)
    for key in ("total_balance", "avg_clv", "products_per_customer", "offer_acceptance_percentage"):
        card = _card(page, key)
        assert card.value == MISSING
        assert card.hint and "landing/" in card.hint and "tenure run" in card.hint
    bars = _panel(page, "balance-by-geography")
    assert bars.chart is None
    assert bars.finding == ""
    assert bars.note and "no usage" in bars.note


def test_tickets_without_a_resolution_in_the_month_say_so() -> None:
    card = _card(overview(answer([month("2025-09", avg_resolution_time_hrs=None)]), NOW), "avg_resolution_time_hrs")
    assert (card.value, card.hint) == (MISSING, "none in Sep 2025")


def test_a_release_without_customers_says_what_to_do() -> None:
    page = overview(answer([], sources=[]), NOW)
    assert page.cards == ()
    assert page.empty and "landing/" in page.empty
    assert page.quality.sentence == "No source has delivered anything yet."


def test_the_line_covers_two_years_and_its_summary_tells_lowest_highest_and_last() -> None:
    names = [f"{2023 + at // 12}-{at % 12 + 1:02}" for at in range(33)]
    months = [month(name, churn_rate_percentage=1.0 + at / 100) for at, name in enumerate(names)]
    chart = _panel(overview(answer(months), NOW), "churn-by-month").chart
    assert chart
    assert chart.spec["months"][0] == "Oct 2023"
    assert len(chart.spec["rates"]) == 24
    assert chart.summary == (
        "Churn rate by month, Oct 2023 to Sep 2025: "
        f"lowest 1.09{NARROW}% in Oct 2023, highest 1.32{NARROW}% in Sep 2025, last 1.32{NARROW}% in Sep 2025."
    )


def test_the_map_shows_the_latest_month_and_colours_large_groups_only() -> None:
    groups = [
        group("UAE", "18-29", 100, 40),
        group("UAE", "30-45", 100, 0),
        group("Qatar", "18-29", 29, 29),
        group(None, "unknown", 30, 3),
        group("Oman", "18-29", 500, 400, "2025-08"),
    ]
    page = overview(answer([month("2025-09")], groups=groups), NOW)
    drawn = _panel(page, "churn-map").matrix
    assert drawn
    assert [place for place, _ in drawn.rows] == ["Qatar", "UAE", "unknown"]
    assert drawn.columns == ("18-29", "30-45", "unknown")
    assert _cell(page, "churn-map", "UAE", "18-29") == MatrixCell(f"40.0{NARROW}%", "100", STEPS - 1, False, False)
    assert _cell(page, "churn-map", "UAE", "30-45").step == 0
    small = _cell(page, "churn-map", "Qatar", "18-29")
    assert (small.small, small.step, small.value, small.size) == (True, None, f"100.0{NARROW}%", "29")
    assert _cell(page, "churn-map", "Qatar", "30-45").absent
    assert drawn.scale == (f"0.0{NARROW}%", f"40.0{NARROW}%")
    note = _panel(page, "churn-map").note
    assert note and note.startswith("1 group has fewer than 30 customers")


def test_groups_that_hardly_differ_have_nearly_the_same_colour() -> None:
    groups = [group("UAE", "18-29", 100, 31), group("UAE", "30-45", 100, 32), group("UAE", "46-60", 100, 28)]
    page = overview(answer([month("2025-09")], groups=groups), NOW)
    drawn = _panel(page, "churn-map").matrix
    assert drawn
    assert drawn.scale == (f"16.0{NARROW}%", f"32.0{NARROW}%")
    assert [cell.step for cell in drawn.rows[0][1]] == [STEPS - 1, STEPS - 1, STEPS - 2]


@pytest.mark.parametrize(("churned", "steps"), [((0, 0), [0, 0]), ((100, 100), [STEPS - 1, STEPS - 1])])
def test_equal_groups_have_equal_colours(churned: tuple[int, int], steps: list[int]) -> None:
    groups = [group("UAE", "18-29", 100, churned[0]), group("UAE", "30-45", 100, churned[1])]
    drawn = _panel(overview(answer([month("2025-09")], groups=groups), NOW), "churn-map").matrix
    assert drawn
    assert [cell.step for cell in drawn.rows[0][1]] == steps


def test_when_every_group_is_small_there_is_no_colour_and_a_warning() -> None:
    page = overview(answer([month("2025-09")], groups=[group("UAE", "18-29", 1, 1), group("Egypt", "60+", 3, 1)]), NOW)
    panel = _panel(page, "churn-map")
    assert panel.matrix and panel.matrix.scale is None
    assert panel.note == "Every group has fewer than 30 customers: read them as cases, not as rates."


def test_balances_are_bars_from_the_largest_with_their_size() -> None:
    balances = [
        {"geography": "Bahrain", "customers": 2, "avg_balance": 5150.0, "total_balance": 10300},
        {"geography": "UAE", "customers": 40, "avg_balance": 14000.0, "total_balance": 560000},
        {"geography": "Oman", "customers": 40, "avg_balance": None, "total_balance": None},
    ]
    chart = _panel(overview(answer([month("2025-09")], balances=balances), NOW), "balance-by-geography").chart
    assert chart
    bars = chart.spec["bars"]
    assert [(bar["name"], bar["small"]) for bar in bars] == [("UAE", False), ("Bahrain", True)]
    assert chart.summary == (
        f"Average balance by geography: UAE USD{NARROW}14.0{NARROW}k (n 40); Bahrain USD{NARROW}5,150 (n 2)."
    )


def test_every_panel_has_its_finding_its_table_and_how_it_is_computed() -> None:
    segment = {"geography": "UAE", "age_group": "30-45", "customers": 50, "avg_balance": 10.0}
    balance = {"geography": "UAE", "customers": 50, "avg_balance": 10.0}
    groups = [group("UAE", "30-45", 50, 5)]
    page = overview(answer([month("2025-09")], groups=groups, balances=[balance], segments=[segment]), NOW)
    assert len(page.panels) == 4
    for panel in page.panels:
        assert panel.finding.startswith("The finding of")
        assert panel.table.rows
        assert panel.computed.sql.startswith("--")
        assert panel.computed.release == "000001-ab"
        assert all(heading.description for heading in panel.table.headings)


def test_the_quality_strip_accounts_for_quarantine_and_freshness() -> None:
    sources = [
        source("customers", records_in=1000, loaded=990, quarantined=10),
        source("usage", last_load_at=NOW - timedelta(days=3), last_business_date=date(2025, 9, 29)),
        source("offers", loads=0, records_in=0, loaded=0, last_load_at=None),
    ]
    strip = overview(answer([month("2025-09")], sources=sources), NOW).quality
    assert strip.sentence == f"10 of 2,000 records from 3 sources are in quarantine (0.50{NARROW}%)."
    assert strip.cure == "See them with: tenure quarantine list"
    assert [(line.share, line.dirty, line.fresh) for line in strip.sources] == [
        (f"1.00{NARROW}%", True, "3 min ago"),
        (f"0.00{NARROW}%", False, "3 days ago"),
        (MISSING, False, "never"),
    ]


def test_a_single_record_in_quarantine_is_not_rounded_away() -> None:
    sources = [source("customers", records_in=1_000_000, loaded=999_999, quarantined=1)]
    strip = overview(answer([month("2025-09")], sources=sources), NOW).quality
    assert strip.sentence == f"1 of 1,000,000 records from 1 source is in quarantine (under 0.01{NARROW}%)."


def test_nothing_in_quarantine_is_said_plainly() -> None:
    strip = overview(answer([month("2025-09")], sources=[source(entity) for entity in ENTITIES]), NOW).quality
    assert strip.sentence == "5,000 records from 5 sources, none in quarantine."
    assert strip.cure is None


def test_a_sparkline_stays_in_its_box_and_breaks_at_a_missing_month() -> None:
    line = sparkline([1.0, 5.0, None, 3.0, 2.0])
    assert line
    assert len(line.lines) == 2
    points = [tuple(map(float, point.split(","))) for run in line.lines for point in run.split()]
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in points)
    assert (line.last_x, line.last_y) == points[-1]
    assert points[1][1] < points[0][1], "a higher value is drawn higher"


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 2.0], [1.0, 2.0, 3.0, None]])
def test_there_is_no_sparkline_of_too_little(values: list[float | None]) -> None:
    assert sparkline(values) is None


def test_a_level_course_is_a_line_in_the_middle() -> None:
    line = sparkline([2.0, 2.0, 2.0])
    assert line
    assert line.last_y == HEIGHT / 2
