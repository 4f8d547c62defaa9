"""What is wrong in a contract, and where in it."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, cast, get_args, get_origin

from pydantic import BaseModel, ValidationError

from tenure.core.yaml_lines import YamlText, place_of

_PLAIN = {
    "missing": "is missing",
    "int_parsing": "is not a whole number",
    "decimal_parsing": "is not a number",
    "float_parsing": "is not a number",
    "bool_parsing": "is neither true nor false",
    "dict_type": "should be names with values, one a line",
    "model_type": "should be words with values, such as {type: string}",
    "string_type": "should be text",
}
"""Pydantic's kind of error → what it means to a person."""


class Mistake(ValueError):
    """An error at a known place: `path` leads there from the part of the contract that is checked."""

    def __init__(self, message: str, *path: str) -> None:
        super().__init__(message)
        self.path = path


def mistakes(error: ValidationError, text: YamlText, model: type[BaseModel]) -> list[tuple[int, str]]:
    """Everything that is wrong in a document: lines, each with what is wrong there, from the top down."""
    found: dict[tuple[int, str], None] = {}
    for entry in error.errors(include_url=False):
        raised = entry.get("ctx", {}).get("error")
        path = (*entry["loc"], *(raised.path if isinstance(raised, Mistake) else ()))
        found[text.line(path), _message(entry, model)] = None
    return sorted(found)


def _message(entry: Mapping[str, Any], model: type[BaseModel]) -> str:
    place, kind = place_of(entry), entry["type"]
    if kind == "extra_forbidden":
        word = str(entry["loc"][-1])
        above = ".".join(str(step) for step in entry["loc"][:-1])
        near = get_close_matches(word, known := _words_at(model, entry["loc"][:-1]), n=1, cutoff=0.6)
        cure = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
        return f"{f'{above}: ' if above else ''}the word {word} is not known; {cure}"
    if kind == "literal_error":
        message = f"'{entry['input']}' is none of {entry.get('ctx', {}).get('expected')}"
    else:
        message = _PLAIN.get(kind) or entry["msg"].removeprefix("Value error, ")
    return f"{place}: {message}" if place else message


def _words_at(model: type[BaseModel], path: Sequence[int | str]) -> list[str]:
    """The words that may stand at a place in a document of `model`."""
    current, steps = model, iter(path)
    for step in steps:
        field = next((field for word, field in _fields(current) if word == step), None)
        if field is None:
            continue
        inner = next(_models(field.annotation), None)
        if inner is None:
            break
        current = inner
        if get_origin(field.annotation) is dict:
            next(steps, None)
    return [word for word, _ in _fields(current)]


def _fields(model: type[BaseModel]) -> Iterator[tuple[str, Any]]:
    for name, field in model.model_fields.items():
        yield field.alias or name, field


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in cast("tuple[object, ...]", get_args(annotation)):
        yield from _models(inner)
