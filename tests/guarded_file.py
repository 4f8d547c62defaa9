"""Writes a file, reads it through a guard, and checks what must hold of any file: the account and the verbatim text."""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from tenure.contracts.model import Contract
from tenure.sources.records import Block, Reject

Guard = Callable[..., Iterator[Block]]
Cells = dict[str, object]


@dataclass(frozen=True)
class Read:
    """`cells`, `verbatim`: of every record that was read, by its line. `types`: of every block's columns."""

    records: int
    cells: dict[int, Cells]
    verbatim: dict[int, bytes]
    rejects: list[Reject]
    types: list[dict[str, pa.DataType]]

    @property
    def faults(self) -> list[tuple[int, str]]:
        """Line and rule of each reject, in the order of the lines."""
        return [(reject.row, reject.rule) for reject in self.rejects]

    def column(self, name: str) -> list[object]:
        """One column, in the order of the lines."""
        return [cells[name] for _, cells in sorted(self.cells.items())]


def contract(kind: str, delimiter: str = ",", **columns: str | dict[str, object]) -> Contract:
    """A contract over customers; each column as its type, or as in a contract. customer_id is text unless given."""
    described = {"customer_id": "string", **columns}
    return Contract.model_validate(
        {
            "source": "people",
            "entity": "customers",
            "kind": kind,
            "path": "people",
            "delimiter": delimiter,
            "key": ["customer_id"],
            "columns": {
                name: {"type": column} if isinstance(column, str) else column for name, column in described.items()
            },
        }
    )


def read_through(guard: Guard, content: bytes, contract: Contract, block_bytes: int = 16 << 20) -> Read:
    """Everything that the guard gives of a file with this content."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "people.txt"
        path.write_bytes(content)
        blocks = list(guard(path, contract, block_bytes=block_bytes))
    cells: dict[int, Cells] = {}
    verbatim: dict[int, bytes] = {}
    rejects: list[Reject] = []
    for block in blocks:
        block.table.validate(full=True)
        assert block.table.column_names == [*contract.columns, "_row"]
        assert block.table.schema.field("_row").type == pa.int64()
        assert block.records == block.table.num_rows + len(block.rejects)
        for record in block.table.to_pylist():
            row = record.pop("_row")
            assert row not in cells
            cells[row] = record
            verbatim[row] = block.verbatim(row)
        for reject in block.rejects:
            assert block.verbatim(reject.row) == reject.record
        rejects += block.rejects
    rejects.sort(key=lambda reject: reject.row)
    lines = [reject.row for reject in rejects]
    assert len(set(lines)) == len(lines)
    assert cells.keys().isdisjoint(lines)
    return Read(
        records=sum(block.records for block in blocks),
        cells=cells,
        verbatim=verbatim,
        rejects=rejects,
        types=[{field.name: field.type for field in block.table.schema} for block in blocks],
    )
