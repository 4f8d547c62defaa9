"""The time: when something was recorded (UTC), and names made from it."""

import secrets
from datetime import UTC, datetime


def now() -> datetime:
    """The present instant in UTC, without a zone: what every stored timestamp means."""
    return datetime.now(UTC).replace(tzinfo=None)


def new_run_id() -> str:
    """A name for one run: when it began and six random hex digits."""
    return f"{now():%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
