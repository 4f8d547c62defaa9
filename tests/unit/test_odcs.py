"""A contract in the words of the Open Data Contract Standard: nothing of it is lost, and nothing secret is told."""

from pathlib import Path

import pytest

from tenure.contracts.files import read_contract
from tenure.contracts.model import Contract
from tenure.contracts.odcs import as_odcs

WRITTEN = """\
source: bookings
description: Bookings of all accounts
owner: Core banking
entity: transactions
kind: csv
path: [landing/a*.csv, landing/b*.csv]
delimiter: ";"
freshness: 2d
max_bad_share: 0.1
key: [transaction_id]
columns:
  transaction_id: {type: integer, from: NR}
  customer_id: {type: integer, required: true}
  transaction_at: {type: timestamp, required: true, format: dd.mm.yyyy}
  amount: {type: "decimal(18,2)", required: true, range: [-0.5, 10]}
  kind: {type: string, allowed: [fee, refund], description: What it was for}
  channel: {type: string, pattern: "[A-Z]+", personal: demographic}
  currency: {type: string, constant: EUR}
  cents: {type: integer, sql: amount * 100}
"""


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    (tmp_path / "bookings.yml").write_text(WRITTEN)
    return read_contract(tmp_path / "bookings.yml")


def test_what_the_standard_has_words_for_is_said_in_them(contract: Contract) -> None:
    document = as_odcs(contract)
    assert {word: document[word] for word in ("apiVersion", "kind", "id", "version", "status")} == {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": "bookings",
        "version": contract.version,
        "status": "active",
    }
    assert document["description"] == {"purpose": "Bookings of all accounts"}
    assert document["team"] == {"name": "Core banking"}
    assert [server["path"] for server in document["servers"]] == ["landing/a*.csv", "landing/b*.csv"]
    assert document["slaProperties"] == [{"property": "latency", "value": 2, "unit": "d"}]
    [table] = document["schema"]
    properties = {entry["name"]: entry for entry in table["properties"]}
    assert list(properties) == list(contract.columns)
    assert properties["transaction_id"]["primaryKeyPosition"] == 1
    assert properties["transaction_id"]["physicalName"] == "NR"
    assert properties["amount"]["logicalType"] == "number"
    assert properties["amount"]["physicalType"] == "decimal(18,2)"
    assert properties["amount"]["logicalTypeOptions"] == {"minimum": -0.5, "maximum": 10}
    assert properties["kind"]["quality"][0]["arguments"] == {"validValues": ["fee", "refund"]}
    assert properties["channel"]["classification"] == "personal data: demographic"
    assert properties["cents"]["transformLogic"] == "amount * 100"
    assert "physicalName" not in properties["currency"]


def test_what_it_has_no_words_for_stands_in_tenures(contract: Contract) -> None:
    document = as_odcs(contract)
    assert document["customProperties"] == [
        {"property": "tenure", "value": {"entity": "transactions", "delimiter": ";", "max_bad_share": 0.1}}
    ]
    [moment] = [entry for entry in document["schema"][0]["properties"] if entry["name"] == "transaction_at"]
    assert moment["customProperties"] == [{"property": "tenure", "value": {"format": "dd.mm.yyyy"}}]


def test_a_table_of_a_server_is_named_without_its_user() -> None:
    server = Contract.model_validate(
        {
            "source": "crm_tickets",
            "entity": "none",
            "kind": "mariadb",
            "url": "mariadb://reader@db.example/crm",
            "table": "TICKETS",
            "key": ["id"],
            "columns": {"id": {"type": "integer"}},
        }
    )
    document = as_odcs(server)
    assert document["servers"] == [
        {"server": "crm_tickets", "type": "mysql", "host": "db.example", "port": 3306, "database": "crm"}
    ]
    assert "reader" not in str(document)
