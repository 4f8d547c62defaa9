"""Fixtures of the unit tests."""

import pytest

from tests.command import Command


@pytest.fixture
def tenure(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """The `tenure` command."""
    return Command(monkeypatch, capsys)
