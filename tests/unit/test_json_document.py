"""A JSON document gives its records exactly, whatever its form; what is broken costs its record, or the file."""

import gzip
from decimal import Decimal
from pathlib import Path

import pytest

from tenure.contracts.model import Contract
from tenure.core.errors import SourceRefused
from tenure.sources import json_document
from tenure.sources.json_document import document_blocks
from tenure.sources.json_guard import json_blocks
from tests.guarded_file import Read, contract, read_through

TERMS = contract("json", visits="integer", balance="decimal(12,2)", note="string")
NESTED = contract(
    "json",
    city={"type": "string", "from": "address.city"},
    code={"type": "integer", "from": "address.zip.code"},
    net={"type": "decimal(9,2)", "from": '"net.amount"'},
)
PARTS = contract(
    "json",
    first={"type": "string", "from": "tags[0]"},
    second={"type": "integer", "from": "points[1].y"},
    more={"type": "string", "format": "json"},
)
GOOD = b'{"customer_id":"1","visits":3}'


def read(content: bytes | str, terms: Contract = TERMS, block_bytes: int = 16 << 20) -> Read:
    encoded = content if isinstance(content, bytes) else content.encode()
    return read_through(document_blocks, encoded, terms, block_bytes)


def refusal(content: bytes | str, terms: Contract = TERMS) -> SourceRefused:
    """Why a file is refused, which it is whatever the size of the blocks; every refusal has a cure and a line."""
    for block_bytes in (1, 7, 16 << 20):
        with pytest.raises(SourceRefused) as refused:
            read(content, terms, block_bytes)
        assert refused.value.cure
        assert refused.value.where
    return refused.value


def line_of(refused: SourceRefused) -> int:
    return int(str(refused.where).rpartition(":")[2])


@pytest.mark.parametrize(
    "frame",
    [
        "[{0},{1},{2}]",
        "[\n  {0} ,\n  {1},\n\n  {2}\n]\n",
        "{0}{1}{2}",
        "{0}\n{1}\n{2}\n",
        "\ufeff[{0},{1},{2}]",
        " {0}\r\n\r\n{1} {2}",
    ],
)
@pytest.mark.parametrize("pretty", [False, True])
@pytest.mark.parametrize("block_bytes", [1, 50, 16 << 20])
def test_an_array_and_objects_one_after_another_say_the_same(frame: str, pretty: bool, block_bytes: int) -> None:
    records = [
        '{"customer_id":"1","visits":9007199254740993,"balance":1234567890.78}',
        '{"customer_id":"2","note":"a \\" } ] , [ { \\\\"}',
        '{"customer_id":"3","balance":1.5e2,"visits":1.0}',
    ]
    if pretty:
        records = [record.replace(",", " ,\n\t").replace(":", " : ").replace("{", "{\r\n") for record in records[::2]]
        records.insert(1, '{"customer_id":"2",\n"note":"a \\" } ] , [ { \\\\"}')
    content = frame.replace("{0}", "%0").replace("{1}", "%1").replace("{2}", "%2")
    for place, record in enumerate(records):
        content = content.replace(f"%{place}", record)
    result = read(content, block_bytes=block_bytes)
    assert result.rejects == []
    assert [str(cell) for cell in result.column("visits")] == ["9007199254740993", "None", "1.0"]
    assert [cell and Decimal(str(cell)) for cell in result.column("balance")] == [Decimal("1234567890.78"), None, 150]
    assert result.cells[2]["note"] == 'a " } ] , [ { \\'
    assert [text.decode() for text in result.verbatim.values()] == records


@pytest.mark.parametrize("content", ["[]", " [ \n ] \n", "\ufeff[]"])
def test_an_array_without_elements_has_no_records(content: str) -> None:
    assert read(content).records == 0


@pytest.mark.parametrize("content", ["", " \n\t", "\ufeff"])
def test_a_file_without_anything_is_refused(content: str) -> None:
    assert "empty" in refusal(content).what


