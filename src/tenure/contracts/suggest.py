"""Suggests what a table is: the entity it may feed, and under which names, by the names and types of its columns.

A suggestion is for a person to judge; nothing is loaded by it. Everything it cannot tell, it says.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tenure.contracts.columns import DECIMAL
from tenure.contracts.entities import ENTITIES, ID, NONE, Entity, EntityColumn
from tenure.contracts.synonyms import (
    CHURNED,
    COLUMNS,
    LEFT_OR_STAYED,
    PEOPLE,
    TABLES,
    Personal,
    personal_class,
    plain,
)


@dataclass(frozen=True)
class Seen:
    """A column as it is in the source: `types` are those that hold every value of it exactly, best first.

    `words`: its different values where they are few, None where they are many or not known; `marks` are those of
    them that stand for a missing value.
    """

    name: str
    types: tuple[str, ...]
    required: bool = False
    words: tuple[str, ...] | None = None
    marks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Suggested:
    """A column of the contract: its name there, the column it comes from, and its type.

    `entity`: the column is the entity's own, not an attribute. `values`: what the words of the source mean, where
    they must be turned into others.
    """

    name: str
    seen: Seen
    type: str
    entity: bool
    personal: Personal | None
    values: Mapping[str, str | None] | None = None


@dataclass(frozen=True)
class Suggestion:
    """What a table seems to be; `key` in the contract's names, empty where no unique columns are known.

    `lacks` are columns of the entity that the table does not have; `near` says of entities which it resembles why it
    cannot feed them. `notes` say what was decided where it could have been otherwise.
    """

    entity: str
    columns: tuple[Suggested, ...]
    key: tuple[str, ...]
    lacks: tuple[str, ...] = ()
    near: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _ChurnFlag:
    """Who has left, as a column of the table says: `values` make `is_active` of its words.

    Without `values`, a column is called so, but whether it says it is not known.
    """

    seen: Seen
    values: Mapping[str, str | None] | None


def suggest(table: str, columns: Sequence[Seen], keys: Sequence[Sequence[str]]) -> Suggestion:
    """The best suggestion for a table of this name; `keys` are its unique columns, by the names of the source."""
    names = _free_names(columns)
    flag = _churn_flag(columns)
    near: list[str] = []
    matches = {entity: _match(entity, columns, _is_called(table, TABLES[entity.name])) for entity in ENTITIES.values()}
    _say_who_left(matches[ENTITIES["customers"]], flag)
    fitting: list[tuple[int, Entity, dict[str, Seen]]] = []
    for entity, matched in matches.items():
        called = _is_called(table, TABLES[entity.name])
        refused = _refused(entity, matched, keys)
        own = len(matched) - len({"customer_id", "currency"} & matched.keys())
        own += 1 if entity.name == "customers" and flag and flag.values else 0  # nothing else has it
        if refused is None and (called or own >= _ENOUGH[entity.name]):
            fitting.append((own + (10 if called else 0), entity, matched))
        elif refused and called:
            near.append(f"{entity.name}: {refused}")
    if not fitting:
        people = any(_is_called(table, words) for words in (TABLES["customers"], PEOPLE))
        own_key = tuple(names[name] for name in keys[0]) if keys else ()
        return Suggestion(NONE, _all(columns, names, None, {}, people), own_key, (), tuple(near))
    _, entity, matched = max(fitting, key=lambda entry: entry[0])
    of_customers = entity.name == "customers"
    chosen = _all(columns, names, entity, matched, of_customers)
    notes: tuple[str, ...] = ()
    if of_customers and flag:
        inverted = [replace(c, type="boolean", values=flag.values) if c.name == "is_active" else c for c in chosen]
        chosen, notes = tuple(inverted), _why(flag, columns)
    key = entity.keys if not _is_keyless(entity, matched) else ()
    return Suggestion(entity.name, chosen, key, _lacking(entity, matched), tuple(near), notes)


_ENOUGH = {"customers": 3, "accounts": 3, "usage": 3, "transactions": 3, "offers": 3, "tickets": 3, "fx_rates": 2}
"""How many columns of an entity a table must have, customer and currency apart, when its own name says nothing."""


def _is_called(table: str, words: str) -> bool:
    """Whether the table's name is one of the words, as a whole or after a prefix such as `tbl_` or `crm_`."""
    name = plain(table)
    return any(name == word or name.endswith(f"_{word}") for word in words.split())


