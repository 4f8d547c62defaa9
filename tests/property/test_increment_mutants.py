"""Each part of the runner that keeps increments right is needed: without it, one tour of all cases goes wrong."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tenure.core.errors import TenureError
from tenure.engine.duckdb import DuckDBEngine
from tenure.engine.protocol import Engine
from tenure.warehouse import changes, increment, raw_views, runner, slices
from tenure.warehouse.changes import NOTHING, Change, Decision
from tenure.warehouse.manifest import Part, Table
from tenure.warehouse.models import Model
from tenure.warehouse.parts import PartWriter, added_up
from tests.property.increment_cases import CASES, cases_of
from tests.property.increments import (
    Bookings,
    Edit,
    Later,
    Offers,
    Setting,
    Snapshot,
    Step,
    Tickets,
    Together,
    Usage,
    differences,
)

TOUR: tuple[Step, ...] = (
    Snapshot(5, ((1, "Egypt", 1, 3), (2, "UAE", 1, 60), (3, "UAE", 1, 3))),
    Usage(
        (
            (1, 1, "Savings", "1.10", "2025-06-15"),
            (2, 2, "Card", "250.25", "2025-04-30"),
            (3, 5, "Card", "0.00", None),
        )
    ),
    Bookings(
        (
            (1, "-5.00", "fee", "2025-06-15"),
            (1, "-5.00", "fee", "2025-06-15"),
            (4, "3.50", "purchase", "2025-05-01"),
        )
    ),
    Offers(((1, 1, "0", "2025-06-15"), (2, 5, "1", None))),
    Tickets(((1, 1, "", "2025-05-01"), (2, 3, "9.00", None))),
    Later(1),
    Usage(
        (
            (1, 1, "Savings", "7000.00", "2025-05-01"),
            (2, 3, "Card", "250.25", "2025-07-02"),
            (4, 1, "Card", "1.10", "2025-06-16"),
        )
    ),
    Usage(((5, 2, "Savings", "0.00", "2025-06-15"),)),
    Usage(((6, 2, "Savings", "1.10", "2025-06-16"),)),
    Setting("0.05"),
    Together(
        (
            Snapshot(7, ((1, "UAE", 0, 3), (5, "UAE", 1, 60))),
            Usage(((8, 2, "Card", "1.10", "2025-06-15"),)),
        )
    ),
    Edit(2),
    Snapshot(6, ((1, "Egypt", 1, 3), (2, "UAE", 1, 60), (4, "Egypt", 1, 3))),
    Tickets(((1, 2, "1.50", "2025-06-15"),)),
    Offers(((1, 1, "1", "2025-04-30"), (3, 2, "", "2025-07-02")), campaign=True),
    Later(70),
    Usage(((5, 1, "Savings", "250.25", "2025-08-31"), (1, 1, "Savings", "7000.00", "2025-05-01"))),
    Usage(((9, 6, "Savings", "250.25", "2025-07-02"),)),
    Together(
        (
            Snapshot(8, ((1, "Egypt", 1, 3), (2, "UAE", 1, 60), (6, "UAE", 1, 60))),
            Usage(((7, 4, "Card", "250.25", "2025-07-02"),)),
        )
    ),
    Setting("0.02"),
)
# What `increments` cannot draw: a snapshot that takes effect only after the business date.
AHEAD: tuple[Step, ...] = (Snapshot(7, ((1, "UAE", 0, 3),)), Later(40))

Patch = pytest.MonkeyPatch


def _patched_view(patch: Patch, change: Callable[[str, str], str]) -> None:
    """Change the SQL of views that an increment shows itself."""
    view = DuckDBEngine.view
    patch.setattr(DuckDBEngine, "view", lambda self, name, sql: view(self, name, change(name, sql)))


def a_forgotten_partition(patch: Patch) -> None:
    sums = DuckDBEngine.row_sums

    def but_the_first(self: DuckDBEngine, relation: str, label: str) -> dict[str, tuple[int, int]]:
        found = sums(self, relation, label)
        return {month: found[month] for month in sorted(found)[1:]} if relation.startswith("added_") else found

    patch.setattr(DuckDBEngine, "row_sums", but_the_first)


def a_stale_version(patch: Patch) -> None:
    patch.setattr(increment, "_rows_concerned", lambda engine, name, *rest: f"SELECT * FROM fresh__{name} WHERE 1 = 0")


def a_lost_delete(patch: Patch) -> None:
    def alive(name: str, sql: str) -> str:
        return f"SELECT * FROM ({sql}) AS d WHERE NOT d._deleted" if name == "changes_raw_customers" else sql

    _patched_view(patch, alive)


def removed_rows_that_tell_nobody(patch: Patch) -> None:
    def only_added(name: str, sql: str) -> str:
        gone = name.startswith("changes_") and "removed_" in sql
        return f"SELECT * FROM added_{name.removeprefix('changes_')}" if gone else sql

    _patched_view(patch, only_added)


def a_late_change_taken_for_a_new_one(patch: Patch) -> None:
    since = increment.since

    def later(engine: Engine, model: Model, found: Mapping[str, Change]) -> date | None:
        first = since(engine, model, found)
        return date(first.year + first.month // 12, first.month % 12 + 1, 1) if first else None

    patch.setattr(increment, "since", later)


def a_forgotten_load(patch: Patch) -> None:
    patch.setattr(raw_views, "_is_news", lambda load, now, before: False)


def a_setting_that_changes_nothing(patch: Patch) -> None:
    found = runner._input_changes

    def but_setting(*arguments: object) -> dict[str, Change]:
        return {**found(*arguments), "setting": NOTHING}  # pyright: ignore[reportArgumentType]

    patch.setattr(runner, "_input_changes", but_setting)


def an_edit_that_changes_nothing(patch: Patch) -> None:
    decide = changes.decide

    def whatever(
        model: Model, reads: set[str], found: Mapping[str, Change], before: str | None, forced: bool
    ) -> Decision:
        return decide(model, reads, found, before and model.definition, forced)

    patch.setattr(runner, "decide", whatever)


def small_parts_lost_in_merging(patch: Patch) -> None:
    merged = increment._merged

    def lossy(
        writer: PartWriter, name: str, kept: Sequence[Part], *others: Any
    ) -> tuple[set[Part], list[tuple[str, Path]]]:
        gone, result = merged(writer, name, kept, *others)
        return (set(kept), result) if gone else (gone, result)

    patch.setattr(increment, "_merged", lossy)


def a_changed_table_that_tells_nobody(patch: Patch) -> None:
    table = runner._Making._table

    def silent(self: runner._Making, model: Model, decision: Decision) -> Decision:
        made = table(self, model, decision)
        if made.action == "increment":
            self.changes[model.name] = NOTHING
        return made

    patch.setattr(runner._Making, "_table", silent)


def only_the_first_changed_input_followed(patch: Patch) -> None:
    touched = increment.touched_values

    def first(writer: PartWriter, model: Model, found: Mapping[str, Change]) -> dict[str, tuple[str, int]]:
        changed = [name for name in model.description.follows if found[name].kind == "rows"]
        return touched(writer, model, {**found, **dict.fromkeys(changed[1:], NOTHING)})

    patch.setattr(runner, "touched_values", first)


def a_business_date_that_reveals_nothing(patch: Patch) -> None:
    stamp = raw_views._stamp
    patch.setattr(raw_views, "_stamp", lambda load, sha256, day: stamp(load, sha256, date(2025, 6, 28)))


def removed_rows_that_stay(patch: Patch) -> None:
    rewritten = increment._rewritten

    def kept(writer: PartWriter, model: Model, old: Table, current: Path) -> tuple[Part, ...]:
        writer.engine.view(f"removed_{model.name}", f"SELECT * FROM added_{model.name} WHERE 1 = 0")
        return rewritten(writer, model, old, current)

    patch.setattr(increment, "_rewritten", kept)


def rows_looked_up_for_others(patch: Patch) -> None:
    patch.setattr(slices, "_covers", lambda engine, known, values: True)


def sums_that_forget_what_went(patch: Patch) -> None:
    def but_what_went(sums: Iterable[tuple[int, int]]) -> tuple[int, int]:
        return added_up((rows, max(hashed, 0)) for rows, hashed in sums)

    patch.setattr(increment, "added_up", but_what_went)


MUTANTS = (
    a_forgotten_partition,
    a_stale_version,
    a_lost_delete,
    removed_rows_that_tell_nobody,
    a_late_change_taken_for_a_new_one,
    a_forgotten_load,
    a_setting_that_changes_nothing,
    an_edit_that_changes_nothing,
    small_parts_lost_in_merging,
    a_changed_table_that_tells_nobody,
    only_the_first_changed_input_followed,
    a_business_date_that_reveals_nothing,
    removed_rows_that_stay,
    rows_looked_up_for_others,
    sums_that_forget_what_went,
)


def go_wrong(folder: Path) -> bool:
    """Whether the tour, or the look ahead, ends in other tables than building at once gives, or in an error."""
    try:
        return bool(differences(TOUR, folder / "tour") or differences(AHEAD, folder / "ahead"))
    except (TenureError, AssertionError):
        return True


def test_the_tour_has_every_case_and_goes_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(increment, "MOST_PARTS", 2)
    assert cases_of(TOUR) == CASES
    assert not go_wrong(tmp_path)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_a_mutant_of_the_runner_goes_wrong(
    mutant: Callable[[Patch], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(increment, "MOST_PARTS", 2)
    mutant(monkeypatch)
    assert go_wrong(tmp_path)
