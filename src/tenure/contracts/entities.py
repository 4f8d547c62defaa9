"""The canonical tables that the warehouse understands, and the columns each may have."""

from dataclasses import dataclass

ID = "id"
"""The type of a natural key: BIGINT or STRING, as the contracts that feed it say."""

NONE = "none"
"""The entity of a source that feeds none: a table of its own, whose raw records are read as `raw_<source>`."""


@dataclass(frozen=True)
class EntityColumn:
    """A canonical column; `type` is a common type name or `id`."""

    name: str
    type: str
    required: bool = False


@dataclass(frozen=True)
class Entity:
    """A canonical table: `dated_by` says when a record happened.

    `key` identifies a record, together with the columns of `with_key` where one column does not. A source
    without keys gets values for `key`, which only an entity with a key of one column allows.
    """

    name: str
    grain: str
    key: str
    columns: tuple[EntityColumn, ...]
    dated_by: str | None = None
    with_key: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """All columns that together identify a record; none of a table of its own, whose contract says it."""
        return (self.key, *self.with_key) if self.key else ()

    def refuses_key(self, key: tuple[str, ...], *, keyless: bool) -> str | None:
        """Why a source with this key cannot feed the entity; None where it can.

        Where several columns identify a record, a source must name exactly these: a record that another
        key replaces or deletes would be told apart by columns that it does not have.
        """
        if not self.with_key or (not keyless and set(key) == set(self.keys)):
            return None
        return f"entity {self.name} is keyed by {' and '.join(self.keys)}: write key: [{', '.join(self.keys)}]"

    def column(self, name: str) -> EntityColumn | None:
        """The canonical column of that name, if it is one."""
        return next((column for column in self.columns if column.name == name), None)


def _entity(name: str, grain: str, keys: str, columns: str, dated_by: str | None = None) -> Entity:
    parsed = (entry.strip().split(" ") for entry in columns.split("|"))
    key, *with_key = keys.split(" ")
    return Entity(
        name,
        grain,
        key,
        tuple(EntityColumn(words[0].rstrip("!"), words[1], words[0].endswith("!")) for words in parsed),
        dated_by,
        tuple(with_key),
    )


# A name ends in ! where the column is required.
ENTITIES: dict[str, Entity] = {
    entity.name: entity
    for entity in (
        _entity(
            "customers",
            "one customer, as it is now or as of one snapshot",
            "customer_id",
            "customer_id! id | first_name STRING | last_name STRING | birth_date DATE | age INTEGER"
            " | gender STRING | geography STRING | is_active BOOLEAN | tenure_months INTEGER"
            " | date_opened DATE | date_closed DATE | updated_at TIMESTAMP | segment STRING"
            " | do_not_score BOOLEAN | email STRING | phone STRING",
        ),
        _entity(
            "accounts",
            "one account and one of its holders",
            "account_id customer_id",
            "account_id! id | customer_id! id | role STRING | product_type STRING | date_opened DATE"
            " | date_closed DATE | currency STRING",
        ),
        _entity(
            "usage",
            "one customer, product and period",
            "usage_log_id",
            "usage_log_id! id | customer_id! id | product_type STRING | monthly_balance DECIMAL(18,2)"
            " | num_products INTEGER | usage_date DATE | currency STRING",
            "usage_date",
        ),
        _entity(
            "transactions",
            "one booking",
            "transaction_id",
            "transaction_id! id | customer_id! id | transaction_at! TIMESTAMP | amount! DECIMAL(18,2)"
            " | account_id id | kind STRING | channel STRING | product_type STRING | currency STRING",
            "transaction_at",
        ),
        _entity(
            "offers",
            "one offer to one customer",
            "offer_id",
            "offer_id! id | customer_id! id | offer_type STRING | accepted BOOLEAN | date_offered DATE"
            " | date_answered DATE | cost DECIMAL(18,2) | arm STRING",
            "date_offered",
        ),
        _entity(
            "tickets",
            "one support ticket",
            "ticket_id",
            "ticket_id! id | customer_id! id | issue_type STRING | severity STRING | opened_at TIMESTAMP"
            " | resolved_at TIMESTAMP | resolution_time_hrs DECIMAL(10,2)",
            "opened_at",
        ),
        _entity(
            "fx_rates",
            "one currency and day",
            "currency rate_date",
            "currency! STRING | rate_date! DATE | rate! DECIMAL(18,8)",
        ),
    )
}

_OWN = Entity(NONE, "one record of a table of its own", "", ())


def feed_of(entity: str, source: str) -> str:
    """What the raw records of a source are gathered under: its entity, or its own name where it has none."""
    return source if entity == NONE else entity


def entity_of(feed: str) -> Entity:
    """The entity of that name; for the name of a source that feeds none, and for `none`, one without columns."""
    return ENTITIES.get(feed, _OWN)