def _match(entity: Entity, columns: Sequence[Seen], called: bool) -> dict[str, Seen]:
    """The entity's columns that the table has, each with the column that seems to hold it."""
    found: dict[str, Seen] = {}
    for column in entity.columns:
        words = COLUMNS[entity.name][column.name].split()
        if column.name == entity.key and called:
            words.append("id")
        candidates = _called(columns, words)
        fits = (seen for seen in candidates if seen not in found.values() and fitting_type(column, seen))
        if (seen := next(fits, None)) is not None:
            found[column.name] = seen
    return found


def _called(columns: Sequence[Seen], words: Sequence[str]) -> list[Seen]:
    """The columns that are called by one of the words, in the order of the words."""
    by_name = {plain(column.name): column for column in columns}
    flat = {name.replace("_", ""): column for name, column in by_name.items()}
    candidates = (by_name.get(word) or flat.get(word.replace("_", "")) for word in words)
    return list({seen.name: seen for seen in candidates if seen}.values())


def is_called_churned(name: str) -> bool:
    """Whether a column of this name may say who has left."""
    return bool(_called([Seen(name, ())], CHURNED.split()))


def _churn_flag(columns: Sequence[Seen]) -> _ChurnFlag | None:
    """The column that says who has left; failing that, one that may say it."""
    called = _called(columns, CHURNED.split())
    flags = [_ChurnFlag(seen, values) for seen in called if (values := _is_active_by(seen))]
    # Dates are called so too.
    unknown = [_ChurnFlag(seen, None) for seen in called if seen.words is None and seen.types[0] in _FLAG_TYPES]
    return next(iter([*flags, *unknown]), None)


_FLAG_TYPES = {"string", "integer", "boolean"}


def _is_active_by(seen: Seen) -> dict[str, str | None] | None:
    """Whether a customer is active, by the words of a column that says who has left; None for other columns."""
    words = ("0", "1") if seen.words is None and "boolean" in seen.types else seen.words or ()
    given = [word for word in words if word not in seen.marks]
    for left, stayed in LEFT_OR_STAYED:
        if given and {word.lower() for word in given} <= {left, stayed}:
            # Where everybody has stayed so far, somebody may leave.
            unseen = {left, stayed} - {word.lower() for word in given}
            both = [*given, *(_written_like(given[0], word) for word in unseen)]
            meant: dict[str, str | None] = {word: "false" if word.lower() == left else "true" for word in both}
            return {**meant, **dict.fromkeys(seen.marks)}
    return None


def _written_like(word: str, other: str) -> str:
    """Another word in the letters, large or small, in which a word is written."""
    return other.upper() if word.isupper() and len(word) > 1 else other.capitalize() if word[0].isupper() else other


def _say_who_left(matched: dict[str, Seen], flag: _ChurnFlag | None) -> None:
    """Make the churn flag the customers' `is_active`; of one that is not certain, make nothing else that either."""
    if flag is None:
        return
    matched.pop("is_active", None)
    if flag.values:
        for name in [name for name, seen in matched.items() if seen == flag.seen]:
            del matched[name]
        matched["is_active"] = flag.seen


def _why(flag: _ChurnFlag, columns: Sequence[Seen]) -> tuple[str, ...]:
    """What is said of the churn flag, and of the other columns that look like one."""
    words = [*CHURNED.split(), *COLUMNS["customers"]["is_active"].split()]
    others = ", ".join(seen.name for seen in _called(columns, words) if seen != flag.seen)
    if flag.values is None:
        note = f"{flag.seen.name} is called like a churn flag, but its values are not known: is_active is left empty. "
        note += f"If it says who left, write is_active: {{type: boolean, from: {flag.seen.name}, values: …}}"
        return (f"{note}. It was not made from {others}, which may mean something else" if others else note,)
    left = ", ".join(word for word, active in flag.values.items() if active == "false")
    note = f"Taken as the churn flag, because its name says who has left: {flag.seen.name} ({left} → not active)"
    return (note, *((f"Looks like a churn flag too, but stays an attribute: {others}",) if others else ()))


