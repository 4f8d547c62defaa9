"""The files that a synthetic bank delivers: complete, exact, and the same bytes for the same plan."""

import hashlib
import re
from datetime import date
from pathlib import Path

import pytest

from tenure.core.errors import TenureError, UsageError
from tenure.synth import files
from tenure.synth.bank import BankPlan, is_unfinished, write_bank

HEADERS = {
    "customers": "customer_id,first_name,last_name,age,gender,geography,is_active,tenure_months,date_opened",
    "customer_support_tickets": "ticket_id,customer_id,issue_type,severity,resolution_time_hrs,opened_at",
    "offers": "offer_id,customer_id,offer_type,accepted,date_offered",
    "transactions": "transaction_id,customer_id,transaction_at,amount,kind,channel,product_type",
}
USAGE = re.compile(
    r'\{"usage_log_id":\d+,"customer_id":\d+,"product_type":"[A-Z][A-Za-z ]+","monthly_balance":\d+\.\d\d,'
    r'"num_products":[1-5],"usage_date":"\d{4}-\d\d-\d\d"\}'
)
SMALL = BankPlan(customers=300, months=24, end=date(2025, 9, 30), seed=1, dirty_share=0.01)

FROZEN = {
    1: "cc4d873e2af226dc17f2c271839bd3d0979951868745dc92ffd36e1957ea8be5",
    2: "9317e8551d4d992a16f47bd088ed219495d94f453a515261f4d645665bbdc1d1",
    3: "4fca33ed59c351afd2a786303c3e3604e2215f0192277988fc05a2ab936b0c50",
}


