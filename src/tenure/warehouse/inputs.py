"""What models may read besides each other: raw records by entity, loads, calendar, settings, the business date."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal, localcontext

import pyarrow as pa

from tenure.contracts.entities import ENTITIES
from tenure.core.settings import Settings
from tenure.engine.protocol import Engine
from tenure.raw.state import LoadRecord
from tenure.warehouse.models import ProjectTypes
from tenure.warehouse.raw_views import RawInput, RawLoad, digest, raw_input, register_raw

INPUTS = (*(f"raw_{entity}" for entity in ENTITIES), "loads", "calendar", "project", "setting", "today", "this_month")
"""The inputs that every project has."""


def input_names(types: ProjectTypes) -> tuple[str, ...]:
    """All inputs of a project: those of every project, and the sources that feed no entity."""
    return (*INPUTS, *(f"raw_{feed}" for feed in types.attributes if feed not in ENTITIES))


@dataclass(frozen=True)
class Inputs:
    """What a build starts from: the loads, the types they give the tables, and every input's version."""

    loads: tuple[RawLoad, ...]
    types: ProjectTypes
    business_date: date
    raw: dict[str, RawInput]
    versions: dict[str, str]


def register_inputs(
    engine: Engine, loads: Sequence[RawLoad], types: ProjectTypes, settings: Settings, business_date: date
) -> Inputs:
    """Make every input visible to the engine."""
    raw = {f"raw_{feed}": raw_input(feed, loads, types, business_date) for feed in types.attributes}
    for name, entry in raw.items():
        register_raw(engine, f"{name}__all", entry.feed, loads, types, business_date)
    tables = {
        "loads": _loads_table(loads),
        "setting": setting_table(settings),
        "project": pa.table({"currency": [settings.project.currency]}),
        "today": today_table(business_date),
        "this_month": pa.table({"month": pa.array([business_date.replace(day=1)], pa.date32())}),
    }
    for name, table in tables.items():
        engine.register(f"{name}__all", table)
    engine.view("calendar__all", _CALENDAR)
    for name in input_names(types):
        engine.view(name, f"SELECT * FROM {name}__all")
    versions = {
        **{name: entry.version for name, entry in raw.items()},
        "loads": digest([load.record.manifest_sha256 for load in loads]),
        "calendar": digest(_CALENDAR),
        "setting": digest([tables["setting"].to_pylist()]),
        "project": settings.project.currency,
        "today": business_date.isoformat(),
        "this_month": business_date.strftime("%Y-%m"),
    }
    return Inputs(tuple(loads), types, business_date, raw, versions)


def _loads_table(loads: Sequence[RawLoad]) -> pa.Table:
    """All that is recorded of each load, and its `replays` and `fresh_days`: see `RawLoad`."""
    kinds = {int: pa.int64(), str: pa.string(), str | None: pa.string()}
    schema = pa.schema(
        [
            (
                name,
                pa.date32()
                if name == "business_date"
                else pa.timestamp("us")
                if name == "recorded_at"
                else kinds[kind],
            )
            for name, kind in ((field, LoadRecord.__annotations__[field]) for field in LoadRecord.__dataclass_fields__)
        ]
    )
    table = pa.Table.from_pylist([asdict(load.record) for load in loads], schema=schema)
    table = table.append_column("replays", pa.array([load.replays for load in loads], pa.string()))
    return table.append_column("fresh_days", pa.array([load.fresh_days for load in loads], pa.int64()))


# Long enough for any birth, account or plan; dim_date keeps the years that matter.
_CALENDAR = """
SELECT
  day AS date,
  month_start(day) AS month,
  CAST(EXTRACT(QUARTER FROM day) AS INTEGER) AS quarter,
  CAST(EXTRACT(YEAR FROM day) AS INTEGER) AS year,
  iso_dow(day) AS iso_weekday,
  CASE EXTRACT(MONTH FROM day)
    WHEN 1 THEN 'January' WHEN 2 THEN 'February' WHEN 3 THEN 'March' WHEN 4 THEN 'April'
    WHEN 5 THEN 'May' WHEN 6 THEN 'June' WHEN 7 THEN 'July' WHEN 8 THEN 'August'
    WHEN 9 THEN 'September' WHEN 10 THEN 'October' WHEN 11 THEN 'November' ELSE 'December'
  END AS month_name
FROM day_series(CAST('1900-01-01' AS DATE), CAST('2100-12-31' AS DATE))
"""


def setting_table(settings: Settings) -> pa.Table:
    """One row of everything in `tenure.toml` that models reckon with."""
    with localcontext(prec=30):
        factor = (1 + settings.clv.discount_rate) ** (Decimal(-1) / 12)
    return pa.table(
        {
            "net_interest_margin": pa.array([settings.clv.net_interest_margin], pa.decimal128(8, 6)),
            "monthly_discount_factor": pa.array([float(factor)], pa.float64()),
            "horizon_months": pa.array([settings.clv.horizon_months], pa.int32()),
            "engagement_balance_unit": pa.array([settings.engagement.balance_unit], pa.decimal128(18, 2)),
            "churn_definition": pa.array([settings.churn.definition], pa.string()),
            "inactive_days": pa.array([settings.churn.inactive_days], pa.int32()),
            "balance_below": pa.array([settings.churn.balance_below], pa.decimal128(18, 2)),
            "balance_months": pa.array([settings.churn.balance_months], pa.int32()),
        }
    )


def today_table(business_date: date) -> pa.Table:
    """One row: the business date."""
    return pa.table({"business_date": pa.array([business_date], pa.date32())})
