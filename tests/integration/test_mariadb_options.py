"""What a contract may say of the reading: which rows, what means null, how many at a time, by how many at once."""

from collections.abc import Callable
from typing import Any

import pytest

from tenure.contracts.model import Contract
from tenure.core.errors import SourceRefused
from tenure.sources.mariadb import table_blocks
from tests.integration.mariadb_server import MariaDBServer

pytestmark = pytest.mark.needs("mariadb")

Make = Callable[..., Contract]
ROWS = 5_000


@pytest.fixture(scope="module", autouse=True)
def _table(mariadb: MariaDBServer) -> None:
    mariadb.execute(
        "CREATE TABLE chosen (customer_id INT PRIMARY KEY, part INT, day DATE, name VARCHAR(40), KEY (part))",
        f"INSERT INTO chosen SELECT seq, IF(seq % 5 = 0, NULL, seq % 97), '2025-01-01' + INTERVAL seq % 50 DAY,"
        f" ELT(1 + seq % 4, 'Omar', 'N/A', '', 'n/a') FROM seq_1_to_{ROWS}",
        "ANALYZE TABLE chosen",
    )


@pytest.fixture
def make(contract_for: Callable[..., Contract]) -> Make:
    def made(words: dict[str, Any] | None = None, **columns: str) -> Contract:
        content = contract_for("chosen", **columns).model_dump(exclude_defaults=True, by_alias=True)
        return Contract.model_validate({**content, **(words or {})})

    return made


def rows(contract: Contract, environment: dict[str, str]) -> list[dict[str, Any]]:
    return [row for block in table_blocks(contract, environment=environment) for row in block.table.to_pylist()]


def test_only_the_rows_of_a_condition_are_read(make: Make, environment: dict[str, str]) -> None:
    found = rows(make({"where": "part = 3 -- by the server"}), environment)

    assert [row["customer_id"] for row in found] == [n for n in range(1, ROWS + 1) if n % 5 and n % 97 == 3]


def test_a_query_is_read_with_the_exact_types_of_its_columns(make: Make, environment: dict[str, str]) -> None:
    query = """
        SELECT part AS customer_id, COUNT(*) AS many, CAST(SUM(customer_id) AS DECIMAL(20,4)) / 3 AS total,
          MAX(day) AS last, GROUP_CONCAT(DISTINCT name ORDER BY name) AS names, x'00ff' AS raw,
          NULL AS nothing, CAST('2025-01-01 10:00' AS DATETIME(6)) AS at
        FROM chosen WHERE part IN (1, 2) GROUP BY part -- a remark
    """
    types = {"many": "integer", "total": "decimal(38,8)", "last": "date", "names": "string", "raw": "string"}
    contract = make({"table": None, "query": query}, **types, nothing="integer", at="timestamp")

    first, second = rows(contract, environment)

    chosen = [n for n in range(1, ROWS + 1) if n % 5 and n % 97 == 1]
    assert (first["customer_id"], first["many"], second["customer_id"]) == (1, len(chosen), 2)
    assert str(first["total"]).startswith(str(sum(chosen) // 3))
    assert (first["raw"], first["nothing"], first["names"]) == ("00FF", None, ",N/A,Omar".replace(",N/A", ",N/A", 1))
    assert str(first["at"]) == "2025-01-01 10:00:00"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"where": "no_such = 1"}, "names a column that is not there (error 1054)"),
        ({"where": "part = "}, "cannot be understood (error 1064)"),
        ({"table": None, "query": "SELECT * FROM nowhere"}, "names a table that is not there (error 1146)"),
        ({"table": None, "query": "SELECT 1 AS customer_id FROM"}, "cannot be understood (error 1064)"),
    ],
)
def test_sql_that_the_server_refuses_is_told_with_the_place_to_mend(
    words: dict[str, Any], told: str, make: Make, environment: dict[str, str]
) -> None:
    with pytest.raises(SourceRefused) as refused:
        rows(make(words), environment)

    assert told in str(refused.value)


def test_texts_that_mean_null_are_null_letter_by_letter(make: Make, environment: dict[str, str]) -> None:
    found = rows(make({"nulls": ["N/A", ""]}, name="string"), environment)

    assert [row["name"] for row in found[:4]] == [None, None, "n/a", "Omar"]


@pytest.mark.parametrize("words", [{}, {"split_by": "part"}, {"split_by": "day"}, {"boundary": "SELECT 100, 200"}])
def test_parallel_readers_bring_every_row_once_whatever_they_are_split_by(
    words: dict[str, Any], make: Make, environment: dict[str, str]
) -> None:
    found = rows(make({"parallel": 3, **words}, part="integer"), environment)

    assert sorted(row["customer_id"] for row in found) == list(range(1, ROWS + 1))
    assert sum(row["part"] is None for row in found) == ROWS // 5
    assert [row["_row"] for row in found] == list(range(1, ROWS + 1))


