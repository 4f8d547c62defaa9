"""Prints results for people (tables, progress) and for machines (JSON, CSV)."""

import csv
import json
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import typer

from tenure.cli.options import Format

if TYPE_CHECKING:
    from tenure.pipeline import Listener


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
    """An aligned table; numbers stand on the right. Never cut to the terminal's width: pipe it to less -S."""
    texts = [[_cell(value, "–") for value in row] for row in rows]
    right = [
        bool(rows) and all(isinstance(row[i], int | float | Decimal | None) for row in rows) for i in range(len(names))
    ]
    widths = [max(len(name), *(len(row[i]) for row in texts)) if texts else len(name) for i, name in enumerate(names)]

    def line(cells: Sequence[str]) -> str:
        padded = (
            cell.rjust(width) if at_right else cell.ljust(width)
            for cell, width, at_right in zip(cells, widths, right, strict=True)
        )
        return "  ".join(padded).rstrip()

    say(line(names))
    say("  ".join("─" * width for width in widths))
    for row in texts:
        say(line(row))


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
    """A listener that draws bars on a terminal and is silent elsewhere."""
    from tenure.pipeline import Listener

    if quiet or not sys.stderr.isatty():
        yield Listener()
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description:<44}"),
        BarColumn(),
        TextColumn("{task.fields[said]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        reading = bars.add_task("reading", total=None, said="")
        building = bars.add_task("building", total=None, said="", visible=False)

        def records(delivery: str, count: int) -> None:
            bars.update(reading, description=f"reading {delivery}"[-44:], said=f"{count:,} records")

        def models(model: str, done: int, total: int) -> None:
            bars.update(reading, visible=False)
            bars.update(
                building,
                visible=True,
                description=f"building {model}",
                total=total,
                completed=done,
                said=f"{done}/{total}",
            )

        yield Listener(records, models)
