"""What a release says of itself: every table, every part under its SHA-256, and all that it was built from."""

import json
from dataclasses import asdict, dataclass
from datetime import date, datetime

from pydantic import TypeAdapter

from tenure.engine.protocol import Column


@dataclass(frozen=True)
class Part:
    """One Parquet file of a table; `file` is its path inside the release."""

    file: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Table:
    """A table of a release. `fingerprint` covers the model and all it was computed from, `content_hash` its rows."""

    name: str
    layer: str
    fingerprint: str
    rows: int
    content_hash: str
    columns: tuple[Column, ...]
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class ReleaseManifest:
    """A release: built by `run_id` at `created_at` (UTC) for `business_date` from the loads named."""

    sequence: int
    run_id: str
    created_at: datetime
    business_date: date
    engine: str
    tenure_version: str
    currency: str
    settings: dict[str, object]
    loads: dict[str, str]
    checks: tuple[str, ...]
    tables: tuple[Table, ...]

    def table(self, name: str) -> Table | None:
        """The table of that name."""
        return next((table for table in self.tables if table.name == name), None)


def to_json(manifest: ReleaseManifest) -> bytes:
    """The manifest as it is stored; the same manifest gives the same bytes."""
    return json.dumps(asdict(manifest), indent=1, sort_keys=True, default=str).encode()


def from_json(content: bytes) -> ReleaseManifest:
    """A stored manifest."""
    return _ADAPTER.validate_json(content)


_ADAPTER = TypeAdapter(ReleaseManifest)
