"""Paths to values in nested records: read as they are written, refused where they are none, and written back."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tenure.contracts.model import Contract
from tenure.contracts.source_paths import path_of, steps_of
from tenure.sources.records import Reject
from tenure.sources.verbatim_keys import json_key_texts
from tests.guarded_file import contract


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("city", ("city",)),
        ("address.city", ("address", "city")),
        ("tags[0]", ("tags", 0)),
        ("grid[1][22].x", ("grid", 1, 22, "x")),
        ('"net.amount".value', ("net.amount", "value")),
        ('"a\\"b"', ('a"b',)),
        ('Nötiz "neu"', ('Nötiz "neu"',)),
        ("_id.$oid", ("_id", "$oid")),
        ("$", ()),
    ],
)
def test_a_path_names_keys_and_places(path: str, steps: tuple[str | int, ...]) -> None:
    assert steps_of(path) == steps


@pytest.mark.parametrize(
    "path", ["", ".", "a.", ".a", "a..b", "a[", "a[x]", "a[-1]", "a]", "[0]", '"a', '"a"b', '"\\q"']
)
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="path|JSON string"):
        steps_of(path)


_keys = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6)


@given(first=_keys, others=st.lists(_keys | st.integers(0, 99), max_size=4))
def test_every_place_has_a_path_that_leads_to_it(first: str, others: list[str | int]) -> None:
    steps = (first, *others)
    assert steps_of(path_of(steps)) == steps


def described(kind: str, column: dict[str, object], **words: Any) -> Contract:
    columns: dict[str, object] = {"customer_id": {"type": "string"}, "value": column}
    content = {
        "source": "s",
        "entity": "customers",
        "kind": kind,
        "path": "p",
        "key": ["customer_id"],
        "columns": columns,
    }
    return Contract.model_validate({**content, **words})


@pytest.mark.parametrize(
    ("kind", "column", "words", "why"),
    [
        ("json", {"type": "string", "from": "a..b"}, {}, "not a path"),
        ("parquet", {"type": "string", "from": "a["}, {}, "not a path"),
        ("csv", {"type": "string", "format": "json"}, {}, "json is for kinds"),
        ("json", {"type": "integer", "format": "json"}, {}, "format"),
        ("ndjson", {"type": "string"}, {"records": "data.items"}, "records is for kind: json"),
        ("json", {"type": "string"}, {"records": "data[0]"}, "records names the keys"),
        ("json", {"type": "string"}, {"records": "$"}, "records names the keys"),
        ("json", {"type": "string", "from": '"customer_id"'}, {}, "same place: customer_id"),
    ],
)
def test_a_contract_says_only_what_its_kind_can_do(
    kind: str, column: dict[str, object], words: dict[str, Any], why: str
) -> None:
    with pytest.raises(ValidationError, match=why):
        described(kind, column, **words)


def test_no_place_is_an_object_and_an_array() -> None:
    with pytest.raises(ValidationError, match="home is said to be an object and an array"):
        contract("json", a={"type": "string", "from": "home.city"}, b={"type": "string", "from": "home[0]"})


def test_the_name_of_a_csv_column_is_no_path() -> None:
    assert described("csv", {"type": "string", "from": "a..b["}).source_columns()["value"] == "a..b["


def test_the_key_of_a_record_that_was_set_apart_is_found_by_its_path() -> None:
    terms = contract("json", customer_id={"type": "integer", "from": "who.ids[1]"}, note="string")
    read = json_key_texts(terms)

    def key(record: bytes) -> object:
        return read(Reject(1, None, "json", "", record))

    assert key(b'{"who":{"ids":[7,8]},"note":1,"note":2}') == {"customer_id": "8"}
    assert key(b'{"who":{"ids":[7]}}') is None
    assert key(b'{"who":{"ids":[7,8]},"who":{"ids":[7,9]}}') is None
    assert key(b'{"who":{"ids":{"1":8}}}') is None
    assert key(b'{"who":{"ids":[7,[8]]}}') is None
    assert key(b'{"who":') is None
