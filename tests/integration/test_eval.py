"""`tenure eval` asks a source's own server, and cannot change anything there."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command import Command
from tests.integration.mariadb_server import MariaDBServer

pytestmark = pytest.mark.needs("mariadb")


@pytest.fixture
def tenure(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(monkeypatch, capsys)


@pytest.fixture(scope="module", autouse=True)
def _table(mariadb: MariaDBServer) -> None:
    mariadb.execute(
        "CREATE TABLE asked (id INT PRIMARY KEY, amount DECIMAL(30,10), at DATETIME(6), day DATE, took TIME, raw BLOB,"
        " name VARCHAR(20), flags BIT(4), bin BINARY(2))",
    )
    with mariadb.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SET sql_mode = ''")
        cursor.execute(
            "INSERT INTO asked VALUES (1, 12345678901234567890.0123456789, '2025-01-02 03:04:05.678901', '0000-00-00',"
            " '-12:30:00', X'00FF', 'Zoë 😀', b'1010', X'4142'), (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)"
        )


@pytest.fixture(autouse=True)
def _password(mariadb: MariaDBServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENURE_EVAL_PASSWORD", mariadb.password)


def test_a_question_is_answered_as_the_server_writes_it(tenure: Command, mariadb: MariaDBServer) -> None:
    ran = tenure("eval", mariadb.url, "SELECT *, COUNT(*) OVER () AS n FROM asked ORDER BY id", "--json")

    assert ran.code == 0, ran.err
    assert ran.document[0] == {
        "id": 1,
        "amount": "12345678901234567890.0123456789",
        "at": "2025-01-02 03:04:05.678901",
        "day": "0000-00-00",
        "took": "-12:30:00",
        "raw": "0x00FF",
        "name": "Zoë 😀",
        "flags": "0x0A",
        "bin": "0x4142",
        "n": 2,
    }
    assert set(ran.document[1].values()) == {2, None}


def test_other_questions_and_formats(tenure: Command, mariadb: MariaDBServer) -> None:
    assert "asked" in tenure("eval", mariadb.url, "SHOW TABLES").out
    assert tenure("eval", mariadb.url, "# how many\n(SELECT 1 AS a, 'x' AS a)", "--format", "csv").out == "a,a_1\n1,x\n"
    assert "amount" in tenure("eval", mariadb.url, "DESCRIBE asked").out
    assert tenure("eval", mariadb.url, "WITH t AS (SELECT 'INTO OUTFILE' AS x) SELECT * FROM t").code == 0


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO asked (id) VALUES (9)",
        "UPDATE asked SET name = 'x'",
        "DELETE FROM asked",
        "DROP TABLE asked",
        "TRUNCATE asked",
        "CREATE TABLE other (a INT)",
        "SET GLOBAL max_connections = 10",
        "COMMIT",
        "KILL 1",
        "SHUTDOWN",
        "CALL p()",
        "FLUSH TABLES",
        "SELECT 1 INTO OUTFILE '{folder}/x'",
        "SELECT 'a\\' INTO OUTFILE ', 1 INTO OUTFILE '{folder}/x'",
        "SELECT 1 INTO/**/DUMPFILE '{folder}/x'",
        "SELECT 1 /*! INTO OUTFILE '{folder}/x' */",
        "/*M! DROP TABLE asked */",
        "WITH t AS (SELECT 1 AS id) DELETE FROM asked",
        "SELECT 1; DROP TABLE asked",
        "EXPLAIN SELECT 1; DROP TABLE asked",
        "ANALYZE UPDATE asked SET name = 'x'",
        "",
        "# nothing",
    ],
)
def test_what_is_no_question_is_refused(
    tenure: Command, mariadb: MariaDBServer, statement: str, tmp_path: Path
) -> None:
    tmp_path.chmod(0o777)

    ran = tenure("eval", mariadb.url, statement.replace("{folder}", str(tmp_path)))

    assert ran.code in (1, 2) and ran.out == ""
    assert "cure: " in ran.err
    assert list(tmp_path.iterdir()) == []
    assert tenure("eval", mariadb.url, "SELECT COUNT(*), MIN(name) FROM asked", "--format", "csv").out.endswith(
        "\n2,Zoë 😀\n"
    )


def test_the_server_refuses_a_question_that_writes_and_that_is_told(tenure: Command, mariadb: MariaDBServer) -> None:
    mariadb.execute("CREATE SEQUENCE IF NOT EXISTS counted")

    ran = tenure("eval", mariadb.url, "SELECT NEXTVAL(counted)")

    assert ran.code == 2
    assert "the server refused: it would change something" in ran.err


def test_a_mistake_is_told_in_the_servers_words(tenure: Command, mariadb: MariaDBServer) -> None:
    ran = tenure("eval", mariadb.url, "SELECT nothing FROM asked")

    assert ran.code == 1
    assert "Unknown column 'nothing'" in ran.err and "(error 1054)" in ran.err


def test_a_source_is_asked_with_the_account_of_its_contract(
    tenure: Command, mariadb: MariaDBServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenure("init", tmp_path / "mybank", "--template", "bank")
    (tmp_path / "mybank" / "sources" / "crm.yml").write_text(
        f"source: crm\nentity: customers\nkind: mariadb\nurl: {mariadb.url}\ntable: asked\nkey: [customer_id]\n"
        "columns:\n  customer_id: {type: integer, from: id}\n"
    )
    monkeypatch.delenv("TENURE_EVAL_PASSWORD")
    monkeypatch.setenv("TENURE_CRM_PASSWORD", mariadb.password)
    project = ("--project", tmp_path / "mybank")

    assert tenure("eval", "crm", "SELECT COUNT(*) AS n FROM asked", "--json", *project).document == [{"n": 2}]

    refused = tenure("eval", "usage", "SELECT 1", *project)
    assert refused.code == 2
    assert "the sources with a server are crm" in refused.err
    assert tenure("eval", "crm", "SELECT 1", "--tls", "required", *project).code == 2


def test_a_missing_password_and_a_server_that_is_not_there_are_told(
    tenure: Command, mariadb: MariaDBServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tenure("eval", mariadb.url.replace(f":{mariadb.port}/", ":1/"), "SELECT 1")
    assert "the server cannot be reached" in gone.err
    monkeypatch.setenv("TENURE_EVAL_PASSWORD", "wrong")
    assert "refused user or password (error 1045)" in tenure("eval", mariadb.url, "SELECT 1").err
    monkeypatch.delenv("TENURE_EVAL_PASSWORD")
    assert "set TENURE_EVAL_PASSWORD" in tenure("eval", mariadb.url, "SELECT 1").err


def test_a_person_at_a_terminal_is_asked_for_the_password_which_is_not_shown(mariadb: MariaDBServer) -> None:
    leader, follower = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name != "TENURE_EVAL_PASSWORD"}
    command = [sys.executable, "-m", "tenure", "eval", mariadb.url, "SELECT 6 * 7 AS answer", "--format", "csv"]

    process = subprocess.Popen(
        command, stdin=follower, stdout=subprocess.PIPE, stderr=follower, env=environment, start_new_session=True
    )
    os.close(follower)
    shown = b""
    while not shown.endswith(b": "):  # what is typed before the prompt is whole is thrown away
        shown += os.read(leader, 1000)
    os.write(leader, f"{mariadb.password}\n".encode())
    out, _ = process.communicate(timeout=60)
    shown += os.read(leader, 1000)
    os.close(leader)

    assert (process.returncode, out) == (0, b"answer\n42\n"), shown
    assert shown.startswith(b"Password: ")
    assert mariadb.password.encode() not in shown
