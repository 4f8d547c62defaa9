"""What columns and tables are called elsewhere, in English, German and Czech: for suggestions only, never for loading.

Words are written as `plain` makes them. Of several that a table has, the first wins.
"""

import re
import unicodedata
from typing import Literal

Personal = Literal["name", "contact", "birth", "demographic", "free_text"]

_CUSTOMER_ID = (
    "customer_id customerid cust_id custid customer_no customer_nr customer_number customer_key client_id clientid "
    "client_no client_number kunden_id kundenid kunden_nr kundennr kunden_nummer kundennummer kunde_id kd_nr kdnr "
    "klient_id id_klienta id_klient cislo_klienta zakaznik_id id_zakaznika id_zakaznik cislo_zakaznika user_id userid "
    "member_id memberid subscriber_id subscriberid id_customer id_client"
)
_ACCOUNT_ID = (
    "account_id accountid acct_id account_no account_nr account_number konto_id kontoid konto_nr kontonr kontonummer "
    "ucet_id id_uctu id_ucet cislo_uctu iban"
)
_OPENED = (
    "date_opened opened_on open_date opening_date customer_since member_since signup_date registration_date "
    "registered_on join_date joined_on start_date create_date created_on date_joined kunde_seit eroeffnet_am "
    "eroeffnungsdatum kontoeroeffnung anlagedatum datum_zalozeni datum_otevreni zalozen_dne"
)
_CLOSED = (
    "date_closed closed_on close_date closing_date end_date date_left left_on geschlossen_am schliessungsdatum "
    "gekuendigt_am datum_zruseni datum_uzavreni zrusen_dne"
)
_PRODUCT = (
    "product_type product account_type product_name produkt produkttyp produktart kontoart kontotyp typ_produktu "
    "typ_uctu"
)
_CURRENCY = "currency currency_code ccy curr waehrung waehrungscode mena kod_meny"

COLUMNS: dict[str, dict[str, str]] = {
    "customers": {
        "customer_id": _CUSTOMER_ID,
        "first_name": "first_name firstname given_name forename vorname jmeno krestni_jmeno",
        "last_name": "last_name lastname surname family_name nachname familienname zuname prijmeni",
        "birth_date": "birth_date birthdate date_of_birth dob birthday geburtsdatum geb_datum gebdat geburtstag "
        "datum_narozeni narozen",
        "age": "age age_years alter lebensalter vek",
        "gender": "gender sex geschlecht pohlavi",
        "geography": "geography country country_code country_name land laendercode staat zeme stat region state kraj",
        "is_active": "is_active active isactive active_flag is_active_member isactivemember aktiv ist_aktiv aktivni "
        "je_aktivni",
        "tenure_months": "tenure_months months_as_customer customer_months monate_kunde",
        "date_opened": _OPENED,
        "date_closed": _CLOSED,
        "updated_at": "updated_at last_update last_updated last_updated_at updated modified_at last_modified "
        "changed_at geaendert_am aenderungsdatum zmeneno upraveno",
        "segment": "segment customer_segment segment_code kundensegment segment_klienta",
        "do_not_score": "do_not_score",
        "email": "email e_mail mail email_address mailadresse",
        "phone": "phone phone_number telephone tel mobile mobile_phone telefon telefonnummer handy mobil "
        "mobilni_telefon",
    },
    "accounts": {
        "account_id": _ACCOUNT_ID,
        "customer_id": _CUSTOMER_ID,
        "role": "role holder_role owner_type disp_type rolle inhaberart role_klienta",
        "product_type": _PRODUCT,
        "date_opened": _OPENED,
        "date_closed": _CLOSED,
        "currency": _CURRENCY,
    },
    "usage": {
        "usage_log_id": "usage_log_id usage_id usagelogid log_id nutzung_id",
        "customer_id": _CUSTOMER_ID,
        "product_type": _PRODUCT,
        "monthly_balance": "monthly_balance balance avg_balance average_balance monatssaldo saldo kontostand zustatek "
        "mesicni_zustatek",
        "num_products": "num_products number_of_products numofproducts products_number anzahl_produkte pocet_produktu",
        "usage_date": "usage_date balance_date period month_end month date stichtag monat datum mesic",
        "currency": _CURRENCY,
    },
    "transactions": {
        "transaction_id": "transaction_id transactionid trans_id transid txn_id tx_id booking_id payment_id "
        "buchung_id buchungs_id buchungs_nr buchungsnr buchungsnummer transakce_id id_transakce platba_id",
        "customer_id": _CUSTOMER_ID,
        "transaction_at": "transaction_at transaction_date transaction_time transaction_datetime transaction_timestamp "
        "booking_date booked_at booked_on payment_date posted_at posting_date buchungsdatum buchungstag buchungszeit "
        "datum_transakce datum_platby date datetime timestamp datum",
        "amount": "amount transaction_amount amt value betrag umsatz summe castka",
        "account_id": _ACCOUNT_ID,
        "kind": "kind transaction_type trans_type type operation buchungsart transaktionsart typ typ_transakce operace",
        "channel": "channel kanal vertriebskanal",
        "product_type": _PRODUCT,
        "currency": _CURRENCY,
    },
    "offers": {
        "offer_id": "offer_id offerid angebot_id angebots_id angebots_nr angebotsnummer nabidka_id id_nabidky",
        "customer_id": _CUSTOMER_ID,
        "offer_type": "offer_type offer_name offer campaign campaign_name angebotsart angebotstyp angebot kampagne "
        "typ_nabidky nabidka",
        "accepted": "accepted is_accepted accepted_flag response angenommen prijato prijata",
        "date_offered": "date_offered offer_date offered_on offered_at angebotsdatum angeboten_am datum_nabidky",
        "date_answered": "date_answered answer_date answered_on response_date antwortdatum datum_odpovedi",
        "cost": "cost offer_cost kosten naklady cena",
        "arm": "arm treatment_arm",
    },
    "tickets": {
        "ticket_id": "ticket_id ticketid ticket_no ticket_nr ticket_number case_id incident_id complaint_id request_id "
        "vorgang_id vorgangs_nr vorgangsnummer tiket_id stiznost_id pozadavek_id reklamace_id",
        "customer_id": _CUSTOMER_ID,
        "issue_type": "issue_type issue category issue_category kategorie anliegen typ_problemu",
        "severity": "severity priority schweregrad prioritaet priorita zavaznost",
        "opened_at": "opened_at created_at opened created date_opened open_date eroeffnet_am erstellt_am vytvoreno "
        "otevreno",
        "resolved_at": "resolved_at closed_at resolved closed date_closed geloest_am geschlossen_am vyreseno uzavreno",
        "resolution_time_hrs": "resolution_time_hrs resolution_time_hours resolution_hours resolution_time "
        "loesungszeit_std doba_reseni_hod",
    },
    "fx_rates": {
        "currency": _CURRENCY,
        "rate_date": "rate_date fx_date date valid_on kursdatum datum datum_kurzu",
        "rate": "rate fx_rate exchange_rate kurs wechselkurs kurz",
    },
}