def _refused(entity: Entity, matched: dict[str, Seen], keys: Sequence[Sequence[str]]) -> str | None:
    """Why a table cannot feed the entity; None where it can."""
    missing = [column.name for column in entity.columns if column.required and column.name not in matched]
    if missing and not (missing == [entity.key] and _is_keyless(entity, matched) and not keys):
        return f"it has no column that could be {', '.join(missing)}"
    if _is_keyless(entity, matched):
        return None
    wanted = {matched[name].name for name in entity.keys}
    if not any(set(key) <= wanted for key in keys):
        return f"{', '.join(matched[name].name for name in entity.keys)} is not known to be unique"
    return None


def _is_keyless(entity: Entity, matched: dict[str, Seen]) -> bool:
    """Whether it is events that have no key of their own."""
    return entity.key not in matched and not entity.with_key and entity.name != "customers"


def fitting_type(column: EntityColumn, seen: Seen) -> str | None:
    """The type under which the source's column can feed the entity's; None where it cannot."""
    accepted = {
        "STRING": ("string", "integer"),
        "BOOLEAN": ("boolean",),
        "DATE": ("date",),
        "TIMESTAMP": ("timestamp", "date"),
        "INTEGER": ("integer",),
        ID: ("integer", "string"),
    }.get(column.type)
    if accepted:
        if column.type == "STRING":
            return "string" if "string" in seen.types else None
        return next((type_ for type_ in accepted if type_ in seen.types), None)
    most = DECIMAL.fullmatch(column.type.lower())
    # Whole numbers in a file may have decimals tomorrow.
    by_room = sorted(seen.types, key=lambda type_: type_ == "integer")
    return next((type_ for type_ in by_room if most and _holds(int(most[1]), int(most[2]), type_)), None)


def _holds(precision: int, scale: int, type_: str) -> bool:
    given = DECIMAL.fullmatch(type_)
    if given is None:
        return type_ == "integer"
    return int(given[2]) <= scale and int(given[1]) - int(given[2]) <= precision - scale


def _free_names(columns: Sequence[Seen]) -> dict[str, str]:
    """A contract name for each column, all different."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for number, column in enumerate(columns, 1):
        name = plain(column.name) or f"column_{number}"
        names[column.name] = _untaken(name, taken)
        taken.add(names[column.name])
    return names


def _untaken(name: str, taken: set[str]) -> str:
    tries = [name, *(f"{name[:60]}_{number}" for number in range(2, len(taken) + 3))]
    return next(entry for entry in tries if entry not in taken)


def _all(
    columns: Sequence[Seen], names: dict[str, str], entity: Entity | None, matched: dict[str, Seen], of_people: bool
) -> tuple[Suggested, ...]:
    """Every column of the table: the entity's under its names, the others under their own."""
    canonical = {seen.name: name for name, seen in matched.items()}
    taken = {column.name for column in entity.columns} if entity else set[str]()
    found: list[Suggested] = []
    for seen in columns:
        own = entity.column(canonical[seen.name]) if entity and seen.name in canonical else None
        if own:
            name, type_ = own.name, fitting_type(own, seen) or seen.types[0]
        else:
            # An attribute must not pass for a column of the entity that it does not fit.
            name, type_ = _untaken(names[seen.name], taken), seen.types[0]
        taken.add(name)
        personal = personal_class(plain(seen.name), of_people=of_people) or personal_class(name, of_people=of_people)
        found.append(Suggested(name, seen, type_, own is not None, personal))
    return tuple(found)


def _lacking(entity: Entity, matched: dict[str, Seen]) -> tuple[str, ...]:
    return tuple(column.name for column in entity.columns if column.name not in matched and column.name != entity.key)