def fingerprint(landing: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(landing.iterdir()):
        digest.update(f"{path.name}\n{path.stat().st_size}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def made(plan: BankPlan, folder: Path) -> Path:
    write_bank(plan, folder / "landing", folder / "truth")
    return folder / "landing"


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(BankPlan(customers=300, seed=1, dirty_share=0), tmp_path_factory.mktemp("clean"))


@pytest.mark.parametrize("seed", FROZEN)
def test_the_standard_seeds_give_the_bytes_they_always_gave(seed: int, tmp_path: Path) -> None:
    assert fingerprint(made(BankPlan(300, 24, date(2025, 9, 30), seed, 0.01), tmp_path)) == FROZEN[seed]


def test_every_month_has_one_file_of_each_kind_and_nothing_else_is_delivered(clean: Path) -> None:
    months = [f"{year}-{month:02d}" for year in (2023, 2024, 2025) for month in range(1, 13)][9:33]
    expected = {f"{kind}_{month}.csv" for kind in HEADERS for month in months} | {f"usage_{m}.json" for m in months}
    assert {path.name for path in clean.iterdir()} == expected


def test_files_have_exactly_the_columns_of_the_bank_template(clean: Path) -> None:
    for kind, header in HEADERS.items():
        for path in clean.glob(f"{kind}_*.csv"):
            lines = path.read_text(encoding="utf-8").splitlines()
            assert lines[0] == header
            assert {line.count(",") for line in lines} == {header.count(",")}
            assert path.read_bytes().endswith(b"\n")


def test_usage_is_one_object_a_line_with_exact_money(clean: Path) -> None:
    lines = [line for path in clean.glob("usage_*.json") for line in path.read_text().splitlines()]
    assert lines
    assert all(USAGE.fullmatch(line) for line in lines)


def test_amounts_have_two_decimals_and_only_refunds_are_negative(clean: Path) -> None:
    rows = [line.split(",") for path in clean.glob("transactions_*.csv") for line in path.read_text().splitlines()[1:]]
    assert {row[4] for row in rows} == {"purchase", "refund", "fee", "interest", "transfer"}
    for row in rows:
        sign = "-" if row[4] == "refund" else ""
        assert re.fullmatch(sign + r"\d+\.\d\d", row[3]), row
        assert float(row[3]) != 0


def test_the_ids_of_a_clean_bank_are_unique_and_count_from_one(clean: Path) -> None:
    for kind in ("customer_support_tickets", "offers", "transactions"):
        paths = sorted(clean.glob(f"{kind}_*.csv"))
        ids = [int(line.split(",")[0]) for path in paths for line in path.read_text().splitlines()[1:]]
        assert ids == list(range(1, len(ids) + 1))


def test_how_many_rows_become_text_at_once_changes_no_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = fingerprint(made(SMALL, tmp_path / "whole"))
    monkeypatch.setattr(files, "ROWS_AT_ONCE", 7)
    assert fingerprint(made(SMALL, tmp_path / "parts")) == expected


def test_a_longer_bank_of_the_smallest_size_can_be_made(tmp_path: Path) -> None:
    landing = made(BankPlan(customers=50, months=60, seed=9), tmp_path)
    assert len(list(landing.iterdir())) == 5 * 60


def test_the_report_counts_what_was_written(tmp_path: Path) -> None:
    report = write_bank(SMALL, tmp_path / "landing", tmp_path / "truth")
    assert report.customers == 300
    assert report.files == dict.fromkeys(("customers", "tickets", "offers", "usage", "transactions"), 24)
    assert report.bytes == sum(path.stat().st_size for path in (tmp_path / "landing").iterdir())
    lines = sum(path.read_bytes().count(b"\n") for path in (tmp_path / "landing").iterdir())
    assert sum(report.records.values()) == lines - 4 * 24
    assert report.dirty == len((tmp_path / "truth" / "dirty.csv").read_text().splitlines()) - 1
    assert 0 < report.breaking < report.dirty


def test_progress_is_told_month_by_month(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    write_bank(SMALL, tmp_path / "landing", tmp_path / "truth", lambda *step: told.append(step))
    assert [step[1:] for step in told] == [(done, 24) for done in range(25)]
    assert told[-1][0] == "2025-09"


def test_the_truth_may_not_lie_among_the_files_that_are_ingested(tmp_path: Path) -> None:
    for truth in (tmp_path / "landing", tmp_path / "landing" / "truth"):
        with pytest.raises(UsageError, match="truth"):
            write_bank(SMALL, tmp_path / "landing", truth)
    assert not (tmp_path / "landing").exists()


def test_two_banks_are_never_mixed(tmp_path: Path) -> None:
    landing, truth = tmp_path / "landing", tmp_path / "truth"
    write_bank(SMALL, landing, truth)
    before = fingerprint(landing)
    other = BankPlan(customers=300, end=date(2025, 6, 30), seed=2)
    with pytest.raises(UsageError) as refusal:
        write_bank(other, landing, truth)
    assert refusal.value.cure
    assert fingerprint(landing) == before
    with pytest.raises(UsageError):
        write_bank(other, tmp_path / "elsewhere", truth)


def test_overwriting_replaces_all_of_the_earlier_bank_and_nothing_else(tmp_path: Path) -> None:
    landing, truth = tmp_path / "landing", tmp_path / "truth"
    write_bank(SMALL, landing, truth)
    (landing / "customers.csv").write_text("kept")
    other = BankPlan(customers=300, end=date(2025, 6, 30), seed=2)
    write_bank(other, landing, truth, overwrite=True)
    assert (landing / "customers.csv").read_text() == "kept"
    (landing / "customers.csv").unlink()
    assert fingerprint(landing) == fingerprint(made(other, tmp_path / "fresh"))


def test_a_run_that_died_can_simply_be_repeated(tmp_path: Path) -> None:
    landing, truth = tmp_path / "landing", tmp_path / "truth"

    def die(_: str, done: int, __: int) -> None:
        if done == 5:
            (landing / ".offers_2025-09.csv.tmp").write_text("half a fi")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_bank(BankPlan(customers=300, seed=4), landing, truth, die)
    assert is_unfinished(landing)
    assert list(landing.glob("customers_*.csv"))
    write_bank(SMALL, landing, truth)
    assert not is_unfinished(landing)
    assert fingerprint(landing) == fingerprint(made(SMALL, tmp_path / "fresh"))


def test_a_folder_that_cannot_be_written_is_named_with_a_cure(tmp_path: Path) -> None:
    (tmp_path / "landing").write_text("a file where a folder should be")
    with pytest.raises(TenureError, match="cannot be written") as refusal:
        write_bank(SMALL, tmp_path / "landing", tmp_path / "truth")
    assert refusal.value.cure