TABLES: dict[str, str] = {
    "customers": "customer customers client clients kunde kunden klient klienti klienty zakaznik zakaznici user users "
    "member members subscriber subscribers kundenstamm",
    "accounts": "account accounts konto konten ucet ucty disp disposition depot",
    "usage": "usage usages usage_log usage_logs balance balances monthly_usage product_usage nutzung salden zustatky",
    "transactions": "transaction transactions trans txn booking bookings payment payments buchung buchungen umsatz "
    "umsaetze transakce platba platby",
    "offers": "offer offers campaign campaigns campaign_contacts angebot angebote nabidka nabidky kampagne",
    "tickets": "ticket tickets support_ticket support_tickets customer_support_tickets incident incidents complaint "
    "complaints case cases vorgang vorgaenge reklamace stiznosti",
    "fx_rates": "fx_rate fx_rates exchange_rate exchange_rates currency_rates wechselkurs wechselkurse kurse kurzy",
}

CHURNED = (
    "exited has_exited is_exited churned has_churned is_churned churn is_churn churn_flag churn_label churn_value "
    "customer_churn attrition attrition_flag attrited has_left is_left left left_bank left_company departed cancelled "
    "canceled is_cancelled is_canceled terminated is_terminated quit gekuendigt ist_gekuendigt hat_gekuendigt "
    "kuendigung abgewandert ist_abgewandert abwanderung ausgetreten ausgeschieden abgegangen odesel odesla odchod "
    "odesli je_odchod zruseno zrusen zrusil vypovezeno vypovedel ukonceno ukoncen ukoncil ztracen"
)
"""A column of customers that says who has left; where there are several, the first is taken."""

LEFT_OR_STAYED = (
    ("1", "0"),
    ("1", "-1"),
    ("1.0", "0.0"),
    ("true", "false"),
    ("true.", "false."),
    ("t", "f"),
    ("yes", "no"),
    ("y", "n"),
    ("ja", "nein"),
    ("j", "n"),
    ("ano", "ne"),
    ("a", "n"),
    ("churned", "stayed"),
    ("left", "stayed"),
    ("attrited customer", "existing customer"),
)
"""The two words of such a column, in small letters: of one who has left, and of one who has not."""

PEOPLE = (
    "staff employee employees person people actor actors contact contacts mitarbeiter personal osoba osoby zamestnanci"
)
"""Tables that are about people too: what is called a name in them is a person's."""

_PERSONAL: dict[Personal, str] = {
    "birth": "birth birthdate birthday dob geburtsdatum geburtstag gebdat geburtsort narozeni narozen birth_number "
    "rodne_cislo",
    "contact": "email mail phone telephone mobile fax address address2 street zip postcode postal telefon handy mobil "
    "postal_code adresse strasse plz adresa ulice psc",
    "name": "first_name firstname last_name lastname surname full_name fullname given_name forename vorname nachname "
    "zuname jmeno prijmeni customer_name client_name kundenname username user_name cardholder",
    "demographic": "gender sex age nationality marital religion ethnicity education occupation geschlecht alter "
    "familienstand staatsangehoerigkeit beruf pohlavi vek",
    "free_text": "comment comments note notes remark remarks message bemerkung bemerkungen notiz notizen poznamka "
    "poznamky freitext",
}


def plain(name: str) -> str:
    """A name as names in a contract are: small ASCII letters, digits, single underscores: `Straße_Nr.` → `strasse_nr`.

    Begins with a letter; empty where nothing of it can be written so.
    """
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    for umlaut, letters in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("Ä", "Ae"), ("Ö", "Oe"), ("Ü", "Ue"), ("ß", "ss")):
        text = text.replace(umlaut, letters)
    letters = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "_", letters).strip("_")
    return f"c_{words}"[:63] if words[:1].isdigit() else words[:63]


def personal_class(name: str, *, of_people: bool) -> Personal | None:
    """The class of personal data that a column of this plain name holds, as far as its name tells.

    `of_people`: the table is about people, so that a column `name` is a person's.
    """
    bare = re.sub(r"_?[0-9]+$|(_(address|number|no|nr|code|line|text))+$", "", name)
    for personal, words in _PERSONAL.items():
        if any(f"_{part}".endswith(f"_{word}") for word in words.split() for part in (name, bare)):
            return personal
    return "name" if of_people and name in {"name", "title_name", "jmeno", "nazev"} else None
