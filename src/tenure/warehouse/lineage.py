"""Column lineage: from a column of any table through the SQL of all models to the inputs and their sources."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from tenure.contracts.entities import ENTITIES, ID, entity_of, feed_of
from tenure.contracts.files import read_contracts
from tenure.contracts.model import Contract
from tenure.core.errors import BuildError, UsageError
from tenure.core.settings import Project
from tenure.engine.dialect import parse
from tenure.engine.protocol import Column
from tenure.raw.zone import RawZone
from tenure.warehouse.graph import ordered, references, tables_of
from tenure.warehouse.inputs import input_names
from tenure.warehouse.lineage_local import Local, local_columns
from tenure.warehouse.lineage_sql import ROWS, How, Trace, Use, trace
from tenure.warehouse.models import Model, ProjectTypes, read_models
from tenure.warehouse.project_models import read_project_models
from tenure.warehouse.raw_views import project_types, raw_loads
from tenure.warehouse.reports import read_report, report_names
from tenure.warehouse.sketch import empty_inputs

INPUT_MEANINGS = {
    "loads": "The loads that the release was built from, one row each",
    "calendar": "All days from 1900 to 2100",
    "project": "What tenure.toml says of the project",
    "setting": "The settings in tenure.toml that models reckon with",
    "today": "The business date",
    "this_month": "The first day of the business date's month",
}
_ORIGIN_MEANINGS = {
    "_effective": "The day from which the record holds",
    "_source": "The source that delivered it",
    "_load_id": "The load it came with",
    "_row": "Its line in the file or ordinal in the table",
    "_recorded_at": "When Tenure recorded it",
    "_deleted": "Whether it says that the source no longer has the key",
    "_content": "All delivered values in one text",
}


@dataclass(frozen=True)
class Feed:
    """What fills a raw column: a column of a source, and where that source looks (files or a table)."""

    source: str
    column: str
    place: str


@dataclass(frozen=True)
class Node:
    """A column and those it comes from. `how` says what it is to the column below; the root has none.

    `column` is `*` where only the rows are counted, and has no description then. A column that the tree shows
    elsewhere in full is `repeated` and has no parts here. Without parts, feeds and repetition a column of a model
    is a constant.
    """

    table: str
    column: str
    how: tuple[How, ...]
    type: str | None
    description: str
    feeds: tuple[Feed, ...]
    parts: tuple["Node", ...]
    repeated: bool


@dataclass(frozen=True)
class TableLineage:
    """The tables that a table is made of (`reads` itself, `above` all the way up) and those made of it.

    `rows` are columns that decide its rows: see `Trace`. `sources` feed the raw inputs above it.
    """

    name: str
    description: str
    reads: tuple[str, ...]
    above: tuple[str, ...]
    read_by: tuple[str, ...]
    below: tuple[str, ...]
    reports: tuple[str, ...]
    rows: tuple[Use, ...]
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Lineage:
    """The models in their order, each with the lineage of its SQL, and what they start from."""

    models: Mapping[str, Model]
    traces: Mapping[str, Trace]
    inputs: Mapping[str, tuple[Column, ...]]
    feeds: Mapping[tuple[str, str], tuple[Feed, ...]]
    reports: Mapping[str, frozenset[str]]

    def columns(self, table: str) -> tuple[Column, ...]:
        """The columns of a model or input."""
        return self.models[table].columns if table in self.models else self.inputs[table]

    def uses(self, table: str, column: str) -> tuple[Use, ...]:
        """What a column comes from in the tables that its own table reads; nothing for a column of an input."""
        found = self.traces.get(table)
        if found is None:
            return ()
        return tuple(sorted(found.count if column == ROWS else found.columns[column]))

    def local(self, model: Model) -> dict[str, Local]:
        """For each column of a model: what its rows with one value depend on."""
        tables = {name: [column.name for column in columns] for name, columns in self.inputs.items()}
        tables |= {name: list(traced.columns) for name, traced in self.traces.items()}
        return local_columns(model.sql, model.where, tables)

    def expect_table(self, name: str) -> str:
        """The name; raises `UsageError` with near names when there is no such model or input."""
        known = [*self.models, *self.inputs]
        if name not in known:
            raise UsageError(f"there is no table {name}", cure=_near(name, known, "tables", "tenure sql 'SHOW TABLES'"))
        return name

    def expect_column(self, table: str, column: str) -> str:
        """The name; raises `UsageError` with near names when the table has no such column."""
        known = [entry.name for entry in self.columns(self.expect_table(table))]
        if column not in known:
            what = f"table {table} has no column {column}"
            raise UsageError(what, cure=_near(column, known, "columns", f"tenure sql 'DESCRIBE {table}'"))
        return column


def _near(word: str, known: Sequence[str], kind: str, listing: str) -> str:
    close = get_close_matches(word.lower(), known, n=3, cutoff=0.5)
    return f"did you mean {' or '.join(close)}?" if close else f"the {kind} are listed by: {listing}"


def declared_types(contracts: Iterable[Contract]) -> ProjectTypes:
    """Types of natural keys and attributes as the contracts declare them, for a project that has loaded nothing."""
    ids: dict[str, set[str]] = {}
    extra: dict[str, dict[str, set[str]]] = {entity: {} for entity in ENTITIES}
    for contract in contracts:
        entity, feed = entity_of(contract.entity), feed_of(contract.entity, contract.source)
        for name, column in contract.columns.items():
            canonical = entity.column(name)
            if canonical is None:
                extra.setdefault(feed, {}).setdefault(name, set()).add(column.sql_type)
            elif canonical.type == ID:
                ids.setdefault(name, set()).add(column.sql_type)
    attributes = {
        entity: tuple(
            Column(name, kinds.pop() if len(kinds) == 1 else "STRING") for name, kinds in sorted(found.items())
        )
        for entity, found in extra.items()
    }
    return ProjectTypes(
        {name: "BIGINT" if kinds == {"BIGINT"} else "STRING" for name, kinds in ids.items()}, attributes
    )


def read_lineage(models: Sequence[Model], types: ProjectTypes, contracts: Sequence[Contract]) -> Lineage:
    """The lineage of all models; raises `BuildError` where a model's SQL cannot be followed."""
    with empty_inputs(types) as sketch:
        inputs = {name: tuple(sketch.engine.columns(name)) for name in input_names(types)}
    tables = {name: [column.name for column in columns] for name, columns in inputs.items()}
    order = ordered(models, {model.name: references(model) for model in models}, tuple(inputs))
    traces: dict[str, Trace] = {}
    for model in order:
        found = trace(model.sql, model.where, tables)
        if set(found.columns) != {column.name for column in model.columns}:
            what = "its columns are not those of its yml"
            raise BuildError(what, where=model.where, cure="describe each column that the SELECT gives")
        traces[model.name] = found
        tables[model.name] = list(found.columns)
    reports = {name: frozenset(tables_of(parse(read_report(name)[1], name))) for name in report_names()}
    return Lineage({model.name: model for model in order}, traces, inputs, _feeds(contracts), reports)


