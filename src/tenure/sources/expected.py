"""About how many records a file holds: for the bar that shows how far its reading is, and for nothing else."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

_SAMPLE_BYTES = 1 << 20
_PARQUET = b"PAR1"
_COMPRESSED = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd")
_ONE_DOCUMENT = (b"[", b"{\n", b"{\r\n")


def expected_records(path: Path) -> int | None:
    """The number of records by the length of the first ones, one a line; None where a look does not tell."""
    try:
        size = path.stat().st_size
        with path.open("rb") as handle:
            sample = handle.read(_SAMPLE_BYTES)
        if sample.startswith(_PARQUET):
            return pq.read_metadata(path).num_rows
    except (OSError, pa.ArrowException):
        return None
    lines = sample.count(b"\n")
    if not lines or sample.startswith(_COMPRESSED) or sample.lstrip().startswith(_ONE_DOCUMENT):
        return None
    return lines if size <= len(sample) else size * lines // (sample.rindex(b"\n") + 1)
