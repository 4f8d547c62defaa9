"""What a load says of itself, stored beside its files."""

import json
from dataclasses import asdict, dataclass

from pydantic import TypeAdapter

from tenure.raw.state import LoadRecord


@dataclass(frozen=True)
class LoadManifest:
    """A load: its record, how its contract read it, and the SHA-256 of each of its files.

    `columns` are contract names and contract types; `quarantined_by_rule` counts by "column: rule".
    The record's own `manifest_sha256` is empty here: a text cannot hold its own hash.
    """

    load: LoadRecord
    columns: dict[str, str]
    key: tuple[str, ...]
    keyless: bool
    quarantined_by_rule: dict[str, int]
    files: dict[str, str]


def to_json(manifest: LoadManifest) -> bytes:
    """The manifest as it is stored."""
    return json.dumps(asdict(manifest), indent=1, sort_keys=True, default=str).encode()


def from_json(content: bytes) -> LoadManifest:
    """A stored manifest."""
    return _ADAPTER.validate_json(content)


_ADAPTER = TypeAdapter(LoadManifest)
