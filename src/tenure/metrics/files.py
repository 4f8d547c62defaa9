"""Reads a catalogue's yml; an error names the file and the line."""

from dataclasses import dataclass
from typing import cast

import yaml
from pydantic import ValidationError

from tenure.core.errors import SettingsError
from tenure.metrics.model import CatalogueFile

GUIDE = "docs/how-to/metrics.md"
_Pairs = list[tuple[yaml.Node, yaml.Node]]


@dataclass(frozen=True)
class Document:
    """A file's content, and where in it each part stands."""

    file: str
    content: CatalogueFile
    root: yaml.Node

    def at(self, *path: int | str) -> str:
        """file:line of a part, or of the nearest part around it that is there."""
        return f"{self.file}:{_line(self.root, path)}"


def read_document(text: str, file: str) -> Document:
    """One file of a catalogue; raises `SettingsError` with file and line where it is wrong."""
    try:
        root = yaml.compose(text, yaml.CSafeLoader)
        content = yaml.load(text, yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise SettingsError(
            f"not valid YAML: {error.problem}", where=f"{file}:{line}", cure="mend the line and run again"
        ) from error
    except (yaml.YAMLError, ValueError) as error:
        raise SettingsError(f"not valid YAML: {_reason(error)}", where=file, cure="mend it and run again") from error
    if root is None or not isinstance(content, dict):
        raise SettingsError("a catalogue is a mapping with metrics:", where=f"{file}:1", cure=f"see {GUIDE}")
    _refuse_repeated(root, file)
    try:
        return Document(file, CatalogueFile.model_validate(content), root)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        raise SettingsError(
            f"{place}: {message}" if place else message,
            where=f"{file}:{_line(root, first['loc'])}",
            cure=f"see {GUIDE} for what may stand there",
        ) from error


def _reason(error: Exception) -> str:
    return str(error).split("\n", 1)[0]


def _pairs(node: yaml.Node) -> _Pairs:
    return cast(_Pairs, node.value) if isinstance(node, yaml.MappingNode) else []


def _line(root: yaml.Node, path: tuple[int | str, ...]) -> int:
    node, line = root, root.start_mark.line + 1
    for step in path:
        if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = cast(list[yaml.Node], node.value)[step]
            line = node.start_mark.line + 1
            continue
        found = next(((key, value) for key, value in _pairs(node) if key.value == str(step)), None)
        if found is None:
            break
        line = found[0].start_mark.line + 1
        node = found[1]
    return line


def _refuse_repeated(root: yaml.Node, file: str) -> None:
    """YAML takes the last of two equal names without a word: here that is an error."""
    waiting, looked_at = [root], set[int]()
    while waiting:
        node = waiting.pop()
        if id(node) in looked_at:  # an alias: what it stands for may even hold itself
            continue
        looked_at.add(id(node))
        seen: set[str] = set()
        for key, value in _pairs(node):
            name = str(key.value)
            if name in seen:
                line = key.start_mark.line + 1
                raise SettingsError(f"'{name}' stands here twice", where=f"{file}:{line}", cure="keep one of them")
            seen.add(name)
            waiting.append(value)
