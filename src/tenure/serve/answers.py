"""Reports of the release in force, computed once a release and kept until the next one is published."""

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from tenure.core.settings import Project
from tenure.warehouse.releases import OpenRelease, open_release
from tenure.warehouse.reports import ReportResult, run_report
from tenure.warehouse.store import ReleaseStore


@dataclass(frozen=True)
class ReleaseFacts:
    """Which release a page shows.

    Its name, when it was published (UTC), the day the business was at, the currency of its money, and from how many
    customers on a group is large enough to compare.
    """

    id: str
    published_at: datetime
    business_date: date
    currency: str
    minimum_group: int


@dataclass(frozen=True)
class Answer:
    """Reports that all come from one release."""

    release: ReleaseFacts
    reports: Mapping[str, ReportResult]


class Answers:
    """The release in force, opened once, and its reports.

    Requests run on several threads. One lock guards the open release and lets one request compute while the others
    wait for the same result, so that a page is of one release even when another is published meanwhile. The lock is
    this process's own: writers never wait for it.
    """

    def __init__(self, project: Project) -> None:
        """Opens nothing yet: a project without a release can be served."""
        self._project = project
        self._store = ReleaseStore(project.warehouse)
        self._lock = threading.Lock()
        self._release: OpenRelease | None = None
        self._reports: dict[str, ReportResult] = {}

    def read(self, names: Iterable[str]) -> Answer:
        """The named reports of the release in force; raises `TenureError` when there is none or it is damaged."""
        with self._lock:
            release = self._current()
            try:
                reports = {name: self._report(release, name) for name in names}
            except BaseException:
                self._forget()  # it may be damaged: the next request opens, and so verifies, it anew
                raise
            return Answer(_facts(release), reports)

    def close(self) -> None:
        """Let go of the release, so that it can be pruned."""
        with self._lock:
            self._forget()

    def _current(self) -> OpenRelease:
        pointer = self._store.pointer()
        if self._release is None or pointer is None or pointer.current != self._release.id:
            self._forget()
            self._release = open_release(self._project)
        return self._release

    def _report(self, release: OpenRelease, name: str) -> ReportResult:
        if name not in self._reports:
            self._reports[name] = run_report(release, name)
        return self._reports[name]

    def _forget(self) -> None:
        self._reports.clear()
        if self._release is not None:
            self._release.close()
            self._release = None


def _facts(release: OpenRelease) -> ReleaseFacts:
    return ReleaseFacts(
        release.id, release.published_at, release.business_date, release.manifest.currency, release.minimum_group
    )
