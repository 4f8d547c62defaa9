"""The same key twice in one delivery: exact copies are counted, contradictions are set apart."""

from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from tenure.contracts.model import Contract
from tenure.engine.protocol import Engine
from tenure.sources.records import row_numbers


@dataclass(frozen=True)
class Settled:
    """What must be taken out.

    `dropped` are rows that repeat another (or are older by `order_by`); `conflicting` maps a row to
    the column whose uniqueness it breaks.
    """

    dropped: frozenset[int] = frozenset()
    conflicting: dict[int, str] = field(default_factory=dict[int, str])

    @property
    def changes(self) -> bool:
        """Whether anything has to be taken out."""
        return bool(self.dropped or self.conflicting)


class AscendingKey:
    """Watches a key of one whole number go by: as long as it only grows, no value can occur twice.

    Most sources number their records in order, and to prove the same by grouping costs a tenth of their loading.
    """

    def __init__(self, contract: Contract) -> None:
        self._name = contract.key[0] if len(contract.key) == 1 else None
        self._last: int | None = None
        self.holds = self._name is not None and contract.columns[self._name].type == "integer"

    def see(self, records: pa.Table) -> None:
        """The next records, in their order."""
        if not self.holds or not records.num_rows or self._name is None:
            return
        column = records[self._name]
        if column.null_count:
            self.holds = False
            return
        values = column.to_numpy()
        grows = bool((values[1:] > values[:-1]).all()) and (self._last is None or int(values[0]) > self._last)
        self.holds, self._last = grows, int(values[-1])


def settle_keys(contract: Contract, candidate: Path, engine: Engine, *, unique: bool = False) -> Settled:
    """Which records of a delivery cannot stand beside each other.

    Two records with one key and the same content are one record delivered twice. With different
    content the newest by `order_by` wins; without `order_by`, or where that ties, nobody can say
    which is true, so all of them are conflicting. So are records that share a `unique` value.
    `unique`: it is known that no key occurs twice.
    """
    engine.view_of_files("candidate", [candidate])
    dropped: set[int] = set()
    conflicting: dict[int, str] = {}
    if contract.key and not unique:
        _settle(contract, contract.key, contract.order_by, engine, dropped, conflicting)
    for name, column in contract.columns.items():
        if column.unique and (name,) != contract.key:
            _unique(name, engine, dropped, conflicting)
    return Settled(frozenset(dropped), conflicting)


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _settle(
    contract: Contract,
    key: tuple[str, ...],
    order_by: str | None,
    engine: Engine,
    dropped: set[int],
    conflicting: dict[int, str],
) -> None:
    keys, content = _listed(key), _listed(tuple(contract.columns))
    rank = f'RANK() OVER (PARTITION BY {keys} ORDER BY "{order_by}" DESC NULLS LAST)' if order_by else "1"
    repeated = f"SELECT {keys} FROM candidate GROUP BY {keys} HAVING COUNT(*) > 1"
    verdicts = engine.query(
        f"""
        WITH involved AS (SELECT c.* FROM candidate AS c SEMI JOIN ({repeated}) AS r USING ({keys})),
        copies AS (
          SELECT *, ROW_NUMBER() OVER (PARTITION BY {content} ORDER BY _row ASC NULLS LAST) AS copy FROM involved
        ),
        ranked AS (SELECT *, {rank} AS place FROM copies WHERE copy = 1),
        judged AS (SELECT _row, place, COUNT(*) OVER (PARTITION BY {keys}, place) AS rivals FROM ranked)
        SELECT _row, 'dropped' AS verdict FROM copies WHERE copy > 1
        UNION ALL SELECT _row, 'dropped' FROM judged WHERE place > 1
        UNION ALL SELECT _row, 'conflicting' FROM judged WHERE place = 1 AND rivals > 1
        """
    )
    dropped.update(_rows(verdicts, "dropped"))
    conflicting.update(dict.fromkeys(_rows(verdicts, "conflicting"), ", ".join(key)))


def _unique(name: str, engine: Engine, dropped: set[int], conflicting: dict[int, str]) -> None:
    gone = pa.table({"_row": pa.array(sorted(dropped | conflicting.keys()), pa.int64())})
    shared = engine.query(
        f"""
        SELECT _row, 'conflicting' AS verdict FROM (
          SELECT _row, COUNT(*) OVER (PARTITION BY "{name}") AS holders
          FROM candidate ANTI JOIN gone USING (_row) WHERE "{name}" IS NOT NULL
        ) AS counted WHERE holders > 1
        """,
        gone=gone,
    )
    conflicting.update(dict.fromkeys(_rows(shared, "conflicting"), name))


def _rows(verdicts: pa.Table, verdict: str) -> list[int]:
    wanted = pa.array([verdict], pa.string())
    return row_numbers(verdicts.filter(pc.is_in(verdicts["verdict"], value_set=wanted)))
