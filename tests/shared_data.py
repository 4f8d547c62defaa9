"""Larger public data, which lies in the folder shared/data beside the repository and must be there in CI."""

from pathlib import Path

import pytest

from tests.conftest import IN_CI

SHARED = Path(__file__).resolve().parents[2] / "shared"


def shared(name: str) -> Path:
    """The place `name` in the shared folder, such as `data/berka`; skips the test loudly where it is not there."""
    path = SHARED / name
    if path.exists():
        return path
    reason = f"no shared/{name} beside the repository"
    if IN_CI:
        pytest.fail(f"{reason}; in CI it must be there", pytrace=False)
    pytest.skip(f"{reason}; cure: put the shared data there")
