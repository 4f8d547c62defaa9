"""Any JSON document: its records arrive exactly; damage costs a record or the file, never another record."""

import json
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tenure.core.errors import SourceRefused
from tenure.sources.json_document import document_blocks
from tenure.sources.json_guard import json_blocks
from tests.bad_json import meaning
from tests.guarded_file import Read, contract, read_through

WHOLE = contract("json", customer_id={"type": "string", "from": "$", "format": "json"})
NESTED = contract(
    "json",
    visits="integer",
    city={"type": "string", "from": "home.city"},
    rent={"type": "decimal(9,2)", "from": "home.rent.net"},
    seen={"type": "boolean", "from": "home.rent.seen"},
)
BLOCK_SIZES = st.sampled_from([1, 9, 100, 16 << 20])
FRAMES = st.sampled_from(["[%s]", " [\n%s\n]\n", '{"a":{"x":"[","items":[%s]},"b":[{}]}', "%s"])

_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_numbers = st.integers(-(10**20), 10**20).map(str) | st.decimals(allow_nan=False, allow_infinity=False).map(str)
_blanks = st.sampled_from(["", "", " ", "\n", "\t ", "\r\n  "])


@st.composite
def _written(draw: st.DrawFn, depth: int = 3) -> str:
    """A JSON value as some software may write it."""
    kind = draw(st.sampled_from(["text", "number", "word", "array", "object"] if depth else ["text", "number", "word"]))
    if kind == "text":
        return json.dumps(draw(_text), ensure_ascii=draw(st.booleans()))
    if kind == "number":
        return draw(_numbers)
    if kind == "word":
        return draw(st.sampled_from(["true", "false", "null"]))
    blank = draw(_blanks)
    inner = draw(st.lists(_written(depth - 1), max_size=3))
    if kind == "array":
        return f"[{blank}{f'{blank},{blank}'.join(inner)}{blank}]"
    keys = draw(st.lists(_text, min_size=len(inner), max_size=len(inner), unique=True))
    pairs = [f"{json.dumps(key)}{blank}:{blank}{value}" for key, value in zip(keys, inner, strict=True)]
    return f"{{{blank}{f'{blank},{blank}'.join(pairs)}{blank}}}"


def _read(content: str | bytes, terms: object, block_bytes: int, *, inside: bool = False) -> Read:
    given_terms = terms.model_copy(update={"records": "a.items"}) if inside else terms  # type: ignore[attr-defined]
    return read_through(
        document_blocks, content if isinstance(content, bytes) else content.encode(), given_terms, block_bytes
    )


@given(
    values=st.lists(_written(), max_size=8),
    frame=FRAMES.filter(lambda frame: frame != "%s"),
    blank=_blanks,
    block_bytes=BLOCK_SIZES,
)
def test_every_element_of_an_array_arrives_as_it_is_written(
    values: list[str], frame: str, blank: str, block_bytes: int
) -> None:
    content = frame.replace("%s", f"{blank},{blank}".join(values))
    result = _read(content, WHOLE, block_bytes, inside="items" in frame)
    assert result.rejects == []
    assert list(result.verbatim.values()) == [value.encode() for value in values]
    assert [meaning(str(cell or "")) for cell in result.column("customer_id")] == [meaning(value) for value in values]


_home = st.fixed_dictionaries(
    {},
    optional={
        "city": st.none() | _text.filter(lambda text: "\0" not in text),
        "rent": st.none()
        | st.fixed_dictionaries(
            {},
            optional={
                "net": st.none() | st.decimals(Decimal("-9999999.99"), Decimal("9999999.99"), places=2),
                "seen": st.none() | st.booleans(),
            },
        ),
    },
)
_record = st.fixed_dictionaries({}, optional={"visits": st.integers(-(2**63), 2**63 - 1), "home": st.none() | _home})


def _as_json(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{_as_json(inner)}" for key, inner in value.items()) + "}"
    return str(value) if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False)


@given(records=st.lists(_record, min_size=1, max_size=10), frame=FRAMES, block_bytes=BLOCK_SIZES)
def test_nested_values_arrive_exactly_in_every_form(
    records: list[dict[str, object]], frame: str, block_bytes: int
) -> None:
    texts = [_as_json(record) for record in records]
    joined = ("," if "[" in frame else "\n").join(texts)
    document = _read(frame.replace("%s", joined), NESTED, block_bytes, inside="items" in frame)
    lines = read_through(json_blocks, "\n".join(texts).encode(), NESTED, block_bytes)
    for result in (document, lines):
        assert result.rejects == []
        for row, record in enumerate(records, start=1):
            home = record.get("home") or {}
            rent = home.get("rent") or {}  # type: ignore[union-attr]
            cells = result.cells[row]
            assert (cells["visits"], cells["city"]) == (record.get("visits"), home.get("city"))  # type: ignore[union-attr]
            assert (None if cells["rent"] is None else Decimal(str(cells["rent"]))) == rent.get("net")
            assert (None if cells["seen"] is None else str(cells["seen"]).lower() == "true") == rent.get("seen")


@given(
    records=st.lists(_record, min_size=2, max_size=6),
    frame=st.sampled_from(["[%s]", "%s"]),
    data=st.data(),
    block_bytes=BLOCK_SIZES,
)
def test_damage_to_a_document_costs_records_that_it_touches_or_the_file(
    records: list[dict[str, object]], frame: str, data: st.DataObject, block_bytes: int
) -> None:
    texts = [_as_json({"visits": place, **record}) for place, record in enumerate(records)]
    content = bytearray(frame.replace("%s", (",\n" if "[" in frame else "\n").join(texts)).encode())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at : at + data.draw(st.integers(0, 2))] = data.draw(
        st.sampled_from([b"", b'"', b"{", b"}", b"[", b"]", b",", b":", b"x", b"\\", b"\xff"])
    )
    try:
        result = _read(bytes(content), NESTED, block_bytes)
    except SourceRefused:
        return
    # What was loaded is what Python reads of the same text, record by record, and nothing is missing.
    text = {**result.verbatim, **{reject.row: reject.record for reject in result.rejects}}
    assert list(text) == list(range(1, len(text) + 1)) or sorted(text) == list(range(1, len(text) + 1))
    rest = bytes(content)
    for row in sorted(text):
        before, found, rest = rest.partition(text[row])
        assert found or not text[row]
        assert not before.strip(b" \t\r\n,[")
    assert not rest.strip(b" \t\r\n]")
    for row in result.cells:
        assert isinstance(json.loads(text[row]), dict)
