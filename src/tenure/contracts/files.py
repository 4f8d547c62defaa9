"""Reads contracts from a project's `sources/*.yml`; errors name the file and the line."""

from pathlib import Path

from pydantic import ValidationError

from tenure.contracts.mistakes import mistakes
from tenure.contracts.model import Contract
from tenure.core.errors import SettingsError
from tenure.core.yaml_lines import read_yaml

_GUIDE = "see docs/reference/contracts.md for what may stand there"


def read_contract(path: Path) -> Contract:
    """One contract; raises `SettingsError` with file and line of everything in it that is wrong."""
    try:
        content = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise SettingsError("is not UTF-8 text", where=str(path), cure="save it as UTF-8") from error
    text = read_yaml(content, str(path), as_text=True)
    if not isinstance(text.content, dict):
        raise SettingsError(
            "a contract is a mapping that begins with source:",
            where=f"{path}:1",
            cure="see docs/reference/contracts.md",
        )
    try:
        return Contract.model_validate(text.content)
    except ValidationError as error:
        found = mistakes(error, text, Contract)
        where = f"{path}:{found[0][0]}"
        if len(found) == 1:
            raise SettingsError(found[0][1], where=where, cure=_GUIDE) from error
        lines = "".join(f"\n  line {line}: {message}" for line, message in found)
        raise SettingsError(f"{len(found)} mistakes{lines}", where=where, cure=_GUIDE) from error


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
