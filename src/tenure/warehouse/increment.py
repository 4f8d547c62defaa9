"""Works what changed into a table: only the rows concerned are computed, only the parts that held them rewritten."""

from collections.abc import Collection, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from tenure.core.errors import BuildError
from tenure.engine.protocol import Engine
from tenure.warehouse.changes import Change
from tenure.warehouse.graph import words_of
from tenure.warehouse.manifest import Part, Table
from tenure.warehouse.models import Model
from tenure.warehouse.parts import MOST_PARTS, WHOLE, PartWriter, Sums, added_up, share, sums_of
from tenure.warehouse.slices import Columns, Slices, Touched, keep

_FEW = 1000
_SHARE = 4


@dataclass(frozen=True)
class Worked:
    """A table after an increment: its parts, how many rows went and came, and from which month on any could."""

    parts: tuple[Part, ...]
    removed: int
    added: int
    first: date | None


@contextmanager
def restricted(engine: Engine, views: Mapping[str, str]) -> Generator[None]:
    """Let some tables show only some of their rows for a while. `NAME__all` always shows all."""
    try:
        for name, sql in views.items():
            engine.view(name, sql)
        yield
    finally:
        for name in views:
            engine.view(name, f"SELECT * FROM {name}__all")


def touched_values(writer: PartWriter, model: Model, changes: Mapping[str, Change]) -> dict[str, Touched]:
    """For each column that a model follows: the values concerned.

    A model that follows by several columns has one of them in each row, so there a missing value concerns none.
    """
    touched: dict[str, Touched] = {}
    columns = sorted(set(model.description.follows.values()))
    filled = " WHERE v.value IS NOT NULL" if len(columns) > 1 else ""
    for column in columns:
        selects = [
            select
            for name, followed in model.description.follows.items()
            if followed == column and changes[name].kind == "rows" and (select := changes[name].values_of(column))
        ]
        if selects:
            values = " UNION ALL ".join(selects)
            relation = f"touched__{model.name}__{column}"
            number = keep(writer, relation, f"SELECT DISTINCT v.value FROM ({values}) AS v{filled}")
            missing = writer.engine.query(f"SELECT COUNT(*) - COUNT(value) AS n FROM {relation}")["n"][0].as_py()
            touched[column] = Touched(relation, number, missing > 0)
    return touched


