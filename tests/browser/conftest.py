"""Real servers over real releases, and a real Chromium that talks to nobody else."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, sync_playwright

from tenure.cli.demo import make_project
from tenure.core.settings import Project, open_project
from tenure.pipeline import run_all
from tests.browser.small_bank import BUSINESS_DATE, write_small_bank
from tests.conftest import why_missing
from tests.reference_case import BUSINESS_DATE as REFERENCE_DATE
from tests.reference_case import make_reference_project

_FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
_SECONDS_TO_START = 30


@contextmanager
def serving(project: Project) -> Iterator[str]:
    """`tenure serve` in a process of its own on a free port; gives its address, and stops it by Ctrl-C."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "tenure", "serve", "--project", str(project.root), "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=dict(os.environ)) as process:
        try:
            _wait_until_it_listens(process, port)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGINT)
            said, _ = process.communicate(timeout=20)
    assert process.returncode == 0, said.decode()
    assert b"Traceback" not in said, said.decode()


def _wait_until_it_listens(process: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + _SECONDS_TO_START
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"tenure serve did not start: exit code {process.poll()}")


@pytest.fixture(scope="session")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Seven months of 600 customers, with one record in quarantine."""
    folder = tmp_path_factory.mktemp("browser") / "bank"
    make_project(folder, "bank")
    write_small_bank(folder / "landing")
    project = open_project(folder)
    run_all(project, BUSINESS_DATE)
    return project


@pytest.fixture(scope="session")
def address(bank: Project) -> Iterator[str]:
    """The dashboard of the small bank."""
    with serving(bank) as found:
        yield found


@pytest.fixture(scope="session")
def reference_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The dashboard of the reference case: twenty customers, one month, no transactions."""
    project = make_reference_project(tmp_path_factory.mktemp("reference") / "bank")
    run_all(project, REFERENCE_DATE)
    with serving(project) as found:
        yield found


@pytest.fixture(scope="session")
def empty_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The dashboard of a project in which nothing was built yet."""
    folder = tmp_path_factory.mktemp("empty") / "bank"
    make_project(folder, "bank")
    with serving(open_project(folder)) as found:
        yield found


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    missing = why_missing("chromium")
    assert missing is None, f"mark the test with needs('chromium'): {missing}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_chromium_path(), args=_FLAGS.split())
        yield browser
        browser.close()


def _chromium_path() -> str:
    return next(
        str(Path(folder) / "chromium")
        for folder in os.environ["PATH"].split(os.pathsep)
        if (Path(folder) / "chromium").exists()
    )


Visit = Callable[..., Page]


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Visit]:
    """Opens a page: `visit(url, width=…, scheme=…, javascript=…)`.

    The test fails when any page logs an error, throws one, or asks another host for anything.
    """
    contexts: list[BrowserContext] = []
    faults: list[str] = []

    def open_page(
        url: str, *, width: int = 1280, scheme: str = "light", javascript: bool = True, status: int = 200
    ) -> Page:
        context = chromium.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,  # pyright: ignore[reportArgumentType]: light or dark
            java_script_enabled=javascript,
        )
        contexts.append(context)
        page = context.new_page()
        origin = "/".join(url.split("/")[:3])

        def asked(request: Request) -> None:
            if not request.url.startswith((f"{origin}/", "blob:")):
                faults.append(f"asked for {request.url}")

        page.on("request", asked)
        page.on(
            "console", lambda message: faults.append(message.text) if message.type in ("error", "warning") else None
        )
        page.on("pageerror", lambda error: faults.append(str(error)))
        answer = page.goto(url)
        assert answer is not None
        assert answer.status == status
        if status != 200:
            faults[:] = [fault for fault in faults if f"status of {status}" not in fault]
        if javascript:
            page.wait_for_selector("html:not(.drawing)")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []
