"""The dirt of a synthetic bank: each listed line is what the list says, and without it the truth is left."""

import csv
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tenure.cli.demo import make_project
from tenure.core.settings import open_project
from tenure.pipeline import raw_zone, run_ingest
from tenure.raw.quarantine import Chosen, quarantined
from tenure.synth.bank import BankPlan, write_bank
from tenure.synth.dirt import DECKS
from tenure.synth.records import HEADERS

ENTITIES = {
    "customers": "customers",
    "customer_support_tickets": "tickets",
    "offers": "offers",
    "usage": "usage",
    "transactions": "transactions",
}
UNUSED_IDS = 1_000_000_000


@dataclass(frozen=True)
class Listed:
    """A line of the manifest and the bytes that stand there."""

    file: str
    line: int
    kind: str
    column: str
    breaks: bool
    in_place: bool
    text: bytes

    @property
    def entity(self) -> str:
        return ENTITIES[self.file.rsplit("_", 1)[0]]

    def value(self) -> bytes:
        """The field of the named column of a CSV record."""
        return self.text.split(b",")[HEADERS[self.entity].index(self.column)]

    def members(self) -> dict[str, Any]:
        return json.loads(self.text)


def lines_of(path: Path) -> list[bytes]:
    content = path.read_bytes()
    assert content.endswith(b"\n")
    return content[:-1].split(b"\n")


