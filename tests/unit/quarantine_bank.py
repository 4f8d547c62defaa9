"""A small project with one source of bookings whose contract can be changed: what the tests of the quarantine share."""

from collections import Counter
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from tenure.contracts.files import read_contract
from tenure.core.settings import Project, open_project
from tenure.pipeline import raw_zone, run_ingest, run_replay
from tenure.raw.quarantine import Chosen, Quarantined, quarantined
from tenure.raw.state import LoadRecord
from tenure.raw.zone import DATA
from tenure.sources.ingest import Outcome
from tenure.sources.replay import Reason, Replay

DAY = date(2025, 10, 2)
HEADER = "transaction_id,customer_id,transaction_at,amount,kind\n"
COLUMNS = """\
  transaction_id: {type: integer}
  customer_id: {type: integer, required: true}
  transaction_at: {type: timestamp, required: true}
  amount: {type: "decimal(18,2)", required: true}
  kind: {type: string, allowed: [purchase, fee]}
"""


@dataclass(frozen=True)
class Bank:
    """The project, and the words of its one contract."""

    project: Project
    source: str = "bookings"

    def contract(self, columns: str = COLUMNS, head: str = "", entity: str = "transactions") -> None:
        """Write the contract; `head` holds further words, and may say kind, path and key itself."""
        words = {"source": self.source, "entity": entity, "kind": "csv", "path": "landing/*", "max_bad_share": "1"}
        words |= {"key": "[transaction_id]"} if "keyless" not in head and "key:" not in head else {}
        lines = [f"{word}: {value}" for word, value in words.items() if f"{word}:" not in head]
        text = "\n".join([*lines, head, "columns:"]) + "\n" + columns
        path = self.project.sources / f"{self.source}.yml"
        path.write_text(text)
        read_contract(path)

    def land(self, name: str, content: str | bytes, day: date = DAY) -> Outcome:
        """Deliver a file and load it."""
        path = self.project.root / "landing" / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        outcomes = run_ingest(self.project, day, (self.source,)).outcomes
        return next(outcome for outcome in outcomes if outcome.file == f"landing/{name}")

    def replay(self, day: date = DAY, edited: Path | None = None, **chosen: Any) -> list[Replay]:
        """Replay what is chosen of the source."""
        return run_replay(self.project, day, Chosen(self.source, **chosen), edited, Reason("for a test", "tester"))

    def loads(self) -> list[LoadRecord]:
        """All loads."""
        return raw_zone(self.project).state.loads()

    def quarantine(self, *, open_only: bool = True) -> list[Quarantined]:
        """The quarantine of the source."""
        return list(quarantined(raw_zone(self.project), Chosen(self.source, open_only=open_only)))

    def waiting(self) -> list[str]:
        """The ids of open records."""
        return [record.id for record in self.quarantine()]

    def rows(self) -> list[dict[str, Any]]:
        """All loaded rows of the source, as they lie in the raw zone."""
        zone = raw_zone(self.project)
        tables = [pq.read_table(zone.path(load) / DATA).to_pylist() for load in self.loads()]
        return [row for table in tables for row in table]

    def expect_account(self) -> None:
        """Every load balances, every record that was replayed is in one load, and no place is held by two rows."""
        settled = raw_zone(self.project).state.settled()
        taken = Counter(entry.by_load for entry in settled.values() if entry.fate == "replayed")
        for load in self.loads():
            assert load.records_in == (
                load.loaded + load.quarantined + load.duplicates + load.unchanged + load.filtered
            )
            origin = raw_zone(self.project).manifest(load).replays
            assert taken.get(load.load_id, 0) == (load.records_in if origin else 0)
        places = Counter((row["_load_id"], row["_row"]) for row in self.rows())
        assert all(count == 1 for count in places.values())


def make_bank(folder: Path) -> Bank:
    """An empty project with the contract of `COLUMNS`."""
    for part in ("sources", "landing"):
        (folder / part).mkdir(parents=True)
    (folder / "tenure.toml").write_text('[project]\nname = "test"\ncurrency = "EUR"\n')
    bank = Bank(open_project(folder))
    bank.contract()
    return bank
