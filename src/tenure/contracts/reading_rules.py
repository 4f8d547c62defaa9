"""What a contract may say of the reading of a server, and what its words come to."""

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from tenure.contracts.mistakes import Mistake
from tenure.contracts.server_reading import ServerReading

if TYPE_CHECKING:
    from tenure.contracts.model import Contract

Point = int | date | datetime
"""A value of a watermark's column; datetimes have no zone."""

INCREMENTAL = frozenset({"append", "lastmodified"})
_GROWS: Mapping[str, type] = {"integer": int, "timestamp": datetime, "date": date}
_STEP = re.compile(r"(0|[1-9][0-9]{0,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_DEFAULT_NUMBER = 10_000
_DEFAULT_TIME = "1d"


def expect_reading(contract: "Contract") -> None:
    """Raises `Mistake` where words about a server do not fit the kind, the mode, or each other."""
    if contract.kind != "mariadb":
        given = [name for name in ServerReading.model_fields if name in contract.model_fields_set]
        if given:
            raise Mistake(f"{given[0]} is for kind: mariadb", given[0])
        if contract.mode in INCREMENTAL:
            raise Mistake(f"mode: {contract.mode} is for kind: mariadb", "mode")
        return
    _expect_rows(contract)
    _expect_split(contract)
    _expect_watermark(contract)


def _expect_rows(contract: "Contract") -> None:
    if not contract.url or bool(contract.table) == bool(contract.query):
        raise Mistake("a mariadb source needs url, and either table or query", "query" if contract.query else "kind")
    for word in ("query", "boundary"):
        text = getattr(contract, word)
        if text is not None and not re.match(r"(?is)\s*(select|with|values|\()", text):
            raise Mistake(f"{word} must be a SELECT", word)
    for word in ("query", "where", "boundary"):
        text = getattr(contract, word)
        if text is not None and (not text.strip() or text.rstrip().endswith(";")):
            raise Mistake(f"{word} must be one piece of SQL, without a semicolon at its end", word)


def _expect_split(contract: "Contract") -> None:
    if contract.parallel == 1:
        word = "split_by" if contract.split_by else "boundary" if contract.boundary else None
        if word:
            raise Mistake(f"{word} is for parallel: 2 or more", word)
        return
    if contract.query:
        raise Mistake("a query is read by one connection: only of a table can several see the same state", "parallel")
    if not contract.split_by and len(contract.key) != 1:
        raise Mistake("parallel needs split_by: the column whose values are divided", "parallel")


def _expect_watermark(contract: "Contract") -> None:
    if contract.mode not in INCREMENTAL:
        word = "watermark" if contract.watermark else "reconcile" if contract.reconcile != "never" else None
        if word:
            raise Mistake(f"{word} is for mode: append or lastmodified", word)
        return
    if contract.keyless:
        raise Mistake(f"mode: {contract.mode} needs a key, by which a row is known when it is read again", "keyless")
    name = watermark_column(contract)
    if name is None:
        raise Mistake(f"mode: {contract.mode} needs watermark: {{column: …}}, a column that grows", "mode")
    column = contract.columns.get(name)
    if column is None or not column.is_read or column.is_rewritten:
        raise Mistake(f"'{name}' is not a column that is taken as the server has it", "watermark", "column")
    if column.type not in _GROWS:
        raise Mistake(f"{name} is {column.type}; a watermark is an integer, timestamp or date", "watermark", "column")
    overlap(contract)
    start(contract)


def watermark_column(contract: "Contract") -> str | None:
    """The contract's name of the column by which new rows are told: of `append`, the key unless it says otherwise."""
    if contract.watermark:
        return contract.watermark.column
    whole = len(contract.key) == 1 and contract.key[0] in contract.columns
    appends = contract.mode == "append" and whole and contract.columns[contract.key[0]].type == "integer"
    return contract.key[0] if appends else None


def overlap(contract: "Contract") -> int | timedelta:
    """How far back each run begins; raises `Mistake` when that does not fit the watermark's type."""
    name = str(watermark_column(contract))
    type_ = contract.columns[name].type
    given = contract.watermark.overlap if contract.watermark else None
    if type_ == "integer":
        number = _DEFAULT_NUMBER if given is None else given
        if isinstance(number, int) and number >= 0:
            return number
        raise Mistake(f"overlap of {name}, an integer, is a number such as 10000", "watermark", "overlap")
    step = _STEP.fullmatch(str(_DEFAULT_TIME if given is None else given))
    if step is None or (type_ == "date" and step[2] != "d"):
        example = "such as 1d" if type_ == "date" else "such as 90s, 15m, 2h or 1d"
        raise Mistake(f"overlap of {name}, a {type_}, is a length of time {example}", "watermark", "overlap")
    return timedelta(**{_UNITS[step[2]]: int(step[1])})


def start(contract: "Contract") -> Point | None:
    """Where the first run begins; raises `Mistake` for a value that is not of the watermark's type."""
    if contract.watermark is None or contract.watermark.start is None:
        return None
    given, type_ = contract.watermark.start, contract.columns[contract.watermark.column].type
    try:
        return point(str(given), type_)
    except ValueError:
        raise Mistake(f"start: {given} is not a value of type {type_}", "watermark", "start") from None


def point(text: str, type_: str) -> Point:
    """A watermark from its text; raises `ValueError` for one that is none."""
    if type_ == "integer":
        return int(text)
    return date.fromisoformat(text) if type_ == "date" else datetime.fromisoformat(text).replace(tzinfo=None)


def reconcile_after(contract: "Contract") -> timedelta | None:
    """After how long an incremental source is compared with the whole table; None: never, zero: at every run."""
    if contract.reconcile == "never":
        return None
    return timedelta() if contract.reconcile == "always" else timedelta(days=int(contract.reconcile[:-1]))
