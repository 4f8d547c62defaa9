"""Makes sources of Sqoop's saved import jobs; what has no counterpart is named."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from difflib import get_close_matches
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from tenure.contracts.entities import ENTITIES
from tenure.contracts.suggest import Seen, Suggested, Suggestion, suggest
from tenure.core.errors import TenureError, UsageError
from tenure.sources.mariadb_address import default_variable, typed_address
from tenure.sources.mariadb_catalogue import session
from tenure.sources.proposal import Proposal, columns_of, free_source, notes_of
from tenure.sources.propose_tables import database_variable, find_table, query_columns
from tenure.sources.sqoop_metastore import Job

_JDBC = re.compile(r"jdbc:(mysql|mariadb)://(.*)", re.DOTALL)
_MODES = {"AppendRows": "append", "DateLastModified": "lastmodified"}
_CONDITIONS = "$CONDITIONS"
_SAFE_PARAMETERS = frozenset({"useSSL", "requireSSL", "verifyServerCertificate", "sslMode", "user", "password"})
_NO_COUNTERPART = {
    "hive.table.name": "Hive table {}: Hive comes with the cluster; here the table is read by SQL",
    "hbase.table": "HBase table {}: there is none",
    "accumulo.table": "Accumulo table {}: there is none",
    "hcatalog.table.name": "HCatalog table {}: there is none",
    "compression.codec": "compression by {}: what is stored is Parquet with zstd",
    "db.password.alias": "password alias {}: there is no credential store",
    "connection.manager": "connection manager {}: MariaDB is read directly",
    "jdbc.driver.class": "driver {}: MariaDB is read directly",
    "split.limit": "split limit {}: stretches are as long as they come",
    "hive.delims.replacement": "replacement of delimiters by '{}': values are kept as they are",
    "codegen.java.classname": "class {}: no code is generated",
    "codegen.jar.file": "jar {}: no code is generated",
}
_SWITCHES = {
    "direct.import": "direct mode: there is one way to read",
    "hive.drop.delims": "dropping of delimiters: values are kept as they are",
    "relaxed.isolation": "relaxed isolation: all rows are of one consistent snapshot",
}


@dataclass(frozen=True)
class _Place:
    """Where a job reads: a url without a password, and what its address said beside."""

    url: str
    tls: str | None
    notes: tuple[str, ...]


@dataclass
class _Draft:
    """A contract in the making: its words, what is to be said of it, and whether the server was asked."""

    content: dict[str, Any] = field(default_factory=dict[str, Any])
    notes: list[str] = field(default_factory=list[str])
    asked: bool = True


def propose_jobs(
    jobs: Mapping[str, Job],
    wanted: Sequence[str],
    taken: Collection[str],
    name: str | None,
    environment: Mapping[str, str],
) -> tuple[list[Proposal], list[str]]:
    """A source for each import job (of `wanted`, all when none is named), and for the others why they are none."""
    unknown = next((job for job in wanted if job not in jobs), None)
    if unknown is not None:
        near = get_close_matches(unknown, jobs, n=2)
        cure = f"did you mean {' or '.join(near)}?" if near else f"the jobs are {', '.join(jobs)}"
        raise UsageError(f"there is no job {unknown}", cure=cure)
    chosen = list(dict.fromkeys(wanted)) or list(jobs)
    used = set(taken)
    proposals: list[Proposal] = []
    skipped: list[str] = []
    for job in chosen:
        reason = _not_a_source(jobs[job])
        if reason:
            skipped.append(f"job {job} {reason}")
            continue
        label = job if name is None else name if len(chosen) == 1 else f"{name}_{job}"
        try:
            proposals.append(_propose(job, jobs[job], label, used, environment))
        except TenureError as error:
            skipped.append(f"job {job}: {error.what}; {error.cure}")
            continue
        used.add(proposals[-1].source)
    return proposals, skipped


def _not_a_source(job: Job) -> str | None:
    """Why a job makes no source; None where it does."""
    tool = job.get("sqoop.tool", "import")
    if "db.connect.string" not in job:
        return "was only half created by Sqoop: it has no connection; make it again, or add its table by the url"
    if tool == "export":
        return "writes to a table: see tenure export mariadb --help"
    if tool == "import-all-tables":
        without = "".join(
            f" --exclude {table}" for table in job.get("import.all_tables.exclude", "").split(",") if table
        )
        return f"imports all tables: tenure source add mariadb://USER@HOST/DATABASE --all{without}"
    if tool != "import":
        return f"is of the tool {tool}, which makes no source"
    if not _JDBC.fullmatch(job["db.connect.string"]):
        kind = job["db.connect.string"].split(":")[1:2]
        return f"reads a database of kind {''.join(kind) or 'unknown'}; MariaDB and MySQL can be read"
    if "db.table" not in job and "db.query" not in job:
        return "names neither a table nor a query"
    return None


def _place(job: Job) -> _Place:
    """The address of a job in our form; raises `TenureError` where it cannot be one."""
    found = _JDBC.fullmatch(job["db.connect.string"])
    try:
        url = urlsplit(f"mariadb://{found[2] if found else ''}")
        host, port = url.hostname or "", url.port
    except ValueError:
        host, port, url = "", None, urlsplit("")
    database = url.path.strip("/")
    parameters = dict(parse_qsl(url.query, keep_blank_values=True))
    user = job.get("db.username") or parameters.get("user") or url.username
    if not host or not database or "," in url.netloc or not user:
        raise TenureError(
            "its address cannot be understood, or names no user",
            cure="add its table by the url mariadb://USER@HOST/DATABASE",
        )
    notes: list[str] = []
    if "password" in parameters or url.password or "db.password" in job:
        notes.append("The job holds a password, which was not copied: give the account another one")
    others = sorted(parameters.keys() - _SAFE_PARAMETERS)
    if others:
        notes.append(f"No counterpart: the address's {', '.join(others)}")
    written = f"[{host}]" if ":" in host else host
    place = f"mariadb://{quote(user, safe='')}@{written}{f':{port}' if port else ''}/{database}"
    return _Place(place, _tls(parameters), tuple(notes))


def _tls(parameters: Mapping[str, str]) -> str | None:
    mode = parameters.get("sslMode", "").upper().replace("-", "_")
    if mode in {"VERIFY_CA", "VERIFY_IDENTITY", "VERIFY_FULL"}:
        return "verify"
    wants = any(parameters.get(name, "").lower() == "true" for name in ("useSSL", "requireSSL"))
    if wants and parameters.get("verifyServerCertificate", "").lower() == "true":
        return "verify"
    return "required" if wants or mode in {"REQUIRED", "TRUST"} else None


def _propose(name: str, job: Job, label: str, taken: Collection[str], environment: Mapping[str, str]) -> Proposal:
    place = _place(job)
    draft = _Draft(notes=[f"Made from Sqoop's job {name}", *place.notes])
    variable = database_variable(place.url)
    suggestion, rows = _columns(job, place, variable, draft, environment)
    source = free_source(label, taken, suggestion.entity, ENTITIES)
    suggestion = _with_key(job, suggestion, draft)
    draft.content = {"source": source, "entity": suggestion.entity, "kind": "mariadb", "url": place.url}
    draft.content |= {"query": _query(job)} if "db.query" in job else {"table": job["db.table"]}
    if "db.where.clause" in job:
        draft.content["where"] = job["db.where.clause"]
    if variable != default_variable(source):
        draft.content["password_variable"] = variable
    if place.tls:
        draft.content["tls"] = place.tls
    draft.content |= {"key": list(suggestion.key)} if suggestion.key else {"keyless": True}
    _set_mode(job, suggestion, draft)
    _set_reading(job, suggestion, draft)
    if not suggestion.columns:
        raise TenureError(
            "the server could not be asked, and the job names no column",
            cure=f"set {variable} and run again where the server can be reached",
        )
    if not draft.asked:
        draft.content["schema_policy"] = "evolve"
    draft.content["columns"] = columns_of(suggestion)
    draft.notes += _said(job, variable)
    return Proposal(source, f"job {name}", draft.content, tuple(draft.notes), rows)


def _columns(
    job: Job, place: _Place, variable: str, draft: _Draft, environment: Mapping[str, str]
) -> tuple[Suggestion, int | None]:
    """The columns as the server has them; where it cannot be asked, those that the job names."""
    chosen = [entry.strip() for entry in job.get("db.column.list", "").split(",") if entry.strip()]
    try:
        address = typed_address(place.url, variable, place.tls, environment)
        with session(address, "the job's address", variable) as cursor:
            if "db.query" in job:
                seen, keys, rows = query_columns(cursor, _query(job)), (), None
            else:
                table = find_table(cursor, job["db.table"])
                seen, keys, rows = table.columns, table.keys, table.rows
    except TenureError as error:
        draft.notes.append(
            f"The server could not be asked ({error.what}), so only the columns that the job names are written, and "
            "those with uncertain types; the others come along as they are (schema_policy: evolve). Set "
            f"{variable} and add the job again for all of them"
        )
        draft.asked = False
        return _unasked(job, chosen), None
    wanted = {entry.lower() for entry in chosen}
    kept = [column for column in seen if not wanted or column.name.lower() in wanted]
    names = {column.name for column in kept}
    suggestion = suggest(job.get("db.table", ""), kept, [key for key in keys if names.issuperset(key)])
    draft.notes += notes_of(suggestion)
    return suggestion, rows


def _unasked(job: Job, chosen: Iterable[str]) -> Suggestion:
    """The columns that the job itself names; text is exact whatever they hold."""
    check = job.get("incremental.col")
    named = dict.fromkeys([*chosen, *(job[name] for name in ("merge.key.col", "incremental.col") if name in job)])
    grows = "timestamp" if job.get("incremental.mode") == "DateLastModified" else "integer"
    seen = [Seen(column, (grows,) if column == check else ("string",)) for column in named]
    return suggest("", seen, [])


def _with_key(job: Job, suggestion: Suggestion, draft: _Draft) -> Suggestion:
    """The key: the one that is known; else the job's merge key, or what it tells new rows by."""
    if suggestion.entity != "none":
        return suggestion
    wanted = job.get("merge.key.col") or (None if suggestion.key else job.get("incremental.col"))
    if not wanted:
        return suggestion
    names = [_named(suggestion, column.strip()) for column in wanted.split(",")]
    if not all(names):
        return suggestion
    if job.get("merge.key.col") is None:
        draft.notes.append(
            f"Taken as its key: {wanted}, by which Sqoop told new rows. Where it is not unique, mend key"
        )
    key = tuple(column.name for column in names if column)
    return Suggestion(suggestion.entity, suggestion.columns, key, suggestion.lacks, suggestion.near)


