"""Requests to the dashboard of the reference case: pages, files, headers, refusals, a release that moves or breaks."""

import csv
import io
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tenure.core.settings import Project, open_project
from tenure.pipeline import run_all
from tenure.serve import answers
from tenure.serve.app import create_app
from tenure.serve.overview import REPORTS
from tenure.warehouse.reports import report_names
from tenure.warehouse.store import ReleaseStore
from tests.reference_case import BUSINESS_DATE, comparable, expected, make_reference_project

HERE = "http://127.0.0.1:8080"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = make_reference_project(tmp_path_factory.mktemp("serve") / "bank")
    run_all(project, BUSINESS_DATE)
    return project


@pytest.fixture(scope="module")
def client(built: Project) -> Iterator[TestClient]:
    with TestClient(create_app(built), base_url=HERE) as client:
        yield client


@pytest.fixture
def own(built: Project, tmp_path: Path) -> Project:
    """A copy of the project that a test may change."""
    shutil.copytree(built.root, tmp_path / "bank", symlinks=True)
    return open_project(tmp_path / "bank")


def _current(project: Project) -> str:
    pointer = ReleaseStore(project.warehouse).pointer()
    assert pointer
    return pointer.current


def _publish_another(project: Project) -> None:
    offers = project.root / "landing" / "offers_more.csv"
    offers.write_text("offer_id,customer_id,offer_type,accepted,date_offered\n2021,1,Cashback,1,2025-09-01\n")
    run_all(project, BUSINESS_DATE)


def _part(project: Project, table: str) -> Path:
    return next((project.warehouse / "releases" / _current(project) / table).glob("*.parquet"))


def test_the_overview_names_its_release_and_prints_the_known_figures(client: TestClient, built: Project) -> None:
    page = client.get("/")
    assert page.status_code == 200
    assert _current(built) in page.text
    assert "Business date <strong>2 Oct 2025</strong>" in page.text
    assert "35.0\u202f%" in page.text
    assert "7 of them churned" in page.text
    assert "Every group has fewer than 30 customers" in page.text


@pytest.mark.parametrize("name", report_names())
def test_every_report_has_a_page_and_a_file(client: TestClient, built: Project, name: str) -> None:
    page = client.get(f"/reports/{name}")
    assert page.status_code == 200
    assert f'href="/reports/{name}.csv"' in page.text
    assert "How is this computed" in page.text
    file = client.get(f"/reports/{name}.csv")
    assert file.status_code == 200
    assert file.headers["content-type"] == "text/csv; charset=utf-8"
    assert file.headers["content-disposition"] == f'attachment; filename="{name}-{_current(built)}.csv"'


@pytest.mark.parametrize("name", ["churn_overall", "balance_by_geography", "slowest_issues"])
def test_a_file_holds_the_printed_figures(client: TestClient, name: str) -> None:
    rows = list(csv.DictReader(io.StringIO(client.get(f"/reports/{name}.csv").content.decode("utf-8-sig"))))
    printed = expected(name)
    assert sorted([comparable(row[key]) for key in printed[0]] for row in rows) == sorted(
        [comparable(value) for value in row.values()] for row in printed
    )


@pytest.mark.parametrize(
    "path", ["/", "/reports/churn_overall", "/reports/churn_overall.csv", "/nothing", "/static/tenure.css"]
)
def test_every_answer_carries_the_security_headers(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["img-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"


def test_pages_hold_no_script_or_style_of_their_own(client: TestClient) -> None:
    for path in ("/", "/reports/churn_overall", "/nothing"):
        text = client.get(path).text
        assert " style=" not in text
        assert "<style" not in text
        assert " onclick=" not in text
        assert text.count("<script") == text.count("<script src=")
        assert "http://" not in text
        assert "https://" not in text


def test_an_asset_with_its_hash_in_the_address_is_kept_for_good(client: TestClient) -> None:
    address = next(part for part in client.get("/").text.split('"') if part.startswith("/static/tenure.css?v="))
    assert client.get(address).headers["cache-control"] == "public, max-age=31536000, immutable"
    assert client.get("/static/none.css?v=1").headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8080", "127.0.0.1:9", "127.8.8.8", "[::1]", "[::1]:8080", "LOCALHOST"]
)
def test_a_loopback_name_is_answered(client: TestClient, host: str) -> None:
    assert client.get("/static/tenure.css", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "evil.example:8080",
        "",
        "8.8.8.8",
        "[::1",
        "[::1]x",
        "0.0.0.0",
    ],
)
@pytest.mark.parametrize("path", ["/", "/static/tenure.css", "/reports/churn_overall.csv"])
def test_any_other_name_is_refused(client: TestClient, host: str, path: str) -> None:
    refusal = client.get(path, headers={"host": host})
    assert refusal.status_code == 400
    assert "Bahrain" not in refusal.text
    assert refusal.headers["x-content-type-options"] == "nosniff"


def test_two_host_headers_are_refused(client: TestClient) -> None:
    assert client.get("/", headers=[("host", "localhost"), ("host", "localhost")]).status_code == 400


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/reports/nothing",
        "/reports/nothing.csv",
        "/reports/<script>alert(1)</script>",
        "/reports/..%2f..%2fcurrent",
        "/static/../app.py",
        "/static/%2e%2e/%2e%2e/app.py",
        "/docs",
        "/openapi.json",
    ],
)
def test_what_does_not_exist_is_a_page_that_leads_back(client: TestClient, path: str) -> None:
    page = client.get(path)
    assert page.status_code == 404
    assert "There is no such page" in page.text
    assert 'href="/reports/churn_overall"' in page.text
    assert "alert(1)" not in page.text


