"""What a table seems to be, by the names and types of its columns."""

import pytest

from tenure.contracts.entities import ENTITIES
from tenure.contracts.suggest import Seen, Suggestion, suggest
from tenure.contracts.synonyms import CHURNED, COLUMNS, LEFT_OR_STAYED, personal_class, plain


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


def flagged(others: dict[str, Seen], flag: Seen, table: str = "clients") -> Suggestion:
    columns = [Seen("CustomerId", ("integer",)), *others.values(), flag]
    return suggest(table, columns, [("CustomerId",)])


ACTIVE = Seen("IsActiveMember", ("integer", "boolean"), words=("0", "1"))


@pytest.mark.parametrize(
    ("name", "words", "values"),
    [
        ("Exited", ("0", "1"), {"0": "true", "1": "false"}),
        ("Churn", ("No", "Yes"), {"No": "true", "Yes": "false"}),
        ("churned", ("FALSE", "TRUE"), {"FALSE": "true", "TRUE": "false"}),
        ("Churn?", ("False.", "True."), {"False.": "true", "True.": "false"}),
        ("Attrition_Flag", ("Attrited Customer", "Existing Customer"), None),
        ("gekündigt", ("J", "N", "n"), {"J": "false", "N": "true", "n": "true"}),
        ("odešel", ("Ano", "Ne"), {"Ano": "false", "Ne": "true"}),
        ("left", ("No",), {"No": "true", "Yes": "false"}),
    ],
)
def test_who_has_left_is_not_active_whatever_else_is_called_active(
    name: str, words: tuple[str, ...], values: dict[str, str] | None
) -> None:
    suggestion = flagged({"a": ACTIVE}, Seen(name, ("string",), words=words))

    columns = {column.name: column for column in suggestion.columns}
    assert mapped(suggestion)["is_active"] == name
    assert (columns["is_active"].type, columns["is_active"].values) == (
        "boolean",
        values or {"Attrited Customer": "false", "Existing Customer": "true"},
    )
    assert not columns["is_active_member"].entity
    assert any(note.startswith("Taken as the churn flag") and name in note for note in suggestion.notes)
    assert "Looks like a churn flag too, but stays an attribute: IsActiveMember" in suggestion.notes


def test_words_for_missing_values_leave_it_open_who_has_left() -> None:
    flag = Seen("churn", ("string",), words=("?", "no", "yes"), marks=("?",))
    by_name = {column.name: column for column in flagged({"a": ACTIVE}, flag).columns}

    assert by_name["is_active"].values == {"no": "true", "yes": "false", "?": None}


def test_of_two_churn_flags_one_is_taken_and_both_are_named() -> None:
    label = Seen("Churn Label", ("string",), words=("No", "Yes"))
    suggestion = flagged({"a": ACTIVE, "b": label}, Seen("Churn Value", ("integer",), words=("0", "1")))

    assert mapped(suggestion)["is_active"] == "Churn Label"
    assert suggestion.notes[-1].endswith("attribute: Churn Value, IsActiveMember")


@pytest.mark.parametrize(
    "other",
    [
        Seen("Cancelled", ("integer",), words=("0", "1", "2", "7")),
        Seen("Cancelled", ("date",)),
        Seen("Cancelled", ("string",), words=()),
    ],
)
def test_a_count_or_a_date_is_no_churn_flag(other: Seen) -> None:
    suggestion = flagged({"a": ACTIVE}, other)

    assert mapped(suggestion)["is_active"] == "IsActiveMember"
    assert suggestion.notes == ()


def test_where_the_values_are_not_known_nobody_is_said_to_be_active() -> None:
    suggestion = flagged({"a": ACTIVE}, Seen("Exited", ("integer", "string")))

    assert "is_active" not in mapped(suggestion)
    assert "is_active" in suggestion.lacks
    assert suggestion.notes[0].startswith("Exited is called like a churn flag, but its values are not known")
    assert "IsActiveMember" in suggestion.notes[0]


def test_a_truth_value_of_a_server_is_zero_or_one() -> None:
    suggestion = flagged({"a": ACTIVE}, Seen("exited", ("integer", "boolean", "string")))

    assert {c.name: c.values for c in suggestion.columns}["is_active"] == {"0": "true", "1": "false"}


def test_a_column_of_customers_that_is_called_active_stays_so_without_a_churn_flag() -> None:
    suggestion = of("clients", "client_id", client_id="integer", active="boolean")

    assert mapped(suggestion)["is_active"] == "active"
    assert {c.name: c.values for c in suggestion.columns}["is_active"] is None


def test_the_words_for_who_has_left_are_plain_and_different() -> None:
    words = CHURNED.split()

    assert all(plain(word) == word for word in words)
    assert len(set(words)) == len(words)
    assert not set(words) & {word for others in COLUMNS["customers"].values() for word in others.split()}
    assert all(word == word.lower() for pair in LEFT_OR_STAYED for word in pair)
