"""Proposes a contract for files of one kind, by what is in them."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from glob import escape
from pathlib import Path
from typing import Any

from tenure.contracts.entities import ENTITIES
from tenure.contracts.suggest import Seen, Suggestion, suggest
from tenure.core.errors import UsageError
from tenure.sources.proposal import Proposal, columns_of, free_source, notes_of
from tenure.sources.propose_read import Looked
from tenure.sources.propose_types import Guess
from tenure.sources.sqoop_files import NULL_WORD, is_sqoop_text

_CERTAIN = 100
"""So many records must all have a value before a column is proposed to be required."""
_URL = re.compile(r"://|^(jdbc|mariadb|mysql):|:[^/]*@", re.IGNORECASE)
"""What a person may have meant as the url of a database, or as a login."""
_DATED = re.compile(r"(\d{4})-(\d{2})(-(\d{2}))?")
_ENDINGS = re.compile(r"(\.(csv|tsv|txt|json|ndjson|jsonl|parquet|asc|dat|gz|zst))+$", re.IGNORECASE)


@dataclass(frozen=True)
class Found:
    """What a person named: the contract's `path`, the files that it means now, and a name for the source."""

    path: str
    files: tuple[Path, ...]
    label: str


def find(root: Path, what: str, here: Path) -> Found:
    """The files that a person named from the folder `here`: one, all in a folder, or those of a pattern."""
    place = here / Path(what).expanduser()
    there = _is_there(place)
    if not there and _URL.search(what):
        # What else stands in it may be a password.
        raise UsageError(
            "this is neither a file nor a url of a kind that is known",
            cure="write a database as mariadb://USER@HOST:PORT/DATABASE; a password never stands in it",
        )
    if any("\udc80" <= character <= "\udcff" for character in what):
        raise UsageError("its name is not UTF-8", cure="rename it first")
    pattern: str | None = None
    if not there and any(sign in what for sign in "*?["):
        files = _matching(place, what)
        label = re.sub(r"[*?\[\]]+", "", place.name)
    elif not there:
        raise UsageError(f"there is no file or folder {what}", cure="check the name, or quote a pattern: '*.csv'")
    else:
        place = place.resolve()
        files, label = [place], place.name
        if place.is_dir():
            # Hidden files and those named _like_this are marks that other programs left.
            files = sorted(file for file in place.iterdir() if file.is_file() and file.name[0] not in "._")
            pattern = _pattern(place, files)
    if not files:
        raise UsageError(
            f"no file is there: {what}", cure="put one there first: the contract is proposed from the data"
        )
    path = str(place.relative_to(root) if place.is_relative_to(root) else place)
    path = f"{escape(path)}/{pattern}" if pattern else path
    return Found(path, tuple(files), _label(label) or place.parent.name)


def _is_there(place: Path) -> bool:
    try:
        return place.exists()
    except OSError:  # no name is so long
        return False


def _matching(place: Path, what: str) -> list[Path]:
    try:
        return sorted(path for path in Path("/").glob(str(place).lstrip("/")) if path.is_file())
    except (OSError, ValueError) as error:
        raise UsageError(f"{what} is no pattern of files", cure="write one such as '*.csv' or '**/*.csv'") from error


def _pattern(folder: Path, files: Sequence[Path]) -> str | None:
    """Where other programs left marks in a folder, a pattern for what in it is data."""
    if len(list(folder.iterdir())) == len(files) or not files:
        return None
    if all(is_sqoop_text(file) for file in files):
        return "part-*"
    endings = {file.suffix for file in files}
    return f"*{endings.pop()}" if len(endings) == 1 and "" not in endings else None


def _label(name: str) -> str:
    """A name without dates, numbers and endings."""
    return re.sub(r"([ _.-]+\d{2,4})([ _.-]?\d{2}){0,5}$", "", _ENDINGS.sub("", name)).strip("_-. ")


