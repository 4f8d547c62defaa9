"""How far the work is: about how many records to expect, the bar on a terminal, the seconds of each source."""

import gzip
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tenure.sources.expected import expected_records
from tests.command import Command
from tests.reference_case import make_reference_project


def test_a_small_file_is_counted_and_a_large_one_estimated(tmp_path: Path) -> None:
    (tmp_path / "small.csv").write_text("a,b\n1,2\n3,4\n")
    (tmp_path / "large.csv").write_text("0123456789\n" * 500_000)

    assert expected_records(tmp_path / "small.csv") == 3
    assert expected_records(tmp_path / "large.csv") == 500_000


def test_a_parquet_file_says_it_itself(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": range(1000)}), tmp_path / "x.parquet")

    assert expected_records(tmp_path / "x.parquet") == 1000


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no end of line",
        gzip.compress(b"a\n" * 99, mtime=0),
        b'[\n{"a": 1},\n{"a": 2}\n]\n',
        b'{\n"a": 1\n}\n',
        b"PAR1 broken\n",
    ],
)
def test_what_a_look_does_not_tell_is_not_guessed(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(content)

    assert expected_records(tmp_path / "x") is None
    assert expected_records(tmp_path / "absent") is None


def test_each_source_is_told_with_its_counts_and_seconds(tenure: Command, tmp_path: Path) -> None:
    project = make_reference_project(tmp_path / "mybank")

    told = tenure("ingest", "--project", project.root, "--date", "2025-10-02").out
    again = tenure("ingest", "--project", project.root, "--date", "2025-10-02", "--json").document

    assert told.splitlines()[0].split()[-2:] == ["refused", "seconds"]
    assert [line.split()[:4] for line in told.splitlines()[2:6]] == [
        [name, "1", "20", "20"] for name in ("customers", "offers", "tickets", "usage")
    ]
    assert all(isinstance(load["seconds"], float) for load in again["loads"])


def test_a_terminal_shows_a_bar_with_the_rate_and_the_time_left(tmp_path: Path) -> None:
    project = make_reference_project(tmp_path / "mybank")
    rows = "".join(f"{1000 + number},1,Cashback,1,2025-09-01\n" for number in range(200_000))
    (project.root / "landing" / "offers_many.csv").write_text(
        f"offer_id,customer_id,offer_type,accepted,date_offered\n{rows}"
    )
    leader, follower = pty.openpty()

    process = subprocess.Popen(
        [sys.executable, "-m", "tenure", "ingest", "offers", "--project", project.root],
        stdout=subprocess.PIPE,
        stderr=follower,
        env={**os.environ, "COLUMNS": "160", "TERM": "xterm"},
    )
    os.close(follower)
    drawn = b"".join(iter(lambda: _read(leader), b"")).decode()
    process.communicate()
    os.close(leader)

    assert process.returncode == 0
    assert "reading landing/offers_many.csv" in drawn
    assert re.search(r"200,000 rows, [\d,]+/s, 0:00:00 left", drawn)


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # the other end has closed it
        return b""
