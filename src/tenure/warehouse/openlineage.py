"""The lineage of a release as OpenLineage events (openlineage.io, specification 2-0-2), for catalogues that read them.

Datasets and jobs are named alone by the names of tables, under the namespace `tenure`: nothing in an event tells of
a machine, a path or a person.
"""

from collections.abc import Iterable
from datetime import UTC
from uuid import NAMESPACE_URL, UUID, uuid5

from tenure.engine.protocol import Column
from tenure.warehouse.lineage import Lineage, description_of
from tenure.warehouse.lineage_sql import ROWS, How, Trace, Use
from tenure.warehouse.manifest import ReleaseManifest, Table, View

NAMESPACE = "tenure"
BUILD = "build"
"""The job whose run is the parent of every model's run."""

_SPEC = "https://openlineage.io/spec"
_RUN_EVENT = f"{_SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent"
_FACETS = {
    "columnLineage": ("1-2-0", "ColumnLineageDatasetFacet"),
    "documentation": ("1-0-1", "DocumentationDatasetFacet"),
    "outputStatistics": ("1-0-2", "OutputStatisticsOutputDatasetFacet"),
    "parent": ("1-0-1", "ParentRunFacet"),
    "schema": ("1-1-1", "SchemaDatasetFacet"),
    "version": ("1-0-1", "DatasetVersionDatasetFacet"),
}
_KINDS = {
    How.IDENTITY: ("DIRECT", "IDENTITY"),
    How.TRANSFORMATION: ("DIRECT", "TRANSFORMATION"),
    How.AGGREGATION: ("DIRECT", "AGGREGATION"),
    How.CONDITION: ("INDIRECT", "CONDITIONAL"),
    How.WINDOW: ("INDIRECT", "WINDOW"),
    How.FILTER: ("INDIRECT", "FILTER"),
    How.JOIN: ("INDIRECT", "JOIN"),
    How.GROUP: ("INDIRECT", "GROUP_BY"),
    How.SORT: ("INDIRECT", "SORT"),
}

Json = dict[str, object]


def run_events(manifest: ReleaseManifest, lineage: Lineage) -> list[Json]:
    """One COMPLETE event for each model of the release, and one for the build that is the parent of their runs.

    A model whose SQL has changed since has its schema but neither inputs nor column lineage: what it was made of
    then is not known. `outdated` names those.
    """
    made = [*manifest.tables, *manifest.views]
    events = [_model_event(manifest, lineage, entry) for entry in made]
    raws = sorted({name for entry in made for name in _inputs(lineage, entry) if name in lineage.inputs})
    build = _event(manifest, BUILD, {}, [_dataset(name) for name in raws], [_dataset(entry.name) for entry in made])
    return [*events, build]


def outdated(manifest: ReleaseManifest, lineage: Lineage) -> tuple[str, ...]:
    """Models of the release whose SQL is no longer what it was built by."""
    made = (*manifest.tables, *manifest.views)
    return tuple(entry.name for entry in made if not _is_current(lineage, entry))


def run_uuid(run_id: str, job: str) -> UUID:
    """The id of a job's run: Tenure's own run ids are no UUIDs, and the same run always gets the same one."""
    return uuid5(NAMESPACE_URL, f"urn:tenure:run:{run_id}:{job}")


def _is_current(lineage: Lineage, entry: Table | View) -> bool:
    model = lineage.models.get(entry.name)
    return model is not None and model.definition == entry.definition


def _inputs(lineage: Lineage, entry: Table | View) -> list[str]:
    if not _is_current(lineage, entry):
        return []
    return sorted(lineage.traces[entry.name].tables)


def _model_event(manifest: ReleaseManifest, lineage: Lineage, entry: Table | View) -> Json:
    facets: Json = {"schema": _schema(manifest, lineage, entry)}
    if _is_current(lineage, entry):
        facets["columnLineage"] = _column_lineage(manifest, lineage.traces[entry.name])
        facets["documentation"] = _facet(manifest, "documentation", description=description_of(lineage, entry.name))
    output: Json = {**_dataset(entry.name), "facets": facets}
    if isinstance(entry, Table):
        facets["version"] = _facet(manifest, "version", datasetVersion=entry.content_hash)
        size = sum(part.size for part in entry.parts)
        statistics = _facet(manifest, "outputStatistics", rowCount=entry.rows, size=size)
        output["outputFacets"] = {"outputStatistics": statistics}
    parent = _facet(
        manifest,
        "parent",
        run={"runId": str(run_uuid(manifest.run_id, BUILD))},
        job={"namespace": NAMESPACE, "name": BUILD},
    )
    inputs = [_dataset(name) for name in _inputs(lineage, entry)]
    return _event(manifest, entry.name, {"parent": parent}, inputs, [output])


def _event(manifest: ReleaseManifest, job: str, run_facets: Json, inputs: list[Json], outputs: list[Json]) -> Json:
    when = manifest.created_at
    return {
        "eventType": "COMPLETE",
        "eventTime": (when if when.tzinfo else when.replace(tzinfo=UTC)).isoformat(),
        "run": {"runId": str(run_uuid(manifest.run_id, job)), "facets": run_facets},
        "job": {"namespace": NAMESPACE, "name": job},
        "inputs": inputs,
        "outputs": outputs,
        "producer": _producer(manifest),
        "schemaURL": _RUN_EVENT,
    }


def _producer(manifest: ReleaseManifest) -> str:
    return f"urn:tenure:{manifest.tenure_version}"


def _facet(manifest: ReleaseManifest, kind: str, **content: object) -> Json:
    version, name = _FACETS[kind]
    url = f"{_SPEC}/facets/{version}/{name}.json#/$defs/{name}"
    return {"_producer": _producer(manifest), "_schemaURL": url, **content}


def _dataset(name: str) -> Json:
    return {"namespace": NAMESPACE, "name": name}


def _schema(manifest: ReleaseManifest, lineage: Lineage, entry: Table | View) -> Json:
    def described(column: Column) -> Json:
        text = description_of(lineage, entry.name, column.name) if entry.name in lineage.models else ""
        return {"name": column.name, "type": column.type, **({"description": text} if text else {})}

    return _facet(manifest, "schema", fields=[described(column) for column in entry.columns])


def _column_lineage(manifest: ReleaseManifest, traced: Trace) -> Json:
    fields = {name: {"inputFields": _input_fields(uses)} for name, uses in traced.columns.items()}
    return _facet(manifest, "columnLineage", fields=fields, dataset=_input_fields(traced.rows))


def _input_fields(uses: Iterable[Use]) -> list[Json]:
    """Columns that are read, each with all that it is read for; rows that are only counted are no column."""
    found: dict[tuple[str, str], list[Json]] = {}
    for use in sorted(uses):
        if use.column != ROWS:
            kind, subtype = _KINDS[use.how]
            transformation: Json = {"type": kind, "subtype": subtype, "description": "", "masking": False}
            found.setdefault((use.table, use.column), []).append(transformation)
    return [
        {**_dataset(table), "field": column, "transformations": transformations}
        for (table, column), transformations in found.items()
    ]
