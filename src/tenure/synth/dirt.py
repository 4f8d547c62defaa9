"""What goes wrong in real files: for each kind of dirt, how a clean record is spoilt.

A record that breaks its contract is always one too many: the clean record stands beside it, so that
after quarantine exactly the truth is left. Dirt in place is harmless: the record still says the same.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from tenure.synth.records import HEADERS

Spoil = Callable[[bytes, int], list[bytes]]
"""From a clean record, without line end, and an id that nobody uses: the dirty lines."""

FIRST_SPARE = 1_000_000_000
"""Ids from here on belong to no clean record."""


@dataclass(frozen=True)
class Dirt:
    """One kind of dirt.

    `column`: where it is, None for the whole record. `breaks`: whether the contract of the bank template is
    broken, so that the lines end in quarantine. `in_place`: the dirty line stands instead of the clean one,
    otherwise beside it.
    """

    kind: str
    column: str | None
    breaks: bool
    spoil: Spoil
    in_place: bool = False


def _with(entity: str, **values: bytes) -> Spoil:
    """Put values into columns of a CSV record."""
    places = [(HEADERS[entity].index(column), value) for column, value in values.items()]

    def spoil(line: bytes, spare: int) -> list[bytes]:
        fields = line.split(b",")
        for place, value in places:
            fields[place] = value.replace(b"{spare}", b"%d" % spare)
        return [b",".join(fields)]

    return spoil


def _around(entity: str, column: str, before: bytes, behind: bytes) -> Spoil:
    """Put bytes before and behind one column of a CSV record."""
    place = HEADERS[entity].index(column)

    def spoil(line: bytes, _: int) -> list[bytes]:
        fields = line.split(b",")
        fields[place] = before + fields[place] + behind
        return [b",".join(fields)]

    return spoil


def _contradiction(entity: str, column: str, one: bytes, other: bytes) -> Spoil:
    """Two records with one key, a spare one, that differ in a column."""
    first, second = (_with(entity, **{HEADERS[entity][0]: b"{spare}", column: value}) for value in (one, other))
    return lambda line, spare: first(line, spare) + second(line, spare)


def _copy(line: bytes, _: int) -> list[bytes]:
    return [line]


def _one_field_more(line: bytes, _: int) -> list[bytes]:
    return [line + b",x"]


def _one_field_less(line: bytes, _: int) -> list[bytes]:
    return [line.rsplit(b",", 1)[0]]


def _quoted(line: bytes, _: int) -> list[bytes]:
    return [b",".join(b'"' + field + b'"' if field else field for field in line.split(b","))]


def _any_csv(entity: str, text_column: str, conflict: tuple[str, bytes, bytes], padded: str) -> list[Dirt]:
    """Dirt that any CSV file can have."""
    key = HEADERS[entity][0]
    return [
        Dirt("missing_id", key, True, _with(entity, **{key: b""})),
        Dirt("id_not_a_number", key, True, _with(entity, **{key: b"n/a"})),
        Dirt("id_too_large", key, True, _with(entity, **{key: b"99999999999999999999"})),
        Dirt("field_too_many", None, True, _one_field_more),
        Dirt("field_too_few", None, True, _one_field_less),
        Dirt("unclosed_quote", None, True, _around(entity, text_column, b'"', b"")),
        Dirt("text_behind_quote", None, True, _around(entity, text_column, b'"', b'"x')),
        Dirt("invalid_utf8", None, True, _around(entity, text_column, b"", b"\xe9\xff")),
        Dirt("conflicting_key", key, True, _contradiction(entity, *conflict)),
        Dirt("exact_duplicate", None, False, _copy),
        Dirt("quoted_fields", None, False, _quoted, in_place=True),
        Dirt("surrounding_blanks", padded, False, _around(entity, padded, b" ", b"  "), in_place=True),
    ]


def _of_events(entity: str) -> list[Dirt]:
    """Dirt of a CSV file whose records name a customer."""
    key = HEADERS[entity][0]
    unknown = b"%d" % FIRST_SPARE
    return [
        Dirt("missing_customer", "customer_id", True, _with(entity, customer_id=b"")),
        Dirt("fraction_in_id", "customer_id", True, _with(entity, customer_id=b"12.5")),
        Dirt("unknown_customer", "customer_id", False, _with(entity, **{key: b"{spare}", "customer_id": unknown})),
    ]


def _member(column: str, value: bytes) -> Spoil:
    """Put a value, as it is written, into a member of a JSON record."""
    pattern = re.compile(rb'("%s":)[^,}]*' % column.encode())
    return lambda line, spare: [pattern.sub(rb"\g<1>" + value.replace(b"{spare}", b"%d" % spare), line)]


def _without(column: str) -> Spoil:
    pattern = re.compile(rb'"%s":[^,}]*,' % column.encode())
    return lambda line, _: [pattern.sub(b"", line)]


def _json_contradiction(line: bytes, spare: int) -> list[bytes]:
    own = _member("usage_log_id", b"{spare}")(line, spare)[0]
    return _member("num_products", b"7")(own, spare) + _member("num_products", b"8")(own, spare)


def _json_unknown(line: bytes, spare: int) -> list[bytes]:
    own = _member("usage_log_id", b"{spare}")(line, spare)[0]
    return _member("customer_id", b"%d" % FIRST_SPARE)(own, spare)


def _turned_round(line: bytes, _: int) -> list[bytes]:
    return [b"{" + b",".join(reversed(line[1:-1].split(b","))) + b"}"]


def _spread_out(line: bytes, _: int) -> list[bytes]:
    return [b" " + line.replace(b'":', b'" : ').replace(b',"', b' , "') + b" "]


DECKS: dict[str, list[Dirt]] = {
    "customers": [
        *_any_csv("customers", "first_name", ("geography", b"Qatar", b"Bahrain"), "date_opened"),
        Dirt("impossible_age", "age", True, _with("customers", age=b"240")),
        Dirt("age_in_words", "age", True, _with("customers", age=b"forty")),
        Dirt("unknown_boolean", "is_active", True, _with("customers", is_active=b"maybe")),
        Dirt("missing_state", "is_active", True, _with("customers", is_active=b"")),
        Dirt("negative_tenure", "tenure_months", True, _with("customers", tenure_months=b"-3")),
        Dirt("impossible_date", "date_opened", True, _with("customers", date_opened=b"2025-02-30")),
        Dirt("date_in_another_order", "date_opened", True, _with("customers", date_opened=b"31/12/2019")),
    ],
    "tickets": [
        *_any_csv("tickets", "issue_type", ("severity", b"Low", b"High"), "severity"),
        *_of_events("tickets"),
        Dirt("unknown_severity", "severity", True, _with("tickets", severity=b"Urgent")),
        Dirt("negative_hours", "resolution_time_hrs", True, _with("tickets", resolution_time_hrs=b"-5")),
        Dirt("hours_in_words", "resolution_time_hrs", True, _with("tickets", resolution_time_hrs=b"two days")),
        Dirt("impossible_date", "opened_at", True, _with("tickets", opened_at=b"2025-02-30 10:00:00")),
    ],
    "offers": [
        *_any_csv("offers", "offer_type", ("accepted", b"0", b"1"), "accepted"),
        *_of_events("offers"),
        Dirt("unknown_boolean", "accepted", True, _with("offers", accepted=b"maybe")),
        Dirt("missing_type", "offer_type", True, _with("offers", offer_type=b"")),
        Dirt("impossible_date", "date_offered", True, _with("offers", date_offered=b"2025-13-01")),
    ],
    "usage": [
        Dirt("truncated_line", None, True, lambda line, _: [line[: len(line) // 2]]),
        Dirt("not_a_number", None, True, _member("monthly_balance", b"NaN")),
        Dirt("array_for_object", None, True, lambda line, _: [b"[" + line + b"]"]),
        Dirt("null_for_object", None, True, lambda _, __: [b"null"]),
        Dirt("text_behind_object", None, True, lambda line, _: [line + b" end"]),
        Dirt("invalid_utf8", None, True, _member("product_type", b'"Sav\xe9\xffings"')),
        Dirt("missing_id", "usage_log_id", True, _without("usage_log_id")),
        Dirt("missing_customer", "customer_id", True, _member("customer_id", b"null")),
        Dirt("id_too_large", "customer_id", True, _member("customer_id", b"99999999999999999999")),
        Dirt("number_in_words", "monthly_balance", True, _member("monthly_balance", b'"twelve"')),
        Dirt("three_decimals", "monthly_balance", True, _member("monthly_balance", b"120.125")),
        Dirt("negative_count", "num_products", True, _member("num_products", b"-1")),
        Dirt("fraction_in_count", "num_products", True, _member("num_products", b"1.5")),
        Dirt("impossible_date", "usage_date", True, _member("usage_date", b'"2025-02-30"')),
        Dirt("conflicting_key", "usage_log_id", True, _json_contradiction),
        Dirt("unknown_customer", "customer_id", False, _json_unknown),
        Dirt("exact_duplicate", None, False, _copy),
        Dirt("other_order_of_keys", None, False, _turned_round, in_place=True),
        Dirt("blanks_between", None, False, _spread_out, in_place=True),
    ],
    "transactions": [
        *_any_csv("transactions", "channel", ("kind", b"purchase", b"transfer"), "amount"),
        *_of_events("transactions"),
        Dirt("three_decimals", "amount", True, _with("transactions", amount=b"12.345")),
        Dirt("currency_in_amount", "amount", True, _with("transactions", amount=b"EUR 12.50")),
        Dirt("thousands_separator", "amount", True, _with("transactions", amount=b'"1,250.00"')),
        Dirt("missing_amount", "amount", True, _with("transactions", amount=b"")),
        Dirt("unknown_kind", "kind", True, _with("transactions", kind=b"gift")),
        Dirt("missing_moment", "transaction_at", True, _with("transactions", transaction_at=b"")),
        Dirt("impossible_date", "transaction_at", True, _with("transactions", transaction_at=b"2025-02-30 10:00:00")),
        Dirt("impossible_time", "transaction_at", True, _with("transactions", transaction_at=b"2025-01-15 25:00:00")),
    ],
}
