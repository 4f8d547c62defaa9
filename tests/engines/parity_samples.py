"""Ten rows of awkward values: NULL, negative, half and boundary values of every type."""

from datetime import date, datetime
from decimal import Decimal

import pyarrow as pa

_COLUMNS = {
    "n": (pa.int32(), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
    "i": (pa.int32(), [None, 0, 1, -1, 7, -7, 2147483647, -2147483647, 100, 3]),
    "b": (
        pa.int64(),
        [None, 0, 1, -1, 9007199254740993, -9007199254740993, 9223372036854775807, -9223372036854775807, 5, 2],
    ),
    "d": (
        pa.decimal128(18, 2),
        ["", "0.00", "0.01", "-0.01", "2.50", "-2.50", "9999999999999999.99", "-9999999999999999.99", "0.05", "1.25"],
    ),
    "w": (
        pa.decimal128(38, 10),
        [
            "",
            "0",
            "0.0000000001",
            "-0.0000000001",
            "1.005",
            "-1.005",
            "1234567890123456789012345678.1234567890",
            "-9999999999999999999999999999.9999999999",
            "0.5",
            "2.675",
        ],
    ),
    "f": (pa.float64(), [None, 0.0, -0.0, 1.005, -1.005, 0.125, -0.125, 1e-9, 123456.785, -2.5]),
    "s": (
        pa.string(),
        [None, "", " a ", "Ä ß İ", "\U0001f926\U0001f3fc‍♂️x", "A", "it's", "a%b_c", "\ta\n", "\xa0Zz\u3000"],
    ),
    "t": (pa.bool_(), [None, True, False, True, False, True, None, False, True, True]),
    "day": (
        pa.date32(),
        [
            None,
            date(1, 1, 1),
            date(1969, 12, 31),
            date(1970, 1, 1),
            date(2024, 2, 29),
            date(2023, 2, 28),
            date(2024, 12, 30),
            date(9999, 12, 31),
            date(2000, 2, 29),
            date(2024, 1, 31),
        ],
    ),
    "moment": (
        pa.timestamp("us"),
        [
            None,
            datetime(1, 1, 1),
            datetime(1969, 12, 31, 23, 59, 59, 999999),
            datetime(1970, 1, 1),
            datetime(2024, 2, 29, 12, 34, 56, 789000),
            datetime(2024, 3, 31, 2, 30),
            datetime(2024, 12, 30, 23, 59, 59, 500000),
            datetime(9999, 12, 31, 23, 59, 59, 999999),
            datetime(2000, 2, 29, 0, 0, 18),
            datetime(2024, 1, 31, 0, 0, 17, 999999),
        ],
    ),
}


def samples() -> pa.Table:
    """Ten rows of awkward values."""
    arrays = {
        name: pa.array([Decimal(value) if value else None for value in values], kind)
        if pa.types.is_decimal(kind)
        else pa.array(values, kind)
        for name, (kind, values) in _COLUMNS.items()
    }
    return pa.table(arrays)
