"""A contract as a document of the Open Data Contract Standard, version 3.1 (bitol.io)."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from tenure.contracts.columns import ColumnContract
from tenure.contracts.entities import entity_of
from tenure.contracts.model import Contract

API_VERSION = "v3.1.0"
_MARIADB_PORT = 3306
_SAID_ELSEWHERE = {"source", "description", "owner", "kind", "path", "url", "table", "key", "freshness", "columns"}
_COLUMN_SAID_ELSEWHERE = {
    *(
        "type",
        "from",
        "description",
        "required",
        "unique",
        "range",
        "pattern",
        "allowed",
        "constant",
        "sql",
        "personal",
    ),
}
Document = dict[str, Any]


def as_odcs(contract: Contract) -> Document:
    """The contract in the standard's words; what it has no word for stands under customProperties as `tenure`."""
    document: Document = {
        "apiVersion": API_VERSION,
        "kind": "DataContract",
        "id": contract.source,
        "name": contract.source,
        "version": contract.version,
        "status": "active",
    }
    if contract.description:
        document["description"] = {"purpose": contract.description}
    if contract.owner:
        document["team"] = {"name": contract.owner}
    document["servers"] = [_server(contract, place) for place in contract.paths or ("",)]
    document["schema"] = [
        {
            "name": contract.source,
            "logicalType": "object",
            "physicalName": contract.place,
            "physicalType": "table" if contract.kind == "mariadb" else "file",
            "dataGranularityDescription": entity_of(contract.entity).grain,
            "properties": [_property(name, column, contract) for name, column in contract.columns.items()],
        }
    ]
    if contract.fresh_days is not None:
        document["slaProperties"] = [{"property": "latency", "value": contract.fresh_days, "unit": "d"}]
    beyond = {word: value for word, value in contract.as_written().items() if word not in _SAID_ELSEWHERE}
    document["customProperties"] = [{"property": "tenure", "value": beyond}]
    return document


def _server(contract: Contract, path: str) -> Document:
    if contract.kind != "mariadb":
        return {"server": "project", "type": "local", "path": path, "format": contract.kind}
    url = urlsplit(contract.url or "")
    return {
        "server": contract.source,
        "type": "mysql",
        "host": url.hostname or "",
        "port": url.port or _MARIADB_PORT,
        "database": url.path.strip("/"),
    }


def _property(name: str, column: ColumnContract, contract: Contract) -> Document:
    is_key = name in contract.key
    given: Document = {
        "name": name,
        "logicalType": "number" if column.decimal else column.type,
        "physicalType": column.type,
        "physicalName": (column.source_name or name) if column.is_read else None,
        "description": column.description,
        "primaryKey": is_key or None,
        "primaryKeyPosition": contract.key.index(name) + 1 if is_key else None,
        "required": contract.requires(name) or None,
        "unique": column.unique or None,
        "classification": f"personal data: {column.personal}" if column.personal else None,
        "transformLogic": column.sql if column.is_read or column.sql else f"'{column.constant}'",
        "logicalTypeOptions": _options(column) or None,
        "quality": [_one_of(column.allowed)] if column.allowed else None,
        "customProperties": _beyond(column),
    }
    return {word: value for word, value in given.items() if value is not None}


def _one_of(values: Sequence[str]) -> Document:
    arguments = {"validValues": list(values)}
    return {"type": "library", "metric": "invalidValues", "arguments": arguments, "mustBe": 0}


def _beyond(column: ColumnContract) -> list[Document] | None:
    written = column.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    words = {word: value for word, value in written.items() if word not in _COLUMN_SAID_ELSEWHERE}
    return [{"property": "tenure", "value": words}] if words else None


def _options(column: ColumnContract) -> Document:
    low, high = column.range or (None, None)
    options = {"minimum": _number(low), "maximum": _number(high), "pattern": column.pattern}
    return {word: value for word, value in options.items() if value is not None}


def _number(bound: Decimal | None) -> int | float | None:
    if bound is None:
        return None
    return int(bound) if bound == int(bound) else float(bound)
