"""The contracts of a watcher: read again when one of their files changes, and fit to be watched."""

from collections.abc import Callable, Sequence
from pathlib import Path

from tenure.contracts.model import Contract
from tenure.core.errors import UsageError
from tenure.sources.watch import of_files
from tenure.sources.watch_loop import Pace


class ContractReader:
    """Gives the contracts that `read` gives, and calls it only when a file in the folder of contracts has changed."""

    def __init__(self, folder: Path, read: Callable[[], list[Contract]]) -> None:
        self._folder = folder
        self._read = read
        self._stamps: list[tuple[str, int, int]] | None = None
        self._contracts: list[Contract] = []

    def __call__(self) -> list[Contract]:
        """The contracts as they are now; raises what `read` raises, each time until a file changes for the better."""
        states = [(path.name, path.stat()) for path in sorted(self._folder.glob("*.yml"))]
        stamps = [(name, state.st_mtime_ns, state.st_size) for name, state in states]
        if stamps != self._stamps:
            self._contracts = self._read()
            self._stamps = stamps
        return self._contracts


def expect_watchable(contracts: Sequence[Contract], pace: Pace) -> None:
    """Raises `UsageError` when there is nothing that this pace would ever look at."""
    if pace.every is None and not pace.once and not of_files(contracts):
        raise UsageError(
            "there is no folder to watch: these sources are tables",
            cure="say how often to read them, for instance --every 10m",
        )
