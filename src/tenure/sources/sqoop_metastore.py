"""Reads the saved jobs out of Sqoop's metastore, a text of HSQLDB: its script, and the log of what came after it.

The text is another program's: it is taken apart by one pattern, nothing of it is run, and what does not fit is left.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from tenure.core.errors import UsageError

_SCRIPT, _LOG = "metastore.db.script", "metastore.db.log"
_LARGEST = 64 << 20
_TEXT = r"'((?:[^']|'')*+)'"
_INSERT = re.compile(rf"(?:/\*C\d+\*/)?INSERT INTO SQOOP_SESSIONS VALUES\({_TEXT},{_TEXT},(?:{_TEXT}|NULL),{_TEXT}\)")
_DELETE = re.compile(r"(?:/\*C\d+\*/)?DELETE FROM SQOOP_SESSIONS WHERE (.*)")
_CONDITION = re.compile(rf"(JOB_NAME|PROPNAME|PROPVAL|PROPCLASS) ?= ?{_TEXT}(?: AND |$)")
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
_UNSET = "null"
_OPTIONS = {"SqoopOptions", "schema"}

Job = Mapping[str, str]
"""The properties of a job that have a value, by name."""


def read_jobs(place: Path) -> dict[str, Job]:
    """The jobs of a metastore by name, in its order; `place` is the script or the folder that it is in.

    Raises `UsageError` for a file that is none.
    """
    script = place / _SCRIPT if place.is_dir() else place
    rows: dict[tuple[str, str, str], str] = {}
    for line in _lines(script):
        _apply(line, rows)
    log = script.with_name(_LOG)
    # HSQLDB keeps the newest changes apart until it is shut down.
    if script.name == _SCRIPT and log.is_file():
        for line in _lines(log):
            _apply(line, rows)
    found: dict[str, dict[str, str]] = {}
    for (job, name, kind), value in rows.items():
        properties = found.setdefault(job, {})
        if kind in _OPTIONS and value != _UNSET:
            properties[name] = value
    jobs: dict[str, Job] = {**found}
    if not jobs:
        raise UsageError(
            "holds no saved job of Sqoop",
            where=str(script),
            cure=f"name {_SCRIPT} in the folder ~/.sqoop of the account that made the jobs (sqoop job --list)",
        )
    return jobs


def _lines(file: Path) -> Iterator[str]:
    try:
        if file.stat().st_size > _LARGEST:
            raise UsageError(f"is larger than {_LARGEST >> 20} MB", where=str(file), cure="it is no metastore of jobs")
        content = file.read_bytes()
    except OSError as error:
        raise UsageError(
            f"cannot be read: {error.strerror}", where=str(file), cure="check the path, and that you may read it"
        ) from error
    return iter(content.decode("ascii", "replace").split("\n"))


def _apply(line: str, rows: dict[tuple[str, str, str], str]) -> None:
    inserted = _INSERT.match(line)
    if inserted:
        job, name, value, kind = (_plain(text or "") for text in inserted.groups())
        rows[job, name, kind] = value
        return
    deleted = _DELETE.match(line)
    if deleted:
        wanted = {column: _plain(text) for column, text in _CONDITION.findall(deleted[1])}
        columns = ("JOB_NAME", "PROPNAME", "PROPCLASS")
        for key in [key for key in rows if all(wanted.get(c, v) == v for c, v in zip(columns, key, strict=True))]:
            if wanted and wanted.get("PROPVAL", rows[key]) == rows[key]:
                del rows[key]


def _plain(text: str) -> str:
    r"""A text as it was before HSQLDB wrote it: '' is a quote, \\uXXXX a character, a lone backslash itself."""
    decoded = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text.replace("''", "'"))
    # Characters beyond the first 65,536 are written as two halves.
    return decoded.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
