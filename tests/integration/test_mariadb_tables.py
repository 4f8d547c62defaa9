"""Reading a table of a real server: every row once, in the order of its key, from one snapshot."""

import csv
import json
import threading
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from tenure.contracts.model import Contract
from tenure.sources.mariadb import table_blocks, table_reading
from tests.integration.mariadb_server import MariaDBServer, running_server

pytestmark = pytest.mark.needs("mariadb")

SEED_CASE = Path(__file__).parents[1] / "data" / "seed_case"
CUSTOMERS = {
    "first_name": "string",
    "last_name": "string",
    "age": "integer",
    "gender": "string",
    "geography": "string",
    "is_active": "boolean",
    "tenure_months": "integer",
    "date_opened": "date",
}


@pytest.fixture(scope="module")
def seed_url(mariadb: MariaDBServer) -> str:
    """The database of the reference case."""
    mariadb.script((SEED_CASE / "customers.sql").read_bytes())
    return mariadb.url.replace("/bank", "/SIC")


def rows_of(contract: Contract, environment: dict[str, str]) -> list[dict[str, object]]:
    """All rows that are read, block after block."""
    return [row for block in table_blocks(contract, environment=environment) for row in block.table.to_pylist()]


def test_the_twenty_customers_arrive_exact_in_every_cell(
    seed_url: str, contract_for: Callable[..., Contract], environment: dict[str, str]
) -> None:
    contract = contract_for("customers", url=seed_url, **CUSTOMERS)

    rows = rows_of(contract, environment)

    with (SEED_CASE / "customers.csv").open(encoding="utf-8", newline="") as file:
        given = list(csv.DictReader(file))
    assert len(rows) == len(given) == 20
    for ordinal, (row, cells) in enumerate(zip(rows, given, strict=True), start=1):
        assert row == {
            "customer_id": int(cells["customer_id"]),
            "first_name": cells["first_name"],
            "last_name": cells["last_name"],
            "age": int(cells["age"]),
            "gender": cells["gender"],
            "geography": cells["geography"],
            "is_active": cells["is_active"] == "1",
            "tenure_months": int(cells["tenure_months"]),
            "date_opened": date.fromisoformat(cells["date_opened"]),
            "_row": ordinal,
        }


def test_each_column_has_the_type_of_the_contract(
    seed_url: str, contract_for: Callable[..., Contract], environment: dict[str, str]
) -> None:
    (block,) = table_blocks(contract_for("customers", url=seed_url, **CUSTOMERS), environment=environment)

    assert block.records == 20
    assert not block.rejects
    assert block.table.schema == pa.schema(
        [
            ("customer_id", pa.int64()),
            ("first_name", pa.string()),
            ("last_name", pa.string()),
            ("age", pa.int64()),
            ("gender", pa.string()),
            ("geography", pa.string()),
            ("is_active", pa.bool_()),
            ("tenure_months", pa.int64()),
            ("date_opened", pa.date32()),
            ("_row", pa.int64()),
        ]
    )


def test_a_row_is_told_verbatim_as_one_line_of_json_by_the_names_of_the_table(
    mariadb: MariaDBServer, contract_for: Callable[..., Contract], environment: dict[str, str]
) -> None:
    mariadb.execute(
        "CREATE TABLE told (Nr INT PRIMARY KEY, `der Name` VARCHAR(20), betrag DECIMAL(9,2),"
        " seit DATE, aktiv TINYINT(1))",
        "INSERT INTO told VALUES (7, 'Ünal \"x\"\n😀', 1.50, '2025-01-31', 1), (9, NULL, NULL, NULL, NULL)",
    )
    content = contract_for("told", name="string", amount="decimal(9,2)", since="date", active="boolean").model_dump()
    names = {"customer_id": "nr", "name": "der Name", "amount": "betrag", "since": "seit", "active": "aktiv"}
    for name, source_name in names.items():
        content["columns"][name]["source_name"] = source_name

    (block,) = table_blocks(Contract.model_validate(content), environment=environment)

    line = block.verbatim(1)
    assert b"\n" not in line
    assert json.loads(line) == {
        "Nr": "7",
        "der Name": 'Ünal "x"\n😀',
        "betrag": "1.50",
        "seit": "2025-01-31",
        "aktiv": "1",
    }
    assert json.loads(block.verbatim(2)) == {"Nr": "9", "der Name": None, "betrag": None, "seit": None, "aktiv": None}


