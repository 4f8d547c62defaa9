"""Where the records of a stretch of a file lie: their text, their lines, and whether they are UTF-8."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tenure.sources.text_stream import as_it_was

Positions = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Spans:
    """Record i is `data[starts[i]:ends[i]]`, without its line end, and begins at line `rows[i]` of the file.

    All three are ascending; between one record and the next lie only line ends, comments and what was left out.
    `encoding`: the one the file is in; `data` is in UTF-8 (see `as_utf8`).
    """

    data: bytes
    rows: Positions
    starts: Positions
    ends: Positions
    encoding: str = "utf-8"

    def __len__(self) -> int:
        return len(self.rows)

    def record(self, index: int) -> bytes:
        """The text of a record in UTF-8; its bytes as they are in the file, if they are no such text."""
        record = self._utf8(index)
        return record if self.encoding == "utf-8" or _is_utf8(record) else as_it_was(record, self.encoding)

    def _utf8(self, index: int) -> bytes:
        return self.data[self.starts[index] : self.ends[index]]

    def verbatim(self, row: int) -> bytes:
        """The bytes of the record that starts at line `row`; KeyError when none does."""
        index = int(np.searchsorted(self.rows, row))
        if index == len(self) or self.rows[index] != row:
            raise KeyError(row)
        return self.record(index)

    def only(self, keep: Mask) -> "Spans":
        """Some of the records."""
        return Spans(self.data, self.rows[keep], self.starts[keep], self.ends[keep], self.encoding)

    def joined(self, keep: Mask) -> bytes | memoryview:
        """The text of the records kept, a line end of some kind behind each; no copy if they are neighbours.

        The last one too: Arrow takes an empty field at the very end of its input for a quoted one, if the field
        before it was quoted.
        """
        edges = np.flatnonzero(np.diff(keep, prepend=False, append=False))
        view = memoryview(self.data)
        runs = [view[self.starts[first] : self.ends[behind - 1]] for first, behind in edges.reshape(-1, 2).tolist()]
        if len(runs) == 1 and (end := int(self.ends[edges[-1] - 1])) < len(self.data):
            return view[self.starts[edges[0]] : end + 1]
        return b"\n".join([*runs, b""])

    def badly_encoded(self) -> Mask:
        """Which records are not UTF-8, or hold a NUL byte (no text has one, and much software stops there)."""
        bad = np.zeros(len(self), np.bool_)
        if not len(self):
            return bad
        first, behind = int(self.starts[0]), int(self.ends[-1])
        octets = np.frombuffer(self.data, np.uint8)
        if self.data.find(b"\0", first, behind) >= 0:
            bad[self._holding(np.flatnonzero(octets[first:behind] == 0) + first)] = True
        if not _is_utf8(memoryview(self.data)[first:behind]):
            for index in self._holding(np.flatnonzero(octets[first:behind] >= 0x80) + first).tolist():
                bad[index] |= not _is_utf8(self._utf8(index))
        return bad

    def _holding(self, positions: Positions) -> Positions:
        """The records that hold these positions of `data`, each of which is inside one."""
        return np.unique(np.searchsorted(self.starts, positions, side="right") - 1)


def verbatim_of(stretch: Sequence[Spans]) -> Callable[[int], bytes]:
    """Looks up a record by its line in any of these consecutive spans, none of them empty; see `Spans.verbatim`."""
    firsts = [int(spans.rows[0]) for spans in stretch]
    return lambda row: stretch[max(0, bisect_right(firsts, row) - 1)].verbatim(row)


def _is_utf8(text: bytes | memoryview) -> bool:
    # Arrow's validation needs no copy; a decoding error of Python's copies all of the text.
    offsets = pa.py_buffer(np.array([0, len(text)], np.int32).tobytes())
    value = pa.Array.from_buffers(pa.string(), 1, [None, offsets, pa.py_buffer(text)])
    try:
        value.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True
