"""What the yml of a catalogue may say: tables with their dimensions, and metrics over them.

A definition holds no SQL, so that it can be compiled for another engine or into another language.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

MONTH = "month"
"""The dimension that every table with a time column has; it needs no declaration."""

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=63)]
Reference = Annotated[str, Field(pattern=r"^([a-z]+\.)?[a-z_][a-z0-9_]*$", max_length=127)]
"""A column of the metric's table (`amount`), or of a table that its rows lead to (`customer.geography`)."""

Aggregator = Literal["count", "count_distinct", "sum", "avg", "median", "quantile", "days_since", "ratio"]
JoinName = Literal["customer", "offer", "ticket"]


@dataclass(frozen=True)
class Target:
    """A table that rows of another lead to, many to one: `key` is unique in it, so nothing multiplies."""

    table: str
    key: str


TARGETS: Mapping[str, Target] = {
    "customer": Target("dim_customer", "customer_id"),
    "offer": Target("dim_offer", "offer_id"),
    "ticket": Target("dim_support_ticket", "ticket_id"),
}


def _without_month(dimensions: dict[str, str]) -> dict[str, str]:
    if MONTH in dimensions:
        raise ValueError(f"the dimension {MONTH} comes from the time column: leave it out here")
    return dimensions


Dimensions = Annotated[dict[Name, Reference], AfterValidator(_without_month)]
"""What a metric can be split by: a name for people, and the column that it means."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TableDescription(_Strict):
    """What the metrics over one table share."""

    time: Name | None = Field(default=None, description="The date or time column that gives a row its month")
    current: Name | None = Field(
        default=None,
        description="For a table of states: the true-or-false column that marks the rows of now. They answer while no"
        " month is asked for",
    )
    joins: dict[JoinName, Name] = Field(
        default={"customer": "customer_id"},
        description="The column that leads to a row of dim_customer, dim_offer or dim_support_ticket",
    )
    dimensions: Dimensions = Field(
        default_factory=dict[str, str],
        description="What its metrics can be split by: name to column, or customer.column by a join",
    )

    def leads_to(self, join: str) -> str | None:
        """The column that leads to the row of a join, None where the table has none."""
        return next((column for name, column in self.joins.items() if name == join), None)


class MetricDescription(_Strict):
    """One metric: a number with one meaning."""

    title: str | None = Field(default=None, description="Its name for people; without one, made from its name")
    description: str = Field(min_length=1, description="What it says, for people")
    unit: str = Field(min_length=1, description="Its unit: %, customers, hours …; currency is the project's")
    decimals: int = Field(ge=0, le=6, description="How many decimals are shown")
    good: Literal["up", "down", "none"] = Field(default="none", description="Which direction is good news")
    aggregator: Aggregator = Field(
        description="How rows become one number; quantile is the smallest value that the stated share of values does"
        " not exceed; days_since counts from the oldest date to the business date; ratio divides two metrics"
    )
    table: Name | None = Field(default=None, description="The table whose rows are added up; not for a ratio")
    column: Name | None = Field(default=None, description="The column that is added up; not for count")
    weight: Name | None = Field(
        default=None, description="For sum: a column of shares; each value counts times its share, in cents"
    )
    quantile: Decimal | None = Field(
        default=None, gt=0, lt=1, decimal_places=4, description="For quantile: the share, for instance 0.9"
    )
    filter: tuple[str, ...] = Field(
        default=(),
        description="Only rows for which all of these hold, such as `activity_type = ticket`; with =, !=, <, <=, >,"
        " >=, `is present` and `is missing`",
    )
    time: Name | None = Field(default=None, description="Another time column than the table's")
    dimensions: Dimensions = Field(default_factory=dict[str, str], description="Dimensions besides those of the table")
    over_months: Literal["add", "state"] | None = Field(
        default=None,
        description="`state`: months cannot be taken together; the default for a table of states. `add`: they can",
    )
    numerator: Name | None = Field(default=None, description="For ratio: the metric that is divided")
    denominator: Name | None = Field(default=None, description="For ratio: the metric it is divided by")
    needs: Name | None = Field(
        default=None, description="A column that a predictor fills; without a value in it there is no answer"
    )

    @model_validator(mode="after")
    def _fits_its_aggregator(self) -> Self:
        ratio = self.aggregator == "ratio"
        if ratio != (self.numerator is not None) or ratio != (self.denominator is not None):
            raise ValueError("a ratio, and nothing else, has numerator and denominator")
        own = (self.table, self.column, self.weight, self.time, self.over_months, self.needs, self.quantile)
        if ratio and (any(value is not None for value in own) or self.filter or self.dimensions):
            raise ValueError("a ratio takes table, filter, time and dimensions from its two metrics")
        if not ratio and self.table is None:
            raise ValueError(f"{self.aggregator} needs a table")
        if not ratio and (self.column is None) != (self.aggregator == "count"):
            raise ValueError("count has no column" if self.column else f"{self.aggregator} needs a column")
        if (self.quantile is None) == (self.aggregator == "quantile"):
            raise ValueError("the aggregator quantile, and nothing else, needs a quantile such as 0.9")
        if self.weight is not None and self.aggregator != "sum":
            raise ValueError("only a sum has a weight")
        return self


class CatalogueFile(_Strict):
    """One yml file: tables that its metrics need described, and metrics."""

    tables: dict[Name, TableDescription] = Field(default={}, description="Tables that are not described yet")
    metrics: dict[Name, MetricDescription] = Field(default={}, description="Metrics by name")