def test_rows_come_in_the_order_of_the_key_whatever_order_they_were_written_in(
    mariadb: MariaDBServer, contract_for: Callable[..., Contract], environment: dict[str, str]
) -> None:
    mariadb.execute(
        "CREATE TABLE shuffled (id INT PRIMARY KEY, customer_id INT)",
        "INSERT INTO shuffled VALUES (1, 30), (2, 10), (3, 20), (4, 10)",
    )

    rows = rows_of(contract_for("shuffled", id="integer"), environment)

    assert [(row["_row"], row["customer_id"], row["id"]) for row in rows] == [
        (1, 10, 2),
        (2, 10, 4),
        (3, 20, 3),
        (4, 30, 1),
    ]


def test_a_table_of_several_blocks_is_numbered_through_and_keeps_every_row(
    mariadb: MariaDBServer, contract_for: Callable[..., Contract], environment: dict[str, str]
) -> None:
    mariadb.execute(
        "CREATE TABLE many (customer_id INT PRIMARY KEY, name VARCHAR(20))",
        "INSERT INTO many SELECT seq, CONCAT('name ', seq) FROM seq_1_to_150000",
        "ANALYZE TABLE many",
    )

    blocks = list(table_blocks(contract_for("many", name="string"), environment=environment))

    table = pa.concat_tables([block.table for block in blocks])
    assert len(blocks) > 1
    assert sum(block.records for block in blocks) == 150_000
    assert table["_row"].to_pylist() == list(range(1, 150_001))
    assert table["name"].to_pylist() == [f"name {number}" for number in range(1, 150_001)]
    last = blocks[-1]
    assert json.loads(last.verbatim(150_000)) == {"customer_id": "150000", "name": "name 150000"}


def test_wide_rows_come_in_small_blocks(
    mariadb: MariaDBServer, contract_for: Callable[..., Contract], environment: dict[str, str]
) -> None:
    mariadb.execute(
        "CREATE TABLE wide_rows (customer_id INT PRIMARY KEY, note LONGTEXT)",
        "INSERT INTO wide_rows SELECT seq, REPEAT('ä', 500000) FROM seq_1_to_80",
        "ANALYZE TABLE wide_rows",
    )

    blocks = list(table_blocks(contract_for("wide_rows", note="string"), environment=environment))

    assert sum(block.records for block in blocks) == 80
    assert max(block.table.nbytes for block in blocks) < 40_000_000
    assert {note for block in blocks for note in block.table["note"].to_pylist()} == {"ä" * 500_000}


def test_an_empty_table_gives_no_rows(
    mariadb: MariaDBServer, contract_for: Callable[..., Contract], environment: dict[str, str]
) -> None:
    mariadb.execute("CREATE TABLE bare (customer_id INT PRIMARY KEY)")

    assert rows_of(contract_for("bare"), environment) == []


def test_columns_that_the_contract_does_not_name_are_not_read(
    mariadb: MariaDBServer, contract_for: Callable[..., Contract]
) -> None:
    mariadb.execute(
        "CREATE TABLE guarded (customer_id INT PRIMARY KEY, name VARCHAR(20), iban VARCHAR(34))",
        "INSERT INTO guarded VALUES (1, 'Omar', 'EG38')",
        "CREATE USER 'narrow'@'127.0.0.1' IDENTIFIED BY 'narrow'",
        "GRANT SELECT (customer_id, name) ON bank.guarded TO 'narrow'@'127.0.0.1'",
    )
    contract = contract_for("guarded", url=mariadb.url.replace("reader@", "narrow@"), name="string")

    (row,) = rows_of(contract, {"TENURE_CRM_PASSWORD": "narrow"})

    assert row == {"customer_id": 1, "name": "Omar", "_row": 1}


def test_a_view_is_read_like_a_table(
    mariadb: MariaDBServer, contract_for: Callable[..., Contract], environment: dict[str, str]
) -> None:
    mariadb.execute(
        "CREATE TABLE behind (customer_id INT PRIMARY KEY, first VARCHAR(9), last VARCHAR(9))",
        "INSERT INTO behind VALUES (2, 'Sara', 'Hassan'), (1, 'Omar', 'Khalil')",
        "CREATE VIEW in_front AS SELECT customer_id, CONCAT(first, ' ', last) AS name FROM behind",
    )

    rows = rows_of(contract_for("in_front", name="string"), environment)

    assert [(row["customer_id"], row["name"]) for row in rows] == [(1, "Omar Khalil"), (2, "Sara Hassan")]


def test_names_with_quotes_dots_and_reserved_words_are_read(
    mariadb: MariaDBServer, contract_for: Callable[..., Contract], environment: dict[str, str]
) -> None:
    mariadb.execute(
        "CREATE TABLE `the.order``s` (customer_id INT PRIMARY KEY, `select` VARCHAR(9), `c0` INT)",
        "INSERT INTO `the.order``s` VALUES (1, 'a', 5)",
    )

    (row,) = rows_of(contract_for("the.order`s", select="string", c0="integer"), environment)

    assert row == {"customer_id": 1, "select": "a", "c0": 5, "_row": 1}


