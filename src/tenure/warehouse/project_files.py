"""Finds the files of a project's models and reads them as text: `models/NAME.sql` and the yml beside each."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from tenure.core.errors import BuildError

FOLDER = "models"


@dataclass(frozen=True)
class ModelFile:
    """A model's SQL file; `where` is its place in the project, `yml` the text beside it, empty without one."""

    name: str
    where: str
    sql: str
    yml: str

    @property
    def yml_where(self) -> str:
        """The place of its yml."""
        return self.where.removesuffix(".sql") + ".yml"

    def yml_place(self, *path: str) -> str:
        """Its yml with the line of the entry at `path` (keys and numbers), or of the deepest part that is there."""
        node, line = yaml.compose(self.yml, yaml.CSafeLoader), None
        for step in path:
            if isinstance(node, yaml.MappingNode):
                entries = {key.value: (key, value) for key, value in node.value}
                if step not in entries:
                    break
                key, node = entries[step]
                line = key.start_mark.line + 1
            elif isinstance(node, yaml.SequenceNode) and step.isdecimal() and int(step) < len(node.value):
                node = node.value[int(step)]
                line = node.start_mark.line + 1
        return f"{self.yml_where}:{line}" if line else self.yml_where


def read_files(root: Path) -> list[ModelFile]:
    """The models' files of the project in `root`, by name; what begins with a dot is not looked at."""
    return [_read(root, path) for path in _sql_files(root)]


def _sql_files(root: Path) -> list[Path]:
    folder = root / FOLDER
    if folder.exists() and not folder.is_dir():
        raise BuildError("is a file where a folder is needed", where=FOLDER, cure="keep SQL files in the folder models")
    files = sorted(_files_below(folder), key=lambda path: (path.stem, path))
    with_sql = {path.with_suffix("") for path in files if path.suffix == ".sql"}
    for path in files:
        if path.suffix in (".yml", ".yaml") and path.with_suffix("") not in with_sql:
            raise BuildError(
                "has no SQL beside it",
                where=path.relative_to(root).as_posix(),
                cure=f"write the SELECT of this table into {path.stem}.sql, or take the file away",
            )
    return [path for path in files if path.suffix == ".sql"]


def _files_below(folder: Path) -> Iterator[Path]:
    seen: set[str] = set()
    for parent, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(parent)
        folders[:] = [] if real in seen else [name for name in folders if not name.startswith(".")]
        if real not in seen:
            yield from (Path(parent) / name for name in names if not name.startswith("."))
        seen.add(real)


def _read(root: Path, path: Path) -> ModelFile:
    where = path.relative_to(root).as_posix()
    yml = path.with_suffix(".yml")
    if not yml.is_file() and path.with_suffix(".yaml").is_file():
        raise BuildError("its description ends in .yaml", where=where, cure=f"name it {yml.name}")
    text = _text(yml, where.removesuffix(".sql") + ".yml") if yml.is_file() else ""
    return ModelFile(path.stem, where, _text(path, where), text.strip() and text)


def _text(path: Path, where: str) -> str:
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
        bad = text.find("\0")
        line = text.count("\n", 0, bad) + 1
    except UnicodeDecodeError as error:
        bad, text = error.start, ""
        line = content.count(b"\n", 0, error.start) + 1
    if bad >= 0:
        cure = f"save it as UTF-8, for instance: iconv -f WINDOWS-1252 -t UTF-8 {path.name}"
        raise BuildError("is not UTF-8 text", where=f"{where}:{line}", cure=cure)
    return text.replace("\r\n", "\n")