def too_many(touched: Mapping[str, Touched], rows: int) -> bool:
    """Whether making a table anew is cheaper than working so much in; `rows` are those that are read for that."""
    return sum(values.number for values in touched.values()) > max(_FEW, rows // _SHARE)


def restrictions(
    model: Model,
    touched: Mapping[str, Touched],
    views: Mapping[str, Model],
    reads: Mapping[str, Collection[str]],
    slices: Slices,
) -> dict[str, str] | None:
    """The inputs that a model follows, restricted to the values concerned. `reads` is what each model reads.

    None where that cannot be: a view that the model reads as a whole would see the restricted rows only.

    An engine may compute a whole view before it looks at a restriction, so what the view itself follows by the
    same column is restricted as well, unless it is read in another way, too.
    """
    readers = _readers(model.name, views, reads)
    followed: dict[str, str] = {}
    waiting = list(model.description.follows.items())
    while waiting:
        name, column = waiting.pop()
        followed[name] = column
        if name in views:
            inner = views[name].description.follows.items()
            waiting += [(below, by) for below, by in inner if by == column and readers[below] == {name}]
    whole = (
        reader
        for name, column in model.description.follows.items()
        for reader in readers[name] - {model.name}
        if reader not in followed or views[reader].description.follows.get(name) != column
    )
    if any(whole):
        return None
    words = {reader: words_of(views.get(reader, model)) for name in followed for reader in readers[name]}
    return {
        name: slices.select(name, column, touched[column], _together(words[reader] for reader in readers[name]))
        if column in touched
        else f"SELECT s.* FROM {name}__all AS s WHERE 1 = 0"
        for name, column in followed.items()
    }


def _together(words: Iterable[Columns]) -> Columns:
    found: frozenset[str] = frozenset()
    for some in words:
        if some is None:
            return None
        found |= some
    return found


def _readers(model: str, views: Mapping[str, Model], reads: Mapping[str, Collection[str]]) -> dict[str, set[str]]:
    """Of each table that a model reads, itself or through views: by which of these it is read."""
    readers: dict[str, set[str]] = {}
    waiting = [model]
    while waiting:
        reader = waiting.pop()
        for name in reads[reader]:
            if name in views and name not in readers:
                waiting.append(name)
            readers.setdefault(name, set()).add(reader)
    return readers


def increment(
    writer: PartWriter,
    model: Model,
    old: Table,
    current: Path,
    touched: Mapping[str, Touched],
    changes: Mapping[str, Change],
    inputs: Mapping[str, str],
) -> Worked:
    """Work the changes into a table. `inputs` are what it follows, restricted (see `restrictions`).

    Afterwards `removed_NAME` and `added_NAME` hold the rows that went and came, `changes_NAME` both.
    """
    engine, name = writer.engine, model.name
    first = since(engine, model, changes)
    fresh = model.sql
    if first:
        by = model.description.partition
        fresh = f'SELECT * FROM ({model.sql}) AS r WHERE r."{by}" >= CAST(\'{first}\' AS DATE) OR r."{by}" IS NULL'
    with restricted(engine, inputs):
        keep(writer, f"fresh__{name}", fresh)
    reachable = [part for part in old.parts if not first or part.partition >= first.isoformat()[:7]]
    keep(writer, f"stale__{name}", _rows_concerned(engine, name, [current / part.file for part in reachable], touched))
    _expect_one_column_each(engine, model)
    removed, added = _difference(writer, name)
    return Worked(_rewritten(writer, model, old, current) if removed or added else old.parts, removed, added, first)


def compare(writer: PartWriter, name: str, before: Sequence[Path], after: Sequence[Path]) -> None:
    """Say which rows of a table that was made anew went and came, as `increment` does.

    `before` and `after` are the files that differ; one of them may be none.
    """
    for relation, files in ((f"stale__{name}", before), (f"fresh__{name}", after)):
        writer.engine.view_of_files(f"files__{relation}", files or [*before, *after])
        writer.engine.view(relation, f"SELECT * FROM files__{relation}{'' if files else ' WHERE 1 = 0'}")
    _difference(writer, name)


def _difference(writer: PartWriter, name: str) -> tuple[int, int]:
    removed = keep(writer, f"removed_{name}", f"SELECT * FROM stale__{name} EXCEPT ALL SELECT * FROM fresh__{name}")
    added = keep(writer, f"added_{name}", f"SELECT * FROM fresh__{name} EXCEPT ALL SELECT * FROM stale__{name}")
    writer.engine.view(f"changes_{name}", f"SELECT * FROM removed_{name} UNION ALL SELECT * FROM added_{name}")
    return removed, added


def since(engine: Engine, model: Model, changes: Mapping[str, Change]) -> date | None:
    """The first day of the month of the earliest change; None when rows of any month may be concerned."""
    days: list[date] = []
    for name, column in model.description.onwards.items():
        change = changes[name]
        if change.kind != "rows":
            continue
        day = change.since
        if change.relation:
            counted = f'COUNT(*) AS n, COUNT(*) - COUNT("{column}") AS undated, CAST(MIN("{column}") AS DATE) AS day'
            found = engine.query(f"SELECT {counted} FROM {change.relation}").to_pylist()[0]
            if not found["n"]:
                continue
            day = None if found["undated"] else found["day"]
        if day is None:
            return None
        days.append(day)
    return min(days).replace(day=1) if days else None


def _rows_concerned(engine: Engine, name: str, files: Sequence[Path], touched: Mapping[str, Touched]) -> str:
    """The rows of the table as it was that are computed anew: a SELECT."""
    selects = [f"SELECT * FROM fresh__{name} WHERE 1 = 0"]
    if files:
        engine.view_of_files(f"old__{name}", files)
        for column, values in touched.items():
            condition = values.holds(f'p."{column}"')
            selects.append(f"SELECT p.* FROM old__{name} AS p WHERE {condition}")
    return " UNION ALL ".join(selects)


def _expect_one_column_each(engine: Engine, model: Model) -> None:
    """A model that follows by several columns must have one of them in each row, or locality does not hold."""
    columns = sorted(set(model.description.follows.values()))
    if len(columns) < 2:
        return
    filled = " + ".join(f'CASE WHEN "{column}" IS NULL THEN 0 ELSE 1 END' for column in columns)
    wrong = engine.query(f"SELECT COUNT(*) AS n FROM fresh__{model.name} WHERE {filled} <> 1")["n"][0].as_py()
    if wrong:
        raise BuildError(
            f"{wrong} rows have not exactly one of {', '.join(columns)}, which the model follows",
            where=model.where,
            cure="follow by one column, or make the model full",
        )


def _rewritten(writer: PartWriter, model: Model, old: Table, current: Path) -> tuple[Part, ...]:
    """The parts of the table without the removed and with the added rows; parts without any are shared."""
    engine, name = writer.engine, model.name
    label = _label(model.description.partition)
    came = engine.row_sums(f"added_{name}", label)
    went = engine.row_sums(f"removed_{name}", label)
    suspects = {current / part.file: part for part in old.parts if part.partition in went or WHOLE in went}
    same_key = " AND ".join(f'r."{column}" = p."{column}"' for column in model.description.key)
    gone = f"EXISTS (SELECT 1 FROM removed_{name} AS r WHERE {same_key})"
    hit = engine.files_where(list(suspects), gone)
    replaced = {suspects[file] for file in hit}
    written: list[tuple[str, Path]] = []
    sums: dict[Path, Sums] = {}
    for month in sorted(came.keys() | {part.partition for part in replaced}):
        selects = [f"SELECT * FROM added_{name} AS p WHERE {label} = '{month}'"] if month in came else []
        files = [file for file in hit if suspects[file].partition == month]
        due = [came.get(month, (0, 0)), *(sums_of([suspects[file]]) for file in files)]
        if files:
            engine.view_of_files(f"hit__{name}", files)
            selects.append(f"SELECT p.* FROM hit__{name} AS p WHERE NOT {gone}")
            rows, checksum = went.get(month, (0, 0))
            due.append((-rows, -checksum))
        target = writer.path(name, month)
        rows = engine.write(" UNION ALL ".join(selects), target)
        if rows:
            written.append((month, target))
        else:
            target.unlink()
        if rows == added_up(due)[0]:  # else a key was not unique, which the checks will say
            sums[target] = added_up(due)
    kept = [part for part in old.parts if part not in replaced]
    merged, written = _merged(writer, name, kept, written, current, sums)
    for part in kept:
        if part not in merged:
            share(part, current, writer.building)
    parts = (*(part for part in kept if part not in merged), *writer.described(written, sums))
    return parts or writer.described([writer.empty(model)])


def _label(partition: str | None) -> str:
    if partition is None:
        return f"'{WHOLE}'"
    day = f'CAST(p."{partition}" AS DATE)'
    return f"CASE WHEN {day} IS NULL THEN 'none' ELSE SUBSTR(CAST({day} AS STRING), 1, 7) END"


def _merged(
    writer: PartWriter,
    name: str,
    kept: Sequence[Part],
    written: Sequence[tuple[str, Path]],
    current: Path,
    sums: dict[Path, Sums],
) -> tuple[set[Part], list[tuple[str, Path]]]:
    """Merge the small parts of a month that has too many: all but its largest become one. Adds to `sums`."""
    merged: set[Part] = set()
    result: list[tuple[str, Path]] = []
    for month in sorted({month for month, _ in written}):
        fresh = [file for partition, file in written if partition == month]
        small = sorted((part for part in kept if part.partition == month), key=lambda part: part.rows)[:-1]
        if len(fresh) + len(small) + 1 > MOST_PARTS:
            writer.engine.view_of_files(f"small__{name}", [*fresh, *(current / part.file for part in small)])
            target = writer.path(name, month)
            writer.engine.write(f"SELECT * FROM small__{name}", target)
            merged.update(small)
            if all(file in sums for file in fresh):
                sums[target] = added_up([*(sums[file] for file in fresh), sums_of(small)])
            for file in fresh:
                file.unlink()
            fresh = [target]
        result.extend((month, file) for file in fresh)
    return merged, result
