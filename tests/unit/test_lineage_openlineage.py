"""OpenLineage events hold what the specification requires, name no machine, and agree with the lineage."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlparse
from uuid import UUID

import pytest

from tenure.core.settings import Project
from tenure.pipeline import raw_zone
from tenure.warehouse.lineage import Lineage, lineage_of
from tenure.warehouse.lineage_sql import ROWS
from tenure.warehouse.manifest import ReleaseManifest
from tenure.warehouse.openlineage import outdated, run_events, run_uuid
from tenure.warehouse.store import ReleaseStore
from tests.command import Command
from tests.unit.lineage_bank import make_bank

DIRECT = {"IDENTITY", "TRANSFORMATION", "AGGREGATION"}
INDIRECT = {"CONDITIONAL", "WINDOW", "FILTER", "JOIN", "GROUP_BY", "SORT"}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return make_bank(tmp_path_factory.mktemp("events") / "project")


@pytest.fixture(scope="module")
def manifest(project: Project) -> ReleaseManifest:
    store = ReleaseStore(project.warehouse)
    return store.manifest(store.names()[-1])


@pytest.fixture(scope="module")
def lineage(project: Project, manifest: ReleaseManifest) -> Lineage:
    return lineage_of(project, raw_zone(project), manifest.loads)


@pytest.fixture(scope="module")
def events(manifest: ReleaseManifest, lineage: Lineage) -> list[dict[str, Any]]:
    return json.loads(json.dumps(run_events(manifest, lineage)))


def _facets(event: dict[str, Any]) -> list[dict[str, Any]]:
    found = list(event["run"].get("facets", {}).values())
    for dataset in [*event["inputs"], *event["outputs"]]:
        found += [*dataset.get("facets", {}).values(), *dataset.get("outputFacets", {}).values()]
    return found


def _is_uri(text: str) -> bool:
    parsed = urlparse(text)
    return bool(parsed.scheme and (parsed.netloc or parsed.path)) and not re.search(r"[\s<>\"{}|\\^`]", text)


def test_every_event_has_what_the_specification_requires(events: list[dict[str, Any]]) -> None:
    for event in events:
        assert event["eventType"] == "COMPLETE"
        assert datetime.fromisoformat(event["eventTime"]).tzinfo is not None
        assert str(UUID(event["run"]["runId"])) == event["run"]["runId"]
        assert event["job"]["namespace"] == "tenure"
        assert event["job"]["name"]
        assert _is_uri(event["producer"])
        assert event["schemaURL"] == "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
        for dataset in [*event["inputs"], *event["outputs"]]:
            assert dataset["namespace"] == "tenure"
            assert dataset["name"]


def test_every_facet_names_its_producer_and_its_schema(events: list[dict[str, Any]]) -> None:
    facets = [facet for event in events for facet in _facets(event)]
    assert facets
    for facet in facets:
        assert _is_uri(facet["_producer"])
        assert re.fullmatch(
            r"https://openlineage\.io/spec/facets/\d-\d-\d/(\w+Facet)\.json#/\$defs/\1", facet["_schemaURL"]
        )


def test_column_lineage_has_the_form_of_its_facet(events: list[dict[str, Any]]) -> None:
    for event in events[:-1]:
        facets = event["outputs"][0]["facets"]
        facet = facets["columnLineage"]
        assert facet["_schemaURL"].startswith("https://openlineage.io/spec/facets/1-2-0/ColumnLineageDatasetFacet.json")
        assert list(facet["fields"]) == [field["name"] for field in facets["schema"]["fields"]]
        inputs = {dataset["name"] for dataset in event["inputs"]}
        for field in [
            *(field for entry in facet["fields"].values() for field in entry["inputFields"]),
            *facet["dataset"],
        ]:
            assert {"namespace", "name", "field", "transformations"} == field.keys()
            assert field["name"] in inputs
            for change in field["transformations"]:
                assert change["subtype"] in {"DIRECT": DIRECT, "INDIRECT": INDIRECT}[change["type"]]
                assert change["masking"] is False


def test_events_say_the_same_as_the_lineage(events: list[dict[str, Any]], lineage: Lineage) -> None:
    by_job = {event["job"]["name"]: event for event in events}
    assert set(by_job) == {*lineage.models, "build"}
    for name, traced in lineage.traces.items():
        event = by_job[name]
        assert {dataset["name"] for dataset in event["inputs"]} == traced.tables
        fields = event["outputs"][0]["facets"]["columnLineage"]["fields"]
        for column, uses in traced.columns.items():
            told = {(field["name"], field["field"]) for field in fields[column]["inputFields"]}
            assert told == {(use.table, use.column) for use in uses if use.column != ROWS}


def test_runs_are_named_the_same_every_time_and_have_the_build_as_parent(
    events: list[dict[str, Any]], manifest: ReleaseManifest
) -> None:
    build = events[-1]
    assert build["run"]["runId"] == str(run_uuid(manifest.run_id, "build"))
    assert len({event["run"]["runId"] for event in events}) == len(events)
    for event in events[:-1]:
        assert event["run"]["facets"]["parent"]["run"]["runId"] == build["run"]["runId"]
        assert event["run"]["facets"]["parent"]["job"] == {"namespace": "tenure", "name": "build"}
    assert {dataset["name"] for dataset in build["inputs"]} >= {"raw_customers", "setting", "loads"}


def test_tables_tell_their_rows_and_version(events: list[dict[str, Any]], manifest: ReleaseManifest) -> None:
    outputs = {event["job"]["name"]: event["outputs"][0] for event in events[:-1]}
    for table in manifest.tables:
        assert outputs[table.name]["outputFacets"]["outputStatistics"]["rowCount"] == table.rows
        assert outputs[table.name]["facets"]["version"]["datasetVersion"] == table.content_hash


def test_no_event_names_a_folder_or_a_file(events: list[dict[str, Any]], project: Project) -> None:
    text = json.dumps(events)
    assert str(project.root) not in text
    assert "landing/" not in text
    assert ".parquet" not in text


def test_a_model_that_has_changed_since_says_nothing_of_its_inputs(manifest: ReleaseManifest, lineage: Lineage) -> None:
    """The release was made by another SQL than the lineage was read from."""
    tables = tuple(
        replace(table, definition="other") if table.name == "dim_usage" else table for table in manifest.tables
    )
    changed = replace(manifest, tables=tables)
    assert outdated(changed, lineage) == ("dim_usage",)
    told = next(
        event for event in json.loads(json.dumps(run_events(changed, lineage))) if event["job"]["name"] == "dim_usage"
    )
    assert told["inputs"] == []
    assert "columnLineage" not in told["outputs"][0]["facets"]
    assert "schema" in told["outputs"][0]["facets"]


@pytest.fixture
def tenure(project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    monkeypatch.chdir(project.root)
    return Command(monkeypatch, capsys)


def test_the_command_prints_one_event_a_line_or_writes_them(tenure: Command, tmp_path: Path, lineage: Lineage) -> None:
    printed = tenure("lineage", "--openlineage")
    assert printed.code == 0, printed.err
    lines = printed.out.splitlines()
    assert len(lines) == len(lineage.models) + 1
    written = tenure("lineage", "--openlineage", "--output", tmp_path / "events.ndjson")
    assert written.code == 0, written.err
    assert (tmp_path / "events.ndjson").read_text(encoding="utf-8").splitlines() == lines
    assert str(len(lines)) in written.out
