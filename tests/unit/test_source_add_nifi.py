"""A flow GetFile → ConvertRecord → PutHDFS becomes a watched source; what has no counterpart is named."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tenure.cli.demo import make_project
from tenure.contracts.files import read_contract
from tenure.core.settings import Project, open_project
from tenure.pipeline import run_all
from tenure.warehouse.releases import open_release
from tests.command import Command
from tests.legacy_files import unpack_legacy

DAY = date(2025, 10, 2)
FlowFile = Callable[..., Path]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    make_project(tmp_path / "shop", "bank")
    for path in (tmp_path / "shop" / "sources").glob("*.yml"):
        path.unlink()
    return open_project(tmp_path / "shop")


@pytest.fixture
def flow(tmp_path: Path) -> FlowFile:
    """Writes the flow with other properties: `flow(folder, getter={…}, reader_type="CSVReader", reader={…})`."""
    document: dict[str, Any] = json.loads(
        (unpack_legacy(tmp_path / "legacy") / "nifi" / "flow_GetFile_ConvertRecord_PutHDFS.json").read_text()
    )

    def write(
        folder: Path | str,
        *,
        getter: dict[str, str] | None = None,
        reader_type: str = "JsonTreeReader",
        reader: dict[str, str] | None = None,
        extra: str | None = None,
    ) -> Path:
        for processor in document["rootGroup"]["processors"]:
            if processor["type"].endswith("GetFile"):
                processor["properties"] |= {"Input Directory": str(folder), **(getter or {})}
            if extra and processor["type"].endswith("PutHDFS"):
                processor["type"] = f"org.apache.nifi.{extra}"
        service = next(s for s in document["rootGroup"]["controllerServices"] if s["type"].endswith("Reader"))
        service["type"] = f"org.apache.nifi.{reader_type}"
        service["properties"] |= reader or {}
        file = tmp_path / "flow.json"
        file.write_text(json.dumps(document))
        return file

    return write


def watched(project: Project) -> Path:
    folder = project.root / "landing" / "in"
    folder.mkdir(parents=True)
    return folder


def test_json_files_in_the_folder_give_the_columns(project: Project, flow: FlowFile, tenure: Command) -> None:
    folder = watched(project)
    (folder / "sub").mkdir()
    for name in ("a.json", "sub/b.json"):
        (folder / name).write_text('{"id": 1, "at": {"x": 1.50}}\n{"id": 2, "at": {"x": 2}}\n')
    ran = tenure("source", "add", "--from-nifi-flow", flow(folder), "--project", project.root)
    contract = read_contract(project.sources / "in.yml")

    assert ran.code == 0
    assert contract.paths == ("landing/in/**/*",)
    assert (contract.kind, contract.key) == ("ndjson", ("id",))
    assert contract.watch.archive == "archive/in"
    assert "Made from NiFi's flow GetFile → ConvertRecord → PutHDFS" in ran.out
    assert "PutHDFS to /data/out" in ran.out
    assert [outcome.loaded for outcome in run_all(project, DAY).outcomes] == [2, 2]


def test_a_flow_whose_folder_is_empty_takes_records_of_json_as_a_whole(
    project: Project, flow: FlowFile, tenure: Command
) -> None:
    folder = watched(project)
    ran = tenure("source", "add", "--from-nifi-flow", flow(folder), "--project", project.root)
    (folder / "later.json").write_text('[{"id": 1, "n": 12345678901234567890.10}, {"id": 2}]')
    result = run_all(project, DAY)

    assert "No file is there yet" in ran.out
    assert [(outcome.loaded, outcome.quarantined) for outcome in result.outcomes] == [(2, 0)]
    with open_release(project) as release:
        records = release.query("SELECT record FROM raw_in ORDER BY _row")["record"].to_pylist()
    assert "12345678901234567890.10" in str(records[0])


def test_a_csv_reader_says_how_files_are_written(project: Project, flow: FlowFile, tenure: Command) -> None:
    folder = watched(project)
    (folder / "x.txt").write_text("1|'a|b'|NONE\n2|c|d\n")
    reader = {"Value Separator": "|", "Quote Character": "'", "Null String": "NONE"}
    file = flow(folder, reader_type="csv.CSVReader", reader=reader, getter={"Keep Source File": "true"})
    assert tenure("source", "add", "--from-nifi-flow", file, "--project", project.root).code == 0
    contract = read_contract(project.sources / "in.yml")

    assert (contract.delimiter, contract.quote, contract.header) == ("|", "'", False)
    assert contract.nulls == ("NONE",)
    assert contract.watch.archive is None
    assert [outcome.loaded for outcome in run_all(project, DAY).outcomes] == [2]


def test_a_sample_stands_in_for_files_that_are_not_there(project: Project, flow: FlowFile, tenure: Command) -> None:
    sample = project.root / "sample.csv"
    sample.write_text("id,name\n1,a\n2,b\n")
    file = flow("/data/in", reader_type="csv.CSVReader", reader={"Treat First Line as Header": "true"})
    without = tenure("source", "add", "--from-nifi-flow", file, "--project", project.root)
    ran = tenure("source", "add", sample, "--from-nifi-flow", file, "--project", project.root)

    assert (without.code, "name a file of the kind as well" in without.out) == (1, True)
    assert ran.code == 0
    contract = read_contract(project.sources / "in.yml")
    assert (contract.paths, list(contract.columns)) == (("/data/in/**/*",), ["id", "name"])


@pytest.mark.parametrize(
    ("getter", "said"),
    [
        ({"File Filter": r"(?!x).*"}, "the File Filter (?!x).*"),
        ({"File Filter": r"[a-z]+\.json"}, "path takes more files than the File Filter"),
        ({"Minimum File Age": "5 sec"}, "Minimum File Age 5 sec (tenure watch --settle SECONDS waits too)"),
        ({"Maximum File Size": "1 MB"}, "Maximum File Size 1 MB"),
        ({"Ignore Hidden Files": "false"}, "hidden files, which are never taken"),
        ({"Path Filter": "a.*"}, "Path Filter a.*"),
    ],
)
def test_what_has_no_counterpart_is_named(
    project: Project, flow: FlowFile, tenure: Command, getter: dict[str, str], said: str
) -> None:
    ran = tenure("source", "add", "--from-nifi-flow", flow(watched(project), getter=getter), "--project", project.root)

    assert said in ran.out
    assert said.split(" (", maxsplit=1)[0] in (project.sources / "in.yml").read_text()


def test_other_processors_and_readers_are_named(project: Project, flow: FlowFile, tenure: Command) -> None:
    words = ("source", "add", "--project", project.root, "--from-nifi-flow")

    assert (
        "No counterpart: processor PutHDFS (PublishKafka)" in tenure(*words, flow("/data/in", extra="PublishKafka")).out
    )
    refused = tenure(*words, flow("/data/in", reader_type="avro.AvroReader"))
    assert (refused.code, "its records are read by AvroReader" in refused.out) == (1, True)


def test_nested_records_are_found_by_the_readers_field(project: Project, flow: FlowFile, tenure: Command) -> None:
    folder = watched(project)
    (folder / "a.json").write_text('{"n": 1, "items": [{"id": 1}, {"id": 2}]}')
    reader = {"Starting Field Strategy": "NESTED_FIELD", "Starting Field Name": "items"}
    assert tenure("source", "add", "--from-nifi-flow", flow(folder, reader=reader), "--project", project.root).code == 0

    assert read_contract(project.sources / "in.yml").records == "items"
    assert [outcome.loaded for outcome in run_all(project, DAY).outcomes] == [2]


def test_no_recursion_and_a_filter_make_the_path(project: Project, flow: FlowFile, tenure: Command) -> None:
    getter = {"Recurse Subdirectories": "false", "File Filter": r".*\.(json|ndjson)"}
    assert (
        tenure("source", "add", "--from-nifi-flow", flow("/data/in", getter=getter), "--project", project.root).code
        == 0
    )

    assert read_contract(project.sources / "in.yml").paths == ("/data/in/*.json", "/data/in/*.ndjson")
