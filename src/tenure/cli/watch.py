"""The verb that stays: watch."""

import os
import re
import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, cast

import typer

from tenure.cli.options import (
    DateOption,
    DebugOption,
    JsonOption,
    ProjectOption,
    ask_for_passwords,
    business_date,
    project_of,
)
from tenure.cli.output import Failed, print_json_line, say
from tenure.core.errors import UsageError

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def watch(
    sources: Annotated[
        list[str] | None, typer.Argument(metavar="[SOURCE]...", help="Which sources; all when none is named.")
    ] = None,
    every: Annotated[
        str | None,
        typer.Option("--every", metavar="10m", help="How often to read tables of servers: 30s, 10m, 2h, 1d."),
    ] = None,
    once: Annotated[
        bool, typer.Option("--once", help="Take what has landed, read tables once, and end: for a timer.")
    ] = False,
    settle: Annotated[
        float,
        typer.Option(
            "--settle", metavar="SECONDS", min=0, help="How long a file must have stood still to be complete."
        ),
    ] = 2.0,
    date: DateOption = None,
    project: ProjectOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Load files as they land, and publish a release with them, until stopped.

    A file is taken when it has not changed for a while, or at once when it was renamed into place; names that
    begin with a dot or end in .part, .tmp and the like are waited for. What is loaded can be moved to an archive
    (watch: in the contract). A file that is refused is not tried again until it changes. Tables are read with --every.
    Ctrl-C ends it; nothing is lost by that, nor by any other end.

    \b
      tenure watch
      tenure watch --every 10m --json
      tenure watch --once usage transactions
    """
    from tenure.pipeline import Pace, Watching
    from tenure.pipeline import watch as watch_project

    opened = project_of(project)
    ask_for_passwords(opened, sources or ())
    pace = Pace(settle, None if every is None else _seconds(every), once)
    day = business_date(date) if date else None
    with _until_signalled() as (stopped, wake):
        watching = Watching(pace, _tell_json if json else _tell, stopped, tuple(sources or ()), day, wake)
        failed = watch_project(opened, watching)
        if stopped():
            watching.tell("stopped", {})
        elif failed:
            raise Failed(1)


def _seconds(text: str) -> float:
    found = re.fullmatch(r"([1-9][0-9]{0,8})([smhd])", text)
    if found is None:
        raise UsageError(f"--every {text} is not a span of time", cure="write a number and s, m, h or d, such as 10m")
    return float(int(found[1]) * _UNITS[found[2]])


@contextmanager
def _until_signalled() -> Generator[tuple[Callable[[], bool], int]]:
    """Whether this process was asked to end, and a descriptor that can be read from then on."""
    asked: list[int] = []
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGIO)}
    signal.signal(signal.SIGIO, signal.SIG_IGN)  # it says that a file we look at is opened for writing
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: asked.append(number))
    signal.set_wakeup_fd(writer)
    try:
        yield (lambda: bool(asked)), reader
    finally:
        signal.set_wakeup_fd(-1)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(reader)
        os.close(writer)


def _tell_json(event: str, particulars: dict[str, object]) -> None:
    print_json_line({"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, **particulars})


def _tell(event: str, particulars: dict[str, object]) -> None:
    stamp = datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
    say(f"{stamp[:19]}  {event:<9} {_words(event, particulars)}".rstrip())


def _words(event: str, said: dict[str, object]) -> str:
    if event == "watching":
        return f"{', '.join(_list(said['paths']))} (Ctrl-C ends it)"
    if event == "loaded":
        return f"{said['file']} (source {said['source']}): {_account(said)}"
    if event == "release":
        after = f", {said['seconds']} s after the first of it was seen" if "seconds" in said else ""
        models = "1 model" if said["models"] == 1 else f"{said['models']} models"
        return f"{said['release']} is in force ({models} computed{after})"
    if event in {"archived", "set aside"}:
        return " → ".join(str(said[name]) for name in ("file", "to") if name in said)
    words = [str(said[name]) for name in ("file", "reason") if name in said]
    return str(said["reason"]) if event == "refused" else ": ".join(words)


def _account(said: dict[str, object]) -> str:
    rare = ("quarantined", "duplicates", "unchanged", "filtered", "deleted")
    counts = [f"{said['records_in']} in", f"{said['loaded']} loaded"]
    counts += [f"{said[name]} {name}" for name in rare if said[name]]
    return "; ".join([", ".join(counts), *_list(said["notes"])])


def _list(value: object) -> list[str]:
    return cast(list[str], value)
