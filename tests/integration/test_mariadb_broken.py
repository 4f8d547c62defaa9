"""Servers that fail, wires that break and processes that die in the middle of a table: nothing half read, no trace."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tenure.contracts.model import Contract
from tenure.core.errors import SourceRefused, TenureError
from tenure.sources.mariadb import table_blocks
from tenure.sources.records import Block
from tests.integration.mariadb_relay import Relay, relay
from tests.integration.mariadb_server import MariaDBServer

pytestmark = pytest.mark.needs("mariadb")

ROWS = 100_000
HALF = 1_500_000
"""Bytes; the table has about twice as many."""

READ_A_TABLE = """
import os, sys
from pathlib import Path
from tenure.contracts.model import Contract
from tenure.sources.mariadb import table_blocks
contract = Contract.model_validate_json(sys.argv[1])
print(sum(block.records for block in table_blocks(contract, environment=os.environ, scratch=Path(sys.argv[2]))))
"""


@pytest.fixture(autouse=True, scope="module")
def _table(mariadb: MariaDBServer) -> None:
    mariadb.execute(
        "CREATE TABLE long_one (customer_id INT PRIMARY KEY, name VARCHAR(40))",
        f"INSERT INTO long_one SELECT seq, CONCAT('a customer by the name of ', seq) FROM seq_1_to_{ROWS}",
        "ANALYZE TABLE long_one",
    )


def through(wire: Relay, server: MariaDBServer) -> str:
    """The url of the server at the other end of a relay."""
    return server.url.replace(f":{server.port}/", f":{wire.port}/")


def blocks_until_refused(contract: Contract, environment: dict[str, str]) -> tuple[list[Block], TenureError]:
    """What was handed on before the error, and the error."""
    blocks: list[Block] = []
    with pytest.raises(TenureError) as caught:
        blocks.extend(table_blocks(contract, environment=environment))
    return blocks, caught.value


def test_a_wire_that_is_cut_in_the_middle_hands_on_nothing(
    mariadb: MariaDBServer,
    contract_for: Callable[..., Contract],
    environment: dict[str, str],
    capfd: pytest.CaptureFixture[str],
) -> None:
    with relay(mariadb.port, limit=HALF) as wire:
        contract = contract_for("long_one", url=through(wire, mariadb), name="string")
        blocks, error = blocks_until_refused(contract, environment)
        assert wire.reached.is_set()
        assert error.where == f"mariadb://reader@127.0.0.1:{wire.port}/bank table long_one"

    assert blocks == []
    assert isinstance(error, SourceRefused)
    assert "was not read to its end: the connection to the server broke; nothing was loaded" in error.what
    assert capfd.readouterr() == ("", "")


def test_the_same_table_over_a_whole_wire_is_read(
    mariadb: MariaDBServer, contract_for: Callable[..., Contract], environment: dict[str, str]
) -> None:
    with relay(mariadb.port, limit=100 * HALF) as wire:
        contract = contract_for("long_one", url=through(wire, mariadb), name="string")
        assert sum(block.records for block in table_blocks(contract, environment=environment)) == ROWS
        assert wire.passed > HALF


def test_an_error_of_the_server_in_the_middle_is_told_by_its_number_and_never_by_its_text(
    mariadb: MariaDBServer,
    contract_for: Callable[..., Contract],
    environment: dict[str, str],
    capfd: pytest.CaptureFixture[str],
) -> None:
    mariadb.execute(
        "CREATE FUNCTION stumble(id INT) RETURNS INT NOT DETERMINISTIC BEGIN"
        " IF id = 90000 THEN SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 30001, MESSAGE_TEXT = 'Omar Khalil'; END IF;"
        " RETURN id; END",
        "CREATE VIEW stumbling AS SELECT customer_id, stumble(customer_id) AS copy FROM long_one",
    )

    blocks, error = blocks_until_refused(contract_for("stumbling", copy="integer"), environment)

    assert blocks == []
    assert "(error 30001)" in error.what
    assert "Omar" not in str(error)
    assert capfd.readouterr() == ("", "")


def test_a_query_that_the_server_stops_is_told_as_such(
    mariadb: MariaDBServer, contract_for: Callable[..., Contract], environment: dict[str, str]
) -> None:
    mariadb.execute("SET GLOBAL max_statement_time = 0.2", "CREATE TABLE slow_one (customer_id INT PRIMARY KEY)")
    try:
        mariadb.execute(
            "INSERT INTO slow_one VALUES (1), (2)",
            "CREATE VIEW slow_view AS SELECT customer_id FROM slow_one WHERE SLEEP(0.2) = 0",
        )
        _, error = blocks_until_refused(contract_for("slow_view"), environment)
    finally:
        mariadb.execute("SET GLOBAL max_statement_time = 0")

    assert "longer than the server's max_statement_time allows (error 1969)" in error.what


def test_a_stream_of_another_length_than_the_server_counted_is_refused(
    mariadb: MariaDBServer, contract_for: Callable[..., Contract], environment: dict[str, str]
) -> None:
    # The view shows fewer rows with every time it is looked at: all 20 to the count, then 10 to the stream.
    mariadb.execute(
        "CREATE FUNCTION calls() RETURNS INT NOT DETERMINISTIC BEGIN"
        " SET @calls = IFNULL(@calls, 0) + 1; RETURN @calls; END",
        "CREATE VIEW shrinking AS SELECT customer_id FROM long_one WHERE customer_id <= 20 AND calls() <= 30",
    )

    _, error = blocks_until_refused(contract_for("shrinking"), environment)

    assert isinstance(error, SourceRefused)
    assert error.what == "has 20 rows, but 10 arrived; nothing was loaded"


def test_a_temporary_folder_without_room_is_named(
    mariadb: MariaDBServer, contract_for: Callable[..., Contract], environment: dict[str, str], tmp_path: Path
) -> None:
    done = subprocess.run(
        ["bash", "-c", 'ulimit -f 1000; exec "$0" "$@"', *command(contract_for("long_one", name="string"), tmp_path)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode != 0
    assert f"{mariadb.url} table long_one: the temporary folder does not hold all rows; nothing was" in done.stderr
    assert f"cure: make room in {tmp_path}" in done.stderr
    assert list(tmp_path.iterdir()) == []


def command(contract: Contract, scratch: Path) -> list[str]:
    """A program of its own that reads a contract's table and prints the number of rows."""
    return [sys.executable, "-c", READ_A_TABLE, contract.model_dump_json(by_alias=True), str(scratch)]


