"""An export that is killed leaves the table as it was or as it was to be, and the next one ends what it began."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.integration.export_cases import DATABASE, Export, built, export, tenure

pytestmark = pytest.mark.needs("mariadb")
__all__ = ["built", "export", "tenure"]

ROWS = 30_000
BEFORE = (ROWS // 2, ROWS // 2)
AFTER = (ROWS, ROWS * 7)
STAGES = {
    "sending": "INSERT INTO tenure_sent %",
    "fitting": "INSERT INTO tenure_fitted %",
    "counting": "SELECT COUNT(*)%tenure_target%",
    "updating": "UPDATE tenure_fitted %",
    "inserting": "INSERT INTO `_%`%LEFT JOIN%",
}
STAGED = {"copying": "INSERT INTO `t_tenure_new`%SELECT%FROM `t`%", "renaming": "RENAME TABLE %"}


@pytest.mark.parametrize(
    ("stage", "staging"),
    [*((stage, ()) for stage in STAGES), *((stage, ("--staging",)) for stage in ("updating", *STAGED))],
)
def test_an_export_that_is_killed(export: Export, stage: str, staging: tuple[str, ...]) -> None:
    export.on_server(
        "CREATE TABLE t (id INT PRIMARY KEY, n INT, text VARCHAR(99))",
        f"INSERT INTO t SELECT seq - 1, 1, REPEAT('x', 80) FROM seq_1_to_{ROWS // 2}",
    )
    words = ("--sql", f"SELECT range AS id, 7 AS n, repeat('y', 80) AS text FROM range({ROWS})")
    words = (*words, "--table", "t", "--mode", "upsert", *staging)
    command = [sys.executable, "-m", "tenure", "export", "mariadb", *words, "--to", export.url]

    process = subprocess.Popen(
        [*command, "--project", str(export.project)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=dict(os.environ),
    )
    reached = _wait(export, process, {**STAGES, **STAGED}[stage])
    process.send_signal(signal.SIGKILL)
    process.wait()
    _until_alone(export)

    found = export.rows("SELECT COUNT(*), SUM(n) FROM t")
    assert reached or (stage not in {"sending", "updating"} and found == [AFTER])
    assert found in ([BEFORE], [AFTER])
    assert export.counts(*words)[3] == 0
    assert export.rows("SELECT COUNT(*), SUM(n) FROM t") == [AFTER]
    assert export.tables() == {"t"}


def _wait(export: Export, process: "subprocess.Popen[bytes]", statement: str) -> bool:
    """Whether the server was seen at this statement before the export ended."""
    with export.server.connect() as connection, connection.cursor() as cursor:
        while process.poll() is None:
            cursor.execute(
                "SELECT COUNT(*) FROM information_schema.processlist WHERE db = %s AND info LIKE %s",
                (DATABASE, statement),
            )
            if cursor.fetchall()[0][0]:
                return True
            time.sleep(0.001)
    return False


def _until_alone(export: Export) -> None:
    """Until the server has noticed that the other end is gone."""
    with export.server.connect() as connection, connection.cursor() as cursor:
        for _ in range(600):
            cursor.execute("SELECT COUNT(*) FROM information_schema.processlist WHERE db = %s", (DATABASE,))
            if not cursor.fetchall()[0][0]:
                return
            time.sleep(0.05)
    raise AssertionError("the server still works for a client that is gone")