def test_parallel_readers_see_one_and_the_same_state(
    contract_for: Callable[..., Contract], mariadb: MariaDBServer, environment: dict[str, str]
) -> None:
    import threading

    mariadb.execute(
        "CREATE TABLE pairs (customer_id INT PRIMARY KEY, balance INT)",
        "INSERT INTO pairs SELECT seq, 100 FROM seq_1_to_2000",
    )
    stop = threading.Event()

    def move() -> None:
        with mariadb.connect() as connection, connection.cursor() as cursor:
            while not stop.is_set():
                cursor.execute("BEGIN")
                cursor.execute("UPDATE pairs SET balance = balance - 1 WHERE customer_id = 1")
                cursor.execute("UPDATE pairs SET balance = balance + 1 WHERE customer_id = 2000")
                cursor.execute("COMMIT")

    mover = threading.Thread(target=move)
    mover.start()
    try:
        content = contract_for("pairs", balance="integer").model_dump(exclude_defaults=True, by_alias=True)
        contract = Contract.model_validate({**content, "parallel": 4})
        sums = [sum(row["balance"] for row in rows(contract, environment)) for _ in range(3)]
    finally:
        stop.set()
        mover.join()

    assert sums == [200_000] * 3


def test_where_one_state_cannot_be_had_parallel_readers_are_refused(
    contract_for: Callable[..., Contract], mariadb: MariaDBServer, environment: dict[str, str]
) -> None:
    mariadb.execute(
        "CREATE VIEW chosen_view AS SELECT * FROM chosen",
        "CREATE TABLE unsafe (customer_id INT PRIMARY KEY) ENGINE = MyISAM",
        "CREATE TABLE words (customer_id INT PRIMARY KEY, name VARCHAR(9))",
        "INSERT INTO words VALUES (1, 'a'), (2, 'b')",
        "CREATE USER 'unlocked'@'127.0.0.1' IDENTIFIED BY 'unlocked'",
        "GRANT SELECT ON bank.* TO 'unlocked'@'127.0.0.1'",
    )
    refusals = {
        "chosen_view": "is a view",
        "unsafe": "is a table of MyISAM",
        "words": "cannot be divided by name",
    }
    for table, told in refusals.items():
        content = contract_for(table).model_dump(exclude_defaults=True, by_alias=True)
        words = {"parallel": 2, **({"split_by": "name"} if table == "words" else {})}
        with pytest.raises(SourceRefused, match=told):
            rows(Contract.model_validate({**content, **words}), environment)
    content = contract_for("chosen", url=mariadb.url.replace("reader@", "unlocked@")).model_dump(
        exclude_defaults=True, by_alias=True
    )
    with pytest.raises(SourceRefused, match="cannot be held still") as refused:
        rows(Contract.model_validate({**content, "parallel": 2}), {"TENURE_CRM_PASSWORD": "unlocked"})
    assert "GRANT LOCK TABLES" in str(refused.value)


def test_so_many_rows_at_a_time_as_the_contract_says(make: Make, environment: dict[str, str]) -> None:
    blocks = list(table_blocks(make({"fetch_size": 700}), environment=environment))

    assert [block.records for block in blocks] == [700] * 7 + [100]


@pytest.mark.parametrize("odd", ["a\nb", "a\r\nb", "ends in a line\n", "\r", "\x1f", "a\x1fb\x1f\nc", "\x1e", '"', ""])
def test_texts_with_line_ends_separators_and_quotes_are_exact(
    odd: str, contract_for: Callable[..., Contract], mariadb: MariaDBServer, environment: dict[str, str]
) -> None:
    with mariadb.connect() as connection, connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS odd")
        cursor.execute("CREATE TABLE odd (customer_id INT PRIMARY KEY, one TEXT, two VARCHAR(50) COLLATE utf8mb4_bin)")
        cursor.execute("INSERT INTO odd VALUES (1, %s, 'x'), (2, NULL, %s), (3, 'y', NULL)", (odd, odd))

    found = rows(contract_for("odd", one="string", two="string"), environment)

    assert [(row["customer_id"], row["one"], row["two"]) for row in found] == [
        (1, odd, "x"),
        (2, None, odd),
        (3, "y", None),
    ]


def test_a_row_larger_than_a_packet_of_the_server_is_read_cell_by_cell(
    contract_for: Callable[..., Contract], mariadb: MariaDBServer, environment: dict[str, str]
) -> None:
    mariadb.execute(
        "CREATE TABLE huge (customer_id INT PRIMARY KEY, one LONGTEXT, two LONGTEXT)",
        "INSERT INTO huge VALUES (1, REPEAT('x', 9000000), REPEAT('y', 9000000)), (2, 'a', NULL)",
    )

    first, second = rows(contract_for("huge", one="string", two="string"), environment)

    assert (len(first["one"]), len(first["two"]), second["one"], second["two"]) == (9_000_000, 9_000_000, "a", None)
