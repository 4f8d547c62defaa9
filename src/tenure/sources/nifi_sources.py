"""Makes watched sources of a NiFi flow that gets files and converts records; what has no counterpart is named."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tenure.contracts.synonyms import plain
from tenure.core.errors import TenureError, UsageError
from tenure.sources.nifi_filter import globs_of
from tenure.sources.nifi_flow import Component, Flow
from tenure.sources.proposal import Proposal
from tenure.sources.propose_csv import CsvLook
from tenure.sources.propose_files import Found, propose_files
from tenure.sources.propose_read import look_at

_GETTERS = ("GetFile", "ListFile")
_PASSED = frozenset({"ConvertRecord", "FetchFile", "PutFile", "PutHDFS", "PutParquet"})
_READERS = frozenset({"CSVReader", "JsonTreeReader", "ParquetReader"})
_PRESETS = {
    "rfc-4180": {"delimiter": ",", "quote": '"', "escape": None},
    "excel": {"delimiter": ",", "quote": '"', "escape": None},
    "tdf": {"delimiter": "\t", "quote": '"', "escape": None},
    "mysql": {"delimiter": "\t", "quote": None, "escape": "\\"},
}
_LIMITS = {
    "Minimum File Age": "0 sec",
    "Maximum File Age": "",
    "Minimum File Size": "0 B",
    "Maximum File Size": "",
    "Path Filter": "",
}
_ESCAPES = {"\\t": "\t", "\\n": "\n", "\\r": "\r", "\\\\": "\\"}


@dataclass(frozen=True)
class _Step:
    """One processor that gets files, what its files go through, and the reader of its records."""

    flow: Flow
    getter: Component
    after: Sequence[Component]
    reader: Component | None


def propose_flow(
    flow: Flow, root: Path, sample: Path | None, taken: Collection[str], name: str | None, rows: int
) -> tuple[list[Proposal], list[str]]:
    """A source for each processor that gets files, and for the others why they are none.

    Columns are proposed from the files in its folder, or from `sample`, a file of the kind.
    """
    getters = [processor for processor in flow.processors if processor.type in _GETTERS]
    if not getters:
        kinds = ", ".join(sorted({processor.type for processor in flow.processors}))
        raise UsageError(
            f"the flow has no GetFile or ListFile: {kinds}",
            cure="add its database by the url, or its files by their folder: tenure source add --help",
        )
    used = set(taken)
    proposals: list[Proposal] = []
    skipped: list[str] = []
    for getter in getters:
        label = name if name is None or len(getters) == 1 else f"{name}_{plain(getter.name) or getter.type}"
        after = flow.after(getter)
        step = _Step(flow, getter, after, _reader(flow, after))
        try:
            proposals.append(_propose(step, root, sample, used, label, rows))
        except TenureError as error:
            skipped.append(f"{getter.type} {getter.name}: {error.what}; {error.cure}")
            continue
        used.add(proposals[-1].source)
    return proposals, skipped


def _reader(flow: Flow, after: Sequence[Component]) -> Component | None:
    """The service by which the first processor that reads records does so."""
    named = (flow.services.get(step.value("record-reader", "Record Reader")) for step in after)
    return next((service for service in named if service), None)


def _propose(
    step: _Step, root: Path, sample: Path | None, taken: Collection[str], name: str | None, rows: int
) -> Proposal:
    getter, reader = step.getter, step.reader
    if reader and reader.type not in _READERS:
        raise TenureError(f"its records are read by {reader.type}", cure="CSV, JSON and Parquet can be read")
    folder = step.flow.resolved(getter.value("Input Directory"))
    if not folder:
        raise TenureError(
            f"its folder {getter.value('Input Directory')} is not known", cure="export the flow with its parameters"
        )
    paths, notes = _paths(folder, getter, root)
    label = name or plain(Path(folder).name) or "watched"
    files = [sample] if sample else sorted({file for path in paths for file in _there(root, path)})
    words: dict[str, Any] = {"path": paths[0] if len(paths) == 1 else list(paths)}
    notes += _watched(getter, label, words)
    notes += [*_limits(getter), *_lost(step)]
    nested = reader and reader.value("starting-field-strategy", "Starting Field Strategy") == "NESTED_FIELD"
    if reader and reader.type == "JsonTreeReader" and (nested or not files):
        words["kind"] = "json"
        words |= {"records": reader.value("starting-field-name", "Starting Field Name")} if nested else {}
    if not files:
        return _without_files(step, label, words, notes, folder)
    looked = look_at(files, rows, csv=lambda found: _csv(found, reader))
    if reader and reader.type == "CSVReader":
        words |= _csv_words(reader)
    found = Found(str(words["path"]), tuple(files), label)
    proposal = propose_files(looked, found, taken, name, words)
    return replace(proposal, found=f"{getter.type} of {folder}", notes=(*_made(step), *proposal.notes, *notes))


def _made(step: _Step) -> tuple[str, ...]:
    chain = " → ".join(component.type for component in (step.getter, *step.after))
    return (f"Made from NiFi's flow {chain}; it runs as: tenure watch",)


def _paths(folder: str, getter: Component, root: Path) -> tuple[list[str], list[str]]:
    """The contract's paths for the folder and its File Filter, and what is to be said of them."""
    place = Path(folder)
    base = str(place.relative_to(root) if place.is_relative_to(root) else place)
    if getter.value("Recurse Subdirectories", default="true") == "true":
        base = f"{base}/**"
    expression = getter.value("File Filter", default=r"[^\.].*")
    globs = globs_of(expression)
    if globs is None:
        return [f"{base}/*"], [f"No counterpart: the File Filter {expression}; path takes all files of the folder"]
    notes = [] if globs[1] else [f"path takes more files than the File Filter {expression} did: look at it"]
    return [f"{base}/{glob}" for glob in globs[0]], notes


