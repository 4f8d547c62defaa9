"""Data classes whose fields are arrays, one row a customer: choosing rows and putting rows together."""

from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

Columns = TypeVar("Columns")


def take(columns: Columns, rows: Ints) -> Columns:
    """The chosen rows, in the order of `rows`."""
    return type(columns)(**{name: values[rows] for name, values in _arrays(columns).items()})


def joined(first: Columns, second: Columns) -> Columns:
    """The rows of the first, then those of the second."""
    others = _arrays(second)
    return type(first)(**{name: np.concatenate([values, others[name]]) for name, values in _arrays(first).items()})


def _arrays(columns: object) -> dict[str, npt.NDArray[Any]]:
    assert is_dataclass(columns) and not isinstance(columns, type)
    return {field.name: getattr(columns, field.name) for field in fields(columns)}
