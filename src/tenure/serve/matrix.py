"""Geography × age group as a coloured table: one cell a group, its figure, and its size n."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tenure.serve.formats import MISSING, as_number, number
from tenure.serve.tables import Record

STEPS = 8  # colours from pale to strong; the style sheet has one class each
_LAST = ("unknown", "other")


@dataclass(frozen=True)
class MatrixCell:
    """One group. `step` is its colour (0 pale … STEPS-1 strong), None for a small or absent group."""

    value: str
    size: str
    step: int | None
    small: bool
    absent: bool


@dataclass(frozen=True)
class Matrix:
    """Rows are geographies, columns age groups; `scale` are the ends of the colour scale, None without any colour."""

    caption: str
    corner: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[MatrixCell, ...]], ...]
    scale: tuple[str, str] | None
    sizes: tuple[int, ...]


def matrix(
    groups: Sequence[Record], *, value: str, size: str, minimum: int, show: Callable[[object], str], caption: str
) -> Matrix | None:
    """The matrix of the `value` column of records that have geography, age_group and `size`; None without records.

    Colours run over the values of groups of at least `minimum`: a small group neither has a colour nor sets the scale.
    The scale is never narrower than the upper half of 0 to its top, so that groups that hardly differ look alike.
    """
    if not groups:
        return None
    large = [n for n in (as_number(g[value]) for g in groups if _size(g, size) >= minimum) if n is not None]
    top = max(large, default=0.0)
    low = min([*large, top / 2])
    placed = {(_label(g["geography"]), _label(g["age_group"])): g for g in groups}
    ages = _ordered({age for _, age in placed})
    places = _ordered({place for place, _ in placed})

    def cell(place: str, age: str) -> MatrixCell:
        group = placed.get((place, age))
        if group is None:
            return MatrixCell(MISSING, "", None, small=False, absent=True)
        count, amount = _size(group, size), as_number(group[value])
        small = count < minimum
        step = None if small or amount is None else _step(amount, low, top)
        return MatrixCell(show(group[value]), number(count), step, small=small, absent=False)

    return Matrix(
        caption,
        "Geography",
        ages,
        tuple((place, tuple(cell(place, age) for age in ages)) for place in places),
        (show(low), show(top)) if large else None,
        tuple(_size(group, size) for group in groups),
    )


def _step(amount: float, low: float, top: float) -> int:
    return min(STEPS - 1, int((amount - low) / (top - low) * STEPS)) if top > low else 0


def _size(group: Record, column: str) -> int:
    return int(as_number(group[column]) or 0)


def _label(value: object) -> str:
    return "unknown" if value is None else str(value)


def _ordered(labels: set[str]) -> tuple[str, ...]:
    return tuple(sorted(labels, key=lambda label: (label in _LAST, label)))