def test_nested_values_are_named_by_their_path() -> None:
    result = read(
        '[{"customer_id":"1","address":{"city":"Wien","zip":{"code":1010}},"net.amount":1.10},'
        '{"address":{"zip":{}}},{"address":null},{},{"address":{"city":7,"zip":{"code":1.5}}}]',
        NESTED,
    )
    assert result.rejects == []
    assert result.column("city") == ["Wien", None, None, None, "7"]
    assert [str(cell) for cell in result.column("code")] == ["1010", "None", "None", "None", "1.5"]
    assert result.cells[1]["net"] == Decimal("1.10") or result.cells[1]["net"] == "1.10"


def test_a_key_inside_that_nobody_asks_for_is_unknown() -> None:
    reject = read('[{"address":{"city":"Wien","zip":{"code":1,"area":2}}}]', NESTED).rejects[0]
    assert (reject.rule, reject.reason) == (
        "unknown_column",
        'has a key that the contract does not know: "address.zip.area" (line 1)',
    )


def test_one_value_where_an_object_should_be_is_set_apart() -> None:
    result = read('[{"address":"Wien"},{"address":[]},{"address":{"zip":true}}]', NESTED)
    assert [(reject.rule, reject.column) for reject in result.rejects] == [
        ("type", "city"),
        ("type", "city"),
        ("type", "code"),
    ]


def test_elements_of_arrays_and_whole_values_are_taken() -> None:
    result = read(
        '[{"tags":["a","b"],"points":[{"y":1},{"y":2}],"more":{"b":[1.50, null,"\\u00e9"],"a":{}}},'
        '{"tags":[],"points":[],"more":"x"},{"tags":null,"more":1e400},{"more":null},{"tags":{}}]',
        PARTS,
    )
    assert [result.column(name)[:2] for name in ("first", "second")] == [["a", None], ["2", None]]
    assert result.column("more") == ['{"b":[1.50,null,"é"],"a":{}}', '"x"', "1e400", None]
    assert result.faults == [(5, "type")]


def test_an_object_with_a_key_twice_is_kept_as_text_but_not_read() -> None:
    result = read('[{"more":{"a":1,"a":2}},{"tags":["x"],"tags":["y"]}]', PARTS)
    assert result.column("more") == ['{"a":1,"a":2}']
    assert result.faults == [(2, "json")]


def test_a_record_may_be_taken_as_a_whole() -> None:
    terms = contract("json", customer_id={"type": "string", "from": "$", "format": "json"})
    assert read('[1.50,"a",{"b":[]},[null],true]', terms).column("customer_id") == [
        "1.50",
        '"a"',
        '{"b":[]}',
        "[null]",
        "true",
    ]
    assert read(' "only" \n', terms).column("customer_id") == ['"only"']


@pytest.mark.parametrize("content", ["1 2", "]", "nul", "text"])
def test_a_document_that_is_no_json_value_is_set_apart_or_refused(content: str) -> None:
    try:
        result = read(content)
    except SourceRefused:
        return
    assert (result.cells, result.faults) == ({}, [(1, "json")])


def test_elements_that_are_no_objects_are_set_apart_unless_they_are_asked_for() -> None:
    result = read(b'[1,"a {",' + GOOD + b",null,[{}],{}]")
    assert sorted(result.cells) == [3, 6]
    assert result.faults == [(1, "json"), (2, "json"), (4, "json"), (5, "json")]
    assert [reject.record for reject in result.rejects] == [b"1", b'"a {"', b"null", b"[{}]"]


