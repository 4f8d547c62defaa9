"""A flow of NiFi is read in every form that it writes, and nothing in it can do harm."""

import gzip
import json
import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.core.errors import UsageError
from tenure.sources.nifi_filter import globs_of
from tenure.sources.nifi_flow import Flow, read_flow
from tests.legacy_files import unpack_legacy

FLOWS = (
    "flow_GetFile_ConvertRecord_PutFile.json",
    "flow_GetFile_ConvertRecord_PutHDFS.json",
    "flow_written_by_nifi.xml",
    "flow_PutHDFS_written_by_nifi.xml",
)


@pytest.fixture(scope="module")
def nifi(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack_legacy(tmp_path_factory.mktemp("legacy")) / "nifi"


def chain(flow: Flow) -> list[str]:
    (first,) = [processor for processor in flow.processors if processor.type == "GetFile"]
    return [first.type, *(processor.type for processor in flow.after(first))]


def reader(flow: Flow) -> str:
    convert = next(processor for processor in flow.processors if processor.type == "ConvertRecord")
    return flow.services[convert.value("record-reader", "Record Reader")].type


@pytest.mark.parametrize("name", FLOWS)
def test_json_and_xml_say_the_same(nifi: Path, name: str) -> None:
    flow = read_flow(nifi / name)

    assert chain(flow)[:2] == ["GetFile", "ConvertRecord"]
    assert chain(flow)[2] in {"PutFile", "PutHDFS"}
    assert reader(flow) == "JsonTreeReader"
    assert flow.processors[0].value("File Filter") == r"[^\.].*"


def test_a_compressed_flow_is_read(nifi: Path, tmp_path: Path) -> None:
    file = tmp_path / "flow.json.gz"
    file.write_bytes(gzip.compress((nifi / FLOWS[0]).read_bytes()))

    assert chain(read_flow(file)) == ["GetFile", "ConvertRecord", "PutFile"]


def test_names_of_version_2_and_nested_groups_and_parameters_are_understood(nifi: Path, tmp_path: Path) -> None:
    document = json.loads((nifi / FLOWS[0]).read_text())
    group = document["rootGroup"]
    for processor in group["processors"]:
        if processor["type"].endswith("ConvertRecord"):
            processor["properties"] = {"Record Reader": processor["properties"]["record-reader"]}
        if processor["type"].endswith("GetFile"):
            processor["properties"]["Input Directory"] = "#{base}/${part}"
    exported = {
        "flowContents": {"processGroups": [group], "variables": {"part": "in"}},
        "parameterContexts": {"p": {"parameters": [{"name": "base", "value": "/data"}]}},
    }
    file = tmp_path / "exported.json"
    file.write_text(json.dumps(exported))
    flow = read_flow(file)

    assert reader(flow) == "JsonTreeReader"
    assert flow.resolved(flow.processors[0].value("Input Directory")) == "/data/in"
    assert flow.resolved("${unknown}/x") is None


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><flowController>&b;</flowController>'
OUTSIDE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><flowController><name>&a;</name></flowController>'


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (BOMB, "declares a document type"),
        (OUTSIDE, "declares a document type"),
        ("<a>" * 1000, "nested too deeply"),
        ("<flowController>", "cannot be read as a flow"),
        ("{" * 100_000, "cannot be read as a flow"),
        ("[1]", "holds no processor"),
        ("", "cannot be read as a flow"),
        ("<flowController/>", "holds no processor"),
    ],
)
def test_what_is_no_flow_is_refused(tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "flow"
    file.write_text(content)

    with pytest.raises(UsageError, match=said):
        read_flow(file)


def test_a_compressed_bomb_is_not_unpacked(tmp_path: Path) -> None:
    file = tmp_path / "flow.xml.gz"
    file.write_bytes(gzip.compress(b" " * (65 << 20)))

    with pytest.raises(UsageError, match="is larger than 64 MB"):
        read_flow(file)


@pytest.mark.parametrize(
    ("expression", "globs", "exact"),
    [
        (r"[^\.].*", ("*",), True),
        (r".*\.json", ("*.json",), True),
        (r"[^\.].*\.csv", ("*.csv",), True),
        (
            r"^events_\d{4}-\d{2}\.(json|ndjson)$",
            tuple(f"events_{'[0-9]' * 4}-[0-9][0-9].{e}" for e in ("json", "ndjson")),
            True,
        ),
        (r"(?i).*\.csv", ("*.[cC][sS][vV]",), True),
        (r".+\.csv(\.gz)?", ("?*.csv", "?*.csv.gz"), True),
        (r"[a-z]+_x\.txt", ("*_x.txt",), False),
        (r"what\?\.txt", ("what[?].txt",), True),
    ],
)
def test_file_filters_become_patterns(expression: str, globs: tuple[str, ...], exact: bool) -> None:
    assert globs_of(expression) == (globs, exact)


@pytest.mark.parametrize("expression", [r"(?!tmp).*", r"\Qa\E", "(((", "[", ")", "*", r"(?<x>a)", r"[a&&[b]]"])
def test_a_filter_beyond_patterns_is_none(expression: str) -> None:
    assert globs_of(expression) is None


ATOMS = st.sampled_from(["a", "b", r"\.", ".", r"\d", "[ab]", "[^a]", "_", "1"])
TIMES = st.sampled_from(["", "", "*", "+", "?", "{2}", "{1,2}"])
PIECES = st.tuples(ATOMS, TIMES).map("".join)
BRANCHES = st.lists(PIECES, min_size=1, max_size=4).map("".join)
EXPRESSIONS = st.one_of(
    BRANCHES, st.tuples(BRANCHES, BRANCHES, BRANCHES).map(lambda parts: f"{parts[0]}({parts[1]}|{parts[2]})")
)


@given(expression=EXPRESSIONS, names=st.lists(st.text("ab1._", min_size=1, max_size=5), max_size=30))
def test_patterns_take_every_file_that_the_filter_took(expression: str, names: list[str]) -> None:
    found = globs_of(expression) or ((), True)
    for name in names:
        taken = any(fnmatchcase(name, glob) for glob in found[0])
        wanted = re.fullmatch(expression, name) is not None
        hidden = name.startswith(".")
        assert taken or not wanted, (expression, name)
        assert not found[1] or hidden or taken == wanted, (expression, name)
