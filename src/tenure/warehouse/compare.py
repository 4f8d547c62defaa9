"""Counts how the rows of one table differ between two releases, reading only the parts that they do not share."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tenure.engine.protocol import Column, Engine
from tenure.warehouse.manifest import Part, Table


@dataclass(frozen=True)
class RowChanges:
    """Rows that came, rows that went and, where rows have a key, rows whose other values changed.

    `columns` says in how many of the changed rows each column changed; columns that did not are left out.
    """

    added: int
    removed: int
    changed: int = 0
    columns: tuple[tuple[str, int], ...] = ()


NO_CHANGES = RowChanges(0, 0)


@dataclass(frozen=True)
class Side:
    """A table of a release and the release's folder."""

    table: Table
    folder: Path

    def files(self, other: "Side") -> list[Path]:
        """Parts of this side that the other does not have, byte for byte."""
        left = Counter(part.sha256 for part in other.table.parts)
        own: list[Part] = []
        for part in self.table.parts:
            if left[part.sha256]:
                left[part.sha256] -= 1
            else:
                own.append(part)
        return [self.folder / part.file for part in own]


def compare_rows(engine: Engine, before: Side, after: Side, key: Sequence[str]) -> RowChanges:
    """Compare by `key`; by whole rows where that is empty or not in both. Only columns of both count."""
    columns = [column for column in before.table.columns if column in after.table.columns]
    for name, files, side in (("_before", before.files(after), before), ("_after", after.files(before), after)):
        nothing = "" if files else " WHERE 1 = 0"
        engine.view_of_files(f"{name}_files", files or [side.folder / side.table.parts[0].file])
        engine.view(name, f"SELECT * FROM {name}_files{nothing}")
    names = [column.name for column in columns]
    if key and set(key) <= set(names):
        return _by_key(engine, columns, key)
    return _by_row(engine, names)


def _by_key(engine: Engine, columns: Sequence[Column], key: Sequence[str]) -> RowChanges:
    values = [column.name for column in columns if column.name not in key]
    same = " AND ".join(f'b."{name}" = a."{name}"' for name in key)
    both = f'b."{key[0]}" IS NOT NULL AND a."{key[0]}" IS NOT NULL'
    other = [f'b."{name}" IS DISTINCT FROM a."{name}"' for name in values]
    counts = [
        f'COUNT(CASE WHEN b."{key[0]}" IS NULL THEN 1 END)',
        f'COUNT(CASE WHEN a."{key[0]}" IS NULL THEN 1 END)',
        f"COUNT(CASE WHEN {both} AND ({' OR '.join(other) or '1 = 0'}) THEN 1 END)",
        *(f"COUNT(CASE WHEN {both} AND {test} THEN 1 END)" for test in other),
    ]
    named = ", ".join(f"{count} AS n{number}" for number, count in enumerate(counts))
    found = engine.query(f"SELECT {named} FROM _before AS b FULL OUTER JOIN _after AS a ON {same}").to_pylist()[0]
    added, removed, changed, *each = (int(found[f"n{number}"]) for number in range(len(counts)))
    touched = [(name, count) for name, count in zip(values, each, strict=True) if count]
    return RowChanges(added, removed, changed, tuple(sorted(touched, key=lambda pair: -pair[1])))


def _by_row(engine: Engine, names: Sequence[str]) -> RowChanges:
    """Rows that only one side has; a row that occurs twice counts twice."""
    columns = ", ".join(f'"{name}"' for name in names)

    def only(one: str, other: str) -> int:
        rows = f"SELECT {columns} FROM {one} EXCEPT ALL SELECT {columns} FROM {other}"
        return int(engine.query(f"SELECT COUNT(*) AS n FROM ({rows}) AS rows").to_pylist()[0]["n"])

    return RowChanges(only("_after", "_before"), only("_before", "_after"))
