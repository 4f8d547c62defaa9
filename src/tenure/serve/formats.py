"""Values as people read them on a page: numbers, money, months, ages. A missing value is an en dash."""

import math
from datetime import date, timedelta
from decimal import Decimal

MISSING = "–"
MINUS = "\u2212"
NARROW = "\u202f"  # a narrow space that does not break: between a number and its unit

_SCALES = ((1e12, "tn"), (1e9, "bn"), (1e6, "M"))


def as_number(value: object) -> float | None:
    """A finite number as a float; None for everything else (NULL, text, NaN)."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    number = float(value)
    return number if math.isfinite(number) else None


def number(value: object, decimals: int = 0) -> str:
    """12,345.6 with a true minus sign; exact for integers and decimals of any size."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return MISSING
    if isinstance(value, float | Decimal) and not math.isfinite(value):
        return MISSING
    text = f"{value:,.{decimals}f}"
    if text.startswith("-"):
        text = text[1:] if not text.strip("-0.,") else MINUS + text[1:]
    return text


def percentage(value: object, decimals: int = 1) -> str:
    """A value that is already in per cent: 35.0 %."""
    text = number(value, decimals)
    return text if text == MISSING else f"{text}{NARROW}%"


def hours(value: object) -> str:
    """A duration in hours: 17.4 h."""
    text = number(value, 1)
    return text if text == MISSING else f"{text}{NARROW}h"


def short_number(value: object) -> str:
    """A large number in three or four figures: 214.3 M, 12.5 k; below ten thousand as it is."""
    amount = as_number(value)
    if amount is None:
        return MISSING
    size = abs(amount)
    if size >= 999_950:
        # rounding may carry into the next scale: 999.96 M is 1.0 bn
        scale, name = next((s, n) for s, n in _SCALES if size >= s * 0.99995)
        return f"{number(amount / scale, 1)}{NARROW}{name}"
    if size >= 9_999.5:
        return f"{number(amount / 1000, 1)}{NARROW}k"
    return number(amount)


def short_money(value: object, currency: str) -> str:
    """An amount for a headline: USD 214.3 M."""
    text = short_number(value)
    return text if text == MISSING else f"{currency}{NARROW}{text}"


def day(value: date) -> str:
    """2 Oct 2025."""
    return f"{value.day} {value:%b %Y}"


def month_name(month: str) -> str:
    """2025-09 as Sep 2025; anything else unchanged."""
    start = month_start(month)
    return month if start is None else f"{start:%b %Y}"


def month_start(month: str) -> date | None:
    """The first day of a month written YYYY-MM."""
    try:
        return date.fromisoformat(f"{month}-01")
    except ValueError:
        return None


def month_before(month: str) -> str | None:
    """The month before one written YYYY-MM."""
    start = month_start(month)
    return None if start is None else f"{start - timedelta(days=1):%Y-%m}"


def age(span: timedelta) -> str:
    """How long ago: just now, 3 min ago, 5 h ago, 12 days ago. A clock that is behind reads just now."""
    minutes = int(span.total_seconds() // 60)
    if minutes < 1:
        return "just now"
    if minutes < 60:
        return f"{minutes} min ago"
    if minutes < 48 * 60:
        return f"{minutes // 60} h ago"
    return f"{minutes // (24 * 60)} days ago"
