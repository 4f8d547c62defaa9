"""The reference case from end to end on the command line, with its customers in a real MariaDB server."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.mariadb_server import MariaDBServer
from tests.reference_case import SEED, comparable, expected

pytestmark = pytest.mark.needs("mariadb")

FROM_A_FILE = """kind: csv
path: landing/customers*.csv
"""


class CommandLine:
    """The command `tenure` in a project, with the password of its customers in the environment."""

    def __init__(self, project: Path, password: str) -> None:
        self.project = project
        self.environment = {**os.environ, "TENURE_CUSTOMERS_PASSWORD": password}

    def __call__(self, *words: str, code: int = 0) -> str:
        """What the command prints; its exit code must be `code`."""
        done = subprocess.run(
            [sys.executable, "-m", "tenure", *words],
            cwd=self.project,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert self.environment["TENURE_CUSTOMERS_PASSWORD"] not in done.stdout + done.stderr
        return done.stdout

    def json(self, *words: str, code: int = 0) -> Any:
        """What the command says to a machine."""
        return json.loads(self(*words, "--json", code=code))


def point_customers_at(project: Path, url: str) -> None:
    """Change the contract of the customers as the how-to says."""
    contract = project / "sources" / "customers.yml"
    text = contract.read_text(encoding="utf-8")
    assert FROM_A_FILE in text
    lines = text.replace(FROM_A_FILE, f"kind: mariadb\nurl: {url}\ntable: customers\n").splitlines()
    contract.write_text("\n".join(line for line in lines if not line.startswith("effective:")) + "\n", encoding="utf-8")


@pytest.fixture(scope="module")
def tenure(mariadb: MariaDBServer, tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """A project whose customers come from the server, after one run."""
    mariadb.script((SEED / "customers.sql").read_bytes().replace(b"SIC", b"reference"))
    folder = tmp_path_factory.mktemp("reference") / "mybank"
    tenure = CommandLine(folder.parent, mariadb.password)
    tenure("init", str(folder), "--template", "bank")
    tenure.project = folder
    for name in ("customer_support_tickets.csv", "offers.csv", "usage.json"):
        (folder / "landing" / name).write_bytes((SEED / name).read_bytes())
    point_customers_at(folder, mariadb.url.replace("/bank", "/reference"))
    tenure("run", "--date", "2025-10-02")
    return tenure


def test_overall_churn_is_thirty_five_percent(tenure: CommandLine) -> None:
    (row,) = tenure.json("report", "churn_overall")["rows"]

    assert comparable(row["churn_rate_percentage"]) == "35"


@pytest.mark.parametrize(
    "report", ["churn_overall", "churn_by_geography_age", "support_impact", "balance_by_geography"]
)
def test_a_report_prints_the_values_of_the_document(report: str, tenure: CommandLine) -> None:
    rows = tenure.json("report", report)["rows"]

    columns = list(expected(report)[0])
    found = sorted(tuple(comparable(row[column]) for column in columns) for row in rows)
    assert found == sorted(tuple(comparable(row[column]) for column in columns) for row in expected(report))


def test_the_password_is_nowhere_in_the_project(tenure: CommandLine, mariadb: MariaDBServer) -> None:
    secret = mariadb.password.encode()

    files = [path for path in tenure.project.rglob("*") if path.is_file()]
    assert len(files) > 20
    assert [path for path in files if secret in path.read_bytes()] == []


def test_a_second_run_takes_the_unchanged_table_for_what_it_is(tenure: CommandLine) -> None:
    before = tenure.json("sql", "SELECT * FROM dim_customer ORDER BY ALL")

    (outcome,) = tenure.json("ingest", "customers", "--date", "2025-10-02")["loads"]

    assert (outcome["records_in"], outcome["unchanged"], outcome["loaded"]) == (20, 20, 0)
    assert tenure.json("sql", "SELECT * FROM dim_customer ORDER BY ALL") == before


def test_rows_that_break_the_contract_are_set_apart_with_their_text(mariadb: MariaDBServer, tmp_path: Path) -> None:
    mariadb.script((SEED / "customers.sql").read_bytes().replace(b"SIC", b"dirty"))
    with mariadb.connect(database="dirty") as connection, connection.cursor() as cursor:
        cursor.execute("SET sql_mode = ''")
        cursor.execute("UPDATE customers SET date_opened = '0000-00-00' WHERE customer_id = 3")
        cursor.execute("UPDATE customers SET is_active = 2 WHERE customer_id = 5")
        cursor.execute("UPDATE customers SET age = 300, first_name = 'Zoë' WHERE customer_id = 7")
    tenure = CommandLine(tmp_path, mariadb.password)
    tenure("init", str(tmp_path / "mybank"), "--template", "bank")
    tenure.project = tmp_path / "mybank"
    point_customers_at(tenure.project, mariadb.url.replace("/bank", "/dirty"))

    (outcome,) = tenure.json("ingest", "customers", "--date", "2025-10-02")["loads"]
    rows = tenure.json("quarantine", "show", "customers")

    assert (outcome["records_in"], outcome["loaded"], outcome["quarantined"]) == (20, 17, 3)
    assert [(row["line"], row["column"], row["rule"]) for row in rows] == [
        (3, "date_opened", "type"),
        (5, "is_active", "type"),
        (7, "age", "range"),
    ]
    records = [json.loads(row["text"]) for row in rows]
    assert records[0]["date_opened"] == "0000-00-00"
    assert records[1]["is_active"] == "2"
    assert (records[2]["age"], records[2]["first_name"]) == ("300", "Zoë")


def test_a_server_that_is_gone_is_told_and_the_release_stays(tenure: CommandLine, mariadb: MariaDBServer) -> None:
    contract = tenure.project / "sources" / "customers.yml"
    text = contract.read_text(encoding="utf-8")
    contract.write_text(text.replace(f":{mariadb.port}/", ":1/"), encoding="utf-8")
    try:
        answer = tenure.json("ingest", "customers", "--date", "2025-10-03", code=1)
    finally:
        contract.write_text(text, encoding="utf-8")

    (outcome,) = answer["loads"]
    assert outcome["status"] == "refused"
    assert "mariadb://reader@127.0.0.1:1/reference: the server cannot be reached" in outcome["reason"]
    (row,) = tenure.json("report", "churn_overall")["rows"]
    assert comparable(row["churn_rate_percentage"]) == "35"


def test_rows_that_contradict_each_other_are_set_apart_with_their_text(mariadb: MariaDBServer, tmp_path: Path) -> None:
    mariadb.script((SEED / "customers.sql").read_bytes().replace(b"SIC", b"twice"))
    mariadb.execute(
        "ALTER TABLE customers MODIFY customer_id INT, DROP PRIMARY KEY",
        "INSERT INTO customers SELECT customer_id, 'Another', last_name, age, gender, geography, is_active,"
        " tenure_months, date_opened FROM customers WHERE customer_id = 7",
        database="twice",
    )
    tenure = CommandLine(tmp_path, mariadb.password)
    tenure("init", str(tmp_path / "mybank"), "--template", "bank")
    tenure.project = tmp_path / "mybank"
    point_customers_at(tenure.project, mariadb.url.replace("/bank", "/twice"))

    (outcome,) = tenure.json("ingest", "customers", "--date", "2025-10-02")["loads"]
    rows = tenure.json("quarantine", "show", "customers")

    assert (outcome["records_in"], outcome["loaded"], outcome["quarantined"]) == (21, 19, 2)
    records = [json.loads(row["text"]) for row in rows]
    assert [(row["line"], row["rule"]) for row in rows] == [(7, "unique"), (8, "unique")]
    assert {record["customer_id"] for record in records} == {"7"}
    assert sorted(record["first_name"] for record in records) == ["Another", "Yousef"]
