"""Reads a catalogue's yml; an error names the file and the line."""

from dataclasses import dataclass

from pydantic import ValidationError

from tenure.core.errors import SettingsError
from tenure.core.yaml_lines import YamlText, place_of, read_yaml
from tenure.metrics.model import CatalogueFile

GUIDE = "docs/how-to/metrics.md"


@dataclass(frozen=True)
class Document:
    """A file's content, and where in it each part stands."""

    content: CatalogueFile
    text: YamlText

    def at(self, *path: int | str) -> str:
        """file:line of a part, or of the nearest part around it that is there."""
        return self.text.at(*path)


def read_document(text: str, file: str) -> Document:
    """One file of a catalogue; raises `SettingsError` with file and line where it is wrong."""
    read = read_yaml(text, file)
    if not isinstance(read.content, dict):
        raise SettingsError("a catalogue is a mapping with metrics:", where=f"{file}:1", cure=f"see {GUIDE}")
    try:
        return Document(CatalogueFile.model_validate(read.content), read)
    except ValidationError as error:
        first = error.errors()[0]
        place = place_of(first)
        message = first["msg"].removeprefix("Value error, ")
        raise SettingsError(
            f"{place}: {message}" if place else message,
            where=read.at(*first["loc"]),
            cure=f"see {GUIDE} for what may stand there",
        ) from error
