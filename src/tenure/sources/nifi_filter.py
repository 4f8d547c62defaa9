"""Turns NiFi's File Filter, a regular expression for whole names, into patterns for files."""

import re
from dataclasses import dataclass

_MOST = 32
_VISIBLE = re.compile(r"^\^?\[\^\\?\.\]")
_TIMES = re.compile(r"(?:[*+?]|\{(?P<least>\d+)(?:(?P<more>,)\d*)?\})\??")
_CLASS = re.compile(r"\[(\^?)((?:[^\[\]\\&]|\\[^a-zA-Z0-9])+)\]")
_CHARACTERS = {r"\d": "[0-9]", r"\w": "?", r"\s": "?", r"\S": "?", r"\D": "?", r"\W": "?"}


@dataclass(frozen=True)
class _Glob:
    """A pattern, and whether it matches no more than the expression does."""

    text: str = ""
    exact: bool = True

    def then(self, other: "_Glob") -> "_Glob":
        return _Glob(self.text + other.text, self.exact and other.exact)


class _Beyond(ValueError):
    """The expression says what no pattern can."""


def globs_of(expression: str) -> tuple[tuple[str, ...], bool] | None:
    """Patterns that match every name that the expression does, and whether they match no other.

    None where the expression says more than patterns can. That names do not begin with a dot is left out: hidden
    files are never taken.
    """
    text = expression.strip()
    text = _VISIBLE.sub("" if _VISIBLE.sub("", text, count=1).startswith((".*", ".+")) else ".", text, count=1)
    any_case = text.startswith("(?i)")
    reader = _Reader(text.removeprefix("(?i)").removeprefix("^"), any_case)
    try:
        found = reader.alternatives()
    except (_Beyond, RecursionError):
        return None
    if reader.at < len(reader.text):
        return None
    named = [glob for glob in found if glob.text]  # no file has an empty name
    patterns = dict.fromkeys(re.sub(r"\*+", "*", glob.text) for glob in named)
    return (tuple(patterns), all(glob.exact for glob in named)) if named else None


class _Reader:
    """Goes through an expression from left to right; each step gives every pattern that it may be."""

    def __init__(self, text: str, any_case: bool) -> None:
        self.text, self.any_case, self.at = text, any_case, 0

    def alternatives(self) -> list[_Glob]:
        """What stands between bars, up to the end or a closing bracket."""
        found = self._sequence()
        while self._next() == "|":
            self.at += 1
            found += self._sequence()
        return found

    def _sequence(self) -> list[_Glob]:
        found: list[_Glob] = [_Glob()]
        while self._next() not in {"", "|", ")"}:
            if self._next() == "$":
                self.at += 1
                continue
            pieces = self._piece()
            found = list[_Glob](glob.then(piece) for glob in found for piece in pieces)
            if len(found) > _MOST:
                raise _Beyond
        return found

    def _piece(self) -> list[_Glob]:
        """One character, class or group, as often as the expression says."""
        start = self.at
        atoms = self._group() if self._next() == "(" else [self._character()]
        times = _TIMES.match(self.text, self.at)
        if times is None:
            return atoms
        self.at = times.end()
        how_often = times[0].removesuffix("?") or "?"
        if how_often == "?":
            return [_Glob(), *atoms]
        if times["least"] and not times["more"] and int(times["least"]) <= 64 and len(atoms) == 1:
            return [_Glob(atoms[0].text * int(times["least"]), atoms[0].exact)]
        # Any character, any number of times, is what * means; everything else is narrower.
        if self.text[start] == "." and how_often in {"*", "+"}:
            return [_Glob("*" if how_often == "*" else "?*")]
        return [_Glob("*", exact=False)]

    def _group(self) -> list[_Glob]:
        self.at += 1
        if self._next() == "?":
            if not self.text.startswith("?:", self.at):
                raise _Beyond
            self.at += 2
        found = self.alternatives()
        if self._next() != ")":
            raise _Beyond
        self.at += 1
        return found

    def _character(self) -> _Glob:
        character = self._next()
        self.at += 1
        if character == ".":
            return _Glob("?")
        if character == "\\":
            return self._escaped()
        if character == "[":
            found = _CLASS.match(self.text, self.at - 1)
            if found is None:
                raise _Beyond
            self.at = found.end()
            return _Glob(f"[{'!' if found[1] else ''}{found[2].replace(chr(92), '')}]", not self.any_case)
        if character in "*+?{}^$":
            raise _Beyond
        return self._literal(character)

    def _escaped(self) -> _Glob:
        pair = f"\\{self._next()}"
        self.at += 1
        if pair in _CHARACTERS:
            return _Glob(_CHARACTERS[pair], pair == r"\d")
        if len(pair) < 2 or pair[1].isalnum():
            raise _Beyond
        return self._literal(pair[1])

    def _literal(self, character: str) -> _Glob:
        if self.any_case and character.lower() != character.upper():
            return _Glob(f"[{character.lower()}{character.upper()}]")
        return _Glob(f"[{character}]" if character in "*?[" else character)

    def _next(self) -> str:
        return self.text[self.at : self.at + 1]