@pytest.mark.parametrize(
    "broken",
    [
        '{"visits":01}',
        '{"visits":}',
        '{"visits":1,}',
        '{"visits":1,"visits":2}',
        '{"visits":NaN}',
        '{"visits":-Infinity}',
        "{visits:1}",
        '{"note":"\\x"}',
        '{"note":"\\ud800"}',
        '{"note":"a\nb"}',
        '{"note":"a\u0000b"}',
        '{"note":[}'.replace("[}", "[]}"),
        '{"note":' + "[" * 200 + "]" * 200 + "}",
        '{"visits":1 2}',
    ],
)
def test_a_wrong_value_costs_its_record_alone_and_says_where(broken: str) -> None:
    for frame in ("[{0},\n{1},\n{0}]", "{0}\n{1}\n{0}"):
        content = frame.replace("{0}", GOOD.decode()).replace("{1}", broken)
        for block_bytes in (1, 16 << 20):
            result = read(content, block_bytes=block_bytes)
            assert (sorted(result.cells), [reject.row for reject in result.rejects]) == ([1, 3], [2])
            assert result.rejects[0].record == broken.encode()
            assert result.rejects[0].reason.endswith("(line 2)")


@pytest.mark.parametrize(
    "broken",
    [
        '{"note":"a"b"}',
        '{"note":"a}',
        '{"note:"a"}',
        '{"visits":1',
        '{"visits":1}}',
        '{"visits":[1}',
        '{"visits":1]',
        '{"visits" 1}',
        '{"visits":1 "note":"a"}',
        '{"visits"::1}',
        '{"visits":1, {"note":"a"}',
        '"visits":1}',
    ],
)
def test_where_nobody_can_tell_what_is_a_record_the_file_is_refused(broken: str) -> None:
    for frame in ("[{0},\n{1},\n{0}]", "{0}\n{1}\n{0}"):
        refused = refusal(frame.replace("{0}", GOOD.decode()).replace("{1}", broken))
        assert line_of(refused) >= 1


def test_a_missing_and_a_spare_quote_do_not_hide_the_records_between_them() -> None:
    between = b",".join([GOOD] * 3)
    refusal(b'[{"note":"a"b"},' + between + b',{"note":"a"b"}]')
    refusal(b'[{"note":1,' + between + b',{"note":1}}]')


@pytest.mark.parametrize("behind", ["x", ",", "]", "{}", "[]", "[", '"', "\x00"])
def test_nothing_may_stand_behind_the_array(behind: str) -> None:
    refusal(b"[" + GOOD + b"]" + behind.encode())


@pytest.mark.parametrize(
    "content", ["[{},]", "[,{}]", "[{} {}]", "[{},,{}]", "{},{}", "{} 1", "{} []", "[1 2]", '["a""b"]', "{}]"]
)
def test_commas_stand_between_elements_and_nowhere_else(content: str) -> None:
    refusal(content)


def test_a_document_cut_short_anywhere_is_refused() -> None:
    whole = b'{"data": {"items": [' + GOOD + b',\n{"note":"a\\"b","visits":[1,{"x":2}]} ], "next": null}}'
    terms = contract("json", visits="integer", note="string").model_copy(update={"records": "data.items"})
    assert read(whole, terms).records == 2
    for size in range(len(whole)):
        with pytest.raises(SourceRefused):
            read(whole[:size], terms)


def envelope(records: str) -> Contract:
    return TERMS.model_copy(update={"records": records})


def test_the_array_may_stand_inside_the_document() -> None:
    content = (
        b'{"meta":{"items":[1,{"data":2}],"q":"]}"},"data":{"page":1,"items":['
        + GOOD
        + b","
        + GOOD
        + b'],"total":2},"x":[]}'
    )
    for block_bytes in (1, 3, 16 << 20):
        assert read(content, envelope("data.items"), block_bytes).records == 2


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ('{"data":{"rows":[]}}', "data has no key items; it has rows"),
        ('{"data":{"items":{}}}', "data.items is not an array"),
        ('{"data":[]}', "data is not an object"),
        ('[{"data":{"items":[]}}]', "the document is not an object"),
        (
            '{"data":{"items":[{}],"items":[{}]}}',
            'the text around the array has a key more than once: "items"; nothing was loaded',
        ),
        ('{"data":{"items":[{}]},}', "the text around the array is not valid JSON"),
        ('{"data":{"items":[{}]}', "the text around the array is not valid JSON"),
        ('{"data":{"a":01,"items":[{}]}}', "the text around the array is not valid JSON"),
        ('{"data":{"items":[{}]}} {"data":{"items":[{}]}}', "the text around the array is not valid JSON"),
        ('{"data":', "the file ends before its array of records begins"),
    ],
)
def test_a_document_without_that_array_or_with_broken_text_around_it_is_refused(content: str, what: str) -> None:
    assert refusal(content, envelope("data.items")).what.startswith(what)


