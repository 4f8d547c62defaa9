"""Finds every record of a stretch of CSV without parsing it: the count that the parser is held to.

The structural bytes (delimiters, quotes, line ends) are found at once, and whether a byte is inside
quotes is the parity of the quotes before it. That holds as long as every opening quote stands where a
field begins and every closing one where it ends; a record for which that is not so is read on its own
by `read_record`, and from the next line the parity counts afresh. One broken quote costs its own line.
"""

from dataclasses import dataclass, field

import numpy as np

from tenure.sources.csv_dialect import Dialect
from tenure.sources.csv_record import CR, LF, LONGEST_RECORD, MOST_LINES, Record, read_record
from tenure.sources.record_spans import Mask, Positions

# After so many records read one by one, it pays to look at the quotes line by line too.
_MANY = 100


@dataclass(frozen=True)
class Scan:
    """The records of a stretch, in order; blank lines are none.

    `lines`: line ends before each record. `fields`: their number, -1 where the quoting is broken, and
    `faults` says how, by index. `spans_lines`: whether a record may span lines. `odd`: the indices of records that
    only the grammar of `csv_record` reads. `consumed` bytes and `consumed_lines` lines were settled; the rest needs
    what follows it.
    """

    starts: Positions
    ends: Positions
    lines: Positions
    fields: Positions
    spans_lines: bool
    faults: dict[int, str]
    odd: Positions
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
    """The records from some line on, under one reading of the quotes.

    Either the first quote opens a field and the next one closes it, wherever that is, and so on; or
    every line is a record, and its quotes are paired by themselves.
    `tall`: which of them span lines. `doubtful`: the indices of those that it may read wrongly.
    """

    starts: Positions
    ends: Positions
    behind: Positions
    lines: Positions
    fields: Positions
    tall: Mask
    doubtful: Positions

    def sure_from(self, position: int) -> slice:
        """The run of records without doubt that starts at `position`."""
        first = int(np.searchsorted(self.starts, position))
        if first == len(self.starts) or self.starts[first] != position:
            return slice(first, first)
        place = int(np.searchsorted(self.doubtful, first))
        return slice(first, int(self.doubtful[place]) if place < len(self.doubtful) else len(self.starts))

    def sure_until(self, position: int) -> int:
        """Where that run ends: the start of the first line behind it."""
        run = self.sure_from(position)
        return int(self.behind[run.stop - 1]) if run.stop > run.start else position


@dataclass
class _Found:
    """Collects runs of records and single ones."""

    runs: list[tuple[Positions, ...]] = field(default_factory=list[tuple[Positions, ...]])
    singles: list[tuple[int, int, int, int]] = field(default_factory=list[tuple[int, int, int, int]])
    read_singly: int = 0
    reasons: dict[int, str] = field(default_factory=dict[int, str])
    odd: list[int] = field(default_factory=list[int])
    spans_lines: bool = False

    def take(self, view: _View, position: int) -> int:
        """Take what the view is sure of from `position` on; where that ends."""
        self._flush()
        run = view.sure_from(position)
        columns = tuple(column[run] for column in (view.starts, view.ends, view.lines, view.fields))
        filled = columns[1] > columns[0]
        self.runs.append(columns if filled.all() else tuple(column[filled] for column in columns))
        self.spans_lines |= bool(view.tall[run].any())
        return view.sure_until(position)

    def take_one(self, start: int, record: Record, line: int) -> int:
        """Take a record that was read by itself; where the next one may begin."""
        self.read_singly += 1
        if record.end > start:
            self.singles.append((start, record.end, line, record.fields))
            self.spans_lines |= record.tall
        if record.fault:
            self.reasons[start] = record.fault
        if record.odd:
            self.odd.append(start)
        return record.behind

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
        odd = np.searchsorted(starts, np.array(self.odd, np.int64))
        return Scan(starts, ends, lines, fields, self.spans_lines, faults, odd, consumed, consumed_lines)


def scan(data: bytes, dialect: Dialect, expected: int, *, final: bool) -> Scan:
    """The records of `data`, which begins at a line start and, unless `final`, does not end in CR.

    `dialect` is a usual one. `expected`: the number of fields a record should have. When `final`, nothing follows.
    """
    size = len(data)
    if final and data and data[-1] not in (LF, CR):
        data += b"\n"
    tokens = _tokenise(data, dialect)
    line_ends = tokens.at[tokens.line_ends]
    views: dict[int | None, _View] = {}
    found = _Found()
    position = line = 0
    while line < len(line_ends):
        parity = int(tokens.quotes_before[line - 1]) & 1 if line else 0
        readings = (parity,) if found.read_singly < _MANY else (parity, None)
        for reading in readings:
            if reading not in views:
                views[reading] = _view(tokens, line, expected, by_line=reading is None)
        view = max((views[reading] for reading in readings), key=lambda view: view.sure_until(position))
        if view.sure_until(position) > position:
            position = found.take(view, position)
        else:
            record = read_record(data, position, dialect, expected, final=final)
            if record is None:
                break
            position = found.take_one(position, record, line)
        line = int(np.searchsorted(line_ends, position))
    return found.scan(min(position, size), line)


