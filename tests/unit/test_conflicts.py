"""A key that only grows is known to be unique, and any other is not taken for one."""

import pyarrow as pa
import pytest

from tenure.sources.conflicts import AscendingKey
from tests.guarded_file import contract

NUMBERED = contract("csv", customer_id="integer", note="string")


def holds(*blocks: list[int | None]) -> bool:
    key = AscendingKey(NUMBERED)
    for block in blocks:
        key.see(pa.table({"customer_id": pa.array(block, pa.int64())}))
    return key.holds


def test_a_key_that_grows_from_block_to_block_is_unique() -> None:
    assert holds([1, 2, 5], [], [6], [9, 10])
    assert holds()


@pytest.mark.parametrize(
    "blocks", [([1, 1],), ([1, 2], [2, 3]), ([1, 2], [], [2]), ([2, 1],), ([1, None, 3],), ([5], [4], [6])]
)
def test_a_key_that_does_not_only_grow_may_repeat(blocks: tuple[list[int | None], ...]) -> None:
    assert not holds(*blocks)


def test_texts_and_keys_of_several_columns_are_not_watched() -> None:
    assert not AscendingKey(contract("csv", note="string")).holds
    assert not AscendingKey(NUMBERED.model_copy(update={"key": ("customer_id", "note")})).holds
