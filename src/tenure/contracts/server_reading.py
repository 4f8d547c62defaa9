"""How a table of a server is read."""

from datetime import date, datetime
from typing import Any, Literal

from pydantic import Field, field_validator

from tenure.contracts.columns import Name, Strict


class Watermark(Strict):
    """The column by which an incremental source tells what is new: each run reads on from its greatest value so far.

    `column` grows with every new row (`mode: append`) or with every change of one (`mode: lastmodified`). `overlap`:
    how far before that value a run begins all the same, so that rows whose transaction was still open are not
    missed: a number for a number; for a time so many seconds, minutes, hours or days, such as `90s`, `15m`, `2h`
    or `1d`. By default 10000 and `1d`. `start`: the value after which the first run begins; without it, that run
    reads everything.
    """

    column: Name
    overlap: int | str | None = None
    start: int | str | None = None

    @field_validator("overlap", mode="before")
    @classmethod
    def _as_number(cls, given: Any) -> Any:
        return int(given) if isinstance(given, str) and given.isdecimal() else given

    @field_validator("start", mode="before")
    @classmethod
    def _as_text(cls, given: Any) -> Any:
        return given.isoformat(sep=" ") if isinstance(given, datetime) else str(given) if type(given) is date else given


class ServerTrust(Strict):
    """`ca`: a file, relative to the project, with the certificates of those who may vouch for the server."""

    ca: str


class ServerReading(Strict):
    """The part of a contract that says where a table is and how it is read.

    `url` of the database, and in it a `table` (or view), or a `query`: any SELECT. `where`: a condition in the
    server's SQL: other rows are not read at all. `password_variable`: the environment variable that holds the
    password, where several sources share one.
    `tls`: `required` encrypts; `verify` also makes sure that the server is the one it claims to be, by the
    certificates that this machine trusts, or `{ca: FILE}` by those in a file. Without `tls`, nothing is encrypted.
    `watermark`: for `mode: append` and `mode: lastmodified`. `reconcile`: how often such a source is compared with
    the whole table, which finds deleted rows and whatever the overlap missed: `always`, `never`, or after so many
    days, such as `7d`.
    `fetch_size`: rows at a time; by default as many as fit 16 MB. `parallel`: so many connections at once, each of
    which reads a stretch of `split_by` (by default the key); `boundary`: a SELECT of the least and the greatest
    value to divide between them, by default those of the table.
    """

    url: str | None = None
    table: str | None = None
    query: str | None = None
    where: str | None = None
    password_variable: str | None = Field(default=None, pattern=r"^TENURE_[A-Z0-9_]+$")
    tls: Literal["required", "verify"] | ServerTrust | None = None
    watermark: Watermark | None = None
    reconcile: str = Field(default="never", pattern=r"^(always|never|[1-9][0-9]{0,3}d)$")
    fetch_size: int | None = Field(default=None, ge=1, le=1_000_000)
    split_by: str | None = None
    parallel: int = Field(default=1, ge=1, le=16)
    boundary: str | None = None