def _there(root: Path, path: str) -> list[Path]:
    base = Path("/") if path.startswith("/") else root
    return [file for file in base.glob(path.lstrip("/")) if file.is_file() and not file.name.startswith(".")]


def _watched(getter: Component, label: str, words: dict[str, Any]) -> list[str]:
    """What becomes of a file that was taken."""
    keeps = getter.type == "ListFile" or getter.value("Keep Source File", default="false") == "true"
    notes: list[str] = []
    if not keeps:
        words["watch"] = {"archive": f"archive/{label}", "refused": f"refused/{label}"}
        notes.append(f"NiFi deleted files that it took; here they are moved to archive/{label}, refused ones beside it")
    if "CRON" in getter.schedule:
        notes.append(f"It ran by the schedule {getter.schedule.removeprefix('CRON_DRIVEN ')}: see tenure watch --every")
    if getter.value("Ignore Hidden Files", default="true") != "true":
        notes.append("No counterpart: hidden files, which are never taken")
    return notes


def _limits(getter: Component) -> list[str]:
    notes: list[str] = []
    for name, usual in _LIMITS.items():
        given = getter.value(name)
        if given and given != usual:
            hint = " (tenure watch --settle SECONDS waits too)" if name == "Minimum File Age" else ""
            notes.append(f"No counterpart: {name} {given}{hint}")
    return notes


def _lost(step: _Step) -> list[str]:
    """Processors that nothing here does the work of, and where the flow wrote to."""
    notes: list[str] = []
    for processor in step.after:
        if processor.type not in _PASSED:
            notes.append(f"No counterpart: processor {processor.name} ({processor.type})")
        elif processor.type.startswith("Put"):
            target = step.flow.resolved(processor.value("Directory")) or processor.value("Directory")
            notes.append(f"No counterpart: {processor.type} to {target}; rows are kept in the raw zone, as Parquet")
    for name in ("Date Format", "Time Format", "Timestamp Format"):
        given = step.reader.value(name) if step.reader else ""
        if given:
            notes.append(f"Its {name} is {given}: give the columns that are written so a format")
    return notes


def _csv(found: CsvLook, reader: Component | None) -> CsvLook:
    """How CSV is written by what the reader says; of what it leaves open, by what the file looks like."""
    if reader is None or reader.type != "CSVReader":
        return found
    preset = _PRESETS.get(reader.value("CSV Format", "csv-format"))
    if preset:
        found = replace(found, **preset)
    else:
        delimiter = _character(reader.value("Value Separator"))
        quote = _character(reader.value("Quote Character"))
        found = replace(found, delimiter=delimiter or found.delimiter, quote=quote or found.quote)
    if not _has_header(reader):
        return replace(found, header=None)
    return found


def _has_header(reader: Component) -> bool:
    derived = reader.value("schema-access-strategy", "Schema Access Strategy") == "csv-header-derived"
    return derived or reader.value("Skip Header Line", "Treat First Line as Header", default="false") == "true"


def _character(text: str) -> str:
    return _ESCAPES.get(text, text)


def _csv_words(reader: Component) -> dict[str, Any]:
    words: dict[str, Any] = {}
    null = reader.value("Null String") or ("\\N" if reader.value("CSV Format", "csv-format") == "mysql" else "")
    if null:
        words["nulls"] = [null]
    comment = reader.value("Comment Marker")
    if comment:
        words["comment"] = comment
    encoding = reader.value("csvutils-character-set", "Character Set", default="UTF-8")
    if encoding.upper() != "UTF-8":
        words["encoding"] = encoding.lower()
    return words


def _without_files(step: _Step, label: str, words: Mapping[str, Any], notes: Sequence[str], folder: str) -> Proposal:
    """A source for JSON of which none is there yet: every record is taken as a whole."""
    if words.get("kind") != "json":
        raise TenureError(
            f"there is no file in {folder} to see the columns from",
            cure="name a file of the kind as well: tenure source add FILE --from-nifi-flow FLOW",
        )
    record = (
        "No file is there yet, so each record is taken as a whole, as JSON text; give the columns once one is there"
    )
    content: dict[str, Any] = {"source": label, "entity": "none", **words, "keyless": True}
    content["columns"] = {"record": {"type": "string", "from": "$", "format": "json"}}
    return Proposal(label, f"{step.getter.type} of {folder}", content, (*_made(step), record, *notes))