def _tokenise(data: bytes, dialect: Dialect) -> _Tokens:
    quote = dialect.quote[0] if dialect.quote else LF
    octets = np.frombuffer(data, np.uint8)
    # One more place on either side: the start of the data is a line start, and its end may be anything.
    bordered = np.zeros(len(data) + 2, np.bool_)
    bordered[0] = True
    structural = bordered[1:-1]
    np.equal(octets, LF, out=structural)
    has_quotes, has_returns = quote != LF and quote in data, CR in data
    for kind in (dialect.delimiter[0], *([quote] if has_quotes else []), *([CR] if has_returns else [])):
        structural |= octets == kind
    at = np.flatnonzero(structural)
    kinds = octets[at]
    line_ends = np.flatnonzero(kinds == LF)
    pairs = np.zeros(len(line_ends), np.bool_)
    if has_returns:
        returns = np.flatnonzero(kinds == CR)
        alone = returns[octets.take(at[returns] + 1, mode="clip") != LF]
        line_ends = np.sort(np.concatenate([line_ends, alone]))
        ends_at = at[line_ends]
        pairs = (octets[ends_at] == LF) & (octets[ends_at - 1] == CR) & (ends_at > 0)
    if not has_quotes:
        none = np.zeros(0, np.int64)
        return _Tokens(at, line_ends, pairs, np.zeros(len(line_ends), np.int64), none, pairs[:0], pairs[:0])
    quotes = np.flatnonzero(kinds == quote)
    quotes_at = at[quotes]
    before, behind = bordered[quotes_at], bordered[quotes_at + 2]
    return _Tokens(at, line_ends, pairs, np.searchsorted(quotes, line_ends), quotes, before, behind)


def _view(tokens: _Tokens, first_line: int, expected: int, *, by_line: bool) -> _View:
    """The view from `first_line` on, where a record must begin."""
    before = int(tokens.line_ends[first_line - 1]) if first_line else -1
    quotes_before = int(tokens.quotes_before[first_line - 1]) if first_line else 0
    chosen = np.arange(first_line, len(tokens.line_ends))
    quoted = len(tokens.quotes) > quotes_before
    if quoted and not by_line:
        chosen = chosen[(tokens.quotes_before[first_line:] - quotes_before) % 2 == 0]
    last = tokens.line_ends[chosen]
    pairs = tokens.pairs[chosen]
    behind = tokens.at[last] + 1
    ends = behind - 1 - pairs
    starts = np.concatenate([[int(tokens.at[before]) + 1 if first_line else 0], behind[:-1]])[: len(last)]
    lines = np.concatenate([[first_line], chosen[:-1] + 1])[: len(last)]
    # What is neither a line end nor a quote nor inside quotes is a delimiter that divides fields.
    fields = np.diff(last, prepend=before) - pairs
    tall = doubt = np.zeros(len(last), np.bool_)
    if quoted:
        quotes_to = tokens.quotes_before[chosen]
        fields -= np.diff(quotes_to, prepend=quotes_before)
        if by_line:
            inside, doubt = _inside_by_line(tokens)
            fields -= inside[first_line:]
            doubt = doubt[first_line:]
        else:
            inside, irregular = _inside_pairs(tokens, quotes_before)
            fields -= np.diff(inside[(quotes_to - quotes_before) // 2], prepend=0)
            height = chosen + 1 - lines
            tall = height > 1
            doubt = tall & ((height > MOST_LINES) | (ends - starts > LONGEST_RECORD) | (fields != expected))
            holders = np.searchsorted(last, irregular)
            doubt[holders[holders < len(last)]] = True
    return _View(starts, ends, behind, lines, fields, tall, np.flatnonzero(doubt))


def _inside_pairs(tokens: _Tokens, first_quote: int) -> tuple[Positions, Positions]:
    """How many tokens are inside the first n pairs of quotes, for each n; and the quotes out of their place."""
    opening, closing = tokens.quotes[first_quote::2], tokens.quotes[first_quote + 1 :: 2]
    inside = np.concatenate([np.zeros(1, np.int64), np.cumsum(closing - opening[: len(closing)] - 1)])
    irregular = opening[~tokens.begins[first_quote::2]], closing[~tokens.ends[first_quote + 1 :: 2]]
    return inside, np.concatenate(irregular)


def _inside_by_line(tokens: _Tokens) -> tuple[Positions, Mask]:
    """How many tokens are inside quotes, for each line; and the lines that may be no record of their own.

    A line is one if its quotes pair up where fields begin and end, or if none of them begins a field and all of them
    are in one field.
    """
    count = len(tokens.line_ends)
    line = np.searchsorted(tokens.line_ends, tokens.quotes)
    whole = line < count
    line, quotes, begins, ends = line[whole], tokens.quotes[whole], tokens.begins[whole], tokens.ends[whole]
    before = np.concatenate([np.zeros(1, np.int64), tokens.quotes_before[:-1]])
    opening = (np.arange(len(line)) - before[line]) % 2 == 0
    amiss = np.zeros(count, np.bool_)
    amiss[line[~np.where(opening, begins, ends)]] = True
    amiss |= (tokens.quotes_before - before) % 2 == 1
    # A quote behind another one begins no field: either it is the second of a pair, or both are literal.
    alone = np.diff(tokens.at[quotes], prepend=-2) > 1
    with_field = np.zeros(count, np.bool_)
    with_field[line[begins & alone]] = True
    inside = np.zeros(count, np.int64)
    pairs = np.flatnonzero(opening[:-1] & ~opening[1:])
    np.add.at(inside, line[pairs], quotes[pairs + 1] - quotes[pairs] - 1)
    inside[amiss] = 0
    # The first and the last quote of a line, if no delimiter is between them, are as far apart as they are many.
    numbers = tokens.quotes_before - before
    some = np.flatnonzero(numbers)
    apart = np.zeros(count, np.bool_)
    apart[some] = tokens.quotes[tokens.quotes_before[some] - 1] - tokens.quotes[before[some]] + 1 != numbers[some]
    return inside, amiss & (with_field | apart)
