"""Each kind of bad input ends in a message that says what, where and the cure, with the right exit code."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command import Command, Ran
from tests.reference_case import BUSINESS_DATE, make_reference_project

HEADER = "offer_id,customer_id,offer_type,accepted,date_offered\n"


@pytest.fixture
def bank(tmp_path: Path) -> Path:
    return make_reference_project(tmp_path / "bank").root


def run(tenure: Command, bank: Path, *words: object) -> Ran:
    return tenure("run", "--date", BUSINESS_DATE, "--project", bank, *words)


def explains(text: str, *parts: str) -> None:
    """A message names these parts and a cure, and shows no traceback."""
    for part in parts:
        assert part in text, text
    assert "cure: " in text, text
    assert "Traceback" not in text


def test_a_missing_file_is_named_with_where_to_put_it(tenure: Command, bank: Path) -> None:
    ran = tenure("ingest", "transactions", "--project", bank)
    assert ran.code == 1
    explains(ran.err, "no file matches landing/transactions*.csv", "source transactions")


def test_a_run_without_one_of_the_files_says_what_stays_empty_and_goes_on(tenure: Command, bank: Path) -> None:
    ran = run(tenure, bank)
    assert ran.code == 0
    assert "note: no file matches landing/transactions*.csv" in ran.out


def test_a_run_with_no_file_at_all_says_where_to_put_them(tenure: Command, tmp_path: Path) -> None:
    tenure("init", tmp_path / "empty")
    ran = tenure("run", "--project", tmp_path / "empty")
    assert ran.code == 1
    explains(ran.err, "nothing has been loaded yet", "landing/customers*.csv")


@pytest.mark.parametrize(
    ("name", "content", "parts"),
    [
        ("offers_empty.csv", b"", ("offers_empty.csv", "is empty: not even a header")),
        ("usage_pretty.json", b'{\n "usage_log_id": 1\n}\n', ("usage_pretty.json", "break the contract")),
        (
            "offers_other.csv",
            HEADER.replace("accepted", "discount").encode() + b"1,1,A,1,2025-01-01\n",
            ("does not know the column 'discount'", "sources/offers.yml"),
        ),
        ("offers_twice.csv", HEADER.replace("accepted", "offer_type").encode(), ("'offer_type' more than once",)),
        ("offers_headless.csv", b"1,1,A,1,2025-01-01\n2,1,A,1,2025-01-01\n", ("a header line is needed",)),
        ("offers_wide.csv", (HEADER + "1,1,A,1,\n").encode("utf-16"), ("is in utf-16-le", "encoding: utf-16-le")),
        ("offers_lacking.csv", b"customer_id,offer_type\n1,A\n", ("required column 'offer_id' is missing",)),
    ],
)
def test_a_file_that_cannot_be_taken_is_refused_and_the_others_are_loaded(
    tenure: Command, bank: Path, name: str, content: bytes, parts: tuple[str, ...]
) -> None:
    (bank / "landing" / name).write_bytes(content)
    ran = run(tenure, bank)
    assert ran.code == 1
    explains(ran.err, "refused: ", *parts)
    assert "is in force" in ran.out
    assert tenure("report", "churn_overall", "--project", bank, "--json").document["rows"][0]["total_customers"] == 20


def test_a_folder_where_a_file_should_be_is_refused(tenure: Command, bank: Path) -> None:
    (bank / "landing" / "offers_more.csv").mkdir()
    ran = run(tenure, bank)
    assert ran.code == 1
    explains(ran.err, "landing/offers_more.csv", "is a folder where a file should be")


def test_a_header_in_another_order_is_matched_by_name_and_said(tenure: Command, bank: Path) -> None:
    (bank / "landing" / "offers_more.csv").write_text(
        "customer_id,offer_id,date_offered,offer_type,accepted\n1,9001,2025-01-31,Cashback,0\n"
    )
    ran = run(tenure, bank)
    assert ran.code == 0
    assert "note: landing/offers_more.csv: its columns stand in another order than the contract's" in ran.out
    offer = tenure("sql", "SELECT * FROM dim_offer WHERE offer_id = 9001", "--project", bank, "--json").document[0]
    assert (offer["customer_id"], offer["offer_type"], offer["accepted"]) == (1, "Cashback", False)


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        (b"nine,1,Cashback,1,2025-01-31", "type"),
        (b"9,1,Cashback,1,2025-02-30", "type"),
        (b"9,1,Cashback,maybe,2025-01-31", "type"),
        (b"9,,Cashback,1,2025-01-31", "required"),
        (b"9,1,Cashback", "fields"),
        (b"9,1,Cashback,1,2025-01-31,more", "fields"),
        (b'9,1,"Cashback,1,2025-01-31', "quoting"),
        (b'9,1,"Cash"back,1,2025-01-31', "quoting"),
        (b"9,1,Caf\xe9,1,2025-01-31", "encoding"),
        (b"2,1,Other,1,2025-01-31", "unique"),
    ],
)
def test_a_bad_row_is_quarantined_with_its_text_and_the_rest_is_loaded(
    tenure: Command, bank: Path, line: bytes, rule: str
) -> None:
    good = b"".join(b"%d,1,Cashback,1,2025-01-31\n" % number for number in range(2, 8))
    (bank / "landing" / "offers_more.csv").write_bytes(HEADER.encode() + good + line + b"\n8,1,Cashback,1,2025-01-31\n")
    ran = run(tenure, bank)
    assert ran.code == 0
    assert "in quarantine; look at them with: tenure quarantine list" in ran.out
    rows = tenure("quarantine", "show", "offers", "--project", bank, "--json").document
    mine = next(row for row in rows if row["line"] == 8)
    assert (mine["file"], mine["rule"]) == ("landing/offers_more.csv", rule)
    assert mine["text"].encode() == line.replace(b"\xe9", rb"\xe9")
    loaded = tenure("sql", "SELECT COUNT(*) AS n FROM dim_offer", "--project", bank, "--json").document[0]["n"]
    assert loaded == 20 + 7 - (rule == "unique")
    assert run(tenure, bank, "--strict").code == 0
    (bank / "landing" / "offers_again.csv").write_bytes(HEADER.encode() + good + b"x,,,,\n")
    assert run(tenure, bank, "--strict").code == 3


def test_a_bad_value_in_json_is_quarantined_exactly_as_written(tenure: Command, bank: Path) -> None:
    good = (
        b'{"usage_log_id": %d, "customer_id": 1, "product_type": "Savings", "monthly_balance": 1234567890123456.78}\n'
    )
    bad = b'{"usage_log_id": 12, "customer_id": 1, "product_type": "Savings", "monthly_balance": 1.005}\n'
    (bank / "landing" / "usage_more.json").write_bytes(good % 10 + bad + good % 11)
    assert run(tenure, bank).code == 0
    rows = tenure("quarantine", "show", "usage", "--project", bank, "--json").document
    assert [(row["line"], row["column"], row["rule"]) for row in rows] == [(2, "monthly_balance", "type")]
    assert rows[0]["text"].encode() == bad.rstrip()
    exact = tenure(
        "sql",
        "SELECT CAST(monthly_balance AS VARCHAR) AS b FROM stg_usage WHERE usage_log_id = 10",
        "--project",
        bank,
        "--json",
    )
    assert exact.document == [{"b": "1234567890123456.78"}]


def read_only(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command where `folder` cannot be written, whoever runs the tests."""
    command = [sys.executable, "-m", "tenure", *words, "--project", str(folder)]
    if os.geteuid() == 0:
        script = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
        command = ["unshare", "--mount", "sh", "-c", script, str(folder), *command]
    else:
        subprocess.run(["chmod", "-R", "a-w", str(folder)], check=True)
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False)
    finally:
        subprocess.run(["chmod", "-R", "u+w", str(folder)], check=True)


