"""Reads contracts from a project's `sources/*.yml`; errors name the file and the line."""

from pathlib import Path
from typing import cast

import yaml
from pydantic import ValidationError

from tenure.contracts.model import Contract
from tenure.core.errors import SettingsError


def _line_of(node: yaml.Node, path: tuple[int | str, ...]) -> int:
    """The line of the deepest part of `path` that the document has."""
    line = node.start_mark.line + 1
    for step in path:
        if not isinstance(node, yaml.MappingNode):
            break
        pairs = cast(list[tuple[yaml.Node, yaml.Node]], node.value)
        found = next(((key, value) for key, value in pairs if key.value == str(step)), None)
        if found is None:
            break
        line = found[0].start_mark.line + 1
        node = found[1]
    return line


def read_contract(path: Path) -> Contract:
    """One contract; raises `SettingsError` with file and line where it is wrong."""
    text = path.read_text(encoding="utf-8")
    try:
        node = yaml.compose(text, yaml.CSafeLoader)
        content = yaml.load(text, yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise SettingsError(
            f"not valid YAML: {error.problem}", where=f"{path}:{line}", cure="mend the line and run again"
        ) from error
    if node is None or not isinstance(content, dict):
        raise SettingsError(
            "a contract is a mapping that begins with source:",
            where=f"{path}:1",
            cure="see docs/reference/contracts.md",
        )
    try:
        return Contract.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        raise SettingsError(
            f"{where}: {message}" if where else message,
            where=f"{path}:{_line_of(node, first['loc'])}",
            cure="see docs/reference/contracts.md for what may stand there",
        ) from error


def read_contracts(folder: Path) -> list[Contract]:
    """All contracts of a project, by source name; two files may not claim one source."""
    contracts: dict[str, Contract] = {}
    for path in sorted(folder.glob("*.yml")):
        contract = read_contract(path)
        if contract.source in contracts:
            raise SettingsError(
                f"source '{contract.source}' is declared a second time", where=str(path), cure="give it another name"
            )
        contracts[contract.source] = contract
    return [contracts[name] for name in sorted(contracts)]
