"""The metrics there are: Tenure's own, and those of a project's `metrics/*.yml`."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from importlib.resources import files
from pathlib import Path
from typing import Literal

from tenure.core.errors import SettingsError, UsageError
from tenure.core.wording import alike
from tenure.metrics.conditions import Condition, read_filter
from tenure.metrics.files import GUIDE, Document, read_document
from tenure.metrics.model import MONTH, TARGETS, Aggregator, MetricDescription, TableDescription

_UNDESCRIBED = TableDescription()
ADDABLE: tuple[Aggregator, ...] = ("count", "count_distinct", "sum")
"""What a ratio may be made of: where no rows are, each of them is 0."""


@dataclass(frozen=True)
class Metric:
    """A metric by its name, and where it is defined."""

    name: str
    description: MetricDescription
    document: Document = field(repr=False, compare=False)

    @property
    def title(self) -> str:
        """Its name for people."""
        return self.description.title or self.name.replace("_", " ").capitalize()

    @property
    def filter(self) -> tuple[Condition, ...]:
        """The conditions that a row must meet."""
        return tuple(read_filter(text) for text in self.description.filter)

    def at(self, *path: int | str) -> str:
        """file:line of a part of the definition."""
        return self.document.at("metrics", self.name, *path)


@dataclass(frozen=True)
class Catalogue:
    """All metrics and described tables, by name."""

    metrics: Mapping[str, Metric]
    tables: Mapping[str, TableDescription]

    def metric(self, name: str) -> Metric:
        """The metric of that name; raises `UsageError` that lists those there are."""
        if name not in self.metrics:
            near = alike(name, self.metrics, 3)
            raise UsageError(f"there is no metric {name}", cure=f"{near}the metrics are {', '.join(self.metrics)}")
        return self.metrics[name]

    def parts(self, metric: Metric) -> tuple[Metric, ...]:
        """The metrics that are read from tables: the two of a ratio, else the metric itself."""
        description = metric.description
        if description.numerator is None or description.denominator is None:
            return (metric,)
        return self.metrics[description.numerator], self.metrics[description.denominator]

    def table(self, part: Metric) -> TableDescription:
        """What is said of the table of a metric that is no ratio."""
        return self.tables.get(part.description.table or "", _UNDESCRIBED)

    def time(self, part: Metric) -> str | None:
        """The column that gives the rows of a part their month."""
        return part.description.time or self.table(part).time

    def references(self, part: Metric) -> dict[str, str]:
        """The dimensions of a part other than the month: name → column."""
        return {**self.table(part).dimensions, **part.description.dimensions}

    def dimensions(self, metric: Metric) -> tuple[str, ...]:
        """What a metric can be split and filtered by: for a ratio, what both of its parts have."""
        own = [(*((MONTH,) if self.time(part) else ()), *self.references(part)) for part in self.parts(metric)]
        return tuple(name for name in own[0] if all(name in other for other in own[1:]))

    def is_state(self, metric: Metric) -> bool:
        """Whether it tells of one month at a time, because its months cannot be taken together."""
        return any(
            part.description.over_months == "state"
            or (part.description.over_months is None and self.table(part).current is not None)
            for part in self.parts(metric)
        )

    def adds_up(self, metric: Metric) -> Literal["yes", "within a month", "no"]:
        """Whether the values of groups add up to the value of the whole."""
        if metric.description.aggregator not in ("count", "sum"):
            return "no"
        return "within a month" if self.is_state(metric) else "yes"

    def needs(self, metric: Metric) -> tuple[tuple[str, str], ...]:
        """The (table, column) pairs that a predictor must fill before the metric has an answer."""
        parts = (part.description for part in self.parts(metric))
        return tuple(dict.fromkeys((part.table, part.needs) for part in parts if part.table and part.needs))


@cache
def built_in() -> Catalogue:
    """Tenure's own catalogue."""
    folder = files("tenure.metrics") / "catalogue"
    entries = sorted(folder.iterdir(), key=lambda entry: entry.name)
    return _joined(
        read_document(entry.read_text(encoding="utf-8"), f"metrics/catalogue/{entry.name}")
        for entry in entries
        if entry.name.endswith(".yml")
    )


def read_catalogue(folder: Path) -> Catalogue:
    """Tenure's own metrics and those of a project's folder; raises `SettingsError` with file and line.

    A name may be given once only, Tenure's own included.
    """
    own = (read_document(_text(path), str(path)) for path in sorted(folder.glob("*.yml")))
    return _joined(own, built_in())


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise SettingsError("is not UTF-8 text", where=str(path), cure="save it as UTF-8") from error


def _joined(documents: Iterable[Document], base: Catalogue | None = None) -> Catalogue:
    metrics = dict(base.metrics) if base else {}
    tables = dict(base.tables) if base else {}
    new: list[Metric] = []
    for document in documents:
        for name, table in document.content.tables.items():
            if name in tables:
                cure = "give your metric's own dimensions at the metric"
                raise SettingsError(f"table {name} is described already", where=document.at("tables", name), cure=cure)
            _check_joins(table, table.dimensions, partial(document.at, "tables", name, "dimensions"))
            tables[name] = table
        for name, description in document.content.metrics.items():
            metric = Metric(name, description, document)
            if name in metrics:
                cure = f"give it another name; the metrics there are: {', '.join(metrics)}"
                raise SettingsError(f"there is a metric {name} already", where=metric.at(), cure=cure)
            metrics[name] = metric
            new.append(metric)
    catalogue = Catalogue(metrics, tables)
    for metric in new:
        _check(catalogue, metric)
    return catalogue


def _check(catalogue: Catalogue, metric: Metric) -> None:
    """What a definition must meet beyond its own words; whether columns exist is seen against a release."""
    for place, text in enumerate(metric.description.filter):
        try:
            read_filter(text)
        except ValueError as error:
            raise SettingsError(
                f"filter: {error}", where=metric.at("filter", place), cure=f"see {GUIDE} for what a filter may say"
            ) from None
    for role in ("numerator", "denominator"):
        named: str | None = getattr(metric.description, role)
        if named is not None:
            _check_part(catalogue, metric, role, named)
    if metric.name in catalogue.dimensions(metric):
        raise SettingsError(
            f"{metric.name} is also the name of one of its dimensions", where=metric.at(), cure="give it another name"
        )
    _check_joins(catalogue.table(metric), metric.description.dimensions, lambda name: metric.at("dimensions", name))


def _check_joins(table: TableDescription, dimensions: Mapping[str, str], at: Callable[[str], str]) -> None:
    for name, reference in dimensions.items():
        owner = reference.rpartition(".")[0]
        if owner and table.leads_to(owner) is None:
            known = [join for join in TARGETS if table.leads_to(join)]
            raise SettingsError(
                f"dimension {name}: the rows of this table lead to no {owner}",
                where=at(name),
                cure=f"write a column of the table, or NAME.column with NAME one of: {', '.join(known) or 'none'}",
            )


def _check_part(catalogue: Catalogue, metric: Metric, role: str, part: str) -> None:
    found = catalogue.metrics.get(part)
    addable = [name for name, other in catalogue.metrics.items() if other.description.aggregator in ADDABLE]
    if found is None or found.name not in addable:
        raise SettingsError(
            f"{role}: {'there is no metric' if found is None else 'a ratio cannot be made of'} {part}",
            where=metric.at(role),
            cure=f"it is one of {', '.join(addable)}",
        )