def _feeds(contracts: Iterable[Contract]) -> dict[tuple[str, str], tuple[Feed, ...]]:
    found: dict[tuple[str, str], list[Feed]] = {}
    for contract in contracts:
        place = ", ".join(contract.paths) or f"table {contract.table}"
        columns = {name: column.origin(name) for name, column in contract.columns.items()}
        key = entity_of(contract.entity).key
        if contract.keyless and key:
            columns[key] = "numbered by load and row"
        table = f"raw_{feed_of(contract.entity, contract.source)}"
        for name, column in columns.items():
            found.setdefault((table, name), []).append(Feed(contract.source, column, place))
    return {key: tuple(feeds) for key, feeds in found.items()}


def description_of(lineage: Lineage, table: str, column: str | None = None) -> str:
    """What the yml says of a table or column; of an input, what it holds."""
    model = lineage.models.get(table)
    if model is None:
        meaning = INPUT_MEANINGS.get(table, f"Records of {table.removeprefix('raw_')} as they were loaded")
        return _ORIGIN_MEANINGS.get(column, "") if column else meaning
    if column is None:
        return model.description.description.strip()
    described = model.description.columns.get(column)
    return described.description if described else "An attribute, as the contracts name it"


def column_tree(lineage: Lineage, table: str, column: str) -> Node:
    """All that a column comes from, down to the inputs; each column is followed once."""
    seen: set[tuple[str, str]] = set()

    def node(at: str, name: str, how: tuple[How, ...]) -> Node:
        repeated = (at, name) in seen and at in lineage.models
        seen.add((at, name))
        kind = next((entry.type for entry in lineage.columns(at) if entry.name == name), None)
        meaning = "" if name == ROWS else description_of(lineage, at, name)
        grouped: dict[tuple[str, str], list[How]] = {}
        for use in () if repeated else lineage.uses(at, name):
            grouped.setdefault((use.table, use.column), []).append(use.how)
        # What the value is made of comes before what only decides it.
        first = sorted(grouped.items(), key=lambda entry: (not any(how.direct for how in entry[1]), entry[0]))
        parts = tuple(node(*key, tuple(hows)) for key, hows in first)
        return Node(at, name, how, kind, meaning, lineage.feeds.get((at, name), ()), parts, repeated)

    return node(table, lineage.expect_column(table, column), ())