def _named(suggestion: Suggestion, name: str) -> Suggested | None:
    return next((column for column in suggestion.columns if column.seen.name.lower() == name.lower()), None)


def _query(job: Job) -> str:
    """The job's query; the place where Sqoop put its own conditions is always true."""
    return job["db.query"].replace(_CONDITIONS, "1 = 1").rstrip().removesuffix(";")


def _set_mode(job: Job, suggestion: Suggestion, draft: _Draft) -> None:
    mode = _MODES.get(job.get("incremental.mode", ""))
    if mode is None:
        if suggestion.key and "query" not in draft.content:
            draft.content["mode"] = "snapshot"
            draft.notes.append("Every run reads the whole table, and a key that is gone counts as deleted")
        return
    column = _named(suggestion, job.get("incremental.col", ""))
    if column is None or column.type not in {"integer", "timestamp", "date"} or not suggestion.key:
        draft.notes.append(
            f"No counterpart: reading on from {job.get('incremental.col')}, which must be a number or a time of a "
            "table that has a key. All rows are read every time"
        )
        return
    watermark: dict[str, Any] = {"column": column.name}
    last = job.get("incremental.last.value")
    if last is not None:
        start = _start(last, column.type)
        if start is None:
            draft.notes.append(f"No counterpart: the last value {last}, no {column.type}: the first run reads all")
        else:
            watermark["start"] = start
            draft.notes.append(
                f"The first run begins at {last}, where Sqoop ended, less the overlap: what it imported before that is "
                "not read. Take start out to read everything"
            )
    draft.content |= {"mode": mode, "watermark": watermark}


