"""What the earlier loads of a source hold, in the terms of its contract as it is now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import cast

import pyarrow as pa
import pyarrow.parquet as pq

from tenure.contracts.model import Contract
from tenure.core.errors import TenureError
from tenure.engine.protocol import Engine
from tenure.raw.state import LoadRecord
from tenure.raw.zone import DATA, QUARANTINE, RESTORE, RawZone
from tenure.sources.stored import arrow_type


@dataclass(frozen=True)
class Earlier:
    """A committed load of the source.

    `first` and `last` are the days between which its rows take effect. `day` is the one it speaks of as a whole, if
    it is a snapshot; `whole`: it speaks of every key there is.
    """

    load_id: str
    data: Path
    quarantine: Path
    schema: pa.Schema
    first: date
    last: date
    day: date | None
    infers: bool
    protected: int

    @property
    def whole(self) -> bool:
        """Whether it speaks of every key there is."""
        return self.infers and not self.protected


def earlier_loads(contract: Contract, zone: RawZone) -> list[Earlier]:
    """Earlier loads of the source that have its key, in the order in which they were recorded."""
    loads = (load for load in zone.state.loads(contract.source) if load.entity == contract.entity)
    found = (_read_earlier(zone, load) for load in loads)
    return [load for load in found if set(contract.key) <= set(load.schema.names)]


def _read_earlier(zone: RawZone, load: LoadRecord) -> Earlier:
    manifest = zone.manifest(load)
    data = zone.path(load) / DATA
    try:
        footer = pq.read_metadata(data)
    except (OSError, ValueError) as error:
        raise TenureError("the data of this load cannot be read", where=str(data), cure=RESTORE) from error
    schema = footer.schema.to_arrow_schema()
    first, last = _days(footer, schema.names.index("_effective"))
    day = manifest.effective if manifest.mode == "snapshot" else None
    quarantine = zone.path(load) / QUARANTINE
    return Earlier(
        load.load_id, data, quarantine, schema, first, last, day, manifest.infers_deletes, manifest.protected
    )


def _days(footer: pq.FileMetaData, position: int) -> tuple[date, date]:
    """First and last day in a column, from the statistics that Parquet keeps; last < first when it has no values."""
    days: list[date] = []
    for number in range(footer.num_row_groups):
        group = footer.row_group(number)
        statistics = group.column(position).statistics
        if group.num_rows and (statistics is None or not statistics.has_min_max):
            return date.min, date.max
        if group.num_rows and statistics is not None:
            days += [cast(date, statistics.min), cast(date, statistics.max)]
    return min(days, default=date.max), max(days, default=date.min)


def register_rows(
    engine: Engine, name: str, loads: Sequence[Earlier], contract: Contract, names: Sequence[str]
) -> None:
    """Make some columns of the rows of some loads visible as one table, and when, whence and whether a marker."""
    selects: list[str] = []
    alike = groupby(sorted(loads, key=lambda load: str(load.schema)), key=lambda load: str(load.schema))
    for number, (_, group) in enumerate(alike):
        members = list(group)
        schema = members[0].schema
        files = f"{name}_{number}"
        engine.view_of_files(files, [load.data for load in members])
        deleted = "_deleted" if "_deleted" in schema.names else "FALSE"
        columns = as_now(contract, names, schema, "")
        selects.append(f"SELECT {columns}, _effective, _load_id, _row, {deleted} AS _deleted FROM {files}")
    if not selects:
        columns = ", ".join(f'CAST(NULL AS {contract.columns[each].sql_type}) AS "{each}"' for each in names)
        origin = "CAST(NULL AS DATE) AS _effective, CAST(NULL AS STRING) AS _load_id, CAST(NULL AS BIGINT) AS _row"
        selects.append(f"SELECT {columns}, {origin}, FALSE AS _deleted")
    engine.view(name, f"SELECT * FROM ({' UNION ALL '.join(selects)}) AS all_rows WHERE {has_key(contract)}")


def as_now(contract: Contract, names: Sequence[str], schema: pa.Schema, prefix: str) -> str:
    """Columns of a file in the types that the contract gives them now; null where a value cannot have that exactly."""
    parts: list[str] = []
    types = dict(zip(schema.names, schema.types, strict=True))
    for name in names:
        column, wanted = f'"{prefix}{name}"', contract.columns[name]
        stored = types.get(f"{prefix}{name}")
        if stored == arrow_type(wanted):
            value = column
        elif stored is None:
            value = f"CAST(NULL AS {wanted.sql_type})"
        else:
            converted = f"TRY_CAST({column} AS {wanted.sql_type})"
            back = f"CAST({converted} AS STRING)" if stored == pa.string() else converted
            value = f"CASE WHEN {back} = {column} THEN {converted} END"
        parts.append(f'{value} AS "{name}"')
    return ", ".join(parts)


def has_key(contract: Contract) -> str:
    """SQL that is true for rows in which the whole key is known."""
    return " AND ".join(f'"{name}" IS NOT NULL' for name in contract.key)
