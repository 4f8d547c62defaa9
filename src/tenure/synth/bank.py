"""Writes a synthetic bank: the files it would deliver, and apart from them the truth."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import numpy as np

from tenure.core.durable import fsync_folder, replace_file
from tenure.core.errors import TenureError, UsageError
from tenure.synth import truth as true
from tenure.synth.bookings import transactions_sheet
from tenure.synth.columns import Ints
from tenure.synth.dirt import DECKS, FIRST_SPARE, Dirt
from tenure.synth.files import DirtyLine, Written, choose_spots, write_file
from tenure.synth.history import Cast, MonthOfBank, cast_of, months_of
from tenure.synth.parameters import TRUE_PARAMETERS
from tenure.synth.people import People, draw_people
from tenure.synth.plan import BankPlan, Stream, generator
from tenure.synth.records import (
    HEADERS,
    STILL_OPEN,
    closing_days,
    customers_sheet,
    offers_sheet,
    stay_of,
    tickets_sheet,
    usage_sheet,
)
from tenure.synth.text import Sheet

__all__ = ["BankFiles", "BankPlan", "is_unfinished", "write_bank"]

FILE_NAMES = {
    "customers": "customers_{}.csv",
    "tickets": "customer_support_tickets_{}.csv",
    "offers": "offers_{}.csv",
    "usage": "usage_{}.json",
    "transactions": "transactions_{}.csv",
}
"""The name of each kind of file, for a month such as 2025-09."""

_NAME = "|".join(name.replace(".", r"\.").format(r"\d{4}-\d{2}") for name in FILE_NAMES.values())
_OURS, _HALF_WRITTEN = re.compile(_NAME), re.compile(rf"\.({_NAME})\.tmp")
_UNFINISHED = ".synth-unfinished"

Progress = Callable[[str, int, int], None]
"""Called with what is being made, how many months are done and how many there are."""


@dataclass(frozen=True)
class BankFiles:
    """What was written: by kind of file the number of files and of records (dirty ones included).

    `dirty` lines are listed in `manifest`; `breaking` of them break the contracts of the bank template.
    """

    landing: str
    truth: str
    manifest: str
    customers: int
    files: dict[str, int]
    records: dict[str, int]
    bytes: int
    dirty: int
    breaking: int


def write_bank(
    plan: BankPlan,
    landing: Path,
    truth: Path,
    progress: Progress | None = None,
    *,
    overwrite: bool = False,
) -> BankFiles:
    """Write the files of a bank into `landing` and the truth about it into `truth`.

    Equal plans give equal bytes. Files of an earlier bank are replaced only with `overwrite`, or when the
    run that wrote them did not come to its end. Raises `UsageError` when there are such files or when
    `truth` lies within `landing`, `TenureError` when a folder cannot be written to.
    """
    if truth.resolve().is_relative_to(landing.resolve()):
        raise UsageError(
            "the truth would lie among the files that are ingested",
            where=str(truth),
            cure=f"choose a folder outside {landing}",
        )
    try:
        _make_room(landing, truth, overwrite=overwrite)
        written = _write(plan, landing, truth, progress or (lambda what, done, total: None))
        fsync_folder(truth)
        (landing / _UNFINISHED).unlink()
        fsync_folder(landing)
    except OSError as error:
        raise TenureError(
            f"the bank cannot be written: {error.strerror}",
            where=str(error.filename or landing),
            cure="check the folder and the free space, then run again: an unfinished bank is replaced",
        ) from error
    return written


def is_unfinished(landing: Path) -> bool:
    """Whether a run that was writing a bank into this folder did not come to its end."""
    return (landing / _UNFINISHED).exists()


def _make_room(landing: Path, truth: Path, *, overwrite: bool) -> None:
    """Refuse to mix two banks, then take away what is left of an earlier one and mark the folder."""
    landing.mkdir(parents=True, exist_ok=True)
    truth.mkdir(parents=True, exist_ok=True)
    earlier = [path for path in landing.iterdir() if _OURS.fullmatch(path.name)]
    earlier += [truth / name for name in true.TRUTH_FILES if (truth / name).exists()]
    if earlier and not overwrite and not is_unfinished(landing):
        raise UsageError(
            f"{len(earlier)} files of a bank are there already, such as {min(path.name for path in earlier)}",
            where=str(min(earlier).parent),
            cure="choose another folder, or overwrite the earlier bank",
        )
    replace_file(landing / _UNFINISHED, b"")
    halves = [path for path in landing.iterdir() if _HALF_WRITTEN.fullmatch(path.name)]
    for path in (*earlier, *halves):
        path.unlink()


def _write(plan: BankPlan, landing: Path, truth: Path, progress: Progress) -> BankFiles:
    progress("the people of the bank", 0, plan.months)
    cast = cast_of(plan)
    closed = np.full(cast.traits.size, STILL_OPEN, np.int64)
    writer = _MonthWriter(plan, landing, cast, draw_people(plan, cast.traits))
    with true.months_file(truth / true.CUSTOMER_MONTHS, true.MONTH_SCHEMA) as add_months:
        for bank in months_of(plan, cast):
            closed = closing_days(bank, closed, generator(plan.seed, Stream.DYNAMICS, bank.month.index, 1))
            writer.write(bank, closed)
            add_months(true.month_table(bank, closed))
            progress(bank.month.label, bank.month.index + 1, plan.months)
    true.write_customers(truth / true.CUSTOMERS, cast, closed)
    true.write_parameters(truth / true.PARAMETERS, plan, TRUE_PARAMETERS)
    true.write_manifest(truth / true.MANIFEST, writer.dirty)
    return BankFiles(
        landing=str(landing),
        truth=str(truth),
        manifest=str(truth / true.MANIFEST),
        customers=cast.traits.size,
        files=dict.fromkeys(FILE_NAMES, plan.months),
        records=writer.records,
        bytes=writer.size,
        dirty=len(writer.dirty),
        breaking=sum(line.breaks_contract for line in writer.dirty),
    )


class _MonthWriter:
    """Writes the five files of one month after the other; ids and the decks of dirt go on from month to month.

    Dirt takes its ids and its random numbers from elsewhere: the clean records do not depend on it.
    """

    def __init__(self, plan: BankPlan, landing: Path, cast: Cast, people: People) -> None:
        self.plan, self.landing, self.cast, self.people = plan, landing, cast, people
        self.next_id = dict.fromkeys(FILE_NAMES, 1)
        self.next_spare = FIRST_SPARE
        self.decks = {entity: _shuffled(plan, number) for number, entity in enumerate(FILE_NAMES)}
        self.records = dict.fromkeys(FILE_NAMES, 0)
        self.size = 0
        self.dirty: list[DirtyLine] = []

    def write(self, bank: MonthOfBank, closed: Ints) -> None:
        """Write the files of one month."""
        for number, (entity, sheet) in enumerate(self._sheets(bank, closed)):
            rng = generator(self.plan.seed, Stream.DIRT, bank.month.index, number)
            spots = choose_spots(sheet.rows, self.plan.dirty_share, self.decks[entity], self.next_spare, rng)
            self.next_id[entity] = sheet.next_id
            self.next_spare += len(spots)
            header = b"" if entity == "usage" else (",".join(HEADERS[entity]) + "\n").encode()
            name = FILE_NAMES[entity].format(bank.month.label)
            self._count(entity, write_file(self.landing / name, header, sheet, spots))

    def _sheets(self, bank: MonthOfBank, closed: Ints) -> Iterator[tuple[str, Sheet]]:
        stay = stay_of(bank, self.cast, closed)
        ids, seed, index = self.next_id, self.plan.seed, bank.month.index
        yield "customers", customers_sheet(bank, self.cast, self.people, closed)
        yield "tickets", tickets_sheet(bank, stay, ids["tickets"], generator(seed, Stream.TICKETS, index))
        yield "offers", offers_sheet(bank, stay, ids["offers"], generator(seed, Stream.OFFERS, index))
        yield "usage", usage_sheet(bank, ids["usage"])
        rng = generator(seed, Stream.TRANSACTIONS, index)
        products = TRUE_PARAMETERS.products
        yield "transactions", transactions_sheet(bank, self.cast, stay, products, ids["transactions"], rng)

    def _count(self, entity: str, written: Written) -> None:
        self.records[entity] += written.records
        self.size += written.size
        self.dirty += written.dirty


def _shuffled(plan: BankPlan, number: int) -> Iterator[Dirt]:
    deck = list(DECKS.values())[number]
    order: list[int] = generator(plan.seed, Stream.DIRT, -1, number).permutation(len(deck)).tolist()
    return cycle([deck[index] for index in order])