def ends_of(lineage: Lineage, table: str, column: str) -> frozenset[tuple[str, str]]:
    """The columns of inputs in which a column's lineage ends; empty for a constant."""
    ends: set[tuple[str, str]] = set()
    seen: set[tuple[str, str]] = set()
    waiting = [(table, column)]
    while waiting:
        at = waiting.pop()
        if at in seen:
            continue
        seen.add(at)
        if at[0] in lineage.models:
            waiting.extend((use.table, use.column) for use in lineage.uses(*at))
        else:
            ends.add(at)
    return frozenset(ends)


def fed_by(lineage: Lineage, table: str, column: str) -> tuple[str, ...]:
    """The columns (`table.column`) of other tables for whose value this one is used, near and far."""
    reached = {(table, column)}
    found: list[str] = []
    for name, traced in lineage.traces.items():
        for other, uses in traced.columns.items():
            if any((use.table, use.column) in reached for use in uses):
                reached.add((name, other))
                found.append(f"{name}.{other}")
    return tuple(found)


def table_lineage(lineage: Lineage, table: str) -> TableLineage:
    """The tables above and below a table, and the columns that decide its rows."""
    reads = {name: set(traced.tables) for name, traced in lineage.traces.items()}
    read_by = {
        name: {reader for reader, tables in reads.items() if name in tables} for name in [*reads, *lineage.inputs]
    }
    above, below = _reached(lineage.expect_table(table), reads), _reached(table, read_by)
    traced = lineage.traces.get(table)
    sources = {feed.source for (name, _), feeds in lineage.feeds.items() for feed in feeds if name in {table, *above}}
    position = {name: place for place, name in enumerate([*lineage.inputs, *lineage.traces])}
    return TableLineage(
        table,
        description_of(lineage, table),
        _in_order(reads.get(table, set()), position),
        _in_order(above, position),
        _in_order(read_by[table], position),
        _in_order(below, position),
        tuple(sorted(name for name, tables in lineage.reports.items() if tables & {table, *below})),
        tuple(sorted(traced.rows)) if traced else (),
        tuple(sorted(sources)),
    )


def _in_order(names: Iterable[str], position: Mapping[str, int]) -> tuple[str, ...]:
    return tuple(sorted(names, key=lambda name: position[name]))


def _reached(start: str, steps: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        new = steps.get(waiting.pop(), set()) - found
        found |= new
        waiting.extend(new)
    return found


def lineage_of(project: Project, zone: RawZone, only: Mapping[str, str] | None = None) -> Lineage:
    """The lineage of the project's tables as its models are now, with the types of its loads (or of `only` these).

    Before the first load the contracts say the types.
    """
    contracts = read_contracts(project.sources)
    loads = raw_loads(zone, only)
    types = project_types(loads) if loads else declared_types(contracts)
    models = [*read_models(types), *read_project_models(project.root, types)]
    return read_lineage(models, types, contracts)
