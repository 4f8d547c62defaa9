"""Reads YAML, and knows on which line each part of it stands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import yaml

from tenure.core.errors import SettingsError

_Pairs = list[tuple[yaml.Node, yaml.Node]]


class _TextLoader(yaml.CSafeLoader):
    """Takes every value as the text that is written, except for what means null.

    YAML makes `No` false, `010` eight and a price a binary fraction; what a value is, the reader's model knows.
    """


# The stubs know nothing of the tables that a loader is made of.
_TextLoader.yaml_implicit_resolvers = {  # pyright: ignore[reportAttributeAccessIssue]
    first: [
        (tag, pattern) for tag, pattern in resolvers if tag in {"tag:yaml.org,2002:null", "tag:yaml.org,2002:merge"}
    ]
    for first, resolvers in cast(Any, yaml.CSafeLoader).yaml_implicit_resolvers.items()
}


@dataclass(frozen=True)
class YamlText:
    """What a file says, and where: `content` is None for an empty file."""

    file: str
    content: object
    root: yaml.Node | None

    def line(self, path: Sequence[int | str]) -> int:
        """The line of a part, or of the nearest part around it that is there."""
        if self.root is None:
            return 1
        node, line = self.root, self.root.start_mark.line + 1
        for step in path:
            if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
                node = cast(list[yaml.Node], node.value)[step]
                line = node.start_mark.line + 1
                continue
            found = next(((key, value) for key, value in _pairs(node) if key.value == str(step)), None)
            if found is None:
                break
            line, node = found[0].start_mark.line + 1, found[1]
        return line

    def at(self, *path: int | str) -> str:
        """file:line of a part, or of the nearest part around it that is there."""
        return f"{self.file}:{self.line(path)}"


def read_yaml(text: str, file: str, *, as_text: bool = False) -> YamlText:
    """The content of a YAML document; raises `SettingsError` with file and line where it is none.

    The same name twice in one mapping is an error: YAML takes the last without a word. `as_text`: every value
    stays the text that is written there; only null, ~ and nothing are None.
    """
    loader = _TextLoader if as_text else yaml.CSafeLoader
    try:
        root = yaml.compose(text, loader)
        _refuse_repeated(root, file)
        content: object = loader(text).get_single_data()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise SettingsError(
            f"not valid YAML: {error.problem}", where=f"{file}:{line}", cure="mend the line and run again"
        ) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = str(error).split("\n", 1)[0]
        raise SettingsError(f"not valid YAML: {reason}", where=file, cure="mend it and run again") from error
    return YamlText(file, content, root)


def place_of(error: Mapping[str, Any]) -> str:
    """The place in a document that an error of its model is about, in words: `columns.name.type`."""
    return ".".join(str(step) for step in error["loc"])


def _pairs(node: yaml.Node) -> _Pairs:
    return cast(_Pairs, node.value) if isinstance(node, yaml.MappingNode) else []


def _refuse_repeated(root: yaml.Node | None, file: str) -> None:
    waiting, looked_at = [root] if root else [], set[int]()
    while waiting:
        node = waiting.pop()
        if id(node) in looked_at:  # an alias: what it stands for may even hold itself
            continue
        looked_at.add(id(node))
        seen: set[str] = set()
        for key, value in _pairs(node):
            name = str(key.value)
            if name in seen and key.tag != "tag:yaml.org,2002:merge":
                line = key.start_mark.line + 1
                raise SettingsError(f"'{name}' stands here twice", where=f"{file}:{line}", cure="keep one of them")
            seen.add(name)
            waiting.append(value)
        if isinstance(node, yaml.SequenceNode):
            waiting += cast(list[yaml.Node], node.value)