@contextmanager
def stalled(
    server: MariaDBServer, contract_for: Callable[..., Contract], environment: dict[str, str], scratch: Path
) -> Iterator[tuple["subprocess.Popen[str]", int]]:
    """A program that waits for a server gone silent in the middle of the table, and the number of its reader."""
    with relay(server.port, limit=HALF, silent=True) as wire:
        contract = contract_for("long_one", url=through(wire, server), name="string")
        program = subprocess.Popen(
            command(contract, scratch),
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert wire.reached.wait(30)
            (reader,) = children_of(program.pid)
            yield program, reader
        finally:
            program.kill()
            program.communicate()


def children_of(pid: int) -> list[int]:
    """Processes started by another."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def ends(pid: int) -> bool:
    """Whether a process is gone within ten seconds."""
    for _ in range(100):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.1)
    return False


def test_the_password_is_in_no_command_line_and_in_no_environment_of_the_reader(
    mariadb: MariaDBServer, contract_for: Callable[..., Contract], environment: dict[str, str], tmp_path: Path
) -> None:
    with stalled(mariadb, contract_for, environment, tmp_path) as (program, reader):
        secret = mariadb.password.encode()
        for pid in (program.pid, reader):
            assert secret not in Path(f"/proc/{pid}/cmdline").read_bytes()
        assert secret not in Path(f"/proc/{reader}/environ").read_bytes()
        assert secret in Path(f"/proc/{program.pid}/environ").read_bytes()


def test_rows_on_their_way_have_no_file_that_could_be_left_behind(
    mariadb: MariaDBServer, contract_for: Callable[..., Contract], environment: dict[str, str], tmp_path: Path
) -> None:
    with stalled(mariadb, contract_for, environment, tmp_path) as (_, reader):
        written = Path(f"/proc/{reader}/fd/1").readlink()
        assert str(written).startswith(str(tmp_path))
        assert list(tmp_path.iterdir()) == []


def test_ctrl_c_ends_a_reading_of_a_server_that_says_nothing(
    mariadb: MariaDBServer, contract_for: Callable[..., Contract], environment: dict[str, str], tmp_path: Path
) -> None:
    with stalled(mariadb, contract_for, environment, tmp_path) as (program, reader):
        program.send_signal(signal.SIGINT)
        _, complaint = program.communicate(timeout=10)

        assert "KeyboardInterrupt" in complaint
        assert ends(reader)


def test_the_reader_dies_with_a_program_that_is_killed(
    mariadb: MariaDBServer, contract_for: Callable[..., Contract], environment: dict[str, str], tmp_path: Path
) -> None:
    with stalled(mariadb, contract_for, environment, tmp_path) as (program, reader):
        program.kill()

        assert ends(reader)
