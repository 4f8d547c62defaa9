"""The watcher's loop: when it works, when it waits, when it tries again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import pytest

from tenure.contracts.model import Contract
from tenure.core.errors import BuildError, Busy, SettingsError, TenureError, UsageError
from tenure.raw.state import SeenDelivery
from tenure.sources import watch, watch_loop
from tenure.sources.ingest import Outcome
from tenure.sources.watch import Landed
from tenure.sources.watch_contracts import ContractReader, expect_watchable
from tenure.sources.watch_hints import FolderHints
from tenure.sources.watch_loop import Pace, Published, Surroundings, WatchLoop

STAY = Pace(0.0, None, False)
COLUMNS = {name: {"type": "integer"} for name in ("offer_id", "customer_id")}


def offers(**more: object) -> Contract:
    content = {"source": "offers", "entity": "offers", "kind": "csv", "path": "landing/*.csv", "key": ["offer_id"]}
    return Contract.model_validate(content | {"columns": COLUMNS} | more)


def served() -> Contract:
    place = {"kind": "mariadb", "path": None, "url": "mariadb://u@h/d", "table": "t"}
    return offers(source="served", **place)


@dataclass
class World:
    """Stands for everything around the loop: each batch is noted, and loaded unless `trouble` has an error for it."""

    root: Path
    contracts: list[Contract] = field(default_factory=lambda: [offers()])
    trouble: list[Exception] = field(default_factory=list[Exception])
    batches: list[tuple[list[str], list[str], bool]] = field(default_factory=list[tuple[list[str], list[str], bool]])
    days: list[date] = field(default_factory=lambda: [date(2025, 10, 1)])
    loaded: dict[tuple[str, str], SeenDelivery] = field(default_factory=dict[tuple[str, str], SeenDelivery])
    events: list[str] = field(default_factory=list[str])
    told: list[dict[str, object]] = field(default_factory=list[dict[str, object]])
    passing: dict[str, int] = field(default_factory=dict[str, int])
    unreadable: int = 0
    turns: int = 0

    def seen(self, *key: str) -> SeenDelivery | None:
        if self.unreadable:
            self.unreadable -= 1
            raise TenureError("the state database failed", cure="check disk space")
        return self.loaded.get((key[0], key[1]))

    def work(
        self,
        files: Sequence[Landed],
        tables: Sequence[Contract],
        must: bool,
        told: Callable[[Landed | None, Outcome], None],
    ) -> Published | None:
        self.batches.append(([one.path.name for one in files], [one.source for one in tables], must))
        if self.trouble:
            raise self.trouble.pop(0)
        for one in files:
            if self.passing.get(one.path.name, 0):
                self.passing[one.path.name] -= 1
                told(one, Outcome(one.contract.source, one.name, "refused", reason="disk full", passing=True))
                continue
            self.loaded[(one.contract.source, one.name)] = SeenDelivery("0", one.stamp, "L1", 1)
            told(one, Outcome(one.contract.source, one.name, "loaded", records_in=1, loaded=1))
        return Published(f"release {len(self.batches)}", True, 3)

    def run(self, pace: Pace = STAY, turns: int = 6) -> WatchLoop:
        """Let the loop look so many times."""

        def stopped() -> bool:
            self.turns += 1
            return self.turns > 2 * turns  # it is asked before each look and after each waiting

        def tell(event: str, particulars: dict[str, object]) -> None:
            self.events.append(event)
            self.told.append(particulars)

        around = Surroundings(
            root=self.root,
            memory=self.root / "watch.json",
            contracts=lambda: self.contracts,
            seen=self.seen,
            work=self.work,
            today=lambda: self.days.pop(0) if len(self.days) > 1 else self.days[0],
            stopped=stopped,
            tell=tell,
        )
        with FolderHints() as hints:
            loop = WatchLoop(around, pace, hints)
            loop.run()
        return loop


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(watch_loop, "_POLL", 0.01)
    monkeypatch.setattr(watch_loop, "_GATHER", 0.0)
    (tmp_path / "landing").mkdir()
    return World(tmp_path)


def test_it_builds_once_when_it_begins_and_then_only_for_news(world: World) -> None:
    world.run()
    assert world.batches == [([], [], True)]
    (world.root / "landing" / "a.csv").write_text("1")
    world.turns = 0
    world.run()
    assert world.batches[1:] == [(["a.csv"], [], True)]
    assert world.events == ["release", "loaded", "release"]


def test_a_new_day_is_built_without_any_news(world: World) -> None:
    world.days = [date(2025, 10, 1), date(2025, 10, 1), date(2025, 10, 2)]
    world.run()
    assert world.batches == [([], [], True), ([], [], True)]


def test_tables_are_read_at_the_beginning_and_then_at_their_pace(world: World) -> None:
    world.contracts = [offers(), served()]
    world.run(replace(STAY, every=3600.0))
    assert world.batches == [([], ["served"], True)]
    world.batches.clear()
    world.turns = 0
    world.run(replace(STAY, every=0.02), turns=8)
    assert len(world.batches) > 1
    assert {tuple(tables) for _, tables, _ in world.batches} == {("served",)}


def test_without_a_pace_tables_are_read_only_by_once(world: World) -> None:
    world.contracts = [offers(), served()]
    world.run()
    assert world.batches == [([], [], True)]
    world.run(replace(STAY, once=True), turns=100)
    assert world.batches[1:] == [([], ["served"], True)]


def test_another_writer_is_told_once_and_waited_for(world: World) -> None:
    (world.root / "landing" / "a.csv").write_text("1")
    world.trouble = [Busy("another command is writing (process 7)") for _ in range(3)]
    world.run()
    assert world.events == ["busy", "loaded", "release"]
    assert world.batches == [(["a.csv"], [], True)] * 4


def test_after_a_failure_everything_rests_longer_each_time_and_nothing_is_forgotten(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch_loop, "_FIRST_RETRY", 0.0)
    (world.root / "landing" / "a.csv").write_text("1")
    world.trouble = [BuildError("broken", cure="mend it"), OSError(28, "No space left on device")]
    loop = world.run(turns=8)
    assert loop.failed == 2
    assert [event for event in world.events if event != "busy"] == ["failed", "failed", "loaded", "release"]
    assert all("cure:" in str(particulars["reason"]) for particulars in world.told[:2])


def test_while_it_rests_it_does_nothing(world: World) -> None:
    world.trouble = [BuildError("broken", cure="mend it")]
    world.run(turns=20)
    assert len(world.batches) == 1
    assert world.events == ["failed"]


def test_once_ends_at_the_first_failure(world: World) -> None:
    world.trouble = [BuildError("broken", cure="mend it")]
    loop = world.run(replace(STAY, once=True), turns=100)
    assert (loop.failed, len(world.batches)) == (1, 1)


def test_contracts_are_read_again_only_when_a_file_changes_and_a_wrong_one_is_told_each_time(tmp_path: Path) -> None:
    right = [offers()]
    answers: list[list[Contract] | SettingsError] = [right]
    reads: list[int] = []

    def read() -> list[Contract]:
        reads.append(1)
        if isinstance(answers[0], SettingsError):
            raise answers[0]
        return answers[0]

    reader = ContractReader(tmp_path, read)
    (tmp_path / "offers.yml").write_text("1")
    assert reader() == right
    assert reader() == right
    assert len(reads) == 1
    (tmp_path / "offers.yml").write_text("wrong")
    answers[0] = SettingsError("no", where="offers.yml:1", cure="mend it")
    for _ in range(2):
        with pytest.raises(SettingsError):
            reader()
    answers[0] = right
    assert reader() == right
    assert len(reads) == 4


def test_a_wrong_contract_stops_nothing_but_the_work_until_it_is_mended(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[int] = []

    def mended_after_three(*_: object) -> None:
        reads.append(1)
        if 2 <= len(reads) <= 4:
            raise SettingsError("no", where="offers.yml:1", cure="mend it")

    monkeypatch.setattr(watch_loop, "expect_apart", mended_after_three)
    (world.root / "landing" / "a.csv").write_text("1")
    world.run()
    assert world.events == ["failed", "loaded", "release"]


def test_an_archive_among_the_landing_files_stops_it_at_the_start(world: World) -> None:
    world.contracts = [offers(watch={"archive": "landing"})]
    with pytest.raises(SettingsError, match="would be taken as new ones"):
        world.run()


def test_tables_alone_need_a_pace() -> None:
    with pytest.raises(UsageError, match="no folder to watch"):
        expect_watchable([served()], STAY)
    expect_watchable([served()], replace(STAY, every=1.0))
    expect_watchable([served()], replace(STAY, once=True))
    expect_watchable([served(), offers()], STAY)


def test_a_file_that_cannot_be_archived_is_told_once_and_stays(world: World) -> None:
    world.contracts = [offers(watch={"archive": "occupied"})]
    (world.root / "occupied").write_text("a file where the folder should be")
    path = world.root / "landing" / "a.csv"
    path.write_text("1")
    loop = world.run(turns=10)
    assert loop.failed == 1
    assert world.events.count("failed") == 1
    assert path.read_text() == "1"


def test_what_is_refused_for_a_passing_reason_is_tried_again_as_it_is(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "_FIRST_DELAY", 0.05)
    (world.root / "landing" / "a.csv").write_text("1")
    (world.root / "landing" / "b.csv").write_text("1")
    world.passing = {"a.csv": 2}
    world.run(turns=100)
    assert world.events == ["refused", "loaded", "release", "refused", "release", "loaded", "release"]
    assert {name for _, name in world.loaded} == {"landing/a.csv", "landing/b.csv"}
    assert not (world.root / "watch.json").exists(), "nothing of it is remembered"


def test_a_state_database_that_cannot_be_read_for_a_while_ends_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch_loop, "_FIRST_RETRY", 0.0)
    (world.root / "landing" / "a.csv").write_text("1")
    world.unreadable = 2
    loop = world.run(turns=10)
    assert loop.failed == 2
    assert [event for event in world.events if event != "release"] == ["failed", "failed", "loaded"]