def test_a_project_that_cannot_be_written_says_so(bank: Path) -> None:
    ran = read_only(bank, "run")
    assert ran.returncode == 1
    explains(ran.stderr, "the project cannot be written", str(bank))


def test_a_project_that_cannot_be_written_can_still_be_read(tenure: Command, bank: Path) -> None:
    run(tenure, bank)
    ran = read_only(bank, "report", "churn_overall")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "35.0" in ran.stdout


def test_a_corrupted_part_of_a_release_is_named_with_how_to_rebuild_it(tenure: Command, bank: Path) -> None:
    run(tenure, bank)
    (part,) = (bank / ".tenure" / "warehouse" / "current" / "dim_customer").iterdir()
    content = bytearray(part.read_bytes())
    content[100] ^= 0xFF
    part.write_bytes(content)
    ran = tenure("report", "churn_overall", "--project", bank)
    assert ran.code == 1
    explains(ran.err, f"dim_customer/{part.name}: its bytes have changed", "tenure build --full")
    verified = tenure("verify", "--project", bank)
    assert verified.code == 1
    assert f"dim_customer/{part.name}" in verified.err
    assert tenure("build", "--full", "--date", BUSINESS_DATE, "--project", bank).code == 0
    assert tenure("report", "churn_overall", "--project", bank).code == 0


