"""A program of its own: reads one SELECT with ConnectorX and writes it to standard output as an Arrow stream.

Its order comes as JSON on standard input: url, session (statements that come first), query, batch_rows, separators
(how many bytes 31 each row must hold, or 0; see `mariadb_rows`).
It is a process of its own because ConnectorX, inside ours, would hold up every other thread and Ctrl-C while the
server is silent, would keep rows in memory that are not yet taken, and would print values of a table when it panics.
Imports nothing of Tenure.
"""

import ctypes
import json
import signal
import sys
from collections.abc import Iterator
from io import IOBase
from typing import Any, cast

DISK_FAILED = 74
"""The exit code when the stream cannot be written."""
NOT_SEPARABLE = 65
"""The exit code when the cells of a row cannot be told apart."""

_PR_SET_PDEATHSIG = 1
_SEPARATOR = 0x1F


def main() -> int:
    """Read and write; the exit code says how it went, standard error is for the one who started it."""
    _end_with_parent()
    order: dict[str, Any] = json.load(sys.stdin)
    import connectorx
    import pyarrow as pa
    import pyarrow.ipc as ipc

    stream = connectorx.read_sql(
        order["url"],
        order["query"],
        return_type="arrow_stream",
        protocol="binary",
        pre_execution_query=order["session"],
        batch_size=order["batch_rows"],
    )
    assert isinstance(stream, pa.RecordBatchReader)
    try:
        sink = pa.PythonFile(cast(IOBase, sys.stdout.buffer))
        with sink, ipc.new_stream(sink, stream.schema) as writer:
            for batch in cast(Iterator[pa.RecordBatch], stream):
                if order["separators"] and not _separable(batch, order["separators"]):
                    return NOT_SEPARABLE
                writer.write_batch(batch)
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return DISK_FAILED
    return 0


def _separable(batch: Any, separators: int) -> bool:
    """Whether there are as many separators in the rows, each one text, as stand between their cells."""
    import numpy as np

    lines = batch.column(0)
    content = lines.buffers()[2]
    if lines.null_count or content is None:
        return not len(lines)
    # ConnectorX hands on each array with all of its buffers, and nothing else in them.
    return np.count_nonzero(np.frombuffer(content, np.uint8) == _SEPARATOR) == separators * len(lines)


def _end_with_parent() -> None:
    """Where the system can: when the process that started this one is killed, end too."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
