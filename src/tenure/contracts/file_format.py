"""How the files of a source are written."""

from typing import Self

from pydantic import model_validator

from tenure.contracts.columns import Strict


class FileFormat(Strict):
    """The part of a contract that says where files are and how they are written.

    `path`: a glob, relative to the project; `delimiter`: between the fields of a CSV file.
    """

    path: str | None = None
    delimiter: str = ","

    @model_validator(mode="after")
    def _readable(self) -> Self:
        if len(self.delimiter) != 1 or self.delimiter in '"\r\n':
            raise ValueError("delimiter must be one character, not a quote or a line end")
        if not self.delimiter.isascii():
            raise ValueError(
                f"delimiter '{self.delimiter}' is not an ASCII character; convert the file to one such as , or ;"
            )
        return self
