"""One writer and one watcher a project: locks that a dead process does not keep."""

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager

from tenure.core.errors import Busy, TenureError
from tenure.core.settings import Project


@contextmanager
def writer_lock(project: Project) -> Generator[None]:
    """Hold the project for writing; raises `Busy` at once when another process holds it."""
    cure = "wait until it ends, then run again; readers are not affected"
    with _held(project, "lock", "another command is writing to this project", cure):
        yield


@contextmanager
def watcher_lock(project: Project) -> Generator[None]:
    """Be the one who watches the project's folders; raises `Busy` at once when another process does."""
    cure = "one watcher is enough; stop that one first if this one should take its place"
    with _held(project, "watch.lock", "another command is watching this project", cure):
        yield


@contextmanager
def _held(project: Project, name: str, taken: str, cure: str) -> Generator[None]:
    try:
        project.state.mkdir(exist_ok=True)
        handle = (project.state / name).open("a+")
    except OSError as error:
        raise TenureError(
            f"the project cannot be written: {error.strerror}",
            where=str(project.state),
            cure="give yourself write permission there, or copy the project to a folder of your own",
        ) from error
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.seek(0)
            holder = handle.read().strip() or "unknown"
            raise Busy(
                f"{taken} (process {holder})",
                where=str(project.root),
                cure=cure,
            ) from None
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        yield
