"""Which of the cases that an increment must survive a sequence of deliveries contains."""

from dataclasses import dataclass, field
from datetime import date
from functools import singledispatchmethod

from tests.property.increments import (
    FIRST_DAY,
    Bookings,
    Edit,
    Later,
    Offers,
    Row,
    Setting,
    Snapshot,
    Step,
    Tickets,
    Together,
    Usage,
)

CASES = frozenset(
    {
        "new rows",
        "correction",
        "move between months",
        "late record",
        "duplicate record",
        "record without a key",
        "snapshot that returns to an earlier state",
        "late snapshot",
        "delete",
        "return of a key",
        "event of an unknown customer",
        "schema growth",
        "edit of SQL",
        "new setting",
        "new month",
        "several deliveries at once",
    }
)


def cases_of(steps: tuple[Step, ...]) -> set[str]:
    """The cases in a sequence that a new bank (see `new_bank`) takes."""
    watch = _Watch()
    for step in steps:
        watch.see(step)
    return watch.found


@dataclass
class _Watch:
    found: set[str] = field(default_factory=set[str])
    today: date = FIRST_DAY
    known: set[object] = field(default_factory=lambda: {1})
    snapshots: dict[int, dict[int, Row]] = field(default_factory=lambda: {3: {1: ("Egypt", 1, 9)}})
    states: dict[int, list[Row]] = field(default_factory=dict[int, list[Row]])
    delivered: dict[tuple[type, object], list[Row]] = field(default_factory=dict[tuple[type, object], list[Row]])
    newest: dict[type, str] = field(default_factory=dict[type, str])

    def note(self, case: str, seen: object) -> None:
        if seen:
            self.found.add(case)

    @singledispatchmethod
    def see(self, step: Step) -> None:
        raise TypeError(step)

    @see.register
    def _(self, step: Snapshot) -> None:
        here = {row[0]: row[1:] for row in step.rows}
        before = self.snapshots[max(month for month in self.snapshots if month < step.month)]
        self.note("late snapshot", any(month > step.month for month in self.snapshots))
        self.note("delete", before.keys() - here.keys())
        self.note("return of a key", (here.keys() - before.keys()) & self.known)
        for customer, state in here.items():
            past = self.states.setdefault(customer, [])
            self.note("snapshot that returns to an earlier state", state in past[:-1] and past[-1] != state)
            past.append(state)
        self.known |= here.keys()
        self.snapshots[step.month] = here

    @see.register(Usage)
    @see.register(Offers)
    @see.register(Tickets)
    def _(self, step: Usage | Offers | Tickets) -> None:
        kind = type(step)
        self.note("schema growth", isinstance(step, Offers) and step.campaign)
        for row in step.rows:
            past, day = self.delivered.setdefault((kind, row[0]), []), str(row[-1] or "")
            self.note("new rows" if not past else "duplicate record" if row in past else "correction", True)
            moved = past and day and past[-1][-1] and str(past[-1][-1])[:7] != day[:7]
            self.note("move between months", moved)
            self.note("late record", day and day[:7] < self.newest.get(kind, ""))
            self.note("event of an unknown customer", row[1] not in self.known)
            self.newest[kind] = max(self.newest.get(kind, ""), day[:7])
            past.append(row)

    @see.register
    def _(self, step: Bookings) -> None:
        self.note("record without a key", step.rows)

    @see.register
    def _(self, step: Together) -> None:
        self.note("several deliveries at once", step.steps)
        for one in step.steps:
            self.see(one)

    @see.register
    def _(self, step: Edit) -> None:
        self.note("edit of SQL", step)

    @see.register
    def _(self, step: Setting) -> None:
        self.note("new setting", step)

    @see.register
    def _(self, step: Later) -> None:
        after = date.fromordinal(self.today.toordinal() + step.days)
        self.note("new month", after.month != self.today.month)
        self.today = after
