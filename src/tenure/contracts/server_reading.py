"""How a table of a server is read."""

from tenure.contracts.columns import Strict


class ServerReading(Strict):
    """The part of a contract that says where a table is: `url` of its database, and its name."""

    url: str | None = None
    table: str | None = None
