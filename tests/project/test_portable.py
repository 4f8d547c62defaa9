"""Nothing in the repository belongs to one machine: no path, no host, no secret."""

import re
from collections.abc import Iterator

import pytest

from tests.project.repository import ROOT, files

# Written so that this file does not hold what it looks for.
FORBIDDEN = {
    "a folder of one machine": r"/(?:wor[k]|roo[t])/[\w.]|/hom[e]/[a-z]|/User[s]/[a-z]|[A-Z]:\\\\User[s]",
    "a folder outside the repository": r"\.\./share[d]\b",
    "a package registry": r"pyp[i]\.org|pythonhoste[d]\.org|npmj[s]\.org|de[b]\.debian|repo1?\.mave[n]|proxy\.golan[g]",
    "a private address": r"(?<![\d.])(?:1[0]\.\d{1,3}|192\.16[8]|172\.(?:1[6-9]|2\d|3[01]))(?:\.\d{1,3}){2}(?![\d.])",
    "a private key": r"BEGI[N] (?:[A-Z]+ )?PRIVATE KEY",
    "an access key": r"AKI[A][0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36}|xox[baprs]-[A-Za-z0-9-]{10,}",
    "a password in an address": r"://[^\s/:@{}$<>]+:[^\s/:@{}$<>]+@(?!HOST)[\w.]",
}


def _lines() -> Iterator[tuple[str, str]]:
    for path in files():
        content = (ROOT / path).read_bytes()
        if b"\0" not in content[:8192]:
            for number, line in enumerate(content.decode("utf-8", errors="replace").splitlines(), start=1):
                yield f"{path}:{number}", line


@pytest.mark.parametrize(("what", "pattern"), FORBIDDEN.items(), ids=FORBIDDEN.keys())
def test_no_file_holds(what: str, pattern: str) -> None:
    searched = re.compile(pattern)
    assert [f"{where}: {found[0]}" for where, line in _lines() if (found := searched.search(line))] == [], what
