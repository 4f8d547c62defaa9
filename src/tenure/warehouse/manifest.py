"""What a release says of itself: every table, every part under its SHA-256, and all that it was built from."""

import json
from dataclasses import asdict, dataclass
from datetime import date, datetime

from pydantic import TypeAdapter

from tenure.engine.protocol import Column


@dataclass(frozen=True)
class Part:
    """One Parquet file of a table; `file` is its path inside the release.

    `partition` is the month of its rows ("2025-09"), "none" for those without a date, "all" in a table without
    months. `checksum` is the sum of the hashes of its rows.
    """

    file: str
    sha256: str
    size: int
    partition: str
    rows: int
    checksum: str


@dataclass(frozen=True)
class Table:
    """A table of a release. `definition` covers the model (SQL, columns, tests), `content_hash` its rows."""

    name: str
    layer: str
    kind: str
    definition: str
    rows: int
    content_hash: str
    columns: tuple[Column, ...]
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class View:
    """A table of a release that is not stored: its SQL over other tables and the raw loads of the release."""

    name: str
    layer: str
    definition: str
    sql: str
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class ReleaseManifest:
    """A release: built by `run_id` at `created_at` (UTC) for `business_date` from the loads named.

    `inputs` has the version of everything that models read besides each other.
    """

    sequence: int
    run_id: str
    created_at: datetime
    business_date: date
    engine: str
    tenure_version: str
    currency: str
    settings: dict[str, object]
    loads: dict[str, str]
    inputs: dict[str, str]
    checks: tuple[str, ...]
    tables: tuple[Table, ...]
    views: tuple[View, ...]

    def table(self, name: str) -> Table | None:
        """The table of that name."""
        return next((table for table in self.tables if table.name == name), None)

    def definition(self, name: str) -> str | None:
        """The definition that a table or view of this name was made by; None when there is none."""
        return next((made.definition for made in (*self.tables, *self.views) if made.name == name), None)


def to_json(manifest: ReleaseManifest) -> bytes:
    """The manifest as it is stored; the same manifest gives the same bytes."""
    return json.dumps(asdict(manifest), indent=1, sort_keys=True, default=str).encode()


def from_json(content: bytes) -> ReleaseManifest:
    """A stored manifest."""
    return _ADAPTER.validate_json(content)


_ADAPTER = TypeAdapter(ReleaseManifest)
