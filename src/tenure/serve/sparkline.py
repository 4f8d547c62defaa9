"""A small line without axes: the course of one figure, drawn by the server as SVG."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 120
HEIGHT = 28
_MARGIN = 3
_FEWEST = 3  # two points make a line that says nothing


@dataclass(frozen=True)
class Sparkline:
    """Polylines (`x,y x,y …`; a missing month breaks the line) and the place of the last point."""

    lines: tuple[str, ...]
    last_x: float
    last_y: float


def sparkline(values: Sequence[float | None]) -> Sparkline | None:
    """The line through monthly values, oldest first; None when fewer than three are known or the last is not."""
    known = [value for value in values if value is not None]
    if len(known) < _FEWEST or values[-1] is None:
        return None
    low, high = min(known), max(known)
    step = (WIDTH - 2 * _MARGIN) / (len(values) - 1)
    runs: list[list[tuple[float, float]]] = [[]]
    for position, value in enumerate(values):
        if value is None:
            runs.append([])
            continue
        level = 0.5 if high == low else (value - low) / (high - low)
        runs[-1].append(
            (round(_MARGIN + position * step, 1), round(HEIGHT - _MARGIN - level * (HEIGHT - 2 * _MARGIN), 1))
        )
    lines = tuple(" ".join(f"{x:g},{y:g}" for x, y in run) for run in runs if len(run) > 1)
    return Sparkline(lines, *runs[-1][-1])
