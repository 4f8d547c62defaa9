"""Writes one file of the bank: clean records in bulk, dirty ones among them, a list of the dirty lines."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from tenure.synth.dirt import Dirt
from tenure.synth.text import ROWS_AT_ONCE, Sheet, Text


@dataclass(frozen=True)
class Spot:
    """Dirt at the clean record `row` (counting from 0); `spare` is an id that nothing else uses."""

    row: int
    dirt: Dirt
    spare: int


@dataclass(frozen=True)
class DirtyLine:
    """One dirty line, as the manifest lists it; `line` counts from 1, the header included."""

    file: str
    line: int
    kind: str
    column: str | None
    breaks_contract: bool
    in_place: bool


@dataclass(frozen=True)
class Written:
    """What a file holds: its records (dirty ones included, the header not), bytes and dirty lines."""

    records: int
    size: int
    dirty: list[DirtyLine]


def choose_spots(
    rows: int, share: float, deck: Iterator[Dirt], first_spare: int, rng: np.random.Generator
) -> list[Spot]:
    """Soil a share of a file's records; kinds are dealt from the deck, so that each turns up."""
    count = min(rows, int(np.floor(rows * share + rng.random())))
    chosen = np.sort(rng.choice(rows, count, replace=False)) if count else np.empty(0, np.int64)
    return [Spot(int(row), next(deck), first_spare + index) for index, row in enumerate(chosen)]


def write_file(path: Path, header: bytes, sheet: Sheet, spots: list[Spot]) -> Written:
    """Write under a temporary name, force to disk, then rename."""
    temporary = path.with_name(f".{path.name}.tmp")
    dirty: list[DirtyLine] = []
    lines_before = header.count(b"\n")
    with temporary.open("wb") as file:
        file.write(header)
        waiting = iter([*spots, None])
        spot = next(waiting)
        for start in range(0, sheet.rows, ROWS_AT_ONCE):
            stop = min(start + ROWS_AT_ONCE, sheet.rows)
            here: list[Spot] = []
            while spot is not None and spot.row < stop:
                here.append(spot)
                spot = next(waiting)
            first_line = start + lines_before + _added(dirty) + 1
            dirty += _write_part(file, sheet.lines(start, stop), start, first_line, here, path.name)
        size = file.tell()
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    return Written(sheet.rows + _added(dirty), size, dirty)


def _added(dirty: list[DirtyLine]) -> int:
    return sum(not line.in_place for line in dirty)


def _write_part(
    file: BinaryIO, lines: Text, first_row: int, first_line: int, spots: list[Spot], name: str
) -> list[DirtyLine]:
    """Write the text of some rows; `first_line` is the line at which they begin."""
    _, offsets, values = lines.buffers()
    assert offsets is not None and lines.offset == 0
    begins = np.frombuffer(memoryview(offsets), np.int32)
    text = memoryview(values) if values is not None else memoryview(b"")
    dirty: list[DirtyLine] = []
    done, added = 0, 0
    for spot in spots:
        index = spot.row - first_row
        begin, end = int(begins[index]), int(begins[index + 1])
        clean = bytes(text[begin : end - 1])
        file.write(text[done : begin if spot.dirt.in_place else end])
        done = end
        for spoilt in spot.dirt.spoil(clean, spot.spare):
            file.write(spoilt + b"\n")
            added += not spot.dirt.in_place
            dirty.append(_listed(spot.dirt, name, first_line + index + added))
    file.write(text[done : int(begins[len(lines)])])
    return dirty


def _listed(dirt: Dirt, file: str, line: int) -> DirtyLine:
    return DirtyLine(file, line, dirt.kind, dirt.column, dirt.breaks, dirt.in_place)
