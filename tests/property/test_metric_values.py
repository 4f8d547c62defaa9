"""Every metric, by every dimension, of a generated bank agrees with a count by hand."""

from collections import Counter
from collections.abc import Generator, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from tenure.cli.demo import make_project
from tenure.core.settings import open_project
from tenure.metrics.answer import answer
from tenure.metrics.catalogue import built_in
from tenure.metrics.columns import Schema, usable_dimensions
from tenure.metrics.rows import Question
from tenure.pipeline import run_all
from tenure.synth.bank import BankPlan, write_bank
from tenure.warehouse.releases import OpenRelease, open_release
from tenure.warehouse.reports import read_report
from tests.counted_metrics import RULES, CountedBank, counted, read_bank

CATALOGUE = built_in()
END = date(2025, 10, 31)


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[OpenRelease, CountedBank]]:
    """A generated bank of 150 customers with dirty rows, and one more file of events of a customer nobody knows."""
    folder = tmp_path_factory.mktemp("generated") / "bank"
    make_project(folder, "bank")
    write_bank(BankPlan(150, 24, END, 11, 0.01), folder / "landing", folder / "truth")
    header = "ticket_id,customer_id,issue_type,severity,resolution_time_hrs,opened_at"
    tickets = [f"{900_000 + n},987654,Card Lost,,{n}.25,2025-10-0{n} 10:00:00" for n in (1, 2)]
    name = "customer_support_tickets_2025-11.csv"
    (folder / "landing" / name).write_text("\n".join([header, *tickets, ""]), encoding="utf-8")
    project = open_project(folder)
    run_all(project, END)
    with open_release(project) as release:
        yield release, read_bank(project)


def schema_of(release: OpenRelease) -> Schema:
    return {table.name: {column.name: column.type for column in table.columns} for table in release.manifest.tables}


def test_the_bank_has_what_could_go_wrong(bank: tuple[OpenRelease, CountedBank]) -> None:
    events = bank[1].tables["fact_customer_activity"]
    known = bank[1].found["dim_customer"]
    kinds = Counter((row["customer_id"], row["activity_type"]) for row in events)
    busy = [
        customer
        for customer in known
        if all(kinds[customer, kind] > 1 for kind in ("usage", "transaction", "offer", "ticket"))
    ]
    assert len(busy) > 10, "customers with several events of each kind"
    assert any(row["customer_id"] not in known for row in events), "events of a customer nobody knows"
    assert any(row["resolution_time_hrs"] is None for row in events if row["activity_type"] == "ticket")
    assert len({row["month"] for row in bank[1].tables["fact_customer_metrics"]}) >= 24


def test_every_metric_is_counted_by_hand_as_well() -> None:
    predicted = {metric.name for metric in CATALOGUE.metrics.values() if CATALOGUE.needs(metric)}
    assert set(CATALOGUE.metrics) == {*RULES, *predicted, "freshness"}


@pytest.mark.parametrize("name", RULES)
def test_a_metric_agrees_with_a_count_by_hand(bank: tuple[OpenRelease, CountedBank], name: str) -> None:
    release, tables = bank
    schema = schema_of(release)
    metric = CATALOGUE.metric(name)
    dimensions = usable_dimensions(CATALOGUE, schema, metric)
    pairs = [("month", "geography"), ("geography", "age_group"), ("severity", "churned"), ("source", "entity")]
    splits: list[Sequence[str]] = [(), *((dimension,) for dimension in dimensions)]
    splits += [pair for pair in pairs if set(pair) <= set(dimensions)]
    for by in splits:
        rows = answer(CATALOGUE, schema, Question(metric, tuple(by)), release.query).rows
        found = {row[:-1]: row[-1] for row in rows}
        assert len(found) == len(rows), by
        expected = counted(tables, name, by)
        assert found.keys() == expected.keys(), by
        different = {group: (found[group], value) for group, value in expected.items() if not same(found[group], value)}
        assert different == {}, by


def same(found: object, expected: int | Fraction | Decimal | None) -> bool:
    """Whole numbers and money to the digit; a DOUBLE to the last but two of its sixteen digits."""
    if not isinstance(found, float):
        return found == expected and type(found) is not bool
    return expected is not None and abs(Fraction(found) - Fraction(expected)) <= Fraction(abs(found)) / 10**14


AS_REPORTED = {
    "customers": "total_customers",
    "churned_customers": "churned_customers",
    "churned_share": "churned_share_percentage",
    "customers_at_start": "active_at_start",
    "customers_lost": "left_in_month",
    "churn_rate": "churn_rate_percentage",
    "balance_total": "total_balance",
    "balance_average": "avg_balance",
    "clv_total": "total_clv",
    "clv_average": "avg_clv",
    "products_per_customer": "products_per_customer",
    "resolution_time_average": "avg_resolution_time_hrs",
}


@pytest.mark.parametrize("name", AS_REPORTED)
def test_a_metric_by_month_is_what_the_report_of_key_figures_says(
    bank: tuple[OpenRelease, CountedBank], name: str
) -> None:
    release = bank[0]
    reported = release.query(read_report("key_figures")[1].rstrip().rstrip(";")).to_pylist()
    question = Question(CATALOGUE.metric(name), ("month",))
    found = dict(answer(CATALOGUE, schema_of(release), question, release.query).rows)
    assert len(reported) >= 24
    for row in reported:
        value = row[AS_REPORTED[name]]
        assert found.get(row["month"], 0 if isinstance(value, int) else None) == value, row["month"]


def test_groups_of_a_sum_add_up_to_the_whole(bank: tuple[OpenRelease, CountedBank]) -> None:
    release = bank[0]
    schema = schema_of(release)
    for metric in CATALOGUE.metrics.values():
        if CATALOGUE.adds_up(metric) == "no" or CATALOGUE.needs(metric):
            continue
        whole = answer(CATALOGUE, schema, Question(metric), release.query).rows[0][0]
        for name in set(usable_dimensions(CATALOGUE, schema, metric)) - {"month"}:
            rows = answer(CATALOGUE, schema, Question(metric, (name,)), release.query).rows
            assert sum(Decimal(row[-1]) for row in rows if row[-1] is not None) == whole, (metric.name, name)


def test_freshness_counts_the_days_since_each_sources_last_load(bank: tuple[OpenRelease, CountedBank]) -> None:
    release, tables = bank
    rows = answer(
        CATALOGUE, schema_of(release), Question(CATALOGUE.metric("freshness"), ("source",)), release.query
    ).rows
    newest = {row["source"]: row["last_business_date"] for row in tables.tables["data_quality"]}
    assert dict(rows) == {source: (tables.business_date - day).days for source, day in newest.items()}
