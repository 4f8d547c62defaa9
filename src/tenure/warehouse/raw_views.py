"""The raw records of each entity as one table (a source without one is its own): columns, attributes, origin."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq

from tenure.contracts.columns import ColumnContract, fresh_days
from tenure.contracts.entities import ENTITIES, ID, entity_of, feed_of
from tenure.core.errors import TenureError
from tenure.engine.protocol import Column, Engine
from tenure.raw.manifest import LoadManifest
from tenure.raw.state import LoadRecord
from tenure.raw.zone import DATA, RESTORE, RawZone
from tenure.warehouse.manifest import ReleaseManifest
from tenure.warehouse.models import ProjectTypes

_ORIGIN = (
    Column("_effective", "DATE"),
    Column("_source", "STRING"),
    Column("_load_id", "STRING"),
    Column("_row", "BIGINT"),
    Column("_recorded_at", "TIMESTAMP"),
)
DELETED = Column("_deleted", "BOOLEAN")


@dataclass(frozen=True)
class RawLoad:
    """A load as the warehouse sees it.

    `columns` are the types that its columns were loaded with; `latest` is the last day on which any of its
    records takes effect; `marks_deletes` tells whether its file has the column `_deleted`. `replays`: the load from
    whose quarantine its records come. `fresh_days`: how old the newest load may be, as its contract said then.
    """

    record: LoadRecord
    data: Path
    columns: Mapping[str, str]
    keyless: bool
    latest: date | None
    marks_deletes: bool
    replays: str | None
    fresh_days: int | None

    @property
    def feed(self) -> str:
        """What its records are gathered under: `raw_<feed>` reads them."""
        return feed_of(self.record.entity, self.record.source)


def raw_loads(zone: RawZone, only: Mapping[str, str] | None = None) -> list[RawLoad]:
    """Committed loads in the order they were recorded; manifests are checked against their hashes.

    `only` names the wanted loads, with the SHA-256 of their manifests; all of them must be there.
    """
    records = zone.state.loads()
    if only is not None:
        records = [record for record in records if only.get(record.load_id) == record.manifest_sha256]
        if len(records) != len(only):
            raise TenureError(f"{len(only) - len(records)} loads that this needs are not in the raw zone", cure=RESTORE)
    return [_raw_load(zone, record) for record in records]


def _raw_load(zone: RawZone, record: LoadRecord) -> RawLoad:
    manifest = zone.manifest(record)
    types = {name: ColumnContract(type=kind).sql_type for name, kind in manifest.columns.items()}
    data = zone.path(record) / DATA
    try:
        footer = pq.read_metadata(data)
    except (OSError, ValueError) as error:
        raise TenureError("the data of this load cannot be read", where=str(data), cure=RESTORE) from error
    names = footer.schema.to_arrow_schema().names
    latest = _latest(footer, names)
    return RawLoad(
        record, data, types, manifest.keyless, latest, DELETED.name in names, manifest.replays, _fresh_days(manifest)
    )


def _fresh_days(manifest: LoadManifest) -> int | None:
    said = (manifest.contract or {}).get("freshness")
    return fresh_days(said) if said else None


def _latest(footer: pq.FileMetaData, names: list[str]) -> date | None:
    """The last effective day, from the statistics that Parquet keeps of each column."""
    position = names.index("_effective")
    groups = [footer.row_group(number).column(position).statistics for number in range(footer.num_row_groups)]
    days = [group.max for group in groups if group is not None and group.has_min_max]
    return max((day for day in days if isinstance(day, date)), default=None)


def project_types(loads: Sequence[RawLoad]) -> ProjectTypes:
    """Types of natural keys over all loads, and the attributes that customers and events bring along.

    A key is BIGINT while every load that has it says integer, else STRING, and the same in all tables.
    An attribute that was loaded with two types is STRING.
    """
    found: dict[str, set[str]] = {}
    extra: dict[str, dict[str, set[str]]] = {entity: {} for entity in ENTITIES}
    for load in loads:
        entity = entity_of(load.record.entity)
        for name, kind in load.columns.items():
            column = entity.column(name)
            if column is None:
                extra.setdefault(load.feed, {}).setdefault(name, set()).add(kind)
            elif column.type == ID:
                found.setdefault(name, set()).add(kind)
        if load.keyless and entity.key:
            found.setdefault(entity.key, set()).add("BIGINT")
    ids = {name: "BIGINT" if kinds == {"BIGINT"} else "STRING" for name, kinds in found.items()}
    attributes = {
        feed: tuple(
            Column(name, next(iter(kinds)) if len(kinds) == 1 else "STRING") for name, kinds in sorted(columns.items())
        )
        for feed, columns in extra.items()
    }
    return ProjectTypes(ids, attributes)


@dataclass(frozen=True)
class RawInput:
    """What the raw records of one feed (`feed_of`) are: a fingerprint of their types, and of each load.

    The fingerprint of a load has the business date in it while some of its records take effect only later.
    """

    feed: str
    types: str
    loads: Mapping[str, str]

    @property
    def version(self) -> str:
        """Changes when the records or their types change."""
        return f"{self.types}:{digest(sorted(self.loads.items()))}"


def raw_input(feed: str, loads: Sequence[RawLoad], types: ProjectTypes, business_date: date) -> RawInput:
    """What is known of the raw records of a feed without reading them."""
    own = [load for load in loads if load.feed == feed]
    stamps = {load.record.load_id: _stamp(load, load.record.manifest_sha256, business_date) for load in own}
    columns = [column.type for column in _canonical(feed, types)]
    columns += [f"{column.name} {column.type}" for column in types.attributes[feed]]
    return RawInput(feed, digest(columns)[:12], stamps)


def _is_cut(load: RawLoad, business_date: date) -> bool:
    """Whether some of a customer load's records take effect only after the business date."""
    return load.record.entity == "customers" and load.latest is not None and load.latest > business_date


