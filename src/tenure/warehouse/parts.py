"""The files that a table is made of: writing them, sharing them with the release before, merging small ones."""

import os
import shutil
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TypeAlias

from tenure.core.durable import sha256_file
from tenure.core.errors import BuildError, DamagedRelease
from tenure.engine.protocol import Column, Engine, content_hash_of
from tenure.warehouse.manifest import Part, Table
from tenure.warehouse.models import Model

Sums: TypeAlias = "tuple[int, int]"
"""Of some rows: their number, and the sum of their hashes."""
WHOLE = "all"
"""The partition of a table that is not partitioned."""
MOST_PARTS = 8
"""A month with more parts than this has its small ones merged."""


@dataclass(frozen=True)
class PartWriter:
    """Writes parts of one release into the folder it is built in. `sequence` keeps names apart between releases."""

    engine: Engine
    building: Path
    scratch: Path
    sequence: int
    _numbers: "count[int]" = field(default_factory=count)

    def path(self, table: str, partition: str) -> Path:
        """Where the next part of a table goes."""
        folder = self.building / table
        folder.mkdir(exist_ok=True)
        return folder / f"{partition}.{self.sequence:06d}.{next(self._numbers)}.parquet"

    def whole(self, model: Model) -> list[tuple[str, Path]]:
        """All rows of a model, in parts by month when it has a partition. At least one file."""
        by = model.description.partition
        if by is None:
            target = self.path(model.name, WHOLE)
            self.engine.write(model.sql, target)
            return [(WHOLE, target)]
        months = self.building / model.name / ".months"
        months.parent.mkdir(exist_ok=True)
        written: list[tuple[str, Path]] = []
        for partition, file in self.engine.write_months(model.sql, by, months):
            target = self.path(model.name, partition)
            file.rename(target)
            written.append((partition, target))
        shutil.rmtree(months, ignore_errors=True)
        return written or [self.empty(model)]

    def empty(self, model: Model) -> tuple[str, Path]:
        """A part without rows: a table keeps its columns when it has none."""
        target = self.path(model.name, WHOLE)
        self.engine.write(f"SELECT * FROM ({model.sql}) AS nothing WHERE 1 = 0", target)
        return WHOLE, target

    def taken_back(self, old: Table, made: Table, same: Collection[str], current: Path) -> list[Part]:
        """The parts of a table that was made anew, those of the release before where the rows are the `same`."""
        for part in made.parts:
            if part.partition in same:
                (self.building / part.file).unlink()
        kept = [part for part in old.parts if part.partition in same]
        for part in kept:
            share(part, current, self.building)
        return [*kept, *(part for part in made.parts if part.partition not in same)]

    def described(self, written: Sequence[tuple[str, Path]], known: Mapping[Path, Sums] = {}) -> tuple[Part, ...]:
        """Written files as parts: hashes, sizes, rows. Files whose sums are not `known` are read for them."""
        unknown = [file for _, file in written if file not in known]
        read = dict(zip(unknown, self.engine.checksums(unknown), strict=True)) if unknown else {}
        sums = [known.get(file) or read[file] for _, file in written]
        return tuple(
            Part(
                str(file.relative_to(self.building)),
                sha256_file(file),
                file.stat().st_size,
                partition,
                rows,
                str(checksum),
            )
            for (partition, file), (rows, checksum) in zip(written, sums, strict=True)
        )


def same_partitions(before: Sequence[Part], now: Sequence[Part]) -> set[str]:
    """The partitions that hold the same rows in both: as many, with the same sum of hashes."""
    then, new = _sums(before), _sums(now)
    return {partition for partition, sums in new.items() if then.get(partition) == sums}


def _sums(parts: Sequence[Part]) -> dict[str, Sums]:
    return {name: sums_of(part for part in parts if part.partition == name) for name in {p.partition for p in parts}}


def sums_of(parts: Iterable[Part]) -> Sums:
    """The sums of all rows of some parts."""
    return added_up((part.rows, int(part.checksum)) for part in parts)


def added_up(sums: Iterable[Sums]) -> Sums:
    """The sums of all rows together."""
    rows, checksum = 0, 0
    for more, hashed in sums:
        rows, checksum = rows + more, checksum + hashed
    return rows, checksum


def share(part: Part, current: Path, building: Path) -> None:
    """Share a part with the release it was made for, by hard link where the disk has them."""
    target = building / part.file
    target.parent.mkdir(exist_ok=True)
    try:
        os.link(current / part.file, target)
    except FileNotFoundError as error:
        raise DamagedRelease(
            f"a part of the release in force is missing: {part.file}",
            cure="tenure verify --repair rebuilds it from raw; tenure build --full makes all parts anew",
        ) from error
    except OSError:
        shutil.copyfile(current / part.file, target)


def table_of(model: Model, columns: Sequence[Column], parts: Sequence[Part]) -> Table:
    """A table as the manifest knows it; its content hash is the sum over its parts."""
    rows = sum(part.rows for part in parts)
    content = content_hash_of(columns, rows, sum(int(part.checksum) for part in parts))
    ordered = tuple(sorted(parts, key=lambda part: part.file))
    return Table(model.name, model.layer, model.kind, model.definition, rows, content, tuple(columns), ordered)


def expect_columns(model: Model, found: Sequence[Column]) -> None:
    """Raises `BuildError` when a table has other columns than its yml says."""
    expected = {column.name: column.type for column in model.columns}
    actual = {column.name: column.type for column in found}
    wrong = [
        f"{name} is {actual.get(name, 'missing')}, its yml says {expected.get(name, 'nothing')}"
        for name in sorted(expected.keys() | actual.keys())
        if expected.get(name) != actual.get(name)
    ]
    if wrong:
        raise BuildError("; ".join(wrong), where=model.where, cure="make the SQL and the yml beside it agree")
