"""Whole columns as text: exact money, dates and words, and the lines they make."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tenure.synth.columns import Bools, Ints

Text = pa.StringArray
ROWS_AT_ONCE = 250_000
"""Rows that are turned into text together: bounds the memory, changes no byte."""


@dataclass(frozen=True)
class Sheet:
    """The records of one file: `lines(start, stop)` gives some of them as text, each with its line end.

    The ids `next_id` and above are not used by any record so far.
    """

    rows: int
    lines: Callable[[int, int], Text]
    next_id: int


def _as_text(values: "pa.Array[Any]") -> Text:
    return cast("Text", values.cast(pa.string()))


def integers(values: Ints) -> Text:
    """12, and so on."""
    return _as_text(pa.array(values))


def money(hundredths: Ints, known: Bools | None = None) -> Text:
    """12.50, exactly; empty where not `known`."""
    words = np.empty((len(hundredths), 2), np.int64)
    words[:, 0], words[:, 1] = hundredths, hundredths >> 63
    exact = pa.Decimal128Array.from_buffers(
        pa.decimal128(18, 2), len(hundredths), [None, pa.py_buffer(words.astype("<i8").tobytes())]
    )
    text = _as_text(exact)
    return text if known is None else cast("Text", pc.if_else(pa.array(known), text, pa.scalar("")))


def days(values: Ints) -> Text:
    """2025-09-30, from days since 1970-01-01."""
    return _as_text(pa.array(values.astype("datetime64[D]")))


def moments(values: Ints) -> Text:
    """2025-09-30 13:05:00, from seconds since 1970-01-01."""
    return _as_text(pa.array(values.astype("datetime64[s]")))


def words(dictionary: Sequence[str], indices: npt.NDArray[Any]) -> Text:
    """The word of each index."""
    return pa.array(dictionary, pa.string()).take(indices.astype(np.int64))


def csv_lines(columns: Sequence[Text]) -> Text:
    """One record a row; no value may need quoting."""
    return _joined([_joined(columns, ","), pa.scalar("")], "\n")


def json_lines(members: Sequence[tuple[str, Text, bool]]) -> Text:
    """One object a row, from (key, text of the values, whether they are strings)."""
    pieces: list[Text | pa.StringScalar] = []
    before = "{"
    for key, values, is_string in members:
        quote = '"' if is_string else ""
        pieces += [pa.scalar(f'{before}"{key}":{quote}'), values]
        before = f"{quote},"
    pieces.append(pa.scalar(before[:-1] + "}\n"))
    return _joined(pieces, "")


def _joined(pieces: Sequence[Text | pa.StringScalar], separator: str) -> Text:
    # The stubs know arrays alone or scalars alone; Arrow repeats a scalar for every row.
    arrays = cast("Sequence[Text]", [*pieces, pa.scalar(separator)])
    return pc.binary_join_element_wise(*arrays)
