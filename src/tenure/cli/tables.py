"""Tables for people: aligned, numbers at the right and with the same decimals, fitted to a terminal's width."""

import re
import textwrap
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

_NARROWEST = 20
"""Letters of a column of texts, below which it is not made narrower."""
_MOST_LINES = 4
"""Of one text that is folded; what is longer is cut."""
_MOST_DECIMALS = 6
_PLAIN = re.compile(r"-?[0-9]+(?:\.([0-9]+))?")
_GAP = "  "


@dataclass(frozen=True)
class Table:
    """The lines of a table; `cut` is whether a text was too long even when it was folded."""

    lines: tuple[str, ...]
    cut: bool = False


@dataclass(frozen=True)
class _Column:
    name: str
    texts: list[str]
    at_right: bool

    @property
    def wanted(self) -> int:
        return max(len(self.name), *map(len, self.texts), 0)

    @property
    def least(self) -> int:
        return self.wanted if self.at_right else min(self.wanted, max(len(self.name), _NARROWEST))


def table_of(
    names: Sequence[str], rows: Sequence[Sequence[object]], text_of: Callable[[object], str], width: int | None = None
) -> Table:
    """A table as lines of at most `width` letters (None: of any length).

    Long texts are folded over several lines. Columns that still do not fit stand in a second part below the first,
    and so on; each part begins with the first column. Numbers and names are never folded or cut.
    """
    columns = [_column(name, [row[at] for row in rows], text_of) for at, name in enumerate(names)]
    lines: list[str] = []
    cut = False
    for part in _parts(columns, width):
        widths = _widths(part, width)
        lines += [""] if lines else []
        lines.append(_line([column.name for column in part], part, widths))
        lines.append(_GAP.join("─" * size for size in widths))
        for at in range(len(rows)):
            cells = [_folded(column.texts[at], size) for column, size in zip(part, widths, strict=True)]
            cut = cut or any(len(cell) > _MOST_LINES for cell in cells)
            lines += _row(cells, part, widths)
    return Table(tuple(lines), cut)


def _column(name: str, values: Sequence[object], text_of: Callable[[object], str]) -> _Column:
    at_right = bool(values) and all(_is_number(value) for value in values)
    texts = _same_decimals(values, text_of) if at_right else [_printable(text_of(value)) for value in values]
    return _Column(name, texts, at_right)


def _parts(columns: Sequence[_Column], width: int | None) -> Iterator[list[_Column]]:
    """The columns in groups of which each fits, the first column in all of them."""
    part: list[_Column] = []
    for column in columns:
        if width is not None and len(part) > 1 and _total([each.least for each in (*part, column)]) > width:
            yield part
            part = [columns[0]]
        part.append(column)
    if part:
        yield part


def _widths(columns: Sequence[_Column], width: int | None) -> list[int]:
    """As wide as wanted, the widest texts narrowed until all fit."""
    widths = [column.wanted for column in columns]
    while width is not None and _total(widths) > width:
        spare = [at for at, column in enumerate(columns) if widths[at] > column.least]
        if not spare:
            break
        widest = max(spare, key=lambda at: widths[at])
        widths[widest] -= 1
    return widths


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def _folded(text: str, size: int) -> list[str]:
    if len(text) <= size:
        return [text]
    return textwrap.wrap(text, size, break_on_hyphens=False, drop_whitespace=True) or [""]


def _row(cells: Sequence[list[str]], columns: Sequence[_Column], widths: Sequence[int]) -> Iterator[str]:
    for number in range(min(_MOST_LINES, max(map(len, cells)))):
        texts = [cell[number] if number < len(cell) else "" for cell in cells]
        if number == _MOST_LINES - 1:
            long = [len(cell) > _MOST_LINES for cell in cells]
            texts = [
                f"{text[: size - 1]}…" if cut else text for text, size, cut in zip(texts, widths, long, strict=True)
            ]
        yield _line(texts, columns, widths)


def _line(texts: Sequence[str], columns: Sequence[_Column], widths: Sequence[int]) -> str:
    padded = (
        text.rjust(size) if column.at_right else text.ljust(size)
        for text, column, size in zip(texts, columns, widths, strict=True)
    )
    return _GAP.join(padded).rstrip()


def _is_number(value: object) -> bool:
    return value is None or isinstance(value, int | float | Decimal)


def _printable(text: str) -> str:
    """The text without what a terminal would obey or what would break a line."""
    if text.isprintable():
        return text
    return "".join(_escaped(letter) if unicodedata.category(letter)[0] == "C" else letter for letter in text)


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape", "surrogatepass").decode()


def _same_decimals(values: Sequence[object], text_of: Callable[[object], str]) -> list[str]:
    """Numbers written with as many decimals as the one that has most, unless that is noise."""
    texts = [text_of(value) for value in values]
    found = [_PLAIN.fullmatch(text) for text, value in zip(texts, values, strict=True) if value is not None]
    most = max((len(match[1] or "") for match in found if match), default=0)
    if not all(found) or not 0 < most <= _MOST_DECIMALS:
        return texts
    return [text if value is None else _padded(text, most) for text, value in zip(texts, values, strict=True)]


def _padded(text: str, decimals: int) -> str:
    whole, _, fraction = text.partition(".")
    return f"{whole}.{fraction.ljust(decimals, '0')}"
