"""What a load says of itself, stored beside its files."""

import json
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from pydantic import TypeAdapter

from tenure.raw.state import LoadRecord


@dataclass(frozen=True)
class LoadManifest:
    """A load: its record, how its contract read it, and the SHA-256 of each of its files.

    `columns` are contract names and contract types; `quarantined_by_rule` counts by "column: rule".
    `mode` is the contract's; `effective` is the day the delivery as a whole speaks of (null in loads written
    before there were snapshots). `infers_deletes`: it is a snapshot, and the key of each record that it holds
    is known, of quarantined ones too; `protected` counts those: their keys stand in the quarantine, in columns
    named `key_` and the key's name, and do not count as absent.
    `contract` is the contract as it was then (null in loads written before it was kept). `header`: the columns of
    a delivery whose records do not name them, in its order (null where they do, and where it was not kept).
    `replays`: the load from whose quarantine its records come. They bear that load's number and rows, for that is
    where they were delivered; only their recorded time is later.
    The record's own `manifest_sha256` is empty here: a text cannot hold its own hash.
    """

    load: LoadRecord
    columns: dict[str, str]
    key: tuple[str, ...]
    keyless: bool
    quarantined_by_rule: dict[str, int]
    files: dict[str, str]
    mode: str = "upsert"
    effective: date | None = None
    infers_deletes: bool = False
    protected: int = 0
    contract: dict[str, Any] | None = None
    header: tuple[str, ...] | None = None
    replays: str | None = None


def to_json(manifest: LoadManifest) -> bytes:
    """The manifest as it is stored."""
    return json.dumps(asdict(manifest), indent=1, sort_keys=True, default=str).encode()


def from_json(content: bytes) -> LoadManifest:
    """A stored manifest."""
    return _ADAPTER.validate_json(content)


_ADAPTER = TypeAdapter(LoadManifest)
