"""Prints results for people (tables, progress) and for machines (JSON, CSV)."""

import csv
import json
import shutil
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from time import perf_counter
from typing import TYPE_CHECKING

import typer

from tenure.cli.options import Format
from tenure.cli.tables import table_of
from tenure.core.wording import alike

if TYPE_CHECKING:
    from rich.progress import Progress

    from tenure.pipeline import Listener


_NAMED = 20
"""Values that a hint lists at most."""


class Failed(Exception):
    """The command has said what went wrong and ends with `code`."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def say(text: str = "") -> None:
    """One line for the person at the terminal."""
    typer.echo(text)


def print_json(content: object) -> None:
    """One JSON document; exact decimals stay exact (as text where a JSON number could not hold them)."""
    typer.echo(json.dumps(content, indent=1, default=_plain, ensure_ascii=False))


def print_json_line(content: object) -> None:
    """One JSON document on a line of its own, passed on at once: for output that goes on."""
    typer.echo(json.dumps(content, default=_plain, ensure_ascii=False))
    sys.stdout.flush()


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        number = float(value)
        return number if Decimal(repr(number)) == value else str(value)
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    raise TypeError(f"{type(value).__name__} has no JSON form")


def print_rows(names: Sequence[str], rows: Sequence[Sequence[object]], form: Format) -> None:
    """A result with named columns in the format asked for."""
    if form is Format.json:
        print_json([dict(zip(names, row, strict=True)) for row in rows])
    elif form is Format.csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([_cell(value, "") for value in row] for row in rows)
    else:
        print_table(names, rows)


def print_table(names: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """An aligned table; on a terminal it is fitted to its width, and says so where a text had to be cut."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    table = table_of(names, rows, lambda value: _cell(value, "–"), width)
    for line in table.lines:
        say(line)
    if table.cut:
        say("texts that end in … were cut to fit this terminal; to see all of them, pipe the table: … | less -S")


def hint_of_values(name: str, asked: Sequence[str], known: Sequence[str]) -> None:
    """Say that nothing has a value that was asked for, and which values there are."""
    missing = [value for value in asked if value not in known]
    near = alike(missing[0], known) if missing else ""
    shown = ", ".join(known[:_NAMED]) if known else "none at all"
    more = f" and {len(known) - _NAMED:,} more" if len(known) > _NAMED else ""
    typer.echo(f"hint: nothing has {name} {' or '.join(missing)}; {near}there are {shown}{more}", err=True)


def _cell(value: object, missing: str) -> str:
    if value is None:
        return missing
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def print_mapping(content: Mapping[str, object]) -> None:
    """Names and values, one a line."""
    width = max((len(name) for name in content), default=0)
    for name, value in content.items():
        say(f"  {name:<{width}}  {_cell(value, '–')}")


@contextmanager
def progress(quiet: bool) -> Generator["Listener"]:
    """A listener that draws bars on a terminal, with rows a second and the time left, and is silent elsewhere."""
    from tenure.pipeline import Listener

    if quiet or not sys.stderr.isatty():
        yield Listener()
        return
    with _bars() as bars:
        reading = bars.add_task("reading", total=None, said="")
        building = bars.add_task("building", total=None, said="", visible=False)
        now, began, last = "", perf_counter(), perf_counter()

        def records(delivery: str, count: int, expected: int | None) -> None:
            nonlocal now, began, last
            if delivery != now:
                now, began = delivery, last
            last = perf_counter()
            total = max(expected, count) if expected else None
            said = _said(count, total, last - began)
            bars.update(reading, description=f"reading {delivery}"[-44:], completed=count, total=total, said=said)

        def models(model: str, done: int, total: int) -> None:
            bars.update(reading, visible=False)
            said = f"{done}/{total}"
            bars.update(building, visible=True, description=f"building {model}", total=total, completed=done, said=said)

        yield Listener(records, models)


@contextmanager
def steps(quiet: bool, doing: str) -> Generator[Callable[[int], None]]:
    """Something to tell how many rows are done: a bar on a terminal, silent elsewhere."""
    if quiet or not sys.stderr.isatty():
        yield lambda rows: None
        return
    with _bars() as bars:
        task, began = bars.add_task(doing, total=None, said=""), perf_counter()
        yield lambda rows: bars.update(task, completed=rows, said=_said(rows, None, perf_counter() - began))


def _bars() -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    return Progress(
        TextColumn("{task.description:<44}"),
        BarColumn(),
        TextColumn("{task.fields[said]}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )


def _said(rows: int, expected: int | None, seconds: float) -> str:
    """How many rows are done, how many a second, and how long the rest will take at this rate."""
    rate = rows / seconds if seconds > 0 else 0.0
    said = f"{rows:,} rows, {rate:,.0f}/s"
    return f"{said}, {timedelta(seconds=round((expected - rows) / rate))} left" if expected and rate else said