def register_raw(
    engine: Engine, name: str, feed: str, loads: Sequence[RawLoad], types: ProjectTypes, cut: date | None
) -> None:
    """Make the loads of a feed visible as one table.

    It has canonical columns in canonical types, then attributes, then origin. Customers that take effect after
    `cut` are left out.
    """
    columns = [*_canonical(feed, types), *types.attributes[feed]]
    groups: dict[str, list[RawLoad]] = {}
    for load in loads:
        if load.feed == feed:
            late = cut is not None and _is_cut(load, cut)
            alike = [sorted(load.columns.items()), load.keyless, load.marks_deletes, late]
            groups.setdefault(json.dumps(alike), []).append(load)
    selects: list[str] = []
    for number, members in enumerate(groups.values()):
        files = f"_files_{name}_{number}"
        engine.view_of_files(files, [load.data for load in members])
        late = cut is not None and _is_cut(members[0], cut)
        where = f" WHERE _effective <= CAST('{cut}' AS DATE)" if late else ""
        selects.append(f"{_select(files, feed, columns, members[0])}{where}")
    if not selects:
        nothing = [f'CAST(NULL AS {column.type}) AS "{column.name}"' for column in (*columns, *_ORIGIN, DELETED)]
        content = ", CAST(NULL AS STRING) AS _content" if feed == "customers" else ""
        selects.append(f"SELECT {', '.join(nothing)}{content} WHERE 1 = 0")
    engine.view(name, " UNION ALL ".join(selects))


def register_changed_raw(
    engine: Engine,
    name: str,
    now: RawInput,
    loads: Sequence[RawLoad],
    types: ProjectTypes,
    before: ReleaseManifest,
) -> str | None:
    """Make the records of the loads that the release before did not see visible; returns the relation's name.

    None when more changed than records that came: their types, or a load that is no longer there as it was.
    """
    known, _, _ = before.inputs.get(name, "").partition(":")
    there = {load.record.load_id: load.record.manifest_sha256 for load in loads}
    if known != now.types or not before.loads.items() <= there.items():
        return None
    changed = [load for load in loads if load.feed == now.feed and _is_news(load, now, before)]
    relation = f"changes_{name}"
    register_raw(engine, relation, now.feed, changed, types, None)
    return relation


def _is_news(load: RawLoad, now: RawInput, before: ReleaseManifest) -> bool:
    seen = before.loads.get(load.record.load_id)
    return seen is None or _stamp(load, seen, before.business_date) != now.loads[load.record.load_id]


def _stamp(load: RawLoad, manifest_sha256: str, business_date: date) -> str:
    return f"{manifest_sha256}{business_date if _is_cut(load, business_date) else ''}"


def _canonical(feed: str, types: ProjectTypes) -> list[Column]:
    return [
        Column(column.name, types.ids.get(column.name, "BIGINT") if column.type == ID else column.type)
        for column in entity_of(feed).columns
    ]


def _select(files: str, feed: str, columns: list[Column], load: RawLoad) -> str:
    parts: list[str] = []
    for column in columns:
        given = load.columns.get(column.name)
        if load.keyless and column.name == entity_of(feed).key:
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
    parts.append(DELETED.name if load.marks_deletes else f"FALSE AS {DELETED.name}")
    if feed == "customers":
        values = {
            name: f'bits_of("{name}")' if kind == "DOUBLE" else f'"{name}"' for name, kind in load.columns.items()
        }
        texts = [f"COALESCE(CAST({values[name]} AS STRING), '~')" for name in sorted(values)]
        parts.append(" || '|' || ".join(texts) + " AS _content")
    return f"SELECT {', '.join(parts)} FROM {files}"


def digest(content: object) -> str:
    """A fingerprint of anything that JSON can say."""
    return hashlib.sha256(json.dumps(content, default=str).encode()).hexdigest()
