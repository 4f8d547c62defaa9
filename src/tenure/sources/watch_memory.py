"""Which files were refused, kept between two runs of the watcher, so that none is tried again as it was."""

from dataclasses import asdict
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from tenure.core.durable import replace_file
from tenure.sources.watch import Refusal

_MOST = 10_000
"""So many refusals are remembered; a file whose refusal is forgotten is tried once more."""


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True)
    source: str
    file: str
    stamp: str
    contract_version: str
    reason: str


class _Memory(BaseModel):
    refused: tuple[_Line, ...] = ()


def read_refusals(memory: Path) -> dict[tuple[str, str], Refusal]:
    """The refusals remembered in a file; none if there is no such file or it cannot be understood."""
    try:
        lines = _Memory.model_validate_json(memory.read_bytes()).refused
    except (OSError, ValidationError):
        return {}
    return {(line.source, line.file): Refusal(line.stamp, line.contract_version, line.reason) for line in lines}


def write_refusals(memory: Path, refused: dict[tuple[str, str], Refusal]) -> None:
    """Remember the newest of these refusals."""
    newest = list(refused.items())[-_MOST:]
    lines = [_Line(source=source, file=file, **asdict(refusal)) for (source, file), refusal in newest]
    replace_file(memory, _Memory(refused=tuple(lines)).model_dump_json(indent=1).encode())
