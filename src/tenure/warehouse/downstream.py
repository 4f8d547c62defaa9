"""What is made of the records of a source: the tables and the metrics that lack those that were not loaded."""

from collections.abc import Iterable
from dataclasses import dataclass

from tenure.contracts.entities import feed_of
from tenure.core.settings import Project
from tenure.metrics.catalogue import Metric, read_catalogue
from tenure.raw.zone import RawZone
from tenure.warehouse.lineage import Lineage, lineage_of

_SHOWN = {"marts", "project"}


@dataclass(frozen=True)
class Downstream:
    """Tables, in the order in which they are built, and the metrics that are read from them, by name."""

    tables: tuple[str, ...]
    metrics: tuple[str, ...]


def downstream_of(project: Project, zone: RawZone, feeds: Iterable[tuple[str, str]]) -> dict[str, Downstream]:
    """For each source, given with its entity: what is made of its records first, as models and metrics are now.

    All that is made of those tables in turn lacks the records as well.
    """
    lineage = lineage_of(project, zone)
    catalogue = read_catalogue(project.root / "metrics")
    found: dict[str, Downstream] = {}
    for source, entity in feeds:
        tables = _nearest(lineage, f"raw_{feed_of(entity, source)}")
        metrics = tuple(
            metric.name
            for metric in catalogue.metrics.values()
            if any(part.description.table in tables and _reads(part, entity) for part in catalogue.parts(metric))
        )
        found[source] = Downstream(tables, metrics)
    return found


def _nearest(lineage: Lineage, raw: str) -> tuple[str, ...]:
    """The tables for people that are made of raw records without another such table between."""
    holds = {raw}
    tables: list[str] = []
    for name, traced in lineage.traces.items():
        if not traced.tables & holds:
            continue
        if lineage.models[name].layer in _SHOWN:
            tables.append(name)
        else:
            holds.add(name)
    return tuple(tables)


def _reads(part: Metric, entity: str) -> bool:
    """Whether a metric may count events of this entity: one that asks for another kind of activity does not."""
    wanted = {each.value for each in part.filter if each.name == "activity_type" and each.operator == "="}
    return entity.removesuffix("s") in wanted or not wanted
