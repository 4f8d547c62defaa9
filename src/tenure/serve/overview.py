"""The overview: which reports it reads, and the page made from them. Pure: reports in, texts and chart data out."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from tenure.serve import panels
from tenure.serve.answers import Answer
from tenure.serve.cards import Card, cards
from tenure.serve.panels import Panel
from tenure.serve.quality import Quality, delivered, quality
from tenure.serve.tables import Computed, computed, records
from tenure.serve.wording import missing_hint
from tenure.warehouse.reports import ReportResult

REPORTS = ("key_figures", "churn_by_geography_age", "balance_by_geography", "balance_by_segment", "data_quality")


@dataclass(frozen=True)
class Overview:
    """Everything the template prints; `empty` says what to do when the release has no customer at all."""

    cards: tuple[Card, ...]
    key_figures: Computed
    panels: tuple[Panel, ...]
    quality: Quality
    empty: str | None


def overview(answer: Answer, now: datetime) -> Overview:
    """The page of one release; `now` is UTC, for the ages it prints."""
    reports: Mapping[str, ReportResult] = answer.reports
    minimum, currency = answer.release.minimum_group, answer.release.currency
    business_date = answer.release.business_date
    key_figures = reports["key_figures"]
    entities = delivered(reports["data_quality"])
    shown = cards(records(key_figures), business_date, currency, entities)
    usage = "usage" in entities
    return Overview(
        shown,
        computed(key_figures),
        (
            panels.churn_by_month(key_figures, business_date),
            panels.churn_map(reports["churn_by_geography_age"], minimum),
            panels.balance_by_geography(reports["balance_by_geography"], minimum, currency, delivered=usage),
            panels.balance_by_segment(reports["balance_by_segment"], minimum, currency, delivered=usage),
        ),
        quality(reports["data_quality"], now),
        None if shown else missing_hint("customers"),
    )