def listed(folder: Path) -> list[Listed]:
    texts = {path.name: lines_of(path) for path in (folder / "landing").iterdir()}
    with (folder / "truth" / "dirty.csv").open(newline="") as file:
        return [
            Listed(
                row["file"],
                int(row["line"]),
                row["kind"],
                row["column"],
                {"true": True, "false": False}[row["breaks_contract"]],
                {"true": True, "false": False}[row["in_place"]],
                texts[row["file"]][int(row["line"]) - 1],
            )
            for row in csv.DictReader(file)
        ]


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bank so dirty that every kind of dirt occurs."""
    folder = tmp_path_factory.mktemp("dirty")
    write_bank(BankPlan(customers=300, seed=5, dirty_share=0.2), folder / "landing", folder / "truth")
    return folder


@pytest.fixture(scope="module")
def dirty(bank: Path) -> list[Listed]:
    return listed(bank)


def is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except json.JSONDecodeError:
        return False
    return True


def fields(row: Listed) -> int:
    return row.text.count(b",") + 1


IN_CSV: dict[str, Callable[[Listed], bool]] = {
    "missing_id": lambda row: row.value() == b"",
    "id_not_a_number": lambda row: not row.value().isdigit(),
    "id_too_large": lambda row: int(row.value()) > 2**63,
    "field_too_many": lambda row: fields(row) == len(HEADERS[row.entity]) + 1,
    "field_too_few": lambda row: fields(row) == len(HEADERS[row.entity]) - 1,
    "unclosed_quote": lambda row: row.text.count(b'"') == 1 and b',"' in row.text,
    "text_behind_quote": lambda row: row.text.count(b'"') == 2 and b'"x,' in row.text + b",",
    "invalid_utf8": lambda row: not is_utf8(row.text),
    "missing_customer": lambda row: row.value() == b"",
    "fraction_in_id": lambda row: float(row.value()) % 1 == 0.5,
    "unknown_customer": lambda row: int(row.value()) >= UNUSED_IDS,
    "impossible_age": lambda row: int(row.value()) > 120,
    "age_in_words": lambda row: row.value().isalpha(),
    "unknown_boolean": lambda row: row.value() == b"maybe",
    "missing_state": lambda row: row.value() == b"",
    "negative_tenure": lambda row: int(row.value()) < 0,
    "impossible_date": lambda row: row.value()[:10] in {b"2025-02-30", b"2025-13-01"},
    "date_in_another_order": lambda row: row.value() == b"31/12/2019",
    "unknown_severity": lambda row: row.value() not in {b"Low", b"Medium", b"High"},
    "negative_hours": lambda row: float(row.value()) < 0,
    "hours_in_words": lambda row: row.value() == b"two days",
    "missing_type": lambda row: row.value() == b"",
    "three_decimals": lambda row: len(row.value().split(b".")[1]) == 3,
    "currency_in_amount": lambda row: row.value().startswith(b"EUR "),
    "thousands_separator": lambda row: b',"1,250.00",' in row.text,
    "missing_amount": lambda row: row.value() == b"",
    "unknown_kind": lambda row: row.value() == b"gift",
    "missing_moment": lambda row: row.value() == b"",
    "impossible_time": lambda row: row.value().endswith(b" 25:00:00"),
    "surrounding_blanks": lambda row: row.value() != row.value().strip(),
    "quoted_fields": lambda row: row.text.startswith(b'"') and row.text.count(b'"') >= 2 * fields(row) - 2,
}
IN_JSON: dict[str, Callable[[Listed], bool]] = {
    "truncated_line": lambda row: not is_json(row.text) and row.text.startswith(b"{") and not row.text.endswith(b"}"),
    "not_a_number": lambda row: b'"monthly_balance":NaN,' in row.text,
    "array_for_object": lambda row: isinstance(json.loads(row.text), list),
    "null_for_object": lambda row: json.loads(row.text) is None,
    "text_behind_object": lambda row: not is_json(row.text) and is_json(row.text[: row.text.index(b"}") + 1]),
    "invalid_utf8": lambda row: not is_utf8(row.text),
    "missing_id": lambda row: row.column not in row.members(),
    "missing_customer": lambda row: row.members()[row.column] is None,
    "id_too_large": lambda row: row.members()[row.column] > 2**63,
    "number_in_words": lambda row: isinstance(row.members()[row.column], str),
    "three_decimals": lambda row: b'"monthly_balance":120.125,' in row.text,
    "negative_count": lambda row: row.members()[row.column] < 0,
    "fraction_in_count": lambda row: row.members()[row.column] == 1.5,
    "impossible_date": lambda row: row.members()[row.column] == "2025-02-30",
    "unknown_customer": lambda row: row.members()[row.column] >= UNUSED_IDS,
    "other_order_of_keys": lambda row: list(row.members()) == list(reversed(HEADERS["usage"])),
    "blanks_between": lambda row: row.text != row.text.strip() and list(row.members()) == list(HEADERS["usage"]),
}
IN_PAIRS = {"conflicting_key", "exact_duplicate"}


def test_every_kind_of_dirt_occurs(dirty: list[Listed]) -> None:
    for entity, deck in DECKS.items():
        assert {row.kind for row in dirty if row.entity == entity} == {dirt.kind for dirt in deck}


def test_every_listed_line_is_what_the_list_says(dirty: list[Listed]) -> None:
    for row in dirty:
        if row.kind not in IN_PAIRS:
            is_so = (IN_JSON if row.entity == "usage" else IN_CSV)[row.kind]
            assert is_so(row), row


def test_an_exact_duplicate_repeats_the_line_before(bank: Path, dirty: list[Listed]) -> None:
    copies = [row for row in dirty if row.kind == "exact_duplicate"]
    assert copies
    for row in copies:
        assert lines_of(bank / "landing" / row.file)[row.line - 2] == row.text
        assert not row.breaks


def test_of_a_conflict_both_lines_are_listed_and_share_an_id_that_nobody_has(dirty: list[Listed]) -> None:
    def key(row: Listed) -> int:
        return int(row.members()["usage_log_id"]) if row.entity == "usage" else int(row.value())

    conflicts = [row for row in dirty if row.kind == "conflicting_key"]
    contents: dict[tuple[str, int], set[bytes]] = {}
    for row in conflicts:
        assert row.breaks
        contents.setdefault((row.file, key(row)), set()).add(row.text)
    assert all(identity >= UNUSED_IDS and len(texts) == 2 for (_, identity), texts in contents.items())
    assert 2 * len(contents) == len(conflicts)


def test_harmless_are_duplicates_unknown_customers_and_what_says_the_same(dirty: list[Listed]) -> None:
    harmless = {row.kind for row in dirty if not row.breaks}
    in_place = {row.kind for row in dirty if row.in_place}
    assert in_place == {"surrounding_blanks", "quoted_fields", "other_order_of_keys", "blanks_between"}
    assert harmless == in_place | {"exact_duplicate", "unknown_customer"}


def test_the_share_of_dirt_is_the_one_asked_for(bank: Path, dirty: list[Listed]) -> None:
    spoilt = Counter(row.file for row in dirty)
    for row in dirty:
        if row.kind == "conflicting_key":
            spoilt[row.file] -= 0.5
    added = Counter(row.file for row in dirty if not row.in_place)
    for path in (bank / "landing").iterdir():
        records = len(lines_of(path)) - (path.suffix == ".csv")
        assert abs(spoilt[path.name] - 0.2 * (records - added[path.name])) < 1.0


def same_record(one: bytes, other: bytes) -> bool:
    if one.strip().startswith(b"{"):
        return json.loads(one) == json.loads(other)
    read = [next(csv.reader([text.decode()])) for text in (one, other)]
    return [field.strip() for field in read[0]] == [field.strip() for field in read[1]]


def test_without_its_dirt_a_bank_is_the_same_bank_made_clean(bank: Path, dirty: list[Listed], tmp_path: Path) -> None:
    write_bank(BankPlan(customers=300, seed=5, dirty_share=0), tmp_path / "landing", tmp_path / "truth")
    assert listed(tmp_path) == []
    by_place = {(row.file, row.line): row for row in dirty}
    for path in (tmp_path / "landing").iterdir():
        left = [
            (text, (path.name, line) in by_place)
            for line, text in enumerate(lines_of(bank / "landing" / path.name), 1)
            if not ((path.name, line) in by_place and not by_place[path.name, line].in_place)
        ]
        clean = lines_of(path)
        assert len(left) == len(clean)
        for (text, is_dirty), expected in zip(left, clean, strict=True):
            assert same_record(text, expected) if is_dirty else text == expected


def test_ingesting_sets_apart_exactly_the_lines_that_break_their_contract(
    bank: Path, dirty: list[Listed], tmp_path: Path
) -> None:
    make_project(tmp_path, "bank")
    project = open_project(tmp_path)
    months = {"2024-12", "2025-06", "2025-09"}
    for path in (bank / "landing").iterdir():
        if path.stem.rsplit("_", 1)[1] in months:
            (project.root / "landing" / path.name).write_bytes(path.read_bytes())
    outcomes = run_ingest(project, date(2025, 9, 30)).outcomes
    assert {outcome.status for outcome in outcomes} == {"loaded"}
    here = [row for row in dirty if row.file.rsplit(".", 1)[0].rsplit("_", 1)[1] in months]
    zone = raw_zone(project)
    apart = list(quarantined(zone, Chosen()))
    found = {(Path(record.load.delivery).name, record.row, record.column or "") for record in apart}
    assert found == {(row.file, row.line, row.column) for row in here if row.breaks}
    assert len(apart) == len(found) == sum(outcome.quarantined for outcome in outcomes)
    assert sum(outcome.duplicates for outcome in outcomes) == sum(row.kind == "exact_duplicate" for row in here)
