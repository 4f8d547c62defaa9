"""What older tools left behind, unpacked from `tests/data/legacy`."""

import tarfile
from pathlib import Path

_PACKED = Path(__file__).parent / "data" / "legacy" / "legacy.tar.gz"


def unpack_legacy(folder: Path) -> Path:
    """Put the folders `sqoop` and `nifi` there; returns the folder."""
    with tarfile.open(_PACKED) as packed:
        packed.extractall(folder, filter="data")
    return folder
