"""Finds the array of records inside a JSON document, and checks the text around it once the array has ended."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tenure.sources.json_record import Fault, parse

_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[^\s{}\[\],:"]++|[{}\[\],:"]', re.DOTALL)
_NAMED_AT_MOST = 10


class NotHere(ValueError):
    """The document has no array where the contract says."""


class _CutOff(Exception):
    """The text ends before it is known where the array begins."""


@dataclass(frozen=True)
class Envelope:
    """What stands around an array: `before` ends with its opening bracket; its elements are left out."""

    before: bytes

    def fault(self, behind: bytes) -> str | None:
        """What is wrong with the document apart from the array's elements; `behind` begins with its closing bracket."""
        parsed = parse(self.before + behind, once=True)
        return parsed.reason if isinstance(parsed, Fault) else None


def array_begins(text: bytes, steps: Sequence[str]) -> int | None:
    """Behind which byte the elements of the array begin that stands at these keys; None where `text` ends before it.

    Raises `NotHere`.
    """
    try:
        return _enter(_tokens(text), steps)
    except (StopIteration, _CutOff):
        return None


def _tokens(text: bytes) -> Iterator[re.Match[bytes]]:
    for token in _TOKEN.finditer(text):
        if token[0] == b'"':
            raise _CutOff
        yield token


def _enter(tokens: Iterator[re.Match[bytes]], steps: Sequence[str]) -> int:
    for depth, step in enumerate(steps):
        if next(tokens)[0] != b"{":
            raise NotHere(f"{_named(steps[:depth])} is not an object")
        seen: list[str] = []
        while (token := next(tokens)[0]) != b"}":
            if token == b",":
                continue
            key = parse(token)
            next(tokens)  # the colon
            if key == step:
                break
            seen.append(str(key))
            _skip(tokens, next(tokens)[0])
        else:
            keys = ", ".join(seen[:_NAMED_AT_MOST]) or "none"
            raise NotHere(f"{_named(steps[:depth])} has no key {step}; it has {keys}")
    opened = next(tokens)
    if opened[0] != b"[":
        raise NotHere(f"{_named(steps)} is not an array")
    return opened.end()


def _named(steps: Sequence[str]) -> str:
    return ".".join(steps) or "the document"


def _skip(tokens: Iterator[re.Match[bytes]], first: bytes) -> None:
    """Pass a value that begins with this token."""
    depth = int(first in {b"{", b"["})
    while depth:
        token = next(tokens)[0]
        depth += (token in {b"{", b"["}) - (token in {b"}", b"]"})
