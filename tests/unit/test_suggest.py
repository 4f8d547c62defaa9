"""What a table seems to be, by the names and types of its columns."""

import pytest

from tenure.contracts.entities import ENTITIES
from tenure.contracts.suggest import Seen, Suggestion, suggest
from tenure.contracts.synonyms import COLUMNS, personal_class, plain


def of(table: str, key: str | tuple[str, ...] | None = None, /, **types: str) -> Suggestion:
    columns = [Seen(name, tuple(kinds.split("|"))) for name, kinds in types.items()]
    keys = [] if key is None else [(key,) if isinstance(key, str) else key]
    return suggest(table, columns, keys)


def mapped(suggestion: Suggestion) -> dict[str, str]:
    return {column.name: column.seen.name for column in suggestion.columns if column.entity}


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("clients", {"client_id": "integer", "first_name": "string", "birthdate": "date"}),
        ("KUNDEN", {"KUNDEN_NR": "integer", "Vorname": "string", "Geburtsdatum": "date"}),
        ("zákazníci", {"id_zákazníka": "integer", "Jméno": "string", "datum_narození": "date"}),
        ("CRM_Customer", {"ID": "integer", "FirstName": "string", "DOB": "date"}),
    ],
)
def test_customers_are_known_in_three_languages(table: str, columns: dict[str, str]) -> None:
    suggestion = of(table, next(iter(columns)), **columns)

    assert suggestion.entity == "customers"
    assert mapped(suggestion) == dict(zip(("customer_id", "first_name", "birth_date"), columns, strict=True))
    assert suggestion.key == ("customer_id",)


def test_a_table_with_a_customers_id_that_is_not_its_key_is_no_table_of_customers() -> None:
    suggestion = of("rental", "rental_id", rental_id="integer", customer_id="integer", rental_date="timestamp")

    assert suggestion.entity == "none"
    assert suggestion.key == ("rental_id",)


def test_customers_whose_id_is_not_known_to_be_unique_are_none_and_that_is_said() -> None:
    suggestion = of("customers", "row_no", row_no="integer", customer_id="integer", first_name="string", dob="date")

    assert (suggestion.entity, suggestion.key) == ("none", ("row_no",))
    assert suggestion.near == ("customers: customer_id is not known to be unique",)


def test_payments_feed_transactions_under_the_entitys_names() -> None:
    suggestion = of(
        "payment",
        "payment_id",
        payment_id="integer|string",
        customer_id="integer|string",
        amount="decimal(5,2)|string",
        payment_date="timestamp",
        staff="integer",
    )

    assert suggestion.entity == "transactions"
    assert mapped(suggestion) == {
        "transaction_id": "payment_id",
        "customer_id": "customer_id",
        "amount": "amount",
        "transaction_at": "payment_date",
    }
    assert [column.name for column in suggestion.columns if not column.entity] == ["staff"]


def test_money_in_binary_floating_point_never_feeds_an_amount() -> None:
    types = {"transaction_id": "integer", "customer_id": "integer", "amount": "number", "transaction_at": "timestamp"}
    suggestion = of("transactions", "transaction_id", **types)

    assert suggestion.entity == "none"
    assert suggestion.near == ("transactions: it has no column that could be amount",)


def test_events_without_an_id_are_keyless_events_and_not_lost() -> None:
    types = {"customer_id": "integer", "amount": "decimal(9,2)", "booking_date": "date", "channel": "string"}
    suggestion = of("transactions", None, **types)

    assert (suggestion.entity, suggestion.key) == ("transactions", ())


def test_an_account_and_its_holder_are_the_key_where_either_is_unique() -> None:
    types = {"account_id": "integer", "customer_id": "integer", "date_opened": "date"}

    assert of("accounts", "account_id", **types).key == ("account_id", "customer_id")


def test_a_column_that_is_called_like_the_entitys_but_does_not_fit_is_an_attribute_of_another_name() -> None:
    suggestion = of(
        "customers", "customer_id", customer_id="integer", age="string", first_name="string", gender="string"
    )

    assert [column.name for column in suggestion.columns if column.seen.name == "age"] == ["age_2"]
    assert "age" in suggestion.lacks


def test_whole_amounts_in_a_file_keep_room_for_cents() -> None:
    types = {"usage_id": "integer", "client_id": "integer", "balance": "integer|decimal(18,2)|string"}
    suggestion = of("usage", "usage_id", **types)

    assert {column.name: column.type for column in suggestion.columns}["monthly_balance"] == "decimal(18,2)"


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("Straße_Nr.", "strasse_nr"),
        ("KUNDEN_NR", "kunden_nr"),
        ("customerId", "customer_id"),
        ("IsActiveMember", "is_active_member"),
        ("2nd name", "c_2nd_name"),
        ("_id", "id"),
        ("příjmení", "prijmeni"),
        ("!!!", ""),
        ("x" * 100, "x" * 63),
    ],
)
def test_names_become_names_of_a_contract(name: str, found: str) -> None:
    assert plain(name) == found


def test_two_columns_never_get_one_name() -> None:
    suggestion = of("t", None, **{"a b": "string", "a-b": "string", "a_b": "string"})

    assert len({column.name for column in suggestion.columns}) == 3


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("email", "contact"),
        ("phone_number", "contact"),
        ("address2", "contact"),
        ("billing_address", "contact"),
        ("address_id", None),
        ("phone_service", None),
        ("last_name", "name"),
        ("birth_number", "birth"),
        ("gender", "demographic"),
        ("notes", "free_text"),
        ("amount", None),
    ],
)
def test_personal_data_is_told_by_the_name(name: str, found: str | None) -> None:
    assert personal_class(name, of_people=False) == found


def test_the_words_are_those_of_the_entities_and_plain() -> None:
    assert {name: set(words) for name, words in COLUMNS.items()} == {
        entity.name: {column.name for column in entity.columns} for entity in ENTITIES.values()
    }
    for words in COLUMNS.values():
        for column, others in words.items():
            assert others.split()[0] == column
            assert all(plain(word) == word for word in others.split())
