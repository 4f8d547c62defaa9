"""Finds every record of a stretch of CSV without parsing it: the count that the parser is held to.

The structural bytes (delimiters, quotes, line ends) are found at once, and whether a byte is inside
quotes is the parity of the quotes before it. That holds as long as every opening quote stands where a
field begins and every closing one where it ends; a record for which that is not so is read on its own
by `read_record`, and from the next line the parity counts afresh. One broken quote costs its own line.
"""

from dataclasses import dataclass, field

import numpy as np

from tenure.sources.csv_record import CR, LF, LONGEST_RECORD, MOST_LINES, QUOTE, Record, read_record
from tenure.sources.record_spans import Mask, Positions

# Which quotes a view takes for quotes: those with an even or an odd number of quotes before them open
# a field and the next one closes it; or all of them are literal text.
_EVEN, _ODD, _LITERAL = 0, 1, 2
# After so many records read one by one, it pays to look for a run of lines whose quotes are all literal.
_MANY = 8


@dataclass(frozen=True)
class Scan:
    """The records of a stretch, in order; blank lines are none.

    `lines`: line ends before each record. `fields`: their number, -1 where the quoting is broken, and
    `faults` says how, by index. `spans_lines`: whether a record may span lines. `consumed` bytes and
    `consumed_lines` lines were settled; the rest needs what follows it.
    """

    starts: Positions
    ends: Positions
    lines: Positions
    fields: Positions
    spans_lines: bool
    faults: dict[int, str]
    consumed: int
    consumed_lines: int


@dataclass(frozen=True)
class _Tokens:
    """The structural bytes. `at`: where they are. The rest are indices into `at`, or parallel to such.

    `line_ends`: an LF, or a CR that no LF follows; `pairs`: which of them are an LF behind a CR;
    `quotes_before`: how many quotes stand before each. `quotes`: the quotes; `begins` and `ends`: which
    of them a field may begin with or end with, by the byte before or behind.
    """

    at: Positions
    line_ends: Positions
    pairs: Mask
    quotes_before: Positions
    quotes: Positions
    begins: Mask
    ends: Mask


@dataclass(frozen=True)
class _View:
    """The records under one reading of the quotes. `doubtful`: the indices of those that it may read wrongly."""

    starts: Positions
    ends: Positions
    behind: Positions
    lines: Positions
    fields: Positions
    doubtful: Positions
    spans_lines: bool

    def sure_from(self, position: int) -> tuple[int, int]:
        """First and last (exclusive) of the run of records without doubt that starts at `position`."""
        first = int(np.searchsorted(self.starts, position))
        if first == len(self.starts) or self.starts[first] != position:
            return first, first
        place = int(np.searchsorted(self.doubtful, first))
        return first, int(self.doubtful[place]) if place < len(self.doubtful) else len(self.starts)


@dataclass
class _Found:
    """Collects runs of records and single ones."""

    runs: list[tuple[Positions, ...]] = field(default_factory=list[tuple[Positions, ...]])
    singles: list[tuple[int, int, int, int]] = field(default_factory=list[tuple[int, int, int, int]])
    reasons: dict[int, str] = field(default_factory=dict[int, str])
    spans_lines: bool = False

    def take(self, view: _View, first: int, last: int) -> None:
        self._flush()
        columns = tuple(column[first:last] for column in (view.starts, view.ends, view.lines, view.fields))
        filled = columns[1] > columns[0]
        self.runs.append(columns if filled.all() else tuple(column[filled] for column in columns))
        self.spans_lines |= view.spans_lines

    def take_one(self, start: int, record: Record, line: int) -> None:
        if record.end > start:
            self.singles.append((start, record.end, line, record.fields))
            self.spans_lines = True
        if record.fault:
            self.reasons[start] = record.fault

    def _flush(self) -> None:
        if self.singles:
            self.runs.append(tuple(np.array(self.singles, np.int64).T))
            self.singles = []

    def scan(self, consumed: int, consumed_lines: int) -> Scan:
        self._flush()
        none = (np.zeros(0, np.int64),) * 4
        starts, ends, lines, fields = (np.concatenate(parts) for parts in zip(none, *self.runs, strict=True))
        broken = np.searchsorted(starts, np.fromiter(self.reasons, np.int64)).tolist()
        faults = dict(zip(broken, self.reasons.values(), strict=True))
        return Scan(starts, ends, lines, fields, self.spans_lines, faults, consumed, consumed_lines)


