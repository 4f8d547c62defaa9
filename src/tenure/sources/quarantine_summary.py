"""The quarantine in numbers: by source, column and rule, what waits, what became of the rest, and the money in it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from tenure.engine.protocol import Engine
from tenure.raw.quarantine import Chosen, Quarantined, quarantined
from tenure.raw.zone import RawZone
from tenure.sources.quarantine_cost import AMOUNT_COLUMNS, amounts_of


@dataclass
class SummaryLine:
    """Records of one source that broke one rule of one column.

    `amounts`: by currency (None: the project's own), of the open ones. `unknown_amount`: how many open ones have an
    amount that cannot be read. Both are empty for an entity that is not about money.
    """

    source: str
    entity: str
    column: str | None
    rule: str
    newest_file: str
    fates: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("open", "replayed", "dismissed"), 0))
    amounts: dict[str | None, Decimal] = field(default_factory=dict[str | None, Decimal])
    unknown_amount: int = 0

    @property
    def about_money(self) -> bool:
        """Whether records of this entity have an amount at all."""
        return self.entity in AMOUNT_COLUMNS

    def money(self, currency: str) -> str | None:
        """The amounts as text, each with its currency; `currency` is the project's. None where none could be read."""
        totals: dict[str, Decimal] = {}
        for code, amount in self.amounts.items():
            totals[code or currency] = totals.get(code or currency, Decimal(0)) + amount
        return " + ".join(f"{amount:,} {code}" for code, amount in sorted(totals.items())) or None


def summarise(zone: RawZone, engine: Engine, scratch: Path) -> list[SummaryLine]:
    """One line for each source, column and rule; those with the most open records first."""
    lines: dict[tuple[str, str, str | None, str], SummaryLine] = {}
    for load in zone.state.loads():
        records = list(quarantined(zone, Chosen(load.source, load_id=load.load_id, open_only=False)))
        waiting = [record for record in records if record.settled is None]
        amounts = amounts_of(waiting, zone, engine, scratch)
        for record in records:
            place = (load.source, load.entity, record.column, record.rule)
            line = lines.setdefault(place, SummaryLine(*place, load.delivery))
            line.newest_file = load.delivery
            line.fates[record.fate] += 1
            if record.settled is None and line.about_money:
                _add(line, record, amounts)
    order = sorted(lines.values(), key=lambda line: (line.source, line.column or "", line.rule))
    return sorted(order, key=lambda line: -line.fates["open"])


def _add(
    line: SummaryLine, record: Quarantined, amounts: dict[tuple[str, int], tuple[str | None, Decimal] | None]
) -> None:
    amount = amounts.get((record.load.load_id, record.ordinal))
    if amount is None:
        line.unknown_amount += 1
    else:
        line.amounts[amount[0]] = line.amounts.get(amount[0], Decimal(0)) + amount[1]


def waiting_feeds(lines: Sequence[SummaryLine]) -> list[tuple[str, str]]:
    """Sources with open records, each with its entity."""
    return sorted({(line.source, line.entity) for line in lines if line.fates["open"]})
