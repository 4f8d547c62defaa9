"""What changed since the release before, and what follows from it for each model."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from tenure.warehouse.models import Model

Action = Literal["keep", "increment", "full"]


@dataclass(frozen=True)
class Change:
    """How a table or input differs from what the release before saw.

    `none`: not at all. `all`: nobody knows where. `rows`: `relation` holds its rows that went and its rows that
    came. A view has no rows to compare: it gives only the values that may be concerned, as a relation
    with the column `value`, in `touched` by column, and the month `since` which, if that is known.
    """

    kind: Literal["none", "rows", "all"]
    relation: str | None = None
    touched: Mapping[str, str] = field(default_factory=dict[str, str])
    since: date | None = None

    def values_of(self, column: str) -> str | None:
        """A SELECT of the values of a column that are concerned, as `value`; None when that is not known."""
        if self.relation is not None:
            return f'SELECT "{column}" AS value FROM {self.relation}'
        return f"SELECT value FROM {self.touched[column]}" if column in self.touched else None


NOTHING = Change("none")
EVERYTHING = Change("all")


@dataclass(frozen=True)
class Decision:
    """What is done about a model, and the reason in words."""

    action: Action
    why: str


def decide(
    model: Model, reads: Collection[str], changes: Mapping[str, Change], before: str | None, forced: bool
) -> Decision:
    """Keep a table, work in what changed, or make it anew. `before` is the definition it was last made by."""
    if forced:
        return Decision("full", "asked for")
    if before is None:
        return Decision("full", "new")
    if before != model.definition:
        return Decision("full", "its SQL or its yml changed")
    changed = [name for name in sorted(reads) if changes[name].kind != "none"]
    if not changed:
        return Decision("keep", "nothing that it reads changed")
    for name in changed:
        if name not in model.description.follows:
            return Decision("full", f"{name} changed")
        if not _can_follow(model, name, changes[name]):
            return Decision("full", f"{name} was made anew")
    return Decision("increment", f"rows of {', '.join(changed)} changed")


def _can_follow(model: Model, name: str, change: Change) -> bool:
    return change.kind == "rows" and change.values_of(model.description.follows[name]) is not None


def assumed(model: Model, decision: Decision) -> Change:
    """The change that a decision may lead to, for a plan that computes nothing."""
    if decision.action == "keep":
        return NOTHING
    if decision.action == "full":
        return EVERYTHING
    if model.kind == "view":
        return Change("rows", touched=dict.fromkeys(model.description.follows.values(), "assumed"))
    return Change("rows", relation="assumed")