def scan(data: bytes, delimiter: int, expected: int, *, final: bool) -> Scan:
    """The records of `data`, which begins at a line start and, unless `final`, does not end in CR.

    `expected`: the number of fields a record should have. When `final`, nothing follows.
    """
    size = len(data)
    if final and data and data[-1] not in (LF, CR):
        data += b"\n"
    tokens = _tokenise(data, delimiter)
    line_ends = tokens.at[tokens.line_ends]
    views: dict[int, _View] = {}
    found = _Found()
    position = line = 0
    while line < len(line_ends):
        parity = int(tokens.quotes_before[line - 1]) & 1 if line else _EVEN
        for reading in (parity, _LITERAL) if len(found.singles) >= _MANY else (parity,):
            if reading not in views:
                views[reading] = _view(tokens, reading, expected)
            first, last = views[reading].sure_from(position)
            if last > first:
                found.take(views[reading], first, last)
                position = int(views[reading].behind[last - 1])
                break
        else:
            record = read_record(data, position, delimiter, expected, final=final)
            if record is None:
                break
            found.take_one(position, record, line)
            position = record.behind
        line = int(np.searchsorted(line_ends, position))
    return found.scan(min(position, size), line)


def _tokenise(data: bytes, delimiter: int) -> _Tokens:
    octets = np.frombuffer(data, np.uint8)
    structural = octets == LF
    structural |= octets == delimiter
    has_quotes, has_returns = QUOTE in data, CR in data
    if has_quotes:
        structural |= octets == QUOTE
    if has_returns:
        structural |= octets == CR
    at = np.flatnonzero(structural)
    kind = octets[at]
    is_end = kind == LF
    if has_returns:
        returns = kind == CR
        returns[:-1] &= ~(is_end[1:] & (at[1:] == at[:-1] + 1))
        is_end |= returns
    line_ends = np.flatnonzero(is_end)
    pairs = np.zeros(len(line_ends), np.bool_)
    if has_returns:
        pairs = (kind[line_ends] == LF) & _follows(at, line_ends) & (kind[line_ends - 1] == CR)
    nothing = np.zeros(0, np.int64)
    if not has_quotes:
        return _Tokens(at, line_ends, pairs, np.zeros(len(line_ends), np.int64), nothing, pairs[:0], pairs[:0])
    quotes = np.flatnonzero(kind == QUOTE)
    begins = _follows(at, quotes) | (at[quotes] == 0)
    ends = np.zeros(len(quotes), np.bool_)
    inner = quotes[: np.searchsorted(quotes, len(at) - 1)]
    ends[: len(inner)] = _follows(at, inner + 1)
    return _Tokens(at, line_ends, pairs, np.searchsorted(quotes, line_ends), quotes, begins, ends)


def _follows(at: Positions, tokens: Positions) -> Mask:
    """Which tokens stand directly behind the one before them."""
    return (at[tokens] == at[tokens - 1] + 1) & (tokens > 0)


def _view(tokens: _Tokens, reading: int, expected: int) -> _View:
    if len(tokens.quotes) == 0 or reading == _LITERAL:
        chosen = np.arange(len(tokens.line_ends))
    else:
        chosen = np.flatnonzero((tokens.quotes_before & 1) == reading)
    last = tokens.line_ends[chosen]
    pairs = tokens.pairs[chosen]
    behind = tokens.at[last] + 1
    ends = behind - 1 - pairs
    starts = np.concatenate([np.zeros(1, np.int64), behind[:-1]])[: len(last)]
    lines_to = chosen + 1
    lines = np.concatenate([np.zeros(1, np.int64), lines_to[:-1]])[: len(last)]
    # What is neither a line end nor a quote nor inside quotes is a delimiter that divides fields.
    fields = np.diff(last, prepend=-1) - pairs
    doubtful = np.zeros(0, np.int64)
    multiple = False
    if len(tokens.quotes):
        quotes_to = tokens.quotes_before[chosen]
        fields -= np.diff(quotes_to, prepend=0)
        if reading == _LITERAL:
            doubtful = np.searchsorted(last, tokens.quotes[_beginning_a_field(tokens)])
        else:
            opening, closing = tokens.quotes[reading::2], tokens.quotes[reading + 1 :: 2]
            inside = np.concatenate([np.zeros(1, np.int64), np.cumsum(closing - opening[: len(closing)] - 1)])
            fields -= np.diff(inside[(quotes_to - reading) // 2], prepend=0)
            irregular = opening[~tokens.begins[reading::2]], closing[~tokens.ends[reading + 1 :: 2]]
            height = lines_to - lines
            too_large = (height > MOST_LINES) | (ends - starts > LONGEST_RECORD)
            swallowing = (height > 1) & (too_large | (fields != expected))
            multiple = bool((height > 1).any())
            suspects = [*(np.searchsorted(last, quotes) for quotes in irregular), np.flatnonzero(swallowing)]
            doubtful = np.unique(np.concatenate(suspects))
    return _View(starts, ends, behind, lines, fields, doubtful[doubtful < len(last)], multiple)


def _beginning_a_field(tokens: _Tokens) -> Mask:
    """The quotes directly behind a delimiter or a line end: read as literal text, they would be misread."""
    behind_quote = np.zeros(len(tokens.quotes), np.bool_)
    behind_quote[1:] = np.diff(tokens.quotes) == 1
    return tokens.begins & ~(behind_quote & _follows(tokens.at, tokens.quotes))