def _start(last: str, type_: str) -> int | str | None:
    """Sqoop's last value as a watermark of this type; None where it is none."""
    try:
        if type_ == "integer":
            return int(last)
        moment = datetime.fromisoformat(last)
    except ValueError:
        return None
    return moment.date().isoformat() if type_ == "date" else moment.replace(tzinfo=None).isoformat(sep=" ")


def _set_reading(job: Job, suggestion: Suggestion, draft: _Draft) -> None:
    mappers = int(job.get("mapreduce.num.mappers", "1")) if job.get("mapreduce.num.mappers", "1").isdigit() else 1
    split = _named(suggestion, job.get("db.split.column", ""))
    if mappers > 1 and split and "table" in draft.content:
        draft.content |= {"split_by": split.seen.name, "parallel": min(mappers, 16)}
        if "db.query.boundary" in job:
            draft.content["boundary"] = job["db.query.boundary"].rstrip().removesuffix(";")
    elif mappers > 1:
        draft.notes.append(f"Sqoop read with {mappers} mappers; here one connection reads (parallel: changes that)")
    fetch = job.get("import.fetch.size", "")
    if fetch.isdigit() and 1 <= int(fetch) <= 1_000_000:
        draft.content["fetch_size"] = int(fetch)


def _said(job: Job, variable: str) -> list[str]:
    """What a person must do, and what has no counterpart."""
    notes: list[str] = []
    if "db.password.file" in job:
        path = job["db.password.file"].removeprefix("file://")
        notes.append(f"The password: Sqoop read it from {path}; set {variable}_FILE to such a file on this machine")
    lost = [text.format(job[name]) for name, text in _NO_COUNTERPART.items() if name in job]
    lost += [text for name, text in _SWITCHES.items() if job.get(name) == "true"]
    if "null.string" in job or "null.non-string" in job:
        lost.append("words for null: they were for text files; NULL stays NULL")
    mapped = [f"{name.split('.')[-1]}={value}" for name, value in job.items() if name.startswith("map.column.")]
    if mapped:
        lost.append(f"types given by hand ({', '.join(mapped)}): they are those of the server, exactly")
    target = job.get("hdfs.target.dir") or job.get("hdfs.warehouse.dir")
    if target:
        form = job.get("hdfs.file.format", "TextFile")
        lost.append(f"the folder {target} ({form}): rows are kept in the raw zone, as Parquet")
    return [*notes, *(f"No counterpart: {text}" for text in lost)]
