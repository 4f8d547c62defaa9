"""A contract proposed for something found, how its yml is written, and that it never overwrites one."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import yaml
from pydantic import ValidationError

from tenure.contracts.entities import entity_of
from tenure.contracts.files import read_contracts
from tenure.contracts.model import Contract
from tenure.contracts.suggest import Suggestion
from tenure.contracts.synonyms import plain
from tenure.core.durable import fsync_folder
from tenure.core.errors import TenureError, UsageError


@dataclass(frozen=True)
class Proposal:
    """A contract to write: `content` under the names of the file; `notes` are what a person should know of it.

    `found` names the table or file for people, `records` is how many it has, None where they were not counted.
    The notes stand in the yml as comments too.
    """

    source: str
    found: str
    content: Mapping[str, Any]
    notes: tuple[str, ...] = ()
    records: int | None = None

    @property
    def entity(self) -> str:
        """The entity it is proposed to feed; `none` for a table of its own."""
        return str(self.content["entity"])

    def contract(self) -> Contract:
        """The contract it makes; raises `TenureError` where it makes none."""
        try:
            return Contract.model_validate(self.content)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(step) for step in first["loc"])
            raise TenureError(
                f"no contract can be proposed: {place}: {first['msg'].removeprefix('Value error, ')}",
                where=self.found,
                cure=f"write sources/{self.source}.yml by hand; see docs/reference/contracts.md",
            ) from error


def columns_of(suggestion: Suggestion, extra: Mapping[str, Mapping[str, Any]] | None = None) -> dict[str, Any]:
    """The `columns` of a contract; `extra` adds words to a column, by its name in the source."""
    columns: dict[str, Any] = {}
    for column in suggestion.columns:
        words: dict[str, Any] = {"type": column.type}
        if column.seen.name != column.name:
            words["from"] = column.seen.name
        canonical = entity_of(suggestion.entity).column(column.name)
        is_needed = canonical is not None and canonical.required
        if column.seen.required or column.name in suggestion.key or is_needed:
            words["required"] = True
        if column.personal:
            words["personal"] = column.personal
        columns[column.name] = {**words, **(extra or {}).get(column.seen.name, {})}
        if column.values is not None:
            columns[column.name]["values"] = dict(column.values)
    return columns


def notes_of(suggestion: Suggestion) -> tuple[str, ...]:
    """What was guessed by names, and what is missing."""
    notes: list[str] = []
    if suggestion.entity == "none":
        notes.append("Resembles no entity that it could feed: a table of its own")
    else:
        renamed = [f"{c.name} from {c.seen.name}" for c in suggestion.columns if c.entity and c.name != c.seen.name]
        guessed = f" ({', '.join(renamed)})" if renamed else ""
        notes.append(f"Guessed by names: it feeds {suggestion.entity}{guessed}")
        if suggestion.lacks:
            notes.append(f"Of {suggestion.entity} it lacks {', '.join(suggestion.lacks)}: these stay empty")
    return (*notes, *suggestion.notes, *(f"Not {reason}" for reason in suggestion.near))


def free_source(wanted: str, taken: Iterable[str], entity: str, entities: Iterable[str]) -> str:
    """A name for a source: that of the table or file, changed where the name belongs to an entity it does not feed."""
    name = plain(wanted)[:55] or "source"
    if entity == "none" and name in entities:
        name = f"{name}_table"
    used = set(taken)
    return next(entry for entry in (name, *(f"{name}_{n}" for n in range(2, len(used) + 3))) if entry not in used)


def text_of(proposal: Proposal) -> str:
    """The yml of a proposal; it is read back as the same contract."""
    lines = [f"# {_printable(line)}" for note in proposal.notes for line in note.splitlines()]
    plain_words = {name: value for name, value in proposal.content.items() if name != "columns"}
    lines += [_inline({name: value})[1:-1] for name, value in plain_words.items()]
    lines.append("columns:")
    lines += [f"  {_inline({name: words})[1:-1]}" for name, words in proposal.content["columns"].items()]
    text = "\n".join(lines) + "\n"
    if yaml.load(text, yaml.CSafeLoader) != _as_plain(proposal.content):
        raise TenureError(
            "the proposal cannot be written as yml",
            where=proposal.found,
            cure="please report this with the table's definition, and write the contract by hand",
        )
    return text


def _printable(text: str) -> str:
    """A comment may not hold all that a column's name can."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _inline(value: Mapping[str, Any]) -> str:
    text: str = yaml.dump(
        _as_plain(value),
        Dumper=yaml.CSafeDumper,
        default_flow_style=True,
        sort_keys=False,
        allow_unicode=True,
        width=1_000_000,
    )
    return text.rstrip("\n")


def _as_plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(name): _as_plain(entry) for name, entry in cast(Mapping[str, object], value).items()}
    return [_as_plain(entry) for entry in cast(list[object], value)] if isinstance(value, list | tuple) else value


def existing_sources(folder: Path) -> set[str]:
    """The names that new sources cannot have: those of the contracts, and of every other yml."""
    return {contract.source for contract in read_contracts(folder)} | {path.stem for path in folder.glob("*.yml")}


def already_read(folder: Path, proposals: Sequence[Proposal]) -> dict[str, str]:
    """Proposals for what a source reads already: the proposed name → the name of that source."""
    places = {_place(contract): contract.source for contract in read_contracts(folder)}
    found = {proposal.source: places.get(_place(proposal.contract())) for proposal in proposals}
    return {proposed: source for proposed, source in found.items() if source is not None}


def _place(contract: Contract) -> tuple[object, ...]:
    return (contract.url, contract.table, contract.query, contract.where, contract.paths)


def write_all(folder: Path, proposals: Sequence[Proposal]) -> list[Path]:
    """Write every proposal as `NAME.yml`, or none: raises `UsageError` when one of the names is taken."""
    taken = existing_sources(folder)
    texts: dict[Path, str] = {}
    for proposal in proposals:
        if proposal.source in taken:
            raise UsageError(
                f"there is a source {proposal.source} already; its contract is never overwritten",
                where=str(folder / f"{proposal.source}.yml"),
                cure="give the new one another name with --name, or delete the file first",
            )
        proposal.contract()
        texts[folder / f"{proposal.source}.yml"] = text_of(proposal)
    folder.mkdir(exist_ok=True)
    for path, text in texts.items():
        _create(path, text)
    fsync_folder(folder)
    return list(texts)


def _create(path: Path, text: str) -> None:
    """Make a file that appears whole or not at all, and never in the place of another."""
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("w", encoding="utf-8") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise UsageError(
            "was written by somebody else just now", where=str(path), cure="look at it, then run again"
        ) from None
    finally:
        temporary.unlink()


def named(proposal: Proposal, source: str) -> Proposal:
    """The same proposal under another name."""
    return replace(proposal, source=source, content={**proposal.content, "source": source})
