"""Sentences that several panels share: small groups, missing data, what to do about it."""

from tenure.serve.formats import number

_WHAT_ARRIVES = {
    "customers": "customers",
    "usage": "usage (products and balances)",
    "offers": "offers",
    "tickets": "support tickets",
}


def missing_hint(entity: str) -> str:
    """What is missing and what to do about it."""
    return f"no {_WHAT_ARRIVES[entity]} yet: put the files in landing/ and run: tenure run"


def small_groups(sizes: list[int], minimum: int) -> str | None:
    """A warning when groups are too small to compare; None when all are large enough."""
    small = sum(1 for size in sizes if size < minimum)
    if small == 0:
        return None
    if small == len(sizes):
        return f"Every group has fewer than {minimum} customers: read them as cases, not as rates."
    plural = "group has" if small == 1 else "groups have"
    return (
        f"{number(small)} {plural} fewer than {minimum} customers and no colour: chance alone moves such figures far."
    )
