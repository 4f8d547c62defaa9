"""The star schema as the models' yml describe it, and a small one with data: what metrics are compiled against."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import yaml

import tenure

_MARTS = Path(tenure.__file__).parent / "warehouse" / "sql" / "marts"
_ARROW = {
    "BIGINT": pa.int64(),
    "INTEGER": pa.int32(),
    "STRING": pa.string(),
    "BOOLEAN": pa.bool_(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("us"),
    "DOUBLE": pa.float64(),
}


def described_schema() -> dict[str, dict[str, str]]:
    """Table → column → type, keys being whole numbers."""
    described = {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(_MARTS.glob("*.yml"))}
    return {
        table: {
            column: "BIGINT" if entry["type"] == "id" else entry["type"] for column, entry in model["columns"].items()
        }
        for table, model in described.items()
    }


def table(name: str, rows: list[dict[str, object]]) -> pa.Table:
    """A table of the star schema with these rows; a column that a row leaves out is missing in it."""
    fields = [pa.field(column, _arrow(kind)) for column, kind in described_schema()[name].items()]
    unknown = {column for row in rows for column in row} - {field.name for field in fields}
    assert not unknown, f"{name} has no {unknown}"
    return pa.Table.from_pylist(rows, pa.schema(fields))


def _arrow(kind: str) -> pa.DataType:
    if kind.startswith("DECIMAL"):
        digits, scale = kind.removeprefix("DECIMAL(").rstrip(")").split(",")
        return pa.decimal128(int(digits), int(scale))
    return _ARROW[kind]


THIS_MONTH = date(2025, 10, 1)


def busy_bank() -> dict[str, pa.Table]:
    """Two customers, one of them with several events of each kind; and events of a third who is not delivered yet.

    Customer 1: Egypt, active, balance 100, two months. Customer 2: no geography, left in October, balance 50.
    """
    months = (date(2025, 9, 1), THIS_MONTH)
    card = {"engagement_score": 10, "num_products": 2, "clv": Decimal("7.25")}
    customers = [
        {"customer_id": 1, "geography": "Egypt", "age_group": "18-29", "age": 20, "is_churned": False},
        {"customer_id": 2, "geography": None, "age_group": "unknown", "age": None, "is_churned": True},
    ]
    cards = [
        {
            **card,
            "customer_id": number,
            "month": month,
            "is_churned": number == 2 and month == THIS_MONTH,
            "active_at_start": month == THIS_MONTH,
            "churned_in_month": number == 2 and month == THIS_MONTH,
            "total_balance": Decimal(100 if number == 1 else 50),
            "is_current": month == THIS_MONTH,
        }
        for number in (1, 2)
        for month in months
    ]
    offers = [{"offer_id": n, "customer_id": 1, "offer_type": ("Loan", "Cashback")[n % 2]} for n in range(4)]
    tickets = [{"ticket_id": n, "customer_id": 1, "issue_type": "Login", "severity": "High"} for n in range(10)]
    events = [
        *({"activity_type": "offer", "offer_id": n, "customer_id": 1, "accepted": n == 0} for n in range(4)),
        *(
            {"activity_type": "ticket", "ticket_id": n, "customer_id": 1, "resolution_time_hrs": Decimal(n + 1)}
            for n in range(10)
        ),
        *(
            {"activity_type": "transaction", "transaction_id": n, "customer_id": 1, "amount": Decimal("2.50")}
            for n in (1, 2)
        ),
        {"activity_type": "transaction", "transaction_id": 3, "customer_id": 3, "amount": Decimal("0.01")},
        {"activity_type": "ticket", "ticket_id": 99, "customer_id": 3, "resolution_time_hrs": None},
    ]
    activity = [
        {"fact_id": at, "activity_date": date(2025, 10, 1 + at % 28), **event} for at, event in enumerate(events)
    ]
    quality = [
        {"source": "a", "entity": "usage", "records_in": 8, "quarantined": 2, "last_business_date": date(2025, 9, 1)},
        {"source": "b", "entity": "usage", "records_in": 2, "quarantined": 0, "last_business_date": date(2025, 10, 1)},
    ]
    usage = [
        {
            "customer_id": 1,
            "product_type": name,
            "period": THIS_MONTH,
            "monthly_balance": Decimal(50),
            "is_current": True,
        }
        for name in ("Savings", "Current")
    ]
    tables = {
        "dim_customer": customers,
        "fact_customer_metrics": cards,
        "fact_customer_activity": activity,
        "dim_offer": offers,
        "dim_support_ticket": tickets,
        "dim_usage": usage,
        "data_quality": quality,
    }
    return {
        **{name: table(name, rows) for name, rows in tables.items()},
        "today": pa.table({"business_date": [date(2025, 10, 2)]}),
    }
