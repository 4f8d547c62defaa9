"""What a source makes possible: how its columns become an entity, and which tables, reports and metrics need them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tenure.contracts.entities import ID, Entity, entity_of, feed_of
from tenure.contracts.model import Contract
from tenure.metrics.catalogue import Catalogue, Metric
from tenure.metrics.columns import columns_needed
from tenure.warehouse.lineage import Lineage
from tenure.warehouse.lineage_sql import ROWS, Use, trace
from tenure.warehouse.reports import read_report

Place = tuple[str, str]
"""A table and one of its columns; the column is `ROWS` where only rows are counted."""


@dataclass(frozen=True)
class MappedColumn:
    """A column: its name in Tenure, what it is made of, its type, and what it is there.

    `role` is `key`, `required` or `optional` for the entity's own columns, else `attribute`.
    """

    column: str
    made_of: str
    type: str
    role: str


@dataclass(frozen=True)
class Possible:
    """A table, report or metric that takes values from a source.

    `uses` are columns of the source. `without`: what it takes as well and no source of the project gives: whole
    entities, and columns (`entity.column`) of the others.
    """

    kind: str
    name: str
    uses: tuple[str, ...]
    without: tuple[str, ...]


@dataclass(frozen=True)
class SourceMap:
    """How a source maps to its entity, and what takes values from it.

    `not_given`: columns of the entity that the source does not give. `impossible`: what stays empty, because no
    source of the project gives anything of what it is made of.
    """

    source: str
    entity: str
    grain: str
    place: str
    columns: tuple[MappedColumn, ...]
    not_given: tuple[str, ...]
    possible: tuple[Possible, ...]
    impossible: tuple[Possible, ...]


def source_map(lineage: Lineage, contract: Contract, catalogue: Catalogue) -> SourceMap:
    """The map of one source among all sources of the project."""
    entity = entity_of(contract.entity)
    columns = tuple(
        MappedColumn(name, column.origin(name), column.type, _role(name, contract, entity))
        for name, column in contract.columns.items()
    )
    not_given = tuple(column.name for column in entity.columns if column.name not in contract.columns)
    table = f"raw_{feed_of(contract.entity, contract.source)}"
    products = [_product(*product, table, contract, lineage) for product in _products(lineage, catalogue)]
    return SourceMap(
        contract.source,
        contract.entity,
        entity.grain,
        contract.place,
        columns,
        not_given,
        possible=tuple(product for product, _ in products if product.uses),
        impossible=tuple(product for product, is_fed in products if not is_fed),
    )


def _role(name: str, contract: Contract, entity: Entity) -> str:
    canonical = entity.column(name)
    if name in contract.key:
        return "key"
    if canonical is None:
        return "attribute"
    return "required" if canonical.required else "optional"


def _product(
    kind: str, name: str, places: frozenset[Place], table: str, contract: Contract, lineage: Lineage
) -> tuple[Possible, bool]:
    """What a table, report or metric takes from the source, and whether any source gives something of it."""
    own = {column for at, column in places if at == table}
    uses = tuple(column for column in contract.columns if column in own) or (("rows",) if ROWS in own else ())
    fed = {at for at, _ in lineage.feeds}
    taken = [(at, column) for at, column in places if at.startswith("raw_") and at not in _ONLY_FOR_SOME]
    without = {
        at.removeprefix("raw_") if at not in fed else f"{at.removeprefix('raw_')}.{column}"
        for at, column in taken
        if (at, column) not in lineage.feeds and _says_something(at, column)
    }
    return Possible(kind, name, uses, tuple(sorted(without))), not taken or any(at in fed for at, _ in taken)


def _says_something(table: str, column: str) -> bool:
    """Whether a column holds more than which record it is, and where that came from."""
    canonical = entity_of(table.removeprefix("raw_")).column(column)
    return column != ROWS and column[0] != "_" and (canonical is None or canonical.type != ID)


_ONLY_FOR_SOME = frozenset({"raw_fx_rates"})
"""Inputs that only projects with money in several currencies need."""


def _products(lineage: Lineage, catalogue: Catalogue) -> Iterator[tuple[str, str, frozenset[Place]]]:
    """All tables for readers, reports and metrics, each with the columns of inputs that its values are made of."""
    for model in lineage.models.values():
        if model.layer not in {"staging", "intermediate"}:
            yield "table", model.name, _ends(lineage, ((model.name, column.name) for column in model.columns))
    tables = {name: [column.name for column in lineage.columns(name)] for name in (*lineage.inputs, *lineage.models)}
    for report in lineage.reports:
        traced = trace(read_report(report)[1], report, tables)
        uses = _followed(use for column in traced.columns.values() for use in column)
        yield "report", report, _ends(lineage, uses)
    for metric in catalogue.metrics.values():
        yield "metric", metric.name, _ends(lineage, _columns_of(metric, catalogue, lineage))


def _columns_of(metric: Metric, catalogue: Catalogue, lineage: Lineage) -> Iterator[Place]:
    for part in catalogue.parts(metric):
        for table, column in columns_needed(catalogue, part):
            if table in lineage.models and any(column == entry.name for entry in lineage.columns(table)):
                yield table, column
        if part.description.table in lineage.models:
            yield str(part.description.table), ROWS


def _ends(lineage: Lineage, places: Iterable[Place]) -> frozenset[Place]:
    """The columns of inputs that these columns are made of, near and far; what only decides about rows is left out."""
    ends: set[Place] = set()
    seen: set[Place] = set()
    waiting = list(places)
    while waiting:
        at = waiting.pop()
        if at in seen:
            continue
        seen.add(at)
        if at[0] in lineage.models:
            waiting += _followed(lineage.uses(*at))
        else:
            ends.add(at)
    return frozenset(ends)


def _followed(uses: Iterable[Use]) -> Sequence[Place]:
    return [(use.table, use.column) for use in uses if use.how.direct or use.column == ROWS]
