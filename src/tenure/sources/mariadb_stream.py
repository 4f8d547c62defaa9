"""Brings the rows of a SELECT over as Arrow batches, all from one snapshot, or fails as a whole.

A reader process (or several, each with a SELECT of its own) writes the rows to an unnamed temporary file as fast as
the server gives them, and only when it has them all are they handed on. So the server's snapshot is held no longer
than the transfer takes, however long the checks run afterwards; memory holds a few batches; a broken connection hands
on nothing at all; and the rows can be gone through a second time as they were.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from io import IOBase
from pathlib import Path
from typing import IO, cast

import pyarrow as pa
import pyarrow.ipc as ipc

from tenure.core.errors import SourceRefused, TenureError
from tenure.sources import mariadb_reader
from tenure.sources.mariadb_address import Address

_SESSION = (
    # The collation is named because later servers give utf8mb4 another one, by which ConnectorX does not know text.
    "SET NAMES utf8mb4 COLLATE utf8mb4_general_ci",
    "SET SESSION time_zone = '+00:00', sql_mode = ''",
    "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
)
_BATCH_BYTES = 16 << 20
_MOST_ROWS = 1 << 16
_UNKNOWN_WIDTH = 2048
_SERVER_ERROR = re.compile(r"ERROR (\d{4,5}) \(")

_REASONS = {
    1044: "this user may not read the database",
    1045: "the server refused user or password",
    1054: "the SQL of the contract names a column that is not there",
    1064: "the SQL of the contract cannot be understood",
    1142: "this user may not read the table",
    1143: "this user may not read one of the columns",
    1146: "the table has gone",
    1205: "the table was locked for too long",
    1317: "the server was told to stop the query",
    1356: "the view refers to something that has gone or that its definer may not read",
    1927: "the server was told to end the connection",
    1969: "the query took longer than the server's max_statement_time allows",
}


def rows_at_a_time(average_row_bytes: int) -> int:
    """How many rows to take at a time, so that a batch of wide rows stays small too; 0 is an unknown width."""
    return max(16, min(_MOST_ROWS, _BATCH_BYTES // (average_row_bytes or _UNKNOWN_WIDTH)))


class NotSeparable(Exception):
    """A cell holds the separator of cells, or a row is too large to be one text."""


@dataclass(frozen=True)
class Order:
    """One SELECT for one reader.

    `separators` stand in each of its rows (0: do not look); `begins` are statements between the snapshot and the
    SELECT.
    """

    query: str
    rows_at_a_time: int
    separators: int
    begins: tuple[str, ...] = ()


def fetch(
    address: Address,
    orders: Sequence[Order],
    *,
    where: str,
    scratch: Path | None,
    started: Callable[[Callable[[], bool]], None] = lambda running: None,
) -> Sequence[IO[bytes]]:
    """The rows of each order in an unnamed temporary file in `scratch`, by default the system's folder for such files.

    The caller closes them. `started` is called once all readers run, with a function that tells whether all still do.
    Raises `SourceRefused` when the server fails or the connection breaks, and `NotSeparable`.
    """
    # No file has a name: a killed process leaves no rows of the table behind on the disk.
    with ExitStack() as opened:
        try:
            if scratch:
                scratch.mkdir(parents=True, exist_ok=True)
            spools = [opened.enter_context(tempfile.TemporaryFile(dir=scratch)) for _ in orders]
            complaints = [opened.enter_context(tempfile.TemporaryFile(dir=scratch)) for _ in orders]
        except OSError as error:
            raise _no_room(f"the temporary folder cannot be used ({error.strerror})", where, scratch) from error
        with ExitStack() as running:
            readers: list[subprocess.Popen[bytes]] = []
            for order, spool, complaint in zip(orders, spools, complaints, strict=True):
                reader = running.enter_context(_reader(address, order, spool, complaint))
                running.callback(reader.kill)  # of one that has ended it is nothing; of the others, if one fails
                readers.append(reader)
            started(lambda: all(reader.poll() is None for reader in readers))
            for reader, complaint in zip(readers, complaints, strict=True):
                if reader.wait() == mariadb_reader.NOT_SEPARABLE:
                    raise NotSeparable
                if reader.returncode:
                    complaint.seek(0)
                    raise _failure(reader.returncode, complaint.read().decode(errors="replace"), where, scratch)
        for complaint in complaints:
            complaint.close()
        opened.pop_all()
        return spools


def _reader(address: Address, order: Order, spool: IO[bytes], complaint: IO[bytes]) -> "subprocess.Popen[bytes]":
    """A reader at work on an order."""
    told = {
        "url": address.secret_url(),
        "session": [*_SESSION, *order.begins],
        "query": order.query,
        "batch_rows": order.rows_at_a_time,
        "separators": order.separators,
    }
    reader = subprocess.Popen(  # noqa: S603 - our own program, and no word of its command line comes from outside
        [sys.executable, "-P", mariadb_reader.__file__],
        stdin=subprocess.PIPE,
        stdout=spool,
        stderr=complaint,
        env=_environment(address),
    )
    assert reader.stdin is not None
    with suppress(BrokenPipeError):  # a reader that could not begin is told by its exit code
        reader.stdin.write(json.dumps(told).encode())
    with suppress(BrokenPipeError):
        reader.stdin.close()
    return reader


def batches(spool: IO[bytes]) -> Iterator[pa.RecordBatch]:
    """The fetched rows, from the first to the last."""
    spool.seek(0)
    with ipc.open_stream(cast(IOBase, spool)) as reader:
        yield from reader


def _environment(address: Address) -> dict[str, str]:
    """Our own, without what concerns only Tenure, such as passwords, and with a driver that says little."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TENURE_")}
    trust = address.trust_file()
    return {**kept, "RUST_LOG": "off", "RUST_BACKTRACE": "0", **({"SSL_CERT_FILE": trust} if trust else {})}


def _failure(code: int, complaint: str, where: str, scratch: Path | None) -> TenureError:
    """What to tell a person. The complaint itself may quote a cell of the table, so only its number is used."""
    if code == mariadb_reader.DISK_FAILED:
        return _no_room("the temporary folder does not hold all rows", where, scratch)
    found = _SERVER_ERROR.search(complaint)
    if found:
        number = int(found[1])
        reason = f"{_REASONS.get(number, 'the server reported an error')} (error {number})"
    elif code < 0:
        reason = f"the reader was ended by signal {-code}"
    else:
        reason = "the connection to the server broke"
    return SourceRefused(
        f"was not read to its end: {reason}; nothing was loaded",
        where=where,
        cure="run again; if it happens again, look into the server's error log",
    )


def _no_room(what: str, where: str, scratch: Path | None) -> TenureError:
    folder = scratch or os.environ.get("TMPDIR", "the system's temporary folder")
    return TenureError(
        f"{what}; nothing was loaded", where=where, cure=f"make room in {folder}: as much as the table has of data"
    )
