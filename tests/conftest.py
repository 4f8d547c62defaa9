"""Rules of the whole suite: which services a test needs, and nothing skipped unseen.

A test that needs a real server or program says so: `@pytest.mark.needs("mariadb")`. Where that is not installed the
test is skipped and named at the end of the run; with CI=true it fails, and so does a run that skipped anything.
"""

import ctypes
import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass

import hypothesis
import pytest

# Debian keeps server programs where only root looks.
os.environ["PATH"] = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])

# Time limits of single examples say more about the machine than about the code.
hypothesis.settings.register_profile("here", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)

IN_CI = os.environ.get("CI") == "true"
OLDEST_JAVA = 17
"""Spark 4 starts on no older one."""


@dataclass(frozen=True)
class Service:
    """Programs that must be on the path, libraries that must load, and the Debian packages that hold them."""

    programs: tuple[str, ...]
    packages: str
    libraries: tuple[str, ...] = ()


SERVICES = {
    "mariadb": Service(("mariadbd", "mariadb-install-db", "mariadb"), "mariadb-server-core mariadb-client-core"),
    # Playwright's driver, which steers the browser, is linked against libatomic.
    "chromium": Service(("chromium",), "chromium libatomic1", ("libatomic.so.1",)),
    "openssl": Service(("openssl",), "openssl"),
    "strace": Service(("strace",), "strace"),
    "java": Service(("java",), "openjdk-17-jre-headless"),
    "maven": Service(("mvn",), "maven"),
}


def why_missing(name: str) -> str | None:
    """What is lacking of a service and how to get it; None when it is there."""
    service = SERVICES[name]
    lacking = [program for program in service.programs if shutil.which(program) is None]
    lacking += [library for library in service.libraries if not _loads(library)]
    cure = f"cure: apt-get install {service.packages}"
    if lacking:
        return f"{name} is not installed: no {', '.join(lacking)}; {cure}"
    if name == "java" and _java_version() < OLDEST_JAVA:
        return f"java is version {_java_version()}, needed is {OLDEST_JAVA} or newer; {cure}"
    return None


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _java_version() -> int:
    said = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', said)
    return int(found[1]) if found else 0


def pytest_configure(config: pytest.Config) -> None:
    hypothesis.settings.load_profile("ci" if IN_CI else "here")
    config.stash[_MISSING] = {name: why_missing(name) for name in SERVICES}


_MISSING = pytest.StashKey[dict[str, str | None]]()


def pytest_report_header(config: pytest.Config) -> str:
    states = (f"{name} {'MISSING' if reason else 'yes'}" for name, reason in config.stash[_MISSING].items())
    return f"services: {', '.join(states)}{'; CI: nothing may be skipped' if IN_CI else ''}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        unknown = set(_needed(item)) - SERVICES.keys()
        if unknown:
            raise pytest.UsageError(f"{item.nodeid} needs {', '.join(unknown)}; known are {', '.join(SERVICES)}")


def pytest_runtest_setup(item: pytest.Item) -> None:
    reasons = [reason for name in _needed(item) if (reason := item.config.stash[_MISSING][name])]
    if reasons and IN_CI:
        pytest.fail("; ".join(reasons), pytrace=False)
    if reasons:
        pytest.skip("; ".join(reasons))


def _needed(item: pytest.Item) -> list[str]:
    return [str(name) for mark in item.iter_markers("needs") for name in mark.args]


def _skipped(config: pytest.Config) -> list[str]:
    """The reason of each skip of this run, from every worker."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    reports = reporter.stats.get("skipped", []) if reporter else []
    return [str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else "" for report in reports]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    skipped = Counter(_skipped(config))
    if not skipped:
        return
    terminalreporter.section("NOT TESTED HERE", sep="=", red=True, bold=True)
    for reason, count in skipped.most_common():
        terminalreporter.write_line(f"{count} × {reason.removeprefix('Skipped: ')}")
    if IN_CI:
        terminalreporter.write_line("In CI nothing may be skipped: this run has failed.", red=True)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None]:
    if IN_CI and session.exitstatus == pytest.ExitCode.OK and _skipped(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    yield