def propose_files(
    looked: Looked, found: Found, taken: Collection[str], name: str | None, words: Mapping[str, Any] | None = None
) -> Proposal:
    """The contract for files that were looked at; `words` are further ones of the contract."""
    guesses = looked.guesses()
    nulls = _nulls(looked, guesses, found.files)
    whole = looked.ended and looked.count >= _CERTAIN
    filled = {name for name, column in looked.columns.items() if whole and not column.empty}
    filled -= {name for name, guess in guesses.items() if set(guess.marks) & set(nulls)}
    seen = [_seen(name, looked, guesses[name], name in filled) for name in looked.columns]
    keys = [[name] for name in _key_order(looked)]
    suggestion = suggest(name or found.label, seen, keys)
    source = free_source(name or found.label, () if name else taken, suggestion.entity, ENTITIES)
    notes = [*notes_of(suggestion), *looked.notes, *_doubts(looked, guesses, suggestion)]
    content: dict[str, Any] = {"source": source, "entity": suggestion.entity, **looked.words, "path": found.path}
    content |= {**(words or {}), **({"key": list(suggestion.key)} if suggestion.key else {"keyless": True})}
    if suggestion.key:
        notes.append(f"Its key is {', '.join(suggestion.key)}: different in every record that was looked at")
    elif not keys:
        notes.append("No column has a different value in every record: it has no key, and equal records stay two")
    dated = _dated(found.files) if suggestion.entity == "customers" else None
    if dated:
        content["effective"] = {"file_name": dated}
    if nulls:
        content["nulls"] = nulls
        notes.append(f"Taken as missing values: {', '.join(nulls)}")
    types = {column.seen.name: column.type for column in suggestion.columns}
    extra = {name: guess.words.get(types[name], {}) for name, guess in guesses.items()}
    content["columns"] = columns_of(suggestion, extra)
    called = found.files[0].name if len(found.files) == 1 else f"{len(found.files)} files"
    return Proposal(source, called, content, tuple(notes), looked.count)


def _seen(name: str, looked: Looked, guess: Guess, filled: bool) -> Seen:
    words = looked.columns[name].words
    if words and name in looked.given:
        words = tuple(_as_read(word, guess.types[0]) for word in words)
    # Many values are no words: None would say that they are not known.
    return Seen(name, guess.types, filled, words or (), guess.marks)


def _as_read(word: str, type_: str) -> str:
    """A value of Parquet, as Python writes it, in the text that a contract's `values` meet."""
    return {"boolean": word.lower(), "number": word.removesuffix(".0")}.get(type_, word)


def _nulls(looked: Looked, guesses: Mapping[str, Guess], files: Sequence[Path]) -> list[str]:
    """Words that stand for a missing value in a CSV file."""
    if looked.words["kind"] != "csv":
        return []
    found = {word for guess in guesses.values() for word in guess.nulls}
    if any(is_sqoop_text(file) for file in files):
        looked.notes.append(
            "A text import of Sqoop: a delimiter or a line end within a value breaks its row, which is then "
            "quarantined; where that happens, read the table itself, or import it as Parquet"
        )
        found |= {NULL_WORD} if not found else set()
    return sorted(found)


def _key_order(looked: Looked) -> list[str]:
    """Columns with a different value in every record, those that are called like keys first."""
    unique = [name for name, column in looked.columns.items() if column.unique and column.seen and not column.is_json]
    named = [
        name for name in unique if re.search(r"(^|[_ .-])(id|no|nr|key|code|number|nummer|cislo)$|Id$|ID$|NR$", name)
    ]
    return [*named, *(name for name in unique if name not in named and name == next(iter(looked.columns)))]


def _doubts(looked: Looked, guesses: dict[str, Guess], suggestion: Suggestion) -> list[str]:
    notes = [f"{name} {guess.note}" for name, guess in guesses.items() if guess.note]
    if not looked.ended:
        notes.append(f"Only the first {looked.count:,} records were looked at (--rows): later ones may not fit")
    if looked.odd:
        notes.append(f"{looked.odd:,} of {looked.count:,} records do not fit the others: they will be quarantined")
    if looked.count < _CERTAIN:
        notes.append(f"Only {looked.count} records were there to look at: types and keys are less certain")
    if looked.words.get("header") is False:
        notes.append("It has no header: give the columns their names, in the order of the file")
    floats = [c.name for c in suggestion.columns if c.type == "number"]
    if floats:
        notes.append(f"In binary floating point, so never money: {', '.join(floats)}")
    return notes


def _dated(files: Sequence[Path]) -> str | None:
    """The pattern of dates in the files' names, as `effective: {file_name: …}` has it."""
    forms = {
        _DATED.sub(lambda found: "{yyyy-mm-dd}" if found[3] else "{yyyy-mm}", file.name, count=1) for file in files
    }
    form = forms.pop() if len(forms) == 1 else ""
    return form if "{yyyy-mm" in form else None