@pytest.mark.parametrize("frame", ["[%s]", '{"records":[%s]}'])
def test_memory_holds_a_few_records_not_the_file(frame: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_document, "LONGEST_LINE", 1 << 12)
    terms = envelope("records") if "records" in frame else TERMS
    content = frame % ",\n".join(f'{{"customer_id":"{number}"}}' for number in range(20_000))
    assert read(content, terms, 1 << 10).records == 20_000
    with pytest.raises(SourceRefused, match="longer than"):
        read(frame % f'{{"note":"{"x" * (1 << 14)}"}}', terms, 1 << 10)


def test_a_record_may_be_longer_than_any_block() -> None:
    long = "y" * (3 << 20)
    assert read(f'[{{"note":"{long}"}},{{"note":"x"}}]', block_bytes=1 << 10).column("note") == [long, "x"]


def test_compressed_and_other_encodings_by_content_and_contract(tmp_path: Path) -> None:
    path = tmp_path / "people"
    path.write_bytes(gzip.compress(b"[" + GOOD + b"]"))
    assert [block.records for block in document_blocks(path, TERMS)] == [1]
    path.write_bytes(gzip.compress(b"[" + GOOD + b"]")[:-9])
    with pytest.raises(SourceRefused):
        list(document_blocks(path, TERMS))
    path.write_text('[{"note":"é"},{"note":01}]', encoding="utf-16")
    blocks = list(document_blocks(path, TERMS.model_copy(update={"encoding": "utf-16"})))
    assert [record["note"] for block in blocks for record in block.table.to_pylist()] == ["é"]


def test_no_reason_quotes_a_value() -> None:
    for content in ('[{"note":secret}]', '[{"note":{"a":"secret"}}]', '[{"note":"\\ud800 secret"}]'):
        assert "secret" not in read(content).rejects[0].reason
    assert "secret" not in str(refusal('[{"note":"a"secret"}]'))


def test_a_line_of_nested_objects_is_one_record_or_none() -> None:
    # As many records as lines, but not one a line: brackets tell, though Arrow would take them.
    content = (
        b'{"address":\n{"city":"a"}}\n{"address":{"city":"b"}}{"address":{"city":"c"}}\n{"address":{"city":"d"}}\n'
    )
    result = read_through(json_blocks, content, NESTED.model_copy(update={"kind": "ndjson"}))
    assert (result.faults, result.column("city")) == ([(1, "json"), (2, "json"), (3, "json")], ["d"])


def test_many_nested_lines_are_read_at_once_and_as_exactly_as_one_by_one() -> None:
    lines = [f'{{"customer_id":"{n}","address":{{"city":"c{n}","zip":{{"code":{n}}}}}}}' for n in range(3000)]
    lines[7], lines[1500] = lines[7][:-1], '{"address":{"city":"x","city":"y"}}'
    for guard, content in ((json_blocks, "\n".join(lines)), (document_blocks, f"[{','.join(lines[8:1500])}]")):
        result = read_through(guard, content.encode(), NESTED)
        good = [row for row in range(3000) if row not in {7, 1500}] if guard is json_blocks else range(8, 1500)
        assert [int(str(cell)) for cell in result.column("code")] == list(good)
        assert result.column("city") == [f"c{n}" for n in good]
        assert result.faults == ([(8, "json"), (1501, "json")] if guard is json_blocks else [])
        assert any(str(kinds["code"]) == "int64" for kinds in result.types)