def test_a_port_in_use_says_how_to_choose_another(tenure: Command, bank: Path) -> None:
    run(tenure, bank)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ran = tenure("serve", "--port", port, "--project", bank)
    assert ran.code == 1
    explains(ran.err, str(port), "--port")


def test_an_address_beyond_this_machine_is_refused(tenure: Command, bank: Path) -> None:
    ran = tenure("serve", "--host", "0.0.0.0", "--project", bank)
    assert ran.code in {1, 2}
    explains(ran.err, "0.0.0.0")


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (("report", "churn_overal"), ("there is no report churn_overal", "churn_overall")),
        (("ingest", "offer"), ("there is no source offer", "offers")),
        (("sql", "DROP TABLE dim_customer"), ("only one SELECT",)),
        (("sql", "SELECT 'x"), ("cannot be read",)),
        (("customer", "abc"), ("'abc' is not",)),
        (("run", "--date", "2025-13-01"), ("--date 2025-13-01 is not a date",)),
        (("quarantine", "show", "nothing"), ("there is no source nothing",)),
    ],
)
def test_a_wrong_word_ends_with_exit_code_two_and_the_right_words(
    tenure: Command, bank: Path, words: tuple[str, ...], parts: tuple[str, ...]
) -> None:
    run(tenure, bank)
    ran = tenure(*words, "--project", bank)
    assert ran.code == 2
    for part in parts:
        assert part in ran.err


def test_a_folder_that_is_no_project_says_how_to_make_one(tenure: Command, tmp_path: Path) -> None:
    ran = tenure("run", "--project", tmp_path)
    assert ran.code == 2
    explains(ran.err, "is not a Tenure project", "tenure init")


def test_settings_that_make_no_sense_are_named(tenure: Command, bank: Path) -> None:
    for text, part in (("[clv]\ndiscount_rat = 0.1\n", "clv.discount_rat"), ("[clv\n", "not valid TOML")):
        (bank / "tenure.toml").write_text(text)
        ran = run(tenure, bank)
        assert ran.code == 1
        explains(ran.err, part, "tenure.toml")


def test_a_damaged_raw_load_stops_the_build_and_is_named(tenure: Command, bank: Path) -> None:
    run(tenure, bank)
    data = bank / ".tenure" / "raw" / "offers" / "L00000002" / "data.parquet"
    content = bytearray(data.read_bytes())
    content[len(content) // 2] ^= 1
    data.write_bytes(content)
    ran = tenure("verify", "--project", bank)
    assert ran.code == 1
    assert "offers/L00000002/data.parquet: its bytes have changed" in ran.err