def test_the_dashboard_can_only_be_read(client: TestClient) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert client.request(method, "/").status_code == 405
    head = client.head("/")
    assert head.status_code == 200
    assert head.content == b""


def test_names_from_the_data_are_escaped(own: Project) -> None:
    customers = own.root / "landing" / "customers.csv"
    customers.write_text(customers.read_text().replace("UAE", "<img src=x>"))
    run_all(own, BUSINESS_DATE)
    with TestClient(create_app(own), base_url=HERE) as client:
        for path in ("/", "/reports/balance_by_geography"):
            text = client.get(path).text
            assert "&lt;img src=x&gt;" in text
            assert "<img src=x>" not in text


def test_the_overview_is_prepared_before_anyone_asks(own: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    computed: list[str] = []
    run = answers.run_report
    monkeypatch.setattr(answers, "run_report", lambda release, name: computed.append(name) or run(release, name))
    with TestClient(create_app(own), base_url=HERE):
        pass
    assert sorted(computed) == sorted(REPORTS)


def test_a_report_is_computed_once_a_release(own: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    computed: list[str] = []
    run = answers.run_report
    monkeypatch.setattr(answers, "run_report", lambda release, name: computed.append(name) or run(release, name))
    with TestClient(create_app(own), base_url=HERE) as client:
        first = [client.get("/").text for _ in range(3)]
        assert len(computed) == len(set(computed)) == 5
        assert first[0] == first[2]
        _publish_another(own)
        client.get("/")
        assert len(computed) == 10


def test_the_next_request_reads_the_release_that_was_published_meanwhile(own: Project) -> None:
    with TestClient(create_app(own), base_url=HERE) as client:
        before = _current(own)
        assert before in client.get("/").text
        _publish_another(own)
        after = _current(own)
        assert after != before
        page = client.get("/").text
        assert after in page
        assert before not in page
        assert "13 of 21 made so far" in page
        ReleaseStore(own.warehouse).rollback(before)
        assert before in client.get("/").text


def test_requests_at_the_same_time_get_whole_pages_while_a_release_is_published(own: Project) -> None:
    pages: list[str] = []
    done = threading.Event()
    with TestClient(create_app(own), base_url=HERE) as client:

        def read() -> None:
            while not done.is_set():
                answer = client.get("/")
                pages.append(answer.text if answer.status_code == 200 else f"status {answer.status_code}")

        before = _current(own)
        readers = [threading.Thread(target=read) for _ in range(3)]
        for reader in readers:
            reader.start()
        try:
            _publish_another(own)
        finally:
            done.set()
            for reader in readers:
                reader.join()
        pages.append(client.get("/").text)
    after = _current(own)
    figure = {before: "12 of 20 made so far", after: "13 of 21 made so far"}
    for page in pages:
        (release,) = [release for release in figure if release in page]
        assert figure[release] in page


def test_a_project_without_a_release_says_how_to_make_one(tmp_path: Path) -> None:
    project = make_reference_project(tmp_path / "bank")
    with TestClient(create_app(project), base_url=HERE) as client:
        for path in ("/", "/reports/churn_overall", "/reports/churn_overall.csv"):
            page = client.get(path)
            assert page.status_code == 503
            assert "There is no release yet" in page.text
            assert "tenure run" in page.text
        run_all(project, BUSINESS_DATE)
        assert client.get("/").status_code == 200


def test_a_flipped_bit_is_told_with_its_cure_and_shows_no_figure(own: Project) -> None:
    shutil.rmtree(own.state / "verified", ignore_errors=True)
    part = _part(own, "fact_customer_metrics")
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 1
    part.write_bytes(bytes(content))
    with TestClient(create_app(own), base_url=HERE) as client:
        page = client.get("/")
    assert page.status_code == 503
    assert "The release is damaged" in page.text
    assert "tenure build --full" in page.text
    assert "35.0" not in page.text


def test_a_part_that_vanishes_under_the_dashboard_is_told_and_then_healed(own: Project) -> None:
    with TestClient(create_app(own), base_url=HERE) as client:
        assert client.get("/reports/churn_overall").status_code == 200
        part = _part(own, "dim_offer")
        aside = part.rename(part.with_suffix(".aside"))
        assert client.get("/reports/churn_overall").status_code == 200, "an answer that is known needs no file"
        assert client.get("/reports/offers_by_acceptance").status_code == 503
        assert "The release is damaged" in client.get("/reports/offers_by_acceptance").text
        aside.rename(part)
        assert client.get("/reports/offers_by_acceptance").status_code == 200


def test_a_fault_of_ours_is_a_page_without_its_details(own: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("Jane Doe has 17 accounts")

    with TestClient(create_app(own), base_url=HERE, raise_server_exceptions=False) as client:
        client.get("/")
        monkeypatch.setattr(answers, "run_report", broken)
        page = client.get("/reports/slowest_issues")
    assert page.status_code == 500
    assert "an unexpected ZeroDivisionError" in page.text.replace("An", "an")
    assert "Jane" not in page.text
    assert page.headers["content-security-policy"]


def test_pages_and_scripts_travel_compressed(client: TestClient) -> None:
    parts = [part for part in client.get("/").text.split('"') if part.startswith("/static/")]
    assert len(parts) == 5
    sizes: list[int] = []
    for path in ("/", *parts):
        with client.stream("GET", path) as answer:
            sizes.append(sum(len(piece) for piece in answer.iter_raw()))
    assert sum(sizes) < 300_000, "the whole first load, in bytes"
