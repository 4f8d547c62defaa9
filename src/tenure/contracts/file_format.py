"""How the files of a source are written."""

import codecs
from pathlib import PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tenure.contracts.columns import Strict
from tenure.contracts.mistakes import Mistake

_LINE_ENDS = frozenset("\r\n")
_LONGEST_NAME = 255
"""Bytes; no file system of this machine has longer names."""
# Python counts them among the text encodings, but they are not what files are written in.
_NO_ENCODINGS = frozenset({"idna", "punycode", "raw_unicode_escape", "undefined", "unicode_escape"})


class WatchedFiles(Strict):
    """Where `tenure watch` moves a file to: folders, relative to the project. Without one the file stays.

    `archive`: once its records are loaded; `refused`: when it cannot be taken.
    """

    archive: str | None = None
    refused: str | None = None


class FileFormat(Strict):
    r"""The part of a contract that says where files are and how they are written.

    `path`: a file, a folder (all files in it) or a glob, relative to the project; or several of them. A file may be
    compressed with gzip or zstd, which its content tells. `encoding`: that of the text, by its name in Python.

    All else is for CSV. `delimiter`: between two fields, one character or more. `quote`: around a field that holds
    such characters, or `none`. `escape`: how a quote stands inside quotes: `doubled`; behind a character such as \,
    which then protects delimiters and line ends too; or `none`: as it is, so that a quote ends its field only
    before a delimiter or a line end. `header`: whether the first line has the names of the columns, or how many
    lines have parts of them; without one the columns are the contract's, in its order; `repeated`: such a line may
    stand again further down, as in files that were put together. `skip_lines`: lines above the header.
    `skip_last_lines`: lines below the last record, such as a total. `comment`: what a line begins with that is no
    record. `nulls`: texts without quotes that mean null; an empty one always does.
    """

    path: str | tuple[str, ...] | None = None
    encoding: str = "utf-8"
    delimiter: str = ","
    records: str | None = None
    quote: str = '"'
    escape: str = "doubled"
    header: bool | Annotated[int, Field(ge=1, le=9)] | Literal["repeated"] = True
    skip_lines: int = Field(default=0, ge=0, le=10_000)
    skip_last_lines: int = Field(default=0, ge=0, le=1_000)
    comment: str | None = None
    nulls: tuple[str, ...] = ()
    watch: WatchedFiles = Field(default_factory=WatchedFiles)

    @property
    def paths(self) -> tuple[str, ...]:
        """All of `path`."""
        return (self.path,) if isinstance(self.path, str) else self.path or ()

    @model_validator(mode="after")
    def _readable(self) -> Self:
        _expect_encoding(self.encoding)
        for path in self.paths:
            _expect_path(path)
        if not self.delimiter or _LINE_ENDS & set(self.delimiter):
            raise ValueError("delimiter must be one character or more, none of them a line end")
        if self.quote != "none" and (len(self.quote) != 1 or not self.quote.isascii() or self.quote in _LINE_ENDS):
            raise ValueError('quote must be one ASCII character, such as ", or none')
        if self.escape not in {"doubled", "none"} and not _one_ascii(self.escape):
            raise ValueError(r"escape must be doubled, none, or one ASCII character, such as \\")
        special = [self.quote] if self.quote != "none" else []
        if self.escape not in {"doubled", "none", self.quote}:
            special.append(self.escape)
        taken = next((character for character in special if character in self.delimiter), None)
        if taken:
            raise ValueError(f"delimiter holds {taken}, which has another meaning: choose another quote or escape")
        if self.comment is not None and (not self.comment or _LINE_ENDS & set(self.comment)):
            raise ValueError("comment must be one character or more, none of them a line end")
        if self.nulls and any(_LINE_ENDS & set(text) for text in self.nulls):
            raise ValueError("nulls: a text without quotes holds no line end")
        return self


def _expect_path(path: str) -> None:
    """Raises `Mistake` for a path that could never be looked up."""
    if not path.strip() or "\0" in path:
        raise Mistake("path: name a file, a folder or a glob", "path")
    for step in PurePosixPath(path).parts:
        if "**" in step and step != "**":
            raise Mistake(f"path: ** means folders of any depth and stands alone, not as in {step}", "path")
        if len(step.encode()) > _LONGEST_NAME:
            raise Mistake(f"path: a name in it has more than {_LONGEST_NAME} bytes, and no file has", "path")


def _one_ascii(text: str) -> bool:
    return len(text) == 1 and text.isascii() and text not in _LINE_ENDS


def _expect_encoding(name: str) -> None:
    try:
        found = codecs.lookup(name)
    except LookupError:
        raise ValueError(f"encoding '{name}' is not known; use a name such as utf-8, utf-16, cp1252, latin-1") from None
    if not getattr(found, "_is_text_encoding", True) or found.name in _NO_ENCODINGS:
        raise ValueError(f"encoding '{name}' is none of text; use a name such as utf-8, utf-16, cp1252, latin-1")