def test_the_host_localhost_is_reached_by_tcp(
    mariadb: MariaDBServer, contract_for: Callable[..., Contract], environment: dict[str, str]
) -> None:
    mariadb.execute("CREATE TABLE near (customer_id INT PRIMARY KEY)", "INSERT INTO near VALUES (1)")
    contract = contract_for("near", url=mariadb.url.replace("127.0.0.1", "localhost"))

    assert rows_of(contract, environment) == [{"customer_id": 1, "_row": 1}]


def test_the_password_may_come_from_a_file(
    mariadb: MariaDBServer, contract_for: Callable[..., Contract], tmp_path: Path
) -> None:
    mariadb.execute("CREATE TABLE filed (customer_id INT PRIMARY KEY)", "INSERT INTO filed VALUES (1)")
    (tmp_path / "secret").write_text(f"{mariadb.password}\n")

    rows = rows_of(contract_for("filed"), {"TENURE_CRM_PASSWORD_FILE": str(tmp_path / "secret")})

    assert rows == [{"customer_id": 1, "_row": 1}]


def test_money_that_moves_while_the_table_is_read_is_neither_lost_nor_doubled(
    mariadb: MariaDBServer, contract_for: Callable[..., Contract], environment: dict[str, str]
) -> None:
    rows = 60_000
    mariadb.execute(
        "CREATE TABLE moving (customer_id INT PRIMARY KEY, balance DECIMAL(18,2)) ENGINE=InnoDB",
        f"INSERT INTO moving SELECT seq, 100 FROM seq_1_to_{rows}",
    )
    stop = threading.Event()
    transfers = 0

    def move_money() -> None:
        nonlocal transfers
        with mariadb.connect() as connection, connection.cursor() as cursor:
            while not stop.is_set():
                giver, taker = transfers * 7919 % rows + 1, rows - transfers * 104_729 % rows
                cursor.execute("START TRANSACTION")
                cursor.execute("UPDATE moving SET balance = balance - 1 WHERE customer_id = %s", (giver,))
                cursor.execute("UPDATE moving SET balance = balance + 1 WHERE customer_id = %s", (taker,))
                cursor.execute("COMMIT")
                transfers += 1

    mover = threading.Thread(target=move_money)
    mover.start()
    try:
        sums = []
        for _ in range(3):
            blocks = table_blocks(contract_for("moving", balance="decimal(18,2)"), environment=environment)
            sums.append(sum(row for block in blocks for row in block.table["balance"].to_pylist()))
    finally:
        stop.set()
        mover.join()

    assert sums == [100 * rows] * 3
    assert transfers > 100


def test_rows_that_are_gone_through_a_second_time_are_those_of_the_first(
    mariadb: MariaDBServer, contract_for: Callable[..., Contract], environment: dict[str, str]
) -> None:
    mariadb.execute("CREATE TABLE changing (customer_id INT PRIMARY KEY)", "INSERT INTO changing VALUES (1), (2), (3)")

    with table_reading(contract_for("changing"), environment=environment) as blocks:
        first = [row for block in blocks() for row in block.table.to_pylist()]
        mariadb.execute("DELETE FROM changing WHERE customer_id = 1", "INSERT INTO changing VALUES (0), (9)")
        second = [row for block in blocks() for row in block.table.to_pylist()]

    assert [row["customer_id"] for row in first] == [1, 2, 3]
    assert second == first


def test_a_server_that_insists_on_latin1_still_gives_exact_text(contract_for: Callable[..., Contract]) -> None:
    options = ("--skip-character-set-client-handshake", "--character-set-server=latin1", "--sql-mode=ANSI_QUOTES")
    with running_server(*options, "--default-time-zone=+05:00") as server:
        server.execute(
            "SET NAMES utf8mb4",
            "CREATE TABLE t (customer_id INT PRIMARY KEY, name VARCHAR(9), note LONGTEXT, at TIMESTAMP)"
            " CHARSET utf8mb4",
        )
        with server.connect() as connection, connection.cursor() as cursor:
            cursor.execute("SET NAMES utf8mb4, time_zone = '+00:00'")
            cursor.execute("INSERT INTO t VALUES (1, 'é😀', 'ß😀', '2025-06-30 12:00:00')")
        contract = contract_for("t", url=server.url, name="string", note="string", at="string")

        (row,) = rows_of(contract, {"TENURE_CRM_PASSWORD": server.password})

    assert row == {"customer_id": 1, "name": "é😀", "note": "ß😀", "at": "2025-06-30 12:00:00", "_row": 1}
