"""What models may read besides each other: raw records by entity, loads, calendar, settings, the business date."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal, localcontext
from pathlib import Path

import pyarrow as pa

from tenure.contracts.entities import ENTITIES, ID
from tenure.contracts.model import ColumnContract
from tenure.core.settings import Settings
from tenure.engine.protocol import Column, Engine
from tenure.raw.state import LoadRecord
from tenure.raw.zone import DATA, RawZone
from tenure.warehouse.models import ProjectTypes

INPUTS = (*(f"raw_{entity}" for entity in ENTITIES), "loads", "calendar", "setting", "today")
_ORIGIN = (
    Column("_effective", "DATE"),
    Column("_source", "STRING"),
    Column("_load_id", "STRING"),
    Column("_row", "BIGINT"),
    Column("_recorded_at", "TIMESTAMP"),
)


@dataclass(frozen=True)
class RawLoad:
    """A load as the warehouse sees it: its record, its file and the type each column was loaded with."""

    record: LoadRecord
    data: Path
    columns: dict[str, str]
    keyless: bool


def raw_loads(zone: RawZone) -> list[RawLoad]:
    """All committed loads in the order they were recorded; manifests are checked against their hashes."""
    loads: list[RawLoad] = []
    for record in zone.state.loads():
        manifest = zone.manifest(record)
        types = {name: ColumnContract(type=kind).sql_type for name, kind in manifest.columns.items()}
        loads.append(RawLoad(record, zone.path(record) / DATA, types, manifest.keyless))
    return loads


def project_types(loads: Iterable[RawLoad]) -> ProjectTypes:
    """Types of natural keys over all loads, and the attributes that customers and events bring along.

    A key is BIGINT while every load that has it says integer, else STRING, and the same in all tables.
    An attribute that was loaded with two types is STRING.
    """
    found: dict[str, set[str]] = {}
    extra: dict[str, dict[str, set[str]]] = {entity: {} for entity in ENTITIES}
    for load in loads:
        entity = ENTITIES[load.record.entity]
        for name, kind in load.columns.items():
            column = entity.column(name)
            if column is None:
                extra[entity.name].setdefault(name, set()).add(kind)
            elif column.type == ID:
                found.setdefault(name, set()).add(kind)
        if load.keyless:
            found.setdefault(entity.key, set()).add("BIGINT")
    ids = {name: "BIGINT" if kinds == {"BIGINT"} else "STRING" for name, kinds in found.items()}
    attributes = {
        entity: tuple(
            Column(name, next(iter(kinds)) if len(kinds) == 1 else "STRING") for name, kinds in sorted(columns.items())
        )
        for entity, columns in extra.items()
    }
    return ProjectTypes(ids, attributes)


def register_inputs(
    engine: Engine, loads: list[RawLoad], types: ProjectTypes, settings: Settings, business_date: date
) -> dict[str, str]:
    """Make every input visible to the engine; returns a fingerprint of each."""
    prints = {f"raw_{entity}": _register_raw(engine, entity, loads, types) for entity in ENTITIES}
    tables = {
        "loads": _loads_table([load.record for load in loads]),
        "setting": _setting(settings),
        "today": today_table(business_date),
    }
    for name, table in tables.items():
        engine.register(name, table)
    prints["loads"] = _digest([load.record.manifest_sha256 for load in loads])
    engine.view("calendar", _CALENDAR)
    prints["calendar"] = _digest(_CALENDAR)
    prints["setting"] = _digest([tables["setting"].to_pylist()])
    prints["today"] = business_date.isoformat()
    return prints


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, default=str).encode()).hexdigest()


def _register_raw(engine: Engine, entity: str, loads: list[RawLoad], types: ProjectTypes) -> str:
    """One view over all loads of an entity: canonical columns in canonical types, then attributes, then origin."""
    canonical = [
        Column(column.name, types.ids.get(column.name, "BIGINT") if column.type == ID else column.type)
        for column in ENTITIES[entity].columns
    ]
    columns = [*canonical, *types.attributes[entity]]
    groups: dict[tuple[tuple[str, str], ...], list[RawLoad]] = {}
    own = [load for load in loads if load.record.entity == entity]
    for load in own:
        groups.setdefault((*sorted(load.columns.items()), ("", str(load.keyless))), []).append(load)
    selects: list[str] = []
    for number, members in enumerate(groups.values()):
        files = f"_files_{entity}_{number}"
        engine.view_of_files(files, [load.data for load in members])
        selects.append(_select(files, entity, columns, members[0]))
    if not selects:
        nothing = [f'CAST(NULL AS {column.type}) AS "{column.name}"' for column in (*columns, *_ORIGIN)]
        content = ", CAST(NULL AS STRING) AS _content" if entity == "customers" else ""
        selects.append(f"SELECT {', '.join(nothing)}{content} WHERE 1 = 0")
    engine.view(f"raw_{entity}", " UNION ALL ".join(selects))
    return _digest([load.record.manifest_sha256 for load in own])


def _select(files: str, entity: str, columns: list[Column], load: RawLoad) -> str:
    parts: list[str] = []
    for column in columns:
        given = load.columns.get(column.name)
        if load.keyless and column.name == ENTITIES[entity].key:
            # Equal records of a source without keys stay two: their place in the delivery tells them apart.
            value = f"CAST(stable_id(_load_id, CAST(_row AS STRING)) AS {column.type})"
        elif given is None:
            value = f"CAST(NULL AS {column.type})"
        elif given == column.type:
            value = f'"{column.name}"'
        else:
            value = f'CAST("{column.name}" AS {column.type})'
        parts.append(f'{value} AS "{column.name}"')
    parts += [column.name for column in _ORIGIN]
    if entity == "customers":
        values = {
            name: f'bits_of("{name}")' if kind == "DOUBLE" else f'"{name}"' for name, kind in load.columns.items()
        }
        texts = [f"COALESCE(CAST({values[name]} AS STRING), '~')" for name in sorted(values)]
        parts.append(" || '|' || ".join(texts) + " AS _content")
    return f"SELECT {', '.join(parts)} FROM {files}"


def _loads_table(records: list[LoadRecord]) -> pa.Table:
    kinds = {int: pa.int64(), str: pa.string()}
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
    return pa.Table.from_pylist([asdict(record) for record in records], schema=schema)


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


def _setting(settings: Settings) -> pa.Table:
    """One row of everything in `tenure.toml` that models reckon with."""
    with localcontext(prec=30):
        factor = (1 + settings.clv.discount_rate) ** (Decimal(-1) / 12)
    return pa.table(
        {
            "net_interest_margin": pa.array([settings.clv.net_interest_margin], pa.decimal128(8, 6)),
            "monthly_discount_factor": pa.array([float(factor)], pa.float64()),
            "horizon_months": pa.array([settings.clv.horizon_months], pa.int32()),
            "engagement_balance_unit": pa.array([settings.engagement.balance_unit], pa.decimal128(18, 2)),
        }
    )


def today_table(business_date: date) -> pa.Table:
    """One row: the business date."""
    return pa.table({"business_date": pa.array([business_date], pa.date32())})
