"""Reads a stretch of NDJSON at once with Arrow, typed and exact, and tells which lines it could not take.

What Arrow accepts here is a subset of what `json_record` accepts, with the same values: it finds
duplicate and unknown keys, and refuses to round. What it lets through is closed off: NaN and Infinity,
decimals beyond their precision, records that do not keep to their line.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import IO, Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import json as arrow_json

from tenure.contracts.columns import ColumnContract
from tenure.contracts.model import Contract
from tenure.sources.json_record import Number, Place, Scalar, read_record
from tenure.sources.record_spans import Mask, Spans

_PARSED_AT_ONCE = 1 << 20
_READ_ONE_BY_ONE = 1000  # lines; with so few, more attempts may cost more than reading them exactly
_MOSTLY = 0.9
_LOOKED_AT = 20

_SPACE = r"[ \t]*"
_STRING = r'"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9a-cA-CefEF][0-9a-fA-F]{3})*"'
_INTEGER = r"-?(?:0|[1-9][0-9]{0,17})"
_CANONICAL_INTEGER = r"(?:0|-?[1-9][0-9]{0,17})"
_NUMBER = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,2})?"


@dataclass
class StretchReader:
    """Reads stretches of one file; learns which kind of JSON value each column holds, and whether lines break.

    `types`: what Arrow is told to find in each column, by the contract's name. It starts as the
    contract's own type; a number that stands in quotes is read as a string, and a string column that
    holds integers as an integer. `screening`: look for the bad lines first, as the last stretch had some.
    """

    contract: Contract
    asked: Place
    types: dict[str, pa.DataType] = field(init=False)
    screening: bool = False

    def __post_init__(self) -> None:
        self.types = {name: _own_type(column) for name, column in self.contract.columns.items()}

    @property
    def possible(self) -> bool:
        """Whether Arrow can be asked for what the contract asks for: values of objects, not parts of arrays."""
        return self.asked.name is None and all(map(_plain, self.asked.members.values()))

    @property
    def nested(self) -> bool:
        """Whether values are asked for that stand in objects inside the record."""
        return any(place.members for place in self.asked.members.values())

    def read(self, spans: Spans, candidates: Mask) -> tuple[pa.Table | None, Mask]:
        """The records of the lines it could take, in the contract's columns, and which lines these are.

        `candidates`: the lines that may be tried: UTF-8, not blank, and each begins with an opening brace.
        """
        if not candidates.any():
            return None, candidates
        if not self.screening and not self._rewritten():
            table = self._attempt(spans, candidates)
            if table is not None:
                return table, candidates
        fitting = self._fitting(spans) & candidates
        if fitting.sum() < _MOSTLY * candidates.sum() and self._learn(spans, candidates & ~fitting):
            fitting = self._fitting(spans) & candidates
        self.screening = bool(fitting.sum() < candidates.sum())
        return self._largest(spans, fitting)

    def _largest(self, spans: Spans, lines: Mask) -> tuple[pa.Table | None, Mask]:
        """As much as can be taken of these lines, by halving what fails."""
        if not lines.any():
            return None, lines
        table = self._attempt(spans, lines)
        if table is not None:
            return table, lines
        self.screening = True
        places = np.flatnonzero(lines)
        if len(places) <= _READ_ONE_BY_ONE:
            return None, np.zeros_like(lines)
        tables: list[pa.Table] = []
        taken = np.zeros_like(lines)
        for half in np.array_split(places, 2):
            part = np.zeros_like(lines)
            part[half] = True
            table, part = self._largest(spans, part)
            if table is not None:
                tables.append(table)
                taken |= part
        return (pa.concat_tables(tables) if tables else None), taken

    def _attempt(self, spans: Spans, lines: Mask) -> pa.Table | None:
        """The records of exactly these lines, one a line, or None.

        Each line begins with an opening brace, and no flat record accepted here has a second one outside a
        string: so each line begins a record, and if there are as many records as lines, ends it too. Lines of
        nested records are known to be one object each by their brackets.
        """
        text = spans.joined(lines)
        longest = int((spans.ends - spans.starts)[lines].max())
        try:
            table = arrow_json.read_json(
                cast("IO[bytes]", pa.BufferReader(text)),  # the stubs know no file of Arrow's own
                arrow_json.ReadOptions(block_size=_PARSED_AT_ONCE if 2 * longest < _PARSED_AT_ONCE else len(text) + 1),
                arrow_json.ParseOptions(
                    explicit_schema=pa.schema(self._fields(self.asked)),
                    newlines_in_values=False,
                    unexpected_field_behavior="error",
                ),
            )
            found = dict(_columns(self.asked, table.column))
            columns = [found[name] for name in self.contract.columns]
            for column in columns:
                if pa.types.is_decimal(column.type):
                    column.validate(full=True)  # Arrow reads 1234 as DECIMAL(5,2) and finds the fault here
        except pa.ArrowInvalid:
            return None
        if table.num_rows != np.count_nonzero(lines):
            return None
        fractions = [column for column in columns if pa.types.is_floating(column.type)]
        if any(pc.all(pc.is_finite(column)).as_py() is False for column in fractions):
            return None
        rewritten = self._rewritten()
        columns = [
            column.cast(pa.string()) if name in rewritten else column
            for name, column in zip(self.contract.columns, columns, strict=True)
        ]
        return pa.table(columns, names=list(self.contract.columns))

    def _rewritten(self) -> set[str]:
        """Columns that are read as integers and become text: only sound where every literal is canonical."""
        own = self.contract.columns
        return {name for name, kind in self.types.items() if pa.types.is_int64(kind) and own[name].type != "integer"}

    def _fitting(self, spans: Spans) -> Mask:
        """Which lines look as Arrow needs them. A line too many or too few costs time, nothing else."""
        offsets = np.append(spans.starts, spans.ends[-1:]).astype(np.int32)
        lines = pa.Array.from_buffers(
            pa.binary(), len(spans), [None, pa.py_buffer(offsets.tobytes()), pa.py_buffer(spans.data)]
        )
        pattern = rf"^{_SPACE}{self._object(self.asked)}[ \t\r\n]*$"
        return pc.match_substring_regex(lines, pattern).to_numpy(zero_copy_only=False)

    def _fields(self, place: Place) -> "list[pa.Field[Any]]":
        """The members of an object as Arrow is told to find them."""
        return [
            pa.field(key, pa.struct(self._fields(inner)) if inner.name is None else self.types[inner.name])
            for key, inner in place.members.items()
        ]

    def _object(self, place: Place) -> str:
        """What an object looks like that holds only values asked for."""
        pairs = "|".join(
            rf"{re.escape(json.dumps(key, ensure_ascii=False))}{_SPACE}:{_SPACE}(?:null|"
            rf"{self._object(inner) if inner.name is None else self._literal(inner.name)})"
            for key, inner in place.members.items()
        )
        return rf"\{{{_SPACE}(?:(?:(?:{pairs}){_SPACE},{_SPACE})*(?:{pairs}){_SPACE})?\}}"

    def _literal(self, name: str) -> str:
        kind, column = self.types[name], self.contract.columns[name]
        if column.decimal and pa.types.is_decimal(kind):
            precision, scale = column.decimal
            whole = f"(?:0|[1-9][0-9]{{0,{precision - scale - 1}}})" if precision > scale else "0"
            number = whole + (rf"(?:\.[0-9]{{1,{scale}}})?" if scale else "")
            return f'-?{number}|"-?{number}"'
        if pa.types.is_int64(kind):
            return _INTEGER if column.type == "integer" else _CANONICAL_INTEGER
        if pa.types.is_floating(kind):
            return _NUMBER
        return "true|false" if pa.types.is_boolean(kind) else _STRING

    def _learn(self, spans: Spans, lines: Mask) -> bool:
        """Take the kinds of values from the first sound record among these lines; whether that changes anything."""
        for index in np.flatnonzero(lines)[:_LOOKED_AT].tolist():
            record = read_record(spans.record(index), self.asked)
            if isinstance(record, dict):
                before = dict(self.types)
                for name, value in record.items():
                    self.types[name] = _type_for(value, self.contract.columns[name], before[name])
                return self.types != before
        return False


def _plain(place: Place) -> bool:
    """A value, or an object of values: nothing that may be either."""
    if place.elements or place.as_json or (place.name is not None and place.members):
        return False
    return all(map(_plain, place.members.values()))


def _columns(place: Place, member: Callable[[str], Any]) -> "Iterator[tuple[str, pa.ChunkedArray[Any]]]":
    """The values asked for, by the contract's name; `member` gives those of one key."""
    for key, inner in place.members.items():
        found = member(key)
        if inner.name is None:
            yield from _columns(inner, partial(_inside, found))
        else:
            yield inner.name, found


def _inside(objects: Any, key: str) -> Any:
    return cast("Any", pc.struct_field)(objects, [key])


def _own_type(column: ColumnContract) -> pa.DataType:
    if column.decimal:
        return pa.decimal128(*column.decimal)
    known = {"integer": pa.int64(), "boolean": pa.bool_(), "number": pa.float64()}
    return known.get(column.type, pa.string())


def _type_for(value: Scalar, column: ColumnContract, now: pa.DataType) -> pa.DataType:
    own = _own_type(column)
    if isinstance(value, str):
        return own if column.decimal else pa.string()
    if isinstance(value, bool):
        return own if pa.types.is_boolean(own) else now
    if isinstance(value, Number):
        return own if column.decimal or column.type in {"integer", "number"} else pa.int64()
    return now
